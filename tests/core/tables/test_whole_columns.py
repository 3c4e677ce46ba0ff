"""What whole columns show: spellings of one level, numbers for a missing value, dates in whole numbers, exact codes."""

import datetime as dt

import pandas as pd
import pyarrow as pa
import pytest

from tabsmith.tables.read.cell_reader import read_cells
from tabsmith.tables.read.frames import from_frame
from tabsmith.tables.read.sources import DateOrder, ReadOptions
from tabsmith.tables.read.values.whole_columns import find_spellings
from tabsmith.tables.snapshot import load_frame

from .conftest import Read


def column(name: str, cells: list[str]) -> str:
    return f"{name},other\n" + "".join(f"{cell},a{number % 3}\n" for number, cell in enumerate(cells))


def test_spaces_case_and_unicode_forms_make_one_level_and_are_told(read_file: Read) -> None:
    cells = ["yes", " yes ", "Yes", "no", "caf\u00e9", "cafe\u0301", "yes"] * 5
    info = read_file("t.csv", column("answer", cells))
    profile = info.profile.column("answer")
    assert sorted(load_frame(info)["answer"].unique()) == ["caf\u00e9", "no", "yes"]
    assert profile.format.spellings == {"Yes": "yes"}
    assert profile.note == "'Yes' is taken as 'yes'"
    read = read_cells(pa.array(["Yes", "yes ", "cafe\u0301"]), profile.format, profile.storage)
    assert read.values.to_pylist() == ["yes", "yes", "caf\u00e9"]


@pytest.mark.parametrize(
    ("levels", "spellings"),
    [
        ({"New York": 5, "new  york": 1, "NEW YORK": 2}, {"new  york": "New York", "NEW YORK": "New York"}),
        ({"a": 3, "A": 3}, {}),
        ({"pH": 3, "ph": 3}, {}),
        ({"aB3x": 1, "ab3x": 1}, {}),
        ({"red": 3, "blue": 3}, {}),
    ],
)
def test_case_is_a_spelling_unless_it_carries_meaning(levels: dict[str, int], spellings: dict[str, str]) -> None:
    assert find_spellings(levels) == spellings


@pytest.mark.parametrize(
    ("cells", "missing"),
    [
        ([*(str(number) for number in range(60)), "-999", "-999"], 2),
        ([*(f"{number / 8}" for number in range(60)), "-999.0"], 1),
        ([*(str(number) for number in range(60)), "-99", "-99"], 2),
        ([*(str(number) for number in range(60)), "-99"], 0),
        ([*(str(number) for number in range(-900, 900, 30)), "-999"], 0),
        ([*(str(number) for number in range(60)), "-7", "-7"], 0),
    ],
)
def test_a_number_far_below_all_others_stands_for_a_missing_value(
    cells: list[str], missing: int, read_file: Read
) -> None:
    profile = read_file("t.csv", column("x", cells)).profile.column("x")
    assert profile.missing == missing
    read = read_cells(pa.array(cells), profile.format, profile.storage)
    assert read.values.null_count == missing
    assert not read.odd.any()
    assert ("missing value" in profile.note) == bool(missing)


START = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
MOMENTS = [START + dt.timedelta(hours=31 * number) for number in range(60)]


@pytest.mark.parametrize(
    ("name", "cells", "format_"),
    [
        ("timestamp", [str(int(moment.timestamp())) for moment in MOMENTS], "epoch, seconds"),
        ("createdAt", [str(int(moment.timestamp() * 1e3)) for moment in MOMENTS], "epoch, milliseconds"),
        ("event_time", [str(int(moment.timestamp() * 1e6)) for moment in MOMENTS], "epoch, microseconds"),
        ("ts", [str(int(moment.timestamp()) * 10**9) for moment in MOMENTS], "epoch, nanoseconds"),
        ("day", [moment.strftime("%Y%m%d") for moment in MOMENTS], "date, %Y%m%d"),
        ("x", [moment.strftime("%Y%m%d") for moment in MOMENTS], "date, %Y%m%d"),
        ("month", ["202001", "202002", "202003"] * 5, "month, %Y%m"),
        ("order_date", [str(43831 + number) for number in range(60)], "date, Excel serial"),
    ],
)
def test_whole_numbers_with_the_range_and_name_of_dates_are_dates(
    name: str, cells: list[str], format_: str, read_file: Read
) -> None:
    info = read_file("t.csv", column(name, cells))
    profile = info.profile.column(name)
    assert (profile.format.name, profile.missing) == (format_, 0)
    assert load_frame(info)[name].iloc[0] == pd.Timestamp("2020-01-01")
    read = read_cells(pa.array(cells), profile.format, profile.storage)
    assert read.values.to_pylist() == load_frame(info)[name].tolist()


@pytest.mark.parametrize(
    ("name", "cells"),
    [
        ("amount", [str(int(moment.timestamp())) for moment in MOMENTS]),
        ("price", [str(200_000 + 17 * number) for number in range(60)]),
        ("update_count", [str(43_831 + number) for number in range(60)]),
        ("year", [str(1990 + number % 30) for number in range(60)]),
        ("x", ["202001", "202002"] * 5),
    ],
)
def test_other_whole_numbers_stay_numbers(name: str, cells: list[str], read_file: Read) -> None:
    assert read_file("t.csv", column(name, cells)).profile.column(name).storage == "integer"


def test_codes_beyond_what_a_float_holds_stay_apart_as_text(read_file: Read) -> None:
    cells = [str(2**53 + number % 6) for number in range(60)]
    info = read_file("t.csv", column("serial", cells))
    profile = info.profile.column("serial")
    assert (profile.storage, profile.distinct) == ("text", 6)
    assert load_frame(info)["serial"].tolist() == cells
    assert "2^53" in profile.note
    assert from_frame(pd.DataFrame({"serial": [int(cell) for cell in cells]})).profile.column("serial").distinct == 6


def test_moments_that_are_all_midnight_are_days() -> None:
    info = from_frame(pd.DataFrame({"day": pd.date_range("2024-01-01", periods=9)}))
    assert info.profile.column("day").storage == "date"


def test_a_frame_and_its_file_are_understood_alike(read_file: Read) -> None:
    days = pd.date_range("2023-01-01", periods=120, freq="31h")
    frame = pd.DataFrame(
        {
            "day": days.strftime("%d/%m/%Y"),
            "price": [f"${number * 37:,.2f}" for number in range(120)],
            "count": [str(number * 7) for number in range(120)],
            "share": [f"{number % 50}%" for number in range(120)],
            "answer": ["yes", " Yes ", "no", "no"] * 30,
            "moment": days,
            "whole": range(120),
            "part": [number / 7 for number in range(120)],
            "gap": [None if number % 9 == 0 else number / 7 for number in range(120)],
            "flag": [number % 2 == 0 for number in range(120)],
            "mixed": [number if number % 40 else "ask" for number in range(120)],
        }
    )
    of_frame = from_frame(frame).profile.columns
    of_file = read_file("t.csv", frame.to_csv(index=False)).profile.columns
    for one, other in zip(of_frame, of_file, strict=True):
        assert (one.storage, one.format, one.missing, one.distinct, one.top) == (
            other.storage,
            other.format,
            other.missing,
            other.distinct,
            other.top,
        ), one.name


OPEN_DATES = "day,v\n" + "".join(f"{month:02d}/{month % 11 + 2:02d}/2024,{month}\n" for month in range(1, 12))


@pytest.mark.parametrize(
    ("dates", "first"), [(None, "2024-01-03"), ("day first", "2024-03-01"), ("month first", "2024-01-03")]
)
def test_an_order_of_day_and_month_that_nothing_decides_is_doubted_unless_it_is_given(
    dates: DateOrder | None, first: str, read_file: Read
) -> None:
    info = read_file("t.csv", OPEN_DATES, options=ReadOptions(dates=dates))
    assert str(load_frame(info)["day"].iloc[0].date()) == first
    assert ("either order" in info.profile.column("day").note) == (dates is None)


def test_another_column_of_dates_decides_the_order(read_file: Read) -> None:
    lines = OPEN_DATES.replace("v\n", "other\n", 1).splitlines()
    text = "\n".join([lines[0], *(f"{line.split(',')[0]},12/{day}/2024" for day, line in enumerate(lines[1:], 13))])
    info = read_file("t.csv", text)
    assert info.profile.column("day").note == ""
    assert str(load_frame(info)["day"].iloc[0].date()) == "2024-01-03"


def test_a_number_far_above_all_others_that_comes_back_is_doubted_and_missing_if_a_person_says_so(
    read_file: Read,
) -> None:
    text = column("score", [str(number % 10 + 1) if number % 6 else "999" for number in range(60)])
    doubted = read_file("t.csv", text).profile.column("score")
    assert doubted.missing == 0
    assert "999 in 10 rows" in doubted.note
    told = read_file("t.csv", text, options=ReadOptions(missing=("999", "-1")))
    assert told.profile.column("score").missing == 10
    assert read_cells(pa.array(["999", "7"]), told.profile.column("score").format, "integer").values.to_pylist() == [
        None,
        7,
    ]


def test_a_price_of_999_among_higher_and_lower_ones_is_a_price(read_file: Read) -> None:
    assert (
        read_file("t.csv", column("price", [str(number * 37) for number in range(1, 28)])).profile.column("price").note
        == ""
    )


@pytest.mark.parametrize(
    ("cells", "first"), [("%Y%m%d%H%M", "2017-02-03 10:38:00"), ("%Y%m%d%H%M%S", "2017-02-03 10:38:05")]
)
def test_times_written_as_digits_alone_are_times(cells: str, first: str, read_file: Read) -> None:
    moments = [dt.datetime(2017, 2, 3, 10, 38, 5, tzinfo=dt.UTC) + dt.timedelta(hours=31 * step) for step in range(30)]
    info = read_file("t.csv", column("published", [moment.strftime(cells) for moment in moments]))
    assert str(load_frame(info)["published"].iloc[0]) == first
