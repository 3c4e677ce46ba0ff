"""Relate: how columns go together, pair by pair, with the coefficient that their kinds allow."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from tabsmith.errors import TooFewColumnsError, UnsuitableColumnError
from tabsmith.statistics import association, sentences
from tabsmith.statistics.association import Association, Codes
from tabsmith.statistics.check import ROWS_NEEDED, require_rows
from tabsmith.statistics.findings import Bars, Cell, Findings, FindingsTable, Matrix, Picture, SignificanceTest
from tabsmith.statistics.multiple_tests import holm
from tabsmith.statistics.pictures import boxes, scatter
from tabsmith.statistics.plan import Relate, RelateMethod
from tabsmith.statistics.repeating_code import TABLE, repeating_code
from tabsmith.statistics.selected_rows import Floats, SelectedRows, is_number, is_time
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.text import clean, plural

Method: TypeAlias = Literal["pearson", "spearman", "kendall", "cramers_v", "correlation_ratio", "mutual_information"]

MOST_COLUMNS: Final = 30
MOST_CATEGORIES: Final = 50
_SHOWN_GROUPS: Final = 12
_SHOWN_CELLS: Final = 20
_OF_NUMBERS: Final = frozenset({"pearson", "spearman", "kendall"})

NAMES: Final[dict[str, str]] = {
    "pearson": "Pearson's r",
    "spearman": "Spearman's rho",
    "kendall": "Kendall's tau-b",
    "cramers_v": "Cramér's V",
    "correlation_ratio": "correlation ratio (eta)",
    "mutual_information": "mutual information (0 to 1)",
}


@dataclass(frozen=True, slots=True)
class _Column:
    """A column of the rows that were looked at: numbers (NaN where missing), and codes of categories (-1 where missing)."""

    profile: ColumnProfile
    numbers: Floats | None
    codes: Codes | None
    labels: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.profile.name

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        if self.numbers is not None:
            return ~np.isnan(self.numbers)
        assert self.codes is not None
        return self.codes >= 0


@dataclass(frozen=True, slots=True)
class _Pair:
    """Two columns, how they were measured, and what came of it."""

    first: _Column
    second: _Column
    method: Method | None  # None: no coefficient fits the kinds
    result: Association
    rows: int
    dropped: int


def relate(plan: Relate, rows: SelectedRows) -> Findings:
    """The findings of a Relate."""
    profiles, notes = _chosen(plan, rows)
    loaded = rows.load(profiles, times=True, complete=False)
    if loaded.note:
        notes.append(loaded.note)
    columns = [_column(profile, array) for profile, array in zip(profiles, loaded.arrays, strict=True)]
    if plan.target:
        target = columns[0]
        couples = [(target, other) for other in columns[1:]]
    else:
        couples = list(itertools.combinations(columns, 2))
    alone = len(couples) == 1
    pairs: list[_Pair] = []
    for first, second in couples:
        rows.check_time()
        pairs.append(_measure(first, second, plan.method, alone=alone))
    if alone:
        return _pair_findings(plan, rows, pairs[0], notes)
    return _matrix_findings(plan, rows, columns, pairs, notes)


def _chosen(plan: Relate, rows: SelectedRows) -> tuple[list[ColumnProfile], list[str]]:
    """The columns to relate, the target first, and notes on those left out."""
    profile = rows.info.profile
    named = [*((plan.target,) if plan.target else ()), *(name for name in plan.columns if name != plan.target)]
    notes: list[str] = []
    if plan.columns:
        chosen = [rows.column(name) for name in dict.fromkeys(named)]
    else:
        usable = [column for column in profile.columns if column.name != plan.target and _usable(column, plan.method)]
        chosen = [rows.column(plan.target), *usable] if plan.target else usable
        left = len(profile.columns) - len(chosen)
        if left:
            notes.append(
                f"{plural(left, 'column was', 'columns were')} left out: constant, or of more than {MOST_CATEGORIES} "
                "categories, or of a kind that the method does not measure."
            )
    if len(chosen) < 2:
        raise TooFewColumnsError(
            "At least two columns are needed that can be related.", next_step="Name two columns, or another method."
        )
    if len(chosen) > MOST_COLUMNS and not plan.target:
        notes.append(
            f"Only the first {MOST_COLUMNS} of {len(chosen):,} columns are related; name the columns to choose others."
        )
        chosen = chosen[:MOST_COLUMNS]
    return chosen, notes


def _usable(column: ColumnProfile, method: RelateMethod) -> bool:
    if column.distinct < 2:
        return False
    if is_number(column) or is_time(column):
        return method != "cramers_v" or column.distinct <= MOST_CATEGORIES
    return method not in _OF_NUMBERS and column.distinct <= MOST_CATEGORIES


def _column(profile: ColumnProfile, array: npt.NDArray[Any]) -> _Column:
    import pandas as pd

    if is_number(profile) or is_time(profile):
        codes: Codes | None = None
        labels: tuple[str, ...] = ()
        if profile.distinct <= MOST_CATEGORIES:
            codes, values = pd.factorize(array, sort=True)
            labels = tuple(f"{value:.12g}" for value in values)
        return _Column(profile, array, codes, labels)
    codes, values = pd.factorize(array, sort=True)
    return _Column(profile, None, codes, tuple(clean(value, 60) for value in values))


def _method(first: _Column, second: _Column, asked: RelateMethod) -> Method | None:
    """The method for a pair; None if the one asked for does not fit it."""
    numeric = (first.numbers is not None, second.numbers is not None)
    coded = [
        column for column in (first, second) if column.codes is not None and column.profile.distinct <= MOST_CATEGORIES
    ]
    if asked == "mutual_information":
        return asked
    if asked in _OF_NUMBERS:
        return asked if all(numeric) else None  # type: ignore[return-value]
    if asked == "cramers_v":
        return asked if len(coded) == 2 else None
    if asked == "correlation_ratio":
        return asked if any(numeric) and coded else None
    if all(numeric):
        return "pearson"
    two_valued = all(column.numbers is None or column.profile.distinct <= 2 for column in (first, second))
    if two_valued or not any(numeric):
        return "cramers_v" if len(coded) == 2 else None
    return "correlation_ratio" if any(column.numbers is None for column in coded) else None


def _measure(first: _Column, second: _Column, asked: RelateMethod, *, alone: bool) -> _Pair:
    method = _method(first, second, asked)
    present = first.present & second.present
    used = int(present.sum())
    dropped = len(present) - used
    if alone:
        require_rows(used, dropped, ROWS_NEEDED["relate"], "`relate`")
    if method is None or used < ROWS_NEEDED["relate"]:
        return _Pair(first, second, method, association.NO_ASSOCIATION, used, dropped)
    match method:
        case "pearson" | "spearman" | "kendall":
            function = {
                "pearson": association.pearson,
                "spearman": association.spearman,
                "kendall": association.kendall,
            }[method]
            result = function(_numbers(first, present), _numbers(second, present))
        case "cramers_v":
            result = association.cramers_v(association.contingency(_codes(first, present), _codes(second, present)))
        case "correlation_ratio":
            group, value = _group_and_value(first, second)
            result = association.correlation_ratio(_codes(group, present), _numbers(value, present))
        case "mutual_information":
            kinds = (first.numbers is not None, second.numbers is not None)
            values = [_numbers(c, present) if c.numbers is not None else _codes(c, present) for c in (first, second)]
            result = association.mutual_information(values[0], values[1], numbers=kinds, permuted=alone)
    return _Pair(first, second, method, result, used, dropped)


def _group_and_value(first: _Column, second: _Column) -> tuple[_Column, _Column]:
    """Of a pair for the correlation ratio: the column that makes groups, and the one that is measured."""
    if first.numbers is None or (second.numbers is not None and first.profile.distinct <= second.profile.distinct):
        return (first, second) if second.numbers is not None else (second, first)
    return second, first


def _numbers(column: _Column, present: npt.NDArray[np.bool_]) -> Floats:
    assert column.numbers is not None
    return column.numbers[present]


def _codes(column: _Column, present: npt.NDArray[np.bool_]) -> Codes:
    assert column.codes is not None
    return column.codes[present]


def _pair_findings(plan: Relate, rows: SelectedRows, pair: _Pair, notes: list[str]) -> Findings:
    if pair.method is None:
        raise UnsuitableColumnError(
            f"{clean(pair.first.name)} and {clean(pair.second.name)} cannot be related by "
            f"{'a coefficient: one has too many categories' if plan.method == 'auto' else NAMES[plan.method]}.",
            next_step="Leave the method to tabsmith, or ask for mutual information, or name other columns.",
        )
    result, present = pair.result, pair.first.present & pair.second.present
    if math.isnan(result.value):
        constant = next((c for c in (pair.first, pair.second) if len(np.unique(_either(c, present))) < 2), pair.first)
        notes.append(f"{clean(constant.name)} has one value only in these rows, so nothing can go together with it.")
    tables = [_pairs_table([pair])]
    test = () if math.isnan(result.p) else (_test(pair),)
    if pair.method == "pearson" and not math.isnan(result.value):
        x, y = _numbers(pair.first, present), _numbers(pair.second, present)
        ranked = association.spearman(x, y)
        if abs(abs(ranked.value) - abs(result.value)) > 0.1:
            notes.append(
                f"Spearman's rho is {ranked.value:.2f}: the two do not go together along a straight line, or a few "
                "values far from the rest decide Pearson's r."
            )
    if pair.method == "cramers_v":
        counts = association.contingency(_codes(pair.first, present), _codes(pair.second, present))
        tables.append(_crosstab(pair, present, counts))
        expected = counts.sum(axis=1, keepdims=True) * counts.sum(axis=0, keepdims=True) / counts.sum()
        if (expected < 5).mean() > 0.2:
            notes.append(
                "More than a fifth of the expected counts are below 5: the p-value is rough (`compare` has Fisher's test)."
            )
    notes.append(sentences.STRENGTH_SCALE)
    return Findings(
        plan=msgspec.structs.replace(plan, method=pair.method),
        sentences=sentences.related(
            pair.first.name, pair.second.name, NAMES[pair.method], result.value, result.interval, result.p, pair.rows,
            signed=pair.method in _OF_NUMBERS,
        ),
        tables=tuple(tables),
        picture=_pair_picture(pair, present),
        tests=test,
        rows_used=pair.rows,
        rows_dropped=pair.dropped,
        notes=tuple(notes),
        code=repeating_code(rows, _pair_code(pair), imports=("from scipy import stats",)),
    )  # fmt: skip


def _either(column: _Column, present: npt.NDArray[np.bool_]) -> npt.NDArray[Any]:
    return _numbers(column, present) if column.numbers is not None else _codes(column, present)


def _test(pair: _Pair) -> SignificanceTest:
    result = pair.result
    assert pair.method is not None
    name = {"cramers_v": "chi-square test of independence", "correlation_ratio": "F test of equal means"}
    return SignificanceTest(
        name.get(pair.method, f"test of {NAMES[pair.method]}"), result.statistic, result.p, result.freedom, NAMES[pair.method],
        result.value, result.interval,
    )  # fmt: skip


def _pairs_table(pairs: Sequence[_Pair]) -> FindingsTable:
    corrected = holm([pair.result.p for pair in pairs])
    lines: list[tuple[Cell, ...]] = []
    for pair, p in zip(pairs, corrected, strict=True):
        result = pair.result
        low, high = result.interval or (math.nan, math.nan)
        lines.append(
            (
                pair.first.name, pair.second.name, NAMES[pair.method] if pair.method else None, _cell(result.value),
                None if math.isnan(result.value) else sentences.strength(result.value), _cell(low), _cell(high),
                _cell(result.p), _cell(p), pair.rows, pair.dropped,
            )
        )  # fmt: skip
    headings = (
        "first",
        "second",
        "method",
        "strength",
        "in words",
        "from",
        "to",
        "p",
        "p corrected",
        "rows",
        "left out",
    )
    return FindingsTable("Pairs" if len(pairs) > 1 else "Pair", headings, tuple(lines))


def _cell(value: float) -> float | None:
    return None if math.isnan(value) else value


def _crosstab(pair: _Pair, present: npt.NDArray[np.bool_], counts: npt.NDArray[np.int64]) -> FindingsTable:
    firsts = [pair.first.labels[code] for code in np.unique(_codes(pair.first, present))]
    seconds = [pair.second.labels[code] for code in np.unique(_codes(pair.second, present))]
    return FindingsTable(
        "Rows",
        (clean(pair.first.name), *seconds),
        tuple((label, *line) for label, line in zip(firsts, counts.tolist(), strict=True)),
    )


def _pair_picture(pair: _Pair, present: npt.NDArray[np.bool_]) -> Picture:
    first, second = pair.first, pair.second
    if first.numbers is not None and second.numbers is not None:
        return scatter(first.name, second.name, _numbers(first, present), _numbers(second, present))
    if first.numbers is None and second.numbers is None:
        counts = association.contingency(_codes(first, present), _codes(second, present))
        table = _crosstab(pair, present, counts)
        cells = [
            (f"{line[0]}, {heading}", float(count))
            for line in table.rows
            for heading, count in zip(table.columns[1:], line[1:], strict=True)
            if isinstance(count, int)
        ]
        largest = sorted(cells, key=lambda cell: -cell[1])[:_SHOWN_CELLS]
        return Bars(f"Rows by {clean(first.name)}, {clean(second.name)}", *map(tuple, zip(*largest, strict=True)))
    group, value = _group_and_value(first, second)
    codes, numbers = _codes(group, present), _numbers(value, present)
    largest_groups = sorted(np.argsort(-np.bincount(codes), kind="stable")[:_SHOWN_GROUPS].tolist())
    shown = [code for code in largest_groups if (codes == code).any()]
    return boxes(
        f"{clean(value.name)} by {clean(group.name)}",
        [group.labels[code] for code in shown],
        [numbers[codes == code] for code in shown],
    )


def _matrix_findings(
    plan: Relate, rows: SelectedRows, columns: Sequence[_Column], pairs: Sequence[_Pair], notes: list[str]
) -> Findings:
    known = sorted((p for p in pairs if not math.isnan(p.result.value)), key=lambda p: -abs(p.result.value))
    unknown = [pair for pair in pairs if math.isnan(pair.result.value)]
    if not known:
        raise UnsuitableColumnError(
            "No pair of these columns can be related by this method.",
            next_step="Leave the method to tabsmith, or name other columns.",
        )
    if unknown:
        notes.append(
            f"{plural(len(unknown), 'pair has', 'pairs have')} no coefficient: a constant column, too few rows, or kinds that "
            "the method does not measure."
        )
    notes.append(f"p-values are corrected for {plural(len(known), 'pair')} (Holm 1979).")
    notes.append(sentences.STRENGTH_SCALE)
    strongest, weakest = known[0], known[-1]
    corrected = holm([pair.result.p for pair in known])
    clear = sum(1 for p in corrected if p < 0.05)
    picture: Picture
    if plan.target:
        shown = known[:_SHOWN_CELLS]
        picture = Bars(
            f"Strength of the association with {clean(plan.target)}",
            tuple(clean(pair.second.name) for pair in shown),
            tuple(pair.result.value for pair in shown),
        )
    else:
        index = {column.name: position for position, column in enumerate(columns)}
        cells: list[list[float | None]] = [[1.0 if i == j else None for j in index.values()] for i in index.values()]
        for pair in known:
            i, j = index[pair.first.name], index[pair.second.name]
            cells[i][j] = cells[j][i] = pair.result.value
        picture = Matrix("How the columns go together", tuple(map(clean, index)), tuple(map(tuple, cells)))
    complete = np.logical_and.reduce([column.present for column in columns])
    return Findings(
        plan=plan,
        sentences=sentences.related_matrix(
            (strongest.first.name, strongest.second.name, NAMES[strongest.method or ""], strongest.result.value),
            (weakest.first.name, weakest.second.name, NAMES[weakest.method or ""], weakest.result.value),
            len(known), clear, tested=any(not math.isnan(p) for p in corrected),
        ),
        tables=(_pairs_table([*known, *unknown]),),
        picture=picture,
        tests=tuple(_test(pair) for pair in known if not math.isnan(pair.result.p)),
        rows_used=int(complete.sum()),
        rows_dropped=int((~complete).sum()),
        notes=tuple(notes),
        code=repeating_code(rows, _matrix_code(plan, columns), imports=()),
    )  # fmt: skip


def _pair_code(pair: _Pair) -> list[str]:
    names = [pair.first.name, pair.second.name]
    lines = [f"values = {TABLE}[{names!r}].dropna()"]
    x, y = f"values[{names[0]!r}]", f"values[{names[1]!r}]"
    if pair.method in _OF_NUMBERS:
        function = {"pearson": "pearsonr", "spearman": "spearmanr", "kendall": "kendalltau"}[pair.method]
        cast = [
            f"values[{column.name!r}] = values[{column.name!r}].astype('datetime64[us]').astype('int64') / 1e6"
            for column in (pair.first, pair.second)
            if is_time(column.profile)
        ]
        return [*lines, *cast, f"result = stats.{function}({x}, {y}).statistic"]
    if pair.method == "cramers_v":
        return [
            *lines,
            f"counts = pd.crosstab({x}, {y})",
            "chi_square = stats.chi2_contingency(counts, correction=False).statistic",
            "result = (chi_square / counts.to_numpy().sum() / (min(counts.shape) - 1)) ** 0.5",
        ]
    if pair.method == "correlation_ratio":
        group, value = _group_and_value(pair.first, pair.second)
        return [
            *lines,
            f"means = values.groupby({group.name!r})[{value.name!r}].transform('mean')",
            f"result = (means.var(ddof=0) / values[{value.name!r}].var(ddof=0)) ** 0.5",
        ]
    kinds = [column.numbers is not None for column in (pair.first, pair.second)]
    thinned = f"values = values.iloc[:: max(1, -(-len(values) // {association.INFORMATION_ROWS}))]"
    coded = [
        f"values[{column.name!r}] = pd.factorize(values[{column.name!r}], sort=True)[0]"
        for column in (pair.first, pair.second)
        if column.numbers is None
    ]
    if not any(kinds):
        call = ["from sklearn.metrics import mutual_info_score", f"information = mutual_info_score({x}, {y})"]
    else:
        function = "regression" if all(kinds) else "classif"
        number, other = (0, 1) if kinds[0] else (1, 0)
        call = [
            f"from sklearn.feature_selection import mutual_info_{function}",
            f"information = mutual_info_{function}(values[[{names[number]!r}]].to_numpy(), values[{names[other]!r}], random_state=0)[0]",
        ]
    return [*lines, thinned, *coded, *call, "result = (1 - 2.718281828459045 ** (-2 * information)) ** 0.5"]


def _matrix_code(plan: Relate, columns: Sequence[_Column]) -> list[str]:
    method = plan.method if plan.method in _OF_NUMBERS else "pearson"
    names = [column.name for column in columns if is_number(column.profile)]
    return [
        "# numbers with numbers; pairs with categories are in the tables",
        f"result = {TABLE}[{names!r}].corr({method!r})",
    ]
