"""Training from Python: frames and files in, a model out, events on the way, errors by name."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import tabsmith
from tabsmith.errors import PathNotFoundError, ReportedError, SchemaError, TabsmithError, UsageError
from tabsmith.runs import events as run
from tabsmith.runs.events import RunEvent
from tabsmith.tables.schema.types import ManualSchema


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
    ],
)
def test_what_cannot_be_asked_is_refused_before_a_run_is_made(
    table: Path, arguments: dict[str, str], error: type[TabsmithError]
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
