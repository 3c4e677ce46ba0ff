"""The end of a run: the ensemble measured, the hold-out scored once, the columns weighed, the model saved."""

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits

from tabsmith.families.estimator import Floats, Ints
from tabsmith.formatting import significant
from tabsmith.modeling import cross_validation, metrics, store
from tabsmith.modeling.baseline import best_constant, compare_with_baseline
from tabsmith.modeling.ensemble import BaggedMember, BaggedModel, Ensemble, FoldModel
from tabsmith.modeling.explanation.background import draw_background
from tabsmith.modeling.explanation.explain_model import MeasuredRows, explain_model
from tabsmith.modeling.explanation.learning_curve import measure_learning_curve
from tabsmith.modeling.model_files import ModelFile, StoredMember, is_member_file
from tabsmith.modeling.results import (
    Confusion,
    Evaluation,
    Holdout,
    ModelReport,
    ModelScore,
    Residuals,
    metrics_for,
)
from tabsmith.modeling.training_data import TrainingData
from tabsmith.text import plural

MAX_POINTS = 400
BINS = 20
MAX_LEVELS = 10_000  # of a category, kept with the model
EXPLANATION_SECONDS = 20.0
SAVING_SECONDS = 0.3
INTERVAL_SHARE = 0.3  # of the time that is left, for drawing intervals; the explanation takes the rest
INTERVAL_SECONDS = 5.0


class ReportHeader(msgspec.Struct, frozen=True):
    """What a report says of the run and the table, beside its numbers."""

    model_id: str
    run_id: str
    created_at: float  # seconds since 1970
    source: str  # the table in a few words
    fingerprint: str
    iterations: int
    tries: int
    seconds: float  # that the run has taken so far


def deliver_model(
    data: TrainingData,
    evaluations: Sequence[Evaluation],
    ensemble: Ensemble,
    run_folder: Path,
    header: ReportHeader,
    *,
    threads: int,
    deadline: float,
) -> ModelReport:
    """Score `ensemble` on the hold-out, save it as the model `header.model_id`, and return its report.

    The model averages the fold models that were measured; nothing is fitted again. `deadline` is a time of
    time.monotonic(): the importance of columns, which can take longest, ends there with the columns measured so far. A
    model that cannot be saved whole is not saved at all. Raises StorageError.
    """
    started = time.monotonic()
    with threadpool_limits(threads):
        members = _members(evaluations, ensemble, run_folder, len(data.folds))
        saving_seconds = SAVING_SECONDS + 2 * (time.monotonic() - started)  # about twice as long as loading took
        delivered = _delivered(data, members)
        intervals_end = time.monotonic() + INTERVAL_SHARE * (deadline - saving_seconds - time.monotonic())
        measured = measured_rows(data, delivered, ensemble)
        holdout, outcome = _measure(data, measured, intervals_end)
        end = min(deadline - saving_seconds, time.monotonic() + EXPLANATION_SECONDS)
        champion = _champion(data, evaluations)
        importance, explanation = explain_model(
            data,
            members,
            measured,
            deadline=end,
            learning_curve=lambda: measure_learning_curve(
                data, champion, run_folder, threads=threads, seconds_left=lambda: end - time.monotonic()
            ),
        )
    report = ModelReport(
        model_id=header.model_id,
        run_id=header.run_id,
        created_at=header.created_at,
        source=header.source,
        fingerprint=header.fingerprint,
        schema=data.schema,
        metric=data.metric,
        members=ensemble.members,
        champion=champion,
        cv_score=ensemble.score,
        cv_se=ensemble.standard_error,
        holdout=holdout,
        importance=importance,
        explanation=explanation,
        outcome=outcome,
        classes=data.labels.words(),
        train_rows=data.train_rows,
        iterations=header.iterations,
        tries=header.tries,
        seconds=header.seconds + time.monotonic() - started,
        notes=(*data.notes, *_caveats(holdout, header.tries, data)),
    )
    _save(data, evaluations, ensemble, run_folder, report)
    return report


def _caveats(holdout: Holdout | None, tries: int, data: TrainingData) -> tuple[str, ...]:
    """What the scores do not prove."""
    if holdout is None:
        return (
            f"The score is that of the best of {plural(tries, 'try', 'tries')} on the same rows, which flatters the model.",
        )
    baseline = holdout.baseline
    if baseline is None or baseline.beaten == "yes":
        return ()
    score = f"{data.metric.label} {significant(baseline.score)}"
    return (f"The test set does not show the model to beat the best constant prediction, which gets {score}.",)


def _folder(evaluations: Sequence[Evaluation], recipe_id: str, run_folder: Path) -> Path:
    return run_folder / next(item.folder for item in evaluations if item.recipe.id == recipe_id)


def _members(
    evaluations: Sequence[Evaluation], ensemble: Ensemble, run_folder: Path, folds: int
) -> tuple[BaggedMember, ...]:
    """The ensemble's fold models, all of them, in the folds' order."""
    members = []
    for member in ensemble.members:
        folder = _folder(evaluations, member.recipe.id, run_folder)
        models = tuple(FoldModel.load(cross_validation.fold_folder(folder, fold)) for fold in range(folds))
        members.append(BaggedMember(member.recipe, member.weight, models))
    return tuple(members)


def _delivered(data: TrainingData, members: Sequence[BaggedMember]) -> BaggedModel:
    return BaggedModel(
        tuple(
            BaggedMember(member.recipe, member.weight, tuple(member.models[fold] for fold in data.delivered_folds))
            for member in members
        )
    )


def _champion(data: TrainingData, evaluations: Sequence[Evaluation]) -> Evaluation:
    best = evaluations[0]
    for evaluation in evaluations[1:]:
        if data.metric.better(evaluation.mean, best.mean):
            best = evaluation
    return best


def measured_rows(data: TrainingData, delivered: BaggedModel, ensemble: Ensemble) -> MeasuredRows:
    """The hold-out with the predictions of `delivered`; where there is none, the training rows, out of fold."""
    if data.holdout_rows:
        return MeasuredRows(data.held_rows, data.held_y, delivered.predict(data.held_rows), data.held_positions)
    covered = np.flatnonzero(data.covered)
    return MeasuredRows(data.rows.take(covered), data.y[covered], ensemble.prediction[covered], data.positions[covered])


def _measure(data: TrainingData, rows: MeasuredRows, deadline: float) -> tuple[Holdout | None, Confusion | Residuals]:
    if not data.holdout_rows:
        return None, _outcome_of(data, rows.y, rows.prediction)
    prediction = rows.prediction
    measured = (data.metric, *(metric for metric in metrics_for(data.task) if metric != data.metric))
    end = min(deadline, time.monotonic() + INTERVAL_SECONDS)
    intervals = metrics.bootstrap_intervals(
        measured,
        data.held_y,
        prediction,
        data.classes,
        seed=data.seed,
        groups=data.holdout_basis.groups,
        enough=lambda: time.monotonic() >= end,
    )
    scores = tuple(
        ModelScore(metric, interval.score, interval.low, interval.high)
        for metric, interval in zip(measured, intervals, strict=True)
        if interval.score == interval.score
    )
    baseline = compare_with_baseline(
        data.metric,
        data.held_y,
        prediction,
        best_constant(data.metric, data.y, data.classes),
        data.classes,
        seed=data.seed,
        groups=data.holdout_basis.groups,
        enough=lambda: time.monotonic() >= end,
    )
    return Holdout(data.holdout_rows, scores, baseline), _outcome_of(data, data.held_y, prediction)


def _outcome_of(data: TrainingData, y: Ints | Floats, prediction: Floats) -> Confusion | Residuals:
    if data.task == "regression":
        return _residuals(np.asarray(y, dtype=np.float64), prediction[:, 0], data.seed)
    counts = np.zeros((data.classes, data.classes), dtype=np.int64)
    np.add.at(counts, (y.astype(np.int64), prediction.argmax(axis=1)), 1)
    return Confusion(data.labels.words(), tuple(tuple(row) for row in counts.tolist()))


def _residuals(truth: Floats, predicted: Floats, seed: int) -> Residuals:
    residuals = truth - predicted
    drawn = np.arange(len(truth))
    if len(drawn) > MAX_POINTS:
        drawn = np.sort(np.random.default_rng(seed).choice(len(truth), MAX_POINTS, replace=False))
    low, median, high = np.percentile(residuals, [25, 50, 75]).tolist()
    bins, _ = np.histogram(residuals, bins=BINS)
    return Residuals(
        truth=tuple(truth[drawn].tolist()),
        predicted=tuple(predicted[drawn].tolist()),
        quartiles=(low, median, high),
        bins=tuple(bins.tolist()),
        minimum=float(residuals.min()),
        maximum=float(residuals.max()),
    )


def _save(
    data: TrainingData, evaluations: Sequence[Evaluation], ensemble: Ensemble, run_folder: Path, report: ModelReport
) -> None:
    files: dict[str, Path] = {}
    stored = []
    scratch = {cross_validation.PREDICTIONS_FILE, cross_validation.ROWS_FILE, cross_validation.SCORE_FILE}
    for position, member in enumerate(ensemble.members):
        source = _folder(evaluations, member.recipe.id, run_folder)
        folders = []
        for fold in data.delivered_folds:
            folder = f"members/{position}-{member.recipe.id}/fold-{fold}"
            folders.append(folder)
            for path in sorted(cross_validation.fold_folder(source, fold).iterdir()):
                if path.name not in scratch:
                    assert is_member_file(path.name), path.name
                    files[f"{folder}/{path.name}"] = path
        stored.append(StoredMember(member.recipe, member.weight, tuple(folders)))
    background = draw_background(data.rows, seed=data.seed)
    store.save_model(report, ModelFile(data.labels.classes, tuple(stored), _training_levels(data), background), files)


def _training_levels(data: TrainingData) -> dict[str, tuple[str, ...]]:
    """The levels of each category among the training rows, sorted; by them new rows are told to hold others."""
    levels: dict[str, tuple[str, ...]] = {}
    for column in data.inputs:
        if column.kind == "category" and column.role == "feature":
            texts = data.rows.texts(column.name)
            present = np.unique(texts.codes[texts.codes >= 0]).tolist()
            if len(present) <= MAX_LEVELS:
                levels[column.name] = tuple(sorted(texts.levels[code] for code in present))
    return levels
