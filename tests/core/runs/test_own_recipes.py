"""A person's own recipes in a real run, and what a later run on the same table takes from it."""

import pytest

from tabsmith.errors import UsageError
from tabsmith.limits import Limits
from tabsmith.modeling import store
from tabsmith.modeling.model import load_model
from tabsmith.orchestration import events as loop
from tabsmith.recipes.recipe import Recipe
from tabsmith.runs import events as run
from tabsmith.runs.refit import refit_saved_model
from tabsmith.runs.spec import ModelChoice
from tests.core import houses
from tests.core.runs.conftest import Start, ended

OWN = Recipe("nearest_neighbors", "mine", parameters={"n_neighbors": 3})


def test_a_person_s_recipe_is_fitted_first_and_a_later_run_goes_on_from_its_model(start: Start) -> None:
    folder = start(ModelChoice(families=("linear",), recipes=(OWN,), limits=Limits(60, iterations=2), cores=1))
    first = ended(folder)
    assert [(trial.agent, trial.recipe and trial.recipe.family) for trial in first.trials] == [
        ("person", "nearest_neighbors"),
        ("search", "linear"),
    ]
    assert first.trials[0].recipe == OWN
    assert first.report is not None

    again = start(ModelChoice(resume_from=first.report.model_id, limits=Limits(60, iterations=1), cores=1))
    second = ended(again)
    members = {member.recipe.id for member in store.read_report(first.report.model_id).members}
    assert second.trials[0].recipe is not None
    assert second.trials[0].recipe.id in members
    assert first.report.model_id in second.trials[0].reason
    notes = [event.message for event in again.events().read().values if isinstance(event, loop.Noted)]
    assert any("go first" in note for note in notes)


def test_a_model_that_was_kept_as_measured_is_fitted_again_on_request_as_a_model_of_its_own(start: Start) -> None:
    choice = ModelChoice(families=("extra_trees",), keep_measured=True, limits=Limits(60, iterations=1), cores=1)
    measured = ended(start(choice)).report
    assert measured is not None
    assert measured.delivery is not None
    assert measured.delivery.refitted == 0
    report = refit_saved_model(measured.model_id, lambda _share, _message: None)
    assert report.delivery is not None
    assert (report.delivery.refitted, report.delivery.rows) == (1, houses.ROWS)
    assert report.holdout == measured.holdout
    assert (store.model_folder(report.model_id) / f"members/0-{report.members[0].recipe.id}/all-0").is_dir()
    load_model(report.model_id)
    assert store.read_report(measured.model_id) == measured
    for again in (measured.model_id, report.model_id):
        with pytest.raises(UsageError):
            refit_saved_model(again, lambda _share, _message: None)


def test_a_recipe_that_comes_in_while_the_run_works_is_tried_as_theirs(start: Start) -> None:
    folder = start(ModelChoice(family="linear", limits=Limits(60, iterations=3), cores=1))
    folder.send(run.TryRecipe(recipe=OWN))
    snapshot = ended(folder)
    assert [trial.recipe for trial in snapshot.trials if trial.agent == "person"] == [OWN]
    assert snapshot.queued == (OWN,)
