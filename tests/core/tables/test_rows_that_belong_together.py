"""Rows that belong together are found: entities with several rows, series in time, copies; and columns that leak."""

import numpy as np
import pandas as pd
import pytest

from tabsmith.tables.read.frames import from_frame
from tabsmith.tables.schema.detect import detect_schema
from tabsmith.tables.schema.edits import with_role, with_split
from tabsmith.tables.schema.types import Schema, Split

ROWS = 240


def detect(columns: dict[str, object] | pd.DataFrame, target: str = "y") -> Schema:
    return detect_schema(from_frame(pd.DataFrame(columns)), target)


def warned(schema: Schema, name: str) -> set[str]:
    return {warning.kind for warning in schema.column(name).warnings}


def noise(rows: int = ROWS, seed: int = 0) -> dict[str, object]:
    draw = np.random.default_rng(seed)
    return {"a": draw.normal(size=rows), "b": draw.normal(size=rows)}


def with_entity(name: str, values: object) -> Schema:
    return detect({name: values, **noise(), "y": np.random.default_rng(9).normal(size=ROWS)})


# Entities ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("groups", [5, 6, 40])
@pytest.mark.parametrize("name", ["user", "device", "engine", "patient_id", "CustomerID", "machine_no", "subject"])
def test_rows_of_an_entity_stay_together_from_five_groups_on(name: str, groups: int) -> None:
    schema = with_entity(name, np.random.default_rng(1).permutation(np.arange(ROWS) % groups))
    assert (schema.split.kind, schema.split.by, schema.column(name).role) == ("grouped", name, "group")
    assert schema.split.folds <= groups


def test_addresses_of_mail_are_entities_whatever_the_name() -> None:
    assert with_entity("contact", [f"p{row % 30}@example.org" for row in range(ROWS)]).split.by == "contact"


def test_a_count_that_starts_anew_shows_an_entity_whatever_the_name() -> None:
    engine = np.arange(ROWS) // 12
    columns = {"nr7": [f"x{number}z" for number in engine], "t": np.arange(ROWS) % 12 + 1, **noise(), "y": noise()["a"]}
    assert detect(columns).split.by == "nr7"


@pytest.mark.parametrize("name", ["store_id", "product_id", "batch", "batch no", "seller", "hospital"])
def test_what_rows_may_belong_to_is_offered_and_a_random_split_across_it_warned_of(name: str) -> None:
    schema = with_entity(name, [f"n{row % 12}" for row in range(ROWS)])
    assert schema.split.kind == "random"
    assert warned(schema, name) == {"possible group"}
    assert "12 values" in schema.column(name).warnings[0].message


def test_keys_by_their_look_are_offered_whatever_the_name() -> None:
    assert warned(with_entity("who", [f"PX-{row % 40:04d}" for row in range(ROWS)]), "who") == {"possible group"}


@pytest.mark.parametrize("name", ["colour", "class_id", "year", "weekday", "education_field"])
def test_ordinary_categories_and_periods_are_no_entities(name: str) -> None:
    schema = with_entity(name, np.random.default_rng(3).permutation([f"v{row % 7}" for row in range(ROWS)]))
    assert schema.split.kind == "random"
    assert warned(schema, name) == set()


def test_another_split_by_hand_is_warned_of_until_rows_are_kept_together_again() -> None:
    schema = with_entity("user", np.arange(ROWS) % 30)
    assert warned(schema, "user") == set()
    apart = with_split(schema, Split("random"))
    assert warned(apart, "user") == {"possible group"}
    assert warned(with_role(schema, "user", "feature"), "user") == {"possible group"}
    assert warned(with_role(apart, "user", "group"), "user") == set()


# Series --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "moments"),
    [
        ("year", np.arange(1960, 2000)),
        ("Year", np.arange(1999, 1959, -1)),
        ("period", np.arange(1, 41)),
        ("when", pd.date_range("1985-01-01", periods=40, freq="YS")),
        ("when", pd.date_range("2020-01-01", periods=40, freq="MS")),
        ("when", pd.date_range("2020-01-01", periods=16, freq="QS")),
    ],
)
def test_a_series_of_years_or_other_moments_is_split_in_time(name: str, moments: object) -> None:
    rows = len(moments)  # type: ignore[arg-type]
    schema = detect({name: moments, **noise(rows), "y": noise(rows, 5)["a"]})
    assert (schema.split.kind, schema.split.by, schema.column(name).role) == ("forward", name, "time")
    assert schema.column(name).kind in {"date", "numeric", "code"}


def test_years_that_many_rows_share_make_no_series() -> None:
    assert detect({"year": np.repeat(np.arange(2000, 2010), 24), **noise(), "y": noise()["a"]}).split.kind == "random"


def panel(*sizes: int, days: int = 30) -> pd.DataFrame:
    """One row a day for each combination of the entities `shop`, and `item` if there are two sizes; a few are missing."""
    names = ["shop", "item"][: len(sizes)]
    levels = [[f"{name} {place}" for place in range(size)] for name, size in zip(names, sizes, strict=True)]
    moments = pd.date_range("2024-01-01", periods=days)
    frame = pd.MultiIndex.from_product([*levels, moments], names=[*names, "day"]).to_frame(index=False)
    frame["sold"] = np.random.default_rng(3).normal(size=len(frame))
    return frame.drop(index=[3, 5, 40])


@pytest.mark.parametrize(("sizes", "entity"), [((8,), "shop"), ((4, 5), "shop and item")])
def test_a_series_for_each_entity_is_split_in_time_whatever_the_order_of_rows(
    sizes: tuple[int, ...], entity: str
) -> None:
    rows = panel(*sizes)
    for frame in (rows, rows.sample(frac=1, random_state=0)):
        split = detect(frame, "sold").split
        assert (split.kind, split.by) == ("forward", "day")
        assert split.entity == tuple(entity.split(" and "))
        assert f"each {entity} has one row at each day" in split.reason


def test_series_stay_known_as_long_as_the_rows_are_split_by_their_time() -> None:
    schema = detect(panel(8).assign(other=lambda rows: rows["day"] + pd.Timedelta(hours=1)), "sold")
    assert with_split(schema, Split("forward", "day", folds=3)).split.entity == ("shop",)
    assert with_split(schema, Split("forward", "other", entity=("shop",))).split.entity == ()
    assert with_role(schema, "other", "time").split.entity == ()


def test_persons_seen_on_numbered_days_are_grouped_and_on_dates_split_in_time() -> None:
    rows = panel(12).rename(columns={"shop": "subject"})
    assert detect(rows, "sold").split.kind == "forward"
    numbered = rows.assign(day=rows["day"].dt.day_of_year)
    assert detect(numbered, "sold").split.by == "subject"


def test_rows_that_share_their_dates_make_no_series_and_the_reason_says_so() -> None:
    rows = pd.concat([panel(8), panel(8).assign(sold=0.5)])
    split = detect(rows.sample(frac=1, random_state=0), "sold").split
    assert split.kind == "random"
    assert "day dates the rows, about 16 rows at each, and makes no series of them" in split.reason


def test_rows_at_uneven_times_are_a_series_only_if_neighbours_are_alike() -> None:
    draw = np.random.default_rng(4)
    times = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.cumsum(draw.exponential(5_000, ROWS)), unit="s")
    walk, loud = np.cumsum(draw.normal(size=ROWS)), draw.normal(size=ROWS)
    alike = detect({"at": times, "loud": loud, "y": walk + loud}).split
    assert (alike.kind, alike.by) == ("forward", "at")
    assert "are alike" in alike.reason
    alone = detect({"at": times, "loud": loud, "y": 3 * loud + draw.normal(size=ROWS)}).split
    assert alone.kind == "random"
    assert "no more alike than others" in alone.reason
    explained = detect({"at": times, "walk": walk, "y": walk + 0.3 * loud}).split
    assert explained.kind == "random"


# Copies --------------------------------------------------------------------------------------------------------------


def repeated(schema: Schema) -> str:
    return next((warning.message for warning in schema.warnings if warning.kind == "repeated rows"), "")


def originals(rows: int = 60) -> pd.DataFrame:
    draw = np.random.default_rng(2)
    return pd.DataFrame({**noise(rows), "c": draw.choice(list("xyz"), rows), "y": draw.integers(0, 2, rows)})


def test_copies_are_counted_and_told() -> None:
    table = originals()
    assert repeated(detect(table)) == ""
    assert repeated(detect(pd.concat([table, table.iloc[[3]]]))).startswith("1 row is identical")
    assert repeated(detect(pd.concat([table] * 4))).startswith("180 rows are identical")


def test_copies_with_another_target_or_key_are_copies() -> None:
    table = pd.concat([originals(), originals().assign(y=1)])
    table.insert(0, "id", np.arange(len(table)))
    assert repeated(detect(table)).startswith("60 rows are identical")


def test_near_copies_are_told_as_such() -> None:
    draw = np.random.default_rng(4)
    table = originals()
    shaken = table.assign(a=table.a + 1e-6 * draw.normal(size=60), b=table.b * (1 + 1e-7))
    assert "or nearly so" in repeated(detect(pd.concat([table, shaken])))


def test_rows_that_are_equal_by_nature_are_no_copies() -> None:
    draw = np.random.default_rng(5)
    assert (
        repeated(detect({**{name: draw.integers(0, 2, 600) for name in "abcde"}, "y": draw.integers(0, 2, 600)})) == ""
    )
    same = draw.normal(size=600)
    alike = {name: same + 0.01 * draw.normal(size=600) for name in "abcd"}
    assert repeated(detect({**alike, "y": draw.normal(size=600)})) == ""


# Leaks ---------------------------------------------------------------------------------------------------------------


def leak(columns: dict[str, object], name: str) -> str:
    schema = detect(columns)
    return next((warning.message for warning in schema.column(name).warnings if warning.kind == "leak suspect"), "")


@pytest.mark.parametrize("rows", [60, 150, 400])
def test_a_leak_is_named_with_its_own_number_also_in_a_small_table(rows: int) -> None:
    draw = np.random.default_rng(6)
    y = draw.normal(size=rows)
    columns = {**noise(rows), "later": np.exp(y + 0.01 * draw.normal(size=rows)), "y": y}
    assert "rank correlation of 0.99" in leak(columns, "later") or "rank correlation of 1.0" in leak(columns, "later")
    assert leak(columns, "a") == ""
    churn = y > 0.5
    columns = {**noise(rows), "fee": np.where(churn, 9.0, 1.0) + draw.random(rows), "y": np.where(churn, "yes", "no")}
    assert "AUC of 1.000" in leak(columns, "fee")
    assert leak(columns, "b") == ""


def test_each_part_of_a_sum_has_its_own_number() -> None:
    draw = np.random.default_rng(7)
    fare, tip = draw.gamma(3, 5, ROWS), draw.gamma(2, 2, ROWS)
    columns = {"miles": draw.normal(5, 1, ROWS), "fare": fare, "tip": tip, "y": fare + tip}
    messages = {leak(columns, "fare").rpartition("? ")[2], leak(columns, "tip").rpartition("? ")[2]}
    assert len(messages) == 2
    assert all("alone has a rank correlation of 0." in message for message in messages)
