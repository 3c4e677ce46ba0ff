"""Trend: how a number, or the count of rows, moves along time, by hour, day, week, month, quarter or year."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tabsmith.statistics import sentences
from tabsmith.statistics.association import kendall
from tabsmith.statistics.check import ROWS_NEEDED, require_rows
from tabsmith.statistics.findings import Cell, Findings, FindingsTable, Lines, Picture, SignificanceTest
from tabsmith.statistics.grouping import Grouping, group_by
from tabsmith.statistics.pictures import scatter
from tabsmith.statistics.plan import Trend
from tabsmith.statistics.repeating_code import TABLE, repeating_code
from tabsmith.statistics.selected_rows import Floats, SelectedRows, is_time
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.text import clean

PERIODS: Final[dict[str, float]] = {
    "year": 365.25 * 86_400, "quarter": 91.3125 * 86_400, "month": 30.4375 * 86_400, "week": 7 * 86_400.0,
    "day": 86_400.0, "hour": 3_600.0, "minute": 60.0, "second": 1.0,
}  # fmt: skip
"""Periods that rows are put together by, with their lengths in seconds."""
_WANTED: Final = 20  # periods
_MOST_STEPS: Final = 200
_GROUPS: Final = 8
_YEARS: Final = (1700, 2300)


@dataclass(frozen=True, slots=True)
class _Slope:
    """The straight line through the periods' values: the change a period with its interval, and Mann and Kendall's test."""

    change: float
    interval: tuple[float, float] | None
    tau: float
    p: float
    tau_interval: tuple[float, float] | None


def trend(plan: Trend, rows: SelectedRows) -> Findings:
    """The findings of a Trend."""
    time, value = rows.column(plan.time), rows.column(plan.value) if plan.value else None
    grouping = group_by(rows, rows.column(plan.by)) if plan.by else None
    notes = [grouping.note] if grouping and grouping.note else []
    when = rows.sql(time)
    period = _period(rows, time) if is_time(time) else "step"
    bucket = f"date_trunc('{period}', CAST({when} AS TIMESTAMP))" if is_time(time) else _steps(rows, time, notes)
    at = f"epoch({bucket})" if is_time(time) else bucket
    what = f"favg({rows.value_sql(value)})" if value else "count(*)"
    needs = f"{when} IS NOT NULL" + (f" AND {rows.sql(value)} IS NOT NULL" if value else "")
    used = int(rows.query(f"SELECT count(*) FROM selected WHERE {needs}")[0][0])  # noqa: S608
    require_rows(used, rows.count - used, ROWS_NEEDED["trend"], "`trend`")
    key = grouping.sql if grouping else "''"
    found = rows.query(
        f"SELECT {key} AS g, {at} AS t, {what}, count(*) FROM selected WHERE {needs} GROUP BY g, t ORDER BY g, t"  # noqa: S608
    )
    series = _series(found, grouping)
    sizes = {label: sum(count for _, _, count in points) for label, points in series.items()}
    if len(series) > _GROUPS:
        notes.append(f"Only the {_GROUPS} largest of {len(series):,} groups are shown.")
        kept = sorted(sizes, key=lambda label: -sizes[label])[:_GROUPS]
        series = {label: points for label, points in series.items() if label in kept}
    times = sorted({float(point[0]) for points in series.values() for point in points})
    if value is None and is_time(time):
        notes.append(f"The first and the last {period} may be incomplete, and then hold fewer rows than they would.")
    slopes = {label: _slope(_filled(points, times, counts=value is None)) for label, points in series.items()}
    name = clean(plan.value) if value else "the number of rows"
    unit = period if is_time(time) else clean(plan.time)
    tests = tuple(
        SignificanceTest(
            f"Mann-Kendall test{f' of {label}' if label else ''}",
            slope.tau,
            slope.p,
            (),
            "Kendall's tau-b",
            slope.tau,
            slope.tau_interval,
        )
        for label, slope in slopes.items()
        if slope and not math.isnan(slope.p)
    )
    return Findings(
        plan=plan,
        sentences=_sentences(name, clean(plan.time), unit, series, slopes),
        tables=_tables(plan, time, series, slopes, unit),
        picture=_picture(name, time, series, times),
        tests=tests,
        rows_used=used,
        rows_dropped=rows.count - used,
        notes=tuple(notes),
        code=repeating_code(rows, _code(plan, time, period)),
    )


_Points = Sequence[tuple[float, float, int]]


def _period(rows: SelectedRows, time: ColumnProfile) -> str:
    """The longest period of which there are twenty or more, and that is no shorter than the usual step of the times."""
    when = f"CAST({rows.sql(time)} AS TIMESTAMP)"
    low, high, distinct = rows.query(
        f"SELECT epoch(min({when})), epoch(max({when})), approx_count_distinct({when}) FROM selected"  # noqa: S608
    )[0]
    if low is None:
        return "day"
    step = (high - low) / max(1, distinct - 1)
    allowed = [period for period, length in PERIODS.items() if length >= 0.9 * step] or ["year"]
    return next((period for period in allowed if (high - low) / PERIODS[period] >= _WANTED), allowed[-1])


def _steps(rows: SelectedRows, time: ColumnProfile, notes: list[str]) -> str:
    """SQL of the step that a number used as time belongs to: the number itself, or one of 50 ranges of equal width."""
    value = rows.value_sql(time)
    if time.distinct <= _MOST_STEPS or time.numbers is None:
        return value
    low, width = time.numbers.minimum, (time.numbers.maximum - time.numbers.minimum) / 50
    notes.append(f"{clean(time.name)} has many values and is put together in 50 ranges of equal width.")
    return f"{low!r} + {width!r} * (0.5 + least(49, floor(({value} - {low!r}) / {width!r})))"


def _series(found: Sequence[tuple[Any, ...]], grouping: Grouping | None) -> dict[str, list[tuple[float, float, int]]]:
    series: dict[str, list[tuple[float, float, int]]] = {}
    for raw, at, number, count in found:
        label = grouping.label(raw) if grouping else ""
        series.setdefault(label, []).append((float(at), float(number), int(count)))
    return series


def _filled(points: _Points, times: Sequence[float], *, counts: bool) -> Floats:
    """Two rows: positions of periods, and their values; a period without rows is 0 where rows are counted, else left out."""
    there = {at: number for at, number, _ in points}
    pairs = [(float(position), there.get(at, 0.0)) for position, at in enumerate(times) if counts or at in there]
    return np.array(pairs).T


def _slope(values: Floats) -> _Slope | None:
    """The slope by least squares with errors that allow for alike neighbours (Newey and West 1987); None for two periods."""
    positions, numbers = values
    if len(positions) < 3:
        return None
    from statsmodels.regression.linear_model import OLS

    design = np.column_stack([np.ones_like(positions), positions])
    lags = math.floor(4 * (len(positions) / 100) ** (2 / 9))
    fit = OLS(numbers, design).fit(cov_type="HAC", cov_kwds={"maxlags": lags, "use_correction": True}, use_t=True)
    low, high = (float(end) for end in np.asarray(fit.conf_int())[1])
    rank = kendall(positions, numbers)
    interval = None if math.isnan(low) or math.isnan(high) else (low, high)
    return _Slope(float(fit.params[1]), interval, rank.value, rank.p, rank.interval)


def _sentences(
    name: str, time: str, unit: str, series: dict[str, list[tuple[float, float, int]]], slopes: dict[str, _Slope | None]
) -> tuple[str, ...]:
    clear = {label: slope for label, slope in slopes.items() if slope and not math.isnan(slope.p)}
    if not clear:
        return (f"{name} has too few periods along {time}, or never changes, so no trend can be told.",)
    label, slope = max(clear.items(), key=lambda item: abs(item[1].change))
    points = series[label]
    return sentences.trend(
        name,
        time,
        unit,
        label,
        slope.change,
        slope.interval,
        slope.p,
        points[0][1],
        points[-1][1],
        len(points),
        len(clear),
    )


def _tables(
    plan: Trend,
    time: ColumnProfile,
    series: dict[str, list[tuple[float, float, int]]],
    slopes: dict[str, _Slope | None],
    unit: str,
) -> tuple[FindingsTable, ...]:
    grouped = bool(plan.by)
    heading = f"mean of {plan.value}" if plan.value else "rows"
    lines: list[tuple[Cell, ...]] = []
    for label, points in series.items():
        for at, number, count in points:
            when: Cell = _time_text(at, unit) if is_time(time) else at
            cells: tuple[Cell, ...] = (when, number, count) if plan.value else (when, count)
            lines.append((label, *cells) if grouped else cells)
    columns = (plan.time, heading, "rows") if plan.value else (plan.time, heading)
    changes: list[tuple[Cell, ...]] = []
    for label, slope in slopes.items():
        if slope:
            low, high = slope.interval or (None, None)
            line: tuple[Cell, ...] = (slope.change, low, high, None if math.isnan(slope.p) else slope.p)
            changes.append((label, *line) if grouped else line)
    by = (plan.by,) if grouped else ()
    found = [FindingsTable(f"By {unit}", (*by, *columns), tuple(lines))]
    if changes:
        found.insert(
            0, FindingsTable("Change", (*by, f"change per {unit}", "from", "to", "p (Mann-Kendall)"), tuple(changes))
        )
    return tuple(found)


def _time_text(seconds: float, period: str) -> str:
    text = str(np.datetime64(round(seconds), "s"))
    return text[: {"year": 4, "quarter": 7, "month": 7, "week": 10, "day": 10}.get(period, 19)].replace("T", " ")


def _picture(
    name: str, time: ColumnProfile, series: dict[str, list[tuple[float, float, int]]], times: Sequence[float]
) -> Picture:
    years = not is_time(time) and all(_YEARS[0] <= at <= _YEARS[1] for at in times)
    if not is_time(time) and not years:
        points = [(at, number) for values in series.values() for at, number, _ in values]
        return scatter(time.name, name, np.array([x for x, _ in points]), np.array([y for _, y in points]))
    seconds = [float(np.datetime64(f"{int(at)}-01-01", "s").astype("int64")) for at in times] if years else times
    lines = {}
    for label, values in series.items():
        there = {at: number for at, number, _ in values}
        lines[label or name] = tuple(there.get(at, math.nan) for at in times)
    return Lines(f"{name} along {clean(time.name)}", tuple(seconds), lines)


def _code(plan: Trend, time: ColumnProfile, period: str) -> list[str]:
    letter = {"year": "Y", "quarter": "Q", "month": "M", "week": "W", "day": "D", "hour": "h", "minute": "min"}.get(
        period, "s"
    )
    when = f"{TABLE}[{plan.time!r}]"
    lines = [f"period = pd.to_datetime({when}).dt.to_period({letter!r})" if is_time(time) else f"period = {when}"]
    keys = f"[{TABLE}[{plan.by!r}], period]" if plan.by else "period"
    lines.append(f"groups = {TABLE}.groupby({keys})")
    lines.append(f"result = groups[{plan.value!r}].mean().dropna()" if plan.value else "result = groups.size()")
    return lines
