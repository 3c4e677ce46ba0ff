"""Derived columns that are accepted, and what they compute."""

import math
from pathlib import Path

import pandas as pd
import pytest

from tabsmith.errors import RecipeError
from tabsmith.recipes.derived import compute
from tabsmith.recipes.recipe import DerivedColumn, Recipe
from tabsmith.recipes.validation import validate_recipe
from tests.core.recipes.tables import HOUSES, profile_of

FRAME = pd.DataFrame(
    {
        "area": [100.0, 50.0, None],
        "rooms": [4.0, 0.0, 2.0],
        "Year Built": [1990, 2000, 2010],
        "street": pd.Categorical(["Main", "Side", None]),
        "garden": [True, False, None],
        "sold": pd.to_datetime(["2020-01-05 13:00", "2021-02-03 00:00", None]),
        "note": ["Mr. John Doe", "x,y", None],
        "Case": [1.0, 2.0, 3.0],
        "case": [10.0, 20.0, 30.0],
        'quo"te': [1.0, 2.0, 3.0],
    },
    index=[7, 3, 5],
)

GOOD = {
    "area / rooms": [25.0, None, None],
    "AREA * 2": [200.0, 100.0, None],
    "ln(area)": [math.log(100), math.log(50), None],
    "ln(rooms)": [math.log(4), None, math.log(2)],
    "sqrt(rooms - 2)": [math.sqrt(2), None, 0.0],
    "case when area > 60 then 'big' else 'small' end": ["big", "small", "small"],
    "if(rooms > 1, 1, 0)": [1.0, 0.0, 1.0],
    "regexp_extract(note, '(\\w+)\\.', 1)": ["Mr", "", None],
    "regexp_replace(note, '[^a-z]', '', 'g')": ["rohnoe", "xy", None],
    "note similar to 'Mr.*'": [1.0, 0.0, None],
    "date_part('year', sold)": [2020.0, 2021.0, None],
    "extract(hour from sold)": [13.0, 0.0, None],
    "date_diff('day', sold, date '2021-01-05')": [366.0, -29.0, None],
    "year(sold) - \"Year Built\"": [30.0, 21.0, None],
    "coalesce(area, -1)": [100.0, 50.0, -1.0],
    "area is null": [0.0, 0.0, 1.0],
    "length(note)": [12.0, 3.0, None],
    "upper(street)": ["MAIN", "SIDE", None],
    "street || '-' || garden::varchar": ["Main-true", "Side-false", None],
    "split_part(note, ' ', 2)": ["John", "", None],
    "string_split(note, ' ')[3]": ["Doe", None, None],
    "replace(note, ',', ';')": ["Mr. John Doe", "x;y", None],
    "note like 'Mr%'": [1.0, 0.0, None],
    "cast(area as integer)": [100.0, 50.0, None],
    "note::integer": [None, None, None],
    "\"Year Built\"::varchar": ["1990", "2000", "2010"],
    "\"Year Built\" // 10 * 10": [1990.0, 2000.0, 2010.0],
    '"Case" + 1': [2.0, 3.0, 4.0],
    '"case" + 1': [11.0, 21.0, 31.0],
    '"quo""te" * 3': [3.0, 6.0, 9.0],
    "area between 60 and 200": [1.0, 0.0, None],
    "rooms in (2, 4)": [1.0, 0.0, 1.0],
    "not garden": [0.0, 1.0, None],
    "nullif(rooms, 0)": [4.0, None, 2.0],
    "case when (rooms / rooms) then (rooms / rooms) end": [1.0, None, 1.0],
    "greatest(area, rooms)": [100.0, 50.0, 2.0],
    "\"Year Built\"::tinyint": [None, None, None],
    "10 ** (area * 100)": [None, None, None],
    "replace(note, '--', ';')": ["Mr. John Doe", "x,y", None],
}  # fmt: skip


@pytest.mark.parametrize("sql", GOOD)
def test_a_good_expression_is_accepted_and_computed_in_row_order(sql: str) -> None:
    recipe = Recipe(family="linear", derived=(DerivedColumn("fresh", sql),))
    assert validate_recipe(recipe, HOUSES, profile_of(HOUSES)).problems == ()
    found = compute(FRAME, recipe.derived)
    assert list(found.index) == [7, 3, 5]
    assert list(found.columns) == ["fresh"]
    cells = [None if pd.isna(cell) else cell for cell in found["fresh"]]
    assert cells == [pytest.approx(cell) if isinstance(cell, float) else cell for cell in GOOD[sql]]


@pytest.mark.parametrize("sql", ["area / rooms", "length(note)", "year(sold)", '"Year Built" + 1', "street || 'x'"])
def test_without_a_profile_the_kinds_are_enough_to_check_by(sql: str) -> None:
    assert validate_recipe(Recipe(family="linear", derived=(DerivedColumn("fresh", sql),)), HOUSES).valid


def test_a_date_stays_a_date_and_numbers_are_floats() -> None:
    found = compute(FRAME, (DerivedColumn("month", "date_trunc('month', sold)"), DerivedColumn("yes", "area > 60")))
    assert found["month"].dtype.kind == "M"
    assert found["month"].iloc[0] == pd.Timestamp("2020-01-01")
    assert found["yes"].dtype == float


def test_long_results_are_cut_and_long_cells_take_bounded_memory() -> None:
    import resource

    frame = pd.DataFrame({"note": ["x" * 200_000] * 30})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    copies = " || ".join(["note"] * 20)
    found = compute(frame, (DerivedColumn("v", f"replace({copies}, 'x', 'yyyyyyyy')"),))
    assert found["v"].str.len().tolist() == [1000] * 30
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 900_000  # kB; all rows at once: a million


def test_rows_are_joined_again_from_their_pieces() -> None:
    frame = pd.DataFrame({"a": range(100)})
    doubled = compute(frame, (DerivedColumn("v", "a * 2"),), chunk_rows=7)["v"]
    assert doubled.tolist() == [2.0 * i for i in range(100)]


def test_an_empty_frame_and_mixed_or_zoned_columns_are_computed() -> None:
    assert compute(pd.DataFrame({"a": pd.Series([], dtype=float)}), (DerivedColumn("v", "a * 2"),)).shape == (0, 1)
    mixed = pd.DataFrame({"a": [1, "two", None], "t": pd.to_datetime(["2020-01-01T12:00+02:00"] * 3)})
    found = compute(mixed, (DerivedColumn("v", "length(a)"), DerivedColumn("h", "hour(t)")))
    assert found["v"].tolist()[:2] == [1.0, 3.0]
    assert found["h"].tolist() == [10.0] * 3


def test_a_frame_without_the_column_or_of_another_type_names_the_derived_column() -> None:
    with pytest.raises(RecipeError, match=r'derived column v.*no column "b"'):
        compute(pd.DataFrame({"a": [1]}), (DerivedColumn("v", "b + 1"),))
    with pytest.raises(RecipeError, match="derived column v"):
        compute(pd.DataFrame({"a": [pd.Timedelta(days=1)]}), (DerivedColumn("v", "a"),))


def test_nothing_derived_is_a_frame_of_no_columns() -> None:
    assert compute(FRAME, ()).shape == (3, 0)


def test_the_connection_reaches_no_file_and_keeps_its_settings(tmp_path: Path) -> None:
    import duckdb

    from tabsmith.recipes import sql_engine

    (tmp_path / "secret.csv").write_text("a\n1\n")
    with sql_engine.connect_sandboxed() as connection:
        with pytest.raises(duckdb.Error):
            connection.execute(f"SELECT * FROM read_csv('{tmp_path / 'secret.csv'}')")
        with pytest.raises(duckdb.Error):
            connection.execute(f"ATTACH '{tmp_path / 'x.db'}'")
        with pytest.raises(duckdb.Error):
            connection.execute("SET enable_external_access = true")
        with pytest.raises(duckdb.Error):
            connection.execute("INSTALL httpfs")
    assert [path.name for path in tmp_path.iterdir()] == ["secret.csv"]


def test_every_function_on_the_list_exists_in_the_installed_duckdb() -> None:
    from tabsmith.recipes import sql_engine

    assert sql_engine.allowed_functions() == sql_engine.ALLOWED
