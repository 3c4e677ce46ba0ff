"""The design of a regression: which columns it needs, its outcome as numbers, its predictors as a matrix with named terms."""

import re
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tabsmith.errors import UnsuitableColumnError
from tabsmith.statistics.check import ROWS_NEEDED, require_numbers, require_rows
from tabsmith.statistics.operations.formula import Formula, read_formula
from tabsmith.statistics.plan import Regress, RegressionFamily
from tabsmith.statistics.selected_rows import Floats, SelectedRows, is_number, is_time
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.text import clean, plural

MOST_LEVELS: Final = 30
_MOST_ORDERED: Final = 20
_MOST_COUNT: Final = 100
_DEPENDENT: Final = 1e-9  # of a column's length that others do not explain: less is none
_DAY: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Term:
    """A column of the design: its name for people, and for a value of a category the column, the value and the reference."""

    name: str
    column: str = ""
    level: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Design:
    """A regression's data: the outcome, one row a row of the table; the predictors, with the intercept first if there is one."""

    outcome: Floats
    outcome_name: str
    levels: tuple[str, ...]  # of an outcome of categories; `outcome` holds their positions
    matrix: Floats
    terms: tuple[Term, ...]
    family: RegressionFamily
    rows: int
    dropped: int
    notes: tuple[str, ...]
    code: tuple[str, ...]  # the lines that make `y` and `X`


def make_design(plan: Regress, rows: SelectedRows) -> Design:
    """The design of a Regress. Raises PlanError."""
    import pandas as pd
    from formulaic import model_matrix

    formula = _formula(plan, rows)
    columns = [rows.column(name) for name in formula.columns]
    loaded = rows.load(columns, times=True)
    notes = [loaded.note] if loaded.note else []
    require_rows(loaded.rows, loaded.dropped, ROWS_NEEDED["regress"], "`regress`")
    data: dict[str, Any] = {}
    levels: dict[int, list[str]] = {}
    for index, (column, array) in enumerate(zip(columns, loaded.arrays, strict=True)):
        if is_number(column) and column.name not in formula.categories:
            data[f"v{index}"] = array
        elif is_time(column):
            data[f"v{index}"] = array / _DAY
            notes.append(f"{clean(column.name)} is counted in days.")
        else:
            found = pd.Categorical(array)
            levels[index] = [f"{v:.12g}" if isinstance(v, float) else clean(v, 60) for v in found.categories]
            if index and len(levels[index]) > MOST_LEVELS:
                raise UnsuitableColumnError(
                    f"{clean(column.name)} has {len(levels[index]):,} categories, more than a regression takes ({MOST_LEVELS}).",
                    next_step="Leave it out, or train a model: `tabsmith train` uses such columns.",
                )
            # Named by position, so that no text of the table is taken for a part of a term's name.
            data[f"v{index}"] = found.rename_categories(
                {category: f"l{level}" for level, category in enumerate(found.categories)}
            )
    family, reason = _family(plan, columns[0], data["v0"], levels.get(0))
    if reason:
        notes.append(reason)
    frame = pd.DataFrame(data)
    outcome, outcome_levels, outcome_code = _outcome(formula, columns[0], frame["v0"], family, levels.get(0))
    for index, column in enumerate(columns[1:], 1):
        if frame[f"v{index}"].nunique() < 2:
            notes.append(f"{clean(column.name)} has one value only in these rows and tells nothing.")
    with np.errstate(all="ignore"):
        made = model_matrix(formula.predictors, frame, output="pandas")
    names = [str(name) for name in made.columns]
    matrix = np.asarray(made, dtype=np.float64)
    if not (np.isfinite(matrix).all() and np.isfinite(outcome).all()):
        raise UnsuitableColumnError(
            "The formula makes values that are no numbers, such as the logarithm of 0 or less.",
            next_step="Use log() only of columns whose values are all above 0, or add a constant: log(x + 1).",
        )
    keep = _independent(matrix)
    terms = [_term(name, formula.columns, levels) for name in names]
    left = [terms[index].name for index in range(len(terms)) if index not in keep]
    if left:
        notes.append(
            f"Left out, as {'it follows' if len(left) == 1 else 'they follow'} from the other terms: {', '.join(left[:8])}."
        )
    if not [index for index in keep if names[index] != "Intercept"]:
        raise UnsuitableColumnError(
            "No predictor varies in these rows, so there is nothing to explain the outcome by.",
            next_step="Name predictors that have more than one value.",
        )
    needed = len(keep) + 2
    require_rows(loaded.rows, loaded.dropped, needed, f"a regression with {plural(len(keep), 'coefficient')}")
    return Design(
        outcome=outcome,
        outcome_name=clean(formula.outcome_column)
        if formula.outcome == "v0"
        else f"log of {clean(formula.outcome_column)}",
        levels=outcome_levels,
        matrix=matrix[:, keep],
        terms=tuple(terms[index] for index in keep),
        family=family,
        rows=loaded.rows,
        dropped=loaded.dropped,
        notes=tuple(notes),
        code=tuple(_code(formula, columns, outcome_code, keep if left else [])),
    )


def _formula(plan: Regress, rows: SelectedRows) -> Formula:
    names = [column.name for column in rows.info.profile.columns]
    if plan.formula:
        return read_formula(plan.formula, names)
    predictors = [name for name in dict.fromkeys(plan.predictors) if name != plan.outcome]
    right = " + ".join(f"v{index}" for index in range(1, len(predictors) + 1))
    return Formula("v0", right, (plan.outcome, *predictors), plan.outcome, ())


def _family(
    plan: Regress, outcome: ColumnProfile, values: Any, levels: list[str] | None
) -> tuple[RegressionFamily, str]:
    """The family of a regression, and the reason if it was chosen here. Raises UnsuitableColumnError."""
    name = clean(outcome.name)
    distinct = len(levels) if levels is not None else len(np.unique(values))
    if distinct < 2:
        raise UnsuitableColumnError(
            f"{name} has one value only in these rows.", next_step="Name an outcome that varies."
        )
    if plan.family == "auto":
        if distinct == 2:
            return "logistic", f"A logistic regression was chosen: {name} has two values."
        if levels is not None:
            raise UnsuitableColumnError(
                f"{name} has {distinct} categories, and a regression needs a number, or two values.",
                next_step="Ask for an ordinal regression if they have an order, or train a model: `tabsmith train`.",
            )
        if (
            outcome.storage == "integer"
            and values.min() == 0
            and values.max() <= _MOST_COUNT
            and not plan.formula.startswith("log")
        ):
            return "poisson", f"A Poisson regression was chosen: {name} counts from 0."
        return "linear", f"A linear regression was chosen: {name} is a number."
    if plan.family == "logistic" and distinct != 2:
        raise UnsuitableColumnError(
            f"A logistic regression needs an outcome of two values; {name} has {distinct:,}.",
            next_step="Ask for a linear regression of a number, or an ordinal one of ordered values.",
        )
    if plan.family == "ordinal" and distinct > _MOST_ORDERED:
        raise UnsuitableColumnError(
            f"An ordinal regression takes up to {_MOST_ORDERED} ordered values; {name} has {distinct:,}.",
            next_step="Ask for a linear regression.",
        )
    if plan.family in {"linear", "poisson", "negative_binomial"} and levels is not None:
        require_numbers([outcome], _profile_of(outcome), f"A {plan.family.replace('_', ' ')} regression is of numbers")
    if plan.family in {"poisson", "negative_binomial"} and ((values < 0).any() or (values % 1 != 0).any()):
        raise UnsuitableColumnError(
            f"A {plan.family.replace('_', ' ')} regression is of counts: 0, 1, 2 ...; {name} has other values.",
            next_step="Ask for a linear regression.",
        )
    return plan.family, ""


def _profile_of(column: ColumnProfile) -> Any:
    from tabsmith.tables.profile.types import TableProfile

    return TableProfile(column.rows, (column,))


def _outcome(
    formula: Formula, column: ColumnProfile, values: Any, family: RegressionFamily, levels: list[str] | None
) -> tuple[Floats, tuple[str, ...], str]:
    """The outcome as numbers, its levels if it is of categories, and the line of code that makes it."""
    name = "values['v0']"
    if family in {"logistic", "ordinal"}:
        import pandas as pd

        found = pd.Categorical(values)
        texts = levels or [f"{value:.12g}" for value in found.categories]
        cast = "" if is_number(column) else ".astype(str)"
        return found.codes.astype(np.float64), tuple(texts), f"y = pd.Categorical({name}{cast}).codes.astype(float)"
    numbers = np.asarray(values, dtype=np.float64)
    if formula.outcome == "v0":
        return numbers, (), f"y = {name}.to_numpy(float)"
    from formulaic import model_matrix

    with np.errstate(all="ignore"):
        made = model_matrix(f"{formula.outcome} - 1", values.to_frame("v0"), output="pandas")
    return (
        np.asarray(made, dtype=np.float64)[:, 0],
        (),
        f"y = model_matrix({f'{formula.outcome} - 1'!r}, values).to_numpy()[:, 0]",
    )


def _independent(matrix: Floats) -> list[int]:
    """The positions of the columns that do not follow from those before them."""
    lengths = np.linalg.norm(matrix, axis=0)
    scaled = matrix / np.where(lengths > 0, lengths, 1.0)
    diagonal = np.zeros(matrix.shape[1])
    left = np.abs(np.diag(np.linalg.qr(scaled, mode="r")))
    diagonal[: len(left)] = left
    return [index for index in range(matrix.shape[1]) if diagonal[index] > _DEPENDENT]


def _term(name: str, columns: tuple[str, ...], levels: dict[int, list[str]]) -> Term:
    """A column of the matrix, `v1[T.l2]` or `v1:v2`, in words: column 1 at its level 2, column 1 times column 2."""
    if name == "Intercept":
        return Term("intercept")
    level = re.fullmatch(r"(?:C\()?v(\d+)\)?\[T?\.?l(\d+)\]", name)
    if level:
        column = int(level[1])
        text = levels[column][int(level[2])]
        return Term(f"{clean(columns[column])} = {text}", columns[column], text, levels[column][0])

    def in_words(match: re.Match[str]) -> str:
        column = int(match[1])
        return clean(columns[column]) + (f" = {levels[column][int(match[2])]}" if match[2] else "")

    plain = re.fullmatch(r"v(\d+)", name)
    text = re.sub(r"(?:C\()?\bv(\d+)\b(?:\)(?=\[))?(?:\[T?\.?l(\d+)\])?", in_words, name)
    return Term(text, columns[int(plain[1])] if plain else "")


def _code(formula: Formula, columns: list[ColumnProfile], outcome: str, keep: list[int]) -> list[str]:
    lines = [
        f"values = table[{list(formula.columns)!r}].dropna()",
        f"values.columns = [f'v{{i}}' for i in range({len(columns)})]",
    ]
    for index, column in enumerate(columns):
        if is_time(column):
            lines.append(
                f"values['v{index}'] = pd.to_datetime(values['v{index}']).astype('datetime64[us]').astype('int64') / 86.4e9"
            )
        elif not is_number(column):
            text = ".str.lower()" if column.storage == "boolean" else ""
            lines.append(f"values['v{index}'] = values['v{index}'].astype(str){text}")
    lines += [outcome, f"X = pd.DataFrame(model_matrix({formula.predictors!r}, values))"]
    if keep:
        lines.append(f"X = X.iloc[:, {keep!r}]  # the other columns follow from these")
    return lines
