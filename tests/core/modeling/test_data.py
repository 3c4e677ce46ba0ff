"""A table made ready: what is left out, set aside, and kept together."""

import msgspec
import numpy as np
import pandas as pd
import pytest

from tabsmith.errors import SchemaError, TrainingError, UsageError
from tabsmith.modeling.metric_catalogue import default_metric, get_metric
from tabsmith.modeling.rows import read_rows
from tabsmith.modeling.splits import SplitBasis, split_holdout
from tabsmith.modeling.training_data import input_columns, prepare_training_data
from tabsmith.tables.schema.types import Split
from tests.core.modeling.shapes import KINDS, evaluated, prepared, quick, schema, table


def _prepare(frame, target, task, **options):
    return prepare_training_data(frame, schema(target, task, **options), default_metric(task), seed=0)


def _plain(y, rows=None, **options):
    frame = pd.DataFrame({"x": np.arange(float(len(y))), "y": y})
    task = options.pop("task", "binary")
    return _prepare(frame, "y", task, columns={"x": "numeric"}, **options)


def test_every_row_is_in_the_hold_out_or_in_exactly_one_fold():
    data = prepared(rows=200)
    assert data.train_rows + data.holdout_rows == 200
    assert data.holdout_rows == 40
    scored = np.concatenate([rows for _, rows in data.folds])
    assert sorted(scored.tolist()) == list(range(160))
    assert all(not set(fitted.tolist()) & set(rows.tolist()) for fitted, rows in data.folds)
    shares = [data.y[rows].mean() for _, rows in data.folds]
    assert max(shares) - min(shares) < 0.03


def test_the_split_is_the_same_for_the_same_seed_and_another_for_another():
    frame, plan, metric = table(), schema("flag", "binary"), default_metric("binary")
    one, two, other = (prepare_training_data(frame, plan, metric, seed=seed).folds[0][1].tolist() for seed in (1, 1, 2))
    assert one == two != other


def test_labels_keep_their_own_type():
    for labels, classes in (
        ([True, False] * 10, (False, True)),
        ([2, 1] * 10, (1, 2)),
        (["b", "a"] * 10, ("a", "b")),
        ([0.5, 1.5] * 10, (0.5, 1.5)),
        ([1.0, 2.0, np.nan] * 10, (1, 2)),
    ):
        data = _plain(labels)
        assert data.labels.classes == classes
        assert [type(label) for label in data.labels.classes] == [type(label) for label in classes]
        assert data.labels.decode(np.asarray([1, 0])).tolist() == [classes[1], classes[0]]


def test_rows_without_a_target_are_left_out_and_counted():
    data = _plain([1.0, 2.0, np.nan, 4.0] * 10, task="regression")
    assert data.train_rows + data.holdout_rows == 30
    assert "10 rows without a target are left out" in data.notes


def test_a_group_is_never_on_both_sides():
    data = prepared(rows=300, split=Split("grouped", by="user", folds=4))
    train, held = data.basis.groups, data.holdout_basis.groups
    assert not set(train.tolist()) & set(held.tolist())
    assert all(not set(train[fitted].tolist()) & set(train[rows].tolist()) for fitted, rows in data.folds)


def _grouped(groups, y, task="regression", **options):
    """Rows in `groups` with the targets `y`, made ready with a grouped split."""
    frame = pd.DataFrame({"x": np.arange(float(len(y))), "who": groups, "y": y})
    columns = {"x": "numeric", "who": "category"}
    return _prepare(frame, "y", task, columns=columns, split=Split("grouped", by="who", folds=5), **options)


@pytest.mark.parametrize("task", ["regression", "binary"])
def test_three_groups_are_one_for_the_test_set_and_two_folds(task):
    y = np.random.default_rng(0).integers(0, 2, 90)
    data = _grouped(np.repeat(["east", "north", "west"], 30), y.astype(float) if task == "regression" else y, task)
    assert data.holdout_rows == 30
    assert [len(scored) for _, scored in data.folds] == [30, 30]
    assert len(set(data.basis.groups.tolist()) | set(data.holdout_basis.groups.tolist())) == 3


@pytest.mark.parametrize("seed", range(4))
def test_a_huge_group_is_learned_from_and_not_set_aside(seed):
    groups = np.repeat(["huge", *(f"small {k}" for k in range(9))], [180, *[20] * 9])
    frame = pd.DataFrame({"x": np.arange(360.0), "who": groups, "y": np.arange(360.0) % 7})
    plan = schema(
        "y", "regression", columns={"x": "numeric", "who": "category"}, split=Split("grouped", by="who", folds=5)
    )
    data = prepare_training_data(frame, plan, default_metric("regression"), seed=seed)
    assert data.holdout_rows == 40
    assert any("one group holds 56% of the rows" in note for note in data.notes)


def test_classes_that_are_groups_cannot_be_validated_and_the_error_says_why():
    y = np.repeat(["a", "b", "c", "d"], 20)
    with pytest.raises(TrainingError, match="classes lie in one group each") as caught:
        _grouped(y, y, "multiclass")
    assert caught.value.next_step
    mixed = np.where(np.arange(80) < 60, np.arange(80) % 3, 3)  # the last class is the last group
    data = _grouped(mixed, np.where(mixed == 3, "rare", np.where(np.arange(80) % 2, "odd", "even")), "multiclass")
    assert "rare" in data.labels.decode(data.y).tolist()
    assert any("1 of 3 classes lies in one group each" in note for note in data.notes)


def test_few_rows_copied_many_times_are_split_by_the_different_rows():
    originals = np.tile(np.arange(3), 20)
    train, held = split_holdout(SplitBasis("random", "regression", originals * 1.5, originals, None), 0.2, seed=0)
    assert len(held) == 20
    assert not set(originals[train]) & set(originals[held])


def test_a_forward_split_only_ever_looks_back_and_says_which_rows_it_never_predicts():
    data = prepared("number", "regression", rows=300, split=Split("forward", by="day", folds=4))
    times = data.basis.times
    assert times.max() < data.holdout_basis.times.min()
    assert all(times[fitted].max() < times[rows].min() for fitted, rows in data.folds)
    assert 0.4 < data.covered.mean() < 0.6
    assert data.delivered_folds == (2, 3)


@pytest.mark.parametrize("kind", ["date", "numeric", "code"])
def test_a_model_of_a_series_carries_its_trend_on(tmp_path, kind):
    days = np.arange(200)
    frame = pd.DataFrame({"when": days, "wind": np.random.default_rng(0).normal(size=200)})
    frame["demand"] = 50 + 0.5 * days + frame["wind"]
    if kind == "date":
        frame["when"] = pd.Timestamp("2022-01-01") + pd.to_timedelta(days, unit="D")
    split = Split("forward", by="when", folds=3)
    columns = {"when": kind, "wind": "numeric"}
    series = schema("demand", "regression", split=split, columns=columns)
    data = prepare_training_data(frame, series, get_metric("rmse"), seed=0)
    assert evaluated(data, tmp_path, quick("linear")).mean < 2.0  # 30 and more by the mean of the past


def test_fewer_rows_than_folds_give_fewer_folds_and_a_note():
    data = _plain(["yes"] * 20 + ["no"] * 4, split=Split("stratified", folds=5))
    assert len(data.folds) < 5
    assert any("folds instead of 5" in note for note in data.notes)


def test_classes_rarer_than_the_folds_are_noted_and_never_only_in_the_hold_out():
    data = _plain(["a"] * 30 + ["b"] * 30 + ["c", "d"], task="multiclass", split=Split("stratified", folds=5))
    assert set(np.unique(data.y).tolist()) == {0, 1, 2, 3}
    assert any("2 of 4 classes have fewer rows" in note for note in data.notes)


def test_a_table_too_small_for_a_hold_out_has_none_and_says_so():
    data = _plain([1.0, 2.0, 3.0] * 4, task="regression")
    assert data.holdout_rows == 0
    assert data.notes == ("no test set: the table is too small to spare one",)


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (["a"] * 20, "same value in every row"),
        (["a", "b"], "Only 2 rows"),
        (["a"] * 20 + ["b"], "Fewer than two classes"),
    ],
)
def test_what_cannot_be_learned_is_said_in_words_with_a_next_step(labels, words):
    with pytest.raises(TrainingError, match=words) as caught:
        _plain(labels)
    assert caught.value.next_step


def test_a_schema_that_does_not_fit_the_table_is_refused():
    with pytest.raises(SchemaError, match='no column "gone"'):
        _prepare(table(), "gone", "binary")
    with pytest.raises(SchemaError, match="30 classes, not two"):
        _prepare(table(), "thirty", "binary")
    with pytest.raises(SchemaError, match="grouped split needs"):
        _prepare(table(), "flag", "binary", split=Split("grouped", by="nobody"))
    with pytest.raises(TrainingError, match="fewer than three groups"):
        _prepare(table().assign(user="me"), "flag", "binary", split=Split("grouped", by="user"))


def test_any_frame_is_cast_to_the_kinds_and_what_does_not_fit_is_counted():
    frame = pd.DataFrame(
        {
            "size": ["1.5", "-2", "many", None],
            "agreed": ["Yes", "no", "maybe", ""],
            "day": ["2024-01-02", "2024-03-04 05:06:07", "someday", None],
            "colour": [1, 2.0, "red", None],
            "grade": [1, 2, None, 4],
            "number": [1, 2, 3, 4],
            "unknown": [1, 1, 1, 1],
        }
    )
    read = read_rows(frame, input_columns(schema("number", "regression")))
    assert read.unparsable == {"size": 1, "agreed": 1, "day": 1}
    assert read.extra == ("number", "unknown")
    assert set(read.missing) == {"gaps", "user", "words", "empty", "same"}
    made = read.rows.frame()
    assert list(made.columns) == list(KINDS)
    assert made["size"].tolist()[:2] == [1.5, -2.0]
    assert made["agreed"].tolist()[:2] == [True, False]
    assert made["day"].tolist()[1] == pd.Timestamp("2024-03-04 05:06:07")
    assert made["colour"].tolist()[:3] == ["1", "2", "red"]
    assert made["gaps"].isna().all()


def test_numbers_as_text_and_integers_beside_gaps_read_alike():
    columns = input_columns(schema("number", "regression", columns={"colour": "category", "grade": "code"}))
    whole = read_rows(pd.DataFrame({"colour": [1, 2], "grade": [3, 4]}), columns).rows.frame()
    gaps = read_rows(pd.DataFrame({"colour": [1.0, np.nan], "grade": ["3", ""]}), columns).rows.frame()
    assert whole["colour"].tolist()[0] == gaps["colour"].tolist()[0] == "1"
    assert whole["grade"].tolist()[0] == gaps["grade"].tolist()[0] == 3


def test_preparing_starts_no_thread_and_needs_no_boosting_library():
    import subprocess
    import sys

    code = (
        "import sys, threading\n"
        "from tests.core.modeling.shapes import prepared\n"
        "prepared()\n"
        "assert threading.active_count() == 1, threading.enumerate()\n"
        "assert not {'duckdb', 'lightgbm', 'catboost'} & set(sys.modules), 'imported'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_metric_that_does_not_fit_names_those_that_do():
    with pytest.raises(UsageError, match="does not fit a regression task") as caught:
        get_metric("roc_auc", "regression")
    assert "rmse" in caught.value.next_step
    with pytest.raises(UsageError, match="is not a metric"):
        get_metric("auc!")


@pytest.mark.parametrize(("target", "task"), [("flag", "binary"), ("number", "regression")])
def test_copies_of_a_row_are_in_one_part(target, task):
    frame = pd.concat([table(60)] * 4, ignore_index=True)
    frame["original"] = np.tile(np.arange(60.0), 4)
    frame = frame.sample(frac=1, random_state=0, ignore_index=True)
    plan = schema(target, task)
    columns = (*plan.columns, msgspec.structs.replace(plan.column("same"), name="original", role="time"))
    data = prepare_training_data(frame, msgspec.structs.replace(plan, columns=columns), default_metric(task), seed=0)
    assert any("180 rows identical" in note for note in data.notes)
    train, held = data.rows.texts("original"), data.held_rows.texts("original")
    assert len(data.held_rows) == 48
    assert not {train.levels[code] for code in train.codes} & {held.levels[code] for code in held.codes}
    for fitted, scored in data.folds:
        assert not set(train.codes[fitted].tolist()) & set(train.codes[scored].tolist())
