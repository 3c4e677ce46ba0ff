"""Regressions give the coefficients that R publishes; their formulas are read by a grammar and never evaluated."""

import pandas as pd
import pytest

from tabsmith.errors import FormulaError, UnknownColumnError, UnsuitableColumnError
from tabsmith.statistics.operations.formula import read_formula
from tabsmith.statistics.plan import Regress
from tests.core.statistics.published import CARS, DOBSON, WOMEN, ask_of, cell


def test_the_weight_of_women_by_their_height() -> None:
    """R: summary(lm(weight ~ height, women))."""
    findings = ask_of(WOMEN, Regress(outcome="weight", predictors=("height",)))
    assert cell(findings, "Coefficients", "intercept", "coefficient") == pytest.approx(-87.51667, abs=5e-6)
    assert cell(findings, "Coefficients", "height", "standard error") == pytest.approx(0.09114, abs=5e-6)
    assert cell(findings, "Coefficients", "height", "p") == pytest.approx(1.09e-14, rel=5e-3)
    assert cell(findings, "Fit", "R squared", "value") == pytest.approx(0.991, abs=5e-4)
    assert findings.tests[0].statistic == pytest.approx(1433, abs=0.5)
    assert findings.sentences[1].startswith(
        "weight is 3.450 higher (95 % interval 3.253 to 3.647, p < 0.001) for each 1 more of height"
    )


def test_a_formula_with_categories() -> None:
    """R: lm(mpg ~ wt + factor(cyl), mtcars)."""
    findings = ask_of(CARS, Regress(formula="mpg ~ wt + C(cyl)"))
    assert cell(findings, "Coefficients", "wt", "coefficient") == pytest.approx(-3.2056, abs=5e-5)
    assert cell(findings, "Coefficients", "cyl = 6", "coefficient") == pytest.approx(-4.2556, abs=5e-5)
    assert cell(findings, "Coefficients", "cyl = 8", "standard error") == pytest.approx(1.6523, abs=5e-5)
    assert "for cyl = 6 than for cyl = 4" in findings.sentences[2]


def test_levels_that_look_like_terms_keep_their_names() -> None:
    frame = CARS.assign(kind=CARS["cyl"].map({4: "v0", 6: "v1[T.l1]", 8: "C(v1)"}))
    findings = ask_of(frame, Regress(formula="mpg ~ wt * kind"))
    assert {str(row[0]) for row in findings.tables[0].rows} == {
        "intercept", "wt", "kind = v0", "kind = v1[T.l1]", "wt:kind = v0", "wt:kind = v1[T.l1]"
    }  # fmt: skip


def test_logistic_regression_of_gears() -> None:
    """R: glm(am ~ wt, binomial, mtcars)."""
    findings = ask_of(CARS, Regress(outcome="am", predictors=("wt",)))
    assert findings.plan.family == "logistic"
    assert cell(findings, "Coefficients", "wt", "coefficient") == pytest.approx(-4.024, abs=5e-4)
    assert cell(findings, "Coefficients", "wt", "standard error") == pytest.approx(1.436, abs=1e-3)
    assert cell(findings, "Fit", "AIC", "value") == pytest.approx(23.176, abs=5e-4)


def test_dobsons_counts_by_poisson_regression() -> None:
    """R: example(glm), glm.D93."""
    findings = ask_of(DOBSON, Regress(outcome="counts", predictors=("outcome", "treatment"), family="poisson"))
    assert cell(findings, "Coefficients", "outcome = o2", "coefficient") == pytest.approx(-0.4543, abs=5e-5)
    assert cell(findings, "Coefficients", "outcome = o3", "standard error") == pytest.approx(0.1927, abs=5e-5)
    assert cell(findings, "Fit", "AIC", "value") == pytest.approx(56.76, abs=5e-3)


def test_a_separated_outcome_falls_back_to_a_line_and_says_so() -> None:
    frame = pd.DataFrame({"x": list(range(20)), "y": ["no"] * 10 + ["yes"] * 10})
    findings = ask_of(frame, Regress(outcome="y", predictors=("x",)))
    assert findings.plan.family == "linear"
    assert any("separates" in note and "linear regression was fitted" in note for note in findings.notes)
    assert findings.sentences[1].startswith("the chance of y = yes is")


def test_predictors_that_follow_from_others_are_left_out() -> None:
    frame = CARS.assign(twice=2 * CARS["wt"])
    findings = ask_of(frame, Regress(outcome="mpg", predictors=("wt", "twice")))
    assert [row[0] for row in findings.tables[0].rows] == ["intercept", "wt"]
    assert any("twice" in note for note in findings.notes)


def test_a_predictor_that_does_not_vary_is_refused() -> None:
    with pytest.raises(UnsuitableColumnError, match="No predictor varies"):
        ask_of(CARS.assign(one=1), Regress(outcome="mpg", predictors=("one",)))


@pytest.mark.parametrize(
    "text",
    [
        "a ~ __import__('os').system('true')", "a ~ b; b", "a ~ {b}", "a ~ b[0]", "a ~ b.c()", "a ~ exp(b)", "a ~ C(b + c)",
        "a ~ b ** 9", "a ~ 7", "a ~", "~ a", "a", "a ~ b ~ c", "a ~ I(b ** c)", "a ~ " + "(" * 50 + "b" + ")" * 50,
        "a ~ log(b", "a ~ b + + c", "a ~ lambda: b", "a ~ `b", "a ~ @b",
    ],
)  # fmt: skip
def test_only_the_grammar_is_understood(text: str) -> None:
    with pytest.raises((FormulaError, UnknownColumnError)):
        read_formula(text, ["a", "b", "c"])


def test_a_formula_is_written_anew() -> None:
    formula = read_formula("log(`odd name`) ~ b*c - 1 + I(b**2 + 1) : C('c')", ["odd name", "b", "c"])
    assert formula.outcome == "log(v0)"
    assert formula.predictors.replace(" ", "") == "v1*v2-1+I(v1**2+1):C(v2)"
    assert formula.columns == ("odd name", "b", "c")
