"""What a person asks of a table, as data: an operation with its columns and options.

Every surface builds a plan, shows it before it runs, keeps it and can repeat it. Columns are exact names of the table.
"""

from typing import Literal, TypeAlias

import msgspec

MissingRule: TypeAlias = Literal["leave out", "mean", "median", "zero", "forward"]
"""What stands in for a missing number: nothing, or the column's mean, median, 0, or the value of the row before."""

RelateMethod: TypeAlias = Literal[
    "auto", "pearson", "spearman", "kendall", "cramers_v", "correlation_ratio", "mutual_information"
]

CompareMethod: TypeAlias = Literal[
    "auto", "t", "welch", "paired_t", "mann_whitney", "wilcoxon", "anova", "welch_anova", "kruskal",
    "chi_square", "fisher", "mcnemar", "proportions", "normality", "equal_variances",
]  # fmt: skip

RegressionFamily: TypeAlias = Literal["auto", "linear", "logistic", "poisson", "negative_binomial", "ordinal"]

OutlierMethod: TypeAlias = Literal["iqr", "z_score", "mad"]

Aggregate: TypeAlias = Literal[
    "count", "sum", "mean", "median", "mode", "deviation", "variance", "minimum", "maximum", "quartiles"
]


class Rows(msgspec.Struct, frozen=True):
    """The rows that a plan looks at: those for which `column` is one of `values`; all rows of the table with no column."""

    column: str = ""
    values: tuple[str, ...] = ()


class _Plan(msgspec.Struct, frozen=True, kw_only=True, tag_field="operation"):
    rows: Rows = Rows()


class Describe(_Plan, frozen=True, kw_only=True, tag="describe"):
    """Counts, place, spread, shape and top values of `columns` (all if empty), for each group of `by`."""

    columns: tuple[str, ...] = ()
    by: tuple[str, ...] = ()
    aggregates: tuple[Aggregate, ...] = ()  # what was asked for ("mean of price"); empty: everything
    missing: MissingRule = "leave out"


class Relate(_Plan, frozen=True, kw_only=True, tag="relate"):
    """How columns go together: two of them, or a matrix of several (all that can be, if empty); `target` against the rest if given."""

    columns: tuple[str, ...] = ()
    target: str = ""
    method: RelateMethod = "auto"


class Compare(_Plan, frozen=True, kw_only=True, tag="compare"):
    """Whether `value` differs between the groups of `by` (two columns measured on the same rows if `paired_with`)."""

    value: str
    by: str = ""
    levels: tuple[str, ...] = ()  # of `by`; empty: all
    paired_with: str = ""
    method: CompareMethod = "auto"


class Regress(_Plan, frozen=True, kw_only=True, tag="regress"):
    """A regression of `outcome` on `predictors`, or as `formula` says it ("price ~ area + C(district)")."""

    outcome: str = ""
    predictors: tuple[str, ...] = ()
    formula: str = ""
    family: RegressionFamily = "auto"


class Frequency(_Plan, frozen=True, kw_only=True, tag="frequency"):
    """How many rows hold each value of a column, or each combination of several."""

    columns: tuple[str, ...]
    most: int = 50  # combinations listed


class MissingValues(_Plan, frozen=True, kw_only=True, tag="missing"):
    """How much is missing, where, and what is missing together."""

    columns: tuple[str, ...] = ()


class Outliers(_Plan, frozen=True, kw_only=True, tag="outliers"):
    """Values far from the rest of their column."""

    columns: tuple[str, ...] = ()
    method: OutlierMethod = "iqr"


class Trend(_Plan, frozen=True, kw_only=True, tag="trend"):
    """How `value` (the number of rows if empty) moves along `time`."""

    time: str
    value: str = ""
    by: str = ""


Plan: TypeAlias = Describe | Relate | Compare | Regress | Frequency | MissingValues | Outliers | Trend
