"""JSON documents and JSON lines: the usual shapes in which they hold a table, turned into columns."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

from tabsmith.errors import ReadError
from tabsmith.tables.info import Route
from tabsmith.tables.read.arrow_columns import numbered_names, unique_names
from tabsmith.tables.read.careful_parser import LineNotes
from tabsmith.tables.read.encoding import decode_text, detect_encoding, text_pieces
from tabsmith.tables.read.formats.base import (
    FileFormat,
    FileHead,
    ReadRequest,
    ReadResult,
    RowsAndColumns,
    estimated_text_size,
)
from tabsmith.tables.read.formats.json_items import BrokenJsonError, JsonItems
from tabsmith.tables.read.opened_file import GuardedFile
from tabsmith.tables.read.row_parts import BATCH_CELLS, RowParts
from tabsmith.tables.read.table_limits import is_nearly_empty, require_columns
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
    """Read a document: an array of objects or arrays, an object of arrays, or one of these under a name like "data".

    An array is read item by item, in bounded memory; any other document as a whole.
    """
    display_path = request.opened.file.display_path
    items = JsonItems(text_pieces(request.opened, request.max_mb, request.options.encoding))
    writer = _RowWriter(request)
    try:
        if items.begins_array():
            for row in _rows_of_list(items.items(), display_path):
                writer.add(row)
        else:
            for row in _rows(items.whole(), display_path, 0):
                writer.add(row)
    except BrokenJsonError as error:
        raise ReadError(
            f"The JSON is broken at line {error.line}, column {error.column}: {error.reason} (near: {clean(error.near, 60)}).",
            where=display_path,
            next_step="Mend it there, or export the file again.",
        ) from error
    except RecursionError as error:
        raise ReadError(
            "The JSON is nested too deeply for a table.", where=display_path, next_step="Export the rows alone."
        ) from error
    return writer.finish()


def _rows(document: object, display_path: str, depth: int) -> Iterable[Row]:
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


def _rows_of_list(items: Iterable[object], display_path: str) -> Iterator[Row]:
    """Rows of objects; of arrays, the first one being names if it holds texts alone; or of single values."""
    names: tuple[str, ...] = ()
    first: object = None
    for number, item in enumerate(items, 1):
        if number == 1:
            first = item
            if isinstance(item, list) and item and all(isinstance(cell, str) for cell in item):
                names = tuple(item)
                continue
        if isinstance(item, dict) and isinstance(first, dict):
            yield item
        elif isinstance(item, list) and isinstance(first, list):
            if len(names) < len(item):
                names = (*names, *numbered_names(len(item))[len(names) :])
            yield dict(zip(unique_names(names), item, strict=False))
        elif not isinstance(item, dict | list) and not isinstance(first, dict | list):
            yield {"column_1": item}
        else:
            raise ReadError(
                f"Item {number} of the JSON list is not {_form(first)} like the others: {clean(item, 60)}.",
                where=display_path,
                next_step="Give every row the same form.",
            )
    if names and number == 1:
        yield dict(zip(numbered_names(len(names)), names, strict=True))


def _form(item: object) -> str:
    return "an object" if isinstance(item, dict) else "an array" if isinstance(item, list) else "a single value"


# JSON lines ----------------------------------------------------------------------------------------------------------


def _read_jsonl(request: ReadRequest) -> ReadResult:
    """Read one JSON object (or array) a line; a broken line is rejected and noted."""
    writer = _RowWriter(request)
    header: tuple[str, ...] | None = None
    for number, line in enumerate(_lines(text_pieces(request.opened, request.max_mb, request.options.encoding)), 1):
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError) as error:
            writer.reject(number, f"broken JSON ({clean(getattr(error, 'msg', error), 60)})", line)
            continue
        if isinstance(item, dict):
            writer.add(item)
        elif not isinstance(item, list):
            writer.reject(number, "neither an object nor an array", line)
        elif header is None and writer.is_empty and all(isinstance(cell, str) for cell in item):
            header = unique_names(item)
        else:
            named = (header or ())[: len(item)]
            unnamed = (f"column_{column}" for column in range(len(named) + 1, len(item) + 1))
            writer.add(dict(zip((*named, *unnamed), item, strict=True)))
    rejected = writer.notes.rejected
    if writer.is_empty and rejected:
        raise ReadError(
            f"No line of the file is a JSON object; line {rejected[0].line}: {rejected[0].reason}.",
            where=request.opened.file.display_path,
            next_step="A JSONL file has one JSON object a line.",
        )
    return writer.finish()


def _lines(pieces: Iterator[str]) -> Iterator[str]:
    """The lines of a text that comes in pieces."""
    rest = ""
    for piece in pieces:
        *lines, rest = (rest + piece).split("\n")
        yield from lines
    yield rest


# Rows to columns -----------------------------------------------------------------------------------------------------


class _RowWriter:
    """Writes rows, which are objects, in batches; what stands in an object within a row gets columns of its own."""

    def __init__(self, request: ReadRequest) -> None:
        self.notes = LineNotes()
        self._request = request
        self._parts = RowParts(request.scratch)
        self._rows: list[Row] = []
        self._reasons: list[str] = []
        self._names: set[str] = set()
        self._batch_names: set[str] = set()
        self._filled = 0
        self.is_empty = True

    def add(self, row: Row, reason: str = "") -> None:
        """Add a row; `reason` says why it could not be read."""
        if any(isinstance(value, dict) for value in row.values()):
            row = _flattened(row)
        self.is_empty = self.is_empty and bool(reason)
        self._rows.append(row)
        self._reasons.append(reason)
        self._filled += len(row)
        self._names.update(row)
        self._batch_names.update(row)
        self._require_table()
        if len(self._rows) * max(1, len(self._batch_names)) >= BATCH_CELLS:
            self._write()

    def _require_table(self) -> None:
        """Raise ReadError for more columns than tabsmith reads, and for ever new ones that hardly a row has."""
        display_path = self._request.opened.file.display_path
        require_columns(len(self._names), display_path)
        rows = self._parts.rows + len(self._rows)
        if is_nearly_empty(rows, len(self._names), self._filled):
            raise ReadError(
                f"The rows have {len(self._names):,} different names, and nearly every row has others: it is no table.",
                where=display_path,
                next_step="Export rows that have the same names.",
            )

    def reject(self, line: int, reason: str, text: str) -> None:
        """Note a line that cannot be read; it stays as a row without values where every line must give a row."""
        self.notes.reject(line, reason, text)
        if self._request.options.every_row:
            self.add({}, f"line {line}: {reason}")

    def finish(self) -> ReadResult:
        """Write the snapshot. Raises ReadError if there are no rows or no columns."""
        if self._rows:
            self._write()
        if not self._parts.names:
            raise ReadError(
                f"The file holds no {'columns' if self._parts.rows else 'rows'}.",
                where=self._request.opened.file.display_path,
                next_step="Choose another file.",
            )
        names = unique_names([name.encode("utf-8", "replace").decode() for name in self._parts.names])
        route: Route = "careful" if self.notes.rejected else "fast"
        return ReadResult(names, self._request.write_parts(self._parts), route, "utf-8", notes=self.notes)

    def _write(self) -> None:
        names = dict.fromkeys(name for row in self._rows for name in row)
        columns = {name: [row.get(name) for row in self._rows] for name in names}
        self._parts.add(columns, self._reasons)
        self._rows, self._reasons, self._batch_names = [], [], set()
        self._request.progress(-1.0, f"reading, {self._parts.rows:,} rows so far")


def _flattened(row: Row) -> Row:
    """The row with the fields of an object in it as columns of their own, one level deep: `address.city`."""
    result: Row = {}
    for name, value in row.items():
        if isinstance(value, dict):
            result.update({f"{name}.{inner}": item for inner, item in value.items()})
        else:
            result[name] = value
    return result


JSONL = FileFormat(
    "jsonl", "JSONL", _JSONL_SUFFIXES, _recognises_jsonl, _read_jsonl, _estimate, is_text=True, is_lines=True
)
JSON = FileFormat("json", "JSON", _JSON_SUFFIXES, _recognises_json, _read_json, _estimate, is_text=True)
