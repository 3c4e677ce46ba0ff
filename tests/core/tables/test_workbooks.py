"""Workbooks as people keep them: several sheets, titles, group headings, merged cells, totals, notes, stray cells."""

import datetime as dt
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from tabsmith.errors import ReadError
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import FileSource, ReadOptions
from tabsmith.tables.snapshot import load_frame

Sheets = dict[str, list[list[Any]]]
Book = Callable[..., Path]


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """Writes a workbook: rows by sheet name, None for an empty cell, and merged ranges of the first sheet."""

    def write(sheets: Sheets, merged: dict[str, object] | None = None, hidden: tuple[str, ...] = ()) -> Path:
        with xlsxwriter.Workbook(tmp_path / "book.xlsx") as workbook:
            day = workbook.add_format({"num_format": "yyyy-mm-dd"})
            for name, rows in sheets.items():
                sheet = workbook.add_worksheet(name)
                if name in hidden:
                    sheet.hide()
                for number, row in enumerate(rows):
                    for column, cell in enumerate(row):
                        if isinstance(cell, dt.datetime):
                            sheet.write_datetime(number, column, cell, day)
                        elif cell is not None:
                            sheet.write(number, column, cell)
                if name == next(iter(sheets)):
                    for cells, value in (merged or {}).items():
                        sheet.merge_range(cells, value)
        return tmp_path / "book.xlsx"

    return write


def read(path: Path, *, as_text: bool = False, **options: Any) -> TableInfo:
    source = FileSource(str(path), as_text, ReadOptions(**options))
    return read_source(source, allowed=(path.parent,), max_mb=50)


def contents(info: TableInfo) -> tuple[list[str], list[list[Any]]]:
    frame = load_frame(info)
    return list(frame.columns), frame.astype(object).where(frame.notna(), None).to_numpy().tolist()


ROWS: list[list[Any]] = [["North", 1, 1.5], ["South", 2, 2.5], ["East", 3, 3.5], ["West", 4, 4.5]]


def test_the_largest_sheet_is_read_and_the_others_are_said(book: Book) -> None:
    path = book({"Read me": [["Made by hand"]], "Sales": [["region", "n", "x"], *ROWS], "Old": [["a", "b"], [1, 2]]})
    info = read(path)
    assert (info.sheet, info.sheets, info.rows) == ("Sales", ("Read me", "Sales", "Old"), 4)


@pytest.mark.parametrize("chosen", ["Old", "old", "3"])
def test_a_sheet_is_chosen_by_name_or_number(book: Book, chosen: str) -> None:
    path = book({"Read me": [["Made by hand"]], "Sales": [["region", "n", "x"], *ROWS], "Old": [["a", "b"], [1, 2]]})
    info = read(path, sheet=chosen)
    assert info.sheet == "Old"
    assert contents(info) == (["a", "b"], [[1, 2]])


def test_a_sheet_that_is_not_there_is_refused_with_the_nearest(book: Book) -> None:
    with pytest.raises(ReadError) as caught:
        read(book({"Sales": [["a", "b"], [1, 2]]}), sheet="Slaes")
    assert "Sales" in caught.value.next_step


def test_a_hidden_sheet_is_not_the_one_that_is_meant(book: Book) -> None:
    path = book({"Data": [["region", "n", "x"], *ROWS], "Lists": [["a", "b"]] * 50}, hidden=("Lists",))
    assert read(path).sheets == ("Data",)


HEADERS: dict[str, tuple[list[list[Any]], dict[str, object], list[str], int]] = {
    "title rows": ([["Sales report"], [], ["region", "n", "x"], *ROWS], {}, ["region", "n", "x"], 2),
    "a title merged over the table": (
        [[], ["region", "n", "x"], *ROWS],
        {"A1:C1": "Sales report"},
        ["region", "n", "x"],
        1,
    ),
    "years as names": ([["region", 2018, 2019], *ROWS], {}, ["region", "2018", "2019"], 0),
    "groups above the names": (
        [[], [None, "n", "x"], *ROWS],
        {"B1:C1": "2019"},
        ["column_1", "2019 n", "2019 x"],
        0,
    ),
    "a name beside a group": (
        [["region"], [None, "n", "x"], *ROWS],
        {"B1:C1": 2019},
        ["region", "2019 n", "2019 x"],
        0,
    ),
    "none at all": (ROWS, {}, ["column_1", "column_2", "column_3"], 0),
    "a table that begins further down and to the right": (
        [[], [], *([None, None, *row] for row in [["region", "n", "x"], *ROWS])],
        {},
        ["region", "n", "x"],
        2,
    ),
}


@pytest.mark.parametrize("case", HEADERS)
def test_the_header_is_found(book: Book, case: str) -> None:
    rows, merged, names, skipped = HEADERS[case]
    info = read(book({"Sheet": rows}, merged))
    assert contents(info) == (names, ROWS)
    assert info.dialect.skipped_lines == skipped


def test_the_header_and_the_names_can_be_given(book: Book) -> None:
    path = book({"Sheet": [["a", "b", "c"], ["region", "n", "x"], *ROWS]})
    assert contents(read(path, header=2))[0] == ["region", "n", "x"]
    assert contents(read(path, skip=1))[0] == ["region", "n", "x"]
    assert contents(read(path, header=2, columns=("p", "q", "r")))[0] == ["p", "q", "r"]
    assert read(path, header=0).rows == 6
    assert contents(read(path, expected=("region", "x")))[0] == ["region", "n", "x"]
    with pytest.raises(ReadError, match="2 names"):
        read(path, columns=("p", "q"))
    with pytest.raises(ReadError, match="Row 50"):
        read(path, header=50)


def test_totals_notes_and_repeated_headers_are_left_out_and_said(book: Book) -> None:
    header = ["region", "n", "x"]
    tail: list[list[Any]] = [["Total", 10, 12.0], [], ["Source: the office"], ["Figures are rounded"]]
    info = read(book({"Sheet": [header, *ROWS[:2], header, *ROWS[2:], *tail]}))
    assert contents(info) == (header, ROWS)
    assert [(note.line, note.reason.split(",")[0]) for note in sorted(info.rejected, key=lambda note: note.line)] == [
        (4, "the header again"), (7, "a total"), (9, "a note below the table"), (10, "a note below the table"),
    ]  # fmt: skip


def test_every_row_of_new_rows_stays(book: Book) -> None:
    info = read(book({"Sheet": [["region", "n", "x"], *ROWS, ["Total", 10, 12.0]]}), as_text=True, every_row=True)
    assert (info.rows, info.rejected_count) == (5, 0)


def test_merged_cells_of_a_column_count_for_all_their_rows(book: Book) -> None:
    rows: list[list[Any]] = [["region", "n", "x"], [None, 1, 1.5], [None, 2, 2.5], ["East", 3, 3.5], [None, 4, 4.5]]
    info = read(book({"Sheet": rows}, {"A2:A3": "North"}))
    assert [row[0] for row in contents(info)[1]] == ["North", "North", "East", None]


def test_dates_numbers_and_mixed_columns_get_the_narrowest_type(book: Book) -> None:
    day, moment = dt.datetime(2020, 1, 2), dt.datetime(2020, 1, 2, 3, 4)  # noqa: DTZ001
    rows: list[list[Any]] = [
        ["d", "t", "i", "f", "b", "m"],
        *([day, moment, 1, 1.5, True, cell] for cell in ["a", 1, day]),
    ]
    info = read(book({"Sheet": rows}))
    assert [column.storage for column in info.profile.columns] == [
        "date", "timestamp", "integer", "float", "boolean", "text",
    ]  # fmt: skip
    assert load_frame(info)["m"].tolist() == ["a", "1", "2020-01-02"]


def test_more_rows_than_a_batch_holds_are_read_in_order(book: Book, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tabsmith.tables.read.formats.excel.BATCH_CELLS", 300)
    rows = [["i", "late"], *([i, "x" if i > 900 else None] for i in range(1_000))]
    frame = load_frame(read(book({"Sheet": rows})))
    assert frame["i"].tolist() == list(range(1_000))
    assert frame["late"].notna().sum() == 99


def test_a_sheet_that_spans_far_more_than_it_holds_is_refused_before_it_is_loaded(book: Book, tmp_path: Path) -> None:
    path = book({"Sheet": [["a", "b"], [1, 2]]})
    with zipfile.ZipFile(path) as given, zipfile.ZipFile(tmp_path / "bomb.xlsx", "w") as made:
        for member in given.infolist():
            data = given.read(member)
            if member.filename == "xl/worksheets/sheet1.xml":
                cell = b'<row r="1048576"><c r="XFD1048576"><v>1</v></c></row></sheetData>'
                data = data.replace(b"</sheetData>", cell)
            made.writestr(member.filename, data)
    with pytest.raises(ReadError, match="spans"):
        read(tmp_path / "bomb.xlsx")
