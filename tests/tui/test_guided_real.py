"""Whole ways from a table to a model, driven by keys, over the real reader and real worker processes."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tabsmith.modeling.store import read_report
from tabsmith.runs.supervisor import Supervisor
from tabsmith.workflow.form import ChoiceField, TextField
from tabsmith.workflow.session import FieldName
from tabsmith.workflow.states import State
from tabsmith_tui.widgets.steps.result import PredictStep
from tabsmith_tui.widgets.steps.train import ReviewStep
from tests.tui.guided_drive import Drive, drive, guided_app

PATIENCE = 40.0


@pytest.fixture
async def supervisor() -> AsyncIterator[Supervisor]:
    """A real one, closed afterwards."""
    made = Supervisor()
    yield made
    await made.close()


async def wait_for(driven: Drive, state: State) -> None:
    await driven.until(lambda: driven.session.state is state, state.value, PATIENCE)


async def train(driven: Drive) -> None:
    """From the schema to a model: one recipe, so that a busy machine takes no longer than it must."""
    await driven.at(State.CONFIRMING_SCHEMA)
    await driven.press("enter")
    await driven.at(State.CONFIGURING_MODEL)
    fields = [field.name for field in driven.view.form.fields if isinstance(field, TextField | ChoiceField)]
    await driven.press(
        *["down"] * fields.index(FieldName.ITERATIONS), "end", "ctrl+u", "1", "enter"
    )  # one is enough here
    await driven.until(lambda: isinstance(driven.view, ReviewStep))
    await driven.press("enter")
    await driven.until(lambda: driven.session.state in (State.TRAINED, State.ERROR), "an end", PATIENCE)
    assert driven.session.problem is None
    await driven.until(lambda: len(driven.app.screen_stack) > 2, "the run's own screen")
    await driven.press("escape")
    await driven.at(State.TRAINED)


async def test_a_sample_becomes_a_model(supervisor: Supervisor) -> None:
    async with drive(guided_app(supervisor, clock=time.time, time_limit=120.0)) as driven:
        await driven.at(State.CHOOSING_DATA_SOURCE)
        await driven.press("down", "enter")
        await driven.at(State.CHOOSING_LOAD_OPTION)
        await driven.press("enter")
        await wait_for(driven, State.CONFIRMING_SCHEMA)
        await train(driven)
        model = driven.session.model
        assert model is not None
        assert model.task == "multiclass"
        assert read_report(model.model_id).run_id == driven.session.run_id


async def test_a_bad_file_then_a_good_one_is_trained_and_predicted(
    supervisor: Supervisor, tmp_path: Path, tabsmith_home: Path
) -> None:
    settings = tabsmith_home / "config" / "config.toml"  # the worker reads the settings for itself
    settings.parent.mkdir(parents=True)
    settings.write_text(f"[paths]\nallowed = [{str(tmp_path)!r}]\n")
    bad = tmp_path / "bad.parquet"
    bad.write_bytes(b"PAR1 this is no parquet file PAR1")
    good = tmp_path / "rooms.csv"
    rows = [
        f"{n},{20 + n * 7 % 90},{('north', 'south', 'east')[n % 3]},{1000 + 31 * (20 + n * 7 % 90)}" for n in range(160)
    ]
    good.write_text("id,area,district,price\n" + "\n".join(rows) + "\n")
    app = guided_app(supervisor, clock=time.time, time_limit=120.0, allowed=(tmp_path,))
    async with drive(app) as driven:
        await driven.give_path(bad)
        await driven.at(State.CHOOSING_LOAD_OPTION)
        await driven.press("enter")
        await wait_for(driven, State.AWAITING_FILE_PATH)
        await driven.until(lambda: driven.view.to_copy() != "", "the error")
        assert driven.session.problem is not None
        assert driven.session.problem.name == "ReadError", driven.view.to_copy()
        assert "ReadError" in driven.shown()
        assert driven.path_typed == str(bad)
        await driven.press("ctrl+u")
        await driven.type(str(good))
        await driven.press("enter")
        await driven.at(State.CHOOSING_LOAD_OPTION)
        await driven.until(lambda: "Memory" in driven.shown(), "the estimate", PATIENCE)
        await driven.press("enter")
        await wait_for(driven, State.CONFIRMING_SCHEMA)
        assert driven.session.schema is not None
        assert driven.session.schema.target == "price"
        await train(driven)
        await driven.press("p")
        await driven.until(lambda: isinstance(driven.view, PredictStep))
        await driven.type(str(good))
        await driven.press("enter")
        await driven.until(lambda: driven.session.prediction is not None, "a prediction", PATIENCE)
        assert driven.session.prediction is not None
        assert driven.session.prediction.rows == 160
    assert (tmp_path / "rooms-predictions.csv").read_text().count("\n") == 161
