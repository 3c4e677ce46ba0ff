"""The end of a run: the ensemble measured, the hold-out scored once, the columns weighed, the model saved."""

import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np
from threadpoolctl import threadpool_limits

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling import cross_validation, metrics, store
from tabsmith.modeling.baseline import best_constant, compare_with_baseline
from tabsmith.modeling.ensemble import BaggedMember, BaggedModel, Ensemble, FoldModel
from tabsmith.modeling.importance import importance
from tabsmith.modeling.model_files import ModelFile, StoredMember, is_member_file
from tabsmith.modeling.results import (
    ColumnImportance,
    Confusion,
    Evaluation,
    Holdout,
    ModelReport,
    ModelScore,
    Residuals,
)
from tabsmith.modeling.training_data import TrainingData
from tabsmith.text import figure, plural

MOST_POINTS = 400
BINS = 20
IMPORTANCE_SECONDS = 20.0
SAVING_SECONDS = 0.3
INTERVAL_SHARE = 0.3  # of the time that is left, for drawing intervals; the importance of columns takes the rest
INTERVAL_SECONDS = 5.0


class ReportHeader(msgspec.Struct, frozen=True):
    """What a report says beside its numbers."""

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
    about: ReportHeader,
    *,
    threads: int,
    deadline: float,
) -> ModelReport:
    """Score `ensemble` on the hold-out, save it as the model `about.model_id`, and return its report.

    The model is the bag of the fold models that were measured; nothing is fitted again. `deadline` is a time of
    time.monotonic(): the importance of columns, which can take longest, ends there with what it has. A model that was
    not saved whole is not there at all. Raises StorageError.
    """
    started = time.monotonic()
    with threadpool_limits(threads):
        members = _members(evaluations, ensemble, run_folder, len(data.folds))
        saving = SAVING_SECONDS + 2 * (time.monotonic() - started)  # about as long again as loading took
        delivered = _delivered(data, members)
        drawing = time.monotonic() + INTERVAL_SHARE * (deadline - saving - time.monotonic())
        holdout, outcome = _measure(data, delivered, ensemble, drawing)
        end = min(deadline - saving, time.monotonic() + IMPORTANCE_SECONDS)
        weighed: tuple[ColumnImportance, ...] = importance(
            data, members, seed=data.seed, enough=lambda: time.monotonic() >= end
        )
    report = ModelReport(
        model_id=about.model_id,
        run_id=about.run_id,
        created_at=about.created_at,
        source=about.source,
        fingerprint=about.fingerprint,
        schema=data.schema,
        metric=data.metric,
        members=ensemble.members,
        champion=_champion(data, evaluations),
        cv_score=ensemble.score,
        cv_se=ensemble.standard_error,
        holdout=holdout,
        importance=weighed,
        outcome=outcome,
        classes=data.labels.words(),
        train_rows=data.train_rows,
        iterations=about.iterations,
        tries=about.tries,
        seconds=about.seconds + time.monotonic() - started,
        notes=(*data.notes, *_claims(holdout, about.tries, data), *_cut_short(data, weighed)),
    )
    _save(data, evaluations, ensemble, run_folder, report)
    return report


def _claims(holdout: Holdout | None, tries: int, data: TrainingData) -> tuple[str, ...]:
    """What the scores do not prove, in words."""
    if holdout is None:
        return (
            f"The score is of the best of {plural(tries, 'try', 'tries')} on the same rows: it flatters the model.",
        )
    chance = holdout.baseline
    if chance is None or chance.beaten == "yes":
        return ()
    said = f"the best constant answer gets {data.metric.label} {figure(chance.score)} on the hold-out"
    return (f"No better than a guess as far as the hold-out shows: {said}.",)


def _cut_short(data: TrainingData, weighed: tuple[ColumnImportance, ...]) -> tuple[str, ...]:
    """What there was no time for."""
    columns = sum(column.kind != "constant" for column in data.inputs)
    if len(weighed) >= columns:
        return ()
    return (f"There was time to weigh {len(weighed)} of {columns} columns.",)


def _folder(evaluations: Sequence[Evaluation], recipe_id: str, run_folder: Path) -> Path:
    return run_folder / next(each.folder for each in evaluations if each.recipe.id == recipe_id)


def _members(
    evaluations: Sequence[Evaluation], ensemble: Ensemble, run_folder: Path, folds: int
) -> tuple[BaggedMember, ...]:
    """The ensemble's fold models, all of them, in the folds' order."""
    made = []
    for member in ensemble.members:
        folder = _folder(evaluations, member.recipe.id, run_folder)
        models = tuple(FoldModel.load(cross_validation.fold_folder(folder, fold)) for fold in range(folds))
        made.append(BaggedMember(member.recipe, member.weight, models))
    return tuple(made)


def _delivered(data: TrainingData, members: Sequence[BaggedMember]) -> BaggedModel:
    return BaggedModel(
        tuple(
            BaggedMember(member.recipe, member.weight, tuple(member.models[fold] for fold in data.delivered_folds))
            for member in members
        )
    )


def _champion(data: TrainingData, evaluations: Sequence[Evaluation]) -> Evaluation:
    best = evaluations[0]
    for each in evaluations[1:]:
        if data.metric.better(each.mean, best.mean):
            best = each
    return best


def _measure(
    data: TrainingData, delivered: BaggedModel, ensemble: Ensemble, deadline: float
) -> tuple[Holdout | None, Confusion | Residuals]:
    if not data.holdout_rows:
        covered = data.covered
        return None, _outcome_of(data, data.y[covered], ensemble.prediction[covered])
    prediction = delivered.predict(data.held_rows)
    measured = (data.metric, *(each for each in metrics.metrics_for(data.task) if each != data.metric))
    end = min(deadline, time.monotonic() + INTERVAL_SECONDS)
    intervals = metrics.bootstrap_intervals(
        measured,
        data.held_y,
        prediction,
        data.classes,
        seed=data.seed,
        groups=data.held_ground.groups,
        enough=lambda: time.monotonic() >= end,
    )
    scores = tuple(
        ModelScore(each, interval.score, interval.low, interval.high)
        for each, interval in zip(measured, intervals, strict=True)
        if interval.score == interval.score
    )
    chance = compare_with_baseline(
        data.metric,
        data.held_y,
        prediction,
        best_constant(data.metric, data.y, data.classes),
        data.classes,
        seed=data.seed,
        groups=data.held_ground.groups,
        enough=lambda: time.monotonic() >= end,
    )
    return Holdout(data.holdout_rows, scores, chance), _outcome_of(data, data.held_y, prediction)


def _outcome_of(data: TrainingData, y: Ints | Floats, prediction: Floats) -> Confusion | Residuals:
    if data.task == "regression":
        return _residuals(np.asarray(y, dtype=np.float64), prediction[:, 0], data.seed)
    counts = np.zeros((data.classes, data.classes), dtype=np.int64)
    np.add.at(counts, (y.astype(np.int64), prediction.argmax(axis=1)), 1)
    return Confusion(data.labels.words(), tuple(tuple(line) for line in counts.tolist()))


def _residuals(truth: Floats, predicted: Floats, seed: int) -> Residuals:
    rest = truth - predicted
    drawn = np.arange(len(truth))
    if len(drawn) > MOST_POINTS:
        drawn = np.sort(np.random.default_rng(seed).choice(len(truth), MOST_POINTS, replace=False))
    low, middle, high = np.percentile(rest, [25, 50, 75]).tolist()
    bins, _ = np.histogram(rest, bins=BINS)
    return Residuals(
        truth=tuple(truth[drawn].tolist()),
        predicted=tuple(predicted[drawn].tolist()),
        quartiles=(low, middle, high),
        bins=tuple(bins.tolist()),
        minimum=float(rest.min()),
        maximum=float(rest.max()),
    )


def _save(
    data: TrainingData, evaluations: Sequence[Evaluation], ensemble: Ensemble, run_folder: Path, report: ModelReport
) -> None:
    files: dict[str, Path] = {}
    stored = []
    for place, member in enumerate(ensemble.members):
        source = _folder(evaluations, member.recipe.id, run_folder)
        folders = []
        for fold in data.delivered_folds:
            folder = f"members/{place}-{member.recipe.id}/fold-{fold}"
            folders.append(folder)
            for path in sorted(cross_validation.fold_folder(source, fold).iterdir()):
                if path.name not in (
                    cross_validation.PREDICTIONS_FILE,
                    cross_validation.ROWS_FILE,
                    cross_validation.SCORE_FILE,
                ):
                    assert is_member_file(path.name), path.name
                    files[f"{folder}/{path.name}"] = path
        stored.append(StoredMember(member.recipe, member.weight, tuple(folders)))
    store.save_model(report, ModelFile(data.labels.classes, tuple(stored)), files)
