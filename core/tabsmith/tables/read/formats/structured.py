"""JSON, JSONL and Parquet become snapshots."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tabsmith.errors import ReadError
from tabsmith.tables.database import sql_literal
from tabsmith.tables.profile.types import StorageType
from tabsmith.tables.read.arrow_columns import column_array, convert_relation, unique_names
from tabsmith.tables.read.careful_parser import LineNotes
from tabsmith.tables.read.encoding import detect_encoding, unpacked
from tabsmith.tables.read.guard import MEGABYTE, OpenedFile, refuse_unpacked
from tabsmith.text import clean

if TYPE_CHECKING:
    import duckdb

_WRAPPERS: Final = ("data", "rows", "records", "items", "results", "values", "table")


def read_parquet(
    database: "duckdb.DuckDBPyConnection", opened: OpenedFile, out: Path, *, as_text: bool
) -> tuple[tuple[str, ...], tuple[StorageType, ...]]:
    """Copy a Parquet file into a snapshot; its column names and how each is kept. Raises ReadError."""
    import duckdb
    import pyarrow as pa
    import pyarrow.parquet as pq

    shown = opened.file.shown
    try:
        names = tuple(pq.ParquetFile(opened.name).schema_arrow.names)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _damaged_parquet(error, shown) from error
    if not names:
        raise ReadError("The Parquet file has no columns.", where=shown, next_step="Choose another file.")
    renamed = ", ".join(f"c{position}" for position in range(len(names)))
    relation = f"(SELECT * FROM read_parquet({sql_literal(opened.name)}) AS t({renamed}))"  # noqa: S608
    try:
        storages = convert_relation(database, relation, out, as_text=as_text, read_texts=False)
    except duckdb.Error as error:
        raise _damaged_parquet(error, shown) from error
    return unique_names(names), storages


def _damaged_parquet(error: Exception, shown: str) -> ReadError:
    return ReadError(
        f"The Parquet file is damaged or cut off: {clean(error, 200)}",
        where=shown,
        next_step="Get the file again, or write it anew.",
    )


def read_json(opened: OpenedFile, *, max_mb: float) -> tuple[tuple[str, ...], list[Any]]:
    """The column names and Arrow columns of a JSON document: an array of objects or arrays, an object of arrays, or
    one of these under a name such as "data". Raises ReadError with line and column of what is wrong."""
    shown = opened.file.shown
    text = _text(opened, max_mb)
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        near = clean(text[max(0, error.pos - 20) : error.pos + 20], 60)
        raise ReadError(
            f"The JSON is broken at line {error.lineno}, column {error.colno}: {error.msg} (near: {near}).",
            where=shown,
            next_step="Mend it there, or export the file again.",
        ) from error
    except RecursionError as error:
        raise ReadError(
            "The JSON is nested too deeply for a table.", where=shown, next_step="Export the rows alone."
        ) from error
    except ValueError as error:
        raise ReadError(f"The JSON is broken: {error}.", where=shown, next_step="Export the file again.") from error
    return _columns(_rows(document, shown, 0), shown)


def _text(opened: OpenedFile, max_mb: float) -> str:
    pieces: list[bytes] = []
    total = 0
    with opened.open() as stream:
        for piece in unpacked(stream, opened.file.compression, opened.file.shown):
            total += len(piece)
            if total > max_mb * MEGABYTE:
                refuse_unpacked(max_mb, opened.file.shown)
            pieces.append(piece)
    data = b"".join(pieces)
    encoding = detect_encoding(data)
    return data.decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace")


def _rows(document: object, shown: str, depth: int) -> list[dict[str, Any]]:
    if isinstance(document, list):
        return _listed(document, shown)
    if isinstance(document, dict) and depth < 2:
        values = list(document.values())
        columns, data = document.get("columns"), document.get("data")
        if isinstance(columns, list) and isinstance(data, list) and all(isinstance(row, list) for row in data):
            return [dict(zip(map(str, columns), row, strict=False)) for row in data]
        if _are_columns(values):
            return [dict(zip(document, row, strict=True)) for row in zip(*values, strict=True)]
        for name in _WRAPPERS:
            if isinstance(document.get(name), list | dict):
                return _rows(document[name], shown, depth + 1)
        lists = [value for value in values if isinstance(value, list)]
        if len(lists) == 1:
            return _listed(lists[0], shown)
        if values and all(isinstance(value, dict) for value in values):
            return _keyed(document)
        if values and not any(isinstance(value, list | dict) for value in values):
            return [document]
    raise ReadError(
        "The JSON holds no table: neither a list of objects nor an object of lists of equal length.",
        where=shown,
        next_step='Export it as [{"a": 1, "b": 2}, ...].',
    )


def _are_columns(values: list[Any]) -> bool:
    """Whether these are lists of equal length, and not the one list of rows."""
    lists = bool(values) and all(isinstance(value, list) for value in values)
    return lists and len({len(value) for value in values}) == 1 and (len(values) > 1 or not _holds_rows(values[0]))


def _holds_rows(items: list[Any]) -> bool:
    return any(isinstance(item, dict | list) for item in items)


def _keyed(document: dict[str, Any]) -> list[dict[str, Any]]:
    """Objects by key: columns of values by row number (as pandas writes) or rows by name."""
    inner = list(document.values())
    keys = list(inner[0])
    if all(list(each) == keys for each in inner) and keys and all(key.isdigit() for key in keys):
        return [{name: column[key] for name, column in document.items()} for key in keys]
    return [{"key": key, **value} for key, value in document.items()]


def _listed(items: list[Any], shown: str) -> list[dict[str, Any]]:
    if items and all(isinstance(item, list) for item in items):
        first = items[0]
        if all(isinstance(cell, str) for cell in first) and len(items) > 1:
            width = max(len(item) for item in items)
            names = unique_names([*first, *[""] * (width - len(first))])
            return [dict(zip(names, item, strict=False)) for item in items[1:]]
        return [{f"column_{place}": cell for place, cell in enumerate(item, 1)} for item in items]
    if items and not any(isinstance(item, dict) for item in items):
        return [{"column_1": item} for item in items]
    wrong = next((place for place, item in enumerate(items) if not isinstance(item, dict)), None)
    if wrong is not None:
        raise ReadError(
            f"Item {wrong + 1} of the JSON list is not an object like the others: {clean(items[wrong], 60)}.",
            where=shown,
            next_step="Give every row the same form.",
        )
    return items


def _columns(rows: list[dict[str, Any]], shown: str) -> tuple[tuple[str, ...], list[Any]]:
    names: dict[str, None] = {}
    for row in rows:
        for name in row:
            names.setdefault(name)
    if not rows or not names:
        raise ReadError(
            f"The file holds no {'columns' if rows else 'rows'}.", where=shown, next_step="Choose another file."
        )
    flat = (
        [_flattened(row) for row in rows]
        if any(isinstance(v, dict) for row in rows[:50] for v in row.values())
        else rows
    )
    ordered: dict[str, None] = {}
    for row in flat:
        for name in row:
            ordered.setdefault(name)
    arrays = [column_array([row.get(name) for row in flat]) for name in ordered]
    return unique_names([name.encode("utf-8", "replace").decode() for name in ordered]), arrays


def _flattened(row: dict[str, Any]) -> dict[str, Any]:
    """An object within a row gives columns of its own, one level deep: `address.city`."""
    result: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            result.update({f"{name}.{inner}": each for inner, each in value.items()})
        else:
            result[name] = value
    return result


def read_jsonl(
    opened: OpenedFile, notes: LineNotes, *, max_mb: float, advance: Callable[[float], None]
) -> tuple[tuple[str, ...], list[Any]]:
    """The column names and Arrow columns of one JSON object (or array) a line; a broken line is rejected and noted.

    Raises ReadError when no line can be read.
    """
    rows: list[dict[str, Any]] = []
    header: list[str] | None = None
    for number, line in enumerate(_text(opened, max_mb).split("\n"), 1):
        if number % 10_000 == 0:
            advance(number)
        if not line.strip():
            continue
        try:
            item = json.loads(line)
        except (ValueError, RecursionError) as error:
            notes.reject(number, f"broken JSON ({clean(getattr(error, 'msg', error), 60)})", line)
            continue
        if isinstance(item, list):
            if header is None and all(isinstance(cell, str) for cell in item) and not rows:
                header = list(unique_names(item))
                continue
            width = len(item)
            names = (header or [])[:width] + [f"column_{place}" for place in range(len(header or []) + 1, width + 1)]
            rows.append(dict(zip(names, item, strict=True)))
        elif isinstance(item, dict):
            rows.append(item)
        else:
            notes.reject(number, "neither an object nor an array", line)
    if not rows and notes.rejected:
        first = notes.rejected[0]
        raise ReadError(
            f"No line of the file is a JSON object; line {first.line}: {first.reason}.",
            where=opened.file.shown,
            next_step="A JSONL file has one JSON object a line.",
        )
    return _columns(rows, opened.file.shown)


def arrow_table(arrays: Sequence[Any]) -> Any:
    """An Arrow table with columns c0, c1 ..."""
    import pyarrow as pa

    return pa.Table.from_arrays(list(arrays), names=[f"c{position}" for position in range(len(arrays))])
