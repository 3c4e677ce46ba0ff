"""A table that no model can be trained on is told as such from its schema, with what would be enough."""

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace

from tabsmith.errors import SchemaError
from tabsmith.tables.read.frames import from_frame
from tabsmith.tables.schema.detect import detect_schema
from tabsmith.tables.schema.edits import with_role
from tabsmith.tables.schema.readiness import Obstacle, find_obstacle, require_trainable

ROWS = 60
DRAW = np.random.default_rng(0)


def obstacle(columns: dict[str, object], target: str | None = "y", **roles: str) -> Obstacle | None:
    info = from_frame(pd.DataFrame(columns))
    schema = detect_schema(info, target)
    for name, role in roles.items():
        schema = with_role(schema, name, role)  # type: ignore[arg-type]
    return find_obstacle(schema, info.profile)


def numbers(rows: int = ROWS) -> dict[str, object]:
    return {"a": DRAW.normal(size=rows), "b": DRAW.normal(size=rows)}


@pytest.mark.parametrize(
    ("columns", "said", "enough"),
    [
        ({**numbers(3), "y": [1.5, 2.5, 3.5]}, "only 3 rows", "at least 6 rows"),
        ({**numbers(), "y": [1.5, 2.5, 3.5] + [None] * 57}, "Only 3 rows have a value of y", "at least 6 rows"),
        ({**numbers(), "y": ["x"] * 59 + ["z"]}, "Only 1 class of y has two rows", "two rows of at least two classes"),
        ({"id": np.arange(ROWS), "y": DRAW.normal(size=ROWS)}, "No column is left", "role feature"),
    ],
)
def test_what_is_missing_is_told_with_what_would_be_enough(columns: dict[str, object], said: str, enough: str) -> None:
    found = obstacle(columns)
    assert found is not None
    assert said in found.message
    assert enough in found.next_step


def test_a_table_in_which_nothing_varies_has_no_target() -> None:
    found = obstacle({"a": [1] * ROWS, "y": [2] * ROWS}, None)
    assert found is not None
    assert "at least two values" in found.next_step


def test_a_constant_column_with_the_name_of_a_target_says_what_a_target_needs() -> None:
    schema = detect_schema(from_frame(pd.DataFrame({**numbers(), "churn": [0] * ROWS})))
    assert "at least two values" in schema.column("churn").warnings[0].message
    schema = detect_schema(from_frame(pd.DataFrame({**numbers(), "survived": [None] * ROWS})))
    assert "every value is missing" in schema.column("survived").warnings[0].message


def test_two_groups_are_too_few_to_keep_some_apart() -> None:
    columns = {**numbers(), "site": ["n", "s"] * 30, "y": DRAW.normal(size=ROWS)}
    found = obstacle(columns, site="group")
    assert found is not None
    assert "at least 3 groups" in found.next_step
    assert obstacle(columns) is None


@pytest.mark.parametrize(("wrong", "said"), [(None, "1 row of the table has no weight in w"), (-2.0, "a weight of -2")])
def test_rows_without_a_positive_weight_are_told_before_training(wrong: float | None, said: str) -> None:
    columns = {**numbers(), "w": [1.5, 2.5] * 29 + [1.5, wrong], "y": DRAW.normal(size=ROWS)}
    found = obstacle(columns, w="weight")
    assert found is not None
    assert said in found.message
    assert obstacle(columns) is None


def test_an_ordinary_table_may_be_trained_on_and_another_is_refused() -> None:
    info = from_frame(pd.DataFrame({**numbers(), "y": DRAW.normal(size=ROWS)}))
    schema = detect_schema(info, "y")
    require_trainable(schema, info.profile)
    with pytest.raises(SchemaError, match="No column can be predicted"):
        require_trainable(replace(schema, target=""), info.profile)
