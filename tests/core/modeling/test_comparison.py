"""Two models on the same rows: who is better, whether that is shown, and when it cannot be said."""

import numpy as np
import pytest
from msgspec.structs import replace

from tabsmith.errors import ModelDamagedError, UsageError
from tabsmith.modeling import store
from tabsmith.modeling.comparison import compare_on_holdout, compare_on_tables, compare_predictions, source_for_both
from tabsmith.modeling.holdout.predictions import MAX_CELLS, HoldoutPredictions
from tabsmith.modeling.metric_catalogue import default_metric
from tabsmith.modeling.metrics import score
from tabsmith.modeling.model import load_model
from tabsmith.runs.stages import read
from tabsmith.tables.read.sources import FileSource
from tests.core.modeling.shapes import finished, prepared, quick, table


@pytest.fixture
def reports(tmp_path):
    data = prepared("number", "regression", rows=400)
    return [
        finished(data, tmp_path / family, quick(family), importance_seconds=0)
        for family in ("linear", "nearest_neighbors")
    ]


def test_models_of_the_same_table_are_compared_on_their_test_set(reports):
    linear, neighbors = (report.model_id for report in reports)
    found = compare_on_holdout(linear, neighbors)
    assert found.on == "test set"
    assert found.rows == reports[0].holdout.rows
    assert found.first_score == pytest.approx(reports[0].holdout.scores[0].score, rel=1e-5)
    assert found.second_score == pytest.approx(reports[1].holdout.scores[0].score, rel=1e-5)
    assert found.better == "first"
    assert found.high < 0
    turned = compare_on_holdout(neighbors, linear)
    assert turned.better == "second"
    assert turned.low == pytest.approx(-found.high)
    assert compare_on_holdout(linear, linear).better == "not shown"


@pytest.mark.filterwarnings("ignore::tabsmith.errors.NewRowsWarning")  # of users that they never saw
def test_models_are_compared_on_a_table_as_they_predict_it(reports, tmp_path):
    models = [load_model(report.model_id) for report in reports]
    rows = table(150, seed=5)
    rows.drop(columns=["flag", "one_two", "level", "thirty"]).to_csv(tmp_path / "new.csv", index=False)
    sources = source_for_both(*models, FileSource(str(tmp_path / "new.csv")))
    infos = [read(source, lambda _share, _message: None) for source in sources]
    found = compare_on_tables(*models, *infos)
    expected = [
        score(default_metric("regression"), rows["number"].to_numpy(), m.predict(rows)[:, None], 0) for m in models
    ]
    assert [found.first_score, found.second_score] == pytest.approx(expected)
    assert (found.on, found.rows, found.better) == ("table", 150, "first")
    rows.drop(columns="number").to_csv(tmp_path / "blind.csv", index=False)
    infos = [
        read(source, lambda _share, _message: None)
        for source in source_for_both(*models, FileSource(str(tmp_path / "blind.csv")))
    ]
    with pytest.raises(UsageError, match="no column"):
        compare_on_tables(*models, *infos)


def test_classes_are_matched_by_name_and_a_real_difference_is_shown_only_with_enough_rows(reports):
    draw = np.random.default_rng(0)
    truth = draw.integers(0, 2, 400)
    good = np.stack([1 - truth, truth], axis=1) * 0.4 + draw.random((400, 2)) * 0.6
    poor = draw.random((400, 2))
    report = replace(reports[0], metric=default_metric("binary"), classes=("no", "yes"))
    assert compare_predictions(report, report, HoldoutPredictions(truth, good), poor, on="table").better == "first"
    few = HoldoutPredictions(truth[:8], good[:8])
    assert compare_predictions(report, report, few, poor[:8], on="table").better in ("first", "not shown")
    one_group = HoldoutPredictions(truth, good, np.zeros(400, dtype=np.int64))
    whole = compare_predictions(report, report, one_group, poor, on="table")
    assert whole.low == pytest.approx(whole.high)  # the only group is in every draw


def test_what_cannot_be_compared_is_refused_with_the_way_out(reports, tmp_path):
    other = finished(
        prepared("number", "regression", rows=390), tmp_path / "other", quick("linear"), importance_seconds=0
    )
    with pytest.raises(UsageError, match="different rows") as refused:
        compare_on_holdout(reports[0].model_id, other.model_id)
    assert "--on" in refused.value.next_step
    flags = finished(prepared(), tmp_path / "flags", quick("linear"), importance_seconds=0)
    with pytest.raises(UsageError, match="different things"):
        compare_on_holdout(reports[0].model_id, flags.model_id)
    without = store.model_folder(reports[0].model_id)
    without.chmod(0o755)
    (without / "holdout.npz").unlink()
    with pytest.raises(UsageError, match="without the predictions"):
        compare_on_holdout(reports[0].model_id, reports[1].model_id)


def test_predictions_of_many_rows_are_thinned_and_damaged_ones_refused(tmp_path):
    rows = 3 * MAX_CELLS // 100
    many = HoldoutPredictions(np.arange(rows), np.zeros((rows, 100), dtype=np.float32))
    assert many.thinned().truth[:3].tolist() == [0, 3, 6]
    path = tmp_path / "holdout.npz"
    HoldoutPredictions(np.arange(4), np.zeros((4, 1))).save(path)
    assert HoldoutPredictions.load(path).groups is None
    for data in (b"", b"PK\x03\x04", path.read_bytes()[:40]):
        path.write_bytes(data)
        with pytest.raises(ModelDamagedError):
            HoldoutPredictions.load(path)
