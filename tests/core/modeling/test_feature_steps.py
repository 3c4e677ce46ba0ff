"""Feature steps: fitted on a fold's rows, saved as data, the same for a row alone and in company."""

import numpy as np
import pandas as pd
import pytest

from tabsmith.families.feature_steps import (
    Arithmetic,
    Clip,
    Crosses,
    DateParts,
    FeatureStep,
    GroupStatistics,
    MissingFlags,
    Select,
    SubsetHashes,
    TargetEncoding,
    TextParts,
)
from tabsmith.families.registry import get_family
from tabsmith.modeling.features import relevance
from tabsmith.modeling.features.blocks import date_parts
from tabsmith.modeling.features.context import FeatureContext
from tabsmith.modeling.features.fitting import fit_features
from tabsmith.modeling.features.generated_blocks import ArithmeticBlock, CrossBlock, GroupBlock
from tabsmith.modeling.features.relevance import rank_features
from tabsmith.modeling.features.transformer import FeatureTransformer
from tabsmith.modeling.rows import RowArrays, read_rows
from tabsmith.recipes.recipe import Recipe
from tabsmith.tables.schema.types import ColumnKind, ColumnSchema

KINDS: dict[str, ColumnKind] = {
    "width": "numeric",
    "height": "numeric",
    "gaps": "numeric",
    "town": "category",
    "make": "category",
    "day": "date",
    "words": "text",
}
COLUMNS = tuple(ColumnSchema(name, kind, "feature", "") for name, kind in KINDS.items())


def table(rows: int = 400, seed: int = 0) -> pd.DataFrame:
    """Numbers whose product matters, categories whose combination matters, and everything else."""
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "width": draw.uniform(-2, 2, rows),
            "height": draw.uniform(-2, 2, rows),
            "gaps": np.where(draw.random(rows) < 0.3, np.nan, draw.normal(size=rows)),
            "town": draw.choice(["Ulm", "Bonn", "Kiel", None], rows),
            "make": draw.choice(["A", "B", "C"], rows),
            "day": pd.Timestamp("2021-12-20") + pd.to_timedelta(draw.integers(0, 800, rows), unit="D"),
            "words": [" ".join(draw.choice(["OLD", "new", "small", "no. 7"], 3)) for _ in range(rows)],
        }
    )


def fitted(
    steps: tuple[FeatureStep, ...],
    y,
    frame: pd.DataFrame | None = None,
    *,
    task="regression",
    family: str = "lightgbm",
    classes: int = 0,
    **recipe,
) -> tuple[FeatureTransformer, np.ndarray, RowArrays]:
    """The features of a recipe with these steps, the matrix they were fitted with, and the rows."""
    rows = read_rows(table() if frame is None else frame, COLUMNS).rows
    asked = Recipe(family, features=steps, **recipe)
    context = FeatureContext(rows, np.asarray(y), task, classes, asked, get_family(family).requirements, seed=0)
    return *fit_features(context, COLUMNS, {}), rows


def product(frame: pd.DataFrame) -> np.ndarray:
    return (frame["width"] * frame["height"]).to_numpy()


def block(features: FeatureTransformer, kind):
    return next((each for each in features.blocks if isinstance(each, kind)), None)


ALL_STEPS = (
    Arithmetic(),
    Arithmetic(order=3, most=5),
    Crosses(),
    TargetEncoding(),
    GroupStatistics(),
    DateParts(),
    TextParts(features=("words", "characters", "lengths")),
    MissingFlags(),
    SubsetHashes(most=20, decimals=0),
    Clip(),
    Select(most=40),
)


@pytest.mark.parametrize("family", ["lightgbm", "linear", "neural_network"])
@pytest.mark.parametrize("task", ["regression", "binary", "multiclass"])
def test_a_row_has_the_same_features_alone_in_company_and_after_saving(tmp_path, family, task):
    frame = table()
    together = frame["town"].astype(str) + frame["make"]
    score = product(frame) + 2 * together.isin(["UlmA", "BonnB", "KielC"]) + frame["height"]
    y = score if task == "regression" else pd.cut(score, 2 if task == "binary" else 3, labels=False)
    classes = {"regression": 0, "binary": 2, "multiclass": 3}[task]
    features, matrix, _ = fitted(ALL_STEPS, y, frame, task=task, classes=classes, family=family)
    assert matrix.shape == (len(frame), 40)
    assert np.isfinite(matrix).all() or family == "lightgbm"
    features.save(tmp_path)
    loaded = FeatureTransformer.load(tmp_path)
    new = table(40, seed=5)
    new.loc[3, ["town", "words"]] = "never seen"
    new.loc[4] = None
    new.loc[5, "width"] = 0.0
    rows = read_rows(new, COLUMNS).rows
    expected = features.transform(rows)
    np.testing.assert_array_equal(loaded.transform(rows), expected)
    for place in range(8):
        alone = loaded.transform(read_rows(new.iloc[[place]], COLUMNS).rows)
        np.testing.assert_array_equal(alone, expected[[place]])


def test_arithmetic_finds_the_product_that_matters_and_no_noise():
    frame = table()
    features, _, _ = fitted((Arithmetic(),), product(frame), frame)
    found = block(features, ArithmeticBlock)
    assert found.terms[0].columns == ("width", "height")
    assert found.terms[0].operations == ("multiply",)
    noise = np.random.default_rng(9).normal(size=len(frame))
    assert block(fitted((Arithmetic(),), noise, frame)[0], ArithmeticBlock) is None


def test_a_third_column_is_joined_to_a_pair():
    frame = table()
    target = product(frame) / (frame["gaps"].abs() + 0.5)
    frame["gaps"] = frame["gaps"].abs() + 0.5
    features, matrix, _ = fitted((Arithmetic(order=3, most=1),), target.fillna(0), frame)
    term = block(features, ArithmeticBlock).terms[0]
    assert sorted(term.columns) == ["gaps", "height", "width"]
    present = frame["gaps"].notna().to_numpy()
    place = features.spans[features.blocks.index(block(features, ArithmeticBlock))].start
    assert abs(np.corrcoef(matrix[present, place], target[present])[0, 1]) > 0.99


def test_a_cross_of_categories_is_encoded_without_the_rows_own_target():
    frame = table(800)
    hot = ((frame["town"] == "Ulm") & (frame["make"] == "A")) | ((frame["town"] == "Bonn") & (frame["make"] == "B"))
    features, _, rows = fitted((Crosses(smoothing=0.0),), hot.astype(float), frame)
    crosses = block(features, CrossBlock)
    assert crosses.crosses == (("make", "town"),) or crosses.crosses == (("town", "make"),)
    place = features.spans[features.blocks.index(crosses)].start
    assert features.transform(rows)[hot, place] == pytest.approx(1.0)
    lone = frame.assign(town=[f"only {row}" for row in range(len(frame))])
    alone, fitted_alone, _ = fitted((TargetEncoding(columns=("town",)),), hot.astype(float), lone)
    place = alone.spans[alone.blocks.index(block(alone, CrossBlock))].start
    # A level of one row is encoded by the other parts' mean, never by its own target.
    assert abs(fitted_alone[:, place] - hot.mean()).max() < 0.1


def test_group_statistics_place_a_number_within_its_group():
    frame = table()
    base = frame["make"].map({"A": 0.0, "B": 100.0, "C": 200.0})
    inner = np.random.default_rng(4).uniform(-2, 2, len(frame))
    frame["height"] = base + inner
    step = GroupStatistics(by=("make",), columns=("height",), statistics=("rank", "count"))
    features, matrix, _ = fitted((step,), inner, frame)
    groups = block(features, GroupBlock)
    assert [(output.statistic, output.column) for output in groups.outputs] == [("rank", "height")]
    place = features.spans[features.blocks.index(groups)].start
    expected = pd.Series(inner).groupby(frame["make"]).rank(pct=True)
    assert abs(matrix[:, place] - expected).max() < 0.1
    assert matrix[:, place].min() == 0.0
    assert matrix[:, place].max() == 1.0


def test_clipping_ends_outliers_at_the_quantiles_of_the_folds_rows():
    frame = table()
    frame.loc[0, "width"] = 1e9
    features, matrix, rows = fitted((Clip(columns=("width",), low=0.1, high=0.9),), frame["height"], frame)
    place = features.spans[-1].start + features.blocks[-1].columns.index("width")
    assert matrix[0, place] == np.quantile(frame["width"], 0.9)
    assert matrix[:, place].min() == np.quantile(frame["width"], 0.1)
    assert features.transform(rows)[:, place + 1].max() == frame["height"].max()


def test_selection_keeps_the_columns_that_matter():
    features, matrix, rows = fitted((Select(most=2),), product(table()))
    assert matrix.shape[1] == 2
    assert set(block(features, type(features.blocks[-1])).columns) >= {"width", "height"}
    np.testing.assert_array_equal(features.transform(rows), matrix)


def test_a_column_that_is_to_be_monotone_is_constrained_and_part_of_no_step():
    frame = table()
    steps = (Arithmetic(), MissingFlags())
    features, _, _ = fitted(steps, product(frame), frame, monotone={"width": "decreasing"})
    assert [used for used in features.sources if "width" in used] == [("width",)]
    constraints = features.monotone({"width": "decreasing"})
    assert [place for place, sign in enumerate(constraints) if sign] == [features.sources.index(("width",))]
    assert -1 in constraints
    assert features.monotone({}) == ()


def test_week_quarter_and_weekend_are_those_of_the_calendar():
    days = pd.date_range("2019-12-25", "2022-01-10", freq="D")
    parts = date_parts(days.to_numpy().astype("datetime64[s]").astype(float), ("week", "quarter", "weekend"))
    np.testing.assert_array_equal(parts[:, 0], days.isocalendar().week)
    np.testing.assert_array_equal(parts[:, 1], days.quarter)
    np.testing.assert_array_equal(parts[:, 2], days.day_of_week >= 5)


def test_ranks_are_those_of_spearman():
    from scipy.stats import spearmanr

    draw = np.random.default_rng(1)
    values = np.round(draw.normal(size=(2, 300)), 1)
    ranked = rank_features(values)
    assert float(ranked.ranks[0] @ ranked.ranks[1]) == pytest.approx(spearmanr(*values).statistic, abs=1e-5)
    assert not rank_features(np.where(np.arange(300) < 280, 1.0, 2.0)[None]).varied[0]


def test_crosses_of_noise_are_left_out_and_many_classes_are_encoded_by_the_ten_most_frequent():
    frame = table()
    draw = np.random.default_rng(2)
    frame["town"] = draw.choice([f"t{place}" for place in range(80)], len(frame))
    steps = (Crosses(), GroupStatistics(), SubsetHashes())
    features, _, _ = fitted(steps, draw.permutation(np.arange(len(frame)) % 2), frame, task="binary", classes=2)
    assert block(features, CrossBlock) is None
    assert block(features, GroupBlock) is None
    many = np.arange(len(frame)) % 25
    frame["town"] = many.astype(str)
    encoded, _, _ = fitted((TargetEncoding(columns=("town",)),), many, frame, task="multiclass", classes=25)
    assert block(encoded, CrossBlock).width == 10


def test_on_a_large_table_candidates_are_fitted_to_a_part_and_the_chosen_ones_to_all_rows(monkeypatch):
    monkeypatch.setattr(relevance, "SAMPLE_ROWS", 200)
    monkeypatch.setattr(relevance, "SCREEN_ROWS", 400)
    frame = table(1200)
    score = (frame["town"].astype(str) + frame["make"]).isin(["UlmA", "BonnB", "KielC"]) + 0.0
    frame["height"] = frame["make"].map({"A": 0.0, "B": 100.0, "C": 200.0}) + score + 0.1 * frame["width"]
    features, _, _ = fitted((Crosses(), GroupStatistics(statistics=("rank",))), score, frame)
    assert sum(block(features, GroupBlock).counts) == len(frame)
    assert len(block(features, CrossBlock).keys) >= 12
