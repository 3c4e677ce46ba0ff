"""Partial dependence: the mean prediction if every row had the same value in one column (Friedman 2001)."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final, Literal, NamedTuple

import numpy as np

from tabsmith.modeling.explanation.out_of_fold import OutOfFoldSample
from tabsmith.modeling.explanation.types import DependencePoint, PartialDependence
from tabsmith.modeling.rows import BooleanColumn, ColumnValues, DateColumn, NumberColumn, TextColumn
from tabsmith.modeling.training_data import TrainingData
from tabsmith.text import clean

MAX_COLUMNS: Final = 8
MAX_POINTS: Final = 20
MAX_CLASSES: Final = 5
ROWS: Final = 200
_LEVEL: Final = 80  # characters of a level


def partial_dependence(
    data: TrainingData, sample: OutOfFoldSample, columns: Sequence[str], *, enough: Callable[[], bool]
) -> tuple[PartialDependence, ...]:
    """The dependence on the first `MAX_COLUMNS` of `columns`, each at up to 20 values that occur in the training rows.

    Of many classes, the probabilities of the five most frequent are given; of two, that of the event class. `enough` is asked
    before every column.
    """
    few = sample.first(ROWS)
    outputs, labels = explained_outputs(data)
    found = []
    for column in columns[:MAX_COLUMNS]:
        if enough():
            break
        values = data.rows.columns[column]
        grid = _grid(values)
        means = few.predict_at(column, grid.cells, len(grid.shown))[:, :, list(outputs)].mean(axis=1)
        points = tuple(
            DependencePoint(value, tuple(_rounded(number) for number in mean), _rounded(share))
            for value, mean, share in zip(grid.shown, means.tolist(), grid.shares, strict=True)
        )
        found.append(PartialDependence(column, _kind(values), points, labels))
    return tuple(found)


class _Grid(NamedTuple):
    """Up to 20 values of a column: as shown, as cells, and the share of the rows at or near each."""

    shown: list[float | str]
    cells: ColumnValues
    shares: list[float]


def _kind(values: ColumnValues) -> Literal["number", "date", "level"]:
    return "date" if isinstance(values, DateColumn) else "number" if isinstance(values, NumberColumn) else "level"


def explained_outputs(data: TrainingData) -> tuple[tuple[int, ...], tuple[str, ...]]:
    """The outputs of a prediction that are drawn, and the labels of these classes; (0,) and no label for regression."""
    if not data.classes:
        return (0,), ()
    words = data.labels.words()
    if data.classes == 2:
        return (data.metric.event,), (words[data.metric.event],)
    counts = np.bincount(data.y.astype(np.int64), minlength=data.classes)
    frequent = tuple(np.argsort(-counts, kind="stable")[:MAX_CLASSES].tolist())
    return frequent, tuple(words[position] for position in frequent)


def _grid(values: ColumnValues) -> _Grid:
    if isinstance(values, TextColumn):
        return _level_grid(values)
    missing = np.isnan(values.values)
    present = values.values[~missing]
    distinct = np.unique(present)
    room = MAX_POINTS - 1
    if len(distinct) > room:
        distinct = np.unique(np.quantile(present, np.linspace(0.0, 1.0, room), method="nearest"))
    middles = (distinct[1:] + distinct[:-1]) / 2
    counts = np.bincount(np.searchsorted(middles, present), minlength=len(distinct)).tolist()
    shown = [_shown(values, number) for number in distinct.tolist()]
    cells = distinct
    if missing.any():
        shown, counts, cells = [*shown, ""], [*counts, int(missing.sum())], np.append(distinct, np.nan)
    return _Grid(shown, replace(values, values=cells), [count / len(values.values) for count in counts])


def _level_grid(values: TextColumn) -> _Grid:
    counts = np.bincount(values.codes + 1, minlength=len(values.levels) + 1)
    order = [place for place in np.argsort(-counts, kind="stable").tolist() if counts[place]][:MAX_POINTS]
    return _Grid(
        [clean(values.levels[place - 1], _LEVEL) if place else "" for place in order],
        TextColumn(np.array(order, dtype=np.int64) - 1, values.levels),
        [float(counts[place] / len(values.codes)) for place in order],
    )


def _shown(values: ColumnValues, number: float) -> float | str:
    if isinstance(values, BooleanColumn):
        return "true" if number else "false"
    return shown_time(number) if isinstance(values, DateColumn) else _rounded(number)


def shown_time(seconds: float) -> str:
    """A time in seconds since 1970 as `2024-01-31`, with the hour and minute unless it is midnight."""
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.strftime("%Y-%m-%d" if moment.hour == moment.minute == 0 else "%Y-%m-%d %H:%M")


def _rounded(value: float) -> float:
    return float(f"{value:.6g}")
