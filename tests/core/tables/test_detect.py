"""What is understood of a table: kinds, roles, target, task, split, and the warnings that a person should see."""

import numpy as np
import pandas as pd
import pytest

from tabsmith.errors import SchemaError
from tabsmith.tables.read.frames import from_frame
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import SampleName, SampleSource
from tabsmith.tables.schema.detect import detect_schema
from tabsmith.tables.schema.types import Schema

ROWS = 400


def draw(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def detect(columns: dict[str, object], target: str | None = None) -> Schema:
    return detect_schema(from_frame(pd.DataFrame(columns)), target)


def warned(schema: Schema, name: str) -> set[str]:
    return {warning.kind for warning in schema.column(name).warnings}


def houses(**more: object) -> dict[str, object]:
    random = draw()
    area = random.normal(100, 20, ROWS)
    return {
        "id": np.arange(ROWS) + 1,
        "area": area.round(1),
        "rooms": random.integers(1, 8, ROWS),
        "town": random.choice(["Aa", "Bb", "Cc"], ROWS),
        "price": (area * 3_000 + random.normal(0, 9_000, ROWS)).round(0),
        **more,
        "note": [f"a house with number {row} in a street" for row in range(ROWS)],
    }


def test_kinds_and_roles_are_found_with_evidence() -> None:
    schema = detect(
        houses(
            zip_code=draw().integers(10_000, 10_040, ROWS),
            sold=pd.date_range("2020-01-01", periods=ROWS).to_numpy()[draw().permutation(ROWS)],
            garage=draw().choice(["yes", "no"], ROWS),
            always="x",
            key=[f"K{row:05d}" for row in draw().permutation(ROWS)],
        )
    )
    found = {column.name: (column.kind, column.role) for column in schema.columns}
    assert found == {
        "id": ("identifier", "ignore"), "area": ("numeric", "feature"), "rooms": ("numeric", "feature"),
        "town": ("category", "feature"), "price": ("numeric", "target"), "note": ("text", "feature"),
        "zip_code": ("code", "feature"), "sold": ("date", "feature"), "garage": ("boolean", "feature"),
        "always": ("constant", "ignore"), "key": ("identifier", "ignore"),
    }  # fmt: skip
    assert all(column.evidence for column in schema.columns)
    assert warned(schema, "id") == {"identifier"}
    assert warned(schema, "always") == {"constant"}
    assert warned(schema, "sold") == {"date"}


def test_the_target_is_found_by_its_name_wherever_it_stands() -> None:
    schema = detect(houses())
    assert (schema.target, schema.problem_type) == ("price", "regression")
    assert schema.targets[0].name == "price"
    assert schema.targets[0].confidence > 0.5
    assert "name" in schema.targets[0].reason


def test_without_a_telling_name_the_last_column_is_taken() -> None:
    random = draw()
    columns = {f"column_{place}": random.normal(size=ROWS) for place in range(1, 6)}
    columns["column_6"] = columns["column_1"] + random.normal(0, 0.1, ROWS)
    schema = detect(columns)
    assert (schema.target, schema.problem_type) == ("column_6", "regression")


def test_classes_before_numbers_are_the_target() -> None:
    random = draw()
    columns: dict[str, object] = {"column_1": random.choice(["B", "M"], ROWS)}
    columns |= {f"column_{place}": random.normal(size=ROWS) for place in range(2, 9)}
    assert detect(columns).target == "column_1"


def test_classes_before_numbers_are_not_the_target_when_the_last_name_is_a_targets() -> None:
    random = draw()
    columns: dict[str, object] = {"Grade": random.choice(["A", "B"], ROWS), "Mn": random.random(ROWS)}
    columns |= {"Si": random.random(ROWS), "Strength": 300 + 200 * columns["Mn"] + random.normal(0, 9, ROWS)}  # type: ignore[operator]
    assert detect(columns).target == "Strength"


@pytest.mark.parametrize(
    ("name", "target", "task"),
    [
        ("iris", "species", "multiclass"),
        ("wine", "cultivar", "multiclass"),
        ("breast_cancer", "diagnosis", "binary"),
        ("diabetes", "progression", "regression"),
        ("digits", "digit", "multiclass"),
        ("linnerud", "Pulse", "regression"),
    ],
)
def test_the_targets_of_the_samples_are_found(name: SampleName, target: str, task: str) -> None:
    schema = detect_schema(read_source(SampleSource(name), allowed=(), max_mb=1))
    assert (schema.target, schema.problem_type) == (target, task)


def test_a_table_in_which_nothing_can_be_predicted_has_no_target() -> None:
    schema = detect(
        {
            "id": np.arange(ROWS),
            "when": pd.date_range("2020-01-01", periods=ROWS),
            "text": [f"something said in row {row} here" for row in range(ROWS)],
        }
    )
    assert (schema.target, schema.problem_type, schema.targets) == ("", "none", ())


def test_an_unknown_target_names_the_nearest_column() -> None:
    with pytest.raises(SchemaError, match="price"):
        detect(houses(), "prise")


@pytest.mark.parametrize("name", ["always", "note", "sold"])
def test_a_target_that_cannot_be_predicted_is_refused(name: str) -> None:
    columns = houses(always="x", sold=pd.date_range("2020-01-01", periods=ROWS))
    with pytest.raises(SchemaError, match="cannot be the target"):
        detect(columns, name)


@pytest.mark.parametrize(
    ("values", "name", "task"),
    [
        ([0, 1], "y", "binary"),
        ([-1, 1], "y", "binary"),
        (["a", "b", "c"], "y", "multiclass"),
        ([1, 2, 3], "grade", "multiclass"),
        ([3, 4, 5, 6, 7, 8], "quality", "regression"),
        ([3, 4, 5, 6, 7, 8, 9], "quality", "regression"),
        (list(range(10)), "digit", "multiclass"),
        (list(range(40)), "rings", "regression"),
    ],
)
def test_the_task_follows_from_the_target(values: list[object], name: str, task: str) -> None:
    columns = {"a": draw().normal(size=ROWS), name: draw(1).choice(np.array(values), ROWS)}
    assert detect(columns, name).problem_type == task


def test_a_recoding_of_the_target_is_left_out() -> None:
    survived = draw().integers(0, 2, ROWS)
    schema = detect(
        {
            "survived": survived,
            "age": draw(1).normal(40, 9, ROWS),
            "alive": np.where(survived == 1, "yes", "no"),
            "sex": draw(2).choice(["f", "m"], ROWS),
        }
    )
    assert schema.target == "survived"
    assert (schema.column("alive").role, warned(schema, "alive")) == ("ignore", {"leak suspect"})
    assert schema.column("sex").role == "feature"


def test_the_target_in_another_unit_is_left_out() -> None:
    columns = houses()
    columns["price_in_cents"] = columns["price"] * 100  # type: ignore[operator]
    assert detect(columns, "price").column("price_in_cents").role == "ignore"


def test_a_feature_that_tells_the_target_alone_stays_with_a_warning() -> None:
    churn = draw().integers(0, 2, ROWS)
    told = np.where(draw(1).random(ROWS) < 0.995, churn, 1 - churn)
    schema = detect({"a": draw(2).normal(size=ROWS), "reason": np.where(told == 1, "left", "none"), "churn": churn})
    assert schema.target == "churn"
    assert (schema.column("reason").role, warned(schema, "reason")) == ("feature", {"leak suspect"})


def test_parts_that_add_up_to_the_target_are_suspected() -> None:
    random = draw()
    fare, tip, miles = random.gamma(3, 5, ROWS), random.gamma(2, 2, ROWS), random.normal(5, 1, ROWS)
    columns = {"miles": miles, "fare": fare, "tip": tip, "total": fare + tip}
    schema = detect(columns, "total")
    assert {name for name in columns if "leak suspect" in warned(schema, name)} == {"fare", "tip"}
    other = detect({**columns, "total": fare + tip + random.choice([0.5, 1.0, 3.0], ROWS)}, "tip")
    assert "leak suspect" in warned(other, "total")
    assert "leak suspect" not in warned(other, "miles")


def test_ordinary_strong_features_are_not_suspected() -> None:
    schema = detect(houses(), "price")
    assert "leak suspect" not in warned(schema, "area")


def test_duplicates_and_sparse_and_varied_columns_are_told() -> None:
    random = draw()
    words = random.choice([f"w{word}" for word in range(120)], ROWS)
    sparse = np.where(random.random(ROWS) < 0.8, np.nan, random.normal(size=ROWS))
    schema = detect(houses(words=words, again=words, sparse=sparse))
    assert "high cardinality" in warned(schema, "words")
    assert "duplicate" in warned(schema, "again")
    assert schema.column("again").role == "ignore"
    assert "mostly missing" in warned(schema, "sparse")


def test_rare_classes_imbalance_and_missing_targets_are_told() -> None:
    labels = np.array(["a"] * 380 + ["b"] * 15 + ["c"] * 3 + [None] * 2, dtype=object)
    schema = detect({"x": draw().normal(size=ROWS), "label": labels})
    assert schema.target == "label"
    assert warned(schema, "label") == {"class too rare", "imbalanced", "target missing"}


def test_rows_of_one_patient_stay_together() -> None:
    random = draw()
    schema = detect(
        {
            "patient_id": np.repeat(np.arange(100), 4),
            "pressure": random.normal(size=ROWS),
            "disease": random.integers(0, 2, ROWS),
        }
    )
    assert (schema.split.kind, schema.split.by) == ("grouped", "patient_id")
    assert schema.column("patient_id").role == "group"


def test_a_series_in_time_is_split_forward_and_shuffled_dates_are_not() -> None:
    random = draw()
    days = pd.date_range("2020-01-01", periods=ROWS)
    columns = {"day": days, "wind": random.normal(size=ROWS), "demand": random.normal(size=ROWS)}
    schema = detect(columns)
    assert (schema.split.kind, schema.split.by, schema.column("day").role) == ("forward", "day", "time")
    assert detect({**columns, "day": days[random.permutation(ROWS)]}).split.kind == "random"


@pytest.mark.parametrize(("rows", "holdout", "folds"), [(30, 0.0, 5), (50, 0.2, 5), (200, 0.2, 8), (10_000, 0.2, 5)])
def test_folds_and_hold_out_follow_the_number_of_rows(rows: int, holdout: float, folds: int) -> None:
    random = draw()
    schema = detect({"a": random.normal(size=rows), "label": np.arange(rows) % 2})
    assert (schema.split.kind, schema.split.holdout, schema.split.folds) == ("stratified", holdout, folds)


def test_names_and_cells_of_all_kinds_are_understood_without_harm() -> None:
    random = draw()
    names = ['"; DROP TABLE t; --', "[/nope]", "A", "a", "", "\x1b[31m", "x" * 100_000]
    schema = detect({name: random.normal(size=ROWS) for name in names})
    assert [column.name for column in schema.columns] == names
    assert "\x1b" not in "".join(warning.message for column in schema.columns for warning in column.warnings)


def test_a_table_of_one_column_or_one_row_is_understood() -> None:
    assert detect({"a": [1.5, 2.5, 3.5]}).problem_type == "regression"
    assert detect({"a": [1], "b": ["x"]}).problem_type == "none"


def test_a_kind_by_hand_wins_over_detection_and_role() -> None:
    table = from_frame(pd.DataFrame(houses(dose=[f"d{row}" for row in range(ROWS)])))
    assert detect_schema(table, "price").column("dose").role == "ignore"
    by_hand = detect_schema(table, "price", kinds_by_hand={"dose": "numeric", "rooms": "category"})
    assert (by_hand.column("dose").kind, by_hand.column("dose").role) == ("numeric", "feature")
    assert by_hand.column("rooms").kind == "category"
    classes = detect_schema(table, "rooms", kinds_by_hand={"rooms": "category"})
    assert (classes.problem_type, detect_schema(table, "rooms").problem_type) == ("multiclass", "regression")
