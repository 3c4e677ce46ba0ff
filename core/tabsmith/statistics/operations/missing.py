"""MissingValues: how much is missing, where, and what is missing together."""

import itertools

from tabsmith.statistics import sentences
from tabsmith.statistics.findings import Bars, Cell, Findings, FindingsTable
from tabsmith.statistics.plan import MissingValues
from tabsmith.statistics.repeating_code import TABLE, repeating_code
from tabsmith.statistics.selected_rows import SelectedRows
from tabsmith.text import clean

_PATTERNS = 10
_PATTERN_COLUMNS = 60
_PAIR_COLUMNS = 15
_BARS = 30


def missing_values(plan: MissingValues, rows: SelectedRows) -> Findings:
    """The findings of a MissingValues."""
    profile = rows.info.profile
    columns = [rows.column(name) for name in plan.columns] or list(profile.columns)
    present = rows.query(f"SELECT {', '.join(f'count({rows.sql(column)})' for column in columns)} FROM selected")[0]  # noqa: S608
    gaps = sorted(
        ((column, rows.count - count) for column, count in zip(columns, present, strict=True) if count < rows.count),
        key=lambda gap: -gap[1],
    )
    everything = " AND ".join(f"{rows.sql(column)} IS NOT NULL" for column, _ in gaps) or "true"
    complete = int(rows.query(f"SELECT count(*) FILTER (WHERE {everything}) FROM selected")[0][0])  # noqa: S608
    counted: list[tuple[Cell, ...]] = [(column.name, missing, missing / rows.count) for column, missing in gaps]
    counted += [(column.name, 0, 0.0) for column, count in zip(columns, present, strict=True) if count == rows.count]
    tables = [FindingsTable("Missing values", ("column", "missing", "share"), tuple(counted))]
    together: tuple[str, str, float] | None = None
    if len(gaps) > 1:
        nulls = {column.name: f"({rows.sql(column)} IS NULL)" for column, _ in gaps[:_PATTERN_COLUMNS]}
        flags = ", ".join(f"{null} AS m{index}" for index, null in enumerate(nulls.values()))
        patterns = rows.query(
            f"SELECT {flags}, count(*) AS n FROM selected GROUP BY ALL ORDER BY n DESC LIMIT {_PATTERNS}"  # noqa: S608
        )
        tables.append(
            FindingsTable(
                "Missing together",
                ("missing in the same row", "rows", "share"),
                tuple(
                    (
                        ", ".join(clean(name, 40) for name, missing in zip(nulls, flags_of, strict=True) if missing)
                        or "nothing",
                        count,
                        count / rows.count,
                    )
                    for *flags_of, count in patterns
                ),
            )
        )
        pairs = list(itertools.combinations(list(nulls.items())[:_PAIR_COLUMNS], 2))
        wanted = ", ".join(f"corr({first[1]}::INTEGER, {second[1]}::INTEGER)" for first, second in pairs)
        found = rows.query(f"SELECT {wanted} FROM selected")[0]  # noqa: S608
        lines = sorted(
            (
                (first[0], second[0], phi)
                for (first, second), phi in zip(pairs, found, strict=True)
                if phi is not None and phi == phi
            ),
            key=lambda line: -abs(line[2]),
        )
        if lines:
            tables.append(FindingsTable("Gaps that go together (phi)", ("first", "second", "phi"), tuple(lines)))
            together = lines[0]
    names = [column.name for column in columns]
    return Findings(
        plan=plan,
        sentences=sentences.missing(
            len(columns),
            [(column.name, missing / rows.count) for column, missing in gaps],
            rows.count,
            complete,
            together,
        ),
        tables=tuple(tables),
        picture=Bars(
            "Share of rows without a value",
            tuple(clean(column.name) for column, _ in gaps[:_BARS]),
            tuple(missing / rows.count for _, missing in gaps[:_BARS]),
        )
        if gaps
        else None,
        rows_used=rows.count,
        code=repeating_code(rows, [f"result = {TABLE}[{names!r}].isna().sum()"]),
    )
