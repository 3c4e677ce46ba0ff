"""The same cells, as a file, as a frame, as an upload through the bridge or in a database, give one schema and one table."""

import csv
import io
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.frames import from_frame
from tabsmith.tables.read.guard import ANYWHERE
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import FileSource
from tabsmith.tables.schema.detect import detect_schema
from tabsmith.tables.snapshot import load_frame
from tests.soak import rounds

Cell = Callable[[int], str]
CELLS: Final[dict[str, Cell]] = {
    "whole": lambda n: str(n * 7 % 23),
    "decimal": lambda n: f"{n * 1.37 + 0.5:.2f}",
    "comma": lambda n: f"{n},{n * 37 % 90 + 10}",
    "money": lambda n: f"${n * 13},{100 + n}.00" if n else "$5.00",
    "day": lambda n: f"2021-{n % 12 + 1:02d}-{n * 5 % 28 + 1:02d}",
    "day first": lambda n: f"{n * 5 % 28 + 1:02d}/{n % 12 + 1:02d}/2021",
    "named month": lambda n: f"{n % 28 + 1} {['Jan', 'Feb', 'Mar', 'Apr', 'May'][n % 5]} 2020",
    "truth": lambda n: "yes" if n % 3 else "no",
    "level": lambda n: ["red", "green", "blue"][n % 3],
    "spelling": lambda n: ["Rome", "rome ", "Bonn"][n % 3],
    "code": lambda n: f"0{n * 11 % 97:02d}",
    "note": lambda n: "on request" if n == 4 else f"{n * 3}",
    "missing": lambda n: "NA" if n % 4 == 0 else f"{n % 5}",
    "sentence": lambda n: f"the {n}th of many words that tell a story of {n * n}",
}


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    """A header and 12 to 30 rows of some of the kinds of cells, some of the cells empty."""
    kinds = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=2, max_size=6, unique=True))
    rows = draw(st.integers(12, 30))
    empty = draw(st.sets(st.tuples(st.integers(0, rows - 1), st.sampled_from(kinds)), max_size=4))
    start = draw(st.integers(0, 9))
    body = [["" if (row, kind) in empty else CELLS[kind](row + start) for kind in kinds] for row in range(rows)]
    return [kinds, *body]


def as_file(table: list[list[str]], folder: Path) -> TableInfo:
    text = io.StringIO()
    csv.writer(text).writerows(table)
    path = folder / "t.csv"
    path.write_text(text.getvalue())
    return read_source(FileSource(str(path)), allowed=ANYWHERE, max_mb=10)


def as_upload(table: list[list[str]], folder: Path) -> TableInfo:
    (folder / "u").mkdir(exist_ok=True)
    as_file(table, folder / "u")
    return read_source(FileSource(str(folder / "u" / "t.csv"), asked_by="bridge"), allowed=(folder / "u",), max_mb=10)


def as_frame(table: list[list[str]], _folder: Path) -> TableInfo:
    return from_frame(pd.DataFrame(table[1:], columns=table[0]).replace("", None))


def as_database(table: list[list[str]], folder: Path) -> TableInfo:
    path = folder / "t.db"
    path.unlink(missing_ok=True)
    names = ", ".join(f'"{name}" TEXT' for name in table[0])
    with sqlite3.connect(path) as connection:
        connection.execute(f"CREATE TABLE t ({names})")
        marks = ", ".join("?" for _ in table[0])
        rows = [[cell or None for cell in row] for row in table[1:]]
        connection.executemany(f"INSERT INTO t VALUES ({marks})", rows)
    connection.close()
    return read_source(FileSource(str(path)), allowed=ANYWHERE, max_mb=10)


@pytest.mark.soak
@settings(max_examples=rounds(12, 4), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(table=tables())
def test_a_content_has_one_schema_and_one_table_wherever_it_comes_from(table: list[list[str]], tmp_path: Path) -> None:
    file = as_file(table, tmp_path)
    schema, values = detect_schema(file), load_frame(file)
    for read in (as_upload, as_frame, as_database):
        other = read(table, tmp_path)
        found = detect_schema(other)
        assert [(column.name, column.kind, column.role, column.format) for column in found.columns] == [
            (column.name, column.kind, column.role, column.format) for column in schema.columns
        ], read.__name__
        assert (found.target, found.problem_type, found.split) == (schema.target, schema.problem_type, schema.split)
        pd.testing.assert_frame_equal(load_frame(other), values, check_dtype=False)
