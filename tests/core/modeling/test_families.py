"""Every family on every shape of table: fitted, saved, loaded, predicting the same."""

import subprocess
import sys

import msgspec
import numpy as np
import pandas as pd
import pytest

from tabsmith.errors import RecipeError
from tabsmith.families.registry import family_names
from tabsmith.modeling import cross_validation, metrics
from tabsmith.modeling.ensemble import FoldModel
from tabsmith.modeling.metric_catalogue import default_metric
from tabsmith.modeling.training_data import prepare_training_data
from tabsmith.recipes.recipe import Recipe
from tabsmith.tables.schema.types import Split
from tests.core.modeling.shapes import evaluated, prepared, quick, schema, table

TARGETS = [("flag", "binary"), ("one_two", "binary"), ("level", "multiclass"), ("number", "regression")]


@pytest.mark.parametrize("family", family_names())
@pytest.mark.parametrize(("target", "task"), TARGETS)
def test_every_family_learns_and_predicts_the_same_once_loaded(tmp_path, family, target, task):
    data = prepared(target, task)
    recipe = quick(family)
    found = evaluated(data, tmp_path, recipe)
    constant = np.full((data.train_rows, data.outputs), data.y.mean())
    if data.classes:
        constant[:] = np.bincount(data.y) / data.train_rows
    without = metrics.score(data.metric, data.y, constant, data.classes)
    if family != "nearest_neighbors":  # too many columns of noise for it
        assert data.metric.better(found.mean, without) or found.mean < 2 * without
    place = cross_validation.fold_folder(tmp_path / found.folder, 0)
    again = FoldModel.load(place).predict(data.rows.take(data.folds[0][1]))
    np.testing.assert_allclose(again, np.load(place / cross_validation.PREDICTIONS_FILE), rtol=1e-6)


def test_every_family_fits_in_a_child_forked_after_preparing(tmp_path):
    command = [sys.executable, "-m", "tests.core.modeling.forking", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.stdout.split() == list(family_names()), done.stderr


@pytest.mark.parametrize("family", family_names())
def test_a_deadline_long_gone_still_gives_a_model(tmp_path, family):
    data = prepared("level", "multiclass")
    score = cross_validation.fit_fold(data, Recipe(family), 0, tmp_path / "late", threads=1, seconds_left=lambda: -1)
    assert score.score == score.score
    if family in ("lightgbm", "catboost", "random_forest", "extra_trees", "hist_gradient_boosting"):
        cross_validation.fit_fold(data, Recipe(family), 0, tmp_path / "whole", threads=1, seconds_left=lambda: 600)
        late, whole = (sum(path.stat().st_size for path in (tmp_path / name).rglob("*")) for name in ("late", "whole"))
        assert late < whole  # fewer trees


@pytest.mark.parametrize("family", family_names())
def test_the_same_seed_gives_the_same_scores(tmp_path, family):
    first, second = (evaluated(prepared(), tmp_path / name, quick(family)) for name in ("one", "two"))
    assert [fold.score for fold in first.folds] == [fold.score for fold in second.folds]


@pytest.mark.parametrize("family", family_names())
def test_thirty_rows_three_hundred_columns_and_thirty_classes_are_no_obstacle(tmp_path, family):
    draw = np.random.default_rng(0)
    wide = pd.DataFrame(draw.normal(size=(60, 300)), columns=[f"c{place}" for place in range(300)])
    wide["thirty"] = [f"class {place % 30}" for place in range(60)]
    kinds = dict.fromkeys(wide.columns[:-1], "numeric")
    data = prepare_training_data(
        wide, schema("thirty", "multiclass", columns=kinds), default_metric("multiclass"), seed=0
    )
    fewest = {
        "hist_gradient_boosting": {"max_iter": 3},
        "catboost": {"iterations": 5},
        "lightgbm": {"n_estimators": 10},
    }
    assert evaluated(data, tmp_path / "wide", quick(family, **fewest.get(family, {}))).mean > 0
    tiny = prepared("flag", "binary", rows=30)
    assert 0 <= evaluated(tiny, tmp_path / "tiny", quick(family)).mean <= 1


@pytest.mark.parametrize("family", ["linear", "lightgbm", "catboost", "random_forest"])
@pytest.mark.parametrize("encoder", ["auto", "target"])
def test_a_random_column_of_many_values_does_not_predict_a_random_target(tmp_path, family, encoder):
    draw = np.random.default_rng(3)
    noise = pd.DataFrame(
        {"user": draw.choice([f"u{place}" for place in range(150)], 400), "flag": draw.random(400) > 0.5}
    )
    data = prepare_training_data(
        noise, schema("flag", "binary", columns={"user": "category"}), default_metric("binary"), seed=0
    )
    recipe = msgspec.structs.replace(quick(family), encoders={"user": encoder})
    found = evaluated(data, tmp_path, recipe)
    assert abs(found.mean - 0.5) < 3 * max(found.standard_error, 0.03)


@pytest.mark.parametrize("encoder", ["one_hot", "ordinal", "target", "frequency", "native", "drop"])
def test_every_encoder_serves_a_category(tmp_path, encoder):
    data = prepared()
    recipe = msgspec.structs.replace(quick("lightgbm"), encoders={"colour": encoder})
    assert evaluated(data, tmp_path, recipe).mean > 0.7


def test_values_never_seen_and_columns_all_missing_are_predicted(tmp_path):
    data = prepared()
    strange = table(5)
    strange["colour"] = "ultraviolet"
    strange["words"] = "nothing known"
    strange["size"] = np.nan
    from tabsmith.modeling.rows import read_rows

    for family in family_names():
        cross_validation.fit_fold(data, quick(family), 0, tmp_path / family, threads=1, seconds_left=lambda: 60)
        model = FoldModel.load(cross_validation.fold_folder(tmp_path / family, 0))
        made = model.predict(read_rows(strange.drop(columns=["day", "grade"]), data.inputs).rows)
        assert np.isfinite(made).all()
        np.testing.assert_allclose(made.sum(axis=1), 1.0)


def test_derived_columns_are_computed_and_used(tmp_path):
    from tabsmith.recipes.recipe import DerivedColumn

    frame = pd.DataFrame(
        {"a": np.random.default_rng(0).normal(size=200), "b": np.random.default_rng(1).normal(size=200)}
    )
    frame["flag"] = frame["a"] * frame["b"] > 0
    data = prepare_training_data(
        frame,
        schema("flag", "binary", columns={"a": "numeric", "b": "numeric"}),
        default_metric("binary"),
        seed=0,
    )
    plain = quick("linear")
    derived = msgspec.structs.replace(plain, derived=(DerivedColumn("product", "a * b"),))
    assert evaluated(data, tmp_path, plain).mean < 0.7
    assert evaluated(data, tmp_path, derived).mean > 0.95


def test_forward_folds_and_grouped_folds_are_fitted(tmp_path):
    forward = prepared("number", "regression", split=Split("forward", by="day", folds=3))
    grouped = prepared("flag", "binary", split=Split("grouped", by="user", folds=3))
    assert evaluated(forward, tmp_path / "forward", quick("lightgbm")).mean > 0
    assert evaluated(grouped, tmp_path / "grouped", quick("lightgbm")).mean > 0.5


def test_an_unknown_parameter_or_encoder_is_refused_in_words(tmp_path):
    data = prepared()
    with pytest.raises(RecipeError, match='no parameter "trees"'):
        evaluated(data, tmp_path, Recipe("linear", parameters={"trees": 3}))
    with pytest.raises(RecipeError, match="no native categories"):
        evaluated(data, tmp_path, Recipe("linear", encoders={"colour": "native"}))


def test_balanced_weights_reach_every_family_that_knows_them(tmp_path):
    data = prepared()
    for family in ("linear", "random_forest", "hist_gradient_boosting", "lightgbm"):
        weighed = evaluated(data, tmp_path, quick(family, class_weight="balanced"))
        assert weighed.mean > 0.6
    assert evaluated(data, tmp_path, quick("catboost", auto_class_weights="Balanced")).mean > 0.6


def test_every_linear_penalty_is_fitted(tmp_path):
    for target, task in (("flag", "binary"), ("level", "multiclass"), ("number", "regression")):
        data = prepared(target, task)
        for penalty in ("l2", "l1", "elasticnet", "none"):
            found = evaluated(data, tmp_path / target, quick("linear", penalty=penalty))
            assert found.mean == found.mean


def test_hist_boosting_predicts_as_scikit_learn_does(tmp_path):
    from tabsmith.families import hist_gradient_boosting

    for target, task in (("flag", "binary"), ("level", "multiclass"), ("number", "regression")):
        data = prepared(target, task)
        cross_validation.fit_fold(
            data, quick("hist_gradient_boosting"), 0, tmp_path / target, threads=1, seconds_left=lambda: 60
        )
        model = FoldModel.load(cross_validation.fold_folder(tmp_path / target, 0))
        core = model.estimator.model
        assert isinstance(core, hist_gradient_boosting.HistGradientBoostingModel)
        matrix = model.features.transform(data.rows)
        public = core.model.predict(matrix).reshape(-1, 1) if not data.classes else core.model.predict_proba(matrix)
        np.testing.assert_allclose(core.predict(matrix), public, rtol=1e-12)
