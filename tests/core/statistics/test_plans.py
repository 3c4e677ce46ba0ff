"""A plan that cannot be carried out is refused with the reason and what to do; the code of findings repeats them."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tabsmith
from tabsmith.errors import (
    EmptyTableError,
    NoNumericColumnsError,
    PlanError,
    PlanTimeoutError,
    TooFewColumnsError,
    TooFewRowsError,
    TooMuchMissingError,
    UnknownColumnError,
    UnknownTableError,
    UnsuitableColumnError,
)
from tabsmith.statistics.plan import (
    Compare,
    Describe,
    Frequency,
    MissingValues,
    Outliers,
    Plan,
    Regress,
    Relate,
    Rows,
    Trend,
)
from tabsmith.statistics.run import answer
from tabsmith.tables.read.frames import from_frame
from tests.core.statistics.published import CARS, ask_of, cell, table_on_disk

PEOPLE = pd.DataFrame(
    {
        "city": ["Bern", "Basel", "Bern", "Basel", "Bern", "Basel"],
        "answer": ["yes", "no", "yes", "no", "no", "yes"],
        "empty": [None, None, None, None, 1.0, 2.0],
    }
)


@pytest.mark.parametrize(
    ("plan", "error", "says"),
    [
        (Describe(columns=("cty",)), UnknownColumnError, "Did you mean city"),
        (Describe(columns=("city",), aggregates=("mean",)), NoNumericColumnsError, "Name a numeric column: empty"),
        (Relate(columns=("city",)), TooFewColumnsError, "At least two columns"),
        (Relate(columns=("city", "answer"), method="pearson"), NoNumericColumnsError, "the table has only empty"),
        (Compare(value="empty", by="city"), TooMuchMissingError, "4 rows of 6 (66.7 %)"),
        (Compare(value="answer"), TooFewColumnsError, "Name the column by which to compare: city, empty"),
        (Compare(value="answer", by="city", method="welch"), UnsuitableColumnError, "answer holds none"),
        (Compare(value="answer", by="city", levels=("Bren", "Basel")), UnsuitableColumnError, "Did you mean Bern"),
        (Regress(outcome="answer"), TooFewColumnsError, "at least one predictor"),
        (Regress(formula="answer ~ cty"), UnknownColumnError, "Did you mean city"),
        (Outliers(columns=("city",)), NoNumericColumnsError, "Name a numeric column: empty"),
        (Trend(time="city"), UnsuitableColumnError, "neither times nor numbers"),
        (Describe(rows=Rows("city", ("Genf",))), EmptyTableError, "No row of the table has city = Genf"),
        (Frequency(columns=()), TooFewColumnsError, "No column was named"),
    ],
)
def test_what_cannot_be_done_is_refused_with_the_next_step(plan: Plan, error: type[PlanError], says: str) -> None:
    with pytest.raises(error) as refusal:
        ask_of(PEOPLE, plan)
    assert says in str(refusal.value)
    assert refusal.value.next_step


def test_too_few_rows_are_counted() -> None:
    with pytest.raises(TooFewRowsError, match="too few rows: 2, and `relate` needs at least 3"):
        ask_of(PEOPLE[:2].assign(x=[1.0, 2.0], y=[2.0, 1.0]), Relate(columns=("x", "y")))


def test_a_time_limit_that_is_over_ends_the_question() -> None:
    with pytest.raises(PlanTimeoutError, match="time limit was over"):
        answer(Describe(), from_frame(PEOPLE), time_limit=0.0)


@pytest.mark.parametrize(
    ("plan", "title", "row", "column"),
    [
        (Relate(columns=("mpg", "wt")), "Pair", "mpg", "strength"),
        (Relate(columns=("mpg", "wt"), method="spearman"), "Pair", "mpg", "strength"),
        (Relate(columns=("mpg", "wt"), method="kendall"), "Pair", "mpg", "strength"),
        (Relate(columns=("cyl", "kind"), method="cramers_v"), "Pair", "cyl", "strength"),
        (Relate(columns=("kind", "mpg")), "Pair", "kind", "strength"),
        (Compare(value="mpg", by="kind"), "Tests", "Welch's t-test", "p"),
        (Compare(value="mpg", by="kind", method="mann_whitney"), "Tests", "Mann-Whitney test", "p"),
        (Compare(value="mpg", by="cyl", method="anova"), "Tests", "analysis of variance", "p"),
        (Compare(value="mpg", by="cyl", levels=("4", "8")), "Tests", "Welch's t-test", "p"),
        (Compare(value="mpg", by="cyl", method="kruskal"), "Tests", "Kruskal-Wallis test", "p"),
        (Compare(value="kind", by="am", method="chi_square"), "Tests", "chi-square test", "p"),
        (Compare(value="gap", paired_with="wt", method="wilcoxon"), "Tests", "Wilcoxon signed-rank test", "p"),
    ],
)
def test_the_code_of_findings_gives_the_same_number(
    plan: Plan, title: str, row: str, column: str, tmp_path: Path
) -> None:
    frame = CARS.assign(kind=np.where(CARS["gear"] > 3, "many", "few"), gap=CARS["hp"].where(CARS["hp"] < 240) / 50)
    findings = answer(plan, table_on_disk(frame, tmp_path))
    assert _result_of(findings.code) == pytest.approx(cell(findings, title, row, column), rel=1e-9)


def test_the_code_of_other_findings_gives_the_same_numbers(tmp_path: Path) -> None:
    info = table_on_disk(
        CARS.assign(day=pd.date_range("2021-01-01", periods=32), kind=CARS["cyl"].map(str) + " cyl"), tmp_path
    )
    described = answer(Describe(columns=("mpg",)), info)
    assert _result_of(described.code).loc["mpg", "std"] == pytest.approx(cell(described, "Numbers", "mpg", "deviation"))
    grouped = answer(Describe(columns=("mpg",), by=("kind",), rows=Rows("am", ("1",))), info)
    assert _result_of(grouped.code)[("mpg", "mean")].tolist() == pytest.approx(
        [row[5] for row in grouped.tables[0].rows]
    )
    counted = answer(Frequency(columns=("kind",)), info)
    assert sorted(_result_of(counted.code)) == sorted(row[1] for row in counted.tables[0].rows)
    assert _result_of(answer(MissingValues(), info).code).sum() == 0
    assert _result_of(answer(Outliers(columns=("hp",)), info).code)["hp"] == 1
    line = answer(Trend(time="day", value="mpg"), info)
    assert _result_of(line.code).tolist() == pytest.approx([row[1] for row in line.tables[1].rows])
    for plan in (
        Regress(formula="mpg ~ wt * kind"),
        Regress(outcome="am", predictors=("wt", "hp")),
        Regress(outcome="am", predictors=("kind",)),
    ):
        fitted = answer(plan, info)
        assert list(_result_of(fitted.code)) == pytest.approx([row[1] for row in fitted.tables[0].rows], rel=1e-6)


def test_python_asks_frames_paths_and_tables_alike(tmp_path: Path) -> None:
    info = table_on_disk(CARS, tmp_path)
    findings = tabsmith.compare(tmp_path / "table.csv", "mpg", by="am")
    assert (
        findings.sentences
        == tabsmith.compare(info, "mpg", by="am").sentences
        == tabsmith.compare(CARS, "mpg", by="am").sentences
    )
    assert findings.to_pandas()["rows"].tolist() == [19, 13]
    assert findings.to_pandas("Tests").loc[0, "p"] == findings.tests[0].p
    assert "Welch's t-test" in repr(findings)
    with pytest.raises(UnknownTableError, match="no table Nothing"):
        findings.to_pandas("Nothing")


def _result_of(code: str) -> "pd.Series[float]":
    names: dict[str, object] = {}
    exec(code, names)
    return names["result"]  # type: ignore[return-value]
