"""The public API for statistics: a function for each operation, which answers with findings.

>>> findings = tabsmith.compare("houses.csv", "price", by="district")
>>> findings.sentences, findings.tables, findings.tests, findings.code
>>> findings.to_pandas()

A table is a path, a Table, a TableInfo or a pandas DataFrame. Columns are exact names. `rows` chooses rows by the values of
a column: Rows("city", ("Bern",)). All functions raise PlanError where a question cannot be answered as it is asked, and
PlanTimeoutError when `time_limit` (seconds) is over; docs/statistics.md says the source of every method.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

from tabsmith.statistics.findings import Findings
from tabsmith.statistics.plan import (
    Compare,
    CompareMethod,
    Describe,
    Frequency,
    MissingRule,
    MissingValues,
    OutlierMethod,
    Outliers,
    Plan,
    Regress,
    RegressionFamily,
    Relate,
    RelateMethod,
    Rows,
    Trend,
)
from tabsmith.statistics.run import TIME_LIMIT
from tabsmith.statistics.run import answer as answer_plan
from tabsmith.tables.info import TableInfo
from tabsmith.tables.table import Table, read_table

if TYPE_CHECKING:
    import pandas as pd

TableLike: TypeAlias = Union[str, Path, Table, TableInfo, "pd.DataFrame"]
ColumnNames: TypeAlias = str | Sequence[str]
_ALL: Rows = Rows()


def answer(plan: Plan, table: TableLike, *, time_limit: float = TIME_LIMIT) -> Findings:
    """The findings of any plan on a table."""
    if isinstance(table, str | Path):
        table = read_table(table)
    if isinstance(table, Table):
        table = table.info
    if not isinstance(table, TableInfo):
        from tabsmith.tables.read.frames import from_frame

        table = from_frame(table)
    return answer_plan(plan, table, time_limit=time_limit)


def describe(
    table: TableLike,
    columns: ColumnNames = (),
    *,
    by: ColumnNames = (),
    missing: MissingRule = "leave out",
    rows: Rows = _ALL,
    time_limit: float = TIME_LIMIT,
) -> Findings:
    """Counts, place, spread, shape and most frequent values of columns (all by default), for each group of `by`.

    `missing` says what stands in for missing numbers; counts are of true values whatever it is.
    """
    plan = Describe(columns=_names(columns), by=_names(by), missing=missing, rows=rows)
    return answer(plan, table, time_limit=time_limit)


def relate(
    table: TableLike,
    columns: ColumnNames = (),
    *,
    target: str = "",
    method: RelateMethod = "auto",
    rows: Rows = _ALL,
    time_limit: float = TIME_LIMIT,
) -> Findings:
    """How columns go together: two, a matrix of several (all that can be by default), or `target` against the rest."""
    plan = Relate(columns=_names(columns), target=target, method=method, rows=rows)
    return answer(plan, table, time_limit=time_limit)


def compare(
    table: TableLike,
    value: str,
    *,
    by: str = "",
    levels: ColumnNames = (),
    paired_with: str = "",
    method: CompareMethod = "auto",
    rows: Rows = _ALL,
    time_limit: float = TIME_LIMIT,
) -> Findings:
    """Whether `value` differs between the groups of `by` (those of `levels`), or from `paired_with` in the same rows."""
    plan = Compare(value=value, by=by, levels=_names(levels), paired_with=paired_with, method=method, rows=rows)
    return answer(plan, table, time_limit=time_limit)


def regress(
    table: TableLike,
    outcome: str = "",
    predictors: ColumnNames = (),
    *,
    formula: str = "",
    family: RegressionFamily = "auto",
    rows: Rows = _ALL,
    time_limit: float = TIME_LIMIT,
) -> Findings:
    """A regression of `outcome` on `predictors`, or as `formula` says it: "price ~ area + C(district) + log(income)"."""
    plan = Regress(outcome=outcome, predictors=_names(predictors), formula=formula, family=family, rows=rows)
    return answer(plan, table, time_limit=time_limit)


def frequency(
    table: TableLike, columns: ColumnNames, *, most: int = 50, rows: Rows = _ALL, time_limit: float = TIME_LIMIT
) -> Findings:
    """How many rows hold each value of a column, or each combination of several: the `most` frequent ones."""
    return answer(Frequency(columns=_names(columns), most=most, rows=rows), table, time_limit=time_limit)


def missing(
    table: TableLike, columns: ColumnNames = (), *, rows: Rows = _ALL, time_limit: float = TIME_LIMIT
) -> Findings:
    """How much is missing in columns (all by default), where, and what is missing together."""
    return answer(MissingValues(columns=_names(columns), rows=rows), table, time_limit=time_limit)


def outliers(
    table: TableLike,
    columns: ColumnNames = (),
    *,
    method: OutlierMethod = "iqr",
    rows: Rows = _ALL,
    time_limit: float = TIME_LIMIT,
) -> Findings:
    """Values far from the rest of their column, in the numeric ones of `columns` (all by default)."""
    return answer(Outliers(columns=_names(columns), method=method, rows=rows), table, time_limit=time_limit)


def trend(
    table: TableLike, time: str, value: str = "", *, by: str = "", rows: Rows = _ALL, time_limit: float = TIME_LIMIT
) -> Findings:
    """How the mean of `value` (the number of rows if empty) moves along `time`, for each group of `by`."""
    return answer(Trend(time=time, value=value, by=by, rows=rows), table, time_limit=time_limit)


def _names(columns: ColumnNames) -> tuple[str, ...]:
    return (columns,) if isinstance(columns, str) else tuple(columns)
