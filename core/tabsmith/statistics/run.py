"""The way from a plan to its findings: checked, carried out on the table's snapshot within a time limit."""

import time

import msgspec

from tabsmith.statistics.check import check_plan
from tabsmith.statistics.findings import Findings
from tabsmith.statistics.plan import (
    Compare,
    Describe,
    Frequency,
    MissingValues,
    Outliers,
    Plan,
    Regress,
    Relate,
    Trend,
)
from tabsmith.statistics.selected_rows import SelectedRows, select_rows
from tabsmith.tables.info import TableInfo

TIME_LIMIT = 30.0
"""Seconds that a question may take, unless more is allowed."""


def answer(plan: Plan, table: TableInfo, *, time_limit: float = TIME_LIMIT) -> Findings:
    """The findings of a plan on a table.

    Queries are interrupted when `time_limit` (seconds) is over, and computations look at the clock between their steps.
    A caller that must end a computation at once runs this in a process of its own, as a job, and ends that. Raises
    PlanError, TableChangedError, ReadError (out of memory) and StorageError.
    """
    start = time.monotonic()
    check_plan(plan, table.profile)
    with select_rows(table, plan.rows, time_limit) as rows:
        findings = _carry_out(plan, rows)
    return msgspec.structs.replace(findings, seconds=time.monotonic() - start)


def _carry_out(plan: Plan, rows: SelectedRows) -> Findings:
    match plan:
        case Describe():
            from tabsmith.statistics.operations.describe import describe

            return describe(plan, rows)
        case Frequency():
            from tabsmith.statistics.operations.frequency import frequency

            return frequency(plan, rows)
        case Relate():
            from tabsmith.statistics.operations.relate import relate

            return relate(plan, rows)
        case Compare():
            from tabsmith.statistics.operations.compare import compare

            return compare(plan, rows)
        case Regress():
            from tabsmith.statistics.operations.regress import regress

            return regress(plan, rows)
        case MissingValues():
            from tabsmith.statistics.operations.missing import missing_values

            return missing_values(plan, rows)
        case Outliers():
            from tabsmith.statistics.operations.outliers import outliers

            return outliers(plan, rows)
        case Trend():
            from tabsmith.statistics.operations.trend import trend

            return trend(plan, rows)
