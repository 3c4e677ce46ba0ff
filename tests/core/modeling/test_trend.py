"""The trend of a target: found with its seasons, carried on, taken off before a fit and put back after it."""

import numpy as np
import pandas as pd
import pytest

from tabsmith.errors import RecipeError
from tabsmith.families.registry import get_family
from tabsmith.modeling.cross_validation import FoldModel, fold_folder
from tabsmith.modeling.ensemble import BaggedMember, BaggedModel
from tabsmith.modeling.explanation.contributions import RowExplainer, mean_contributions
from tabsmith.modeling.explanation.out_of_fold import draw_sample
from tabsmith.modeling.features.context import FeatureContext
from tabsmith.modeling.features.trend import TrendBlock, fit_trend
from tabsmith.modeling.metric_catalogue import get_metric
from tabsmith.modeling.rows import DateColumn, NumberColumn, RowArrays
from tabsmith.modeling.training_data import TrainingData, prepare_training_data
from tabsmith.recipes.recipe import Recipe
from tabsmith.recipes.validation import validate_recipe
from tabsmith.tables.schema.types import Split
from tests.core.modeling.shapes import evaluated, prepared, quick, schema

DAY = 86_400.0
START = pd.Timestamp("2022-01-03").timestamp()  # a Monday


def fitted(rows: RowArrays, y: np.ndarray, recipe: Recipe | None = None) -> TrendBlock:
    recipe = recipe or Recipe("linear")
    context = FeatureContext(rows, y, "regression", 0, recipe, get_family("linear").requirements, 0)
    return fit_trend(context, "when")


def days(count: int, first: int = 0) -> RowArrays:
    return RowArrays(count, {"when": DateColumn(START + DAY * np.arange(first, first + count))})


def test_a_line_with_the_seasons_of_year_and_week_is_found_and_carried_on():
    def truth(day: np.ndarray) -> np.ndarray:
        return 100 + 0.5 * day + 10 * np.sin(2 * np.pi * day / 365.2425) + 4 * (day % 7 == 5)

    block = fitted(days(800), truth(np.arange(800)))
    np.testing.assert_allclose(block.values(days(200, 800)), truth(np.arange(800, 1000)), atol=3.0)
    assert block.slope * DAY == pytest.approx(0.5, abs=0.01)
    assert block.week[5] - block.week[0] == pytest.approx(4, abs=0.3)
    assert not block.day or np.ptp(block.day) < 0.1
    lost = RowArrays(1, {"when": DateColumn(np.array([np.nan]))})
    assert block.values(lost) == block.values(days(1, 799))


def test_a_season_that_the_rows_have_not_seen_twice_is_none():
    block = fitted(days(300), np.arange(300.0))
    assert block.year == ()
    np.testing.assert_allclose(block.values(days(100, 300)), np.arange(300, 400), rtol=0.02)
    numbers = RowArrays(50, {"when": NumberColumn(np.arange(1950.0, 2000.0))})
    years = fitted(numbers, np.arange(50.0) * 3)
    assert (years.year, years.week, years.day) == ((), (), ())
    assert years.slope == pytest.approx(3, rel=0.03)


def series() -> TrainingData:
    draw = np.random.default_rng(0)
    day = np.arange(300)
    wind = draw.normal(size=300)
    when = pd.Timestamp("2022-01-01") + pd.to_timedelta(day, unit="D")
    frame = pd.DataFrame({"when": when, "wind": wind, "used": 20 + 0.3 * day + 3 * np.abs(wind)})
    split = Split("forward", by="when", folds=3)
    columns = {"when": "date", "wind": "numeric"}
    return prepare_training_data(
        frame, schema("used", "regression", split=split, columns=columns), get_metric("rmse"), seed=0
    )


def test_trees_carry_a_trend_on_that_is_taken_off_their_target(tmp_path):
    data = series()
    parameters = quick("lightgbm").parameters
    plain = evaluated(data, tmp_path, Recipe("lightgbm", parameters=parameters))
    recipe = Recipe("lightgbm", parameters=parameters, target="detrend")
    assert evaluated(data, tmp_path, recipe).mean < 0.5 * plain.mean
    folder = fold_folder(tmp_path / "evaluations" / recipe.id, 2)
    model = FoldModel.load(folder)
    scored = data.rows.take(data.folds[2][1])
    np.testing.assert_allclose(model.predict(scored), np.load(folder / "oof.npy"))
    bagged = BaggedModel((BaggedMember(recipe, 1.0, (model,)),))
    explained = RowExplainer(bagged, data.rows.take(data.folds[2][0])).explain(scored)
    np.testing.assert_allclose(explained.prediction, model.predict(scored))
    assert explained.exact
    models = tuple(FoldModel.load(fold_folder(folder.parent, fold)) for fold in range(3))
    sample = draw_sample(data, (BaggedMember(recipe, 1.0, models),), 100, np.random.default_rng(0))
    sizes = mean_contributions(sample, enough=lambda: False)
    assert sizes is not None
    assert sizes["when"] > sizes["wind"] > 0


def test_a_trend_needs_numbers_and_time():
    recipe = Recipe("linear", target="detrend")
    assert validate_recipe(recipe, series().schema).valid
    data = prepared("number", "regression")
    assert validate_recipe(recipe, data.schema).problems[0].where == "target"
    with pytest.raises(RecipeError, match="split by time"):
        fit_trend(FeatureContext(data.rows, data.y, data.task, 0, recipe, get_family("linear").requirements, 0), "")


def test_a_trend_that_has_stopped_is_flat():
    stopped = np.minimum(np.arange(400.0), 250)
    block = fitted(days(400), stopped)
    assert (block.slope, block.year, block.week) == (0.0, (), ())
    assert block.level == pytest.approx(stopped.mean())
