"""A saved model explained again, as long as it takes: what the end of its run had no time for is measured and saved."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tabsmith.errors import ExplanationError, RunNotFoundError, TableChangedError
from tabsmith.modeling import store
from tabsmith.modeling.model_files import ModelFile
from tabsmith.modeling.results import ModelReport
from tabsmith.processes import available_cores
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.pool import Progress
from tabsmith.runs.spec import RunSpec
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.sources import TasksSource

if TYPE_CHECKING:
    from tabsmith.modeling.ensemble import BaggedMember
    from tabsmith.modeling.explanation.explain_model import MeasuredRows
    from tabsmith.modeling.training_data import TrainingData

_TOLERANCE: Final = 1e-5  # relative, by which the score on the test set may differ when it is measured again


def explain_saved_model(model_id: str, progress: Progress, *, seconds: float = math.inf) -> ModelReport:
    """Measure what explains the model `model_id` within `seconds`, save its report anew, and return that.

    The rows are set apart again as they were for training, from the table's snapshot, or from its source where the
    snapshot was cleared away. Raises ExplanationError if that cannot be done: the table or the fold models are gone, or the
    score on the test set is not what it was; ModelNotFoundError, ModelDamagedError and StorageError.
    """
    from threadpoolctl import threadpool_limits

    from tabsmith.modeling.explanation.background import draw_background
    from tabsmith.modeling.explanation.explain_model import explain_model
    from tabsmith.modeling.explanation.learning_curve import measure_learning_curve

    deadline = time.monotonic() + seconds
    report = store.read_report(model_id)
    run = _find_run(report.run_id)
    progress(-1.0, "setting the rows apart as they were")
    data = _training_data(report, run)
    threads = available_cores()
    with threadpool_limits(threads):
        folders = _measured_folds(report, data, run)
        folds = sorted(
            set.intersection(*(set(of_member) for of_member in folders))
        )  # of which every member has a model
        members = _members(report, folders, folds)
        of_folds = replace(data, folds=tuple(data.folds[fold] for fold in folds))
        measured = _measured_rows(data, of_folds, members, [folds.index(fold) for fold in data.delivered_folds])
        _require_same_score(report, data, measured)
        progress(-1.0, "measuring what explains the model")
        importance, explanation = explain_model(
            of_folds,
            members,
            measured,
            deadline=deadline,
            learning_curve=lambda: measure_learning_curve(
                data,
                report.champion,
                None if run is None else run.root,
                threads=threads,
                seconds_left=lambda: deadline - time.monotonic(),
            ),
        )
    explained = msgspec.structs.replace(report, importance=importance, explanation=explanation)
    store.update_model(explained, draw_background(data.rows, seed=data.seed))
    return explained


def _find_run(run_id: str) -> RunFolder | None:
    """The run that trained the model; None if it was deleted."""
    try:
        return RunFolder(run_id)
    except RunNotFoundError:
        return None


def _training_data(report: ModelReport, run: RunFolder | None) -> "TrainingData":
    from tabsmith.modeling.training_data import prepare_training_data
    from tabsmith.runs.stages import prepare
    from tabsmith.tables import snapshot_store
    from tabsmith.tables.snapshot import load_frame

    spec = None if run is None else run.spec()
    info = snapshot_store.load_info(report.fingerprint) or _read_again(report, spec)
    if spec is not None:
        return prepare(info, report.schema, report.metric, spec)
    wanted = tuple(column.name for column in report.schema.columns if column.role != "ignore")
    return prepare_training_data(load_frame(info, wanted), report.schema, report.metric, seed=report.seed)


def _read_again(report: ModelReport, spec: RunSpec | None) -> TableInfo:
    from tabsmith.runs.stages import read, require_same

    gone = ExplanationError(
        "The table that the model was trained on is no longer kept.",
        where=report.source,
        next_step="Train the model again to have it explained.",
    )
    if spec is None or isinstance(spec.source, TasksSource):
        raise gone
    try:
        info = read(spec.source, lambda _share, _message: None)
        require_same(info, report.fingerprint)
    except TableChangedError as error:
        raise gone from error
    return info


def _measured_folds(report: ModelReport, data: "TrainingData", run: RunFolder | None) -> list[dict[int, Path]]:
    """The folders of each member's fold models that were measured, by fold; of all folds if the run is still there."""
    folder = store.model_folder(report.model_id)
    found = _run_folds(report, run, len(data.folds)) or _saved_folds(store.read_model_file(folder), folder)
    if not all(set(data.delivered_folds) <= set(folds) <= set(range(len(data.folds))) for folds in found):
        raise ExplanationError(
            "The fold models that were measured are no longer there.",
            where=str(folder),
            next_step="Train the model again to have it explained.",
        )
    return found


def _members(report: ModelReport, folders: list[dict[int, Path]], folds: Sequence[int]) -> "tuple[BaggedMember, ...]":
    """The members with the models of `folds`, in that order."""
    from tabsmith.modeling.cross_validation import FoldModel
    from tabsmith.modeling.ensemble import BaggedMember

    return tuple(
        BaggedMember(member.recipe, member.weight, tuple(FoldModel.load(of_member[fold]) for fold in folds))
        for member, of_member in zip(report.members, folders, strict=True)
    )


def _run_folds(report: ModelReport, run: RunFolder | None, count: int) -> list[dict[int, Path]]:
    """The folders of each member's fold models, by fold, below the run's folder; empty unless all are there."""
    from tabsmith.modeling.cross_validation import finished_folds, fold_folder

    found: list[dict[int, Path]] = []
    for member in report.members if run is not None else ():
        assert run is not None
        for path in sorted(run.root.glob(f"evaluations/*-{member.recipe.id}")):
            if len(finished_folds(path)) == count:
                found.append({fold: fold_folder(path, fold) for fold in range(count)})
                break
    return found if len(found) == len(report.members) else []


def _saved_folds(file: ModelFile, folder: Path) -> list[dict[int, Path]]:
    """The folders of the fold models that were saved with the model; a member that was fitted on all rows has none."""
    return [
        {
            int(name.rsplit("-", 1)[1]): folder / name
            for name in member.folders
            if name.rsplit("/", 1)[1].startswith("fold-")
        }
        for member in file.members
    ]


def _measured_rows(
    data: "TrainingData", of_folds: "TrainingData", members: "tuple[BaggedMember, ...]", measured: Sequence[int]
) -> "MeasuredRows":
    """The hold-out as the models at `measured` predict it, or where there is none the training rows, out of fold."""
    import numpy as np

    from tabsmith.modeling.ensemble import BaggedModel
    from tabsmith.modeling.explanation.explain_model import MeasuredRows
    from tabsmith.modeling.explanation.out_of_fold import draw_sample

    if data.holdout_rows:
        model = BaggedModel(
            tuple(replace(member, models=tuple(member.models[place] for place in measured)) for member in members)
        )
        return MeasuredRows(data.held_rows, data.held_y, model.predict(data.held_rows), data.held_positions)
    sample = draw_sample(of_folds, members, data.train_rows, np.random.default_rng(data.seed))
    return MeasuredRows(sample.rows, sample.y, sample.predict(sample.rows), data.positions[sample.positions])


def _require_same_score(report: ModelReport, data: "TrainingData", measured: "MeasuredRows") -> None:
    """Raise ExplanationError unless the model scores on the test set what it scored before: then the rows are the same."""
    from tabsmith.modeling.metrics import score

    if report.holdout is None or not report.holdout.scores:
        return
    before = report.holdout.scores[0].score
    now = score(data.metric, measured.y, measured.prediction, data.classes)
    if len(measured.y) != report.holdout.rows or not math.isclose(now, before, rel_tol=_TOLERANCE):
        raise ExplanationError(
            f"The rows cannot be set apart as they were: {data.metric.label} on the test set was {before:.6g}, now it is {now:.6g}.",
            where=report.model_id,
            next_step="Train the model again to have it explained.",
        )
