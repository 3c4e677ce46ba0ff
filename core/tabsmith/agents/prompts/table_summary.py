"""Describes a table to a model by its schema and profile: as many columns as fit, the most relevant first."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from tabsmith.agents.prompts.quoting import quote, quote_exactly
from tabsmith.recipes import sql, validation
from tabsmith.tables.profile.types import ColumnProfile, NumericSummary, TableProfile
from tabsmith.tables.schema.types import TEXT_KINDS, ColumnSchema, Schema
from tabsmith.text import plural

MAX_NAME: Final = 200  # characters of a quoted name; a column with a longer one is counted, not listed
_WARNED_FIRST: Final = 20  # features with a warning that come before those without
# Where not all columns fit, these shares of the room go to columns in full and to names alone.
_FULL_SHARE: Final = 0.65
_NAMES_SHARE: Final = 0.25
_MAX_VALUES: Final = 5
_MAX_CLASSES: Final = 12
_VALUE_CHARACTERS: Final = 40
_MEAN_FROM: Final = 10  # distinct numbers; a mean of more reveals no single one

_NUMERIC: Final = ("integer", "float")
_DATES: Final = ("date", "timestamp")


class _Line(msgspec.Struct, frozen=True):
    """A column and its line. `name` is quoted, and empty if it is too long to be listed."""

    position: int
    rank: tuple[int, float, int]
    column: ColumnSchema
    name: str
    text: str


def describe_table(schema: Schema, profile: TableProfile, *, samples: bool, room: int) -> list[str]:
    """Return lines about the table, at most `room` characters together.

    They tell its size, split and target, then its columns in the table's order. Columns that do not fit are listed by
    name alone, or counted. Without `samples` the lines hold no value of any cell.
    """
    head = [
        f"{plural(profile.rows or schema.rows, 'row')}, {plural(len(schema.columns), 'column')}",
        f"rows are split for validation: {schema.split.kind}, {plural(schema.split.folds, 'fold')}",
        f"the target is {_target(schema.target)}",
    ]
    left = room - sum(len(line) + 1 for line in head) - 400  # the summary of the rest
    lines = _lines(schema, profile, samples)
    listable = [line for line in lines if line.name]
    if sum(len(line.text) + 1 for line in listable) <= left:
        chosen, named = listable, []
    else:
        ranked = sorted(listable, key=lambda line: line.rank)
        chosen = _fitting(ranked, int(left * _FULL_SHARE), [len(line.text) + 1 for line in ranked])
        others = ranked[len(chosen) :]
        named = _fitting(others, int(left * _NAMES_SHARE), [len(line.name) + 2 for line in others])
    chosen = sorted(chosen, key=lambda line: line.position)
    listed = {line.position for line in (*chosen, *named)}
    rest = [line.column for line in lines if line.position not in listed]
    return [*head, *(line.text for line in chosen), *_by_kind(named), *_counted(rest)]


def _target(name: str) -> str:
    return quote_exactly(name) if len(name) <= MAX_NAME else quote(name, MAX_NAME)


def _fitting(lines: Sequence[_Line], room: int, sizes: Sequence[int]) -> list[_Line]:
    fitting: list[_Line] = []
    for line, size in zip(lines, sizes, strict=True):
        room -= size
        if room < 0:
            break
        fitting.append(line)
    return fitting


def _lines(schema: Schema, profile: TableProfile, samples: bool) -> list[_Line]:
    profiles = {column.name: column for column in profile.columns}
    types = {column.name: column for column in validation.sql_columns(schema, profile)}
    lines: list[_Line] = []
    warned = 0
    for position, column in enumerate(schema.columns):
        column_profile = profiles.get(column.name)
        warned += bool(column.warnings) and column.role == "feature"
        rank = (_order(column, warned), round(column_profile.missing_share, 1) if column_profile else 1.0, position)
        name = quote_exactly(column.name) if len(column.name) <= MAX_NAME else ""
        if len(name) > MAX_NAME:
            name = ""
        text = _text(name, column, types[column.name], column_profile, samples) if name else ""
        lines.append(_Line(position, rank, column, name, text))
    return lines


def _order(column: ColumnSchema, warned: int) -> int:
    """Rank by relevance: target, group, time and weight, some features with warnings, those without, the rest, the ignored."""
    if column.role == "target":
        return 0
    if column.role in ("group", "time", "weight"):
        return 1
    if column.role == "ignore":
        return 5
    if not column.warnings:
        return 3
    return 2 if warned <= _WARNED_FIRST else 4


def _text(name: str, column: ColumnSchema, kind: sql.SqlColumn, profile: ColumnProfile | None, samples: bool) -> str:
    parts = [f"{column.kind} {kind.types[0]}"]
    if column.role != "feature":
        parts.append(f"role {column.role}")
    if kind.withheld and column.role != "target":
        parts.append("not for derived columns")
    parts += [warning.kind for warning in column.warnings]
    if profile is not None:
        if profile.missing:
            parts.append(f"missing {profile.missing_share:.1%}")
        parts.append(f"{profile.distinct:,} distinct")
        parts += _values(column, profile) if samples else _outline(column, profile)
    return f"- {name}: {', '.join(parts)}"


def _values(column: ColumnSchema, profile: ColumnProfile) -> list[str]:
    """Describe the distribution with values of cells."""
    if profile.numbers and profile.storage in _NUMERIC and (column.kind == "numeric" or column.role != "target"):
        return [_five(profile.numbers)]
    if profile.numbers and profile.storage in _DATES:
        return [f"from {_day(profile.numbers.minimum)} to {_day(profile.numbers.maximum)}"]
    count = _MAX_CLASSES if column.role == "target" else _MAX_VALUES
    values = [f"{quote(value.text, _VALUE_CHARACTERS)} {value.count:,}" for value in profile.top[:count]]
    lengths = [f"about {profile.lengths.words:.2g} words"] if profile.lengths and column.kind in TEXT_KINDS else []
    return [*lengths, *([f"values {' '.join(values)}"] if values else [])]


def _outline(column: ColumnSchema, profile: ColumnProfile) -> list[str]:
    """Describe the distribution without a value of any cell."""
    if column.role == "target" and column.kind != "numeric" and profile.top:
        return [f"values in {', '.join(f'{value.count:,}' for value in profile.top)} rows"]
    if profile.numbers and profile.storage in _NUMERIC and profile.distinct > _MEAN_FROM:
        return [f"mean about {profile.numbers.mean:.2g}, deviation {profile.numbers.deviation:.2g}"]
    if profile.lengths and column.kind in TEXT_KINDS:
        return [f"about {profile.lengths.words:.2g} words"]
    return []


def _five(numbers: NumericSummary) -> str:
    figures = (numbers.minimum, *numbers.quartiles, numbers.maximum)
    return "quantiles " + " ".join(f"{figure:.4g}" for figure in figures)


def _day(seconds: float) -> str:
    try:
        return datetime.fromtimestamp(seconds, UTC).date().isoformat()
    except (ValueError, OverflowError, OSError):
        return "unknown"


def _by_kind(lines: Sequence[_Line]) -> list[str]:
    kinds = dict.fromkeys(line.column.kind for line in lines)
    return [
        f"- more {kind} columns: {', '.join(line.name for line in lines if line.column.kind == kind)}" for kind in kinds
    ]


def _counted(columns: Sequence[ColumnSchema]) -> list[str]:
    if not columns:
        return []
    kinds = Counter(column.kind for column in columns)
    counts = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
    return [f"- and {plural(len(columns), 'more column')}: {counts}"]
