"""Where a model errs: the rows that it predicts worst, and slices of one column in which it errs beyond noise."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Final

import msgspec
import numpy as np
import numpy.typing as npt

from tabsmith import formatting
from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling.decisions.label_rules import LabelRule
from tabsmith.modeling.decisions.labels import choose_labels
from tabsmith.modeling.explanation.dependence import shown_time
from tabsmith.modeling.explanation.types import ErrorMeasure, WorstRow, WorstSlice
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.rows import BooleanColumn, ColumnValues, DateColumn, NumberColumn, RowArrays, TextColumn
from tabsmith.text import clean

WORST_ROWS: Final = 20
WORST_SLICES: Final = 10
MIN_SLICE_ROWS: Final = 30
RANGES: Final = 5  # into which the values of a number are cut, of equally many rows
MAX_LEVELS: Final = 50  # of a column, the most frequent
CERTAINTY: Final = 0.01  # the largest p-value of a slice, after the correction
_LEVEL: Final = 80  # characters of a level


def worst_rows(
    y: Ints | Floats, prediction: Floats, labels: tuple[str, ...], positions: Ints, rule: LabelRule
) -> tuple[WorstRow, ...]:
    """The rows with the largest errors, the worst first. `positions` are the rows' places in the table, from 0, and
    `rule` makes labels of probabilities."""
    if labels:
        truth = y.astype(np.int64)
        errors = 1.0 - prediction[np.arange(len(y)), truth]
        predicted = choose_labels(rule, prediction)
    else:
        errors = y - prediction[:, 0]
        truth = predicted = np.zeros(0, dtype=np.int64)
    found = []
    for row in np.argsort(-np.abs(errors), kind="stable")[:WORST_ROWS].tolist():
        error = float(f"{errors[row]:.6g}")
        place = int(positions[row]) + 1
        if labels:
            found.append(WorstRow(place, labels[truth[row]], labels[predicted[row]], error))
        else:
            found.append(WorstRow(place, float(y[row]), float(f"{prediction[row, 0]:.6g}"), error))
    return tuple(found)


def worst_slices(
    rows: RowArrays,
    columns: Sequence[str],
    y: Ints | Floats,
    prediction: Floats,
    metric: Metric,
    *,
    enough: Callable[[], bool] = lambda: False,
) -> tuple[WorstSlice, ...]:
    """The slices of at least 30 rows in which the rows' errors are larger than elsewhere, beyond noise; the worst first.

    A slice is a level, a fifth of a number's or date's rows, or the missing cells of one column. That its errors are
    larger is shown by a one-sided test of ranks (Mann and Whitney 1947), with a p-value of at most 0.01 after it was
    multiplied by the number of slices that were looked at (Bonferroni). `enough` is asked before every column.
    """
    from scipy.special import ndtr
    from scipy.stats import rankdata

    losses, measure = _losses(y, prediction, metric)
    expected = _expected_losses(prediction, metric, measure)
    count = len(losses)
    if count < 2 * MIN_SLICE_ROWS or np.ptp(losses) == 0:
        return ()
    ranks = rankdata(losses)
    spread = float(np.var(ranks)) * count / (count - 1)
    tested = 0
    found = []
    for name in columns:
        if enough():
            break
        for values, inside in _slices(rows.columns[name]):
            size = int(inside.sum())
            if not MIN_SLICE_ROWS <= size <= count - MIN_SLICE_ROWS:
                continue
            tested += 1
            # The mean rank of rows drawn at random has this variance, whatever the ties.
            deviation = np.sqrt(spread / size * (count - size) / count)
            p_value = float(ndtr(-(ranks[inside].mean() - (count + 1) / 2) / deviation))
            error, elsewhere = _error(losses[inside], measure), _error(losses[~inside], measure)
            if p_value <= CERTAINTY and error > elsewhere:
                own = None if expected is None else _rounded(float(expected[inside].mean()))
                found.append(
                    WorstSlice(name, values, size, _rounded(error), _rounded(elsewhere), measure, p_value, own)
                )
    certain = [
        msgspec.structs.replace(part, p_value=float(f"{part.p_value * tested:.2g}"))
        for part in found
        if part.p_value * tested <= CERTAINTY
    ]
    return tuple(sorted(certain, key=lambda part: part.p_value)[:WORST_SLICES])


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")


def _losses(y: Ints | Floats, prediction: Floats, metric: Metric) -> tuple[Floats, ErrorMeasure]:
    """The loss of each row, of the kind that the metric goes by."""
    if "regression" in metric.tasks:
        errors = np.abs(y - prediction[:, 0])
        return (errors, "MAE") if metric.name in ("mae", "median_ae") else (errors**2, "RMSE")
    truth = y.astype(np.int64)
    if not metric.uses_labels:
        return -np.log(np.clip(prediction[np.arange(len(truth)), truth], 1e-15, None)), "log loss"
    return (choose_labels(metric.rule, prediction) != truth).astype(np.float64), "error rate"


def _expected_losses(prediction: Floats, metric: Metric, measure: ErrorMeasure) -> Floats | None:
    """The loss of each row that its probabilities expect, which it has on the mean if they are right."""
    if measure == "log loss":
        return np.asarray(-(prediction * np.log(np.clip(prediction, 1e-15, None))).sum(axis=1), dtype=np.float64)
    if measure == "error rate":
        chosen = choose_labels(metric.rule, prediction)
        return np.asarray(1.0 - prediction[np.arange(len(prediction)), chosen], dtype=np.float64)
    return None


def _error(losses: Floats, measure: ErrorMeasure) -> float:
    return float(np.sqrt(losses.mean())) if measure == "RMSE" else float(losses.mean())


def _slices(values: ColumnValues) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    """The parts of a column: what their cells are, and a mask of their rows."""
    match values:
        case TextColumn(codes, levels):
            counts = np.bincount(codes[codes >= 0], minlength=len(levels))
            frequent = np.argsort(-counts, kind="stable")[:MAX_LEVELS].tolist()
            parts = [(clean(levels[code], _LEVEL), codes == code) for code in frequent]
            return [*parts, ("missing", codes < 0)]
        case BooleanColumn(numbers):
            return [("true", numbers == 1), ("false", numbers == 0), ("missing", np.isnan(numbers))]
        case NumberColumn(numbers) | DateColumn(numbers):
            return [*_ranges(numbers, dates=isinstance(values, DateColumn)), ("missing", np.isnan(numbers))]


def _ranges(numbers: Floats, *, dates: bool) -> list[tuple[str, npt.NDArray[np.bool_]]]:
    present = numbers[~np.isnan(numbers)]
    if not len(present):
        return []
    edges = np.unique(np.quantile(present, np.linspace(0.0, 1.0, RANGES + 1), method="nearest"))
    if len(edges) == 1:
        return []
    parts = []
    for place, (low, high) in enumerate(pairwise(edges.tolist())):
        last = place == len(edges) - 2
        inside = (numbers >= low) & ((numbers <= high) if last else (numbers < high))
        lowest, highest = numbers[inside].min(), numbers[inside].max()
        if lowest == highest:
            parts.append((_value(lowest, dates=dates), inside))
        else:
            parts.append((f"{_value(lowest, dates=dates)} to {_value(highest, dates=dates)}", inside))
    return parts


def _value(number: float, *, dates: bool) -> str:
    return shown_time(number) if dates else formatting.significant(number)
