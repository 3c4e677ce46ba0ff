"""New rows for a model: read as texts exactly as they stand, every line a row, the header found by the model's columns."""

import pyarrow.parquet as pq
import pytest

from tabsmith.tables.info import REASON_COLUMN, TableInfo
from tabsmith.tables.read.sources import ReadOptions
from tabsmith.tables.snapshot import load_frame, preview

from .conftest import Read

ABC = ReadOptions(expected=("a", "b", "c"), every_row=True)


def rows(info: TableInfo) -> list[list[str]]:
    return load_frame(info).to_numpy().tolist()


def reasons(info: TableInfo) -> list[str]:
    """The reasons in the snapshot, [] if it has no such column."""
    table = pq.read_table(info.snapshot)
    return table[REASON_COLUMN].to_pylist() if REASON_COLUMN in table.column_names else []


def test_a_line_that_cannot_be_read_stays_as_an_empty_row_with_its_reason(read_file: Read) -> None:
    info = read_file("t.csv", "a,b,c\n1,2,3\nx,y,z,v,w\n4,5,6\n", as_text=True, options=ABC)
    assert rows(info) == [["1", "2", "3"], ["", "", ""], ["4", "5", "6"]]
    assert reasons(info) == ["", "line 3: 5 values where 3 are expected", ""]
    assert [column.name for column in info.profile.columns] == ["a", "b", "c"]
    assert preview(info).rows[1] == ("", "", "")
    assert info.rejected_count == 1


def test_all_lines_may_be_unreadable(read_file: Read) -> None:
    info = read_file("t.csv", "a,b,c\nx,y,z,v,w\n", as_text=True, options=ABC)
    assert rows(info) == [["", "", ""]]
    assert len(reasons(info)) == 1


def test_without_an_unreadable_line_there_is_no_column_of_reasons(read_file: Read) -> None:
    repaired = read_file("t.csv", "a,b,c\n1,2,3,\n1,2\n", as_text=True, options=ABC)
    assert rows(repaired) == [["1", "2", "3"], ["1", "2", ""]]
    assert reasons(repaired) == []


def test_a_name_of_the_file_may_be_reason_too(read_file: Read) -> None:
    options = ReadOptions(expected=("reason", "b"), every_row=True)
    info = read_file("t.csv", "reason,b\nx,1\ny,2,3,4\n", as_text=True, options=options)
    assert load_frame(info)["reason"].tolist() == ["x", ""]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("x,y\nu,v\n", ("x", "y")),  # names like the values below them
        ("2021,2022\n1,2\n", ("2021", "2022")),
        ("title,\nX , y\n1,2\n", ("x", "y")),
        ("a title, with a comma\n\nx,y\n1,2\n", ("x", "y")),
        ("x;y\n1,5;2,5\n", ("x", "y")),
        ("x,y,further\n1,2,3\n", ("x", "y")),
        ("y\n1\n", ("x", "y")),
        ("y\na,b\n", ("y",)),
    ],
)
def test_a_line_with_the_expected_names_is_the_header(text: str, expected: tuple[str, ...], read_file: Read) -> None:
    info = read_file("t.csv", text, as_text=True, options=ReadOptions(expected=expected, every_row=True))
    names = [column.name.casefold() for column in info.profile.columns]
    assert set(expected) & set(names) or "column_1" not in names
    assert info.rows == 1
    assert "" not in rows(info)[0]


def test_a_file_without_any_expected_name_is_read_as_any_other(read_file: Read) -> None:
    options = ReadOptions(expected=("x", "y"), every_row=True)
    assert read_file("t.csv", "1,2\n3,4\n", as_text=True, options=options).rows == 2
    named = read_file("u.csv", "p,q\n1,2\n3,4\n", as_text=True, options=options)
    assert [column.name for column in named.profile.columns] == ["p", "q"]
