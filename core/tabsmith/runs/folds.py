"""The folds that a run keeps: what the disk has damaged is fitted again on resume, what is not needed goes at the end."""

import contextlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from tabsmith.modeling.results import ModelReport
from tabsmith.orchestration.events import Noted
from tabsmith.orchestration.loop_state import Trial
from tabsmith.runs.evaluator import FoldEvaluator
from tabsmith.runs.pool import Pool
from tabsmith.text import plural


class DamagedFolds(msgspec.Struct, frozen=True):
    """The scored iterations of a run of which folds are missing or damaged, with the number of those folds."""

    folds: dict[int, int]


def damaged_folds(trials: Sequence[Trial], root: Path) -> DamagedFolds:
    """Return which of the scored `trials` lack folds in the run's folder `root`, or have folds that are not as they were written."""
    from tabsmith.modeling.cross_validation import finished_folds

    damaged = {}
    for trial in trials:
        if trial.evaluation is None:
            continue
        whole = {score.fold for score in finished_folds(root / trial.evaluation.folder)}
        if missing := {score.fold for score in trial.evaluation.folds} - whole:
            damaged[trial.iteration] = len(missing)
    return DamagedFolds(damaged)


async def mend_folds(
    trials: Sequence[Trial], evaluator: FoldEvaluator, pool: Pool, root: Path, record: Callable[[Noted], None]
) -> None:
    """Fit again, to their end whatever the clock says, the folds of scored `trials` that are missing or damaged.

    The scores stay those of the journal: the same seed gives the same fold.
    """
    damaged = (await pool.run(lambda _: damaged_folds(trials, root), DamagedFolds)).folds
    for trial in trials:
        if trial.iteration not in damaged or trial.evaluation is None:
            continue
        folds = plural(damaged[trial.iteration], "damaged fold")
        record(Noted(message=f"{folds} of iteration {trial.iteration} fitted again", level="warning"))
        await evaluator.evaluate(trial.iteration, trial.evaluation.recipe, lambda _: None)
        evaluator.keep_time_for(())


def unneeded_folders(root: Path, report: ModelReport) -> tuple[Path, ...]:
    """Return the folders in the run's folder `root` that nothing reads once its model, the one of `report`, is saved.

    Of the members and the champion, the models of the folds stay where the saved model is one of all rows: it is
    explained with them.
    """
    refitted = report.delivery is not None and report.delivery.refitted > 0
    kept = {member.recipe.id for member in report.members} | {report.champion.recipe.id} if refitted else set()
    evaluations = [path for path in sorted(root.glob("evaluations/*")) if path.name.rsplit("-", 1)[-1] not in kept]
    refits = [root / "refits"] if (root / "refits").is_dir() else []
    return (*evaluations, *refits)


def trim_finished_run(root: Path, report: ModelReport) -> None:
    """Remove what the finished run no longer needs. What cannot be removed now is left to `tabsmith clean`."""
    for folder in unneeded_folders(root, report):
        with contextlib.suppress(OSError):
            shutil.rmtree(folder)
