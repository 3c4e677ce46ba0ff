"""Outliers: values far from the rest of their column, by quartiles, by deviations or by median deviations."""

from typing import Any, Final

from tabsmith.statistics import sentences
from tabsmith.statistics.findings import Boxes, Cell, Findings, FindingsTable
from tabsmith.statistics.operations.describe import histogram
from tabsmith.statistics.plan import Outliers
from tabsmith.statistics.repeating_code import TABLE, repeating_code
from tabsmith.statistics.selected_rows import SelectedRows, is_number
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.text import clean

REACH: Final = {"iqr": 1.5, "z_score": 3.0, "mad": 3.5}
"""How far from the middle is far: interquartile ranges (Tukey 1977), deviations, modified z (Iglewicz and Hoaglin 1993)."""
RULES: Final = {
    "iqr": "more than 1.5 interquartile ranges below the first or above the third quartile (Tukey 1977)",
    "z_score": "more than 3 standard deviations from the mean",
    "mad": "a modified z-score above 3.5, by the median absolute deviation (Iglewicz and Hoaglin 1993)",
}
_LISTED: Final = 10
_MAD_SCALE: Final = 0.6745
_MEAN_SCALE: Final = 1.253314


def outliers(plan: Outliers, rows: SelectedRows) -> Findings:
    """The findings of an Outliers."""
    columns = [column for column in map(rows.column, plan.columns) if is_number(column)] or [
        column for column in rows.info.profile.columns if is_number(column)
    ]
    notes = [f"An outlier is here {RULES[plan.method]}."]
    notes += [
        f"{clean(name)} holds no numbers and was left out." for name in plan.columns if not is_number(rows.column(name))
    ]
    lines: list[tuple[Cell, ...]] = []
    extremes: list[tuple[Cell, ...]] = []
    counts: list[tuple[str, int, int]] = []
    for column in columns:
        value = rows.value_sql(column)
        fences = _fences(plan, rows, column, notes)
        if fences is None:
            continue
        low, high = fences
        outside = f"({value} < {low!r} OR {value} > {high!r})"
        below, above, count = rows.query(
            f"SELECT count(*) FILTER (WHERE {value} < {low!r}), count(*) FILTER (WHERE {value} > {high!r}), "  # noqa: S608
            f"count({value}) FROM selected"
        )[0]
        lines.append((column.name, low, high, below, above, (below + above) / count, count))
        counts.append((column.name, below + above, count))
        farthest = f"greatest({low!r} - {value}, {value} - {high!r})"
        extremes += [
            (column.name, number, row + 1)
            for number, row in rows.query(
                f"SELECT {value}, file_row_number FROM selected WHERE {outside} "  # noqa: S608
                f"ORDER BY {farthest} DESC, file_row_number LIMIT {_LISTED}"
            )
        ]
    order = sorted(range(len(lines)), key=lambda index: -counts[index][1] / max(1, counts[index][2]))
    alone = columns[0] if len(columns) == 1 and lines else None
    tables = [
        FindingsTable(
            "Outliers",
            ("column", "low fence", "high fence", "below", "above", "share", "values"),
            tuple(lines[i] for i in order),
        )
    ]
    if extremes:
        tables.append(FindingsTable("Farthest values", ("column", "value", "row"), tuple(extremes)))
    used = counts[0][2] if alone else rows.count
    return Findings(
        plan=plan,
        sentences=sentences.outliers(counts),
        tables=tuple(tables),
        picture=_picture(rows, alone, lines[0]) if alone else None,
        rows_used=used,
        rows_dropped=rows.count - used,
        notes=tuple(notes),
        code=repeating_code(rows, _code(plan, [column.name for column in columns])),
    )


def _fences(plan: Outliers, rows: SelectedRows, column: ColumnProfile, notes: list[str]) -> tuple[float, float] | None:
    """The values beyond which a column's values are outliers; None if it has no spread."""
    value, reach = rows.value_sql(column), REACH[plan.method]
    if plan.method == "iqr":
        quartiles: list[Any] | None = rows.query(f"SELECT quantile_cont({value}, [0.25, 0.75]) FROM selected")[0][0]  # noqa: S608
        if quartiles is None:
            return None
        low, high = quartiles
        return low - reach * (high - low), high + reach * (high - low)
    if plan.method == "z_score":
        mean, deviation = rows.query(f"SELECT favg({value}), stddev_samp({value}) FROM selected")[0]  # noqa: S608
        return None if not deviation else (mean - reach * deviation, mean + reach * deviation)
    median, spread = rows.query(f"SELECT median({value}), mad({value}) FROM selected")[0]  # noqa: S608
    if median is None:
        return None
    unit = spread / _MAD_SCALE
    if not unit:
        mean_spread = rows.query(f"SELECT favg(abs({value} - {median!r})) FROM selected")[0][0]  # noqa: S608
        unit = _MEAN_SCALE * mean_spread
        notes.append(
            f"More than half of {clean(column.name)} is the same value, so its median deviation is 0; the mean absolute "
            "deviation was used in its place."
        )
    return None if not unit else (median - reach * unit, median + reach * unit)


def _picture(rows: SelectedRows, column: ColumnProfile, line: tuple[Cell, ...]) -> Any:
    value = rows.value_sql(column)
    low, high = line[1], line[2]
    found = rows.query(
        f"SELECT min({value}) FILTER (WHERE {value} >= {low!r}), quantile_cont({value}, [0.25, 0.5, 0.75]), "  # noqa: S608
        f"max({value}) FILTER (WHERE {value} <= {high!r}) FROM selected"
    )[0]
    if found[0] is None or found[2] is None:
        return histogram(rows, column, value)
    name = clean(column.name)
    return Boxes(f"{name} without its outliers", (name,), ((found[0], *found[1], found[2]),))


def _code(plan: Outliers, names: list[str]) -> list[str]:
    values = f"values = {TABLE}[{names!r}]"
    if plan.method == "iqr":
        return [
            values,
            "low, high = values.quantile(0.25), values.quantile(0.75)",
            "outside = (values < low - 1.5 * (high - low)) | (values > high + 1.5 * (high - low))",
            "result = outside.sum()",
        ]
    if plan.method == "z_score":
        return [values, "result = ((values - values.mean()).abs() > 3 * values.std()).sum()"]
    return [
        values,
        "distances = (values - values.median()).abs()",
        "unit = (distances.median() / 0.6745).where(distances.median() > 0, 1.253314 * distances.mean())",
        "result = (distances > 3.5 * unit).sum()",
    ]
