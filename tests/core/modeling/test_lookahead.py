"""The look-ahead check: a sound model passes it column by column, and what looks ahead does not."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from msgspec.structs import replace

from tabsmith.errors import SchemaError, UsageError
from tabsmith.families.feature_steps import Arithmetic, DateParts, GroupStatistics, Lags, TargetEncoding, TextParts
from tabsmith.modeling.lookahead import check_lookahead, check_lookahead_in, features_changed, predictions_changed
from tabsmith.modeling.metric_catalogue import get_metric
from tabsmith.modeling.model import Model, load_model
from tabsmith.modeling.rows import NumberColumn, RowArrays
from tabsmith.modeling.training_data import prepare_training_data
from tabsmith.presentation.lookahead import lookahead_lines
from tabsmith.presentation.spans import plain_text
from tabsmith.recipes.recipe import DerivedColumn, Recipe
from tabsmith.tables import snapshot_store
from tabsmith.tables.read.frames import from_frame
from tabsmith.tables.schema.detect import detect_schema
from tabsmith.tables.schema.edits import with_split
from tabsmith.tables.schema.types import Split
from tests.core.modeling.shapes import finished

LATER = np.arange(40) >= 25


def shops() -> pd.DataFrame:
    draw = np.random.default_rng(0)
    rows = 160
    when = pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(rows) // 4, unit="D")
    frame = pd.DataFrame({"when": when, "shop": np.tile(list("abcd"), rows // 4), "promo": draw.normal(size=rows)})
    frame["words"] = draw.choice(["big sale now", "nothing new", "closed early today"], rows)
    return frame.assign(sold=frame["promo"] + draw.normal(size=rows))


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of the shops with a derived column, steps of many kinds and a trend, as an exported file."""
    folder = tmp_path_factory.mktemp("shops")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TABSMITH_HOME", str(folder / "home"))
        schema = detect_schema(from_frame(shops()), "sold")
        assert schema.split.kind == "forward"
        data = prepare_training_data(shops(), schema, get_metric("rmse"), seed=0)
        recipe = Recipe(
            "linear",
            derived=(DerivedColumn("twice", "promo * 2"),),
            encoders={"shop": "target"},
            features=(
                Lags(entity=("shop",)),
                TargetEncoding(),
                GroupStatistics(),
                Arithmetic(),
                TextParts(),
                DateParts(),
            ),
            target="detrend",
        )
        report = finished(data, folder / "run", recipe, importance_seconds=0)
        return load_model(report.model_id).save(folder / "shops.model")


@pytest.fixture
def model(saved: Path) -> Model:
    model = load_model(str(saved))
    model.report = replace(model.report, fingerprint=from_frame(shops()).fingerprint)
    return model


def test_a_sound_model_passes_on_the_table_that_it_was_trained_on(model: Model) -> None:
    report = check_lookahead(model)
    assert [each.column for each in report.columns] == ["shop", "promo", "words", "sold"]
    assert report.looks_ahead == ()
    assert (report.time, report.checked) == ("when", "features and predictions")
    assert report.earlier > 50
    assert report.later > 30
    text = plain_text(lookahead_lines(report))
    assert "Nothing looks ahead" in text
    assert report.moment == "2024-01-16 00:00:00"


def test_a_sound_model_passes_on_the_rows_of_a_file_and_of_another_time(model: Model) -> None:
    report = check_lookahead_in(model, from_frame(shops().drop(columns="sold")))
    assert (report.looks_ahead, report.checked, len(report.columns)) == ((), "predictions", 3)
    with pytest.raises(UsageError, match="no two times"):
        check_lookahead_in(model, from_frame(shops().head(4)))
    with pytest.raises(SchemaError, match="when"):
        check_lookahead_in(model, from_frame(shops()), time="whem")


def test_without_its_table_or_a_time_the_next_step_is_told(model: Model) -> None:
    snapshot_store.snapshot_path(model.report.fingerprint).unlink()
    with pytest.raises(UsageError) as caught:
        check_lookahead(model)
    assert f"check-lookahead {model.id} FILE" in caught.value.next_step
    undated = with_split(model.schema, Split("random"))
    columns = tuple(column for column in undated.columns if column.name != "when")
    model.report = replace(model.report, schema=replace(undated, columns=columns))
    with pytest.raises(SchemaError, match="Nothing orders"):
        check_lookahead(model)


def test_a_prediction_that_knows_the_mean_of_all_rows_looks_ahead() -> None:
    rows = RowArrays(40, {name: NumberColumn(np.random.default_rng(1).normal(size=40)) for name in ("used", "other")})

    def compared_with_all(given: RowArrays) -> np.ndarray:
        return (given.floats("used") - given.floats("used").mean())[:, None]

    assert predictions_changed(compared_with_all, rows, LATER, ["used", "other"]) == {"used": 25, "other": 0}
    assert predictions_changed(lambda given: given.floats("used")[:, None], rows, LATER, ["used"]) == {"used": 0}


def test_features_that_were_fitted_to_all_rows_look_ahead() -> None:
    frame = pd.DataFrame({"shop": list("ab") * 20, "sold": np.arange(40.0)})

    def means_of_all(given: pd.DataFrame) -> np.ndarray:
        return given.groupby("shop")["sold"].transform("mean").to_numpy()[~LATER][:, None]

    def means_of_the_past(given: pd.DataFrame) -> np.ndarray:
        return means_of_all(given[~LATER].reindex(range(40), method="ffill"))

    assert features_changed(frame, LATER, ["shop", "sold"], means_of_all) == {"shop": 25, "sold": 25}
    assert features_changed(frame, LATER, ["shop", "sold"], means_of_the_past) == {"shop": 0, "sold": 0}
