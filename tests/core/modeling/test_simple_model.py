"""The simple model of an ensemble: which recipe it is, what it costs, and that it predicts as that recipe alone does."""

import numpy as np
import pytest

from tabsmith.errors import UsageError
from tabsmith.modeling import store
from tabsmith.modeling.comparison import compare_on_holdout
from tabsmith.modeling.decisions.simple_model import choose_simple, save_simple
from tabsmith.modeling.metric_catalogue import get_metric
from tabsmith.modeling.model import load_model
from tabsmith.modeling.results import EnsembleMember, Evaluation, FoldScore
from tabsmith.presentation.models import score_lines
from tabsmith.presentation.spans import plain_text
from tests.core.modeling.shapes import finished, prepared, quick, table


def _evaluation(family: str, mean: float, predict_seconds: float) -> Evaluation:
    folds = tuple(FoldScore(fold, mean, 1.0, predict_seconds) for fold in range(3))
    return Evaluation(quick(family), folds, mean, 0.02, 1.0, family)


def test_it_is_the_quickest_of_the_recipes_that_noise_does_not_tell_from_the_best() -> None:
    found = [_evaluation("lightgbm", 0.30, 5.0), _evaluation("linear", 0.31, 0.1), _evaluation("nearest_neighbors", 0.5, 0.01)]  # fmt: skip
    members = [EnsembleMember(each.recipe, 1 / 3) for each in found]
    chosen = choose_simple(members, found, get_metric("log_loss"))
    assert chosen is not None
    assert chosen.recipe.family == "linear"
    best = choose_simple(members, found, get_metric("roc_auc"))
    assert best is not None
    assert best.recipe.family == "nearest_neighbors"
    assert choose_simple(members[:1], found, get_metric("log_loss")) is None


@pytest.mark.filterwarnings("ignore::tabsmith.errors.NewRowsWarning")  # of users that it never saw
def test_it_is_saved_beside_the_ensemble_and_predicts_as_its_recipe_alone(tmp_path) -> None:
    data = prepared()
    report = finished(data, tmp_path / "run", quick("linear"), quick("random_forest"), importance_seconds=0)
    kept = report.simple
    assert kept is not None
    assert 0 < kept.cost.size < kept.ensemble.size
    assert 0 < kept.cost.seconds < kept.ensemble.seconds
    simple = save_simple(report.model_id)
    alone = finished(data, tmp_path / "alone", kept.recipe, importance_seconds=0)
    assert alone.simple is None
    assert simple.measured_score == kept.score == alone.measured_score
    rows = table(40, seed=9)
    np.testing.assert_allclose(
        load_model(simple.model_id).predict_proba(rows), load_model(alone.model_id).predict_proba(rows)
    )
    compared = compare_on_holdout(report.model_id, simple.model_id)
    assert compared.second_score == pytest.approx(kept.score)
    assert f"tabsmith models simple {report.model_id}" in plain_text(score_lines(report))
    with pytest.raises(UsageError, match="saved before"):
        save_simple(report.model_id)
    with pytest.raises(UsageError, match="No simple model"):
        save_simple(alone.model_id)
    assert store.verify_model(store.model_folder(simple.model_id)).id == simple.model_id
