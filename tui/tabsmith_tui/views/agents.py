"""The agents, their keys and the conditions at which runs stop, in lines. Pure: what was found is handed in."""

from types import MappingProxyType
from typing import Final

from tabsmith.agent_registry import AGENTS
from tabsmith.agents.backend import Availability
from tabsmith.agents.protocol import AgentName
from tabsmith.conditions import BUILT_IN, Condition, parse_condition
from tabsmith.errors import ConditionError
from tabsmith.presentation.labels import AVAILABILITIES
from tabsmith.presentation.spans import Line, Span, Tone, line, span
from tabsmith.text import plural
from tabsmith_tui.agent_settings import AgentSettingsForm, SettingEntry
from tabsmith_tui.condition_backtest import BacktestedIteration, StoredRun, backtest

_PLACES: Final = MappingProxyType[str, tuple[str, Tone]](
    {
        "environment": ("✔ in the environment", "good"),
        "file": ("✔ in the file of keys", "good"),
        "nowhere": ("not set", "dim"),
    }
)
_NEAR_MISSES: Final = 3  # iterations shown where a condition held in none


def availability(found: Availability) -> Span:
    """Glyph and word."""
    return AVAILABILITIES[found.usable].span


def agent_lines(found: Availability, desk: AgentSettingsForm, checked: Line = ()) -> tuple[Line, ...]:
    """The agent's description, its availability with the reason, the next step, the places of its keys, and what a check of its server
    said."""
    lines: list[Line] = [
        (Span(AGENTS[found.agent].description, "strong"),),
        (availability(found), Span(": "), span(found.why)),
    ]
    if found.next_step:
        here = " Or write it into the settings here." if "config set agents." in found.next_step else ""
        lines.append((Span("→ ", "accent"), span(found.next_step + here)))
    if checked:
        lines.append(checked)
    return (*lines, *_keys(found.agent, desk))


def _keys(agent: AgentName, desk: AgentSettingsForm) -> tuple[Line, ...]:
    if desk.keys_problem and agent in ("llm", "claude-code"):
        return (line(f"✘ {desk.keys_problem}", "bad"),)
    found = desk.keys.get(agent, ())
    if not found:
        return ((Span("Its login is its own; no key is needed here.", "dim"),),) if agent == "acp" else ()
    line_of_keys: Line = (Span("Keys: ", "dim"),)
    for place, key in enumerate(found):
        line_of_keys += (span(f"{', ' if place else ''}{key.variable} "), Span(*_PLACES[key.place]))
    where = f"They are read from the environment or from {desk.keys_file} (mode 600), and never typed in here."
    return (line_of_keys, line(where, "dim"))


def connection_line(place: str, trouble: str) -> Line:
    """The result of a check whether the server accepts connections."""
    if trouble:
        return (Span("✘ ", "bad"), span(f"{place} takes no connection: {trouble}", "bad"))
    return (Span("✔ ", "good"), span(f"{place} takes connections; nothing was asked of it"))


def environment_note(entry: SettingEntry) -> str:
    """Why a value cannot be changed here."""
    return f"Given by the environment variable {entry.variable}, which overrides the file: change it there."


def condition_meaning(text: str) -> tuple[str, str]:
    """The two texts beside a condition: how often it stops a run, and the meaning of a built-in condition."""
    try:
        condition = parse_condition(text)
    except ConditionError as error:
        return "never", error.what
    once = "once" if condition.running else "each time"
    return once, BUILT_IN[condition.name].meaning if condition.name else ""


def parsed_condition(text: str) -> tuple[Condition | None, tuple[Line, ...]]:
    """The condition that was typed, and what is said below it: how often it stops, or what is wrong and where."""
    if not text.strip():
        return None, (line("Write a condition, such as quality < 0.5 and iteration > 3.", "dim"),)
    try:
        condition = parse_condition(text)
    except ConditionError as error:
        said = (span(f"✘ {error.what}", "bad"), span(f"  {error.where}" if error.where else "", "dim"))
        return None, (said, line(error.next_step, "dim"))
    often = (
        "stops a run once, when it becomes true"
        if condition.running
        else "stops a run in every iteration in which it is true"
    )
    stands_for = f" ({condition.text}): {BUILT_IN[condition.name].meaning}" if condition.name else ""
    return condition, ((Span("✔ ", "good"), span(f"understood: {often}")), line(condition.name + stands_for, "dim"))


def condition_trial(condition: Condition | None, stored: StoredRun | None) -> tuple[Line, ...]:
    """The iterations at which the condition would have stopped the run, with the values; if there are none, the last values."""
    if stored is None:
        return (line("There is no run yet with numbers to try it on.", "dim"),)
    if not stored.facts:
        return (line("None of this run's iterations is over: nothing to try it on.", "dim"),)
    if condition is None:
        return (line(f"{plural(len(stored.facts), 'iteration')} to try it on.", "dim"),)
    outcomes = backtest(condition, stored.facts)
    stops = sum(each.fires for each in outcomes)
    summary = f"Stops the run at {stops} of {plural(len(outcomes), 'iteration')}."
    told = [outcome for outcome in outcomes if outcome.fires or not outcome.computed]
    lines = [(Span(summary, "strong"),), *map(_iteration, told)]
    if not told:
        lines += [(Span("The last values:", "dim"),), *map(_iteration, outcomes[-_NEAR_MISSES:])]
    return tuple(lines)


def _iteration(iteration: BacktestedIteration) -> Line:
    word, tone = _came_of(iteration)
    return Span(f"#{iteration.iteration:<4}", "dim"), Span(f"{word:<8}", tone), span(iteration.why)


def _came_of(iteration: BacktestedIteration) -> tuple[str, Tone]:
    if not iteration.computed:
        return "no value", "bad"
    return ("stops", "warn") if iteration.fires else ("goes on", "dim")
