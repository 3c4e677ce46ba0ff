"""Regress: linear, logistic, Poisson, negative binomial and ordinal regressions by statsmodels, checked and in sentences."""

import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import msgspec
import numpy as np

from tabsmith.errors import PlanError
from tabsmith.statistics import sentences
from tabsmith.statistics.findings import Bars, Cell, Findings, FindingsTable, Picture, SignificanceTest
from tabsmith.statistics.operations.regression_design import Design, Term, make_design
from tabsmith.statistics.pictures import scatter
from tabsmith.statistics.plan import Regress, RegressionFamily
from tabsmith.statistics.repeating_code import repeating_code
from tabsmith.statistics.selected_rows import Floats, SelectedRows

LABELS: Final[dict[RegressionFamily, str]] = {
    "linear": "linear regression",
    "logistic": "logistic regression",
    "poisson": "Poisson regression",
    "negative_binomial": "negative binomial regression",
    "ordinal": "ordinal regression",
}
_SIMPLER: Final[dict[RegressionFamily, RegressionFamily]] = {
    "negative_binomial": "poisson", "poisson": "linear", "logistic": "linear", "ordinal": "linear",
}  # fmt: skip
_OVERDISPERSED: Final = 1.5  # Pearson's chi-square over its degrees of freedom
_SEPARATED: Final = 1e-3  # the largest error of a chance below which the values are separated
_FARTHEST: Final = 20.0  # a coefficient, in deviations of its term, beyond which a category is separated
_HIGH_VIF: Final = 10.0
_BARS: Final = 20


@dataclass(frozen=True, slots=True)
class Coefficient:
    """A coefficient with its classical and its robust error; `p` and `interval` are by the error that is relied on."""

    term: Term
    value: float
    error: float
    robust_error: float
    statistic: float
    p: float
    interval: tuple[float, float]
    robust_p: float
    robust_interval: tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Fit:
    """A regression that was fitted."""

    family: RegressionFamily
    coefficients: tuple[Coefficient, ...]
    measures: tuple[tuple[str, float], ...]
    overall: SignificanceTest
    checks: tuple[SignificanceTest, ...]
    notes: tuple[str, ...]
    robust: bool  # whether the robust errors are relied on
    effects: FindingsTable | None = None
    code: tuple[str, ...] = ()


def regress(plan: Regress, rows: SelectedRows) -> Findings:
    """The findings of a Regress."""
    design = make_design(plan, rows)
    rows.check_time()
    notes = list(design.notes)
    fit = _fit_or_simpler(design, notes, rows)
    if fit.family == "linear" and len(design.levels) == 2:
        design = replace(design, outcome_name=f"the chance of {design.outcome_name} = {design.levels[1]}")
    elif fit.family == "linear" and design.levels:
        design = replace(design, outcome_name=f"the position of {design.outcome_name} in {' < '.join(design.levels)}")
    if plan.family == "auto" and fit.family == "poisson" and dict(fit.measures)["dispersion"] > _OVERDISPERSED:
        notes.append("The counts vary more than a Poisson regression allows, so a negative binomial one was fitted.")
        fit = _fit_or_simpler(replace(design, family="negative_binomial"), notes, rows)
    notes += fit.notes
    vif = _inflation(design)
    high = [design.terms[i].name for i, factor in vif.items() if factor > _HIGH_VIF]
    if high:
        notes.append(
            f"Nearly the same as other terms (variance inflation above {_HIGH_VIF:.0f}): {', '.join(high[:6])}."
        )
    shown = [c for c in fit.coefficients if c.term.name != "intercept" and not c.term.name.startswith("threshold")]
    return Findings(
        plan=msgspec.structs.replace(plan, family=fit.family),
        sentences=sentences.regression(
            LABELS[fit.family], design.outcome_name, design.levels[-1] if fit.family == "logistic" else "", design.rows,
            fit.family, dict(fit.measures), fit.overall.p,
            [(c.term.name, c.term.column, c.term.level, c.term.reference, c.value, *_relied(c, fit)) for c in shown],
        ),
        tables=tuple(_tables(design, fit, vif)),
        picture=_picture(design, shown, fit),
        tests=(
            *((fit.overall,) if math.isfinite(fit.overall.p) else ()),
            *(
                SignificanceTest(f"coefficient of {c.term.name}", c.statistic, _relied(c, fit)[1], (), "coefficient", c.value, _relied(c, fit)[0])
                for c in shown
            ),
        ),
        rows_used=design.rows,
        rows_dropped=design.dropped,
        notes=tuple(notes),
        code=repeating_code(rows, [*design.code, *fit.code], imports=("import pandas as pd", "from formulaic import model_matrix")),
    )  # fmt: skip


def _relied(coefficient: Coefficient, fit: _Fit) -> tuple[tuple[float, float], float]:
    if fit.robust:
        return coefficient.robust_interval, coefficient.robust_p
    return coefficient.interval, coefficient.p


def _fit_or_simpler(design: Design, notes: list[str], rows: SelectedRows) -> _Fit:
    """The regression asked for, or a simpler one with a note if it cannot be fitted."""
    family = design.family
    while True:
        rows.check_time()
        try:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                fit = _fit(replace(design, family=family))
            if all(math.isfinite(c.value) and math.isfinite(c.error) for c in fit.coefficients):
                return fit
            reason = "its coefficients have no limits"
        except (np.linalg.LinAlgError, ValueError, FloatingPointError, _NotFittedError) as error:
            reason = str(error) if isinstance(error, _NotFittedError) else "the computation failed"
        if family not in _SIMPLER:
            raise PlanError(
                f"The {LABELS[family]} could not be fitted: {reason}.", next_step="Use fewer predictors, or others."
            )
        simpler = _SIMPLER[family]
        notes.append(
            f"The {LABELS[family]} could not be fitted ({reason}); a {LABELS[simpler]} was fitted in its place."
        )
        family = simpler


class _NotFittedError(Exception):
    """A fit came to no result that can be relied on."""


def _fit(design: Design) -> _Fit:
    if design.family == "linear":
        return _linear(design)
    if design.family == "ordinal":
        return _ordinal(design)
    return _discrete(design)


def _linear(design: Design) -> _Fit:
    from statsmodels.regression.linear_model import OLS

    y, x = design.outcome, design.matrix
    result = OLS(y, x).fit()
    robust = result.get_robustcov_results("HC3")
    note = []
    if not np.isfinite(robust.bse).all():
        robust = result.get_robustcov_results("HC1")
        note.append("Some rows decide a coefficient alone: robust errors are HC1 in place of HC3.")
    checks, rely = _linear_checks(design, result, note)
    overall = SignificanceTest(
        "F test of all predictors", float(result.fvalue), float(result.f_pvalue), (float(result.df_model), float(result.df_resid)), "R squared",
        float(result.rsquared),
    )  # fmt: skip
    measures = (
        ("R squared", result.rsquared), ("adjusted R squared", result.rsquared_adj),
        ("residual deviation", math.sqrt(result.mse_resid)), ("AIC", result.aic), ("BIC", result.bic),
        ("log likelihood", result.llf), ("condition number", result.condition_number),
        ("influential rows (Cook's distance above 4 / n)", _influential(result, x)),
    )  # fmt: skip
    code = ("from statsmodels.regression.linear_model import OLS", "fit = OLS(y, X).fit()", "result = fit.params")
    return _Fit(
        "linear", _coefficients(design.terms, result, robust), tuple((n, float(v)) for n, v in measures), overall, checks, tuple(note),
        rely, None, code,
    )  # fmt: skip


def _linear_checks(design: Design, result: Any, notes: list[str]) -> tuple[tuple[SignificanceTest, ...], bool]:
    """Breusch and Pagan's, Jarque and Bera's and Durbin and Watson's checks; whether robust errors are to be relied on."""
    from scipy.stats import jarque_bera
    from statsmodels.stats.diagnostic import het_breuschpagan
    from statsmodels.stats.stattools import durbin_watson

    checks: list[SignificanceTest] = []
    rely = False
    residuals = np.asarray(result.resid)
    scale = float(np.abs(design.outcome).max()) or 1.0
    if np.abs(residuals).max() < 1e-10 * scale:
        notes.append("The predictors give the outcome exactly: errors and p-values mean nothing here.")
        return (), False
    if any(term.name == "intercept" for term in design.terms) and design.matrix.shape[1] > 1:
        statistic, p, *_ = het_breuschpagan(residuals, design.matrix)
        checks.append(
            SignificanceTest(
                "Breusch-Pagan test of equal variance", float(statistic), float(p), (float(design.matrix.shape[1] - 1),)
            )
        )
        rely = float(p) < 0.05
        notes.append(
            f"The residuals' variance is not the same everywhere (Breusch-Pagan, {sentences.p_text(float(p))}): intervals and p are by robust errors (HC3)."
            if rely
            else "The residuals' variance does not clearly change (Breusch-Pagan)."
        )
    normal = jarque_bera(residuals)
    checks.append(
        SignificanceTest("Jarque-Bera test of normal residuals", float(normal.statistic), float(normal.pvalue), (2.0,))
    )
    if normal.pvalue < 0.05 and design.rows < 100:
        notes.append("The residuals are not normal (Jarque-Bera), and the rows are few: p-values are rough.")
    watson = float(durbin_watson(residuals))
    checks.append(SignificanceTest("Durbin-Watson statistic (2 where neighbours are unlike)", watson, math.nan))
    return tuple(checks), rely


def _influential(result: Any, x: Floats) -> int:
    q = np.linalg.qr(x)[0]
    leverage = np.minimum((q * q).sum(axis=1), 1 - 1e-12)
    residuals = np.asarray(result.resid)
    variance = float(result.mse_resid)
    if variance <= 0:
        return 0
    cook = residuals**2 * leverage / (x.shape[1] * variance * (1 - leverage) ** 2)
    return int((cook > 4 / len(x)).sum())


def _discrete(design: Design) -> _Fit:
    from statsmodels.discrete.discrete_model import Logit, NegativeBinomial, Poisson

    model = {"logistic": Logit, "poisson": Poisson, "negative_binomial": NegativeBinomial}[design.family]
    y, x = design.outcome, design.matrix
    if design.family == "negative_binomial":
        result = model(y, x).fit(disp=0, maxiter=500)
        robust = model(y, x).fit(disp=0, maxiter=500, cov_type="HC1")
    else:
        result = model(y, x).fit(disp=0, maxiter=100)
        robust = model(y, x).fit(disp=0, maxiter=100, cov_type="HC1")
    separated = design.family == "logistic" and float(np.abs(y - np.asarray(result.predict())).max()) < _SEPARATED
    if not separated and not result.mle_retvals.get("converged", False):
        raise _NotFittedError("it found no best coefficients")
    spreads = x.std(axis=0)
    far = np.abs(np.asarray(result.params)[: x.shape[1]]) * np.where(spreads > 0, spreads, 0) > _FARTHEST
    if design.family == "logistic" and (separated or far.any() or np.asarray(result.bse).max() > 1e3):
        raise _NotFittedError("a predictor separates the two values completely")
    notes: list[str] = []
    measures: list[tuple[str, float]] = [("pseudo R squared (McFadden)", result.prsquared)]
    if design.family == "logistic":
        from sklearn.metrics import roc_auc_score

        measures.append(("ROC AUC on these rows", float(roc_auc_score(y, result.predict()))))
        notes.append(
            f"Modelled is the chance that {design.outcome_name} is {design.levels[1]}, not {design.levels[0]}."
        )
    rely = False
    if design.family == "poisson":
        fitted = np.asarray(result.predict())
        dispersion = float(((y - fitted) ** 2 / fitted).sum() / (len(y) - x.shape[1]))
        measures.append(("dispersion", dispersion))
        rely = dispersion > _OVERDISPERSED
        if rely:
            notes.append(
                f"The counts vary {dispersion:.1f} times as much as a Poisson regression has it: intervals and p are by robust errors (HC1)."
            )
    measures += [("AIC", result.aic), ("BIC", result.bic), ("log likelihood", result.llf)]
    terms = design.terms
    if design.family == "negative_binomial":
        measures.append(("alpha (dispersion)", float(result.params[-1])))
    name = {"logistic": "Logit", "poisson": "Poisson", "negative_binomial": "NegativeBinomial"}[design.family]
    options = "disp=0, maxiter=500" if design.family == "negative_binomial" else "disp=0, maxiter=100"
    code = (
        f"from statsmodels.discrete.discrete_model import {name}",
        f"fit = {name}(y, X).fit({options})",
        "result = fit.params",
    )
    overall = SignificanceTest(
        "likelihood ratio test of all predictors",
        float(result.llr),
        float(result.llr_pvalue),
        (float(result.df_model),),
    )
    return _Fit(
        design.family, _coefficients(terms, result, robust), tuple((n, float(v)) for n, v in measures), overall, (), tuple(notes), rely,
        _marginal_effects(design, result), code,
    )  # fmt: skip


def _marginal_effects(design: Design, result: Any) -> FindingsTable | None:
    """Average marginal effects: how the chance, or the expected count, changes with a term, on average over the rows."""
    if [term.name for term in design.terms].count("intercept") != 1 or len(design.terms) < 2:
        return None
    effects = result.get_margeff(at="overall", dummy=False)
    ends = np.asarray(effects.conf_int())
    names = [term.name for term in design.terms if term.name != "intercept"]
    lines = tuple(
        (name, float(value), float(error), float(p), float(low), float(high))
        for name, value, error, p, (low, high) in zip(
            names, effects.margeff, effects.margeff_se, effects.pvalues, ends, strict=False
        )
    )
    return FindingsTable("Average marginal effects", ("term", "effect", "standard error", "p", "from", "to"), lines)


def _ordinal(design: Design) -> _Fit:
    from statsmodels.miscmodels.ordinal_model import OrderedModel

    keep = [index for index, term in enumerate(design.terms) if term.name != "intercept"]
    x = design.matrix[:, keep]
    result = OrderedModel(design.outcome.astype(int), x, distr="logit").fit(method="bfgs", disp=0, maxiter=500)
    if not result.mle_retvals.get("converged", False):
        raise _NotFittedError("it found no best coefficients")
    thresholds = [
        Term(f"threshold {low} | {high}") for low, high in zip(design.levels[:-1], design.levels[1:], strict=True)
    ]
    terms = (*(design.terms[index] for index in keep), *thresholds)
    order = " < ".join(design.levels)
    measures = (
        ("pseudo R squared (McFadden)", result.prsquared),
        ("AIC", result.aic),
        ("BIC", result.bic),
        ("log likelihood", result.llf),
    )
    overall = SignificanceTest(
        "likelihood ratio test of all predictors", float(result.llr), float(result.llr_pvalue), (float(len(keep)),)
    )
    code = (
        "from statsmodels.miscmodels.ordinal_model import OrderedModel",
        "X = X.drop(columns='Intercept', errors='ignore')",
        "fit = OrderedModel(y.astype(int), X.to_numpy(), distr='logit').fit(method='bfgs', disp=0, maxiter=500)",
        "result = fit.params",
    )
    return _Fit(
        "ordinal", _coefficients(terms, result, result), tuple((n, float(v)) for n, v in measures), overall, (),
        (f"The order of {design.outcome_name} was taken to be {order}. Thresholds after the first are logs of steps.",), False, None, code,
    )  # fmt: skip


def _coefficients(terms: Sequence[Term], result: Any, robust: Any) -> tuple[Coefficient, ...]:
    ends, robust_ends = np.asarray(result.conf_int()), np.asarray(robust.conf_int())
    arrays = [
        np.asarray(a) for a in (result.params, result.bse, robust.bse, result.tvalues, result.pvalues, robust.pvalues)
    ]
    found = []
    for index, term in enumerate(terms):
        value, error, robust_error, statistic, p, robust_p = (float(a[index]) for a in arrays)
        found.append(
            Coefficient(
                term, value, error, robust_error, statistic, p, (float(ends[index, 0]), float(ends[index, 1])), robust_p,
                (float(robust_ends[index, 0]), float(robust_ends[index, 1])),
            )
        )  # fmt: skip
    return tuple(found)


def _inflation(design: Design) -> dict[int, float]:
    """Variance inflation factors by the position of the term, for two terms or more."""
    positions = [index for index, term in enumerate(design.terms) if term.name != "intercept"]
    if len(positions) < 2:
        return {}
    correlations = np.corrcoef(design.matrix[:, positions], rowvar=False)
    try:
        factors = np.diag(np.linalg.inv(correlations))
    except np.linalg.LinAlgError:
        return {}
    return {position: float(factor) for position, factor in zip(positions, factors, strict=True)}


def _tables(design: Design, fit: _Fit, vif: dict[int, float]) -> list[FindingsTable]:
    from tabsmith.statistics.operations.compare import tests_table

    ratio = {
        "logistic": "odds ratio",
        "poisson": "rate ratio",
        "negative_binomial": "rate ratio",
        "ordinal": "odds ratio",
    }.get(fit.family)
    factors = {design.terms[index].name: factor for index, factor in vif.items()}
    headings = (
        "term", "coefficient", "standard error", "robust error", "statistic", "p", "from", "to", "robust p", "robust from",
        "robust to", *((ratio,) if ratio else ()), *(("VIF",) if factors else ()),
    )  # fmt: skip
    lines: list[tuple[Cell, ...]] = []
    for c in fit.coefficients:
        extra: list[Cell] = []
        if ratio:
            extra.append(None if c.term.name.startswith("threshold") else math.exp(min(c.value, 700.0)))
        if factors:
            extra.append(factors.get(c.term.name))
        lines.append(
            (
                c.term.name,
                c.value,
                c.error,
                c.robust_error,
                c.statistic,
                c.p,
                *c.interval,
                c.robust_p,
                *c.robust_interval,
                *extra,
            )
        )
    tables = [
        FindingsTable("Coefficients", headings, tuple(lines)),
        FindingsTable("Fit", ("measure", "value"), (("rows", design.rows), *((n, _cell(v)) for n, v in fit.measures))),
        tests_table("Checks", [fit.overall, *fit.checks]),
    ]
    return [*tables, fit.effects] if fit.effects else tables


def _cell(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _picture(design: Design, shown: Sequence[Coefficient], fit: _Fit) -> Picture | None:
    if len(shown) == 1 and fit.family == "linear" and not shown[0].term.level:
        return scatter(shown[0].term.name, design.outcome_name, design.matrix[:, -1], design.outcome)
    if not shown:
        return None
    drawn = shown[:_BARS]
    return Bars(
        "Coefficients with 95 % intervals", tuple(c.term.name for c in drawn), tuple(c.value for c in drawn),
        tuple(_relied(c, fit)[0] for c in drawn),
    )  # fmt: skip
