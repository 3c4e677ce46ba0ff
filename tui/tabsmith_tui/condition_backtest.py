"""A backtest of a condition on the stored iterations of a run: where it would have paused the run, and why."""

from typing import Final

import msgspec

from tabsmith.conditions import Condition, IterationMetrics
from tabsmith.orchestration.human_review import Breakpoints

_NEWEST_RUNS: Final = 20  # searched for one with metrics; older runs can be chosen


class BacktestedIteration(msgspec.Struct, frozen=True):
    """A condition on one iteration: `held` is whether it was true, `fires` whether it would have paused the run, `why`
    its text with the values filled in; `computed` is false if it had no value."""

    iteration: int
    fires: bool
    held: bool
    computed: bool
    why: str


class StoredRun(msgspec.Struct, frozen=True):
    """A run to try conditions on: its id, its table and target, and the metrics of its finished iterations."""

    run_id: str
    subject: str
    facts: dict[int, IterationMetrics]


def stored_facts(run_id: str) -> dict[int, IterationMetrics]:
    """Return the metrics of the run's finished iterations, by iteration."""
    from tabsmith.runs.watch import RunWatch

    trials = RunWatch(run_id).refresh().trials
    return {trial.iteration: trial.facts for trial in trials if trial.facts is not None}


def stored_run(run_id: str) -> StoredRun:
    """Read a run to try conditions on; it has no metrics if none of its iterations is finished."""
    from tabsmith.runs.watch import summarize

    summary = summarize(run_id)
    subject = f"{summary.source} → {summary.target}" if summary.target else summary.source
    return StoredRun(run_id, subject, stored_facts(run_id))


def newest_stored() -> StoredRun | None:
    """Return the newest run with metrics, or None. Unreadable runs are skipped."""
    from tabsmith.errors import TabsmithError
    from tabsmith.runs.folder import run_ids

    for run_id in run_ids()[:_NEWEST_RUNS]:
        try:
            run = stored_run(run_id)
        except TabsmithError:
            continue  # the list of runs shows its problem
        if run.facts:
            return run
    return None


def backtest(condition: Condition, stored: dict[int, IterationMetrics]) -> tuple[BacktestedIteration, ...]:
    """Evaluate the condition on every stored iteration, in order, as the run would have done."""
    breakpoints = Breakpoints([condition.name or condition.text])
    outcomes: list[BacktestedIteration] = []
    for number, facts in sorted(stored.items()):
        outcome = condition.holds(facts)
        fires = bool(breakpoints.check(facts))
        outcomes.append(BacktestedIteration(number, fires, outcome.held, outcome.computed, outcome.why))
    return tuple(outcomes)
