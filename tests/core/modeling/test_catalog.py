"""Names, notes and aliases of saved models: kept beside the models, which stay as they were saved."""

import pytest

from tabsmith.errors import ModelNotFoundError, UsageError
from tabsmith.modeling import store
from tabsmith.modeling.catalog import DEFAULT_ALIAS, read_catalog
from tabsmith.modeling.model import load_model
from tabsmith.modeling.results import ModelReport
from tests.core.modeling.shapes import finished, prepared, quick


@pytest.fixture
def reports(tmp_path) -> tuple[ModelReport, ...]:
    data = prepared()
    return tuple(
        finished(data, tmp_path / family, quick(family), importance_seconds=0)
        for family in ("linear", "nearest_neighbors")
    )


def test_a_model_is_named_noted_and_listed_so_and_stays_as_it_was_saved(reports):
    first, second = (report.model_id for report in reports)
    store.rename_model(first, "  Churn,\x1b[31m 2026 ")
    store.note_on_model(first, "for the board")
    summaries = {each.id: each for each in store.list_models()}
    assert summaries[first].name == "Churn, 2026"
    assert summaries[first].note == "for the board"
    assert (summaries[second].name, summaries[second].note, summaries[second].aliases) == ("", "", ())
    store.verify_model(store.model_folder(first))
    with pytest.raises(UsageError, match="called"):
        store.rename_model(second, "Churn, 2026")
    store.rename_model(first, "")
    store.note_on_model(first, "")
    assert read_catalog().labels == {}


def test_an_alias_stands_for_a_model_wherever_its_id_does_and_goes_back_to_the_one_before(reports, tmp_path):
    first, second = (report.model_id for report in reports)
    with pytest.raises(ModelNotFoundError):
        load_model(DEFAULT_ALIAS)
    store.promote_model(first)
    store.promote_model(second)
    store.promote_model(DEFAULT_ALIAS)  # the same model again is no step to go back
    assert load_model(DEFAULT_ALIAS).id == second
    assert store.read_report(DEFAULT_ALIAS).model_id == second
    assert load_model(store.export_model(DEFAULT_ALIAS, tmp_path / "model.zip")).id == second
    assert {each.id: each.aliases for each in store.list_models()} == {first: (), second: (DEFAULT_ALIAS,)}
    assert store.roll_back() == first
    assert load_model(DEFAULT_ALIAS).id == first
    with pytest.raises(UsageError, match="no other model"):
        store.roll_back()
    with pytest.raises(ModelNotFoundError):
        store.roll_back("staging")


def test_an_alias_is_no_model_s_id_and_keeps_its_model_from_being_deleted(reports):
    first, second = (report.model_id for report in reports)
    for alias in (second, "", "no spaces", "../up"):
        with pytest.raises(UsageError):
            store.promote_model(first, alias)
    store.rename_model(second, "the second")
    store.promote_model(second, "staging")
    store.promote_model(first, "staging")
    with pytest.raises(UsageError, match="staging"):
        store.delete_model(first)
    with pytest.raises(ModelNotFoundError):
        store.delete_model("staging")
    store.delete_model(second)
    assert read_catalog().labels == {}
    with pytest.raises(UsageError):  # the model before is gone
        store.roll_back("staging")
