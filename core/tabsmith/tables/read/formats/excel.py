"""Excel sheets become snapshots: the first sheet that holds something, from its header row on."""

import datetime as dt
from typing import Any, Final

from tabsmith.errors import ReadError
from tabsmith.tables.read.arrow_columns import column_array, numbered_names, unique_names
from tabsmith.tables.read.guard import OpenedFile
from tabsmith.text import clean

_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_LOOKED_AT: Final = 30  # rows in which the header is sought


def read_sheet(opened: OpenedFile, *, as_text: bool) -> tuple[tuple[str, ...], list[Any], str]:
    """The column names, the Arrow columns and the name of the first sheet with rows. Raises ReadError."""
    import python_calamine as calamine

    shown = opened.file.shown
    try:
        with opened.open() as stream:
            book = calamine.CalamineWorkbook.from_filelike(stream)
            for name in book.sheet_names:
                rows = book.get_sheet_by_name(name).to_python(skip_empty_area=False)
                rows = [row for row in rows if any(cell != "" for cell in row)]
                if rows:
                    names, columns = _table(rows, as_text, shown)
                    return names, columns, name
    except calamine.PasswordError as error:
        raise _encrypted(shown) from error
    except ReadError:
        raise
    except BaseException as error:
        # The library is written in Rust: where it meets what it never expected, it panics, which is no Exception.
        expected = isinstance(error, calamine.CalamineError | OSError | ValueError)
        if not expected and type(error).__name__ != "PanicException":
            raise
        if _is_encrypted(opened):
            raise _encrypted(shown) from error
        raise ReadError(
            f"The workbook is damaged or not a workbook: {clean(error, 200)}.",
            where=shown,
            next_step="Open it in a spreadsheet program and save it again as xlsx.",
        ) from error
    raise ReadError("The workbook holds no rows in any sheet.", where=shown, next_step="Choose another file.")


def _is_encrypted(opened: OpenedFile) -> bool:
    """Whether this is the container in which Office puts an encrypted xlsx."""
    with opened.open() as stream:
        return _ENCRYPTED in stream.read()


def _encrypted(shown: str) -> ReadError:
    return ReadError(
        "The workbook is encrypted: it opens only with a password.",
        where=shown,
        next_step="Save a copy without a password, or as CSV.",
    )


def _table(rows: list[list[Any]], as_text: bool, shown: str) -> tuple[tuple[str, ...], list[Any]]:
    first = min(_first_cell(row) for row in rows)
    rows = [row[first:] for row in rows]
    top, header = _header(rows)
    if header:
        names = unique_names([_text(cell) for cell in rows[top]])
        body = rows[top + 1 :]
    else:
        names, body = numbered_names(len(rows[top])), rows[top:]
    if not body:
        raise ReadError("The sheet has a header but no rows.", where=shown, next_step="Choose another file.")
    columns: list[Any] = []
    kept: list[str] = []
    for position, name in enumerate(names):
        values = [_value(row[position], as_text) for row in body]
        if name.startswith("column_") and all(value is None or value == "" for value in values):
            continue  # an empty column without a name: only formatting
        kept.append(name)
        columns.append(column_array(_whole(values)))
    return tuple(kept), columns


def _first_cell(row: list[Any]) -> int:
    return next(position for position, cell in enumerate(row) if cell != "")


def _header(rows: list[list[Any]]) -> tuple[int, bool]:
    """Where the table begins (below a title), and whether its first row names the columns."""
    filled = [sum(cell != "" for cell in row) for row in rows[:_LOOKED_AT]]
    widest = max(filled)
    top = next(place for place, count in enumerate(filled) if count >= max(1, 0.6 * widest))
    first = [cell for cell in rows[top] if cell != ""]
    named = all(isinstance(cell, str) for cell in first)
    if not named and top + 1 < len(rows):
        # Years as names: numbers in the header that are texts or something else below stay a header.
        named = sum(isinstance(cell, str) for cell in first) > len(first) / 2
    return top, named and len(rows) > top + 1


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


def _whole(values: list[Any]) -> list[Any]:
    """A sheet keeps every number as a float: whole ones become integers, and days without a time become dates.

    A column in which numbers and texts are mixed becomes text, with its numbers as a person sees them.
    """
    present = [value for value in values if value is not None]
    kinds = {type(value) for value in present}
    if kinds == {float} and all(value.is_integer() and abs(value) < 2**53 for value in present):
        return [None if value is None else int(value) for value in values]
    if kinds == {dt.datetime} and not any(value.time() != dt.time() for value in present):
        return [None if value is None else value.date() for value in values]
    if len(kinds) > 1 and not kinds <= {int, float}:
        return [None if value is None else _text(value) for value in values]
    return values
