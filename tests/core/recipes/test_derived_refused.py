"""What a derived column may not be: each refused, with a reason that an agent can act on."""

import re

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabsmith.errors import RecipeError
from tabsmith.recipes.derived import compute
from tabsmith.recipes.recipe import DerivedColumn, Recipe, Verdict
from tabsmith.recipes.validation import parse_recipe, validate_recipe
from tests.core.recipes.tables import HOUSES, profile_of
from tests.soak import rounds

HOSTILE = {
    "read_text('/etc/passwd')": "table function",
    "area + (select 1)": "subquery",
    "(select content from read_text('/etc/passwd'))": "subquery",
    "exists(select 1)": "subquery",
    "area in (select rooms)": "subquery",
    "area = any(select 1)": "subquery",
    "(from read_csv('/etc/passwd'))": "subquery",
    "getenv('HOME')": "getenv",
    "area + random()": "may not be used",
    "gen_random_uuid()::varchar || area": "may not be used",
    "now()": "may not be used",
    "date_diff('day', sold, current_date)": 'no column "current_date"',
    "epoch(current_timestamp)": 'no column "current_timestamp"',
    "epoch(current_localtimestamp()) + area": "may not be used",
    "age(sold)": "may not be used",
    "today() - sold": "may not be used",
    "current_setting('threads')": "may not be used",
    "getvariable('x')": "may not be used",
    "nextval('s')": "may not be used",
    "version() || note": "may not be used|pragma",
    "sleep_ms(100000) + area": "may not be used",
    "error('x') || note": "may not be used",
    "write_log(note)": "may not be used",
    "sum(area)": "aggregate",
    "area - avg(area)": "aggregate",
    "area / max(area)": "aggregate",
    "count(*)": "aggregate",
    "any_value(area)": "aggregate",
    "sum(area) over ()": "window",
    "row_number() over (order by area)": "window",
    "lag(area) over (order by sold)": "window",
    "*": "COLUMNS()",
    "COLUMNS(*)": "COLUMNS()",
    "COLUMNS('a.*') + 1": "COLUMNS()",
    "price": "the target",
    "price / area": "the target",
    'PRICE * 0 + "area"': "the target",
    "leak + 1": 'role is "ignore"',
    "length(agent)": 'role is "group"',
    "aera * 2": 'Did you mean "area"',
    '"Year Bilt" + 1': 'Did you mean "Year Built"',
    "rowid + area": 'no column "rowid"',
    "cells.area": "name alone",
    "area.x.y": "name alone",
    "CASE_ + area": "no column",
    "CaSe_ + 1": "no column",
    '"cASE" + 1': "but for their case",
    '"Case" + "case"': "differ only in upper and lower case",
    "lambda x: x + area": "lambda",
    "list_transform([area], lambda x: x)": "may not be used",
    "[x for x in [area]]": "lambda|may not be used",
    "[area, rooms]": "list_value",
    "{'a': area}": "struct_pack",
    "unnest([area])": "lambda|may not be used|no function|unnest",
    "range(1000000000)": "table function|may not be used",
    "generate_series(1, 1000000000)": "may not be used|table function",
    "repeat('x', 1000000000) || note": "may not be used|table function",
    "lpad(note, 1000000000, 'x')": "may not be used",
    "printf('%1000000000d', 1)": "may not be used",
    "format('{:1000000000}', note)": "may not be used",
    "levenshtein(note, note)": "may not be used",
    "area::INTEGER[1000000000]": "cast to",
    "cast(street as enum('a'))": "cast to",
    "note::json": "cast to",
    "note::blob": "cast to",
    "regexp_matches(note, street)": "written out",
    "note like street": "written out",
    "note like '%a_%a_%a_%a_%b'": "at most 3 %",
    "regexp_replace(regexp_replace(note, '', 'xxxxxxxx', 'g'), '', 'xxxxxxxx', 'g')": "explode",
    "replace(replace(note, 'x', 'xxxxxxxxxx'), 'x', 'xxxxxxxxxx')": "explode",
    "nullif(nullif(nullif(nullif(nullif(area, 1), 2), 3), 4), 5)": "explode",
    "hex(hex(note))": "may not be used",
    "area collate nocase": "collation",
    "$1 + area": "dollar",
    "? + area": "parameter",
    "#1 + area": "by position",
    "area; drop table cells": "semicolon",
    "area) from cells; select (1": "semicolon",
    "area -- the area": "comment",
    "area /* the area */": "comment",
    "area) from read_csv('/etc/passwd') where (1": "query",
    "area) union all select (1": "query",
    "area) order by (1": "query",
    "area) group by (1": "query",
    "area) limit (1": "query",
    "area), (rooms": "query",
    "area, rooms": '"row"',
    "area as x": "no SQL expression",
    "pragma database_list": "no SQL expression",
    "attach 'x.db'": "cast to",
    "copy cells to 'x'": "no SQL expression",
    "install httpfs": "no SQL expression",
    "set threads = 8": "no SQL expression",
    "drop table cells": "no SQL expression",
    "json_execute_serialized_sql('x')": "table|pragma",
    "pragma_table_info('cells')": "table function",
    "system.main.abs(area)": "with a schema",
    "abs(distinct area)": "DISTINCT",
    "abs(area order by rooms)": "ORDER BY",
    "abs(area) filter (where rooms > 1)": "FILTER",
    "grouping(area)": "grouping",
    "default": "DEFAULT",
    "1 + 1": "no column of the table",
    "": "empty",
    "  \n ": "empty",
    "area +": "no SQL expression",
    "'area": "no SQL expression|parsed",
    "note + 1": "do not|does not fit",
    "abs(area, rooms)": "does not fit",
    "string_split(note, ' ')": "must be a number",
    "sold::time": "must be a number",
    "sold - sold": "must be a number",
    "area\x00": "control",
    "area\x1b[31m": "control",
    "area\ud800": "control",
    "(" * 10_000 + "area" + ")" * 10_000: "characters",
    "area" + " + area" * 10_000: "characters",
    "area in (" + ",".join(["1"] * 220) + ")": "parts",
    "- " * 240 + "area": "parts|deep|parsed",
    "case case case case case case case area when 1 then 2 end when 1 then 2 end when 1 then 2 end when 1 then 2 end "
    "when 1 then 2 end when 1 then 2 end when 1 then 2 end": "CASE",
}


CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def verdict(sql: str, name: str = "fresh") -> Verdict:
    return validate_recipe(Recipe(family="linear", derived=(DerivedColumn(name, sql),)), HOUSES, profile_of(HOUSES))


@pytest.mark.parametrize("sql", HOSTILE, ids=lambda sql: ascii(sql)[:50])
def test_a_hostile_expression_is_refused_with_its_reason(sql: str) -> None:
    found = verdict(sql)
    assert not found.valid
    (problem,) = found.problems
    assert problem.where == "derived column fresh"
    assert re.search(HOSTILE[sql], problem.what), problem.what
    assert len(problem.what) < 500
    assert not CONTROL.search(problem.what)


@pytest.mark.parametrize("sql", ["read_text('/etc/passwd')", "(select 1)", "random() + a", "a; select 1"])
def test_an_expression_that_never_met_the_check_is_refused_when_computed(sql: str) -> None:
    with pytest.raises(RecipeError, match="derived column v"):
        compute(pd.DataFrame({"a": [1]}), (DerivedColumn("v", sql),))


@pytest.mark.parametrize(
    "name", ["", "area", "AREA", "price", "__x", "1x", "a b", "rowid", "[/nope]", "x" * 61, "\x1b[31m", 'a"b', "é"]
)
def test_a_name_that_clashes_or_is_odd_is_refused(name: str) -> None:
    assert not verdict("rooms * 2", name).valid


def test_names_that_differ_only_in_case_are_refused_for_both() -> None:
    derived = (DerivedColumn("x", "area"), DerivedColumn("X", "rooms"))
    assert len(validate_recipe(Recipe(family="linear", derived=derived), HOUSES).problems) == 2


def test_more_than_sixty_four_derived_columns_are_refused_at_once() -> None:
    derived = tuple(DerivedColumn(f"x{i}", "area") for i in range(65))
    (problem,) = validate_recipe(Recipe(family="linear", derived=derived), HOUSES).problems
    assert "64" in problem.what


@pytest.mark.soak
@settings(max_examples=rounds(150, 40), deadline=None)
@given(
    st.one_of(st.text(max_size=80), st.text("()[]{}'\"area,+-*/<>:;.~!@#%^&|= case when then end 1e9", max_size=120))
)
def test_no_text_makes_the_check_raise(text: str) -> None:
    for problem in verdict(text, text).problems:
        assert not CONTROL.search(problem.what)


@settings(max_examples=100, deadline=None)
@given(st.one_of(st.binary(max_size=100), st.text(max_size=100)))
def test_no_bytes_make_parsing_a_recipe_raise(data: bytes | str) -> None:
    found = parse_recipe(data)
    assert isinstance(found, Recipe) or found[0].what


SYNTAX = st.recursive(
    st.sampled_from(["area", "rooms", "note", "sold", "price", "1", "'x'", "null", '"Year Built"', "*"]),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from(["+", "/", "||", "and", "=", "like", "in"]), inner),
        st.builds(
            "{}({}, {})".format,
            st.sampled_from(["sum", "nullif", "replace", "date_part", "repeat", "if"]),
            inner,
            inner,
        ),
        st.builds("cast({} as {})".format, inner, st.sampled_from(["int", "varchar", "blob", "date"])),
        st.builds("case when {} then {} end".format, inner, inner),
        st.builds("{}[{}]".format, inner, inner),
    ),
    max_leaves=12,
)


@pytest.mark.soak
@settings(max_examples=rounds(150, 40), deadline=None)
@given(SYNTAX)
def test_whatever_the_check_accepts_can_be_computed(sql: str) -> None:
    if not verdict(sql).valid:
        return
    assert "price" not in sql
    frame = pd.DataFrame(
        {
            "area": [1.5, None],
            "rooms": [0.0, 2.0],
            "note": ["a b", None],
            "sold": pd.to_datetime(["2020-01-01", None]),
            "Year Built": [1990, 2000],
        }
    )
    assert len(compute(frame, (DerivedColumn("v", sql),))) == 2
