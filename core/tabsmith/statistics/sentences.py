"""The sentences of findings: direction, size, uncertainty, and what the numbers do not show. Never a cause."""

import math
from collections.abc import Sequence
from typing import Final

from tabsmith.formatting import MINUS, number, percent
from tabsmith.statistics.findings import SignificanceTest
from tabsmith.text import clean, plural

_FAR: Final = 300.0  # spreads from 0 to a number from which four digits no longer tell values apart
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


def interval_text(interval: tuple[float, float], spread: float = 0.0) -> str:
    """`95 % interval 1.2 to 3.4`."""
    return f"95 % interval {fine(interval[0], spread)} to {fine(interval[1], spread)}"


def fine(value: float, spread: float) -> str:
    """A number with decimals enough that differences of the size of `spread` are seen: 1,000,000,005.5 of a spread of 3."""
    if not 0 < spread < math.inf or not math.isfinite(value) or abs(value) < _FAR * spread:
        return number(value)
    decimals = min(10, max(0, 1 - math.floor(math.log10(spread))))
    return f"{value:,.{decimals}f}".replace("-", MINUS)


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
    spread = high - low
    within = f" ({interval_text(interval, spread)})" if interval else ""
    first = (
        f"The mean of {clean(name)} over {plural(count, 'row')} is {fine(mean, spread)}{within}, its median {fine(median, spread)}; "
        f"half of the values lie between {fine(low, spread)} and {fine(high, spread)}."
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


def one_category(name: str, count: int, distinct: int, tops: Sequence[tuple[str, int]]) -> tuple[str, ...]:
    """How many values a column of categories has, and which of `tops` (value and rows, most first) is most frequent."""
    return (
        f"{clean(name)} has {plural(distinct, 'different value')} in {plural(count, 'row')}; {_most_frequent(tops, count)}.",
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
            f"The {aggregate} of {clean(name)} is highest for {clean(high[0], 60)} ({fine(high[1], high[1] - low[1])}, {plural(high[2], 'row')}) "
            f"and lowest for {clean(low[0], 60)} ({fine(low[1], high[1] - low[1])}, {plural(low[2], 'row')}), of {len(groups)} groups."
        ),
        "Whether the groups differ by more than chance is not said by this; `compare` tests it.",
    )


def counted(names: Sequence[str], rows: int, groups: int, tops: Sequence[tuple[str, int]]) -> tuple[str, ...]:
    """The most frequent combination of `tops` (combination and rows, most first) and its share."""
    what = " and ".join(clean(name) for name in names)
    kinds = plural(groups, "value") if len(names) == 1 else plural(groups, "combination")
    return (f"{what}: {kinds} in {plural(rows, 'row')}; {_most_frequent(tops, rows)}.",)


def _most_frequent(tops: Sequence[tuple[str, int]], rows: int) -> str:
    """Which value has the most rows, or how many of them have equally many."""
    top, count = tops[0]
    equal = sum(other == count for _, other in tops)
    held = f"{plural(count, 'row')} ({percent(count / rows if rows else None)})"
    if equal == 1:
        return f"the most frequent, {clean(top, 80)}, has {held}"
    names = ", ".join(clean(name, 30) for name, _ in tops[: min(equal, 3)])
    return f"{equal} of them are equally frequent ({names}{', ...' if equal > 3 else ''}) with {held} each"


def related(
    first: str,
    second: str,
    method: str,
    value: float,
    interval: tuple[float, float] | None,
    p: float,
    rows: int,
    *,
    signed: bool,
) -> tuple[str, ...]:
    """How two columns go together: strength, direction where there is one, uncertainty; and no cause."""
    one, other = clean(first), clean(second)
    if math.isnan(value):
        return (f"Nothing can be said of {one} and {other}: one of them has only one value in these rows.",)
    uncertainty = ", ".join(
        part for part in (interval and interval_text(interval), p_text(p) if not math.isnan(p) else "") if part
    )
    size = f"{method} = {number(value, 2)}{f' ({uncertainty})' if uncertainty else ''} over {plural(rows, 'row')}"
    word = strength(value)
    head = f"The association of {one} and {other} is {word}: {size}."
    if signed and word != "negligible" and not (p >= 0.05):
        head = f"{head} Higher values of {one} come with {'higher' if value > 0 else 'lower'} values of {other}."
    return (head, chance(p), NO_CAUSE) if not math.isnan(p) else (head, NO_CAUSE)


def chance(p: float) -> str:
    """What a p-value says, and no more."""
    if p < 0.001:
        return "If there were nothing to find, chance alone would very rarely give as much as this."
    if p < 0.05:
        return "If there were nothing to find, chance alone would rarely give as much as this."
    return "Chance alone may well give as much as this: these rows show neither that there is something nor that there is nothing."


def related_matrix(
    strongest: tuple[str, str, str, float],
    weakest: tuple[str, str, str, float],
    pairs: int,
    clear: int,
    *,
    tested: bool,
) -> tuple[str, ...]:
    """The strongest and the weakest pair (names, method, strength), and how many are clear of chance after correction."""

    def pair(found: tuple[str, str, str, float]) -> str:
        return f"{clean(found[0])} and {clean(found[1])} ({found[2]} = {number(found[3], 2)}, {strength(found[3])})"

    first = f"Of {plural(pairs, 'pair')}, {pair(strongest)} go together most"
    said = [f"{first}, {pair(weakest)} least." if pairs > 1 else f"{first}."]
    if tested:
        said.append(
            f"{plural(clear, 'pair is', 'pairs are')} clear of chance after correction for their number (p < 0.05)."
        )
    return (*said, "Going together does not say why: a third thing may be behind both.")


def missing(
    columns: int, gaps: Sequence[tuple[str, float]], rows: int, complete: int, together: tuple[str, str, float] | None
) -> tuple[str, ...]:
    """How many columns miss values (name and share, most first), how many rows are complete, what is missing together."""
    if not gaps:
        return (f"No value is missing in {plural(columns, 'column')} of {plural(rows, 'row')}.",)
    name, share = gaps[0]
    said = [
        (
            f"{len(gaps)} of {plural(columns, 'column')} {'misses' if len(gaps) == 1 else 'miss'} values, {clean(name)} most "
            f"({percent(share)} of {plural(rows, 'row')}). {plural(complete, 'row is', 'rows are')} complete ({percent(complete / rows)})."
        )
    ]
    if together and abs(together[2]) >= 0.3:
        how = "in the same rows" if together[2] > 0 else "in different rows"
        said.append(
            f"{clean(together[0])} and {clean(together[1])} tend to be missing {how} (phi = {number(together[2], 2)})."
        )
    return (*said, "The table does not show why values are missing.")


def outliers(counts: Sequence[tuple[str, int, int]]) -> tuple[str, ...]:
    """Which columns have values far from the rest (name, outliers, values), and that far is not wrong."""
    if not counts:
        return ("No column has any spread, so no value is far from the rest.",)
    found = [entry for entry in counts if entry[1]]
    if not found:
        name = clean(counts[0][0]) if len(counts) == 1 else plural(len(counts), "column")
        return (f"No value of {name} is far from the rest.",)
    name, most, values = max(found, key=lambda entry: entry[1] / entry[2])
    first = f"{clean(name)} has {plural(most, 'outlier')} among {plural(values, 'value')} ({percent(most / values)})"
    if len(counts) > 1:
        first = f"{len(found)} of {plural(len(counts), 'numeric column')} have outliers. {first}, the largest share"
        if len(found) == 1:
            first = first.replace("columns have", "columns has").replace(", the largest share", "")
    return (f"{first}.", "A value far from the rest need not be wrong: look at it before you remove it.")


def trend(
    name: str,
    time: str,
    unit: str,
    label: str,
    change: float,
    interval: tuple[float, float] | None,
    p: float,
    first: float,
    last: float,
    periods: int,
    groups: int,
) -> tuple[str, ...]:
    """The direction and size of a trend with its uncertainty, from where to where it went, and what it does not show."""
    of = f" for {clean(label, 60)}" if label else ""
    most = ", the largest change of the groups" if groups > 1 else ""
    within = f" ({interval_text(interval)})" if interval else ""
    ends = f"it was {number(first)} in the first and {number(last)} in the last of {periods:,} periods"
    if p < 0.05 and change:
        verb = "rises" if change > 0 else "falls"
        head = f"{name}{of} {verb} along {time} by about {number(abs(change))} per {unit}{_of_size(change, interval)}{most}: {ends} ({p_text(p)})."
    else:
        head = f"{name}{of} shows no clear direction along {time}: its change per {unit} is {number(change)}{within}, {p_text(p)}; {ends}."
    head = f"The{head[3:]}" if head.startswith("the number of rows") else head
    return (head, "What was does not say what comes next, nor why it moved.")


def _of_size(change: float, interval: tuple[float, float] | None) -> str:
    """The interval of a change's size: as it stands for a rise, turned around for a fall."""
    if interval is None:
        return ""
    return f" ({interval_text(interval if change > 0 else (-interval[1], -interval[0]))})"


def effect_in_words(test: SignificanceTest) -> str:
    """An effect with its word on the one scale: other sizes are first turned into correlations (Borenstein and others 2009)."""
    if test.size is None or math.isnan(test.size):
        return ""
    size = test.size
    if test.effect.startswith("Cohen"):
        r = size / math.hypot(size, 2)
    elif test.effect.endswith("squared"):
        r = math.sqrt(max(0.0, size))
    elif test.effect.startswith("odds ratio"):
        d = math.log(size) * math.sqrt(3) / math.pi if 0 < size < math.inf else math.inf
        r = 1.0 if math.isinf(d) else d / math.hypot(d, 2)
    else:
        r = size
    interval = test.interval
    if size < 0:  # the sentence before says which side is higher
        size, interval = -size, interval and (-interval[1], -interval[0])
    within = f" ({interval_text(interval)})" if interval else ""
    return f"{test.effect} = {number(size, 3)}{within}, {strength(r)}"


def compared(
    name: str,
    by: str,
    middle: str,
    groups: Sequence[tuple[str, float, int]],
    test: SignificanceTest,
    interval: tuple[float, float] | None,
    clear: Sequence[tuple[str, str]],
    pairs: int,
) -> tuple[str, ...]:
    """Which group is higher and by how much (label, mean or median, rows), the test with its effect, and no cause."""
    high, low = max(groups, key=lambda group: group[1]), min(groups, key=lambda group: group[1])
    if math.isnan(test.p):
        return (f"{clean(name)} cannot be compared between the groups of {clean(by)}: it does not vary.",)
    gap = high[1] - low[1]
    of = f"{middle} {clean(name)}"
    if high[1] == low[1]:
        first = f"The {of} is the same, {fine(high[1], gap)}, in all groups of {clean(by)}."
    elif len(groups) == 2:
        ends = sorted(map(abs, interval)) if interval and interval[0] * interval[1] > 0 else None
        turned = interval if interval is None or groups[0] is high else (-interval[1], -interval[0])
        within = f" ({interval_text((ends[0], ends[1]) if ends else turned)})" if turned else ""
        first = (
            f"The {of} is {number(high[1] - low[1])} higher{within} for {high[0]} ({fine(high[1], gap)}, {plural(high[2], 'row')}) "
            f"than for {low[0]} ({fine(low[1], gap)}, {plural(low[2], 'row')})."
        )
    else:
        first = (
            f"Of {len(groups)} groups of {clean(by)}, the {of} is highest for {high[0]} ({fine(high[1], gap)}, {plural(high[2], 'row')}) "
            f"and lowest for {low[0]} ({fine(low[1], gap)}, {plural(low[2], 'row')})."
        )
    second = f"{_tested(test)} {chance(test.p)}"
    if pairs and test.p < 0.05:
        named = ", ".join(f"{one} and {other}" for one, other in clear[:3])
        second += f" {len(clear)} of {plural(pairs, 'pair')} differ clearly{f': {named}' if named else ''}{' ...' if len(clear) > 3 else ''}."
    return (first, second, f"Groups of {clean(by)} may differ in other things as well, so this does not say why.")


def _tested(test: SignificanceTest) -> str:
    effect = effect_in_words(test)
    name = test.name[0].upper() + test.name[1:]
    return f"{name}: {p_text(test.p)}{f'; {effect}' if effect else ''}."


def compared_pairs(
    first: str,
    second: str,
    middle: str,
    one: float,
    other: float,
    rows: int,
    test: SignificanceTest,
    interval: tuple[float, float] | None,
) -> tuple[str, ...]:
    """Which of two columns of the same rows is higher and by how much, the test with its effect, and no cause."""
    if math.isnan(test.p):
        return (f"{clean(first)} and {clean(second)} have the same values in all {plural(rows, 'row')}.",)
    higher = "higher" if one > other else "lower" if one < other else "the same"
    within = f" ({interval_text(interval)} for the mean difference)" if interval else ""
    head = (
        f"The {middle} of {clean(first)} ({number(one)}) is {higher if higher == 'the same' else f'{number(abs(one - other))} {higher}'} "
        f"{'as' if higher == 'the same' else 'than'} that of {clean(second)} ({number(other)}) over {plural(rows, 'row')}{within}."
    )
    return (
        head,
        f"{_tested(test)} {chance(test.p)}",
        "Other things may have changed between the two, so this does not say why.",
    )


def compared_shares(
    name: str, by: str, level: str, groups: Sequence[tuple[str, float, int]], test: SignificanceTest, farthest: str
) -> tuple[str, ...]:
    """In which group a value is more frequent (label, share, rows), the test with its effect, and no cause."""
    if level:
        low, *_, high = sorted(groups, key=lambda group: group[1])
        first = (
            f"{clean(name)} is {level} for {percent(high[1])} of {high[0]} ({plural(high[2], 'row')}) and {percent(low[1])} of "
            f"{low[0]} ({plural(low[2], 'row')})."
        )
    else:
        rows = sum(group[2] for group in groups)
        first = f"{clean(name)} by {clean(by)}, over {plural(rows, 'row')}: {farthest}."
    return (
        first,
        f"{_tested(test)} {chance(test.p)}",
        f"Groups of {clean(by)} may differ in other things as well, so this does not say why.",
    )


def compared_shares_paired(
    first: str, second: str, level: str, one: float, other: float, rows: int, test: SignificanceTest
) -> tuple[str, ...]:
    """The shares of a value in two columns of the same rows, the test with its effect, and no cause."""
    head = f"{clean(level, 60)} is in {percent(one)} of {clean(first)} and {percent(other)} of {clean(second)}, over {plural(rows, 'row')}."
    if math.isnan(test.p):
        return (head, "No row has different values in the two columns.")
    return (
        head,
        f"{_tested(test)} {chance(test.p)}",
        "Other things may have changed between the two, so this does not say why.",
    )


def normality(name: str, failed: Sequence[str], groups: int, p: float) -> tuple[str, ...]:
    """Whether numbers depart from a normal distribution, and that a test cannot show that they are normal."""
    last = "In few rows the test sees only large departures, in very many also small ones that do no harm."
    if groups == 1:
        if math.isnan(p):
            return (f"{clean(name)} has too few values, or one value only, to be tested for normality.",)
        how = "departs from" if p < 0.05 else "does not clearly depart from"
        return (f"{clean(name)} {how} a normal distribution (Shapiro-Wilk, {p_text(p)}).", last)
    if not failed:
        return (
            f"{clean(name)} departs clearly from a normal distribution in none of {groups} groups (Shapiro-Wilk, Holm).",
            last,
        )
    return (
        f"{clean(name)} departs from a normal distribution in {len(failed)} of {groups} groups: {', '.join(failed[:5])} (Shapiro-Wilk, Holm).",
        last,
    )


def variances(name: str, by: str, p: float, groups: Sequence[tuple[str, float]]) -> tuple[str, ...]:
    """Whether the spread differs between groups (label, deviation), most and least spread named."""
    if math.isnan(p):
        return (f"The spread of {clean(name)} cannot be compared: it does not vary.",)
    most, least = max(groups, key=lambda group: group[1]), min(groups, key=lambda group: group[1])
    how = "differs" if p < 0.05 else "does not clearly differ"
    return (
        (
            f"The spread of {clean(name)} {how} between the groups of {clean(by)} (Brown-Forsythe, {p_text(p)}): its deviation is "
            f"{number(most[1])} for {most[0]} and {number(least[1])} for {least[0]}."
        ),
        chance(p),
    )


_COEFFICIENTS_SAID: Final = 6


def regression(
    label: str,
    outcome: str,
    level: str,
    rows: int,
    family: str,
    measures: dict[str, float],
    p: float,
    coefficients: Sequence[tuple[str, str, str, str, float, tuple[float, float], float]],
) -> tuple[str, ...]:
    """How much a regression explains; a sentence a coefficient (term, column, level, reference, value, interval, p); no cause."""
    article = "An" if label[0] in "aeiou" else "A"
    if family == "linear":
        explained = f"explains {percent(max(0.0, measures['R squared']))} of the variance (adjusted {percent(max(0.0, measures['adjusted R squared']))})"
    else:
        explained = f"has a pseudo R squared of {number(measures['pseudo R squared (McFadden)'], 2)} (McFadden)"
    tested = f", {p_text(p)} for all predictors together" if not math.isnan(p) else ""
    said = [f"{article} {label} of {outcome} over {plural(rows, 'row')} {explained}{tested}."]
    said += [
        _coefficient(outcome, level, family, *coefficient, alone=len(coefficients) == 1)
        for coefficient in coefficients[:_COEFFICIENTS_SAID]
    ]
    if len(coefficients) > _COEFFICIENTS_SAID:
        said.append(
            f"{plural(len(coefficients) - _COEFFICIENTS_SAID, 'further coefficient stands', 'further coefficients stand')} in the table."
        )
    said.append("A coefficient says how rows differ, not what would happen if a row were changed.")
    return tuple(said)


def _coefficient(
    outcome: str,
    level: str,
    family: str,
    term: str,
    column: str,
    value_level: str,
    reference: str,
    value: float,
    interval: tuple[float, float],
    p: float,
    *,
    alone: bool,
) -> str:
    contrast = f"for {term} than for {clean(column)} = {reference}" if value_level else f"for each 1 more of {term}"
    equal = "" if alone else ", the other predictors being equal"
    unclear = "" if p < 0.05 else "; that is not clear of chance"
    if family == "linear":
        size = interval if value >= 0 else (-interval[1], -interval[0])
        way = "higher" if value >= 0 else "lower"
        return (
            f"{outcome} is {number(abs(value))} {way} ({interval_text(size)}, {p_text(p)}) {contrast}{equal}{unclear}."
        )
    ratio, low, high = (math.exp(max(-700.0, min(700.0, end))) for end in (value, *interval))
    what = {
        "logistic": f"The odds of {outcome} = {level}",
        "ordinal": f"The odds of a higher {outcome}",
    }.get(family, f"The expected {outcome}")
    contrast = f"for {term} beside {clean(column)} = {reference}" if value_level else contrast
    return f"{what} are multiplied by {number(ratio, 3)} ({interval_text((low, high))}, {p_text(p)}) {contrast}{equal}{unclear}.".replace(
        f"The expected {outcome} are", f"The expected {outcome} is"
    )
