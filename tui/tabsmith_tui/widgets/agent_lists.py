"""The lists of the agents' screen: the agents with their states, and the conditions at which runs stop."""

from collections.abc import Sequence

from tabsmith.agents.availability import Availability
from tabsmith.agents.protocol import AgentName
from tabsmith_tui.views import agents as view
from tabsmith_tui.widgets.drawing import STYLES
from tabsmith_tui.widgets.literal import literal, words
from tabsmith_tui.widgets.menu import Group, Item, Menu


class AgentList(Menu):
    """The four agents."""

    HELP = (
        "The agents that can propose recipes. ✔ usable: all that can be seen of it is here. ? unknown: only its own "
        "program knows whether it is logged in. ✘ not usable: something is missing, which is said below."
    )

    def show(self, found: Sequence[Availability], default: AgentName) -> None:
        """Show these; the cursor stays on its agent."""
        self.put([Group("", tuple(_agent(each, default) for each in found))])


class ConditionList(Menu):
    """The conditions at which runs stop and ask."""

    HELP = "Breakpoints: after every iteration of an agent they are looked at; one that is true stops the run and asks."

    def show(self, conditions: Sequence[str]) -> None:
        """Show these; the cursor stays on its condition."""
        self.put([Group("", tuple(map(_condition, conditions)), grow=2)])


def _agent(found: Availability, default: AgentName) -> Item:
    chosen = found.agent == default
    state = view.usable(found)
    mark = ("◉ ", "$accent") if chosen else ("○ ", "$quiet")
    return Item(
        found.agent,
        (
            words(mark, found.agent),
            words((state.text, STYLES[state.tone])),
            words(("default" if chosen else "", "$accent")),
        ),
    )


def _condition(text: str) -> Item:
    often, meaning = view.meaning(text)
    return Item(text, (literal(text, 300), literal(often, 20), literal(meaning, 200, "$quiet")))
