"""What explains a model is found where it was planted, stays small, and can be measured again from the saved model alone."""

import msgspec
import numpy as np
import pytest

from tabsmith.errors import ExplanationError, PredictionError
from tabsmith.modeling import store
from tabsmith.modeling.cross_validation import FoldModel, fold_folder
from tabsmith.modeling.decisions.label_rules import MostProbable
from tabsmith.modeling.ensemble import BaggedMember
from tabsmith.modeling.explanation import learning_curve
from tabsmith.modeling.explanation.curves import class_curves, class_scores
from tabsmith.modeling.explanation.errors import worst_rows, worst_slices
from tabsmith.modeling.explanation.importance import column_importance
from tabsmith.modeling.explanation.out_of_fold import draw_sample
from tabsmith.modeling.metric_catalogue import default_metric
from tabsmith.modeling.model import load_model
from tabsmith.modeling.rows import NumberColumn, RowArrays, TextColumn
from tabsmith.modeling.training_data import prepare_training_data
from tabsmith.presentation.explanations import explanation_lines
from tabsmith.presentation.models import importance_note
from tabsmith.presentation.spans import plain_text
from tabsmith.runs.explain import explain_saved_model
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import FileSource
from tabsmith.tables.snapshot import load_frame
from tabsmith.tables.snapshot_store import remove_snapshot
from tests.core.modeling.shapes import finished, prepared, quick, schema, table
from tests.soak import rounds


def _numbers(**columns) -> RowArrays:
    return RowArrays(
        len(next(iter(columns.values()))), {name: NumberColumn(values) for name, values in columns.items()}
    )


def test_a_slice_in_which_the_model_errs_is_found_and_noise_is_not():
    draw = np.random.default_rng(0)
    rows, metric = 600, default_metric("regression")
    place = draw.integers(0, 4, rows)
    columns = {"noise": NumberColumn(draw.normal(size=rows)), "place": TextColumn(place, ("a", "b", "c", "d"))}
    table = RowArrays(rows, columns)
    y = draw.normal(size=rows)
    prediction = np.zeros((rows, 1))
    assert worst_slices(table, list(columns), y, prediction, metric) == ()
    y[place == 2] *= 3
    (found,) = worst_slices(table, list(columns), y, prediction, metric)
    assert (found.column, found.values, found.measure) == ("place", "c", "RMSE")
    assert found.rows == int((place == 2).sum())
    assert found.error == pytest.approx(np.sqrt(np.mean(y[place == 2] ** 2)), rel=1e-3)
    assert found.error > 2 * found.elsewhere


@pytest.mark.soak
def test_slices_of_noise_are_rarely_reported():
    draw = np.random.default_rng(1)
    count = rounds(500, quick=20)
    wrong = 0
    for _ in range(count):
        table = _numbers(**{str(name): draw.normal(size=300) for name in range(20)})
        y = draw.standard_t(3, size=300)
        wrong += bool(worst_slices(table, list(table.columns), y, np.zeros((300, 1)), default_metric("regression")))
    assert wrong <= 1 + count // 33  # one of a hundred is expected


def test_worst_rows_name_the_rows_of_the_table():
    y = np.array([1.0, 2.0, 3.0])
    found = worst_rows(y, np.array([[1.5], [9.0], [3.0]]), (), np.array([10, 4, 7]), MostProbable())
    assert [(row.row, row.truth, row.predicted, row.error) for row in found][:2] == [
        (5, 2.0, 9.0, -7.0),
        (11, 1.0, 1.5, -0.5),
    ]
    (worst, *_) = worst_rows(
        np.array([0, 1]), np.array([[0.9, 0.1], [0.8, 0.2]]), ("no", "yes"), np.array([0, 1]), MostProbable()
    )
    assert (worst.row, worst.truth, worst.predicted) == (2, "yes", "no")
    assert worst.error == pytest.approx(0.8)


def test_curves_keep_their_areas_in_a_hundred_points():
    draw = np.random.default_rng(2)
    y = draw.integers(0, 2, 5000)
    second = 1 / (1 + np.exp(-(2 * y - 1 + draw.normal(size=5000))))
    (curves,) = class_curves(y, np.column_stack([1 - second, second]), ("no", "yes"), 1)
    assert curves.label == "yes"
    assert len(curves.roc.true_positive_rate) <= 100
    area = np.trapezoid(curves.roc.true_positive_rate, curves.roc.false_positive_rate)
    assert area == pytest.approx(curves.roc.area, abs=0.005)
    assert curves.precision_recall.recall[0] == 1
    assert sum(curves.calibration.rows) == 5000
    assert list(curves.calibration.predicted) == sorted(curves.calibration.predicted)


def test_scores_of_a_class_that_is_never_predicted_are_unknown():
    common, rare = class_scores(np.array([0, 0, 1]), np.array([0, 0, 0]), ("common", "rare"))
    assert (common.precision, common.recall, common.support, common.predicted) == (
        pytest.approx(2 / 3, abs=1e-4),
        1.0,
        2,
        3,
    )
    assert (rare.precision, rare.recall, rare.f1) == (None, 0.0, 0.0)


def test_importance_measures_the_columns_that_matter_first(tmp_path):
    data = prepared("number", "regression")
    report = finished(data, tmp_path, quick("linear"), importance_seconds=0)
    assert "was not measured" in importance_note(report)
    models = tuple(
        FoldModel.load(fold_folder(tmp_path / report.champion.folder, fold)) for fold in range(len(data.folds))
    )
    members = [BaggedMember(report.champion.recipe, 1.0, models)]
    sample = draw_sample(data, members, 1000, np.random.default_rng(0))
    asked = iter([False, False, False])  # before the guess, and before the first two columns
    found = column_importance(data, sample, generator=np.random.default_rng(0), enough=lambda: next(asked, True))
    assert {column.column for column in found} == {"size", "colour"}
    assert "for 2 of 10 columns" in importance_note(msgspec.structs.replace(report, importance=found))


def test_a_learning_curve_says_what_twice_the_rows_would_bring():
    draw = np.random.default_rng(3)
    data = prepared("number", "regression", rows=300)
    scored = data.folds[0][1]
    noise = draw.normal(size=len(scored))
    predictions = [(data.y[scored] + noise * size)[:, None] for size in (4.0, 2.0, 1.0)]
    curve = learning_curve.extrapolate(data, scored, [100, 200, 400], predictions)
    assert [point.rows for point in curve.points] == [100, 200, 400]
    last = curve.points[-1].score
    assert curve.doubled == pytest.approx(last / 2, rel=0.01)
    assert curve.doubled_low <= curve.doubled <= curve.doubled_high < last
    growing = [(data.y[scored] + noise * size)[:, None] for size in (4.0, 3.5, 2.0)]
    assert learning_curve.extrapolate(data, scored, [100, 200, 400], growing).doubled > last
    flat = learning_curve.extrapolate(data, scored, [100, 200, 400], [predictions[0], predictions[2], predictions[1]])
    assert flat.doubled is None


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "table.csv"
    table(400).drop(columns=["one_two", "level", "thirty", "number"]).to_csv(path, index=False)
    return FileSource(str(path))


def _model(tmp_path, source):
    info = read_source(source, allowed=(tmp_path,), max_mb=10)
    data = prepare_training_data(load_frame(info), schema("flag", "binary"), default_metric("binary"), seed=0)
    report = finished(data, tmp_path / "run", quick("linear"), fingerprint=info.fingerprint, importance_seconds=0)
    return info, report


def test_a_model_is_explained_to_the_end_from_what_was_saved(tmp_path, source):
    info, first = _model(tmp_path, source)
    assert (first.importance, first.explanation.dependence, first.explanation.learning_curve) == ((), (), None)
    assert load_model(first.model_id).predict(table(3)) is not None
    again = explain_saved_model(first.model_id, lambda _share, _message: None)
    assert again == store.read_report(first.model_id)
    assert len(again.importance) == again.explanation.columns == 10
    assert importance_note(again) == ""
    assert again.importance[0].column == "size"
    assert again.explanation.dependence[0].column == "size"
    assert len(again.explanation.learning_curve.points) == 3
    assert again.explanation.worst_rows == first.explanation.worst_rows
    truth = table(400)["flag"]
    assert all(str(truth[row.row - 1]) == row.truth for row in again.explanation.worst_rows)
    assert len(msgspec.json.encode(again)) < 60_000
    shown = plain_text(explanation_lines(again))
    assert "ROC AUC" in shown
    assert "rows predicted worst" in shown
    store.verify_model(store.model_folder(first.model_id))
    remove_snapshot(info)
    with pytest.raises(ExplanationError, match="no longer kept"):
        explain_saved_model(first.model_id, lambda _share, _message: None)


def test_a_model_whose_rows_cannot_be_set_apart_as_they_were_is_not_explained(tmp_path, source):
    _, report = _model(tmp_path, source)
    other = msgspec.structs.replace(report, seed=1)
    store.update_model(other, {})
    with pytest.raises(ExplanationError, match="cannot be set apart"):
        explain_saved_model(report.model_id, lambda _share, _message: None)
    with pytest.raises(PredictionError, match="models explain"):
        load_model(report.model_id).explain(table(3))


def test_a_model_moved_aside_by_a_process_that_died_is_put_back(tmp_path, source):
    _, report = _model(tmp_path, source)
    folder = store.model_folder(report.model_id)
    folder.chmod(0o700)
    folder.rename(folder.with_name(f".{folder.name}.999999999.replaced"))
    assert [model.id for model in store.list_models()] == [report.model_id]
    store.verify_model(folder)
