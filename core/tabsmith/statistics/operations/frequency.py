"""Frequency: how many rows hold each value of a column, or each combination of several."""

import math

from tabsmith.statistics import sentences
from tabsmith.statistics.findings import Bars, Cell, Findings, FindingsTable
from tabsmith.statistics.grouping import group_by
from tabsmith.statistics.plan import Frequency
from tabsmith.statistics.repeating_code import TABLE, repeating_code
from tabsmith.statistics.selected_rows import SelectedRows
from tabsmith.text import clean

_BARS = 20
_Z = 1.959963984540054  # the 0.975 quantile of the normal distribution


def frequency(plan: Frequency, rows: SelectedRows) -> Findings:
    """The findings of a Frequency: missing values are a group of their own; shares have Wilson's intervals."""
    groupings = [group_by(rows, rows.column(name)) for name in plan.columns]
    keys = ", ".join(f"{grouping.sql} AS g{index}" for index, grouping in enumerate(groupings))
    names = ", ".join(f"g{index}" for index in range(len(groupings)))
    grouped = f"SELECT {keys}, count(*) AS n FROM selected GROUP BY ALL"  # noqa: S608
    groups = int(rows.query(f"SELECT count(*) FROM ({grouped})")[0][0])  # noqa: S608
    found = rows.query(f"{grouped} ORDER BY n DESC, {names} LIMIT {int(plan.most)}")
    lines: list[tuple[Cell, ...]] = []
    for *key, count in found:
        labels = [grouping.label(raw) for grouping, raw in zip(groupings, key, strict=True)]
        lines.append((*labels, count, count / rows.count, *wilson_interval(count, rows.count)))
    notes = [grouping.note for grouping in groupings if grouping.note]
    if groups > len(found):
        rest = rows.count - sum(int(count) for *_, count in found)
        notes.append(f"{groups - len(found):,} rarer ones, with {rest:,} rows together, are not listed.")
    texts = [", ".join(str(label) for label in line[: len(groupings)]) for line in lines]
    counts = [int(row[-1]) for row in found]
    return Findings(
        plan=plan,
        sentences=sentences.counted(plan.columns, rows.count, groups, list(zip(texts, counts, strict=True))),
        tables=(FindingsTable("Rows", (*plan.columns, "rows", "share", "share from", "share to"), tuple(lines)),),
        picture=Bars(
            f"Rows by {', '.join(clean(name) for name in plan.columns)}",
            tuple(texts[:_BARS]),
            tuple(map(float, counts[:_BARS])),
        ),
        rows_used=rows.count,
        notes=tuple(notes),
        code=repeating_code(
            rows,
            [
                f"keys = [{', '.join(grouping.code for grouping in groupings)}]",
                f"result = {TABLE}.groupby(keys, dropna=False).size().sort_values(ascending=False)",
            ],
        ),
    )


def wilson_interval(count: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson 1927), from 0 to 1."""
    share, square = count / total, _Z * _Z
    middle = (share + square / (2 * total)) / (1 + square / total)
    half = _Z * math.sqrt(share * (1 - share) / total + square / (4 * total * total)) / (1 + square / total)
    return max(0.0, middle - half), min(1.0, middle + half)
