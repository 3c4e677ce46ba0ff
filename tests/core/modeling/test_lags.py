"""Lags: what is known before a row, as far ahead as it lies; nothing of the future, and each row by itself."""

import msgspec
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabsmith.errors import RecipeError
from tabsmith.families.feature_steps import Lags
from tabsmith.families.registry import get_family
from tabsmith.modeling.cross_validation import FoldModel, fold_folder
from tabsmith.modeling.features.context import FeatureContext
from tabsmith.modeling.features.fitting import fit_features
from tabsmith.modeling.features.lags import LagBlock, fit_lags
from tabsmith.modeling.features.transformer import Block
from tabsmith.modeling.metric_catalogue import get_metric
from tabsmith.modeling.refit import fit_refit, plan_refits
from tabsmith.modeling.results import EnsembleMember
from tabsmith.modeling.rows import DateColumn, NumberColumn, RowArrays, TextColumn
from tabsmith.modeling.training_data import prepare_training_data
from tabsmith.recipes.recipe import Recipe
from tabsmith.recipes.validation import validate_recipe
from tabsmith.tables.schema.types import Split
from tests.core.modeling.shapes import evaluated, prepared, quick, schema

STEP = Lags(entity=("shop",), lags=(1, 2, 7), windows=(3,), horizon=4)


def rows_of(shops, days) -> RowArrays:
    levels, codes = np.unique(np.asarray(shops, dtype=str), return_inverse=True)
    return RowArrays(
        len(codes),
        {
            "shop": TextColumn(codes.astype(np.int64), tuple(levels.tolist())),
            "day": NumberColumn(np.asarray(days, float)),
        },
    )


def fitted(step: Lags, rows: RowArrays, values) -> tuple[LagBlock, np.ndarray]:
    return fit_lags(step, rows, "day", "", np.asarray(values, dtype=float), np.random.default_rng(0))


def known(block: LagBlock, rows: RowArrays) -> np.ndarray:
    out = np.empty((len(rows), block.width))
    block.fill_in(rows, out)
    return out


def test_a_new_row_is_given_what_is_known_before_it_however_far_ahead_it_lies():
    days = np.arange(21)
    block, _ = fitted(STEP, rows_of(["a"] * 21 + ["b"] * 21, [*days, *days]), [*days, *(days + 100)])
    ahead = known(block, rows_of(["a", "a", "a", "b", "new"], [21, 23, 30, 21, 21]))
    # the latest, the latest two or four before, the same weekday, the mean of three, how long ago
    assert ahead[0].tolist() == [20, 19, 14, 19, 1]
    assert ahead[1].tolist() == [20, 19, 16, 19, 3]
    assert ahead[2].tolist() == [20, 20, 16, 19, 10]
    assert ahead[3].tolist() == [120, 119, 114, 119, 1]
    assert np.isnan(ahead[4]).all()


def test_a_row_of_the_past_is_not_given_its_own_time_or_a_later_one():
    block, _ = fitted(STEP, rows_of(["a"] * 21, range(21)), range(21))
    latest = known(block, rows_of(["a"], [20]))[0]
    assert latest[[0, 1, 3, 4]].tolist() == [19, 18, 18, 1]
    assert np.isnan(latest[2])  # seven are kept, and its own is one of them
    past = known(block, rows_of(["a"], [15]))[0]
    assert past[0] == 14
    assert np.isnan(known(block, rows_of(["a"], [3]))[0]).all()  # beyond what is kept


def test_rows_of_training_are_given_what_was_known_up_to_the_horizon_before_them():
    values = np.arange(40.0)
    _, own = fitted(STEP, rows_of(["a"] * 40, range(40)), values)
    ages = own[5:, -1]
    assert set(ages.tolist()) == {1, 2, 3, 4}
    np.testing.assert_array_equal(own[5:, 0], values[5:] - ages)
    assert np.isnan(own[0]).all()


@given(st.data())
@settings(deadline=None, max_examples=60)
def test_a_change_of_the_future_changes_nothing_before_it(data: st.DataObject) -> None:
    count = data.draw(st.integers(4, 40))
    shops = data.draw(st.lists(st.sampled_from("abc"), min_size=count, max_size=count))
    days = np.asarray(data.draw(st.lists(st.integers(0, 12), min_size=count, max_size=count)), dtype=float)
    values = np.asarray(data.draw(st.lists(st.integers(-9, 9), min_size=count, max_size=count)), dtype=float)
    moment = data.draw(st.integers(0, 12))
    later = np.where(days >= moment, values + 1000, values)
    rows = rows_of(shops, days)
    before = days <= moment
    (block, own), (changed_block, changed) = fitted(STEP, rows, values), fitted(STEP, rows, later)
    np.testing.assert_array_equal(own[before], changed[before])
    for kept in (block, changed_block):
        alone = [known(kept, rows.take(np.array([row])))[0] for row in range(count)]
        np.testing.assert_array_equal(known(kept, rows), alone)
        assert not (np.abs(known(kept, rows)[before, :-1]) > 500).any()


def test_series_may_be_named_by_two_columns_and_what_is_kept_is_bounded():
    rows = rows_of(["a", "b"] * 30, np.repeat(np.arange(30), 2)).replaced(
        {"item": TextColumn(np.tile([0, 0, 1, 1], 15).astype(np.int64), ("x", "y"))}
    )
    block, _ = fitted(msgspec.structs.replace(STEP, entity=("shop", "item")), rows, range(60))
    assert len(block.history.entities) == 4
    assert set(block.history.counts) == {7}
    again = msgspec.json.decode(msgspec.json.encode(block), type=Block)
    np.testing.assert_array_equal(known(again, rows), known(block, rows))


def weekly() -> pd.DataFrame:
    """Two shops of which each has weekdays of its own, shuffled."""
    draw = np.random.default_rng(0)
    day, shop = np.tile(np.arange(120), 2), np.repeat([0, 1], 120)
    sold = 10 * ((day + 3 * shop) % 7 < 2) + draw.normal(size=240)
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D")
    return pd.DataFrame({"when": when, "shop": np.array(["a", "b"])[shop], "sold": sold}).sample(frac=1, random_state=0)


SERIES = schema(
    "sold", "regression", split=Split("forward", by="when", folds=2), columns={"when": "date", "shop": "category"}
)


def test_a_recipe_with_lags_learns_saves_and_predicts_the_same(tmp_path):
    data = prepare_training_data(weekly(), SERIES, get_metric("rmse"), seed=0)
    plain, lagged = quick("linear"), Recipe("linear", features=(Lags(entity=("shop",)),))
    assert evaluated(data, tmp_path, lagged).mean < 0.6 * evaluated(data, tmp_path, plain).mean
    folder = fold_folder(tmp_path / "evaluations" / lagged.id, 0)
    predicted = FoldModel.load(folder).predict(data.rows.take(data.folds[0][1]))
    np.testing.assert_allclose(predicted, np.load(folder / "oof.npy"))


def test_lags_of_a_table_without_time_or_of_words_are_refused():
    assert validate_recipe(Recipe("linear", features=(Lags(entity=("shop",)),)), SERIES).valid
    wrong = Recipe("linear", features=(Lags(columns=("shop",), entity=("shup",)),))
    told = " ".join(problem.what for problem in validate_recipe(wrong, SERIES).problems)
    assert "lags are of numbers" in told
    assert 'Did you mean "shop"?' in told
    data = prepared("number", "regression")
    told = validate_recipe(Recipe("linear", features=(Lags(),)), data.schema).problems[0].what
    assert told == "Lags need rows that are split by time; these are random."
    context = FeatureContext(
        data.rows, data.y, data.task, 0, Recipe("linear", features=(Lags(),)), get_family("linear").requirements, 0
    )
    with pytest.raises(RecipeError, match="split by time"):
        fit_features(context, data.inputs, {})


def test_the_delivered_model_of_a_series_has_seen_its_latest_rows(tmp_path):
    day = np.arange(100)
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(day, unit="D")
    frame = pd.DataFrame({"when": when, "shop": "a", "sold": np.where(day < 75, 10.0, 50.0) + day % 2})
    data = prepare_training_data(frame, SERIES, get_metric("rmse"), seed=0)
    assert data.holdout_basis.times.min() > data.basis.times.max()
    tomorrow = data.held_rows.take(np.array([-1])).replaced(
        {"when": DateColumn(data.holdout_basis.times[-1:] + 86_400)}
    )
    recipe = Recipe("linear", features=(Lags(lags=(1, 2), windows=()),))
    found = evaluated(data, tmp_path, recipe)
    measured = FoldModel.load(fold_folder(tmp_path / found.folder, len(data.folds) - 1))
    assert measured.predict(tomorrow)[0, 0] < 40
    refit = plan_refits(data, (EnsembleMember(recipe, 1.0),), (found,))[0]
    fit_refit(data, refit, tmp_path, threads=1, seconds_left=lambda: 60.0)
    assert FoldModel.load(tmp_path / refit.folder).predict(tomorrow)[0, 0] > 45
