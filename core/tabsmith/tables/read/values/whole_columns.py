"""What only a whole column shows, once its values stand in the snapshot: spellings of one level, numbers that stand for a
missing value, whole numbers that are dates, and codes that no float holds exactly.

The snapshot is written anew where a column changes; all else stays as it is.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from tabsmith.tables.column_format import ColumnFormat
from tabsmith.tables.database import sql_literal
from tabsmith.tables.profile.profiler import profile_snapshot
from tabsmith.tables.profile.types import ColumnProfile, StoredColumn, TableProfile
from tabsmith.tables.read.cell_reader import cell_value
from tabsmith.tables.read.sources import ReadOptions
from tabsmith.tables.read.value_formats import (
    COMPACT_DATE,
    COMPACT_MINUTE,
    COMPACT_MONTH,
    COMPACT_SECOND,
    EPOCHS,
    EXCEL_DATE,
    TEXT,
    ValueFormat,
    format_named,
)
from tabsmith.tables.read.values.format_choice import date_order
from tabsmith.text import clean, plural

if TYPE_CHECKING:
    import duckdb

_MOST_LEVELS: Final = 1_000  # of a column whose spellings are compared
_MOST_COMPARED: Final = 2_000  # columns
_COLUMNS_PER_STATEMENT: Final = 50
_SAMPLED_ROWS: Final = 100_000
_SPELLINGS_SHOWN: Final = 3
_SENTINELS: Final = (-99.0, -999.0, -9999.0, -99999.0, -999999.0)
_NO_OPTIONS: Final = ReadOptions()
_HIGH_SENTINELS: Final = (99.0, 999.0, 9999.0, 99999.0, 999999.0, 9999999.0)
_EXACT: Final = 2.0**53
_YEARS: Final = (631_152_000.0, 4_102_444_800.0)  # seconds from 1990 to 2100
_EPOCH_UNITS: Final = {"seconds": 1.0, "milliseconds": 1e3, "microseconds": 1e6, "nanoseconds": 1e9}
_SERIALS: Final = (14_611.0, 73_050.0)  # days from 1940 to 2099, as Excel counts them
_MONTHS: Final = 12
_LEAST_DAYS: Final = 3  # different numbers that are days before a column without a telling name holds days
_LEAST_MONTHS: Final = 6
_CERTAIN_SENTINEL: Final = -999.0  # this and lower ones are missing values even where they occur once
_FAR: Final = 3.0  # times the range of the other values
_LONGEST_CODE: Final = 2  # characters
_TOKENS: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_TIME_WORDS: Final = frozenset(
    [
        "time",
        "timestamp",
        "ts",
        "epoch",
        "unix",
        "utc",
        "date",
        "datetime",
        "dt",
        "day",
        "created",
        "updated",
        "modified",
        "at",
        "when",
        "datum",
        "fecha",
        "jour",
        "zeit",
    ]
)
_DATE_WORDS: Final = frozenset(["date", "datetime", "datum", "fecha", "dob", "birthday", "birthdate"])
_MONTH_WORDS: Final = frozenset(["month", "period", "ym", "yearmonth", "monat", "mois", "mes", "date"])


class _Change(msgspec.Struct, frozen=True):
    """A column that is stored in another way, and the SQL of its new values."""

    column: StoredColumn
    sql: str


def finish_snapshot(
    database: "duckdb.DuckDBPyConnection",
    snapshot: Path,
    names: Sequence[str],
    stored: Sequence[StoredColumn],
    *,
    options: ReadOptions = _NO_OPTIONS,
) -> TableProfile:
    """The profile of the Parquet file `snapshot`, with columns c0, c1 ... called `names`.

    What only whole columns show is applied to the snapshot before. Columns that are to stay verbatim do. What even they
    leave open is doubted in a note, unless the `options` of a person decide it.
    """
    profile = profile_snapshot(database, snapshot, names, stored)
    relation = f"read_parquet({sql_literal(str(snapshot))})"
    changes = {
        position: change
        for position, column in enumerate(profile.columns)
        if not stored[position].verbatim
        and (change := _number_change(database, relation, position, column, stored[position], options)) is not None
    }
    levels = [
        position
        for position, column in enumerate(profile.columns)
        if column.storage == "text" and not stored[position].verbatim and 1 < column.distinct <= _MOST_LEVELS
    ]
    if len(levels) <= _MOST_COMPARED:
        changes |= _level_changes(database, snapshot, profile.rows, levels, stored)
    notes = {} if options.dates else _date_order_notes(database, relation, stored)
    if not options.missing:
        notes |= _sentinel_notes(database, relation, profile.columns, set(changes))
    profile = TableProfile(
        profile.rows,
        tuple(
            msgspec.structs.replace(column, note=notes[position]) if position in notes else column
            for position, column in enumerate(profile.columns)
        ),
    )
    if not changes:
        return profile
    _rewrite(database, snapshot, {position: change.sql for position, change in changes.items()})
    stored = [changes[position].column if position in changes else column for position, column in enumerate(stored)]
    again = iter(profile_snapshot(database, snapshot, names, stored, only=sorted(changes)).columns)
    columns = (next(again) if position in changes else column for position, column in enumerate(profile.columns))
    return TableProfile(profile.rows, tuple(columns))


def _rewrite(database: "duckdb.DuckDBPyConnection", snapshot: Path, values: Mapping[int, str]) -> None:
    """Write the snapshot anew, with the SQL of `values` in place of the columns at their positions."""
    before = snapshot.with_suffix(".before")
    snapshot.rename(before)
    replaced = ", ".join(f"{value} AS c{position}" for position, value in values.items())
    database.execute(
        f"COPY (SELECT * REPLACE ({replaced}) FROM read_parquet({sql_literal(str(before))})) "  # noqa: S608
        f"TO {sql_literal(str(snapshot))} (FORMAT parquet)"
    )
    before.unlink()


# Numbers and times ---------------------------------------------------------------------------------------------------


def _number_change(
    database: "duckdb.DuckDBPyConnection",
    relation: str,
    position: int,
    column: ColumnProfile,
    stored: StoredColumn,
    options: ReadOptions,
) -> _Change | None:
    name = f"c{position}"
    if column.storage == "timestamp":
        days = f"SELECT count(*) FROM {relation} WHERE {name} <> CAST({name} AS DATE)"  # noqa: S608
        if _number_of(database, days):
            return None
        return _Change(msgspec.structs.replace(stored, storage="date"), f"CAST({name} AS DATE)")
    numbers = column.numbers
    if column.storage not in {"integer", "float"} or numbers is None or stored.note:
        return None
    if (given := _given_change(database, relation, name, stored, options.missing)) is not None:
        return given
    if (dates := _date_format(database, relation, name, column)) is not None:
        text = f"CAST({name} AS VARCHAR)" if column.storage == "integer" else f"format('{{:.6f}}', {name})"
        changed = msgspec.structs.replace(
            stored, storage=dates.storage, format=ColumnFormat(dates.name), note=f"numbers that are {dates.label}"
        )
        return _Change(changed, dates.sql.replace("{t}", text))
    if column.storage == "integer" and max(abs(numbers.minimum), abs(numbers.maximum)) >= _EXACT:
        note = "whole numbers beyond 2^53, kept as text because no decimal number holds them exactly"
        changed = StoredColumn("text", odd_cells=stored.odd_cells, odd_count=stored.odd_count, note=note)
        return _Change(changed, f"CAST({name} AS VARCHAR)")
    return _sentinel_change(database, relation, name, numbers.minimum, stored)


def _date_order_notes(
    database: "duckdb.DuckDBPyConnection", relation: str, stored: Sequence[StoredColumn]
) -> dict[int, str]:
    """The doubt about each column of dates in which day and month may stand in either order, if no column decides it."""
    ordered = {
        position: date_order(format_named(column.format.name))
        for position, column in enumerate(stored)
        if column.storage in {"date", "timestamp"}
    }
    ordered = {position: order for position, order in ordered.items() if order is not None}
    if not ordered:
        return {}
    selected = ", ".join(
        f"max(day(c{position})), count(*) FILTER (day(c{position}) <> month(c{position}))" for position in ordered
    )
    found = database.execute(f"SELECT {selected} FROM {relation}").fetchall()[0]  # noqa: S608
    days, doubtful = found[::2], found[1::2]
    if any(day is not None and day > _MONTHS for day in days):
        return {}
    return {
        position: f"day and month may stand in either order; read {order}, which the reading option `dates` changes"
        for (position, order), rows in zip(ordered.items(), doubtful, strict=True)
        if rows
    }


def _date_format(
    database: "duckdb.DuckDBPyConnection", relation: str, name: str, column: ColumnProfile
) -> ValueFormat | None:
    """The format of numbers that are dates, by their range and the words of the column's name; None if they are not."""
    assert column.numbers is not None
    low, high = column.numbers.minimum, column.numbers.maximum
    words = {word.lower() for word in _TOKENS.findall(column.name)}
    if column.storage == "integer":
        for format_, least, most, telling, enough in (
            (COMPACT_DATE, 19_000_101, 21_001_231, _DATE_WORDS, _LEAST_DAYS),
            (COMPACT_MONTH, 190_001, 210_012, _MONTH_WORDS, _LEAST_MONTHS),
            (COMPACT_MINUTE, 190_001_010_000, 210_012_312_359, _TIME_WORDS, _LEAST_DAYS),
            (COMPACT_SECOND, 19_000_101_000_000, 21_001_231_235_959, _TIME_WORDS, _LEAST_DAYS),
        ):
            if least <= low and high <= most and (words & telling or column.distinct >= enough):
                value = format_.sql.replace("{t}", f"CAST({name} AS VARCHAR)")
                others = f"SELECT count(*) FROM {relation} WHERE {name} IS NOT NULL AND {value} IS NULL"  # noqa: S608
                if not _number_of(database, others):
                    return format_
    if words & _TIME_WORDS and low < high:
        for unit, factor in _EPOCH_UNITS.items():
            if _YEARS[0] * factor <= low and high <= _YEARS[1] * factor:
                return EPOCHS[unit]
    if words & _DATE_WORDS and _SERIALS[0] <= low < high <= _SERIALS[1]:
        return EXCEL_DATE
    return None


def _sentinel_change(
    database: "duckdb.DuckDBPyConnection", relation: str, name: str, lowest: float, stored: StoredColumn
) -> _Change | None:
    """A lowest value such as -999 is missing if it stands far below all others, or below nothing but zero and more."""
    if lowest not in _SENTINELS:
        return None
    word = str(int(lowest))
    query = (
        f"SELECT count(*) FILTER ({name} = {word}), min({name}) FILTER ({name} > {word}), "  # noqa: S608
        f"max({name}), count(*) FILTER ({name} > {word}) FROM {relation}"
    )
    rows, low, high, others = database.execute(query).fetchall()[0]
    if not others or others < rows or (rows == 1 and lowest > _CERTAIN_SENTINEL):
        return None
    if low < 0 and low - lowest <= _FAR * (high - low):
        return None
    note = f"{word} stands for a missing value in {plural(rows, 'row')}"
    column_format = msgspec.structs.replace(stored.format, missing=(*stored.format.missing, word))
    changed = msgspec.structs.replace(stored, format=column_format, note=note)
    return _Change(changed, f"nullif({name}, {word})")


def _given_change(
    database: "duckdb.DuckDBPyConnection", relation: str, name: str, stored: StoredColumn, words: Sequence[str]
) -> _Change | None:
    """The numbers among `words`, which a person gave, are missing where a column holds them."""
    numbers = [word for word in words if _number_in(word) is not None]
    if not numbers:
        return None
    counted = ", ".join(f"count(*) FILTER ({name} = {word})" for word in numbers)
    counts = database.execute(f"SELECT {counted} FROM {relation}").fetchall()[0]  # noqa: S608
    found = [(word, rows) for word, rows in zip(numbers, counts, strict=True) if rows]
    if not found:
        return None
    held = tuple(word for word, _ in found)
    note = f"{' and '.join(held)} stands for a missing value in {plural(sum(rows for _, rows in found), 'row')}, as you said"
    column_format = msgspec.structs.replace(stored.format, missing=(*stored.format.missing, *held))
    value = f"CASE WHEN {' OR '.join(f'{name} = {word}' for word in held)} THEN NULL ELSE {name} END"
    return _Change(msgspec.structs.replace(stored, format=column_format, note=note), value)


def _number_in(word: str) -> float | None:
    return float(word) if re.fullmatch(r"-?\d{1,15}(?:\.\d{1,9})?", word) else None


def _sentinel_notes(
    database: "duckdb.DuckDBPyConnection", relation: str, columns: Sequence[ColumnProfile], changed: set[int]
) -> dict[int, str]:
    """The doubt about each column whose highest value, such as 999, stands far above all others and comes back."""
    suspects = {
        position: int(column.numbers.maximum)
        for position, column in enumerate(columns)
        if position not in changed
        and column.storage in {"integer", "float"}
        and column.numbers is not None
        and column.numbers.maximum in _HIGH_SENTINELS
        and not column.note
    }
    if not suspects:
        return {}
    selected = ", ".join(
        f"count(*) FILTER (c{position} = {highest}), min(c{position}) FILTER (c{position} < {highest}), "
        f"max(c{position}) FILTER (c{position} < {highest})"
        for position, highest in suspects.items()
    )
    found = database.execute(f"SELECT {selected} FROM {relation}").fetchall()[0]  # noqa: S608
    notes: dict[int, str] = {}
    for index, (position, highest) in enumerate(suspects.items()):
        rows, low, high = found[3 * index : 3 * index + 3]
        if rows > 1 and low is not None and highest - high > _FAR * max(high - low, 1):
            notes[position] = (
                f"{highest} in {plural(rows, 'row')} stands far above all other values; if it means a missing value, "
                f"give the reading option `missing`: {highest}"
            )
    return notes


def _number_of(database: "duckdb.DuckDBPyConnection", query: str) -> int:
    row = database.execute(query).fetchone()
    return int(row[0]) if row else 0


# Levels --------------------------------------------------------------------------------------------------------------


def _level_changes(
    database: "duckdb.DuckDBPyConnection",
    snapshot: Path,
    rows: int,
    positions: Sequence[int],
    stored: Sequence[StoredColumn],
) -> dict[int, _Change]:
    """The columns of text in which a level has several spellings; beyond 100,000 rows, those of sampled rows."""
    step = max(1, -(-rows // _SAMPLED_ROWS))
    relation = f"read_parquet({sql_literal(str(snapshot))}, file_row_number=true)"
    changes: dict[int, _Change] = {}
    for start in range(0, len(positions), _COLUMNS_PER_STATEMENT):
        group = positions[start : start + _COLUMNS_PER_STATEMENT]
        selected = ", ".join(f"histogram(c{position})" for position in group)
        query = f"SELECT {selected} FROM {relation} WHERE file_row_number % {step} = 0"  # noqa: S608
        for position, levels in zip(group, database.execute(query).fetchall()[0], strict=True):
            spellings = find_spellings(levels or {})
            if not spellings:
                continue
            column = stored[position]
            column_format = msgspec.structs.replace(column.format, spellings=spellings)
            note = _spellings_note(spellings)
            changed = msgspec.structs.replace(column, format=column_format, note=note)
            changes[position] = _Change(changed, cell_value(f"c{position}", TEXT, column_format))
    return changes


def find_spellings(levels: Mapping[str, int]) -> dict[str, str]:
    """Further spellings among `levels` (with the rows of each), each with the most frequent spelling of its level.

    Spellings differ in case and in the width of spaces. Case carries meaning in short words and in codes with digits.
    """
    alike: defaultdict[str, list[str]] = defaultdict(list)
    for level in levels:
        alike[_folded(level)].append(level)
    spellings: dict[str, str] = {}
    for variants in alike.values():
        if len(variants) > 1:
            usual = min(variants, key=lambda level: (-levels[level], level))
            spellings |= {level: usual for level in variants if level != usual}
    return spellings


def _folded(level: str) -> str:
    text = " ".join(level.split())
    has_meaning = len(text) <= _LONGEST_CODE or any(character.isdigit() for character in text)
    return text if has_meaning else unicodedata.normalize("NFC", text.casefold())


def _spellings_note(spellings: Mapping[str, str]) -> str:
    shown = ", ".join(
        f"{clean(spelling, 30)!r} is taken as {clean(usual, 30)!r}"
        for spelling, usual in list(spellings.items())[:_SPELLINGS_SHOWN]
    )
    more = len(spellings) - _SPELLINGS_SHOWN
    return f"{shown} and {plural(more, 'more spelling')}" if more > 0 else shown
