"""Explained predictions: what the columns add sums to the prediction, whatever the family, and is the same alone and in company."""

import csv
from dataclasses import replace

import msgspec
import numpy as np
import pandas as pd
import pytest

from tabsmith.errors import PredictionError
from tabsmith.families.feature_steps import Arithmetic, Crosses, GroupStatistics, MissingFlags, Select
from tabsmith.families.registry import families
from tabsmith.families.spec import FamilySpec
from tabsmith.modeling.cross_validation import FoldModel, fold_folder
from tabsmith.modeling.decisions.calibration import calibrate
from tabsmith.modeling.decisions.types import Platt, Temperature
from tabsmith.modeling.ensemble import BaggedMember, BaggedModel
from tabsmith.modeling.explanation.background import background_rows, draw_background
from tabsmith.modeling.explanation.contributions import RowExplainer
from tabsmith.modeling.metric_catalogue import get_metric
from tabsmith.modeling.model import Model, load_model
from tabsmith.modeling.predict import predict_file, source_to_predict
from tabsmith.modeling.training_data import TrainingData
from tabsmith.recipes.recipe import DerivedColumn, Recipe
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import FileSource
from tests.core.modeling.shapes import evaluated, finished, prepared, quick, table

TARGETS = (("flag", "binary"), ("level", "multiclass"), ("number", "regression"))
EXACT = {"lightgbm", "catboost", "linear"}


def _bagged(data: TrainingData, folder, recipe: Recipe) -> BaggedModel:
    path = folder / evaluated(data, folder, recipe).folder
    models = tuple(FoldModel.load(fold_folder(path, fold)) for fold in range(len(data.folds)))
    return BaggedModel((BaggedMember(recipe, 1.0, models),))


def _explainer(data: TrainingData, model: BaggedModel) -> RowExplainer:
    return RowExplainer(model, background_rows(draw_background(data.rows, seed=0), data.inputs))


@pytest.mark.parametrize("family", families(), ids=lambda spec: spec.name)
def test_contributions_and_base_sum_to_the_prediction(tmp_path, family: FamilySpec):
    for target, task in TARGETS if family.name in EXACT else TARGETS[1:2]:
        data = prepared(target, task)
        model = _bagged(data, tmp_path / target, quick(family.name))
        rows = data.held_rows.take(np.arange(6))
        explainer = _explainer(data, model)
        found = explainer.explain(rows)
        np.testing.assert_allclose(found.prediction, model.predict(rows), rtol=1e-6, atol=1e-6)
        assert found.exact is (family.name in EXACT)
        sizes = dict(zip(found.columns, np.abs(found.values).mean(axis=(0, 2)), strict=True))
        assert sizes["same"] == sizes["empty"] == 0
        assert sizes["size"] > 0
        alone = explainer.explain(rows.take(np.array([4])))
        np.testing.assert_allclose(alone.values[0], found.values[4], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("target", "task"), TARGETS[:2])
def test_contributions_sum_to_calibrated_probabilities_too(tmp_path, target, task):
    data = prepared(target, task)
    model = _bagged(data, tmp_path, quick("lightgbm"))
    rows = data.held_rows.take(np.arange(6))
    method = Platt(0.6, -0.4) if task == "binary" else Temperature(1.7)
    background = background_rows(draw_background(data.rows, seed=0), data.inputs)
    found = RowExplainer(model, background, calibration=method).explain(rows)
    raw = model.predict(rows)
    np.testing.assert_allclose(found.prediction, calibrate(method, raw), atol=1e-6)
    assert not np.allclose(found.prediction, raw, atol=0.01)


def test_walks_come_to_what_exact_values_are(tmp_path):
    data = prepared("number", "regression", rows=300)
    model = _bagged(data, tmp_path, quick("linear"))
    rows = data.held_rows.take(np.arange(8))
    exact = _explainer(data, model).explain(rows)
    hidden = BaggedModel(
        tuple(
            replace(member, models=tuple(FoldModel(each.features, _Opaque(each.estimator)) for each in member.models))
            for member in model.members
        )
    )
    walked = _explainer(data, hidden).explain(rows)
    assert exact.exact
    assert not walked.exact
    scale = np.abs(exact.values).max()
    assert np.abs(walked.values - exact.values).max() < 0.02 * scale  # a linear model has no noise but from the start


class _Opaque:
    """An estimator that can only be asked for predictions."""

    model = object()

    def __init__(self, estimator):
        self.predict = estimator.predict


def test_contributions_to_a_logarithm_are_carried_over_to_the_number(tmp_path):
    data = replace(prepared("number", "regression"), metric=get_metric("rmsle"))
    model = _bagged(data, tmp_path, quick("lightgbm"))
    rows = data.held_rows.take(np.arange(6))
    found = _explainer(data, model).explain(rows)
    assert model.members[0].models[0].estimator.file.log_target
    assert found.exact
    np.testing.assert_allclose(found.prediction, model.predict(rows), rtol=1e-9)


def test_a_feature_of_two_columns_counts_for_both(tmp_path):
    data = prepared("number", "regression", rows=200)
    recipe = Recipe(
        "linear",
        parameters={"alpha": 1e-3},
        derived=(DerivedColumn("sum", '"size" + "grade"'),),
        dropped=tuple(column.name for column in data.inputs),
    )
    rows = data.held_rows.take(np.arange(5))
    found = _explainer(data, _bagged(data, tmp_path, recipe)).explain(rows)
    values = dict(zip(found.columns, found.values[:, :, 0].T, strict=True))
    np.testing.assert_allclose(values["size"], values["grade"])
    assert np.abs(values["size"]).min() > 0


def test_features_that_steps_have_made_and_selected_count_for_their_columns(tmp_path):
    data = prepared("flag", "binary", rows=300)
    steps = (Arithmetic(most=8), Crosses(most=4), GroupStatistics(most=8), MissingFlags(), Select(most=12))
    recipe = msgspec.structs.replace(quick("lightgbm"), features=steps)
    rows = data.held_rows.take(np.arange(5))
    model = _bagged(data, tmp_path, recipe)
    assert any(len(columns) > 1 for columns in model.members[0].models[0].features.sources)
    found = _explainer(data, model).explain(rows)
    assert found.exact
    np.testing.assert_allclose(found.prediction, model.predict(rows), rtol=1e-6)


@pytest.fixture(scope="module")
def models(tmp_path_factory) -> dict[str, Model]:
    folder = tmp_path_factory.mktemp("explained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TABSMITH_HOME", str(folder / "home"))
        found = {}
        for target, task in TARGETS:
            data = prepared(target, task)
            report = finished(data, folder / target, quick("linear"), quick("lightgbm"), importance_seconds=0)
            found[target] = load_model(load_model(report.model_id).save(folder / f"{target}.zip"))
        return found


@pytest.mark.filterwarnings("ignore::tabsmith.errors.NewRowsWarning")  # users never seen
def test_python_gets_a_frame_whose_rows_sum_to_the_prediction(models):
    rows = table().head(9)
    number = models["number"].explain(rows)
    assert list(number.columns) == [*models["number"].column_names, "base"]
    np.testing.assert_allclose(number.sum(axis=1), models["number"].predict(rows))
    np.testing.assert_allclose(models["flag"].explain(rows).sum(axis=1), models["flag"].predict_proba(rows)[:, 1])
    level = models["level"]
    probabilities = level.predict_proba(rows)
    np.testing.assert_allclose(level.explain(rows).sum(axis=1), probabilities.max(axis=1))
    low = list(level.classes_).index("low")
    np.testing.assert_allclose(level.explain(rows, label="low").sum(axis=1), probabilities[:, low])
    with pytest.raises(PredictionError, match="none of the classes"):
        level.explain(rows, label="lowest")


@pytest.mark.filterwarnings("ignore::tabsmith.errors.NewRowsWarning")  # users never seen
def test_a_file_of_predictions_names_what_moved_each_row_most(models, tmp_path):
    model, path = models["flag"], tmp_path / "rows.csv"
    rows = table().head(7)
    rows.to_csv(path, index=False)
    info = read_source(source_to_predict(model, FileSource(str(path))), allowed=(tmp_path,), max_mb=10)
    done = predict_file(model, info, tmp_path / "out.csv", explain=2)
    assert done.explained == ("contributor 1", "contribution 1", "contributor 2", "contribution 2")
    assert done.explains == "probability of True"
    explained = model.explain(pd.read_csv(path)).drop(columns="base")
    with (tmp_path / "out.csv").open(newline="") as file:
        written = list(csv.DictReader(file))
    for row, line in enumerate(written):
        values = explained.iloc[row]
        first, second = values.abs().sort_values(ascending=False, kind="stable").index[:2]
        assert (line["contributor 1"], line["contributor 2"]) == (first, second)
        assert float(line["contribution 1"]) == pytest.approx(values[first], rel=1e-6)
        assert float(line["contribution 2"]) == pytest.approx(values[second], rel=1e-6)
