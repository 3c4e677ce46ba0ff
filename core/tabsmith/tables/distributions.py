"""The distribution of one column from sampled rows in memory: distinct and frequent values, moments, bins, lengths."""

import math
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from tabsmith.tables.profile import Lengths, Numbers, Storage, Value
from tabsmith.text import clean

LONG_TEXT: Final = 400  # characters by which long texts are told apart when they are counted
_BINS: Final = 16
_TOP: Final = 12
_VALUE_LENGTH: Final = 60

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


class Totals(msgspec.Struct, frozen=True):
    """Of all rows of a column: values present, distinct ones, and least, greatest, mean and deviation if numeric."""

    present: int
    distinct: int
    moments: tuple[float | int | None, ...]


class Distribution(msgspec.Struct, frozen=True):
    """What a `Column` says beside its name, storage and rows."""

    present: int
    distinct: int
    top: tuple[Value, ...] = ()
    numbers: Numbers | None = None
    lengths: Lengths | None = None


def distribution(place: int, storage: Storage, table: Any, step: int, totals: Totals | None) -> Distribution:
    """Column `c<place>` of an Arrow table that holds every `step`-th row; `totals` when these are not all rows.

    A text comes with columns `length<place>` and `words<place>`, a date with `number<place>`.
    """
    array = table.column(f"c{place}")
    present = totals.present if totals else len(array) - array.null_count
    if len(array) == array.null_count:
        return Distribution(present, totals.distinct if totals else 0)
    if storage == "text":
        values, counts = _counted(array)
        lengths = _lengths(table.column(f"length{place}"), table.column(f"words{place}"))
        top = _top(values, counts, storage, step, present)
        return Distribution(present, totals.distinct if totals else len(values), top, None, lengths)
    if storage in {"date", "timestamp"}:
        values, counts = _counted(array)
        numbers = _floats(table.column(f"number{place}"))
    else:
        plain = _plain(array)
        values, counts = np.unique(plain, return_counts=True)
        numbers = plain.astype(np.float64)
    top = _top(values, counts, storage, step, present)
    return Distribution(present, totals.distinct if totals else len(values), top, _numbers(numbers, step, totals))


def _plain(array: Any) -> Any:
    """The values that are present, as numbers."""
    import pyarrow as pa

    present = array.drop_null()
    if pa.types.is_boolean(present.type):
        present = present.cast(pa.int8())
    return present.to_numpy()


def _floats(array: Any) -> Floats:
    return np.asarray(array.drop_null().to_numpy(), dtype=np.float64)


def _counted(array: Any) -> tuple[Any, Counts]:
    """The distinct values of an Arrow column that are present, and how often each comes."""
    found = array.drop_null().combine_chunks().value_counts()
    return found.field(0), np.asarray(found.field(1).to_numpy(), dtype=np.int64)


def _top(values: Any, counts: Counts, storage: Storage, step: int, present: int) -> tuple[Value, ...]:
    """The most frequent values, of equally frequent ones the least."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if isinstance(values, np.ndarray):  # in order already
        places = np.argsort(-counts, kind="stable")[:_TOP]
        texts = [_text(value, storage) for value in values[places].tolist()]
    else:
        wanted = pa.table({"count": counts, "value": values})
        places = pc.select_k_unstable(wanted, _TOP, [("count", "descending"), ("value", "ascending")]).to_numpy()
        picked = values.take(pa.array(places))
        texts = [_text(value, storage) for value in picked.cast(pa.string()).to_pylist()]
    return tuple(
        Value(clean(text, _VALUE_LENGTH), min(present, int(counts[place]) * step))
        for text, place in zip(texts, places, strict=True)
    )


def _text(value: Any, storage: Storage) -> str:
    if storage == "boolean":
        return "true" if value else "false"
    text = str(value)
    if storage == "timestamp":
        return text.rstrip("0").rstrip(".") if "." in text else text
    return text


def _numbers(values: Floats, step: int, totals: Totals | None) -> Numbers | None:
    """Moments and bins of the finite values. Every number in it is finite: it goes into journals as JSON."""
    values = values[np.isfinite(values)]
    if totals is not None:
        if any(moment is None for moment in totals.moments[:2]):
            return None
        low, high, mean, deviation = (math.nan if moment is None else float(moment) for moment in totals.moments)
    elif len(values):
        low, high = float(values.min()), float(values.max())
        modest = values[np.abs(values) < 1e150]  # squares beyond overflow
        mean = float(modest.mean()) if len(modest) else math.nan
        deviation = float(modest.std()) if len(modest) else math.nan
    else:
        return None
    mean = mean if math.isfinite(mean) else low / 2 + high / 2
    deviation = deviation if math.isfinite(deviation) else 0.0
    if not len(values):  # the sample met only infinities
        return Numbers(low, high, mean, deviation, (mean, mean, mean), ())
    quartiles = _quartiles(values)
    span = high - low
    if not math.isfinite(span) or span <= 0:
        bins: tuple[int, ...] = (len(values) * step,)
    else:
        places = np.clip(np.floor((values - low) / span * _BINS), 0, _BINS - 1).astype(np.int64)
        bins = tuple((np.bincount(places, minlength=_BINS) * step).tolist())
    return Numbers(low, high, mean, deviation, quartiles, bins)


def _quartiles(values: Floats) -> tuple[float, float, float]:
    """Quarter, half and three quarters, between neighbours by their distance; safe where a difference overflows."""
    ordered = np.sort(values)
    found = []
    for share in (0.25, 0.5, 0.75):
        place = share * (len(ordered) - 1)
        below, part = int(place), place - int(place)
        above = min(below + 1, len(ordered) - 1)
        found.append(float(ordered[below] * (1 - part) + ordered[above] * part))
    return found[0], found[1], found[2]


def _lengths(lengths: Any, words: Any) -> Lengths | None:
    characters, several = _floats(lengths), _floats(words)
    return Lengths(int(characters.min()), int(characters.max()), float(characters.mean()), float(several.mean()))
