"""Compare: whether a column differs between groups, or between two columns of the same rows, by the test their kinds allow."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import numpy as np
import numpy.typing as npt

from tabsmith.errors import UnsuitableColumnError
from tabsmith.statistics import sentences
from tabsmith.statistics.association import contingency
from tabsmith.statistics.check import ROWS_NEEDED, require_groups, require_rows
from tabsmith.statistics.findings import Bars, Cell, Findings, FindingsTable, Picture, SignificanceTest
from tabsmith.statistics.multiple_tests import holm
from tabsmith.statistics.operations import compare_counts
from tabsmith.statistics.operations import compare_numbers as tests
from tabsmith.statistics.operations.compare_numbers import PairTest
from tabsmith.statistics.operations.frequency import wilson_interval
from tabsmith.statistics.pictures import boxes, scatter
from tabsmith.statistics.plan import Compare, CompareMethod
from tabsmith.statistics.repeating_code import TABLE, repeating_code
from tabsmith.statistics.selected_rows import Floats, SelectedRows, is_number
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.text import clean, did_you_mean, plural, similar

MOST_LEVELS: Final = 50
_POST_HOC_GROUPS: Final = 20
_STUDENTIZED_GROUPS: Final = 4  # the studentized range of many pairs takes minutes
_PICTURE_GROUPS: Final = 12
_LEVEL: Final = 0.05

_OF_NUMBERS: Final = frozenset(
    {"t", "welch", "mann_whitney", "anova", "welch_anova", "kruskal", "normality", "equal_variances"}
)
_OF_COUNTS: Final = frozenset({"chi_square", "fisher", "proportions"})
_PAIRED: Final = frozenset({"paired_t", "wilcoxon", "mcnemar"})
_OF_TWO: Final = frozenset({"t", "welch", "mann_whitney", "proportions"})

NAMES: Final[dict[CompareMethod, str]] = {
    "t": "Student's t-test",
    "welch": "Welch's t-test",
    "paired_t": "the paired t-test",
    "mann_whitney": "the Mann-Whitney test",
    "wilcoxon": "Wilcoxon's signed-rank test",
    "anova": "the analysis of variance",
    "welch_anova": "Welch's analysis of variance",
    "kruskal": "the Kruskal-Wallis test",
    "chi_square": "the chi-square test",
    "fisher": "Fisher's exact test",
    "mcnemar": "McNemar's test",
    "proportions": "the test of two proportions",
    "normality": "the Shapiro-Wilk test of normality",
    "equal_variances": "the Brown-Forsythe test of equal variances",
}


@dataclass(frozen=True, slots=True)
class _Groups:
    """Numbers by group, in the order of the groups' labels."""

    value: ColumnProfile
    by: ColumnProfile | None
    labels: tuple[str, ...]
    values: tuple[Floats, ...]


@dataclass(slots=True)
class _Outcome:
    """What is gathered while numbers are tested: the main test first."""

    method: CompareMethod
    tests: list[SignificanceTest] = field(default_factory=list)
    assumptions: list[SignificanceTest] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pairs: list[PairTest] = field(default_factory=list)
    pairs_by: str = ""
    interval: tuple[float, float] | None = None  # of the difference of two means


def compare(plan: Compare, rows: SelectedRows) -> Findings:
    """The findings of a Compare."""
    value = rows.column(plan.value)
    if plan.paired_with:
        return _compare_paired(plan, rows, value, rows.column(plan.paired_with))
    if not plan.by:
        return _compare_one(plan, rows, value)
    by, notes = rows.column(plan.by), []
    if not is_number(value) and is_number(by) and by.distinct > MOST_LEVELS and plan.method not in _OF_COUNTS:
        value, by = by, value
        notes.append(
            f"{clean(value.name)} is the number here, so it is compared between the values of {clean(by.name)}."
        )
    if by.distinct > MOST_LEVELS and not plan.levels:
        require_groups(by.distinct, by, most=MOST_LEVELS)
    if _counts(plan.method, value):
        return _compare_counts(plan, rows, value, by, notes)
    return _compare_numbers(plan, rows, value, by, notes)


def _counts(method: CompareMethod, value: ColumnProfile) -> bool:
    """Whether rows are counted by `value`, rather than its numbers compared. Raises UnsuitableColumnError."""
    if method in _OF_COUNTS:
        return True
    if method in _PAIRED:
        raise UnsuitableColumnError(
            f"{NAMES[method].capitalize()} is of two columns measured on the same rows.",
            next_step="Name the second column as the one that the first is paired with.",
        )
    if is_number(value):
        return method == "auto" and value.distinct <= 2
    if method in _OF_NUMBERS:
        raise UnsuitableColumnError(
            f"{NAMES[method].capitalize()} is of numbers, and {clean(value.name)} holds none.",
            next_step="Leave the method to tabsmith, or name a numeric column.",
        )
    return True


# Numbers in groups ---------------------------------------------------------------------------------------------------


def _compare_numbers(
    plan: Compare, rows: SelectedRows, value: ColumnProfile, by: ColumnProfile, notes: list[str]
) -> Findings:
    loaded = rows.load((value, by))
    require_rows(loaded.rows, loaded.dropped, ROWS_NEEDED["compare"], "`compare`")
    codes, labels = _levels(loaded.arrays[1], plan, by)
    numbers = loaded.numbers(0)
    parts = [numbers[codes == index] for index in range(len(labels))]
    small = [label for label, part in zip(labels, parts, strict=True) if len(part) < 2]
    if small:
        notes.append(f"{plural(len(small), 'group')} with a single row left out: {', '.join(small[:5])}.")
    kept = [(label, part) for label, part in zip(labels, parts, strict=True) if len(part) > 1]
    require_groups(len(kept), by, most=MOST_LEVELS)
    groups = _Groups(value, by, tuple(label for label, _ in kept), tuple(part for _, part in kept))
    method = plan.method
    if method == "auto":
        method = "welch" if len(kept) == 2 else "welch_anova"
        count = "two groups" if len(kept) == 2 else f"{len(kept)} groups"
        notes.append(
            f"{NAMES[method].capitalize()} was chosen: {clean(value.name)} is a number, {clean(by.name)} makes {count}, and the test "
            "does not take their variances to be equal."
        )
    if method in _OF_TWO and len(kept) != 2:
        raise UnsuitableColumnError(
            f"{NAMES[method].capitalize()} is of two groups, and {clean(by.name)} makes {len(kept)}.",
            next_step=f"Choose two of its values ({', '.join(labels[:6])}), or another method.",
        )
    rows.check_time()
    with (
        np.errstate(all="ignore"),
        warnings.catch_warnings(),
    ):  # of groups without spread, whose statistics are NaN and are said
        warnings.simplefilter("ignore", RuntimeWarning)
        outcome = _test_numbers(method, groups, rows)
    used = sum(map(len, groups.values))
    if loaded.note:
        notes.append(loaded.note)
    return Findings(
        plan=msgspec.structs.replace(plan, value=value.name, by=by.name, method=outcome.method),
        sentences=_number_sentences(groups, outcome),
        tables=_number_tables(groups, outcome),
        picture=_boxes(groups),
        tests=computed(outcome.tests),
        rows_used=used,
        rows_dropped=loaded.rows + loaded.dropped - used,
        notes=(*notes, *outcome.notes, sentences.STRENGTH_SCALE),
        code=repeating_code(rows, _number_code(plan, value, by, outcome.method), imports=("from scipy import stats",)),
    )


def _levels(array: npt.NDArray[Any], plan: Compare, by: ColumnProfile) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Codes of the chosen groups (-1 for others), and their labels. Raises UnsuitableColumnError for an unknown level."""
    import pandas as pd

    codes, values = pd.factorize(array, sort=True)
    labels = [f"{value:.12g}" if isinstance(value, float) else str(value) for value in values]
    if plan.levels and by.name == plan.by:
        for level in plan.levels:
            if level not in labels:
                nearest = similar(level, labels)
                raise UnsuitableColumnError(
                    f"{clean(by.name)} has no value {clean(level)}.",
                    next_step=did_you_mean(nearest, f"It has: {', '.join(clean(label, 30) for label in labels[:8])}."),
                )
        position = {labels.index(level): index for index, level in enumerate(dict.fromkeys(plan.levels))}
        codes = np.array([position.get(index, -1) for index in range(len(labels))])[codes]
        labels = list(dict.fromkeys(plan.levels))
    return codes, [clean(label, 60) for label in labels]


def _test_numbers(method: CompareMethod, groups: _Groups, rows: SelectedRows) -> _Outcome:
    """The test asked for, its assumptions, and the robust alternative where one of them fails."""
    values = groups.values
    outcome = _Outcome(method)
    if method == "normality":
        outcome.tests = [
            _named(tests.shapiro_wilk(part), label) for part, label in zip(values, groups.labels, strict=True)
        ]
        return outcome
    if method == "equal_variances":
        outcome.tests = [tests.brown_forsythe(values), tests.bartlett(values)]
        return outcome
    if method not in {"mann_whitney", "kruskal"}:
        _check_assumptions(method, groups, outcome)
    rows.check_time()
    match method:
        case "t" | "welch":
            test, outcome.interval = tests.t_test(values[0], values[1], equal_variances=method == "t")
            outcome.tests.append(test)
        case "mann_whitney":
            outcome.tests.append(tests.mann_whitney(values[0], values[1]))
        case "anova" | "welch_anova":
            outcome.tests.append(tests.analysis_of_variance(values, equal_variances=method == "anova"))
        case _:
            outcome.tests.append(tests.kruskal_wallis(values))
    _fall_back(groups, outcome)
    _add_alternatives(groups, outcome)
    if len(values) > _POST_HOC_GROUPS:
        outcome.notes.append(f"Pairs of groups were not compared: there are more than {_POST_HOC_GROUPS} groups.")
    elif len(values) > 2:
        rows.check_time()
        if outcome.method == "kruskal":
            outcome.pairs, outcome.pairs_by = tests.dunn(values), "Dunn's test, p corrected by Holm"
        else:
            equal = outcome.method == "anova"
            if len(values) <= _STUDENTIZED_GROUPS:
                outcome.pairs = tests.tukey(values, equal_variances=equal)
                outcome.pairs_by = "Tukey-Kramer" if equal else "Games-Howell"
            else:
                outcome.pairs = tests.pairwise_t_tests(values, equal_variances=equal)
                outcome.pairs_by = "t-tests, p corrected by Holm"
    return outcome


def _check_assumptions(method: CompareMethod, groups: _Groups, outcome: _Outcome) -> None:
    normal = [_named(tests.shapiro_wilk(part), label) for part, label in zip(groups.values, groups.labels, strict=True)]
    corrected = holm([test.p for test in normal])
    outcome.assumptions = normal
    failed = [label for label, p in zip(groups.labels, corrected, strict=True) if p < _LEVEL]
    if failed:
        outcome.notes.append(
            f"Not normal by the Shapiro-Wilk test (p < 0.05 after Holm): {', '.join(failed[:5])}"
            f"{f' and {len(failed) - 5} more' if len(failed) > 5 else ''}. The test of ranks is beside it."
        )
    elif all(math.isnan(test.p) for test in normal):
        outcome.notes.append("The groups are too small, or constant, to see whether they are normal.")
    else:
        outcome.notes.append("No group departs clearly from a normal distribution (Shapiro-Wilk, Holm).")
    variances = tests.brown_forsythe(groups.values)
    outcome.assumptions.append(variances)
    if variances.p < _LEVEL:
        outcome.notes.append(
            f"The variances differ (Brown-Forsythe, {sentences.p_text(variances.p)})"
            + ("." if method.startswith("welch") else ": Welch's test, which does not need them equal, is beside it.")
        )
    else:
        outcome.notes.append("The variances do not differ clearly (Brown-Forsythe).")


def _fall_back(groups: _Groups, outcome: _Outcome) -> None:
    """Put the test of ranks in the place of one that cannot be computed, and say so."""
    if math.isfinite(outcome.tests[0].p) and math.isfinite(outcome.tests[0].statistic):
        return
    everything = np.concatenate(groups.values)
    if everything.min() == everything.max():
        outcome.notes.append(f"{clean(groups.value.name)} has one value only in these rows: there is nothing to test.")
        return
    outcome.notes.append(
        f"{NAMES[outcome.method].capitalize()} cannot be computed, as a group has no spread: ranks were tested."
    )
    outcome.method = "mann_whitney" if len(groups.values) == 2 else "kruskal"
    outcome.tests = [_rank_test(groups)]


def _rank_test(groups: _Groups) -> SignificanceTest:
    return tests.mann_whitney(*groups.values) if len(groups.values) == 2 else tests.kruskal_wallis(groups.values)


def _add_alternatives(groups: _Groups, outcome: _Outcome) -> None:
    """The robust alternatives of a test whose assumptions failed; none for a test of ranks."""
    if (
        not outcome.assumptions
        or outcome.method in {"mann_whitney", "kruskal"}
        or not math.isfinite(outcome.tests[0].p)
    ):
        return
    *normal, variances = outcome.assumptions
    if variances.p < _LEVEL and outcome.method == "t":
        outcome.tests.append(tests.t_test(*groups.values, equal_variances=False)[0])
    if variances.p < _LEVEL and outcome.method == "anova":
        outcome.tests.append(tests.analysis_of_variance(groups.values, equal_variances=False))
    if any(p < _LEVEL for p in holm([test.p for test in normal])):
        outcome.tests.append(_rank_test(groups))
    first = outcome.tests[0].p < _LEVEL
    if any((test.p < _LEVEL) != first for test in outcome.tests[1:]):
        outcome.notes.append("The tests disagree: rest nothing on the one whose assumption failed.")


def _named(test: SignificanceTest, label: str) -> SignificanceTest:
    return msgspec.structs.replace(test, name=f"{test.name}: {label}")


def _number_sentences(groups: _Groups, outcome: _Outcome) -> tuple[str, ...]:
    name, main = groups.value.name, outcome.tests[0]
    by = groups.by.name if groups.by else ""
    if outcome.method == "normality":
        failed = [
            label for label, p in zip(groups.labels, holm([t.p for t in outcome.tests]), strict=True) if p < _LEVEL
        ]
        return sentences.normality(name, failed, len(groups.labels), main.p)
    if outcome.method == "equal_variances":
        return sentences.variances(
            name,
            by,
            main.p,
            [(label, float(v.std(ddof=1))) for label, v in zip(groups.labels, groups.values, strict=True)],
        )
    ranks = outcome.method in {"mann_whitney", "kruskal"}
    middle = "median" if ranks else "mean"
    places = [float(np.median(v) if ranks else v.mean()) for v in groups.values]
    described = list(zip(groups.labels, places, map(len, groups.values), strict=True))
    clear = [(groups.labels[pair.first], groups.labels[pair.second]) for pair in outcome.pairs if pair.p < _LEVEL]
    return sentences.compared(name, by, middle, described, main, outcome.interval, clear, len(outcome.pairs))


def _number_tables(groups: _Groups, outcome: _Outcome) -> tuple[FindingsTable, ...]:
    by = groups.by.name if groups.by else "column"
    lines: list[tuple[Cell, ...]] = [
        (label, len(v), float(v.mean()), float(v.std(ddof=1)), float(np.median(v)), float(v.min()), float(v.max()))
        for label, v in zip(groups.labels, groups.values, strict=True)
    ]
    tables = [
        FindingsTable("Groups", (by, "rows", "mean", "deviation", "median", "minimum", "maximum"), tuple(lines)),
        tests_table("Tests", outcome.tests),
    ]
    if outcome.assumptions:
        tables.append(tests_table("Assumptions", outcome.assumptions))
    if outcome.pairs:
        difference = "difference of mean ranks" if outcome.method == "kruskal" else "difference"
        tables.append(
            FindingsTable(
                f"Pairs of groups ({outcome.pairs_by})",
                ("first", "second", difference, "from", "to", "p corrected"),
                tuple(
                    (
                        groups.labels[p.first],
                        groups.labels[p.second],
                        p.difference,
                        *(p.interval or (None, None)),
                        _cell(p.p),
                    )
                    for p in outcome.pairs
                ),
            )
        )
    return tuple(tables)


def computed(found: Sequence[SignificanceTest]) -> tuple[SignificanceTest, ...]:
    """The tests that came to a p-value."""
    return tuple(test for test in found if math.isfinite(test.p))


def tests_table(title: str, found: Sequence[SignificanceTest]) -> FindingsTable:
    """Tests of significance as a table."""
    return FindingsTable(
        title,
        ("test", "statistic", "degrees of freedom", "p", "effect", "size", "from", "to"),
        tuple(
            (
                test.name, _cell(test.statistic), ", ".join(f"{f:.6g}" for f in test.freedom) or None, _cell(test.p), test.effect or None,
                None if test.size is None else _cell(test.size), *(map(_cell, test.interval) if test.interval else (None, None)),
            )
            for test in found
        ),
    )  # fmt: skip


def _cell(value: float) -> float | None:
    return None if math.isnan(value) else value


def _boxes(groups: _Groups) -> Picture:
    order = sorted(sorted(range(len(groups.values)), key=lambda i: -len(groups.values[i]))[:_PICTURE_GROUPS])
    title = f"{clean(groups.value.name)} by {clean(groups.by.name)}" if groups.by else clean(groups.value.name)
    return boxes(title, [groups.labels[i] for i in order], [groups.values[i] for i in order])


def _number_code(plan: Compare, value: ColumnProfile, by: ColumnProfile, method: CompareMethod) -> list[str]:
    lines = [f"values = {TABLE}[[{value.name!r}, {by.name!r}]].dropna()"]
    if plan.levels and by.name == plan.by:
        lines += [
            f"levels = {list(plan.levels)!r}",
            f"groups = [values.loc[values[{by.name!r}].astype(str) == level, {value.name!r}] for level in levels]",
        ]
    else:
        lines.append(f"groups = [group for _, group in values.groupby({by.name!r})[{value.name!r}] if len(group) > 1]")
    call = {
        "t": "stats.ttest_ind(*groups)",
        "welch": "stats.ttest_ind(*groups, equal_var=False)",
        "mann_whitney": _rank_call(),
        "anova": "stats.f_oneway(*groups)",
        "welch_anova": "stats.f_oneway(*groups, equal_var=False)",
        "kruskal": "stats.kruskal(*groups)",
        "equal_variances": "stats.levene(*groups, center='median')",
        "normality": "stats.shapiro(groups[0])",
    }[method]
    return [*lines, f"result = {call}.pvalue"]


def _rank_call() -> str:
    exact = "pd.concat(groups).is_unique and max(map(len, groups)) < 50"
    return f"stats.mannwhitneyu(*groups, method='exact' if {exact} else 'asymptotic')"


# One column, and two columns of the same rows -------------------------------------------------------------------------


def _compare_one(plan: Compare, rows: SelectedRows, value: ColumnProfile) -> Findings:
    """The normality of a single column."""
    if not is_number(value):
        _counts("normality", value)
    loaded = rows.load((value,))
    require_rows(loaded.rows, loaded.dropped, ROWS_NEEDED["compare"], "`compare`")
    groups = _Groups(value, None, (clean(value.name),), (loaded.numbers(0),))
    outcome = _test_numbers("normality", groups, rows)
    code = [
        f"values = {TABLE}[{value.name!r}].dropna()",
        "values = values.iloc[:: max(1, -(-len(values) // 5000))]",
        "result = stats.shapiro(values).pvalue",
    ]
    return Findings(
        plan=plan, sentences=_number_sentences(groups, outcome), tables=_number_tables(groups, outcome), picture=_boxes(groups),
        tests=tuple(outcome.tests), rows_used=loaded.rows, rows_dropped=loaded.dropped, notes=tuple(n for n in [loaded.note] if n),
        code=repeating_code(rows, code, imports=("from scipy import stats",)),
    )  # fmt: skip


def _compare_paired(plan: Compare, rows: SelectedRows, first: ColumnProfile, second: ColumnProfile) -> Findings:
    numeric = is_number(first) and is_number(second)
    method = plan.method
    if method == "auto":
        method = "paired_t" if numeric else "mcnemar"
    if method not in _PAIRED or (method != "mcnemar" and not numeric):
        raise UnsuitableColumnError(
            f"{NAMES[method].capitalize()} cannot compare {clean(first.name)} with {clean(second.name)} row by row.",
            next_step="Leave the method to tabsmith: numbers by the paired t-test, two-valued columns by McNemar's.",
        )
    loaded = rows.load((first, second))
    require_rows(loaded.rows, loaded.dropped, ROWS_NEEDED["compare"], "`compare`")
    notes = [loaded.note] if loaded.note else []
    if method == "mcnemar":
        return _mcnemar(plan, rows, first, second, loaded.arrays, loaded.dropped, notes)
    a, b = loaded.numbers(0), loaded.numbers(1)
    outcome = _Outcome(method)
    if method == "paired_t":
        normal = tests.shapiro_wilk(a - b)
        outcome.assumptions = [_named(normal, "differences")]
        test, outcome.interval = tests.paired_t_test(a, b)
        outcome.tests.append(test)
        if normal.p < _LEVEL:
            outcome.notes.append(
                "The differences are not normal (Shapiro-Wilk): Wilcoxon's test of ranks is beside it."
            )
            outcome.tests.append(tests.wilcoxon(a, b))
        elif not math.isfinite(test.statistic) and (a != b).any():
            outcome.notes.append("The differences have no spread: ranks were tested in place of the paired t-test.")
            outcome.method, outcome.tests = "wilcoxon", [tests.wilcoxon(a, b)]
        else:
            outcome.notes.append("The differences do not depart clearly from a normal distribution (Shapiro-Wilk).")
    else:
        outcome.tests.append(tests.wilcoxon(a, b))
    groups = _Groups(first, None, (clean(first.name), clean(second.name)), (a, b))
    ranks = outcome.method == "wilcoxon"
    places = [float(np.median(v) if ranks else v.mean()) for v in (a, b)]
    call = "ttest_rel(first, second)" if not ranks else _signed_rank_call()
    code = [
        f"values = {TABLE}[{[first.name, second.name]!r}].dropna()",
        f"first, second = values[{first.name!r}], values[{second.name!r}]",
        f"result = stats.{call}.pvalue",
    ]
    return Findings(
        plan=msgspec.structs.replace(plan, method=outcome.method),
        sentences=sentences.compared_pairs(
            first.name,
            second.name,
            "median" if ranks else "mean",
            places[0],
            places[1],
            len(a),
            outcome.tests[0],
            outcome.interval,
        ),
        tables=_number_tables(groups, outcome),
        picture=scatter(first.name, second.name, a, b),
        tests=computed(outcome.tests),
        rows_used=loaded.rows,
        rows_dropped=loaded.dropped,
        notes=(*notes, *outcome.notes, sentences.STRENGTH_SCALE),
        code=repeating_code(rows, code, imports=("from scipy import stats",)),
    )


def _signed_rank_call() -> str:
    exact = "len(second) < 50 and (first != second).all() and (first - second).abs().is_unique"
    return f"wilcoxon(first - second, correction=not ({exact}), method='exact' if {exact} else 'asymptotic')"


def _mcnemar(
    plan: Compare,
    rows: SelectedRows,
    first: ColumnProfile,
    second: ColumnProfile,
    arrays: tuple[npt.NDArray[Any], ...],
    dropped: int,
    notes: list[str],
) -> Findings:
    texts = [
        np.array([f"{v:.12g}" if isinstance(v, float) else str(v) for v in array], dtype=object) for array in arrays
    ]
    levels = sorted({*texts[0], *texts[1]})
    if len(levels) != 2:
        raise UnsuitableColumnError(
            f"McNemar's test needs the same two values in both columns; {clean(first.name)} and {clean(second.name)} have "
            f"{len(levels)} together.",
            next_step="Name two columns of yes and no, or compare numbers.",
        )
    places = [np.array([levels.index(text) for text in column]) for column in texts]
    counts = np.bincount(places[0] * 2 + places[1], minlength=4).reshape(2, 2)
    test = compare_counts.mcnemar(counts)
    if math.isnan(test.p):
        notes.append("No row has different values in the two columns: there is nothing to test.")
    shares = [float(place.mean()) for place in places]
    code = [
        f"values = {TABLE}[{[first.name, second.name]!r}].dropna().astype(str)",
        "counts = pd.crosstab(values.iloc[:, 0], values.iloc[:, 1])",
        "b, c = counts.iloc[0, 1], counts.iloc[1, 0]",
        "result = stats.binomtest(b, b + c).pvalue if b + c < 25 else stats.chi2.sf((abs(b - c) - 1) ** 2 / (b + c), 1)",
    ]
    header = (f"{clean(first.name)} \\ {clean(second.name)}", *(clean(level, 60) for level in levels))
    table = FindingsTable(
        "Rows", header, tuple((clean(level, 60), *line) for level, line in zip(levels, counts.tolist(), strict=True))
    )
    return Findings(
        plan=msgspec.structs.replace(plan, method="mcnemar"),
        sentences=sentences.compared_shares_paired(
            first.name, second.name, levels[1], shares[0], shares[1], len(places[0]), test
        ),
        tables=(table, tests_table("Tests", [test])),
        picture=Bars(
            f"Share of {clean(levels[1], 60)}", (clean(first.name), clean(second.name)), (shares[0], shares[1])
        ),
        tests=computed([test]),
        rows_used=len(places[0]),
        rows_dropped=dropped,
        notes=tuple(notes),
        code=repeating_code(rows, code, imports=("from scipy import stats",)),
    )


# Counts in groups ----------------------------------------------------------------------------------------------------


def _compare_counts(
    plan: Compare, rows: SelectedRows, value: ColumnProfile, by: ColumnProfile, notes: list[str]
) -> Findings:
    require_groups(value.distinct, value, most=MOST_LEVELS)
    loaded = rows.load((by, value))
    require_rows(loaded.rows, loaded.dropped, ROWS_NEEDED["compare"], "`compare`")
    codes, labels = _levels(loaded.arrays[0], plan, by)
    chosen = codes >= 0
    outcomes, levels = _levels(loaded.arrays[1][chosen], msgspec.structs.replace(plan, levels=()), value)
    codes = codes[chosen]
    require_groups(len(np.unique(codes)), by, most=MOST_LEVELS)
    require_groups(len(levels), value, most=MOST_LEVELS)
    counts = contingency(codes, outcomes)
    labels = [labels[index] for index in np.unique(codes)]
    enough = compare_counts.are_counts_enough(counts)
    method = plan.method
    square = counts.shape == (2, 2)
    if method == "auto":
        method = ("proportions" if enough else "fisher") if square else "chi_square"
        notes.append(
            f"{NAMES[method].capitalize()} was chosen: rows are counted by {clean(value.name)} ({len(levels)} values) and "
            f"{clean(by.name)} ({len(labels)} groups){'' if enough else ', and counts are small'}."
        )
    if method == "proportions" and not square:
        raise UnsuitableColumnError(
            f"{NAMES[method].capitalize()} is of two groups and two values; here are {len(labels)} and {len(levels)}.",
            next_step="Choose two of the groups, or the chi-square test.",
        )
    rows.check_time()
    function = {
        "chi_square": compare_counts.chi_square,
        "fisher": compare_counts.fisher,
        "proportions": compare_counts.two_proportions,
    }
    found = [function[method](counts)]
    if method != "fisher" and not enough:
        notes.append(
            "Expected counts are small (below 1, or more than a fifth below 5): Fisher's exact test is beside it."
        )
        found.append(compare_counts.fisher(counts))
    elif method != "fisher":
        notes.append("The expected counts are large enough for the test (Cochran 1954).")
    residuals = compare_counts.adjusted_residuals(counts)
    totals = counts.sum(axis=1)
    lines: list[tuple[Cell, ...]] = [
        (
            label, level, int(counts[i, j]), float(counts[i, j] / totals[i]), *wilson_interval(int(counts[i, j]), int(totals[i])),
            float(residuals[i, j]),
        )
        for i, label in enumerate(labels)
        for j, level in enumerate(levels)
    ]  # fmt: skip
    shares = counts[:, -1] / totals
    code = _count_code(plan, value, by, method)
    return Findings(
        plan=msgspec.structs.replace(plan, method=method),
        sentences=sentences.compared_shares(
            value.name, by.name, levels[-1] if len(levels) == 2 else "",
            [(label, float(share), int(total)) for label, share, total in zip(labels, shares, totals, strict=True)], found[0],
            _farthest(labels, levels, residuals),
        ),
        tables=(
            FindingsTable(
                "Shares", (by.name, value.name, "rows", "share", "share from", "share to", "adjusted residual"), tuple(lines)
            ),
            tests_table("Tests", found),
        ),
        picture=Bars(
            f"Share of {levels[-1]} by {clean(by.name)}", tuple(labels), tuple(map(float, shares)),
            tuple(wilson_interval(int(n), int(total)) for n, total in zip(counts[:, -1], totals, strict=True)),
        )
        if len(levels) == 2
        else Bars(
            f"Rows by {clean(by.name)}, {clean(value.name)}",
            tuple(f"{line[0]}, {line[1]}" for line in lines[:30]), tuple(float(n) for n in counts.reshape(-1)[:30]),
        ),
        tests=computed(found),
        rows_used=int(counts.sum()),
        rows_dropped=loaded.rows + loaded.dropped - int(counts.sum()),
        notes=(*notes, *((loaded.note,) if loaded.note else ()), sentences.STRENGTH_SCALE),
        code=repeating_code(rows, code, imports=("from scipy import stats",)),
    )  # fmt: skip


def _farthest(labels: Sequence[str], levels: Sequence[str], residuals: npt.NDArray[np.float64]) -> str:
    """The group and value that are farthest from what independence would give, in words."""
    i, j = np.unravel_index(int(np.nanargmax(np.abs(residuals))), residuals.shape)
    often = "more" if residuals[i, j] > 0 else "less"
    return f"{levels[int(j)]} is {often} frequent in {labels[int(i)]} than elsewhere"


def _count_code(plan: Compare, value: ColumnProfile, by: ColumnProfile, method: CompareMethod) -> list[str]:
    lines = [f"values = {TABLE}[{[by.name, value.name]!r}].dropna()"]
    if plan.levels:
        lines.append(f"values = values[values[{by.name!r}].astype(str).isin({list(plan.levels)!r})]")
    lines.append(f"counts = pd.crosstab(values[{by.name!r}], values[{value.name!r}])")
    if method == "fisher":
        simulated = "method=stats.MonteCarloMethod(n_resamples=9999, rng=np.random.default_rng(0))"
        call = f"stats.fisher_exact(counts.to_numpy(), **({{}} if counts.shape == (2, 2) else dict({simulated})))"
        return ["import numpy as np", *lines, f"result = float(np.ravel({call}.pvalue)[0])"]
    return [*lines, "result = stats.chi2_contingency(counts, correction=False).pvalue"]
