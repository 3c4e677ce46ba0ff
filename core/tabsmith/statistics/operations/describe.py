"""Describe: counts, place, spread, shape and most frequent values of columns, for all rows or by group."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tabsmith.formatting import number, sparkline
from tabsmith.statistics import sentences
from tabsmith.statistics.check import MOST_GROUPS
from tabsmith.statistics.findings import Bars, Cell, Findings, FindingsTable, Histogram, Picture
from tabsmith.statistics.grouping import Grouping, group_by
from tabsmith.statistics.plan import Aggregate, Describe
from tabsmith.statistics.repeating_code import TABLE, repeating_code
from tabsmith.statistics.selected_rows import Floats, SelectedRows, is_number, is_time
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.text import clean, plural

EXACT_ROWS: Final = 10_000_000
"""Rows up to which a column is described in memory and exactly; of more, quartiles and distinct counts are estimates, there
is no mode, and the findings say so."""
_COLUMNS_PER_QUERY: Final = 50
_EXACT_CELLS: Final = 3_000_000  # values whose quartiles by group DuckDB holds in memory at once
_BINS: Final = 16
_TOP: Final = 10
_GROUP_PICTURES: Final = 6
_GROUP_BARS: Final = 30

_HEADINGS: Final[dict[Aggregate, tuple[str, ...]]] = {
    "count": (),
    "sum": ("sum",),
    "mean": ("mean",),
    "median": ("median",),
    "mode": ("mode",),
    "deviation": ("deviation",),
    "variance": ("variance",),
    "minimum": ("minimum",),
    "maximum": ("maximum",),
    "quartiles": ("first quartile", "median", "third quartile"),
}
_ALL_NUMBERS: Final = (
    "mean", "median", "mode", "deviation", "variance", "minimum", "first quartile", "third quartile", "maximum",
    "range", "skewness", "kurtosis",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class NumberDescription:
    """What describes a numeric column in a group of rows; None where there are too few values."""

    count: int
    missing: int
    distinct: int
    mode: float | None
    sum: float | None
    mean: float | None
    deviation: float | None
    minimum: float | None
    maximum: float | None
    quartiles: tuple[float | None, float | None, float | None]
    skewness: float | None  # adjusted (G1), as in pandas
    kurtosis: float | None  # excess, adjusted (G2), as in pandas

    @property
    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the mean by Student's t; None for fewer than two values."""
        if self.mean is None or self.deviation is None or self.count < 2:
            return None
        from scipy.special import stdtrit

        half = float(stdtrit(self.count - 1, 0.975)) * self.deviation / math.sqrt(self.count)
        return (self.mean - half, self.mean + half)

    def cell(self, heading: str) -> Cell:
        """The cell of a table under `heading`."""
        low, median, high = self.quartiles
        match heading:
            case "median":
                return median
            case "first quartile":
                return low
            case "third quartile":
                return high
            case "variance":
                return None if self.deviation is None else self.deviation**2
            case "range":
                return None if self.maximum is None or self.minimum is None else self.maximum - self.minimum
        value: Cell = getattr(self, heading)
        return value


@dataclass(frozen=True, slots=True)
class _Top:
    """How many different values a column has, and the most frequent ones with their rows, most frequent first."""

    distinct: int
    values: tuple[tuple[str, int], ...]


def describe(plan: Describe, rows: SelectedRows) -> Findings:
    """The findings of a Describe."""
    names = plan.columns or tuple(column.name for column in rows.info.profile.columns if column.name not in plan.by)
    columns = [rows.column(name) for name in dict.fromkeys(names)]
    if plan.aggregates and not plan.columns:
        columns = [column for column in columns if is_number(column)]
    numeric = [column for column in columns if is_number(column)]
    others = [column for column in columns if not is_number(column)]
    filling = _Filling(plan, rows, numeric)
    notes = [*filling.notes]
    if rows.count > EXACT_ROWS and numeric:
        notes.append(
            f"Of more than {EXACT_ROWS:,} rows, quartiles and distinct counts are estimates, and no mode is given."
        )
    headings = _headings(plan.aggregates)
    if plan.by:
        return _describe_groups(plan, rows, numeric, others, filling, headings, notes)
    descriptions = _descriptions(rows, numeric, filling)
    tables: list[FindingsTable] = []
    if numeric:
        shown = [] if plan.aggregates else ["distribution"]
        tables.append(
            FindingsTable(
                "Numbers",
                ("column", "count", "missing", "distinct", *headings, *shown),
                tuple(
                    (
                        column.name, item.count, item.missing, item.distinct, *map(item.cell, headings),
                        *([_distribution(column)] if shown else []),
                    )
                    for column, item in zip(numeric, descriptions, strict=True)
                ),
            )
        )  # fmt: skip
    tops = {column.name: _top_values(rows, column) for column in others}
    if others:
        tables.append(_other_columns(rows, others, tops))
    if len(columns) == 1:
        top = tops.get(columns[0].name) or _top_values(rows, columns[0])
        tables.append(
            FindingsTable(
                "Most frequent values", ("value", "rows", "share"), tuple((v, n, n / rows.count) for v, n in top.values)
            )
        )
    used, dropped = _used(rows, columns)
    return Findings(
        plan=plan,
        sentences=_sentences(rows, columns, numeric, descriptions, tops),
        tables=tuple(tables),
        picture=_picture(rows, columns, filling, tops),
        rows_used=used,
        rows_dropped=dropped,
        notes=tuple(notes),
        code=_code(plan, rows, columns),
    )


def _headings(aggregates: tuple[Aggregate, ...]) -> tuple[str, ...]:
    if not aggregates:
        return _ALL_NUMBERS
    return tuple(dict.fromkeys(heading for aggregate in aggregates for heading in _HEADINGS[aggregate]))


class _Filling:
    """What stands in for missing numbers: SQL of each numeric column's value."""

    def __init__(self, plan: Describe, rows: SelectedRows, columns: Sequence[ColumnProfile]) -> None:
        self.relation = "selected"
        self._sql = {column.name: rows.value_sql(column) for column in columns}
        self.notes: list[str] = []
        gaps = [column for column in columns if column.missing]
        if plan.missing == "leave out" or not gaps:
            return
        if plan.missing == "forward":
            filled = ", ".join(
                f"last_value({self._sql[column.name]} IGNORE NULLS) OVER (ORDER BY file_row_number) AS f{index}"
                for index, column in enumerate(gaps)
            )
            self.relation = f"(SELECT *, {filled} FROM selected)"  # noqa: S608
            self._sql |= {column.name: f"f{index}" for index, column in enumerate(gaps)}
            self.notes.append(
                "A missing number was replaced by the one in the row before it; counts are of true values."
            )
            return
        if plan.missing == "zero":
            values: Sequence[float | None] = [0.0] * len(gaps)
        else:
            function = "favg" if plan.missing == "mean" else "median"
            wanted = ", ".join(f"{function}({self._sql[column.name]})" for column in gaps)
            values = rows.query(f"SELECT {wanted} FROM selected")[0]  # noqa: S608
        for column, value in zip(gaps, values, strict=True):
            if value is not None:
                self._sql[column.name] = f"coalesce({self._sql[column.name]}, {value!r}::DOUBLE)"
                self.notes.append(
                    f"Missing values of {clean(column.name)} were replaced by {number(value)} "
                    f"({'0' if plan.missing == 'zero' else 'the ' + plan.missing}): counts are of true values, and the "
                    "spread is no longer that of the data."
                )

    def sql(self, column: ColumnProfile) -> str:
        return self._sql[column.name]


def _descriptions(rows: SelectedRows, columns: Sequence[ColumnProfile], filling: _Filling) -> list[NumberDescription]:
    """The descriptions of columns over all rows: exactly, column by column, or of very many rows in one pass."""
    if not columns:
        return []
    if rows.count > EXACT_ROWS:
        return _numbers(rows, columns, filling, "")[()]
    wanted = ", ".join(f"count({rows.sql(column)})" for column in columns)
    counts = rows.query(f"SELECT {wanted} FROM selected")[0]  # noqa: S608
    return [
        _exact_description(
            rows.numbers(filling.sql(column), filling.relation),
            count,
            rows.count - count,
            rows.numbers(rows.value_sql(column)) if filling.sql(column) != rows.value_sql(column) else None,
        )
        for column, count in zip(columns, counts, strict=True)
    ]


def _exact_description(values: Floats, count: int, missing: int, true_values: Floats | None) -> NumberDescription:
    """The description of a column's values, filled ones among them; `true_values` are those without, if they differ."""
    distinct = _distinct(np.sort(values if true_values is None else true_values))
    n = len(values)
    if n == 0:
        return NumberDescription(count, missing, 0, None, None, None, None, None, None, (None, None, None), None, None)
    values = np.sort(values)
    mean = math.fsum((float(values.mean()), float((values - values.mean()).mean())))
    centered = values - mean
    squares = centered * centered
    second = float(squares.mean())
    deviation = math.sqrt(second * n / (n - 1)) if n > 1 else None
    skewness = kurtosis = None
    if second > 0 and math.isfinite(second) and values[0] < values[-1] and n > 2:
        skewness = math.sqrt(n * (n - 1)) / (n - 2) * float((squares * centered).mean()) / second**1.5
        if n > 3:
            fourth = float((squares * squares).mean()) / second**2
            kurtosis = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (fourth - 3) + 6)
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
    return NumberDescription(
        count=count, missing=missing, distinct=distinct, mode=_mode(values), sum=mean * n, mean=mean, deviation=deviation,
        minimum=float(values[0]), maximum=float(values[-1]), quartiles=(low, median, high), skewness=skewness, kurtosis=kurtosis,
    )  # fmt: skip


def _distinct(ordered: Floats) -> int:
    return int(len(ordered) > 0) + int(np.count_nonzero(ordered[1:] != ordered[:-1]))


def _mode(ordered: Floats) -> float | None:
    """The most frequent of ordered values, the smallest of several; None if no value is there twice."""
    starts = np.concatenate([[0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1])
    lengths = np.diff(np.concatenate([starts, [len(ordered)]]))
    longest = int(lengths.argmax())
    return float(ordered[starts[longest]]) if lengths[longest] > 1 else None


def _numbers(
    rows: SelectedRows,
    columns: Sequence[ColumnProfile],
    filling: _Filling,
    groups: str,
) -> dict[tuple[Any, ...], list[NumberDescription]]:
    """The descriptions of columns by group (key () without `groups`, which is SQL with commas), in one pass over the rows."""
    exact = rows.count <= EXACT_ROWS
    found: dict[tuple[Any, ...], list[NumberDescription]] = {}
    keys = groups.count(",") + 1 if groups else 0
    width_of_query = max(1, min(_COLUMNS_PER_QUERY, _EXACT_CELLS // rows.count)) if exact else _COLUMNS_PER_QUERY
    for start in range(0, len(columns), width_of_query):
        part = columns[start : start + width_of_query]
        selected = [groups] if groups else []
        for index, column in enumerate(part):
            selected += _aggregates_sql(
                rows, column, filling.sql(column), f"z{index}", exact=exact, grouped=bool(groups)
            )
        standardised = ", ".join(
            f"({filling.sql(column)} - {_shift(column)[0]!r}) / {_shift(column)[1]!r} AS z{index}"
            for index, column in enumerate(part)
        )
        sql = f"SELECT {', '.join(selected)} FROM (SELECT *, {standardised} FROM {filling.relation})"  # noqa: S608
        if groups:
            sql += f" GROUP BY {groups} ORDER BY {groups} LIMIT {MOST_GROUPS}"
        for row in rows.query(sql):
            key, values = row[:keys], row[keys:]
            width = len(values) // len(part)
            found.setdefault(tuple(key), []).extend(
                _description(column, values[index * width : (index + 1) * width]) for index, column in enumerate(part)
            )
    return found


def _aggregates_sql(
    rows: SelectedRows, column: ColumnProfile, value: str, z: str, *, exact: bool, grouped: bool
) -> list[str]:
    name = rows.sql(column)
    quantile = "quantile_cont" if exact else "approx_quantile"
    distinct = f"count(DISTINCT {name})" if exact else f"approx_count_distinct({name})"
    mode = f"CASE WHEN count(DISTINCT {value}) < count({value}) THEN mode({value}) END" if grouped and exact else "NULL"
    return [
        f"count({name})", "count(*)", distinct, mode, f"count({value})", f"favg({z})", f"var_samp({z})",
        f"sum({z} * {z} * {z})", f"sum({z} * {z} * {z} * {z})", f"sum({z} * {z})",
        f"min({value})", f"max({value})", f"{quantile}({value}, [0.25, 0.5, 0.75])",
    ]  # fmt: skip


def _shift(column: ColumnProfile) -> tuple[float, float]:
    """The mean and deviation by which a column is standardised, so that sums of powers keep their digits."""
    numbers = column.numbers
    if numbers is None or not math.isfinite(numbers.mean):
        return 0.0, 1.0
    deviation = numbers.deviation
    return numbers.mean, deviation if math.isfinite(deviation) and deviation > 0 else 1.0


def _description(column: ColumnProfile, values: Sequence[Any]) -> NumberDescription:
    true, total, distinct, mode, n, z_mean, z_variance, cubes, fourths, squares, low, high, quartiles = values
    shift, scale = _shift(column)
    mean = None if z_mean is None else shift + scale * z_mean
    deviation = None if z_variance is None else scale * math.sqrt(z_variance)
    skewness = kurtosis = None
    if z_variance is not None and z_variance > 0 and n > 2:
        second = squares / n - z_mean**2
        third = cubes / n - 3 * z_mean * squares / n + 2 * z_mean**3
        fourth = fourths / n - 4 * z_mean * cubes / n + 6 * z_mean**2 * squares / n - 3 * z_mean**4
        skewness = math.sqrt(n * (n - 1)) / (n - 2) * third / second**1.5
        if n > 3:
            kurtosis = (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (fourth / second**2 - 3) + 6)
    return NumberDescription(
        count=true, missing=total - true, distinct=distinct, mode=mode, sum=None if mean is None else mean * n, mean=mean,
        deviation=deviation, minimum=low, maximum=high, quartiles=tuple(quartiles) if quartiles else (None, None, None),
        skewness=skewness, kurtosis=kurtosis,
    )  # fmt: skip


def _top_values(rows: SelectedRows, column: ColumnProfile) -> _Top:
    name = rows.sql(column)
    found = rows.query(
        f"WITH counted AS (SELECT {name} AS v, count(*) AS n FROM selected WHERE {name} IS NOT NULL GROUP BY v) "  # noqa: S608
        f"SELECT v, n, (SELECT count(*) FROM counted) FROM counted ORDER BY n DESC, v LIMIT {_TOP}"
    )
    return _Top(found[0][2] if found else 0, tuple((value_text(value), int(count)) for value, count, _ in found))


def value_text(value: Any) -> str:
    """A value of a column as a label."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:.12g}" if isinstance(value, float) else clean(value, 60)


def _other_columns(rows: SelectedRows, columns: Sequence[ColumnProfile], tops: dict[str, _Top]) -> FindingsTable:
    selected: list[str] = []
    for column in columns:
        name = rows.sql(column)
        ends = f"CAST(min({name}) AS VARCHAR), CAST(max({name}) AS VARCHAR)" if is_time(column) else "NULL, NULL"
        selected += [f"count({name})", ends]
    values = rows.query(f"SELECT {', '.join(selected)} FROM selected")[0]  # noqa: S608
    lines: list[tuple[Cell, ...]] = []
    for index, column in enumerate(columns):
        count, first, last = values[3 * index : 3 * index + 3]
        top = next(iter(tops[column.name].values), (None, None))
        share = top[1] / count if top[1] and count else None
        lines.append(
            (
                column.name,
                column.storage,
                count,
                rows.count - count,
                tops[column.name].distinct,
                top[0],
                top[1],
                share,
                first,
                last,
            )
        )
    headings = (
        "column", "kind", "count", "missing", "distinct", "most frequent", "its rows", "its share", "first", "last"
    )  # fmt: skip
    return FindingsTable("Other columns", headings, tuple(lines))


def _distribution(column: ColumnProfile) -> str:
    return sparkline([float(count) for count in column.numbers.bins], _BINS) if column.numbers else ""


def _used(rows: SelectedRows, columns: Sequence[ColumnProfile]) -> tuple[int, int]:
    """Rows used and left out: of one column those without a value; of several, whose values are used one by one, none."""
    if len(columns) != 1:
        return rows.count, 0
    present = rows.query(f"SELECT count({rows.sql(columns[0])}) FROM selected")[0][0]  # noqa: S608
    return present, rows.count - present


def _sentences(
    rows: SelectedRows,
    columns: Sequence[ColumnProfile],
    numeric: Sequence[ColumnProfile],
    descriptions: Sequence[NumberDescription],
    tops: dict[str, _Top],
) -> tuple[str, ...]:
    if len(columns) == 1:
        column = columns[0]
        if numeric and descriptions[0].mean is not None:
            item = descriptions[0]
            quartiles = [value for value in item.quartiles if value is not None]
            return sentences.one_number(
                column.name, item.count, descriptions[0].mean, item.interval, quartiles, item.skewness
            )
        top = tops.get(column.name)
        if top and top.values:
            return sentences.one_category(column.name, _used(rows, columns)[0], top.distinct, top.values)
        return (f"{clean(column.name)} has no value in {plural(rows.count, 'row')}.",)
    gaps = sorted(
        ((column.name, column.missing_share) for column in columns if column.missing), key=lambda gap: -gap[1]
    )
    return sentences.many_columns(rows.count, len(numeric), len(columns) - len(numeric), gaps)


def _picture(
    rows: SelectedRows, columns: Sequence[ColumnProfile], filling: _Filling, tops: dict[str, _Top]
) -> Picture | None:
    if len(columns) != 1:
        return None
    column = columns[0]
    if is_number(column):
        return histogram(rows, column, filling.sql(column), filling.relation)
    top = tops[column.name].values
    return (
        Bars(f"Rows by {clean(column.name)}", tuple(v for v, _ in top), tuple(float(n) for _, n in top))
        if top
        else None
    )


def histogram(
    rows: SelectedRows, column: ColumnProfile, value: str, relation: str = "selected", group: Grouping | None = None
) -> Histogram | None:
    """The histogram of a numeric column (`value` is its SQL), by group where there is one; None without values."""
    key = group.sql if group else "''"
    ends = rows.query(f"SELECT min({value}), max({value}) FROM {relation} WHERE isfinite({value})")[0]  # noqa: S608
    if ends[0] is None:
        return None
    low, high = float(ends[0]), float(ends[1])
    width = (high - low) / _BINS if high > low else 1.0
    counted = rows.query(
        f"SELECT {key} AS g, CAST(least({_BINS - 1}, floor(({value} - {low!r}) / {width!r})) AS INTEGER) AS b, "  # noqa: S608
        f"count(*) FROM {relation} WHERE isfinite({value}) GROUP BY g, b ORDER BY g"
    )
    counts: dict[str, list[int]] = {}
    for raw, index, count in counted:
        counts.setdefault(group.label(raw) if group else "", [0] * _BINS)[index] = count
    kept = sorted(counts, key=lambda label: -sum(counts[label]))[:_GROUP_PICTURES]
    return Histogram(
        f"Distribution of {clean(column.name)}",
        tuple(low + width * edge for edge in range(_BINS + 1)),
        {label: tuple(counts[label]) for label in counts if label in kept},
    )


def _describe_groups(
    plan: Describe,
    rows: SelectedRows,
    numeric: Sequence[ColumnProfile],
    others: Sequence[ColumnProfile],
    filling: _Filling,
    headings: tuple[str, ...],
    notes: list[str],
) -> Findings:
    groupings = [group_by(rows, rows.column(name)) for name in plan.by]
    notes += [grouping.note for grouping in groupings if grouping.note]
    keys = ", ".join(f"g{index}" for index in range(len(groupings)))
    relation = ", ".join(f"{grouping.sql} AS g{index}" for index, grouping in enumerate(groupings))
    filling.relation = f"(SELECT *, {relation} FROM {filling.relation})"  # noqa: S608
    lines: list[tuple[Cell, ...]] = []
    ranked: list[tuple[str, NumberDescription]] = []
    if numeric:
        for key, items in _numbers(rows, numeric, filling, keys).items():
            labels = tuple(grouping.label(raw) for grouping, raw in zip(groupings, key, strict=True))
            ranked.append((", ".join(labels), items[0]))
            lines += [
                (*labels, column.name, item.count, item.missing, item.distinct, *map(item.cell, headings))
                for column, item in zip(numeric, items, strict=True)
            ]
    tables = (
        [
            FindingsTable(
                "Numbers by group", (*plan.by, "column", "count", "missing", "distinct", *headings), tuple(lines)
            )
        ]
        if lines
        else []
    )
    if others:
        tables.append(_others_by_group(plan, rows, others, groupings, filling.relation, keys))
    if len(ranked) == MOST_GROUPS:
        notes.append(f"There are more than {MOST_GROUPS:,} groups; the first ones are shown.")
    heading = next(iter(headings), "count") if plan.aggregates else "mean"
    values = [
        (label, float(cell), item.count)
        for label, item in ranked
        if isinstance(cell := item.cell(heading), float | int)
    ]
    said = (
        sentences.groups_ranked(numeric[0].name, heading, values)
        if values and numeric
        else (
            f"{plural(len(others), 'column')} by {' and '.join(clean(name) for name in plan.by)}, in {plural(rows.count, 'row')}.",
        )
    )
    picture: Picture | None = None
    if values and len(numeric) == 1 and len(values) <= _GROUP_BARS:
        intervals = [item.interval for _, item in ranked] if heading == "mean" else []
        picture = Bars(
            f"{heading.capitalize()} of {clean(numeric[0].name)} by {', '.join(clean(name) for name in plan.by)}",
            tuple(label for label, _, _ in values),
            tuple(value for _, value, _ in values),
            tuple(interval for interval in intervals if interval) if all(intervals) else (),
        )
    used, dropped = _used(rows, numeric)
    return Findings(
        plan=plan, sentences=said, tables=tuple(tables), picture=picture, rows_used=used, rows_dropped=dropped,
        notes=tuple(notes), code=_code(plan, rows, numeric or others, groupings),
    )  # fmt: skip


def _others_by_group(
    plan: Describe,
    rows: SelectedRows,
    columns: Sequence[ColumnProfile],
    groupings: Sequence[Grouping],
    relation: str,
    keys: str,
) -> FindingsTable:
    selected = ", ".join(
        f"count({name}), count(*) - count({name}), count(DISTINCT {name}), CAST(mode({name}) AS VARCHAR)"
        for name in map(rows.sql, columns)
    )
    lines: list[tuple[Cell, ...]] = []
    width = len(groupings)
    for row in rows.query(
        f"SELECT {keys}, {selected} FROM {relation} GROUP BY {keys} ORDER BY {keys} LIMIT {MOST_GROUPS}"  # noqa: S608
    ):
        labels = tuple(grouping.label(raw) for grouping, raw in zip(groupings, row[:width], strict=True))
        for index, column in enumerate(columns):
            cells = row[width + 4 * index : width + 4 * index + 4]
            lines.append((*labels, column.name, *cells))
    return FindingsTable(
        "Other columns by group", (*plan.by, "column", "count", "missing", "distinct", "most frequent"), tuple(lines)
    )


def _code(
    plan: Describe, rows: SelectedRows, columns: Sequence[ColumnProfile], groupings: Sequence[Grouping] = ()
) -> str:
    keys = f"[{', '.join(grouping.code for grouping in groupings)}]"
    names = [column.name for column in columns]
    lines: list[str] = []
    fill = {
        "mean": ".fillna(values.mean(numeric_only=True))",
        "median": ".fillna(values.median(numeric_only=True))",
        "zero": ".fillna(0)",
        "forward": ".ffill()",
        "leave out": "",
    }[plan.missing]
    numbers = [column.name for column in columns if is_number(column)]
    if numbers and len(numbers) == len(names):
        lines.append(f"values = {TABLE}[{numbers!r}]")
        if fill:
            lines.append(f"values = values{fill}")
        functions = "['mean', 'median', 'std', 'var', 'min', 'max', 'skew']"
        lines.append(
            f"result = values.groupby({keys}, dropna=False).agg({functions})"
            if plan.by
            else f"result = values.agg({functions[:-1]}, 'kurt']).T"
        )
    elif plan.by:
        lines.append(f"result = {TABLE}.groupby({keys}, dropna=False)[{names!r}].describe()")
    else:
        lines.append(f"result = {TABLE}[{names!r}].describe(include='all').T")
    return repeating_code(rows, lines)
