"""Columns of new rows found by name, however the name is spelled; what is ambiguous is never guessed."""

import unicodedata

import pytest

from tabsmith.modeling.column_matching import match_columns
from tabsmith.modeling.results import MatchedColumn


@pytest.mark.parametrize(
    ("wanted", "given"),
    [
        ("age", "Age"),
        ("Lot Area", "lot_area"),
        ("Lot Area", "LotArea"),
        ("lot-area", "Lot  Area"),
        ("dose (mg)", "dose\n(mg)"),
        ("a", "\ufeffa"),
        ("a", " a "),
        ("a", '"a"'),
        ("größe", unicodedata.normalize("NFD", "größe")),
        ("Straße", "STRASSE"),
        ("x\u00a0y", "x y"),
        ("Sepal.Length", "sepal_length"),
        ("400.5", "400_5"),
        ("_id", "ID"),
    ],
)
def test_an_almost_equal_name_is_matched_and_told(wanted, given):
    match = match_columns([wanted, "b"], ["b", given])
    assert match.positions == {wanted: 1, "b": 0}
    assert match.matched == (MatchedColumn(wanted, given),)
    assert (match.missing, match.extra) == ((), ())


@pytest.mark.parametrize(
    ("wanted", "given", "missing", "extra"),
    [
        (["age"], ["Age", "AGE"], ("age",), ("Age", "AGE")),  # two columns could be meant
        (["lot area", "lot_area"], ["Lot-Area"], ("lot area", "lot_area"), ("Lot-Area",)),  # could be either
        (["a1"], ["a10"], ("a1",), ("a10",)),
        (["ab"], ["a+b"], ("ab",), ("a+b",)),
        (["_"], [" - "], ("_",), (" - ",)),
        (["é"], ["e"], ("é",), ("e",)),
        (["400.5"], ["4005"], ("400.5",), ("4005",)),
        (["-1"], ["1"], ("-1",), ("1",)),
        (["m²"], ["m2"], ("m²",), ("m2",)),
    ],
)
def test_what_is_ambiguous_or_another_name_is_missing(wanted, given, missing, extra):
    match = match_columns(wanted, given)
    assert (match.missing, match.extra, match.matched) == (missing, extra, ())


def test_the_same_name_comes_before_a_similar_one():
    match = match_columns(["age", "Age "], ["AGE", "age", "Age"])
    assert match.positions == {"age": 1, "Age ": 2}
    assert match.matched == (MatchedColumn("Age ", "Age"),)
    assert match.extra == ("AGE",)
