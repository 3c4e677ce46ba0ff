"""A condition on the stored iterations of a run: where it would stop, and with which values."""

from typing import Final

import msgspec

from tabsmith.conditions.expression import Condition
from tabsmith.conditions.metrics import IterationMetrics
from tabsmith.orchestration.human.breakpoints import Breakpoints

_LOOKED_AT: Final = 20  # runs; older ones can be chosen


class BacktestedIteration(msgspec.Struct, frozen=True):
    """What a condition makes of an iteration: `held` is whether it was true, `fires` whether the run would have stopped
    for it, `why` its text with the values filled in; `computed` is false where it had no value."""

    iteration: int
    fires: bool
    held: bool
    computed: bool
    why: str


class StoredRun(msgspec.Struct, frozen=True):
    """A run to try conditions on: its id, what it is about, and the numbers of its iterations that are over."""

    run_id: str
    subject: str
    facts: dict[int, IterationMetrics]


def stored_facts(run_id: str) -> dict[int, IterationMetrics]:
    """The numbers of the run's finished iterations, by iteration."""
    from tabsmith.runs.watch import RunWatch

    return {each.iteration: each.facts for each in RunWatch(run_id).refresh().trials if each.facts is not None}


def stored_run(run_id: str) -> StoredRun:
    """The run to try conditions on; without numbers when none of its iterations is over."""
    from tabsmith.runs.watch import summarize

    summary = summarize(run_id)
    subject = f"{summary.source} → {summary.target}" if summary.target else summary.source
    return StoredRun(run_id, subject, stored_facts(run_id))


def newest_stored() -> StoredRun | None:
    """The newest run that has numbers to try on; None when there is none. A run that cannot be read is passed over."""
    from tabsmith.errors import TabsmithError
    from tabsmith.runs.folder import run_ids

    for run_id in run_ids()[:_LOOKED_AT]:
        try:
            found = stored_run(run_id)
        except TabsmithError:
            continue  # the list of runs says what is wrong with it
        if found.facts:
            return found
    return None


def backtest(condition: Condition, stored: dict[int, IterationMetrics]) -> tuple[BacktestedIteration, ...]:
    """The condition on every stored iteration, in order, as the run itself would have looked at them."""
    breakpoints = Breakpoints([condition.name or condition.text])
    outcomes: list[BacktestedIteration] = []
    for number, facts in sorted(stored.items()):
        outcome = condition.holds(facts)
        fires = bool(breakpoints.check(facts))
        outcomes.append(BacktestedIteration(number, fires, outcome.held, outcome.computed, outcome.why))
    return tuple(outcomes)
