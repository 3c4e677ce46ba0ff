"""The dashboard over a real run of an agent, while it is under way: every key is answered, and what it asks is done."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from tabsmith.runs.events import SetLimit
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.spec import Detect, Limits, ModelChoice, RunSpec, new_run_id
from tabsmith.runs.training import start_run
from tabsmith.runs.watch import RunWatch
from tabsmith.storage import lock_owner
from tabsmith.tables.read.sources import FileSource
from tabsmith_tui.screens.run import RunScreen
from tabsmith_tui.screens.trial import TrialScreen
from tabsmith_tui.store import Store
from tests.peers.model_server import ModelServer, Script, Tokens, reply
from tests.tui.run_stage import until

REPLIES = 1_000
"""More than the run comes to before it is limited: the test ends it when the keys are answered."""
ROUNDS = 3


def ridge(number: int) -> Any:
    recipe = {"family": "linear", "parameters": {"alpha": round(0.01 * 1.005**number, 6)}}
    return reply({"recipe": recipe, "reason": "another strength of the same"}, Tokens(input=1_000 + number, output=40))


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with ModelServer(Script(tuple(ridge(number) for number in range(REPLIES)))) as serving:
        monkeypatch.setenv("TABSMITH_AGENTS__LLM__MODEL", "openai:gpt-4o")
        monkeypatch.setenv("TABSMITH_AGENTS__LLM__BASE_URL", f"{serving.url}/v1")
        monkeypatch.setenv("OPENAI_API_KEY", "sk-not-a-real-key-0123456789")
        yield serving


@pytest.fixture
def folder(server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RunFolder]:
    """A real run that has just been started."""
    monkeypatch.setenv("TABSMITH_PATHS__ALLOWED", str(tmp_path))
    table = tmp_path / "houses.csv"
    table.write_text("area,rooms,price\n" + "".join(f"{n},{n % 5},{n * 31 + n % 7}\n" for n in range(40, 240)))
    choice = ModelChoice(agent="llm", limits=Limits(seconds=120, iterations=REPLIES), cores=1)
    made = RunFolder.create(RunSpec(new_run_id(), time.time(), FileSource(str(table)), Detect("price"), choice))
    start_run(made)
    yield made
    worker = lock_owner(made.root / "worker.lock")
    if worker is not None:  # a failed test left it behind, or it is just about to end
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)


async def test_every_key_is_answered_while_an_agent_works(
    make_app: Any, server: ModelServer, folder: RunFolder
) -> None:
    async def press(pilot: Pilot[Any], key: str, answered: Callable[[], object]) -> None:
        await pilot.press(key)
        await until(pilot, answered, f"the answer to {key}")

    async with make_app(Store()).run_test(size=(120, 40)) as pilot:
        screen = RunScreen(folder.id)
        await pilot.app.push_screen(screen)
        await until(pilot, lambda: screen.live.tried >= 1, "the first score")
        await pilot.press("n", *"squares", "enter")
        await until(pilot, lambda: screen.live.notes == ("squares",), "the note taken")
        asked = len(server.requests)
        for _ in range(ROUNDS):
            tried = screen.live.tried
            table = screen.board.table
            await press(pilot, "t", lambda table=table: screen.board.table is not table)
            await press(pilot, "d", lambda: isinstance(pilot.app.screen, TrialScreen))
            await press(pilot, "escape", lambda: pilot.app.screen is screen)
            await until(pilot, lambda tried=tried: screen.live.tried > tried, "another try meanwhile")
        await until(pilot, lambda: len(server.requests) > asked + 1, "a question after the note")
        folder.send(SetLimit(limit="iterations", to="1"))
        await until(pilot, lambda: "iterations" in str(screen.live.exit_reason), "the end")
        run = screen.live

    assert run == RunWatch(folder.id).refresh()
    assert run.outcome == "success"
    assert "squares" in bytes(server.requests[-1].body).decode()
