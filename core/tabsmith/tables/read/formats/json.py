"""JSON documents and JSON lines: the usual shapes in which they hold a table, turned into columns."""

import json
import re
from typing import Any, Final, TypeAlias

from tabsmith.errors import ReadError
from tabsmith.tables.read.arrow_columns import column_array, unique_names
from tabsmith.tables.read.careful_parser import LineNotes
from tabsmith.tables.read.encoding import decode_text, detect_encoding, read_text
from tabsmith.tables.read.formats.base import (
    FileFormat,
    FileHead,
    ReadRequest,
    ReadResult,
    RowsAndColumns,
    estimated_text_size,
)
from tabsmith.tables.read.opened_file import GuardedFile
from tabsmith.text import clean

Row: TypeAlias = dict[str, Any]

_JSON_SUFFIXES: Final = (".json", ".geojson")
_JSONL_SUFFIXES: Final = (".jsonl", ".ndjson")
_DELIMITED_SUFFIXES: Final = (".csv", ".tsv", ".tab", ".psv", ".txt", ".dat", ".data")
_OPENING: Final = re.compile(r'\{\s*("(?:[^"\\]|\\.)*"\s*:|\})|\[\s*[\[{]')
_WRAPPERS: Final = ("data", "rows", "records", "items", "results", "values", "table")


# Recognition and estimate --------------------------------------------------------------------------------------------


def _opens_json(head: FileHead) -> bool:
    if head.text[:1] not in {"{", "["}:
        return False
    return head.suffix not in _DELIMITED_SUFFIXES or _OPENING.match(head.text) is not None


def _recognises_json(head: FileHead) -> bool:
    return head.suffix in _JSON_SUFFIXES or _opens_json(head)


def _recognises_jsonl(head: FileHead) -> bool:
    """Whether the suffix says so, or the first line is a whole JSON value and another object or array follows it."""
    if head.suffix in _JSONL_SUFFIXES:
        return True
    first, newline, rest = head.text.partition("\n")
    if not newline or not _opens_json(head):
        return False
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return False
    return rest.lstrip()[:1] in {"{", "["}


def _estimate(file: GuardedFile, head: bytes) -> RowsAndColumns:
    """Rows by the number of objects in the head, columns by the names in an object."""
    text = decode_text(head, detect_encoding(head))
    wrapped = file.format == "json" and text.lstrip()[:1] == "{"
    rows = max(1, text.count("{") - wrapped)
    columns = max(1, round(text.count('":') / rows))
    return max(1, round(rows * estimated_text_size(file, head) / max(1, len(head)))), columns


# One document --------------------------------------------------------------------------------------------------------


def _read_json(request: ReadRequest) -> ReadResult:
    """Read a document: an array of objects or arrays, an object of arrays, or one of these under a name like "data"."""
    display_path = request.opened.file.display_path
    text = read_text(request.opened, request.max_mb)
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        near = clean(text[max(0, error.pos - 20) : error.pos + 20], 60)
        raise ReadError(
            f"The JSON is broken at line {error.lineno}, column {error.colno}: {error.msg} (near: {near}).",
            where=display_path,
            next_step="Mend it there, or export the file again.",
        ) from error
    except RecursionError as error:
        raise ReadError(
            "The JSON is nested too deeply for a table.", where=display_path, next_step="Export the rows alone."
        ) from error
    except ValueError as error:
        raise ReadError(
            f"The JSON is broken: {error}.", where=display_path, next_step="Export the file again."
        ) from error
    names, columns = _columns(_rows(document, display_path, 0), display_path)
    return ReadResult(names, request.write_columns(columns), encoding="utf-8")


def _rows(document: object, display_path: str, depth: int) -> list[Row]:
    if isinstance(document, list):
        return _rows_of_list(document, display_path)
    if isinstance(document, dict) and depth < 2:
        values = list(document.values())
        columns, data = document.get("columns"), document.get("data")
        if isinstance(columns, list) and isinstance(data, list) and all(isinstance(row, list) for row in data):
            return [dict(zip(map(str, columns), row, strict=False)) for row in data]
        if _are_columns(values):
            return [dict(zip(document, row, strict=True)) for row in zip(*values, strict=True)]
        for name in _WRAPPERS:
            if isinstance(document.get(name), list | dict):
                return _rows(document[name], display_path, depth + 1)
        lists = [value for value in values if isinstance(value, list)]
        if len(lists) == 1:
            return _rows_of_list(lists[0], display_path)
        if values and all(isinstance(value, dict) for value in values):
            return _rows_by_key(document)
        if values and not any(isinstance(value, list | dict) for value in values):
            return [document]
    raise ReadError(
        "The JSON holds no table: neither a list of objects nor an object of lists of equal length.",
        where=display_path,
        next_step='Export it as [{"a": 1, "b": 2}, ...].',
    )


def _are_columns(values: list[Any]) -> bool:
    """Whether `values` are the columns of a table: lists of equal length, and not the one list of rows."""
    if not values or not all(isinstance(value, list) for value in values):
        return False
    has_rows = any(isinstance(item, dict | list) for item in values[0])
    return len({len(value) for value in values}) == 1 and (len(values) > 1 or not has_rows)


def _rows_by_key(document: dict[str, Any]) -> list[Row]:
    """Rows of an object of objects: columns of values by row number (as pandas writes them), or rows by name."""
    inner = list(document.values())
    keys = list(inner[0])
    if all(list(item) == keys for item in inner) and keys and all(key.isdigit() for key in keys):
        return [{name: column[key] for name, column in document.items()} for key in keys]
    return [{"key": key, **value} for key, value in document.items()]


def _rows_of_list(items: list[Any], display_path: str) -> list[Row]:
    if items and all(isinstance(item, list) for item in items):
        header = items[0]
        if all(isinstance(cell, str) for cell in header) and len(items) > 1:
            width = max(len(item) for item in items)
            names = unique_names([*header, *[""] * (width - len(header))])
            return [dict(zip(names, item, strict=False)) for item in items[1:]]
        return [{f"column_{number}": cell for number, cell in enumerate(item, 1)} for item in items]
    if items and not any(isinstance(item, dict) for item in items):
        return [{"column_1": item} for item in items]
    for number, item in enumerate(items, 1):
        if not isinstance(item, dict):
            raise ReadError(
                f"Item {number} of the JSON list is not an object like the others: {clean(item, 60)}.",
                where=display_path,
                next_step="Give every row the same form.",
            )
    return items


# JSON lines ----------------------------------------------------------------------------------------------------------


def _read_jsonl(request: ReadRequest) -> ReadResult:
    """Read one JSON object (or array) a line; a broken line is rejected and noted."""
    display_path = request.opened.file.display_path
    notes = LineNotes()
    rows: list[Row] = []
    header: tuple[str, ...] | None = None
    for number, line in enumerate(read_text(request.opened, request.max_mb).split("\n"), 1):
        if number % 10_000 == 0:
            request.progress(0.3, "reading")
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError) as error:
            notes.reject(number, f"broken JSON ({clean(getattr(error, 'msg', error), 60)})", line)
            continue
        if isinstance(item, dict):
            rows.append(item)
        elif not isinstance(item, list):
            notes.reject(number, "neither an object nor an array", line)
        elif header is None and not rows and all(isinstance(cell, str) for cell in item):
            header = unique_names(item)
        else:
            named = (header or ())[: len(item)]
            unnamed = (f"column_{column}" for column in range(len(named) + 1, len(item) + 1))
            rows.append(dict(zip((*named, *unnamed), item, strict=True)))
    if not rows and notes.rejected:
        first = notes.rejected[0]
        raise ReadError(
            f"No line of the file is a JSON object; line {first.line}: {first.reason}.",
            where=display_path,
            next_step="A JSONL file has one JSON object a line.",
        )
    names, columns = _columns(rows, display_path)
    storages = request.write_columns(columns)
    return ReadResult(names, storages, "careful" if notes.rejected else "fast", "utf-8", notes=notes)


# Rows to columns -----------------------------------------------------------------------------------------------------


def _columns(rows: list[Row], display_path: str) -> tuple[tuple[str, ...], list[Any]]:
    """The column names and Arrow columns of `rows`. Raises ReadError if there are none."""
    if not rows or not any(rows):
        raise ReadError(
            f"The file holds no {'columns' if rows else 'rows'}.", where=display_path, next_step="Choose another file."
        )
    if any(isinstance(value, dict) for row in rows[:50] for value in row.values()):
        rows = [_flattened(row) for row in rows]
    names = list(dict.fromkeys(name for row in rows for name in row))
    columns = [column_array([row.get(name) for row in rows]) for name in names]
    return unique_names([name.encode("utf-8", "replace").decode() for name in names]), columns


def _flattened(row: Row) -> Row:
    """The row with the fields of an object in it as columns of their own, one level deep: `address.city`."""
    result: Row = {}
    for name, value in row.items():
        if isinstance(value, dict):
            result.update({f"{name}.{inner}": item for inner, item in value.items()})
        else:
            result[name] = value
    return result


JSONL = FileFormat("jsonl", "JSONL", _JSONL_SUFFIXES, _recognises_jsonl, _read_jsonl, _estimate, is_text=True)
JSON = FileFormat("json", "JSON", _JSON_SUFFIXES, _recognises_json, _read_json, _estimate, is_text=True)
