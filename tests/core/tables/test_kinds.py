"""The kinds of columns: each case is a column as files hold it, and the kind that a person would give it."""

from itertools import cycle, islice

import numpy as np
import pandas as pd
import pytest

from tabsmith.tables.read.frames import from_frame
from tabsmith.tables.schema.detect import detect_schema
from tabsmith.tables.schema.embedded_numbers import common_unit, embedded_number

ROWS = 200
DRAWN = np.random.default_rng(0)


def among(*values: object) -> list[object]:
    return list(islice(cycle(values), ROWS))


def each(pattern: str) -> list[str]:
    """A text for every row: {} is the row's number."""
    return [pattern.format(row) for row in range(ROWS)]


TAGS = ["red", "blue", "green", "big", "small", "old"]
LISTS = [[tag for place, tag in enumerate(TAGS) if row * 37 >> place & 1] or ["red"] for row in range(ROWS)]
CASES: dict[str, tuple[str, str, object]] = {
    # the case: (name of the column, kind, values)
    "addresses on the web": ("homepage", "url", each("https://example.org/a/{}")),
    "domains": ("site", "url", each("shop{}.example.com")),
    "paths on the web that repeat": ("source", "url", among("http://a.org/x", "http://b.org/y", "http://c.org/z")),
    "items with semicolons": ("languages", "list", [";".join(tags) for tags in LISTS]),
    "items with bars": ("genres", "list", ["|".join(tags) for tags in LISTS]),
    "items with commas that come back": ("tags", "list", [", ".join(tags) for tags in LISTS]),
    "lists of Python": ("hobbies", "list", [str(tags) for tags in LISTS]),
    "objects of JSON": ("extra", "list", each('{{"a": {}, "b": 2}}')),
    "two codes with a semicolon": ("Language;Country", "list", each("l{0};C{0}")),
    "town and country": (
        "place",
        "category",
        among("Rome, Italy", "Paris, France", "Bern, Switzerland", "Oslo, Norway"),
    ),
    "surname and first name": ("who", "identifier", each("Doe{0}, Jane{0}")),
    "departments with a comma": (
        "office",
        "category",
        among("Affairs, Department of", "Health", "Water, Department of"),
    ),
    "weights": ("weight", "embedded number", [f"{row / 4} kg" for row in range(ROWS)]),
    "years of service": (
        "emp_length",
        "embedded number",
        among("10+ years", "< 1 year", "2 years", "3 years", "1 year"),
    ),
    "dollars": ("usd", "embedded number", each("${}.50")),
    "per cent": ("share", "embedded number", each("{}%")),
    "thousands": ("visitors", "numeric", [f"{1_000 + 37 * row:,}" for row in range(ROWS)]),
    "sizes with K and M": ("size", "embedded number", among("19M", "201k", "8.7M", "3k", "14M", "5.5M")),
    "two terms": ("term", "code", among("36 months", "60 months")),
    "house numbers with a letter": ("house", "category", among("12A", "5B", "3C", "4D", "6E", "9F", "1G")),
    "places of a race": ("place", "category", among("1st", "2nd", "3rd", "4th", "5th", "6th")),
    "codes of a letter and digits": ("fire_company", "category", among(*(f"E{number}" for number in range(20)))),
    "sizes in two units": ("disk", "category", among("5 GB", "300 MB", "2 GB", "800 MB", "64 GB", "100 MB", "1 GB")),
    "sentences": ("note", "text", each("row {} was looked at by nobody yet")),
    "titles that are seldom the same": ("title", "text", [f"the big book of number {row % 90}" for row in range(ROWS)]),
    "names of departments": (
        "dept",
        "category",
        among("Water and Sewer Works", "Parks and Public Gardens", "Fire Service"),
    ),
    "keys": ("key", "identifier", each("K{:05d}")),
    "one of few numbers": ("risk_band", "code", among(1, 2, 3, 4)),
    "few numbers that are counted": ("num_children", "numeric", among(0, 1, 2, 3)),
    "years": ("built", "code", among(*range(1960, 2010))),
    "a district's number": ("police_district", "code", among(*range(510, 950, 10))),
    "a count of many values": ("revives", "numeric", [int(value) for value in DRAWN.poisson(20, ROWS)]),
    "0 and 1": ("flag", "boolean", among(0, 1)),
    "decimal numbers": ("depth", "numeric", [row / 7 for row in range(ROWS)]),
    "codes of 17 digits": ("serial", "category", among(*(2**53 + step for step in range(6)))),
    "one value": ("always", "constant", ["x"] * ROWS),
}


@pytest.mark.parametrize("case", CASES)
def test_a_column_gets_the_kind_that_a_person_would_give_it(case: str) -> None:
    name, kind, values = CASES[case]
    columns = {"noise": DRAWN.normal(size=ROWS), name: values, "noise_too": DRAWN.normal(size=ROWS)}
    column = detect_schema(from_frame(pd.DataFrame(columns)), "noise").column(name)
    assert column.kind == kind, column.evidence
    assert column.evidence


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12 kg", 12), ("$3.5K", 3_500), ("10+ years", 10), ("< 1 year", 1), ("1,234.50 USD", 1_234.5), ("3,5 kg", 3.5),
        ("-4 °C", -4), ("Rs. 500", 500), ("19M", 19e6), ("500,000+", 500_000), ("€110.5M", 110.5e6), ("5 km/h", 5),
        ("E155", None), ("Room 129", None), ("TX 77002", None), ("1-2 km", None), ("5'11", None), ("", None),
    ],
)  # fmt: skip
def test_a_cell_with_a_unit_is_read_by_itself(text: str, number: float | None) -> None:
    assert embedded_number(text) == number


def test_a_unit_is_the_same_in_the_whole_column() -> None:
    assert common_unit(["1 kg", "2 kg", "3 kg", "4 kg", "5 kg"]) == "kg"
    assert common_unit(["1 kg", "2 lb", "3 kg", "4 lb", "5 kg"]) == ""
    assert common_unit(["1 kg", "2 kg"]) == ""
