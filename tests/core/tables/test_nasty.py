"""Files as they come: each is read as a person would read it, or refused in words."""

import datetime as dt
import errno
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tabsmith.errors import ReadError, StorageError
from tabsmith.tables.database import translate_errors
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read import reader
from tabsmith.tables.read.frames import from_frame
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import FileSource
from tabsmith.tables.snapshot import load_frame

from .conftest import Read, Write

R = range(30)
DATA = Path(__file__).parent / "data"


def lines(header: str, row: Callable[[int], str], *more: str) -> str:
    return "\n".join([header, *(row(i) for i in R), *more])


NASTY: dict[str, tuple[str, dict[str, str], list[object]]] = {
    "semicolons, decimal commas and thousands": (
        lines("a;b;c", lambda i: f"{i},5;x;1.{i:03d},50"),
        {"a": "float", "b": "text", "c": "float"}, [29.5, "x", 1029.5],
    ),
    "currencies and percentages": (
        lines("p,q,r,s", lambda i: f'"$1,{i:03d}.50",{i}%,€{i}.20,-${i}.00'),
        {"p": "float", "q": "float", "r": "float", "s": "float"}, [1029.5, 29.0, 29.2, -29.0],
    ),
    "euros with decimal commas": (
        lines("p;q", lambda i: f"1.{i:03d},50 €;{i},5 %"), {"p": "float", "q": "float"}, [1029.5, 29.5],
    ),
    "two currencies in a column stay text": (
        lines("p,q", lambda i: f"{'$€'[i % 2]}{i},1"), {"p": "text", "q": "integer"}, ["€29", 1],
    ),
    "a delimiter told to Excel": (
        "sep=;\n" + lines("a;b", lambda i: f"{i};x"), {"a": "integer", "b": "text"}, [29, "x"],
    ),
    "a last delimiter in every line": (lines("a,b,", lambda i: f"{i},x,"), {"a": "integer", "b": "text"}, [29, "x"]),
    "empty lines between": (lines("a,b", lambda i: f"{i},x\n"), {"a": "integer", "b": "text"}, [29, "x"]),
    "comments above": (
        "# one\n# two\n" + lines("a,v", lambda i: f"{i},{i}.5"), {"a": "integer", "v": "float"}, [29, 29.5],
    ),
    "carriage returns": (
        lines("a,b", lambda i: f"{i},x").replace("\n", "\r"), {"a": "integer", "b": "text"}, [29, "x"],
    ),
    "spaces around delimiters": (
        lines("a , b , c", lambda i: f"{i} , x y , {i}.5"),
        {"a": "integer", "b": "text", "c": "float"}, [29, "x y", 29.5],
    ),
    "quoted numbers": (lines('"a","b"', lambda i: f'"{i}","{i}.5"'), {"a": "integer", "b": "float"}, [29, 29.5]),
    "newlines and quotes in cells": (
        lines("a,b", lambda i: f'{i},"l1\nl2, ""q"""'), {"a": "integer", "b": "text"}, [29, 'l1\nl2, "q"'],
    ),
    "days that no month has": (
        lines("d,n", lambda i: f"2020-02-{i % 6 + 26},1"), {"d": "text", "n": "integer"}, ["2020-02-31", 1],
    ),
    "leading zeros far below": (
        "z,n\n" + "".join(f"{i}.5,1\n" for i in range(1, 25_000)) + "007.5,1\n",
        {"z": "text", "n": "integer"}, ["007.5", 1],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", NASTY)
def test_a_nasty_text_is_read_as_a_person_would(case: str, read_file: Read) -> None:
    text, storages, last = NASTY[case]
    info = read_file("t.csv", text)
    assert {column.name: column.storage for column in info.profile.columns} == storages
    assert [load_frame(info)[name].iloc[-1] for name in storages] == last


def test_names_that_count_the_columns_are_names(read_file: Read) -> None:
    info = read_file("t.csv", lines("0,1,2", lambda i: f"{i / 7:.3f},{i},{'RM'[i % 2]}"))
    assert [(column.name, column.storage) for column in info.profile.columns] == [
        ("0", "float"), ("1", "integer"), ("2", "text"),
    ]  # fmt: skip


def test_utf_32_is_read(read_file: Read) -> None:
    assert load_frame(read_file("t.csv", lines("a,b", lambda i: f"{i},é").encode("utf-32")))["b"].iloc[0] == "é"


def test_an_old_workbook_is_read_from_the_header_below_its_title() -> None:
    info = read_source(FileSource(str(DATA / "prices.xls")), allowed=(DATA,), max_mb=1)
    assert (info.format, info.sheet, info.rows) == ("xls", "data", 6)
    kept = {column.name: column.storage for column in info.profile.columns}
    assert kept == {"id": "integer", "when": "date", "price": "float", "name": "text"}
    assert load_frame(info).iloc[1].tolist() == [1, pd.Timestamp("2020-01-02"), 1.5, "Zürich 1"]


def test_an_encrypted_workbook_is_told_as_such() -> None:
    with pytest.raises(ReadError, match="encrypted"):
        read_source(FileSource(str(DATA / "encrypted.xlsx")), allowed=(DATA,), max_mb=1)


EXTREMES = {
    "infinities": [np.inf, -np.inf, 1.5, 2.0] * 10,
    "only infinities": [np.inf] * 40,
    "huge": [1.7e308, -1.7e308] * 20,
    "infinities but for the sampled": [np.inf] * 150_000 + [1.0, 2.0, 3.0],
}


@pytest.mark.parametrize("case", EXTREMES)
def test_no_number_of_a_profile_is_infinite_or_none(case: str) -> None:
    info = from_frame(pd.DataFrame({"x": EXTREMES[case], "y": range(len(EXTREMES[case]))}))
    for column in info.profile.columns:
        if column.numbers is not None:
            numbers = msgspec.to_builtins(column.numbers)
            json.dumps(numbers, allow_nan=False)
    assert msgspec.json.decode(msgspec.json.encode(info), type=TableInfo) == info


def test_dates_that_no_clock_can_hold_are_missing(tmp_path: Path) -> None:
    columns: dict[str, Any] = {
        "d": pa.array([2**31 - 1, 0], pa.date32()),
        "t": pa.array([2**63 - 1, 0], pa.timestamp("us")),
        "z": pa.array([2**63 - 1, 0], pa.timestamp("us", "UTC")),
    }
    pq.write_table(pa.table(columns), tmp_path / "t.parquet")
    info = read_source(FileSource(str(tmp_path / "t.parquet")), allowed=(tmp_path,), max_mb=1)
    assert [column.missing for column in info.profile.columns] == [1, 1, 1]
    assert load_frame(info).iloc[1].tolist() == [pd.Timestamp(dt.date(1970, 1, 1))] * 3


@pytest.mark.parametrize(
    ("raised", "expected", "words"),
    [
        (duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate"), ReadError, "memory"),
        (duckdb.OutOfMemoryException("failed to offload: max_temp_directory_size"), StorageError, "disk is full"),
        (duckdb.IOException("Could not write: No space left on device"), StorageError, "disk is full"),
        (OSError(errno.ENOSPC, "No space left on device"), StorageError, "disk is full"),
        (pa.ArrowMemoryError("malloc failed"), ReadError, "memory"),
        (pa.ArrowInvalid("Casting failed"), ReadError, "Casting failed"),
        (duckdb.BinderException("no such column"), ReadError, "no such column"),
    ],
)
def test_what_a_library_raises_is_told_in_words(raised: Exception, expected: type[Exception], words: str) -> None:
    with pytest.raises(expected, match=words) as caught, translate_errors("t.csv"):
        raise raised
    assert caught.value.next_step  # type: ignore[attr-defined]
    assert caught.value.__cause__ is raised


def test_a_table_that_does_not_fit_in_memory_is_refused_in_words(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tabsmith.tables.database.MEMORY_LIMIT", "1MB")
    path = write("t.csv", "a,b\n" + "1,some text\n" * 200_000)
    with pytest.raises(ReadError, match="does not fit in memory"):
        reader.read_source(FileSource(str(path)), allowed=(tmp_path,), max_mb=50)
