"""Training from Python: frames and files in, a model out, events on the way, errors by name."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import tabsmith
from tabsmith.errors import (
    ModelNotFoundError,
    PathNotFoundError,
    RecipeError,
    ReportedError,
    SchemaError,
    TabsmithError,
    TaskFileError,
    UsageError,
)
from tabsmith.runs import events as run
from tabsmith.runs.events import RunEvent
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.training import stop_and_wait
from tabsmith.runs.watch import RunWatch
from tabsmith.tables.schema.types import ManualSchema
from tests.stories import journals


def test_a_frame_becomes_a_model_that_predicts_it(table: Path) -> None:
    frame = pd.read_csv(table)
    told: list[RunEvent] = []
    model = tabsmith.train(frame, "price", time_limit=60, iterations=2, model="linear", on_event=told.append)
    assert model.predict(frame.head(3)).shape == (3,)
    assert model.report.schema.target == "price"
    assert isinstance(told[0], run.RunStarted)
    assert isinstance(told[-1], run.RunEnded)
    assert tabsmith.load_model(model.id).predict(frame.head(3)).tolist() == model.predict(frame.head(3)).tolist()


def test_a_confirmed_schema_and_a_schema_in_words_are_both_taken(table: Path) -> None:
    frame = pd.read_csv(table)
    schema = tabsmith.detect_schema(frame, "district")
    model = tabsmith.train(frame, "district", time_limit=60, iterations=2, model="linear", schema=schema)
    assert model.classes_.tolist() == ["a", "b", "c"]
    manual = ManualSchema("price", features=("area",))
    model = tabsmith.train(str(table), "price", time_limit=60, iterations=2, model="linear", schema=manual)
    assert [column.name for column in model.report.schema.features] == ["area"]


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"metric": "niceness"}, UsageError),
        ({"model": "nonsense"}, UsageError),
        ({"agent": "nobody"}, UsageError),
        ({"budget": "much"}, UsageError),
        ({"families": ["linear"], "exclude": ["ridge"]}, UsageError),
        ({"recipes": [{"family": "catboost", "parameters": {"depth": 99}}]}, RecipeError),
        ({"resume_from": "gone-abc123"}, ModelNotFoundError),
    ],
)
def test_what_cannot_be_asked_is_refused_before_a_run_is_made(
    table: Path, arguments: dict[str, object], error: type[TabsmithError]
) -> None:
    with pytest.raises(error):
        tabsmith.train(str(table), "price", **arguments)  # type: ignore[arg-type]
    from tabsmith.runs.folder import run_ids

    assert run_ids() == ()


def test_an_error_in_the_worker_is_raised_here_with_its_real_name(table: Path) -> None:
    with pytest.raises(ReportedError) as raised:
        tabsmith.train(str(table), "prize", time_limit=4)
    assert raised.value.report().name == SchemaError.__name__
    assert "price" in str(raised.value)
    with pytest.raises(ReportedError) as raised:
        tabsmith.train(str(table.with_name("gone.csv")), "price", time_limit=4)
    assert raised.value.report().name == PathNotFoundError.__name__


def test_training_works_inside_a_running_event_loop(table: Path) -> None:
    async def notebook() -> str:
        return tabsmith.train(str(table), "price", time_limit=60, iterations=2, model="linear").id

    assert asyncio.run(notebook())


def test_a_script_that_trains_ends_by_itself_and_leaves_no_process(table: Path) -> None:
    program = (
        "import sys, tabsmith\n"
        "model = tabsmith.train(sys.argv[1], 'price', time_limit=60, iterations=2, model='linear')\n"
        "print(model.report.metric.name)\n"
    )
    command = [sys.executable, "-c", program, str(table)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.stdout, done.returncode) == ("rmse\n", 0), done.stderr


def test_what_a_caller_wants_of_the_search_reaches_the_run(table: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.json"
    own.write_text('{"family": "nearest_neighbors", "parameters": {"n_neighbors": 3}}')
    told: list[RunEvent] = []
    tabsmith.train(
        str(table), "price", time_limit=60, iterations=1, groups="rooms", families=["ridge", "knn"], exclude=["knn"],
        recipes=[own, {"family": "linear"}], budget="$2", keep_measured=True, on_event=told.append,
    )  # fmt: skip
    assert isinstance(told[0], run.RunStarted)
    choice = told[0].spec.choice
    assert choice.only_families == ("linear",)
    assert [recipe.family for recipe in choice.recipes] == ["nearest_neighbors", "linear"]
    assert (choice.limits.dollars, choice.keep_measured) == ("2.00", True)
    schema = next(event.schema for event in told if isinstance(event, run.SchemaReady))
    assert (schema.split.kind, schema.split.by) == ("grouped", "rooms")


def test_the_tasks_of_a_file_end_with_a_result_for_each(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABSMITH_PATHS__ALLOWED", str(tmp_path))
    with pytest.raises(TaskFileError):
        tabsmith.run_tasks(tmp_path / "nobody.toml")


def test_a_stopped_run_can_be_deleted_for_its_worker_has_let_go_of_it() -> None:
    story = journals.house_prices().end()
    folder = journals.write(story.events, story.spec)
    worker = folder.lock()

    class Watch(RunWatch):
        """A watch over a run that has ended, whose worker lives on until it is looked at a second time."""

        looks = 0

        def refresh(self) -> RunSnapshot:
            self.looks += 1
            if self.looks == 2:
                worker.release()
            return super().refresh()

    with worker:
        assert stop_and_wait(folder, Watch(folder.id)).state.ended
        folder.delete()
