"""Fitted feature blocks: what an encoder learned, as plain data, and the few array operations that apply it.

A saved model's features are JSON and hold no objects, and a single row passes through the blocks of twenty fold models
in a few milliseconds.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final, Literal, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling.rows import RowArrays

DatePart: TypeAlias = Literal[
    "year", "month", "day", "weekday", "hour", "elapsed", "month_sin", "month_cos", "weekday_sin", "weekday_cos",
    "hour_sin", "hour_cos", "year_sin", "year_cos", "week", "quarter", "weekend",
]  # fmt: skip
Stamps: TypeAlias = npt.NDArray[Any]  # datetime64
TextAnalyzer: TypeAlias = Literal["words", "characters"]

_DAY: Final = 86_400.0
_SQUASH: Final = 3.0


class NumberScaling(msgspec.Struct, frozen=True, dict=True):
    """What is done to columns of numbers before an estimator sees them; each tuple is empty or has a value per column."""

    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()
    fill: tuple[float, ...] = ()  # in place of missing values; empty: they stay
    center: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    squash: bool = False  # x / sqrt(1 + (x/3)^2): outliers end at 3 (Holzmüller et al. 2024, RealMLP)

    def apply(self, values: Floats) -> None:
        """Change `values` (rows, columns) in place."""
        low, high, fill, center, scale = self._arrays
        if self.low:
            np.clip(values, low, high, out=values)
        if self.fill:
            np.copyto(values, fill, where=np.isnan(values))
        if self.scale:
            values -= center
            values /= scale
        if self.squash:
            values /= np.sqrt(1 + (values / _SQUASH) ** 2)

    @cached_property
    def _arrays(self) -> tuple[Floats, ...]:
        return tuple(np.asarray(part) for part in (self.low, self.high, self.fill, self.center, self.scale))


class NumberBlock(msgspec.Struct, frozen=True, tag="numbers", dict=True):
    """Numeric and boolean columns, one output each, then one output per flagged column: 1 where it is missing."""

    columns: tuple[str, ...]
    fill: tuple[float, ...] = ()
    flagged: tuple[int, ...] = ()  # positions in `columns`
    center: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    squash: bool = False
    low: tuple[float, ...] = ()
    high: tuple[float, ...] = ()

    @property
    def width(self) -> int:
        return len(self.columns) + len(self.flagged)

    @property
    def sources(self) -> tuple[tuple[str, ...], ...]:
        """The columns that each output is computed from."""
        return tuple((self.columns[position],) for position in (*range(len(self.columns)), *self.flagged))

    def fill_in(self, rows: RowArrays, out: Floats) -> None:
        count = len(self.columns)
        for index, name in enumerate(self.columns):
            out[:, index] = rows.floats(name)
        values = out[:, :count]
        for flag, index in enumerate(self.flagged):
            out[:, count + flag] = np.isnan(values[:, index])
        self._scaling.apply(values)

    @cached_property
    def _scaling(self) -> NumberScaling:
        return NumberScaling(self.low, self.high, self.fill, self.center, self.scale, self.squash)


class OneHotBlock(msgspec.Struct, frozen=True, tag="one_hot", dict=True):
    """A column with an output for each level, one for all other levels if training had any, and one for missing cells."""

    column: str
    levels: tuple[str, ...]
    other: bool
    missing: bool

    @property
    def width(self) -> int:
        return len(self.levels) + self.other + self.missing

    @property
    def sources(self) -> tuple[tuple[str, ...], ...]:
        """The columns that each output is computed from."""
        return ((self.column,),) * self.width

    def fill_in(self, rows: RowArrays, out: Floats) -> None:
        levels = len(self.levels)
        position = level_positions(rows, self.column, self._positions)
        output = position.copy()
        output[position == levels] = levels if self.other else -1
        output[position == levels + 1] = levels + self.other if self.missing else -1
        index = np.flatnonzero(output >= 0)
        out[:] = 0.0
        out[index, output[index]] = 1.0

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {level: position for position, level in enumerate(self.levels)}


class LookupBlock(msgspec.Struct, frozen=True, tag="lookup", dict=True):
    """A column whose levels are looked up in a table: the level's position, its frequency, or the target's mean there.

    `table` has a row for each level, then one for levels never seen, then one for missing cells; None is NaN.
    """

    column: str
    levels: tuple[str, ...]
    table: tuple[tuple[float | None, ...], ...]
    label: str  # the encoder, for people who read the file
    category: bool = False  # the output is the position of a category, for estimators that know categories

    @property
    def width(self) -> int:
        return len(self.table[0])

    @property
    def sources(self) -> tuple[tuple[str, ...], ...]:
        """The columns that each output is computed from."""
        return ((self.column,),) * self.width

    def fill_in(self, rows: RowArrays, out: Floats) -> None:
        out[:] = self._rows[level_positions(rows, self.column, self._positions)]

    @cached_property
    def _positions(self) -> dict[str, int]:
        return {level: position for position, level in enumerate(self.levels)}

    @cached_property
    def _rows(self) -> Floats:
        return np.asarray([[np.nan if value is None else value for value in row] for row in self.table], dtype=float)


class DateBlock(msgspec.Struct, frozen=True, tag="date"):
    """The parts of a date column: calendar numbers, days since 1970, or points on the circle of the year, week, day."""

    column: str
    parts: tuple[DatePart, ...]
    center: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()  # empty: missing values stay, nothing is scaled; else missing becomes 0
    flagged: bool = False

    @property
    def width(self) -> int:
        return len(self.parts) + self.flagged

    @property
    def sources(self) -> tuple[tuple[str, ...], ...]:
        """The columns that each output is computed from."""
        return ((self.column,),) * self.width

    def fill_in(self, rows: RowArrays, out: Floats) -> None:
        seconds = rows.floats(self.column)
        values = out[:, : len(self.parts)]
        values[:] = date_parts(seconds, self.parts)
        if self.scale:
            values -= np.asarray(self.center)
            values /= np.asarray(self.scale)
            values[np.isnan(values)] = 0.0
        if self.flagged:
            out[:, -1] = np.isnan(seconds)


class TextBlock(msgspec.Struct, frozen=True, tag="text"):
    """A text column: tf-idf reduced to a few components (by a TextVectorizer beside this block), and its length."""

    column: str
    components: int
    center: tuple[float, ...] = ()
    scale: tuple[float, ...] = ()
    analyzer: TextAnalyzer = "words"

    @property
    def key(self) -> tuple[str, TextAnalyzer]:
        """The vectorizer beside this block: one for each column and way to take a text apart."""
        return self.column, self.analyzer

    @property
    def width(self) -> int:
        return self.components + 1

    @property
    def sources(self) -> tuple[tuple[str, ...], ...]:
        """The columns that each output is computed from."""
        return ((self.column,),) * self.width

    def scaled(self, values: Floats) -> Floats:
        return (values - np.asarray(self.center)) / np.asarray(self.scale) if self.scale else values


def level_positions(rows: RowArrays, column: str, positions: Mapping[str, int]) -> Ints:
    """The position of each row's level; one past the end for other levels, two past for missing cells."""
    texts = rows.texts(column)
    other = len(positions)
    return np.asarray([*(positions.get(level, other) for level in texts.levels), other + 1], dtype=np.int64)[
        texts.codes
    ]


def date_parts(seconds: Floats, parts: tuple[DatePart, ...]) -> Floats:
    """(rows, parts): the parts of times in seconds since 1970; NaN where the time is missing."""
    missing = np.isnan(seconds)
    moments = np.where(missing, 0.0, seconds).astype(np.int64).astype("datetime64[s]")
    days, months = moments.astype("datetime64[D]"), moments.astype("datetime64[M]")
    day = days.astype(np.int64)
    hour = (moments - days).astype(np.int64) / 3600.0
    month = months.astype(np.int64) % 12
    weekday = (day + 3) % 7  # 1970 began on a Thursday; Monday is 0
    values = np.empty((len(seconds), len(parts)))
    for column, part in zip(values.T, parts, strict=True):
        match part:
            case "year":
                column[:] = moments.astype("datetime64[Y]").astype(np.int64) + 1970
            case "month":
                column[:] = month + 1
            case "day":
                column[:] = (days - months.astype("datetime64[D]")).astype(np.int64) + 1
            case "weekday":
                column[:] = weekday
            case "hour":
                column[:] = hour
            case "elapsed":
                column[:] = np.where(missing, 0.0, seconds) / _DAY
            case "week":
                column[:] = _iso_week(days, weekday)
            case "quarter":
                column[:] = month // 3 + 1
            case "weekend":
                column[:] = weekday >= 5
            case _:
                turn = _turn(part, days, month, weekday, hour)
                column[:] = (np.sin if part.endswith("sin") else np.cos)(2 * np.pi * turn)
    values[missing] = np.nan
    return values


def _turn(part: DatePart, days: Stamps, month: Ints, weekday: Ints, hour: Floats) -> Floats:
    """How far round the circle of a part each time is, from 0 to 1."""
    match part.split("_")[0]:
        case "month":
            return month / 12
        case "weekday":
            return weekday / 7
        case "hour":
            return hour / 24
        case _:
            return _day_of_year(days) / 366


def _iso_week(days: Stamps, weekday: Ints) -> Ints:
    """The week of the year, from 1 to 53, as ISO 8601 counts it: by the year that the week's Thursday is in."""
    thursday = days + (3 - weekday)
    return _day_of_year(thursday) // 7 + 1


def _day_of_year(days: Stamps) -> Ints:
    """The day of the year, from 0."""
    first = days.astype("datetime64[Y]").astype("datetime64[D]")
    return np.asarray((days - first).astype(np.int64))
