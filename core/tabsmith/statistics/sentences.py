"""The sentences of findings: direction, size, uncertainty, and what the numbers do not show. Never a cause."""

from collections.abc import Sequence
from typing import Final

from tabsmith.formatting import number, percent
from tabsmith.text import clean, plural

NO_CAUSE: Final = "It does not say why: a third thing may be behind both."
STRENGTH_SCALE: Final = (
    "Words for strength: below 0.1 negligible, to 0.3 weak, to 0.5 moderate, to 0.7 strong, above very strong."
)


def strength(value: float) -> str:
    """The word for a strength from -1 to 1, on the one scale that all findings use (Cohen 1988, extended upward)."""
    size = abs(value)
    for limit, word in ((0.1, "negligible"), (0.3, "weak"), (0.5, "moderate"), (0.7, "strong")):
        if size < limit:
            return word
    return "very strong"


def p_text(p: float) -> str:
    """`p = 0.031`, `p < 0.001`."""
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.9995 else "p = 1"


def interval_text(interval: tuple[float, float]) -> str:
    """`95 % interval 1.2 to 3.4`."""
    return f"95 % interval {number(interval[0])} to {number(interval[1])}"


def dropped_note(dropped: int, total: int) -> str:
    """That rows were left out for missing values; "" if none was."""
    return f"{plural(dropped, 'row')} of {total:,} left out for missing values." if dropped else ""


def one_number(
    name: str,
    count: int,
    mean: float,
    interval: tuple[float, float] | None,
    quartiles: Sequence[float],
    skewness: float | None,
) -> tuple[str, ...]:
    """Where a numeric column's values lie, how they are spread, and what that does not show."""
    low, median, high = quartiles
    within = f" ({interval_text(interval)})" if interval else ""
    first = (
        f"The mean of {clean(name)} over {plural(count, 'row')} is {number(mean)}{within}, its median {number(median)}; "
        f"half of the values lie between {number(low)} and {number(high)}."
    )
    return (first, _shape(skewness), "The interval holds if the rows are a random sample of what they stand for.")[
        : 3 if interval else 2
    ]


def _shape(skewness: float | None) -> str:
    if skewness is None:
        return "All values are the same, or too few for the shape of their distribution."
    if abs(skewness) < 0.5:
        return f"The values are spread about evenly to both sides (skewness {number(skewness, 2)})."
    side, tail = ("right", "large") if skewness > 0 else ("left", "small")
    return (
        f"The distribution is skewed to the {side} (skewness {number(skewness, 2)}): a few {tail} values pull the mean."
    )


def one_category(name: str, count: int, distinct: int, top: str, top_count: int) -> tuple[str, ...]:
    """How many values a column of categories has, and which is most frequent."""
    return (
        f"{clean(name)} has {plural(distinct, 'different value')} in {plural(count, 'row')}; the most frequent, "
        f"{clean(top, 60)}, is in {plural(top_count, 'row')} ({percent(top_count / count if count else None)}).",
    )


def many_columns(rows: int, numeric: int, others: int, gaps: Sequence[tuple[str, float]]) -> tuple[str, ...]:
    """What a table holds, and which columns miss values (name and share, most first)."""
    first = f"{plural(rows, 'row')}, {plural(numeric, 'numeric column')} and {plural(others, 'other column')}."
    if not gaps:
        return (first, "No value is missing.")
    name, share = gaps[0]
    return (
        first,
        f"{plural(len(gaps), 'column misses', 'columns miss')} values, {clean(name)} most ({percent(share)} of its rows).",
    )


def groups_ranked(name: str, aggregate: str, groups: Sequence[tuple[str, float, int]]) -> tuple[str, ...]:
    """Which group has the highest and the lowest value (label, value, rows), and that this is no test."""
    first = groups[0]
    if len(groups) == 1:
        return (
            f"The {aggregate} of {clean(name)} is {number(first[1])} for {clean(first[0], 60)} ({plural(first[2], 'row')}).",
        )
    high, low = max(groups, key=lambda group: group[1]), min(groups, key=lambda group: group[1])
    return (
        (
            f"The {aggregate} of {clean(name)} is highest for {clean(high[0], 60)} ({number(high[1])}, {plural(high[2], 'row')}) "
            f"and lowest for {clean(low[0], 60)} ({number(low[1])}, {plural(low[2], 'row')}), of {len(groups)} groups."
        ),
        "Whether the groups differ by more than chance is not said by this; `compare` tests it.",
    )


def counted(names: Sequence[str], rows: int, groups: int, top: str, top_count: int) -> tuple[str, ...]:
    """The most frequent combination and its share."""
    what = " and ".join(clean(name) for name in names)
    kinds = plural(groups, "value") if len(names) == 1 else plural(groups, "combination")
    return (
        (
            f"{what}: {kinds} in {plural(rows, 'row')}; the most frequent is {clean(top, 80)} "
            f"with {plural(top_count, 'row')} ({percent(top_count / rows)})."
        ),
    )
