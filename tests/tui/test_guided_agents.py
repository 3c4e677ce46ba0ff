"""The agent, its budget and when it asks, chosen in the guided steps."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from tabsmith.agents.backend import selectable_agents
from tabsmith.workflow.session import FieldName
from tabsmith.workflow.states import State
from tabsmith_tui.app import TabsmithApp
from tabsmith_tui.widgets.steps.train import ModelStep, ReviewStep
from tests.tui.guided_drive import Drive, drive, guided_app
from tests.tui.guided_stage import Replay


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A table, and a machine on which nothing but settings says what agents there are."""
    for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "housing.csv"
    path.write_text("Order,Sale_Price\n1,2\n")
    return path


def app_with_a_model(folder: Path, supervisor: Replay) -> TabsmithApp:
    """An app whose settings name a local model, which needs no key, and two dollars."""
    app = guided_app(supervisor, allowed=(folder,))
    llm = msgspec.structs.replace(app.settings.agents.llm, model="ollama:qwen3", base_url="http://127.0.0.1:9/v1")
    agents = msgspec.structs.replace(app.settings.agents, llm=llm, dollars="2.00")
    app.settings = msgspec.structs.replace(app.settings, agents=agents)
    return app


async def to_model(driven: Drive, path: Path) -> None:
    """To the model form."""
    await driven.to_schema(path)
    await driven.press("enter")
    await driven.at(State.CONFIGURING_MODEL)


async def test_an_agent_is_chosen_and_the_run_is_asked_for_with_it(table: Path) -> None:
    supervisor = Replay()
    async with drive(app_with_a_model(table.parent, supervisor)) as driven:
        await to_model(driven, table)
        await driven.press("down", "down", "down", "right")
        assert "a language model" in driven.shown()
        await driven.press("down", "down", "right", "right", "enter")
        await driven.until(lambda: isinstance(driven.view, ReviewStep))
        shown = driven.shown()
        assert "--agent llm" in " ".join(shown.split())
        for words in ("$2.00", "before every recipe", "Breakpoints", "consecutive failures"):
            assert words in shown, words
        await driven.press("enter")
        await driven.until(lambda: driven.session.run_id != "")
        choice = supervisor.started[0].choice
        assert (choice.agent, choice.limits.dollars, choice.mode) == ("llm", "2.00", "manual")
        assert choice.breakpoints == ("consecutive failures", "rate limit")


async def test_an_agent_that_cannot_be_used_says_why_and_what_to_do_and_training_does_not_begin(table: Path) -> None:
    supervisor = Replay()
    async with drive(guided_app(supervisor, allowed=(table.parent,))) as driven:
        await to_model(driven, table)
        await driven.press("down", "down", "down", "right")
        await driven.until(lambda: driven.session.draft(FieldName.AGENT) == "llm")
        await driven.press("enter")
        await driven.until(lambda: "agents.llm.model" in driven.shown(), "the reason")
        assert isinstance(driven.view, ModelStep)
        assert supervisor.started == []


async def test_a_budget_that_is_none_is_named_beside_its_field(table: Path) -> None:
    async with drive(guided_app(Replay(), allowed=(table.parent,))) as driven:
        await to_model(driven, table)
        await driven.press("down", "down", "down", "down", *"much", "enter")
        await driven.until(lambda: "Write it like $2" in driven.shown(), "the problem")
        await driven.press(*["backspace"] * 4, *"1.50", "enter")
        await driven.until(lambda: isinstance(driven.view, ReviewStep))
        assert "--budget 1.50" in " ".join(driven.shown().split())


def test_what_can_be_chosen_is_told_without_a_package_of_an_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    found: Any = selectable_agents(guided_app().settings.agents)
    assert "search" in found[0]
    assert set(found[0]) | set(found[1]) == {"search", "llm", "claude-code", "acp"}
    assert "agents.acp.command" in found[1]["acp"]
