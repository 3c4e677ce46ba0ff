"""Formats of numbers and dates: what they are, and that a cell has one value alone, in company and in the snapshot."""

import csv
import io
import random
from collections import Counter

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tabsmith.tables.column_format import ColumnFormat
from tabsmith.tables.read.cell_reader import read_cells
from tabsmith.tables.read.value_formats import format_named
from tabsmith.tables.read.values.format_choice import choose_format

from .conftest import Read

FORMATS: dict[str, tuple[list[str], list[object]]] = {
    "integer": (["1", "20", "-3"], [1, 20, -3]),
    "integer, comma groups": (["1,234", "12,500", "999"], [1234, 12500, 999]),
    "integer, Indian groups": (["1,23,100", "5,000", "12,34,567"], [123100, 5000, 1234567]),
    "integer, comma groups, brackets are negative": (["(1,234)", "500", "20"], [-1234, 500, 20]),
    "integer, minus behind": (["12-", "5", "7"], [-12, 5, 7]),
    "number": (["1.5", "-2.25", "1e+05", "inf"], [1.5, -2.25, 1e5, float("inf")]),
    "number, comma groups": (["1,234.5", "2.25"], [1234.5, 2.25]),
    "number, space groups, decimal comma": (["1 234,5", "12,25", "1 000 000"], [1234.5, 12.25, 1e6]),
    "number, apostrophe groups": (["1'234.50", "2.25"], [1234.5, 2.25]),
    "number, point groups, decimal comma": (["1.234,50", "2,25"], [1234.5, 2.25]),
    "number, decimal comma": (["1,5", "12,25", "3,0"], [1.5, 12.25, 3.0]),
    "number, comma groups, in $": (["$1,200.00", "-$5.50"], [1200.0, -5.5]),
    "number, in €": (["5 €", "7.25 €"], [5.0, 7.25]),
    "number, in %": (["45%", "3.5 %"], [45.0, 3.5]),
    "number, in kg": (["12 kg", "3.5 kg"], [12.0, 3.5]),
    "number, in km/h": (["12 km/h", "3.5 km/h"], [12.0, 3.5]),
    "number, K and M": (["3.5K", "1.2M", "500"], [3500.0, 1.2e6, 500.0]),
    "number, K and M, in €": (["€110.5M", "€900K"], [110.5e6, 9e5]),
    "number, limits": (["<0.05", "0.3", ">7", "0.4"], [0.05, 0.3, 7.0, 0.4]),
    "integer, comma groups, limits": (["10,000+", "500+", "1,000,000+"], [10000, 500, 1000000]),
    "boolean": (["true", "False", "TRUE"], [True, False, True]),
    "date, ISO 8601": (["2024-01-05", "2024-1-6"], ["2024-01-05", "2024-01-06"]),
    "time, ISO 8601": (
        ["2024-01-05 10:00", "2024-01-05T10:00:00Z", "2024-01-05 10:00:00+02:00", "2024-01-05 10:00:00-0500"],
        ["2024-01-05 10:00", "2024-01-05 10:00", "2024-01-05 08:00", "2024-01-05 15:00"],
    ),
    "date, %m/%d/%Y": (["12/25/2020", "1/2/2021"], ["2020-12-25", "2021-01-02"]),
    "date, %d/%m/%Y": (["02/09/2023", "13/02/2023"], ["2023-09-02", "2023-02-13"]),
    "date, %d.%m.%Y": (["25.12.2020", "1.2.2021"], ["2020-12-25", "2021-02-01"]),
    "date, %d.%m.%y": (["25.12.20", "1.2.75"], ["2020-12-25", "1975-02-01"]),
    "time, %m/%d/%Y": (
        ["10/31/2015 07:36:36 PM +0000", "1/2/2016, 7:05 AM", "10/31/2015 07:36:36 PM EST", "1/2/2016 07:05:09.25"],
        ["2015-10-31 19:36:36", "2016-01-02 07:05", "2015-11-01 00:36:36", "2016-01-02 07:05:09.25"],
    ),
    "date, %b %d %Y": (["Apr. 14, 2016", "September 3rd, 2017"], ["2016-04-14", "2017-09-03"]),
    "date, %d %b %Y": (["Monday, 7 May 2018", "25-DEC-2020"], ["2018-05-07", "2020-12-25"]),
    "date, %d-%b-%y": (["25-Dec-20", "1-Jan-75"], ["2020-12-25", "1975-01-01"]),
    "time, %d %b %Y": (["Mon, 07 May 2018 10:00:00 +0200", "8 May 2018"], ["2018-05-07 08:00", "2018-05-08"]),
    "time, ctime": (
        ["Thu Jan  1 10:00:00 +0100 2015", "Fri Jan 2 10:00:00 2015", "Sat Jan 3 10:00:00 EST 2015"],
        ["2015-01-01 09:00", "2015-01-02 10:00", "2015-01-03 15:00"],
    ),
    "month, %Y-%m": (["2024-01", "2024-12"], ["2024-01-01", "2024-12-01"]),
    "month, %m/%Y": (["01/2024", "12/2024"], ["2024-01-01", "2024-12-01"]),
    "month, %b-%y": (["Oct-75", "Nov-20"], ["1975-10-01", "2020-11-01"]),
    "month, %b %Y": (["October 1975", "Nov 2020"], ["1975-10-01", "2020-11-01"]),
    "quarter": (["1998 Q1", "Q4 1999", "2000-Q2"], ["1998-01-01", "1999-10-01", "2000-04-01"]),
    "week, ISO 8601": (["2024-W05", "2024-W52"], ["2024-01-29", "2024-12-23"]),
    "time, compact": (["20240101T123000Z", "20240101T1230"], ["2024-01-01 12:30", "2024-01-01 12:30"]),
    "duration": (["1:30:00", "0:45:10", "2 days, 03:00:00"], [5400.0, 2710.0, 183600.0]),
    "time of day": (["10:30 PM", "12:15 AM"], [81000.0, 900.0]),
    "duration, ISO 8601": (["PT5M", "P1DT2H", "PT1H30M5.5S"], [300.0, 93600.0, 5405.5]),
    "text": (["red", "Caf\u00e9", "00501", "1.2.3"], ["red", "Caf\u00e9", "00501", "1.2.3"]),
}
"""For each format, texts by which it is chosen, and their values."""

STRANGE = [*("", " ", "NA", "<5", "12..5", "ask", "1E5", "00501", "(7)", "1,5", "2024-02-30", "29/02/2023", "7 kg", "\u22123"),
    *("1_000", "0x10", "1.0", "+5", "9007199254740993", "1e400", "nan", "-inf", "epoch", "12:61", "Q5 1999", "\u00a05 ", "5\t")]  # fmt: skip


def same(values: pa.Array) -> list[str]:
    """Values as texts that can be compared, also where they are no numbers."""
    return [str(value) for value in values.to_pylist()]


@pytest.mark.parametrize("name", FORMATS)
def test_a_column_is_in_the_format_that_fits_all_its_texts_and_each_has_its_value(name: str) -> None:
    texts, expected = FORMATS[name]
    format_ = choose_format(Counter(texts))
    assert format_.name == name
    read = read_cells(pa.array(texts), ColumnFormat(name), format_.storage)
    if format_.storage in {"date", "timestamp"}:
        expected = [pd.Timestamp(str(value)) for value in expected]
    assert read.values.to_pylist() == expected
    assert not read.odd.any()


@pytest.mark.parametrize("name", FORMATS)
def test_each_cell_has_one_value_alone_in_company_and_in_any_order(name: str) -> None:
    column_format, storage = ColumnFormat(name), format_named(name).storage
    texts = [*STRANGE, *(text for usual, _ in FORMATS.values() for text in usual)]
    alone = {text: same(read_cells(pa.array([text]), column_format, storage).values)[0] for text in texts}
    random.Random(name).shuffle(texts)
    together = read_cells(pa.chunked_array([texts[:20], texts[20:]]), column_format, storage)
    assert dict(zip(texts, same(together.values), strict=True)) == alone


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("strange", [0, 3])
def test_a_cell_has_the_value_in_the_snapshot_that_it_has_alone(name: str, strange: int, read_file: Read) -> None:
    draw = random.Random(name)
    texts = [*draw.choices(FORMATS[name][0], k=200), *draw.sample(STRANGE, strange)]
    draw.shuffle(texts)
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([("n", "x"), *enumerate(texts)])
    info = read_file("t.csv", text.getvalue())
    profile = info.profile.column("x")
    if not strange:
        assert profile.format.name == name
    snapshot = pq.read_table(info.snapshot, columns=["c1"]).column(0)
    if profile.storage in {"date", "timestamp"}:
        snapshot = snapshot.cast(pa.timestamp("us"))
    read = read_cells(pa.array(texts), profile.format, profile.storage)
    assert same(read.values) == same(snapshot)
    assert profile.odd_count == read.odd.sum()


def test_codes_and_lists_and_places_stay_text() -> None:
    for texts in (
        ["00501", "10001", "90210"],
        ["+4930123456", "+4940987654"],
        ["030 100 200", "040 200 300"],
        ["100,200,300", "5", "12,7"],
        ["1,3", "2", "1,2,4"],
        ["1E5", "2E7", "12E3"],
        ["1.0", "1.1", "2.0", "2.0.1"],
        ["1234567890123456", "1.5", "2.25"],
        ["10.0.0.1", "192.168.1.1"],
        ["25-34", "35-44"],
        ["3:1", "4:2"],
        ["A12", "A13"],
        ["1st", "2nd"],
        ["None", "Gable", "Hip"],
        ["true", "false", "maybe"],
    ):
        assert choose_format(Counter(texts)).name == "text", texts


def test_the_order_of_day_and_month_is_one_in_a_table(read_file: Read) -> None:
    rows = "".join(f"{day:02d}/03/2024,0{day % 9 + 1}/03/2024\n" for day in range(1, 29))
    info = read_file("t.csv", "start,end\n" + rows)
    assert [column.format.name for column in info.profile.columns] == ["date, %d/%m/%Y"] * 2


@pytest.mark.parametrize(
    ("others", "is_missing"),
    [
        (["EU", "AS", "SA"], False),
        (["DE", "FR", "US"], False),
        (["EMEA", "APAC", "LATAM"], False),
        (["AL", "AK", "AZ", "AR", "CA", "CO", "CT", "DE", "FL", "GA"], True),
        (["A", "B", "C"], True),
        (["red", "green"], True),
    ],
)
def test_whether_na_is_missing_depends_on_the_other_texts(others: list[str], is_missing: bool, read_file: Read) -> None:
    info = read_file("t.csv", "x,n\n" + "".join(f"{text},1\n" for text in ["NA", *others] * 5))
    assert (info.profile.column("x").missing > 0) == is_missing


def test_a_unit_is_one_in_the_singular_and_in_the_plural() -> None:
    column_format = choose_format({"1 day": 1, "2 days": 1, "30 days": 1, "0 days": 1})
    assert column_format.name == "number, in days"
    read = read_cells(pa.array(["1 day", "12 days", "1 dog"]), ColumnFormat(column_format.name), "float")
    assert read.values.to_pylist() == [1.0, 12.0, None]
