"""The end of a run: the ensemble measured, the hold-out scored once, the measured model explained, the delivered one saved.

After measuring, the recipes are fitted again on all rows (see refit.py); what explains the model is measured in the time
that is left then.
"""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
from msgspec.structs import replace

from tabsmith.families.estimator import Floats, Ints
from tabsmith.families.registry import get_family
from tabsmith.families.threads import limit_threads
from tabsmith.formatting import significant
from tabsmith.modeling import cross_validation, metrics, store
from tabsmith.modeling.baseline import best_constant, compare_with_baseline
from tabsmith.modeling.cross_validation import FoldModel
from tabsmith.modeling.decisions.calibration import calibrate
from tabsmith.modeling.decisions.deciding import FittedDecisions, fit_decisions
from tabsmith.modeling.decisions.simple_model import MeasuredSimple, choose_simple, cost_of, report_alone
from tabsmith.modeling.decisions.types import Decisions
from tabsmith.modeling.ensemble import BaggedMember, BaggedModel, Ensemble
from tabsmith.modeling.explanation.background import draw_background
from tabsmith.modeling.explanation.explain_model import Explained, MeasuredRows, explain_model, holdout_rows
from tabsmith.modeling.explanation.learning_curve import measure_learning_curve
from tabsmith.modeling.holdout.predictions import HoldoutPredictions
from tabsmith.modeling.holdout.table import training_levels
from tabsmith.modeling.large_tables.whole_table import rows_to_learn
from tabsmith.modeling.metric_catalogue import reported_metrics
from tabsmith.modeling.model_files import HOLDOUT, SIMPLE, SIMPLE_HOLDOUT, ModelFile, StoredMember, is_member_file
from tabsmith.modeling.refit import REFIT_FILE, refits_of
from tabsmith.modeling.results import (
    Confusion,
    Delivery,
    EnsembleMember,
    Evaluation,
    Holdout,
    KeptReason,
    ModelReport,
    ModelScore,
    Residuals,
    SimpleModel,
)
from tabsmith.modeling.training_data import TrainingData
from tabsmith.storage import verify_sealed
from tabsmith.storage.files import write_atomic
from tabsmith.storage.sealed import SEAL_FILE
from tabsmith.text import plural

MAX_POINTS = 400
BINS = 20
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


class MeasuredModel(msgspec.Struct, frozen=True):
    """An ensemble as it was measured: its report, what was decided about its predictions, and the one recipe that could be
    used in its place."""

    report: ModelReport
    decisions: Decisions
    simple: MeasuredSimple | None = None


def measure_model(
    data: TrainingData,
    evaluations: Sequence[Evaluation],
    ensemble: Ensemble,
    run_folder: Path,
    header: ReportHeader,
    *,
    threads: int,
    deadline: float,
) -> MeasuredModel:
    """Score `ensemble`, as the mean of its fold models, on the hold-out, and return it with its report; nothing is saved.

    `deadline` is a time of time.monotonic(), at which the intervals have to do with the draws so far.
    """
    started = time.monotonic()
    simple = None
    with limit_threads(threads):
        members = _members(evaluations, ensemble.members, run_folder, len(data.folds))
        report, decisions = _measure_ensemble(
            data, evaluations, ensemble, members, header, deadline=deadline, kept=run_folder / HOLDOUT
        )
        if member := choose_simple(ensemble.members, evaluations, data.metric):
            alone = [
                BaggedMember(each.recipe, 1.0, each.models) for each in members if each.recipe.id == member.recipe.id
            ]
            simple = MeasuredSimple(
                *_measure_ensemble(
                    data, evaluations, _alone(data, evaluations, member, run_folder), alone, header,
                    deadline=time.monotonic(), kept=run_folder / SIMPLE_HOLDOUT,
                )
            )  # fmt: skip
    report = replace(report, seconds=header.seconds + time.monotonic() - started)
    return MeasuredModel(report, decisions, simple)


def _alone(data: TrainingData, evaluations: Sequence[Evaluation], member: EnsembleMember, run_folder: Path) -> Ensemble:
    """The ensemble of one recipe."""
    evaluation = next(each for each in evaluations if each.recipe.id == member.recipe.id)
    prediction = cross_validation.out_of_fold_predictions(data, run_folder / evaluation.folder)
    return Ensemble((replace(member, weight=1.0),), evaluation.mean, evaluation.standard_error, prediction)


def _measure_ensemble(
    data: TrainingData,
    evaluations: Sequence[Evaluation],
    ensemble: Ensemble,
    members: Sequence[BaggedMember],
    header: ReportHeader,
    *,
    deadline: float,
    kept: Path,
) -> tuple[ModelReport, Decisions]:
    """The report of `ensemble`, whose fold models `members` are, and what is decided about its predictions; those of the
    hold-out are written to `kept`."""
    measured = _measured(data, members)
    decided = fit_decisions(data, ensemble)
    validated = decided.cross_validated(ensemble)
    rows = measured_rows(data, measured, ensemble, decided)
    holdout, outcome = _measure(data, rows, decided, deadline, kept)
    report = ModelReport(
        model_id=header.model_id,
        run_id=header.run_id,
        created_at=header.created_at,
        source=header.source,
        fingerprint=header.fingerprint,
        schema=data.schema,
        metric=decided.metric,
        members=ensemble.members,
        champion=_champion(data, evaluations),
        cv_score=validated.score,
        cv_se=validated.standard_error,
        holdout=holdout,
        importance=(),
        outcome=outcome,
        classes=data.labels.words(),
        train_rows=data.train_rows,
        iterations=header.iterations,
        tries=header.tries,
        seconds=header.seconds,
        seed=data.seed,
        folds=len(data.folds),
        sample=None if data.whole is None else data.whole.sample,
        decisions=decided.report(rows.y, rows.prediction, _weights_of_measured(data)),
        notes=(
            *data.notes,
            *_caveats(holdout, header.tries, data),
            *_cut_short(evaluations, ensemble),
            *_unweighted(data, ensemble),
        ),
    )
    return report, decided.decisions


def explain_measured(
    data: TrainingData,
    evaluations: Sequence[Evaluation],
    measured: MeasuredModel,
    run_folder: Path,
    *,
    threads: int,
    deadline: float,
) -> Explained:
    """What explains the model `measured`: the importance of columns and the rest, as far as it was measured by
    `deadline`, a time of time.monotonic()."""
    report = measured.report
    with limit_threads(threads):
        members = _members(evaluations, report.members, run_folder, len(data.folds))
        if data.holdout_rows:
            kept = HoldoutPredictions.load(run_folder / HOLDOUT)
            prediction = kept.prediction
            if len(prediction) < data.holdout_rows:  # of a large hold-out, only some are kept
                prediction = calibrate(measured.decisions.calibration, _measured(data, members).predict(data.held_rows))
            rows = holdout_rows(data, prediction, measured.decisions)
        else:
            rows = _out_of_fold_rows(data, _out_of_fold(data, evaluations, report, run_folder), measured.decisions)
        return explain_model(
            data,
            members,
            rows,
            deadline=deadline,
            learning_curve=lambda: measure_learning_curve(
                data, report.champion, run_folder, threads=threads, seconds_left=lambda: deadline - time.monotonic()
            ),
        )


def _out_of_fold(
    data: TrainingData, evaluations: Sequence[Evaluation], report: ModelReport, run_folder: Path
) -> Floats:
    """The ensemble's predictions of the training rows, each by the models that have not seen it."""
    total = np.zeros((data.train_rows, data.outputs))
    for member in report.members:
        folder = _folder(evaluations, member.recipe.id, run_folder)
        total += member.weight * cross_validation.out_of_fold_predictions(data, folder)
    return total


def _out_of_fold_rows(data: TrainingData, prediction: Floats, decisions: Decisions) -> MeasuredRows:
    """The training rows that some fold predicts, with the ensemble's `prediction` out of fold, calibrated."""
    covered = np.flatnonzero(data.covered)
    calibrated = calibrate(decisions.calibration, prediction[covered])
    return MeasuredRows(data.rows.take(covered), data.y[covered], calibrated, data.positions[covered], decisions)


def save_delivered(
    data: TrainingData,
    evaluations: Sequence[Evaluation],
    measured: MeasuredModel,
    explained: Explained,
    run_folder: Path,
    *,
    kept: KeptReason,
) -> ModelReport:
    """Save the model `measured` with what explains it, each recipe as the models of all rows that it has below
    `run_folder`, or else as those of its folds; returns its report.

    `kept` says why recipes may not have been fitted again. A model that cannot be saved whole is not saved at all. Raises
    StorageError.
    """
    report = measured.report
    refits = {
        member.recipe.id: tuple(refits_of(member.recipe, run_folder)) if kept != "asked for" else ()
        for member in report.members
    }
    refitted = sum(bool(folders) for folders in refits.values())
    delivery = Delivery(
        rows=max(
            (rows_to_learn(data, each.recipe) for each in report.members if refits[each.recipe.id]),
            default=data.all_rows,
        ),
        refitted=refitted,
        recipes=len(report.members),
        kept=kept if refitted < len(report.members) else "",
    )
    report = replace(report, delivery=delivery, importance=explained.importance, explanation=explained.explanation)
    saved = _member_files(data, evaluations, report.members, run_folder, refits)
    simple = measured.simple
    if simple is not None:
        recipe = simple.report.members[0].recipe
        alone = Delivery(rows=data.all_rows, refitted=int(bool(refits[recipe.id])), recipes=1)
        simple = replace(
            simple, report=report_alone(simple.report, replace(alone, kept="" if alone.refitted else kept))
        )
        report = replace(report, simple=_price(data, evaluations, report, simple, saved))
    _save(data, report, measured.decisions, run_folder, saved, simple)
    return report


@dataclass(frozen=True)
class _MemberFiles:
    """The members of a model as they are saved, and their files by the places that they have in the model's folder."""

    stored: tuple[StoredMember, ...]
    files: Mapping[str, Path]

    def size(self, member: StoredMember) -> int:
        """The bytes of a member's files."""
        places = tuple(f"{folder}/" for folder in member.folders)
        return sum(path.stat().st_size for name, path in self.files.items() if name.startswith(places))


def _price(
    data: TrainingData,
    evaluations: Sequence[Evaluation],
    report: ModelReport,
    simple: MeasuredSimple,
    saved: _MemberFiles,
) -> SimpleModel:
    """What the simple model scores and takes beside the ensemble of `report`."""
    models = {member.recipe.id: len(member.folders) for member in saved.stored}
    sizes = {member.recipe.id: saved.size(member) for member in saved.stored}
    rows = int(np.count_nonzero(data.covered))
    score = simple.report.measured_score
    return SimpleModel(
        recipe=simple.report.members[0].recipe,
        score=score if score == score else None,
        cost=cost_of(simple.report.members, evaluations, rows, models, sizes),
        ensemble=cost_of(report.members, evaluations, rows, models, sizes),
    )


def _cut_short(evaluations: Sequence[Evaluation], ensemble: Ensemble) -> tuple[str, ...]:
    """The recipes of the ensemble whose fits had to end before they were done."""
    chosen = {member.recipe.id for member in ensemble.members}
    names = [
        each.recipe.name or each.recipe.family
        for each in evaluations
        if each.recipe.id in chosen and any(fold.cut for fold in each.folds)
    ]
    return (f"Cut short for want of time: {', '.join(names)}. More time may give another model.",) if names else ()


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


def _unweighted(data: TrainingData, ensemble: Ensemble) -> tuple[str, ...]:
    """The members whose library takes no weights of rows, where rows have them."""
    if data.weights is None:
        return ()
    families = dict.fromkeys(member.recipe.family for member in ensemble.members)
    labels = [family.label for family in map(get_family, families) if not family.weighs_rows]
    return tuple(
        f"The {label} was fitted without the weights of rows, which its library does not take." for label in labels
    )


def _folder(evaluations: Sequence[Evaluation], recipe_id: str, run_folder: Path) -> Path:
    return run_folder / next(item.folder for item in evaluations if item.recipe.id == recipe_id)


def _members(
    evaluations: Sequence[Evaluation], chosen: Sequence[EnsembleMember], run_folder: Path, folds: int
) -> tuple[BaggedMember, ...]:
    """The fold models of the `chosen` recipes, all of them, in the folds' order."""
    members = []
    for member in chosen:
        folder = _folder(evaluations, member.recipe.id, run_folder)
        models = tuple(FoldModel.load_verified(cross_validation.fold_folder(folder, fold)) for fold in range(folds))
        members.append(BaggedMember(member.recipe, member.weight, models))
    return tuple(members)


def _measured(data: TrainingData, members: Sequence[BaggedMember]) -> BaggedModel:
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


def measured_rows(
    data: TrainingData, delivered: BaggedModel, ensemble: Ensemble, decided: FittedDecisions
) -> MeasuredRows:
    """The hold-out with the predictions of `delivered`; where there is none, the training rows, out of fold."""
    decisions = decided.decisions
    if data.holdout_rows:
        prediction = decided.calibrated(delivered.predict(data.held_rows))
        return holdout_rows(data, prediction, decisions)
    return _out_of_fold_rows(data, ensemble.prediction, decisions)


def _weights_of_measured(data: TrainingData) -> Floats | None:
    """How much each of the measured rows counts; None where all count the same."""
    return data.holdout_weights if data.holdout_rows else metrics.taken(data.weights, np.flatnonzero(data.covered))


def _measure(
    data: TrainingData, rows: MeasuredRows, decided: FittedDecisions, deadline: float, kept: Path
) -> tuple[Holdout | None, Confusion | Residuals]:
    """The scores on the hold-out, whose predictions are written to the file `kept`, and the outcome."""
    if not data.holdout_rows:
        return None, _outcome_of(data, rows.y, rows.prediction, decided)
    prediction = rows.prediction
    HoldoutPredictions(data.held_y, prediction, data.holdout_basis.groups, data.holdout_weights).save(kept)
    measured = reported_metrics(decided.metric, data.task)
    end = min(deadline, time.monotonic() + INTERVAL_SECONDS)
    intervals = metrics.bootstrap_intervals(
        measured,
        data.held_y,
        prediction,
        data.classes,
        seed=data.seed,
        groups=data.holdout_basis.groups,
        weights=data.holdout_weights,
        enough=lambda: time.monotonic() >= end,
    )
    scores = tuple(
        ModelScore(metric, interval.score, interval.low, interval.high)
        for metric, interval in zip(measured, intervals, strict=True)
        if interval.score == interval.score
    )
    baseline = compare_with_baseline(
        decided.metric,
        data.held_y,
        prediction,
        best_constant(decided.metric, data.y, data.classes, data.weights),
        data.classes,
        seed=data.seed,
        groups=data.holdout_basis.groups,
        weights=data.holdout_weights,
        enough=lambda: time.monotonic() >= end,
    )
    own = data.own_holdout
    holdout = Holdout(
        data.holdout_rows,
        scores,
        baseline,
        source="" if own is None else own.source,
        fingerprint="" if own is None else own.fingerprint,
    )
    return holdout, _outcome_of(data, data.held_y, prediction, decided)


def _outcome_of(
    data: TrainingData, y: Ints | Floats, prediction: Floats, decided: FittedDecisions
) -> Confusion | Residuals:
    if data.task == "regression":
        return _residuals(np.asarray(y, dtype=np.float64), prediction[:, 0], data.seed)
    counts = np.zeros((data.classes, data.classes), dtype=np.int64)
    np.add.at(counts, (y.astype(np.int64), decided.labels(prediction)), 1)
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


def _member_files(
    data: TrainingData,
    evaluations: Sequence[Evaluation],
    members: Sequence[EnsembleMember],
    run_folder: Path,
    refits: Mapping[str, Sequence[Path]],
) -> _MemberFiles:
    """The fitted models of `members`: those of all rows that a recipe has in `refits`, or else those of its folds."""
    files: dict[str, Path] = {}
    stored = []
    scratch = {
        cross_validation.PREDICTIONS_FILE, cross_validation.ROWS_FILE, cross_validation.SCORE_FILE, REFIT_FILE,
        SEAL_FILE,
    }  # fmt: skip
    for position, member in enumerate(members):
        sources = refits[member.recipe.id]
        if not sources:
            source = _folder(evaluations, member.recipe.id, run_folder)
            sources = [cross_validation.fold_folder(source, fold) for fold in data.delivered_folds]
        folders = []
        for fitted in sources:
            verify_sealed(fitted)
            folder = f"members/{position}-{member.recipe.id}/{fitted.name}"
            folders.append(folder)
            for path in sorted(fitted.iterdir()):
                if path.name not in scratch:
                    assert is_member_file(path.name), path.name
                    files[f"{folder}/{path.name}"] = path
        stored.append(StoredMember(member.recipe, member.weight, tuple(folders)))
    return _MemberFiles(tuple(stored), files)


def _save(
    data: TrainingData,
    report: ModelReport,
    decisions: Decisions,
    run_folder: Path,
    saved: _MemberFiles,
    simple: MeasuredSimple | None,
) -> None:
    files = dict(saved.files)
    files |= {name: run_folder / name for name in (HOLDOUT, SIMPLE_HOLDOUT) if (run_folder / name).is_file()}
    if simple is not None:
        write_atomic(run_folder / SIMPLE, msgspec.json.encode(simple))
        files[SIMPLE] = run_folder / SIMPLE
    background = draw_background(data.rows, seed=data.seed)
    model = ModelFile(data.labels.classes, saved.stored, training_levels(data.rows, data.inputs), background, decisions)
    store.save_model(report, model, files)
