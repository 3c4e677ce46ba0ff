"""Columns that tell the target too well: re-codings of it, near-perfect single features, parts of a sum."""

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from tabsmith.tables.dependence import is_linear, one_to_one, told_alone
from tabsmith.tables.profile import Profile
from tabsmith.tables.rows import RowSample
from tabsmith.tables.schema import Kind, Task
from tabsmith.tables.sums import find_sums
from tabsmith.text import clean

_ALONE_CLASSES: Final = 0.97  # of the errors of always guessing the commonest class
_ALONE_NUMBERS: Final = 0.985  # of the variance
_FEW: Final = 50
_LEAST_ROWS: Final = 30


class Leak(msgspec.Struct, frozen=True):
    """Why a column is suspected; `same` when it says exactly what the target says, in other words."""

    message: str
    same: bool = False


def find_leaks(
    profile: Profile, kinds: Mapping[str, Kind], sample: RowSample, target: str, task: Task
) -> dict[str, Leak]:
    """The columns that may not be known when a prediction is wanted, because they are made from the target."""
    if sample.rows < _LEAST_ROWS:
        return {}
    leaks: dict[str, Leak] = {}
    names = [
        column.name
        for column in profile.columns
        if column.name != target and kinds[column.name] not in {"identifier", "constant", "text"}
    ]
    shown = clean(target, 40)
    classes = task != "regression"
    distinct = {column.name: column.distinct for column in profile.columns}
    for name in names:
        if _is_same(sample, name, target, kinds, distinct, classes):
            leaks[name] = Leak(f"Says the same as {shown} in other words: it would give the answer away.", same=True)
            continue
        discrete = kinds[name] in {"category", "boolean"} or distinct[name] <= _FEW
        told = told_alone(sample, name, target, classes=classes, discrete=discrete)
        if told >= (_ALONE_CLASSES if classes else _ALONE_NUMBERS):
            leaks[name] = Leak(f"Tells {told:.1%} of {shown} all by itself: is it known before {shown} is?")
    if not classes:
        numeric = [name for name in names if kinds[name] in {"numeric", "code", "boolean"} and name not in leaks]
        leaks |= _sums(sample, target, numeric)
    return leaks


def _is_same(
    sample: RowSample, name: str, target: str, kinds: Mapping[str, Kind], distinct: Mapping[str, int], classes: bool
) -> bool:
    if classes:
        return distinct[name] == distinct[target] and one_to_one(sample.codes(name), sample.codes(target))
    if kinds[name] in {"numeric", "code"} and kinds[target] in {"numeric", "code"}:
        return is_linear(sample.numbers(name), sample.numbers(target))
    return False


def _sums(sample: RowSample, target: str, numeric: Sequence[str]) -> dict[str, Leak]:
    """Parts that add up to the target, or a total that holds it: fare + tip + tolls = total."""
    shown = clean(target, 40)
    sums = find_sums(sample, target, numeric)
    if not sums.parts:
        message = f"Looks like a total that {shown} is a part of: is it known before {shown} is?"
        return {total: Leak(message) for total in sums.totals}
    how = "exactly" if sums.explained > 0.99999 else f"to {sums.explained:.0%}"
    listed = ", ".join(clean(part, 40) for part in sums.parts)
    message = f"{shown} follows {how} from {listed} by adding and subtracting: are all of them known beforehand?"
    return {part: Leak(message) for part in sums.parts}
