"""Excel workbooks: the first sheet that holds rows, from its header row on."""

import datetime as dt
from typing import Any, Final

from tabsmith.errors import ReadError
from tabsmith.tables.read.arrow_columns import column_array, numbered_names, unique_names
from tabsmith.tables.read.formats.base import FileFormat, FileHead, ReadRequest, ReadResult, RowsAndColumns
from tabsmith.tables.read.formats.foreign import OLE, ZIP
from tabsmith.tables.read.opened_file import GuardedFile, OpenedFile
from tabsmith.text import clean

_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_HEADER_ROWS: Final = 30  # rows at the top of a sheet among which the header is sought
_CELL_BYTES: Final = 8  # packed bytes of a cell in a workbook, about


def _recognises_xlsx(head: FileHead) -> bool:
    if not head.data.startswith(ZIP):
        return False
    if head.zip_members:
        return any(member.startswith("xl/workbook") for member in head.zip_members)
    return head.suffix in {".xlsx", ".xlsm", ".xlsb"}  # a damaged archive: reading it says how


def _recognises_xls(head: FileHead) -> bool:
    return head.data.startswith(OLE) and head.suffix not in {".doc", ".ppt", ".msi", ".msg"}


def _read(request: ReadRequest) -> ReadResult:
    names, columns, sheet = _first_table(request.opened, request.as_text)
    return ReadResult(names, request.write_columns(columns), sheet=sheet)


def _first_table(opened: OpenedFile, as_text: bool) -> tuple[tuple[str, ...], list[Any], str]:
    """The column names and Arrow columns of the first sheet with rows, and the sheet's name. Raises ReadError."""
    import python_calamine as calamine

    display_path = opened.file.display_path
    try:
        with opened.open() as stream:
            workbook = calamine.CalamineWorkbook.from_filelike(stream)
            for sheet in workbook.sheet_names:
                rows = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
                rows = [row for row in rows if any(cell != "" for cell in row)]
                if rows:
                    return *_table(rows, as_text, display_path), sheet
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
    raise ReadError("The workbook holds no rows in any sheet.", where=display_path, next_step="Choose another file.")


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


def _table(rows: list[list[Any]], as_text: bool, display_path: str) -> tuple[tuple[str, ...], list[Any]]:
    """The column names and Arrow columns of a sheet's rows. Raises ReadError if there are no rows below the header."""
    left_edge = min(next(position for position, cell in enumerate(row) if cell != "") for row in rows)
    rows = [row[left_edge:] for row in rows]
    top, has_header = _find_header(rows)
    if has_header:
        names = unique_names([_text(cell) for cell in rows[top]])
        body = rows[top + 1 :]
    else:
        names, body = numbered_names(len(rows[top])), rows[top:]
    if not body:
        raise ReadError("The sheet has a header but no rows.", where=display_path, next_step="Choose another file.")
    kept_names: list[str] = []
    columns: list[Any] = []
    for position, name in enumerate(names):
        values = [_value(row[position], as_text) for row in body]
        if name.startswith("column_") and all(value is None or value == "" for value in values):
            continue  # an empty column without a name: only formatting
        kept_names.append(name)
        columns.append(column_array(_narrowed(values)))
    return tuple(kept_names), columns


def _find_header(rows: list[list[Any]]) -> tuple[int, bool]:
    """The index of the table's first row (below a title), and whether that row names the columns."""
    filled = [sum(cell != "" for cell in row) for row in rows[:_HEADER_ROWS]]
    widest = max(filled)
    top = next(index for index, count in enumerate(filled) if count >= max(1, 0.6 * widest))
    header = [cell for cell in rows[top] if cell != ""]
    texts = sum(isinstance(cell, str) for cell in header)
    is_last = top + 1 == len(rows)
    # A header may hold some numbers: years as names.
    return top, not is_last and texts > len(header) / 2


def _value(cell: Any, as_text: bool) -> Any:
    if cell == "":
        return "" if as_text else None
    if as_text:
        return _text(cell)
    if isinstance(cell, dt.time | dt.timedelta):
        return str(cell)
    if isinstance(cell, dt.date) and not isinstance(cell, dt.datetime):
        return dt.datetime(cell.year, cell.month, cell.day)  # noqa: DTZ001 - a sheet knows no zones
    return cell


def _text(cell: Any) -> str:
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53:
        return str(int(cell))
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    return str(cell).encode("utf-8", "replace").decode()


def _narrowed(values: list[Any]) -> list[Any]:
    """The values of a column in the narrowest type: a sheet keeps every number as a float and every day with a time.

    Whole numbers become integers, days without a time become dates. A column in which numbers and texts are mixed
    becomes text, with its numbers as a person sees them.
    """
    present = [value for value in values if value is not None]
    types = {type(value) for value in present}
    if types == {float} and all(value.is_integer() and abs(value) < 2**53 for value in present):
        return [None if value is None else int(value) for value in values]
    if types == {dt.datetime} and not any(value.time() != dt.time() for value in present):
        return [None if value is None else value.date() for value in values]
    if len(types) > 1 and not types <= {int, float}:
        return [None if value is None else _text(value) for value in values]
    return values


def _estimate(file: GuardedFile, _head: bytes) -> RowsAndColumns:
    columns = 10
    return max(1, file.size // (_CELL_BYTES * columns)), columns


_LABEL: Final = "Excel (xlsx, xls)"
XLSX = FileFormat("xlsx", _LABEL, (".xlsx", ".xlsm", ".xlsb"), _recognises_xlsx, _read, _estimate)
XLS = FileFormat("xls", _LABEL, (".xls",), _recognises_xls, _read, _estimate)
