"""A test set of a person's own: read as new rows are, never learned from, and what it shares with the table is told."""

import numpy as np
import pandas as pd
import pytest

from tabsmith.errors import MissingColumnError, TrainingError
from tabsmith.modeling.holdout.table import HoldoutOrigin, HoldoutTable
from tabsmith.modeling.metric_catalogue import default_metric
from tabsmith.modeling.row_batches import frame_rows
from tabsmith.modeling.training_data import prepare_training_data
from tabsmith.tables.schema.edits import with_role
from tabsmith.tables.schema.types import Split
from tests.core.modeling.shapes import schema, table


def measured_on(frame: pd.DataFrame, plan=None, train: pd.DataFrame | None = None, task="binary"):
    own = HoldoutTable(HoldoutOrigin("own.csv", "mark"), frame_rows(frame))
    return prepare_training_data(
        table(120) if train is None else train,
        plan or schema("flag", "binary"),
        default_metric(task),
        seed=0,
        holdout_table=own,
    )


def test_no_row_of_the_table_is_set_aside_and_none_of_the_test_set_is_learned_from():
    data = measured_on(table(50, seed=1))
    assert (data.train_rows, data.holdout_rows, data.all_rows) == (120, 50, 120)
    assert sum(len(scored) for _, scored in data.folds) == 120
    np.testing.assert_array_equal(data.held_y, table(50, seed=1)["flag"].astype(int))
    assert data.own_holdout == HoldoutOrigin("own.csv", "mark")
    every = data.with_holdout()
    assert (every.train_rows, every.holdout_rows) == (120, 0)
    assert every.y.tolist() == data.y.tolist()


def test_rows_without_a_target_that_training_knows_are_left_out_and_told():
    own = table(50, seed=1).astype({"level": object})
    own.loc[:3, "level"] = None
    own.loc[4:5, "level"] = "enormous"
    own.loc[6, "level"] = " High "
    data = measured_on(own, schema("level", "multiclass"), task="multiclass")
    assert data.held_positions.tolist() == list(range(6, 50))
    assert data.labels.words()[data.held_y[0]] == "high"
    notes = "; ".join(data.notes)
    assert "6 rows without a target that is known from training are left out" in notes
    assert '"enormous"' in notes


def test_columns_are_found_by_similar_names_and_a_missing_one_is_refused():
    own = table(50, seed=1).rename(columns={"size": " Size ", "flag": "FLAG"})
    assert measured_on(own).held_rows.floats("size").tolist() == own[" Size "].tolist()
    with pytest.raises(MissingColumnError, match='2 columns of the table, the target among them: "words", "flag"'):
        measured_on(own.drop(columns=["words", "FLAG"]))


def test_rows_that_training_has_too_are_counted():
    copied = pd.concat([table(120).head(7), table(50, seed=1)], ignore_index=True)
    notes = measured_on(copied).notes
    assert any("7 rows identical to a training row" in note for note in notes)
    copied.loc[:6, "flag"] = ~copied.loc[:6, "flag"]
    assert not any("identical to a training row" in note for note in measured_on(copied).notes)


def test_too_few_rows_to_measure_on_are_refused():
    with pytest.raises(TrainingError, match="Only 3 rows of the test set"):
        measured_on(table(3, seed=1))


def test_weights_are_in_the_unit_of_the_training_rows_and_rows_without_one_are_left_out():
    train, own = table(120), table(50, seed=1)
    train["count"], own["count"] = 4.0, 8.0
    own.loc[:1, "count"] = 0.0
    columns = {"size": "numeric", "colour": "category", "count": "numeric"}
    plan = with_role(schema("number", "regression", columns=columns), "count", "weight")
    data = measured_on(own, plan, train, "regression")
    assert data.weights is not None
    assert data.holdout_weights is not None
    assert set(data.weights.tolist()) == {1.0}
    assert data.holdout_weights.tolist() == [2.0] * 48


def test_groups_and_times_that_the_training_rows_have_too_are_told():
    grouped = measured_on(table(50, seed=1), schema("flag", "binary", split=Split("grouped", by="user", folds=3)))
    users = set(table(120)["user"])
    shared = sum(user in users for user in table(50, seed=1)["user"])
    assert shared
    assert any(f"{shared} rows of a user that the training rows have too" in note for note in grouped.notes)
    assert len(set(grouped.holdout_basis.groups.tolist())) == table(50, seed=1)["user"].nunique()
    forward = Split("forward", by="day", folds=3)
    dated = measured_on(table(50, seed=1), schema("number", "regression", split=forward), task="regression")
    last = table(120)["day"].max()
    early = int((table(50, seed=1)["day"] <= last).sum())
    assert any(f"{early} rows no later than the last training row" in note for note in dated.notes)
