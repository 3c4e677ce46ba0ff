"""A saved model explained again, as long as it takes: what the end of its run had no time for is measured and saved.

Imports the numerical libraries; a command imports this module when it is asked for.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import numpy as np

from tabsmith.errors import ExplanationError, PathError, RunNotFoundError, TableChangedError
from tabsmith.families.threads import limit_threads
from tabsmith.modeling import metrics, store
from tabsmith.modeling.cross_validation import FoldModel, finished_folds, fold_folder
from tabsmith.modeling.decisions.calibration import calibrate
from tabsmith.modeling.decisions.types import Decisions
from tabsmith.modeling.ensemble import BaggedMember, BaggedModel
from tabsmith.modeling.explanation.background import draw_background
from tabsmith.modeling.explanation.explain_model import MeasuredRows, explain_model, holdout_rows
from tabsmith.modeling.explanation.learning_curve import measure_learning_curve
from tabsmith.modeling.explanation.out_of_fold import draw_sample
from tabsmith.modeling.holdout.table import HoldoutTable
from tabsmith.modeling.large_tables.whole_table import draw_rows
from tabsmith.modeling.model_files import ModelFile
from tabsmith.modeling.results import ModelReport
from tabsmith.modeling.training_data import TrainingData, WholeTable, prepare_training_data
from tabsmith.processes import available_cores
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.pool import Progress
from tabsmith.runs.spec import RunSpec
from tabsmith.runs.stages import holdout_table, read, read_holdout, require_same, require_same_holdout
from tabsmith.tables import snapshot_store
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.sources import TasksSource
from tabsmith.tables.snapshot import load_frame

_TOLERANCE: Final = 1e-5  # relative, by which the score on the test set may differ when it is measured again

_FoldFolders: TypeAlias = Sequence[dict[int, Path]]
"""For each member, the folders of its fold models by fold."""


def explain_saved_model(model: str, progress: Progress, *, seconds: float = math.inf) -> ModelReport:
    """Measure what explains the model with the id or alias `model` within `seconds`, save its report anew, and return it.

    The rows are set apart again as they were for training, from the table's snapshot, or from its source where the
    snapshot was cleared away. Raises ExplanationError if that cannot be done: the table or the fold models are gone, or the
    score on the test set is not what it was; ModelNotFoundError, ModelDamagedError and StorageError.
    """
    deadline = time.monotonic() + seconds
    report = store.read_report(model)
    run = find_run(report.run_id)
    progress(-1.0, "setting the rows apart as they were")
    data = training_data_of(report, run)
    threads = available_cores()
    with limit_threads(threads):
        folder = store.model_folder(report.model_id)
        file = store.read_model_file(folder)
        folders = _run_folds(report, run, len(data.folds)) or _saved_folds(file, folder)
        folds = _shared_folds(folders, data, folder)
        of_folds = replace(data, folds=tuple(data.folds[fold] for fold in folds))
        members = _load_members(report, folders, folds)
        measured = _measured_rows(data, of_folds, members, folds, file.decisions)
        _require_same_score(report, data, measured)
        progress(-1.0, "measuring what explains the model")
        explained = explain_model(
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
    report = msgspec.structs.replace(report, importance=explained.importance, explanation=explained.explanation)
    store.update_model(report, draw_background(data.rows, seed=data.seed))
    return report


# The rows ----------------------------------------------------------------------------------------------------------


def find_run(run_id: str) -> RunFolder | None:
    """The run that trained the model; None if it was deleted."""
    try:
        return RunFolder(run_id)
    except RunNotFoundError:
        return None


def training_data_of(report: ModelReport, run: RunFolder | None) -> TrainingData:
    """The rows as they were set apart for training, from the table's snapshot or its source; so too a test set of its own.

    Raises ExplanationError if a table is gone or has changed.
    """
    spec = None if run is None else run.spec()
    info = snapshot_store.load_info(report.fingerprint) or _read_again(report, spec)
    wanted = tuple(column.name for column in report.schema.columns if column.role != "ignore")
    sample = report.sample
    drawn = None if sample is None else draw_rows(sample)
    data = prepare_training_data(
        load_frame(info, wanted, drawn),
        report.schema,
        report.metric,
        seed=report.seed if spec is None else spec.choice.seed,
        holdout_table=_own_holdout(report, spec),
        folds_in_time=report.folds or 1 + max(fold.fold for fold in report.champion.folds),
    )
    if sample is None or drawn is None:
        return data
    return data.sampled(WholeTable(info, sample, in_batches=True), drawn)


def _read_again(report: ModelReport, spec: RunSpec | None) -> TableInfo:
    gone = _gone("The table that the model was trained on is no longer kept.", report.source)
    if spec is None or isinstance(spec.source, TasksSource):
        raise gone
    try:
        info = read(spec.source, lambda _share, _message: None)
        require_same(info, report.fingerprint)
    except TableChangedError as error:
        raise gone from error
    return info


def _own_holdout(report: ModelReport, spec: RunSpec | None) -> HoldoutTable | None:
    """The person's own table that the model was measured on; None where the test set is rows of the training table."""
    holdout = report.holdout
    if holdout is None or not holdout.fingerprint:
        return None
    info = snapshot_store.load_info(holdout.fingerprint)
    if info is None:
        gone = _gone("The table that the model was measured on is no longer kept, or has changed.", holdout.source)
        if spec is None or spec.test is None:
            raise gone
        try:
            info = read_holdout(spec.test, report.schema, lambda _share, _message: None)
            require_same_holdout(info, holdout.fingerprint)
        except (TableChangedError, PathError) as error:
            raise gone from error
    return holdout_table(info)


def _gone(what: str, table: str) -> ExplanationError:
    return ExplanationError(what, where=table, next_step="Train the model again.")


def _measured_rows(
    data: TrainingData,
    of_folds: TrainingData,
    members: tuple[BaggedMember, ...],
    folds: Sequence[int],
    decisions: Decisions,
) -> MeasuredRows:
    """The hold-out as the measured model predicts it, or where there is none the training rows, out of fold.

    `members` hold the models of `folds`, which `of_folds` has.
    """
    if data.holdout_rows:
        places = [folds.index(fold) for fold in data.delivered_folds]
        model = BaggedModel(
            tuple(replace(member, models=tuple(member.models[place] for place in places)) for member in members)
        )
        prediction = calibrate(decisions.calibration, model.predict(data.held_rows))
        return holdout_rows(data, prediction, decisions)
    generator = np.random.default_rng(data.seed)
    sample = draw_sample(of_folds, members, data.train_rows, generator, decisions.calibration)
    positions = data.positions[sample.positions]
    return MeasuredRows(sample.rows, sample.y, sample.predict(sample.rows), positions, decisions)


def _require_same_score(report: ModelReport, data: TrainingData, measured: MeasuredRows) -> None:
    """Raise ExplanationError unless the model scores on the test set what it scored before: then the rows are the same."""
    if report.holdout is None or not report.holdout.scores:
        return
    before = report.holdout.scores[0].score
    now = metrics.score(report.metric, measured.y, measured.prediction, data.classes, data.holdout_weights)
    if len(measured.y) != report.holdout.rows or not math.isclose(now, before, rel_tol=_TOLERANCE):
        scores = f"{report.metric.label} on the test set was {before:.6g}, now it is {now:.6g}"
        raise ExplanationError(
            f"The rows cannot be set apart as they were: {scores}.",
            where=report.model_id,
            next_step="Train the model again to have it explained.",
        )


# The fold models ---------------------------------------------------------------------------------------------------


def _run_folds(report: ModelReport, run: RunFolder | None, count: int) -> _FoldFolders:
    """The fold models that the run left of the members, all `count` of each; none unless all are there."""
    if run is None:
        return ()
    found = []
    for member in report.members:
        whole = [
            path
            for path in sorted(run.root.glob(f"evaluations/*-{member.recipe.id}"))
            if len(finished_folds(path)) == count
        ]
        if not whole:
            return ()
        found.append({fold: fold_folder(whole[0], fold) for fold in range(count)})
    return found


def _saved_folds(file: ModelFile, folder: Path) -> _FoldFolders:
    """The fold models that were saved with the model; a member that was fitted on all rows has none."""
    return [
        {
            int(name.rsplit("-", 1)[1]): folder / name
            for name in member.folders
            if name.rsplit("/", 1)[1].startswith("fold-")
        }
        for member in file.members
    ]


def _shared_folds(folders: _FoldFolders, data: TrainingData, model_folder: Path) -> list[int]:
    """The folds of which every member has a model. Raises ExplanationError unless those measured are among them."""
    shared = set.intersection(*(set(of_member) for of_member in folders))
    if not set(data.delivered_folds) <= shared <= set(range(len(data.folds))):
        raise ExplanationError(
            "The fold models that were measured are no longer there: the model was fitted on all rows, and its run deleted.",
            where=str(model_folder),
            next_step="Train the model again to have it explained.",
        )
    return sorted(shared)


def _load_members(report: ModelReport, folders: _FoldFolders, folds: Sequence[int]) -> tuple[BaggedMember, ...]:
    """The members with the models of `folds`, in that order."""
    return tuple(
        BaggedMember(member.recipe, member.weight, tuple(FoldModel.load(of_member[fold]) for fold in folds))
        for member, of_member in zip(report.members, folders, strict=True)
    )
