"""The agents and the ways of asking, as options of the model step: with a mark, or with the reason why not."""

from typing import Final

from tabsmith.agents.protocol import AgentName
from tabsmith.text import clean
from tabsmith.workflow.drafts import Defaults, FieldName
from tabsmith.workflow.fields import Fact, Option
from tabsmith.workflow.session import WorkflowSession

_AGENTS: Final[dict[AgentName, str]] = {
    "search": "search, without a language model",
    "llm": "a language model",
    "claude-code": "Claude Code",
    "acp": "an ACP agent",
}

MODE_OPTIONS: Final = (
    Option("confirm", "when something happens", "at breakpoints and spent budgets"),
    Option("automatic", "never", "breakpoints are noted; a spent budget ends the run"),
    Option("manual", "before every recipe", "that a model proposes; and when something happens"),
)


def breakpoint_facts(session: WorkflowSession) -> tuple[Fact, ...]:
    """Where a run with this agent stops and asks, or notes it."""
    conditions = session.defaults.breakpoints
    if session.draft(FieldName.AGENT) == "search" or not conditions:
        return ()
    return (Fact("Breakpoints", clean(", ".join(conditions), 300), "agents.breakpoints of the settings"),)


def agent_options(defaults: Defaults) -> tuple[Option, ...]:
    """Every agent of which something can be said here; those that cannot be used say why."""
    known = [name for name in _AGENTS if name in defaults.agents or name in defaults.why_not]
    return tuple(_option(name, defaults, alone=len(known) == 1) for name in known)


def _option(name: AgentName, defaults: Defaults, *, alone: bool) -> Option:
    reason = defaults.why_not.get(name, "")
    if reason:
        return Option(name, _AGENTS[name], f"✘ {clean(reason, 200)}")
    return Option(name, _AGENTS[name], "" if alone else "✔ can be used")
