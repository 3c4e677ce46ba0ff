"""Compares two texts line by line, in bounded time.

Lines that occur once in each text and stay in order anchor the comparison (Bram Cohen's patience diff); the gaps between
them are compared line by line, and a large gap counts as replaced as a whole.
"""

import bisect
import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

_MAX_GAP: Final = 200  # lines; the time to compare a gap grows with its square
CONTEXT: Final = 3


class LineRun(NamedTuple):
    """Lines `low:high` of the old text became `to_low:to_high` of the new one; `same` if they are equal."""

    same: bool
    low: int
    high: int
    to_low: int
    to_high: int


def diff_lines(old: Sequence[str], new: Sequence[str]) -> list[LineRun]:
    """Return both texts as runs, alternately same and different."""
    runs: list[LineRun] = []
    low = to_low = 0
    for index, to_index in [*_anchors(old, new), (len(old), len(new))]:
        for run in _gap(old[low:index], new[to_low:to_index], low, to_low):
            _add(runs, run)
        if index < len(old):
            _add(runs, LineRun(True, index, index + 1, to_index, to_index + 1))
        low, to_low = index + 1, to_index + 1
    return runs


def count_lines(changes: Sequence[LineRun]) -> tuple[int, int]:
    """Return how many lines were added, and how many removed."""
    different = [run for run in changes if not run.same]
    return sum(run.to_high - run.to_low for run in different), sum(run.high - run.low for run in different)


def unified_diff(old: Sequence[str], new: Sequence[str], changes: Sequence[LineRun]) -> Iterator[str]:
    """Yield the lines of a unified diff, without its two header lines."""
    hunk: list[LineRun] = []
    for run in changes:
        if not run.same:
            hunk.append(run)
        elif not hunk:
            hunk = [_tail(run)]
        elif run.high - run.low > 2 * CONTEXT:
            yield from _hunk(old, new, [*hunk, _head(run)])
            hunk = [_tail(run)]
        else:
            hunk.append(run)
    if any(not run.same for run in hunk):
        yield from _hunk(old, new, [*hunk[:-1], _head(hunk[-1])] if hunk[-1].same else hunk)


def _head(run: LineRun) -> LineRun:
    length = min(CONTEXT, run.high - run.low)
    return run._replace(high=run.low + length, to_high=run.to_low + length)


def _tail(run: LineRun) -> LineRun:
    length = min(CONTEXT, run.high - run.low)
    return run._replace(low=run.high - length, to_low=run.to_high - length)


def _anchors(old: Sequence[str], new: Sequence[str]) -> list[tuple[int, int]]:
    """The longest sequence of lines that occur once in each text, as (old index, new index), rising in both."""
    once_new = {line: index for index, line in enumerate(new)}
    old_counts, new_counts = Counter(old), Counter(new)
    pairs = [
        (index, once_new[line]) for index, line in enumerate(old) if old_counts[line] == 1 and new_counts.get(line) == 1
    ]
    ends: list[int] = []  # the smallest last index in `new` of a sequence of each length
    last_pairs: list[int] = []  # the pair that such a sequence ends with
    before: list[int] = []
    for number, (_, to_index) in enumerate(pairs):
        length = bisect.bisect_left(ends, to_index)
        before.append(last_pairs[length - 1] if length else -1)
        ends[length : length + 1] = [to_index]
        last_pairs[length : length + 1] = [number]
    chosen: list[tuple[int, int]] = []
    number = last_pairs[-1] if last_pairs else -1
    while number >= 0:
        chosen.append(pairs[number])
        number = before[number]
    return chosen[::-1]


def _gap(old: Sequence[str], new: Sequence[str], low: int, to_low: int) -> Iterator[LineRun]:
    start = 0
    while start < min(len(old), len(new)) and old[start] == new[start]:
        start += 1
    end = 0
    while end < min(len(old), len(new)) - start and old[-1 - end] == new[-1 - end]:
        end += 1
    yield LineRun(True, low, low + start, to_low, to_low + start)
    old, new = old[start : len(old) - end], new[start : len(new) - end]
    low, to_low = low + start, to_low + start
    if max(len(old), len(new)) > _MAX_GAP:
        yield LineRun(False, low, low + len(old), to_low, to_low + len(new))
    else:
        for tag, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
            yield LineRun(tag == "equal", low + a, low + b, to_low + c, to_low + d)
    low, to_low = low + len(old), to_low + len(new)
    yield LineRun(True, low, low + end, to_low, to_low + end)


def _add(runs: list[LineRun], run: LineRun) -> None:
    if run.low == run.high and run.to_low == run.to_high:
        return
    if runs and runs[-1].same == run.same:
        runs[-1] = runs[-1]._replace(high=run.high, to_high=run.to_high)
    else:
        runs.append(run)


def _hunk(old: Sequence[str], new: Sequence[str], hunk: Sequence[LineRun]) -> Iterator[str]:
    first, last = hunk[0], hunk[-1]
    yield f"@@ -{_range(first.low, last.high)} +{_range(first.to_low, last.to_high)} @@"
    for run in hunk:
        if run.same:
            yield from (" " + line for line in old[run.low : run.high])
        else:
            yield from ("-" + line for line in old[run.low : run.high])
            yield from ("+" + line for line in new[run.to_low : run.to_high])


def _range(low: int, high: int) -> str:
    length = high - low
    if length == 1:
        return str(low + 1)
    return f"{low + 1 if length else low},{length}"
