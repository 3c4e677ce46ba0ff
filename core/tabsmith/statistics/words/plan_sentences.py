"""A plan in one sentence, as every surface shows it before the plan is run."""

from collections.abc import Mapping, Sequence
from typing import Final

from tabsmith.statistics.plan import (
    Aggregate,
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
from tabsmith.text import clean

AGGREGATE_NAMES: Final[Mapping[Aggregate, str]] = {
    "count": "count", "sum": "sum", "mean": "mean", "median": "median", "mode": "most frequent value",
    "deviation": "standard deviation", "variance": "variance", "minimum": "minimum", "maximum": "maximum",
    "quartiles": "quartiles",
}  # fmt: skip

COMPARE_NAMES: Final[Mapping[CompareMethod, str]] = {
    "auto": "the test that suits", "t": "Student's t-test", "welch": "Welch's t-test", "paired_t": "the paired t-test",
    "mann_whitney": "the Mann-Whitney test", "wilcoxon": "the Wilcoxon signed-rank test",
    "anova": "analysis of variance", "welch_anova": "Welch's analysis of variance", "kruskal": "the Kruskal-Wallis test",
    "chi_square": "the chi-square test", "fisher": "Fisher's exact test", "mcnemar": "McNemar's test",
    "proportions": "the test of proportions", "normality": "a test of normality",
    "equal_variances": "a test of equal variances",
}  # fmt: skip

RELATE_NAMES: Final[Mapping[RelateMethod, str]] = {
    "auto": "the measure that suits", "pearson": "Pearson's correlation", "spearman": "Spearman's rank correlation",
    "kendall": "Kendall's tau", "cramers_v": "Cramer's V", "correlation_ratio": "the correlation ratio",
    "mutual_information": "mutual information",
}  # fmt: skip

FAMILY_NAMES: Final[Mapping[RegressionFamily, str]] = {
    "auto": "Regression", "linear": "Linear regression", "logistic": "Logistic regression",
    "poisson": "Poisson regression", "negative_binomial": "Negative binomial regression",
    "ordinal": "Ordinal regression",
}  # fmt: skip

OUTLIER_NAMES: Final[Mapping[OutlierMethod, str]] = {
    "iqr": "beyond 1.5 interquartile ranges", "z_score": "by z-scores", "mad": "by median absolute deviations",
}  # fmt: skip

_RULES: Final[Mapping[MissingRule, str]] = {
    "leave out": "", "mean": "missing values taken as the mean", "median": "missing values taken as the median",
    "zero": "missing values taken as 0", "forward": "missing values taken from the row before",
}  # fmt: skip


def plans_sentence(plans: Sequence[Plan]) -> str:
    """What these plans do, in one sentence: `Mean of price for each city, in rows where region is north.`"""
    return "; then ".join(
        words if index == 0 else words[0].lower() + words[1:] for index, words in enumerate(map(_words, plans))
    ) + "."  # fmt: skip


def _words(plan: Plan) -> str:
    return f"{_operation(plan)}{_rows(plan.rows)}"


def _rows(rows: Rows) -> str:
    return f", in rows where {_name(rows.column)} is {_listed(rows.values, 'or')}" if rows.column else ""


def _operation(plan: Plan) -> str:
    match plan:
        case Describe():
            return _describe(plan)
        case Relate(columns=columns, target=target, method=method):
            how = "" if method == "auto" else f", by {RELATE_NAMES[method]}"
            if target:
                return f"How {_name(target)} goes with {_listed(columns) if columns else 'each other column'}{how}"
            if len(columns) == 2:
                return f"How {_name(columns[0])} and {_name(columns[1])} go together{how}"
            return f"How {_listed(columns) if columns else 'all columns'} go together, pair by pair{how}"
        case Compare():
            return _compare(plan)
        case Regress(outcome=outcome, predictors=predictors, formula=formula, family=family):
            said = clean(formula, 200) if formula else f"{_name(outcome)} on {_listed(predictors)}"
            return f"{FAMILY_NAMES[family]} of {said}"
        case Frequency(columns=columns, most=most):
            first = "" if most == Frequency.__struct_defaults__[-1] else f", the {most:,} most frequent"
            noun = "value" if len(columns) == 1 else "combination of values"
            return f"Number of rows for each {noun} of {_listed(columns)}{first}"
        case MissingValues(columns=columns):
            return f"Missing values in {_listed(columns) if columns else 'all columns'}"
        case Outliers(columns=columns, method=method):
            return f"Outliers in {_listed(columns) if columns else 'all columns of numbers'}, {OUTLIER_NAMES[method]}"
        case Trend(time=time, value=value, by=by):
            each = f", for each {_name(by)}" if by else ""
            return f"How {_name(value) if value else 'the number of rows'} moves along {_name(time)}{each}"


def _describe(plan: Describe) -> str:
    columns = _listed(plan.columns) if plan.columns else "all columns"
    if plan.aggregates == ("count",) and not plan.columns:
        words = "Number of rows"
    elif plan.aggregates:
        words = f"{_first_upper(_joined([AGGREGATE_NAMES[name] for name in plan.aggregates]))} of {columns}"
    else:
        words = f"Description of {columns}"
    if plan.by:
        words += f" for each {_listed(plan.by)}"
    return f"{words}, {_RULES[plan.missing]}" if _RULES[plan.missing] else words


def _compare(plan: Compare) -> str:
    if plan.method == "normality" and not plan.by:
        return f"Whether {_name(plan.value)} follows a normal distribution"
    if plan.method == "equal_variances":
        return f"Whether {_name(plan.value)} is spread equally in the groups of {_name(plan.by)}, by {COMPARE_NAMES[plan.method]}"
    if plan.paired_with:
        words = f"Whether {_name(plan.value)} and {_name(plan.paired_with)} differ, row by row"
    else:
        levels = f" ({_listed(plan.levels)})" if plan.levels else ""
        words = f"Whether {_name(plan.value)} differs between the groups of {_name(plan.by)}{levels}"
    return words if plan.method == "auto" else f"{words}, by {COMPARE_NAMES[plan.method]}"


def _name(name: str) -> str:
    return clean(name, 60)


def _listed(names: Sequence[str], last: str = "and") -> str:
    return _joined([_name(name) for name in names], last)


def _joined(texts: Sequence[str], last: str = "and") -> str:
    if len(texts) > 6:
        return f"{', '.join(texts[:5])} {last} {len(texts) - 5} more"
    return f" {last} ".join([", ".join(texts[:-1]), texts[-1]]) if len(texts) > 1 else "".join(texts)


def _first_upper(text: str) -> str:
    return text[:1].upper() + text[1:]
