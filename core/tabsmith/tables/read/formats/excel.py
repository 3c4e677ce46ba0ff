"""Workbooks: the largest sheet, or the one that was chosen, from its header on; titles, totals and notes left out, and said."""

import contextlib
import datetime as dt
import re
import zipfile
from collections import Counter, deque
from collections.abc import Iterator
from itertools import islice
from typing import Any, Final, Literal, TypeAlias

from tabsmith.errors import ReadError
from tabsmith.tables.info import Dialect
from tabsmith.tables.read.careful_parser import LineNotes
from tabsmith.tables.read.formats.base import FileFormat, FileHead, ReadRequest, ReadResult, RowsAndColumns
from tabsmith.tables.read.formats.foreign import OLE, ZIP
from tabsmith.tables.read.formats.sheet_layout import (
    HEAD_ROWS,
    TAIL_ROWS,
    MergedCells,
    NumberedRow,
    Row,
    SheetLayout,
    cell_text,
    find_layout,
    rows_below,
)
from tabsmith.tables.read.opened_file import GuardedFile, OpenedFile
from tabsmith.tables.read.row_parts import BATCH_CELLS, RowParts
from tabsmith.tables.read.table_choice import choose_table
from tabsmith.tables.read.table_limits import is_nearly_empty, require_columns
from tabsmith.text import clean

_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_CELL_BYTES: Final = 8  # packed bytes of a cell in a workbook, about
_XML_CHUNK: Final = 1 << 20
_WIDE_CELL: Final = re.compile(rb"""\sr\s*=\s*["']([A-Z]{2,3})[0-9]+["']""")
_FAR_CELL: Final = re.compile(rb"""\sr\s*=\s*["'][A-Z]{0,3}([0-9]{4,7})["']""")  # or the number of a row
_CELL: Final = re.compile(rb"<(?:\w+:)?c[\s/>]")
_NO_SHEET: Final = ("xl/sharedStrings.xml", "xl/styles.xml", "xl/workbook.xml")  # any other part may be one

CellKind: TypeAlias = Literal["integer", "number", "boolean", "day", "moment", "text"]


# Recognition ---------------------------------------------------------------------------------------------------------


def _recognises_xlsx(head: FileHead) -> bool:
    if not head.data.startswith(ZIP):
        return False
    if head.zip_members:
        return any(member.startswith("xl/workbook") for member in head.zip_members)
    return head.suffix in {".xlsx", ".xlsm", ".xlsb"}  # a damaged archive: reading it says how


def _recognises_xls(head: FileHead) -> bool:
    return head.data.startswith(OLE) and head.suffix not in {".doc", ".ppt", ".msi", ".msg"}


def _recognises_ods(head: FileHead) -> bool:
    return head.data.startswith(ZIP) and head.suffix == ".ods" and "content.xml" in head.zip_members


def _estimate(file: GuardedFile, _head: bytes) -> RowsAndColumns:
    columns = 10
    return max(1, file.size // (_CELL_BYTES * columns)), columns


# Opening -------------------------------------------------------------------------------------------------------------


def _read(request: ReadRequest) -> ReadResult:
    """Read the chosen sheet, or the largest. Raises ReadError."""
    import python_calamine as calamine

    _require_dense_sheets(request.opened)
    with _errors_told(request.opened), request.opened.open() as stream:
        workbook = calamine.CalamineWorkbook.from_filelike(stream)
        names = _visible_sheets(workbook)
        chosen = request.options.sheet
        if chosen is not None:
            sheet = workbook.get_sheet_by_name(choose_table(chosen, names, "sheet", request.opened.file.display_path))
        else:
            sheet = max((workbook.get_sheet_by_name(name) for name in names), key=_filled_area)
        require_columns(sheet.width if sheet.start else 0, request.opened.file.display_path)
        if not _filled_area(sheet):
            raise ReadError(
                "The workbook holds no rows in any sheet." if chosen is None else "The sheet holds no rows.",
                where=request.opened.file.display_path,
                next_step="Choose another file." if chosen is None else f"It has the sheets {', '.join(names)}.",
            )
        return _SheetReader(request, sheet).read(names)


def _visible_sheets(workbook: Any) -> tuple[str, ...]:
    """The names of the sheets that a person sees; all if every one is hidden."""
    import python_calamine as calamine

    visible = tuple(
        sheet.name for sheet in workbook.sheets_metadata if sheet.visible == calamine.SheetVisibleEnum.Visible
    )
    return visible or tuple(workbook.sheet_names)


def _filled_area(sheet: Any) -> int:
    """The cells of the rectangle that holds all values of a sheet; 0 if there are none."""
    return 0 if sheet.start is None else sheet.height * sheet.width


@contextlib.contextmanager
def _errors_told(opened: OpenedFile) -> Iterator[None]:
    """Turn errors of the library within the block into ReadError."""
    import python_calamine as calamine

    display_path = opened.file.display_path
    try:
        yield
    except calamine.PasswordError as error:
        raise _encrypted(display_path) from error
    except ReadError:
        raise
    except BaseException as error:
        # The library is written in Rust: where it meets what it never expected, it panics, which is no Exception.
        expected = isinstance(error, calamine.CalamineError | OSError | ValueError)
        if not expected and type(error).__name__ != "PanicException":
            raise
        if _is_encrypted(opened):
            raise _encrypted(display_path) from error
        raise ReadError(
            f"The workbook is damaged or not a workbook: {clean(error, 200)}.",
            where=display_path,
            next_step="Open it in a spreadsheet program and save it again as xlsx.",
        ) from error


def _is_encrypted(opened: OpenedFile) -> bool:
    """Whether the file is the container in which Office puts an encrypted xlsx."""
    with opened.open() as stream:
        return _ENCRYPTED in stream.read()


def _encrypted(display_path: str) -> ReadError:
    return ReadError(
        "The workbook is encrypted: it opens only with a password.",
        where=display_path,
        next_step="Save a copy without a password, or as CSV.",
    )


def _require_dense_sheets(opened: OpenedFile) -> None:
    """Raise ReadError for a sheet that spans a huge rectangle with next to nothing in it.

    The library sets aside memory for the whole rectangle, so that a workbook of a kilobyte could fill it.
    """
    with opened.open() as stream:
        if not zipfile.is_zipfile(stream):
            return
        with zipfile.ZipFile(stream) as archive:
            for member in archive.infolist():
                if member.filename.endswith(".xml") and member.filename not in _NO_SHEET:
                    rows, columns, cells = _spanned(archive, member)
                    if is_nearly_empty(rows, columns, cells):
                        raise ReadError(
                            f"A sheet spans {rows:,} x {columns:,} cells and holds a value in about {cells:,} of them.",
                            where=opened.file.display_path,
                            next_step="Delete the stray cells far from the table, or save the table as CSV.",
                        )


def _spanned(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> tuple[int, int, int]:
    """The number of the last row, the number of columns, and how many cells a sheet's XML declares."""
    rows, columns, cells = 0, 26, 0
    rest = b""
    try:
        with archive.open(member) as xml:
            while chunk := xml.read(_XML_CHUNK):
                data = rest + chunk
                cells += sum(1 for _ in _CELL.finditer(data))
                rows = max(rows, *map(int, set(_FAR_CELL.findall(data))), 0)
                columns = max(columns, *map(_column_number, set(_WIDE_CELL.findall(data))), 0)
                rest = data[-64:]
    except (zipfile.BadZipFile, OSError, ValueError, EOFError, NotImplementedError):
        pass  # a damaged archive: reading it says how
    return rows, columns, cells


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = 26 * number + letter - 64
    return number


# Reading -------------------------------------------------------------------------------------------------------------


class _SheetReader:
    """Reads one sheet: looks at its rows once to find the table and its types, and once to write them."""

    def __init__(self, request: ReadRequest, sheet: Any) -> None:
        self._request = request
        self._sheet = sheet
        self._left: int = sheet.start[1]
        self._merged = [
            MergedCells(top + 1, left - self._left, bottom + 1, right - self._left)
            for (top, left), (bottom, right) in sheet.merged_cell_ranges or ()
        ]
        self._notes = LineNotes()

    def read(self, sheets: tuple[str, ...]) -> ReadResult:
        layout = find_layout(list(islice(self._all_rows(), HEAD_ROWS)), self._merged, self._request.options)
        left_out = {} if self._request.options.every_row else self._left_out(layout)
        kinds = self._kinds(layout, left_out)
        if not any(kinds):
            raise ReadError(
                "The sheet has a header but no rows.",
                where=self._request.opened.file.display_path,
                next_step="Choose another sheet or file.",
            )
        # An empty column without a name is only formatting.
        kept = [place for place, name in enumerate(layout.names) if kinds[place] or not name.startswith("column_")]
        parts = RowParts(self._request.scratch)
        batch: list[Row] = []
        size = max(1, BATCH_CELLS // max(1, len(kept)))
        for number, row in self._body(layout):
            if number in left_out:
                self._notes.reject(number, left_out[number], " ".join(cell_text(cell) for cell in row if cell != ""))
                continue
            batch.append(row)
            if len(batch) == size:
                self._write(parts, layout, kinds, kept, batch)
                self._request.progress(0.7 * number / self._sheet.total_height, "reading")
                batch = []
        if batch:
            self._write(parts, layout, kinds, kept, batch)
        return ReadResult(
            parts.names,
            self._request.write_parts(parts),
            dialect=Dialect(
                delimiter="",
                quote="",
                header=bool(layout.header),
                skipped_lines=layout.skipped,
                header_line=layout.first - 1 if layout.header else 0,
            ),
            sheet=self._sheet.name,
            sheets=sheets,
            notes=self._notes,
        )

    def _all_rows(self) -> Iterator[NumberedRow]:
        return enumerate(self._sheet.iter_rows(), 1)

    def _body(self, layout: SheetLayout) -> Iterator[NumberedRow]:
        """The rows below the header, each with the value of merged cells in all rows that these span."""
        spanned = {
            (row, cells.left)
            for cells in self._merged
            if cells.width == 1 and cells.top >= layout.first
            for row in range(cells.top + 1, cells.bottom + 1)
        }
        columns = sorted({left for _, left in spanned})
        values: dict[int, Any] = {}
        for number, row in islice(self._all_rows(), layout.first - 1, None):
            for left in columns:
                if (number, left) in spanned:
                    row[left] = values.get(left, "")
                values[left] = row[left]
            if any(cell != "" for cell in row):
                yield number, row

    def _left_out(self, layout: SheetLayout) -> dict[int, str]:
        """The numbers of the rows that are no rows of the table, each with the reason."""
        tail: deque[NumberedRow] = deque(maxlen=TAIL_ROWS)
        reasons: dict[int, str] = {}
        header = list(layout.header)
        for number, row in self._body(layout):
            tail.append((number, row))
            if header and cell_text(row[0]) == header[0] and [cell_text(cell) for cell in row] == header:
                reasons[number] = "the header again, not a row"
        return reasons | rows_below(tuple(tail), len(layout.names))

    def _kinds(self, layout: SheetLayout, left_out: dict[int, str]) -> list[Counter[CellKind]]:
        """How many cells of each kind a column holds."""
        kinds: list[Counter[CellKind]] = [Counter() for _ in layout.names]
        for number, row in self._body(layout):
            if number not in left_out:
                for counter, cell in zip(kinds, row, strict=False):
                    if cell != "":
                        counter[_kind(cell)] += 1
        return kinds

    def _write(
        self,
        parts: RowParts,
        layout: SheetLayout,
        kinds: list[Counter[CellKind]],
        kept: list[int],
        batch: list[Row],
    ) -> None:
        parts.add({
            layout.names[place]: _values([row[place] for row in batch], set(kinds[place]), self._request.as_text)
            for place in kept
        })  # fmt: skip


def _kind(cell: Any) -> CellKind:
    if isinstance(cell, bool):
        return "boolean"
    if isinstance(cell, float | int):
        return "integer" if float(cell).is_integer() and abs(cell) < 2**53 else "number"
    if isinstance(cell, dt.datetime):
        return "day" if cell.time() == dt.time() else "moment"
    return "day" if isinstance(cell, dt.date) else "text"


def _values(cells: list[Any], kinds: set[CellKind], as_text: bool) -> list[Any]:
    """The values of a column in the narrowest type that holds `kinds`, the kinds of all its cells.

    A sheet keeps every number as a float and every day with a time. A column in which numbers and texts are mixed
    becomes text, with its numbers as a person sees them.
    """
    if as_text:
        return ["" if cell == "" else cell_text(cell) for cell in cells]
    if kinds == {"integer"}:
        return [None if cell == "" else int(cell) for cell in cells]
    if kinds <= {"integer", "number"}:
        return [None if cell == "" else float(cell) for cell in cells]
    if kinds == {"boolean"}:
        return [None if cell == "" else cell for cell in cells]
    if kinds == {"day"}:
        return [None if cell == "" else dt.date(cell.year, cell.month, cell.day) for cell in cells]
    if kinds <= {"day", "moment"}:
        return [
            None if cell == "" else cell if isinstance(cell, dt.datetime) else dt.datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 - a sheet knows no zones
            for cell in cells
        ]  # fmt: skip
    return [None if cell == "" else cell_text(cell) for cell in cells]


_LABEL: Final = "Excel (xlsx, xls)"
XLSX = FileFormat("xlsx", _LABEL, (".xlsx", ".xlsm", ".xlsb"), _recognises_xlsx, _read, _estimate)
XLS = FileFormat("xls", _LABEL, (".xls",), _recognises_xls, _read, _estimate)
ODS = FileFormat("ods", "OpenDocument (ods)", (".ods",), _recognises_ods, _read, _estimate)
