"""Rows predicted: frames, files, single rows, many rows; and what a finished model says of itself."""

import csv

import msgspec
import numpy as np
import pandas as pd
import pytest

from tabsmith.errors import PredictionError, UsageError
from tabsmith.modeling import cross_validation, store
from tabsmith.modeling.decisions.calibration import calibrate
from tabsmith.modeling.decisions.goals import LeastCost
from tabsmith.modeling.decisions.labels import choose_labels
from tabsmith.modeling.decisions.types import Decisions
from tabsmith.modeling.metric_catalogue import default_metric
from tabsmith.modeling.model import load_model
from tabsmith.modeling.model_files import ModelFile
from tabsmith.modeling.predict import predict_file, preview_predictions, source_to_predict
from tabsmith.modeling.results import Confusion, Residuals
from tabsmith.presentation.predictions import rows_score_lines
from tabsmith.presentation.spans import plain_text
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import FileSource
from tabsmith.tables.schema.types import Split
from tests.core.modeling.shapes import evaluated, finished, prepared, quick, table

# Drawn rows hold users that the training rows do not, of which Python is warned.
pytestmark = pytest.mark.filterwarnings("ignore::tabsmith.errors.NewRowsWarning")


def _model(tmp_path, target="flag", task="binary", **options):
    report = finished(prepared(target, task, **options), tmp_path / "run", quick("linear"), quick("lightgbm"))
    return load_model(report.model_id)


def _info(tmp_path, frame, model, name="rows.csv"):
    path = tmp_path / name
    frame.to_csv(path, index=False)
    return _read(path, model)


def _read(path, model):
    return read_source(source_to_predict(model, FileSource(str(path))), allowed=(path.parent,), max_mb=100)


def test_a_model_knows_its_labels_and_its_hold_out(tmp_path):
    model = _model(tmp_path, rows=300)
    report = model.report
    assert model.classes_.tolist() == [False, True]
    assert model.predict(table(20, seed=4)).dtype == bool
    assert report.holdout.rows == 60
    first = report.holdout.scores[0]
    assert first.metric == report.metric
    assert 0.7 < first.low <= first.score <= first.high
    assert len(report.holdout.scores) == 8
    assert isinstance(report.outcome, Confusion)
    assert sum(map(sum, report.outcome.counts)) == 60
    assert report.importance[0].column == "size"
    assert report.importance[0].drop > 0.1
    assert {each.column for each in report.importance} == {
        "size", "gaps", "colour", "user", "words", "day", "agreed", "grade", "empty", "same"
    }  # fmt: skip
    assert report.members[0].weight == 0.5
    assert report.cv_score > 0.7
    assert report.cv_se > 0


def test_a_model_of_numbers_has_residuals_and_no_probabilities(tmp_path):
    model = _model(tmp_path, "number", "regression", rows=300)
    outcome = model.report.outcome
    assert isinstance(outcome, Residuals)
    assert len(outcome.truth) == len(outcome.predicted) == 60
    assert outcome.minimum < outcome.quartiles[1] < outcome.maximum
    with pytest.raises(PredictionError, match="no class probabilities"):
        model.predict_proba(table(3))


def test_without_a_hold_out_the_outcome_is_out_of_fold(tmp_path):
    model = _model(tmp_path, split=Split("stratified", holdout=0.0, folds=3))
    assert model.report.holdout is None
    assert sum(map(sum, model.report.outcome.counts)) == 120


def test_a_forward_model_is_made_of_its_later_folds(tmp_path):
    data = prepared("number", "regression", rows=300, split=Split("forward", by="day", folds=4))
    report = finished(data, tmp_path / "run", quick("linear"))
    folders = sorted(path.name for path in store.model_folder(report.model_id).glob("members/*/*"))
    assert folders == ["fold-2", "fold-3"]
    assert np.isnan(
        cross_validation.out_of_fold_predictions(data, tmp_path / "run" / report.champion.folder)[~data.covered]
    ).all()


def test_importance_gives_way_when_there_is_no_time(tmp_path):
    report = finished(prepared(), tmp_path / "run", quick("linear"), importance_seconds=0)
    assert report.importance == ()
    assert report.holdout.scores[0].score > 0.5


def test_the_order_of_columns_and_rows_does_not_matter(tmp_path):
    model = _model(tmp_path)
    rows = table(50, seed=5)
    turned = rows[rows.columns[::-1]].iloc[::-1]
    np.testing.assert_allclose(model.predict_proba(turned), model.predict_proba(rows)[::-1])
    np.testing.assert_allclose(model.predict_proba(rows.iloc[[7]]), model.predict_proba(rows)[[7]], rtol=1e-6)


def test_a_file_is_predicted_with_its_rows_beside_the_answers(tmp_path):
    model = _model(tmp_path, "level", "multiclass")
    rows = table(60, seed=6).drop(columns=["level", "gaps"]).assign(prediction="taken", size="many")
    said = []
    made = predict_file(
        model, _info(tmp_path, rows, model), tmp_path / "out.csv", progress=lambda share, _: said.append(share)
    )
    assert (made.rows, made.missing, made.unparsable) == (60, ("gaps",), 60)
    assert set(made.extra) == {"flag", "one_two", "thirty", "number", "prediction"}
    assert made.columns[-4:] == ("prediction 2", "probability of high", "probability of low", "probability of middle")
    written = pd.read_csv(tmp_path / "out.csv")
    assert tuple(written.columns) == made.columns
    assert written["user"].tolist() == rows["user"].tolist()
    assert said[-1] == 1.0
    expected = model.predict(tmp_path / "rows.csv")
    assert written["prediction 2"].tolist() == expected.tolist()
    predict_file(model, _info(tmp_path, rows, model), tmp_path / "out.parquet")
    pd.testing.assert_series_equal(
        pd.read_parquet(tmp_path / "out.parquet")["probability of low"], written["probability of low"]
    )


def test_a_path_and_a_table_are_predicted_like_their_frame(tmp_path):
    model = _model(tmp_path)
    rows = table(20, seed=3)
    rows.to_csv(tmp_path / "rows.csv", index=False)

    class Table:
        def to_pandas(self):
            return rows

    assert model.predict(str(tmp_path / "rows.csv")).tolist() == model.predict(rows).tolist()
    assert model.predict(Table()).tolist() == model.predict(rows).tolist()


def test_cells_that_a_spreadsheet_would_run_are_neutralised_and_numbers_are_not(tmp_path):
    model = _model(tmp_path)
    rows = table(5).drop(columns="flag")
    rows["words"] = ["=1+1", "+cmd", "-5", "@x", "a=b"]
    rows["size"] = -1.5
    predict_file(model, _info(tmp_path, rows.rename(columns={"same": "=same"}), model), tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(newline="") as file:
        header, *lines = csv.reader(file)
    assert [line[header.index("words")] for line in lines] == ["'=1+1", "'+cmd", "-5", "'@x", "a=b"]
    assert {line[header.index("size")] for line in lines} == {"-1.5"}
    assert "'=same" in header


def test_what_cannot_be_predicted_or_written_is_refused_before_anything_is(tmp_path):
    model = _model(tmp_path)
    info = _info(tmp_path, table(5), model)
    with pytest.raises(UsageError, match="No table can be written to"):
        predict_file(model, info, tmp_path / "out.xlsx")
    with pytest.raises(UsageError, match="replace the file"):
        predict_file(model, info, tmp_path / "rows.csv")
    with pytest.raises(PredictionError, match="None of the model's columns"):
        predict_file(
            model, _info(tmp_path, pd.DataFrame({"a": [1], "b": [2]}), model, "other.csv"), tmp_path / "out.csv"
        )
    with pytest.raises(PredictionError, match="None of the model's columns"):
        model.predict(pd.DataFrame({"a": [1]}))
    with pytest.raises(PredictionError, match="cannot be read from a list"):
        model.predict([[1, 2]])
    assert not (tmp_path / "out.csv").exists()


def flipped(data: bytes) -> bytes:
    """`data` with one bit of its last byte changed."""
    return data[:-1] + bytes([data[-1] ^ 1])


def test_a_fold_counts_only_when_it_is_whole_and_as_it_was_written(tmp_path):
    data = prepared()
    found = evaluated(data, tmp_path, quick("linear"))
    folder = tmp_path / found.folder
    assert [score.fold for score in cross_validation.finished_folds(folder)] == [0, 1, 2]
    (folder / "fold-1" / cross_validation.SCORE_FILE).unlink()
    (folder / ".fold-3.1").mkdir()
    (folder / "fold-2" / cross_validation.SCORE_FILE).write_bytes(b'{"fold":')
    assert [score.fold for score in cross_validation.finished_folds(folder)] == [0]
    predictions = (folder / "fold-0" / cross_validation.PREDICTIONS_FILE).read_bytes()
    (folder / "fold-0" / cross_validation.PREDICTIONS_FILE).write_bytes(flipped(predictions))
    assert cross_validation.finished_folds(folder) == ()
    (folder / "fold-0" / cross_validation.PREDICTIONS_FILE).write_bytes(predictions)
    again = cross_validation.fit_fold(data, quick("linear"), 1, folder, threads=1, seconds_left=lambda: 60)
    assert again.score == found.folds[1].score
    assert np.isnan(cross_validation.out_of_fold_predictions(data, folder)[data.folds[2][1]]).all()


def test_a_prediction_of_many_rows_keeps_little_in_memory_and_their_order(tmp_path, monkeypatch):
    from tabsmith.modeling import row_batches

    model = _model(tmp_path)
    rows = table(300, seed=8)
    whole = model.predict_proba(rows)
    monkeypatch.setattr(row_batches, "BATCH_ROWS", 70)
    sizes = [batch.count for batch in row_batches.open_rows(rows, model.column_names).batches]
    assert sizes == [70, 70, 70, 70, 20]
    np.testing.assert_allclose(model.predict_proba(rows), whole, rtol=1e-6)


def test_folds_of_one_class_have_no_score_and_do_not_count(tmp_path):
    from tabsmith.modeling.training_data import prepare_training_data
    from tests.core.modeling.shapes import schema

    frame = pd.DataFrame({"x": np.arange(40.0), "who": np.repeat(["a", "b", "c", "d"], 10)})
    frame["flag"] = (frame["who"] == "a") | (frame["x"] % 2 == 0) & frame["who"].isin(["b", "c"])
    plan = schema(
        "flag",
        "binary",
        columns={"x": "numeric", "who": "category"},
        split=Split("grouped", by="who", holdout=0.0, folds=4),
    )
    data = prepare_training_data(frame, plan, default_metric("binary"), seed=0)
    found = evaluated(data, tmp_path, quick("linear"))
    assert len(cross_validation.finished_folds(tmp_path / found.folder)) == 4
    assert len(found.folds) == 2
    assert not np.isnan(cross_validation.out_of_fold_predictions(data, tmp_path / found.folder)).any()
    assert found.mean == found.mean


def test_a_models_threshold_makes_its_labels_and_its_report_and_survives_being_saved(tmp_path):
    data = prepared(rows=300, goal=LeastCost(miss=20.0, alarm=1.0))
    report = finished(data, tmp_path, quick("lightgbm"))
    model = load_model(report.model_id)
    threshold = report.decisions.threshold
    assert report.decisions.event == "True"
    assert threshold.threshold < 0.3
    assert threshold.score < threshold.score_at_half, "costs per 1,000 rows of the test set"
    rows = table(200, seed=5)
    at_threshold = model.predict_proba(rows)[:, 1] >= threshold.threshold
    assert model.predict(rows).tolist() == at_threshold.tolist()
    counts = np.array(report.outcome.counts)
    assert counts[1, 0] <= counts[0, 1], "misses are dear, so there are more alarms"
    accuracy = next(each for each in report.holdout.scores if each.metric.name == "accuracy")
    assert accuracy.score == pytest.approx(np.trace(counts) / counts.sum()), "scores are of the labels that are given"
    info = _info(tmp_path, rows, model)
    done = predict_file(model, info, tmp_path / "out.csv")
    written = pd.read_csv(done.out)
    assert written["prediction"].tolist() == at_threshold.tolist()
    scored = next(each for each in done.score.scores if each.metric.name == "accuracy")
    assert scored.score == pytest.approx((written["prediction"] == rows["flag"]).mean())


def test_intervals_of_numbers_are_checked_on_the_hold_out_and_written_beside_the_prediction(tmp_path):
    model = _model(tmp_path, "number", "regression", rows=400)
    checked = model.report.decisions.intervals
    assert (checked.level, checked.rows) == (0.9, model.report.holdout.rows)
    assert 0.75 < checked.covered / checked.rows <= 1
    rows = table(100, seed=6)
    ends = model.predict_interval(rows, 0.8)
    assert ends.shape == (100, 2)
    wide = model.predict_interval(rows, 0.95)
    assert np.all((wide[:, 0] < ends[:, 0]) & (ends[:, 1] < wide[:, 1]))
    done = predict_file(model, _info(tmp_path, rows, model), tmp_path / "out.csv", level=0.8)
    assert done.added == ("prediction", "prediction low", "prediction high")
    written = pd.read_csv(done.out)
    assert written[["prediction low", "prediction high"]].to_numpy() == pytest.approx(ends)
    inside = (ends[:, 0] <= rows["number"]) & (rows["number"] <= ends[:, 1])
    assert (done.score.intervals.rows, done.score.intervals.covered) == (100, inside.sum())
    assert "80 % intervals hold" in plain_text((rows_score_lines(done.score)[-1],))
    preview = preview_predictions(model.report, done, 3)
    assert len(preview.rows[0][1]) <= len(preview.rows[0][0]) + 3, "ends have the digits of the prediction"
    labels = _model(tmp_path, rows=120)
    with pytest.raises(PredictionError, match="no intervals"):
        labels.predict_interval(rows)


def test_a_model_saved_before_there_were_decisions_predicts_as_it_did():
    old = b'{"classes": ["a", "b"], "members": []}'
    file = msgspec.json.decode(old, type=ModelFile)
    assert file.decisions == Decisions()
    probabilities = np.array([[0.4, 0.6], [0.5, 0.5]])
    assert calibrate(file.decisions.calibration, probabilities) is probabilities
    assert choose_labels(file.decisions.rule, probabilities).tolist() == [1, 0]
