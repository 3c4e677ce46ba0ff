"""The time that a run keeps for its end, and the fits of the chosen recipes on all rows."""

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tabsmith.errors import ReportedError, WorkerError
from tabsmith.modeling.results import Evaluation, KeptReason, ModelReport, Refit
from tabsmith.runs import stages
from tabsmith.runs.controller import RunController
from tabsmith.runs.events import RunState
from tabsmith.runs.fits.executor import AllRowsFit, FitExecutor
from tabsmith.runs.pool import Pool, TimeUpError

if TYPE_CHECKING:
    from tabsmith.modeling.delivery import MeasuredModel
    from tabsmith.modeling.explanation.explain_model import Explained
    from tabsmith.modeling.training_data import TrainingData

MIN_MEASURING: Final = 1.5
MAX_MEASURING: Final = 45.0
MEASURING_SHARE: Final = 0.12
"""Share of a time limit, within the two bounds in seconds, for the ensemble and the hold-out."""

EXPLAINING_SHARE: Final = 0.04
EXPLAINING_SECONDS: Final = 20.0
"""For what explains the model: this share of a time limit, what the fits on all rows have left, and so long at the most."""

OVERRUN: Final = 1.5
"""Times the seconds for explaining, after which it is ended; a model goes out unexplained rather than late."""

SAVING_SECONDS: Final = 0.5
STOPPED_SECONDS: Final = 3.0
"""For the fits on all rows after a person has stopped the run."""

LIKELY_MEMBERS: Final = 4
"""So many of the best recipes are expected to be fitted again; of an ensemble's members the last ones weigh little."""

SPARE: Final = 1.4
"""Times as long as expected, that the fits on all rows may well take."""

MAX_SHARE: Final = 0.4
"""Share of a time limit that is kept for the end at the most, so that the search has the rest."""


def measuring_seconds(limit: float) -> float:
    """Seconds for putting the ensemble together and measuring it within a time limit of `limit` seconds, 0 for none."""
    return min(MAX_MEASURING, max(MIN_MEASURING, MEASURING_SHARE * limit)) if limit else MAX_MEASURING


def seconds_to_keep(
    data: "TrainingData", evaluations: Sequence[Evaluation], limit: float, cores: int, *, keep_measured: bool
) -> float:
    """Seconds of the time limit to keep for the end of the run, by what the recipes so far would take on all rows."""
    from tabsmith.modeling.refit import expected_seconds, times_rows

    best = sorted(evaluations, key=lambda each: -each.mean if data.metric.greater_is_better else each.mean)
    seconds = [expected_seconds(each, times_rows(data, each.recipe)) for each in best[:LIKELY_MEMBERS]]
    refits = 0.0 if keep_measured else SPARE * max(sum(seconds) / cores, max(seconds, default=0.0))
    wanted = measuring_seconds(limit) + refits + EXPLAINING_SHARE * limit + SAVING_SECONDS
    return min(MAX_SHARE * limit, wanted)


async def fit_on_all_rows(
    data: "TrainingData",
    report: ModelReport,
    evaluations: Sequence[Evaluation],
    root: Path,
    fits: FitExecutor,
    control: RunController,
    cores: int,
    kept: KeptReason,
) -> None:
    """Fit the recipes of the measured model again, on all rows, as far as there is time; the models lie below `root`.

    What an earlier worker has fitted is not fitted again, nor is anything for a model that is delivered already. A fit
    that fails, for want of memory say, costs that recipe its models of all rows and nothing else.
    """
    from tabsmith.modeling.refit import affordable_refits, is_done, plan_refits

    if report.delivery is not None:
        return
    left = control.seconds_left(EXPLAINING_SHARE * control.limits.seconds + SAVING_SECONDS)
    if kept == "stopped":
        left = min(left, STOPPED_SECONDS)
    planned = [refit for refit in plan_refits(data, report.members, evaluations) if not is_done(refit, root)]
    refits = affordable_refits(planned, left, cores)
    last = control.clock.seconds() + left
    threads = max(1, cores // max(1, min(cores, len(refits))))
    done = 0

    def seconds_left() -> float:
        return last - control.clock.seconds()

    async def fit(refit: Refit) -> None:
        nonlocal done
        with contextlib.suppress(TimeUpError, ReportedError, WorkerError):  # the recipe keeps the models of its folds
            await fits.fit_on_all_rows(AllRowsFit(refit, threads, seconds_left()), seconds_left=seconds_left)
        done += 1
        control.enter(RunState.FINISHING, f"fitting on all rows: {done} of {len(refits)}")

    if refits:
        control.enter(RunState.FINISHING, f"fitting on all rows: 0 of {len(refits)}")
    async with asyncio.TaskGroup() as group:
        for refit in refits:
            group.create_task(fit(refit))


async def explain_in_time(
    data: "TrainingData",
    evaluations: tuple[Evaluation, ...],
    root: Path,
    measured: "MeasuredModel",
    pool: Pool,
    control: RunController,
    cores: int,
) -> "Explained":
    """Return what explains the measured model, as far as there is time for it.

    Whatever goes wrong is said in the explanation: a model that is measured is delivered.
    """
    from tabsmith.modeling.explanation.explain_model import Explained
    from tabsmith.modeling.explanation.types import Explanation

    limit = control.limits.seconds
    seconds = min(EXPLAINING_SECONDS, max(EXPLAINING_SHARE * limit, control.seconds_left(SAVING_SECONDS)))
    last = control.clock.seconds() + OVERRUN * seconds
    control.enter(RunState.FINISHING, "explaining the model")
    try:
        return await pool.run(
            lambda _: stages.explain(data, evaluations, root, measured, seconds, cores),
            Explained,
            seconds_left=lambda: last - control.clock.seconds(),
        )
    except (ReportedError, WorkerError) as error:
        return Explained(explanation=Explanation(trouble=error.what))
