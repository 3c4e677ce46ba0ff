"""A table in words for a model: its schema and profile, as many columns as fit, those that matter first."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from tabsmith.agents.prompts.quoting import quote, quote_exactly
from tabsmith.recipes import sql, validation
from tabsmith.tables.profile.types import ColumnProfile, NumericSummary, TableProfile
from tabsmith.tables.schema.types import ColumnSchema, Schema
from tabsmith.text import plural

LONGEST_NAME: Final = 200  # characters of a quoted name; a longer one is counted, not listed
_WARNED_FIRST: Final = 20  # features with a warning that come before those without
_IN_FULL: Final = 0.65  # share of the room for columns in full, where not all fit; names alone share the rest
_NAMES_ALONE: Final = 0.25
_VALUES: Final = 5
_CLASSES: Final = 12
_VALUE_LENGTH: Final = 40
_MANY: Final = 10  # distinct numbers from which on a mean tells no single one

_NUMERIC: Final = ("integer", "float")
_DATES: Final = ("date", "timestamp")


class _Line(msgspec.Struct, frozen=True):
    """A column as it may be shown."""

    place: int
    rank: tuple[int, float, int]
    column: ColumnSchema
    name: str  # quoted; empty when it is too long to be listed
    text: str


def describe_table(schema: Schema, profile: TableProfile, *, samples: bool, room: int) -> list[str]:
    """Lines on the table, together at most `room` characters: its size, split and target, then its columns in the
    table's order. What does not fit is listed by name alone, or counted. Without `samples` no value of a cell is in it.
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
        chosen = _fitting(ranked, int(left * _IN_FULL), [len(line.text) + 1 for line in ranked])
        others = ranked[len(chosen) :]
        named = _fitting(others, int(left * _NAMES_ALONE), [len(line.name) + 2 for line in others])
    chosen = sorted(chosen, key=lambda line: line.place)
    shown = {line.place for line in (*chosen, *named)}
    rest = [line.column for line in lines if line.place not in shown]
    return [*head, *(line.text for line in chosen), *_by_kind(named), *_counted(rest)]


def _target(name: str) -> str:
    return quote_exactly(name) if len(name) <= LONGEST_NAME else quote(name, LONGEST_NAME)


def _fitting(lines: Sequence[_Line], room: int, sizes: Sequence[int]) -> list[_Line]:
    fitting: list[_Line] = []
    for line, size in zip(lines, sizes, strict=True):
        room -= size
        if room < 0:
            break
        fitting.append(line)
    return fitting


def _lines(schema: Schema, profile: TableProfile, samples: bool) -> list[_Line]:
    known = {column.name: column for column in profile.columns}
    types = {column.name: column for column in validation.sql_columns(schema, profile)}
    lines: list[_Line] = []
    warned = 0
    for place, column in enumerate(schema.columns):
        numbers = known.get(column.name)
        warned += bool(column.warnings) and column.role == "feature"
        rank = (_order(column, warned), round(numbers.missing_share, 1) if numbers else 1.0, place)
        name = quote_exactly(column.name) if len(column.name) <= LONGEST_NAME else ""
        if len(name) > LONGEST_NAME:
            name = ""
        text = _text(name, column, types[column.name], numbers, samples) if name else ""
        lines.append(_Line(place, rank, column, name, text))
    return lines


def _order(column: ColumnSchema, warned: int) -> int:
    """What matters comes first: target, group and time, some warned features, those without, the rest, the ignored."""
    if column.role == "target":
        return 0
    if column.role in ("group", "time"):
        return 1
    if column.role == "ignore":
        return 5
    if not column.warnings:
        return 3
    return 2 if warned <= _WARNED_FIRST else 4


def _text(name: str, column: ColumnSchema, kind: sql.SqlColumn, known: ColumnProfile | None, samples: bool) -> str:
    parts = [f"{column.kind} {kind.types[0]}"]
    if column.role != "feature":
        parts.append(f"role {column.role}")
    if kind.withheld and column.role != "target":
        parts.append("not for derived columns")
    parts += [warning.kind for warning in column.warnings]
    if known is not None:
        if known.missing:
            parts.append(f"missing {known.missing_share:.1%}")
        parts.append(f"{known.distinct:,} distinct")
        parts += _values(column, known) if samples else _outline(column, known)
    return f"- {name}: {', '.join(parts)}"


def _values(column: ColumnSchema, known: ColumnProfile) -> list[str]:
    """The distribution with values of cells."""
    if known.numbers and known.storage in _NUMERIC and (column.kind == "numeric" or column.role != "target"):
        return [_five(known.numbers)]
    if known.numbers and known.storage in _DATES:
        return [f"from {_day(known.numbers.minimum)} to {_day(known.numbers.maximum)}"]
    count = _CLASSES if column.role == "target" else _VALUES
    shown = [f"{quote(value.text, _VALUE_LENGTH)} {value.count:,}" for value in known.top[:count]]
    words = [f"about {known.lengths.words:.2g} words"] if known.lengths and column.kind == "text" else []
    return [*words, *([f"values {' '.join(shown)}"] if shown else [])]


def _outline(column: ColumnSchema, known: ColumnProfile) -> list[str]:
    """The distribution without a value of any cell."""
    if column.role == "target" and column.kind != "numeric" and known.top:
        return [f"values in {', '.join(f'{value.count:,}' for value in known.top)} rows"]
    if known.numbers and known.storage in _NUMERIC and known.distinct > _MANY:
        return [f"mean about {known.numbers.mean:.2g}, deviation {known.numbers.deviation:.2g}"]
    if known.lengths and column.kind == "text":
        return [f"about {known.lengths.words:.2g} words"]
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
    words = ", ".join(f"{count:,} {kind}" for kind, count in kinds.most_common())
    return [f"- and {plural(len(columns), 'more column')}: {words}"]
