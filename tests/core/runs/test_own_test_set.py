"""A run that is measured on a test set of a person's own: what it reports, and what its model can be asked afterwards."""

from pathlib import Path

import pytest

from tabsmith.errors import ExplanationError
from tabsmith.limits import Limits
from tabsmith.modeling.model import load_model
from tabsmith.presentation.models import delivery_sentences, score_lines
from tabsmith.presentation.spans import plain_text
from tabsmith.runs import events as run
from tabsmith.runs.explain import explain_saved_model
from tabsmith.runs.refit import refit_saved_model
from tabsmith.runs.spec import ModelChoice
from tabsmith.tables import snapshot_store
from tabsmith.tables.read.sources import FileSource
from tests.core import houses
from tests.core.runs.conftest import Start, ended, kill, resumed, until


def test_a_model_is_measured_on_the_person_s_own_file_and_learns_from_the_table_alone(
    table: Path, start: Start
) -> None:
    own = table.with_name("own.csv")
    rows = [f"{41 + row}.5,{1 + row % 5},{'abc'[row % 3]},{(41.5 + row) * 31 + row % 5 * 500}" for row in range(30)]
    own.write_text("\n".join(["Area,rooms,district,price", *rows, "50,2,a,"]) + "\n")
    choice = ModelChoice(families=("linear",), keep_measured=True, limits=Limits(60, iterations=1), cores=1)
    folder = start(choice, test=FileSource(str(own)))
    snapshot = ended(folder)
    report = snapshot.report
    assert report is not None, snapshot.error
    assert report.holdout is not None
    assert (report.train_rows, report.holdout.rows, report.holdout.source) == (houses.ROWS, 30, "own.csv")
    assert report.delivery is not None
    assert report.delivery.rows == houses.ROWS
    assert any("1 row without a target" in note for note in report.notes)
    assert "on the test set own.csv, 30 rows no model had seen" in plain_text(score_lines(report))
    read = [event for event in folder.events().read().values if isinstance(event, run.HoldoutTableReady)]
    assert [event.info.fingerprint for event in read] == [report.holdout.fingerprint]
    score = load_model(report.model_id).report.holdout
    assert score == report.holdout

    explained = explain_saved_model(report.model_id, lambda _share, _message: None)
    assert explained.importance  # the score on the test set came out as before, or this were refused
    again = refit_saved_model(report.model_id, lambda _share, _message: None)
    assert again.delivery is not None
    assert again.delivery.rows == houses.ROWS
    assert "from none of the test set" in delivery_sentences(again)[0]

    own.write_text(own.read_text().replace("50,2,a,", "50,2,a,7"))
    snapshot_store.snapshot_path(report.holdout.fingerprint).unlink()
    with pytest.raises(ExplanationError, match="measured on is no longer kept"):
        explain_saved_model(report.model_id, lambda _share, _message: None)


def test_a_resumed_run_refuses_a_test_set_that_has_changed(table: Path, start: Start) -> None:
    own = table.with_name("own.csv")
    own.write_bytes(table.read_bytes())
    choice = ModelChoice(family="linear", limits=Limits(60, iterations=50), cores=1)
    folder = start(choice, test=FileSource(str(own)))
    until(folder, lambda snapshot: snapshot.holdout_info is not None)
    kill(folder)
    own.write_text(own.read_text() + "50,2,a,7\n")
    resumed(folder)
    snapshot = ended(folder)
    assert snapshot.error is not None
    assert snapshot.error.name == "TableChangedError"
    assert "own.csv" in snapshot.error.where


def test_a_test_set_without_the_target_is_refused_before_the_search(table: Path, start: Start) -> None:
    own = table.with_name("own.csv")
    own.write_text("area,rooms,district\n" + "50,2,a\n" * 30)
    snapshot = ended(start(test=FileSource(str(own))))
    assert snapshot.error is not None
    assert snapshot.error.name == "MissingColumnError"
    assert 'The test set lacks 1 column of the table: "price"' in snapshot.error.what
    assert not snapshot.trials
