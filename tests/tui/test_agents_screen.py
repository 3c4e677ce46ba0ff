"""The screen of agents: on real settings files, with the real look at what is installed, set and found."""

import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tabsmith.conditions import IterationMetrics
from tabsmith.config import Settings, load
from tabsmith.config.loading import read_file, set_value
from tabsmith.orchestration import events as loop
from tabsmith.workflow.states import State
from tabsmith_tui.app import TabsmithApp
from tabsmith_tui.screens.agents import AgentsScreen
from tabsmith_tui.screens.condition import ConditionScreen
from tabsmith_tui.screens.guided import GuidedScreen
from tabsmith_tui.screens.home import HomeScreen
from tabsmith_tui.widgets.form_rows import SettingRow
from tabsmith_tui.widgets.menu import Menu
from tests.stories import journals
from tests.stories.hostile import HOSTILE
from tests.stories.journals import Story
from tests.tui.guided_drive import drive, guided_app
from tests.tui.guided_stage import Replay
from tests.tui.stage import IdleSupervisor, notices, screen_text, settle

SECRET = "sk-ant-not-to-be-seen-0123456789"
KEYS = {
    "<": "less_than_sign",
    ".": "full_stop",
    " ": "space",
    ":": "colon",
    "/": "slash",
    "-": "minus",
    ">": "greater_than_sign",
}


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which only settings, keys and programs of the test say what agents there are."""
    for name in (
        "OPENAI_API_KEY", "OPENAI_BASE_URL", "OLLAMA_API_KEY", "OLLAMA_BASE_URL", "ANTHROPIC_API_KEY",
        "ANTHROPIC_BASE_URL", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN", "CLAUDE_CODE_USE_BEDROCK",
        "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY", "CLAUDE_CONFIG_DIR",
    ):  # fmt: skip
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))


@pytest.fixture
def told() -> str:
    """A run on disk with four iterations that are over."""
    story = Story().begin()
    for quality, used in ((0.9, 0.3), (0.42, 0.82), (0.8, 0.9), (0.31, 0.96)):
        story.score(journals.LINEAR, "again", 30_000, 500, wins=story.iteration == 0)
        facts = IterationMetrics(iteration=story.iteration, quality=quality, budget_used=used)
        story.tell(loop.IterationEnded(iteration=story.iteration, facts=facts, feedback=""), 0.1)
    return journals.write(story.events).id


def typed(text: str) -> list[str]:
    return [KEYS.get(letter, letter) for letter in text]


def on_disk(home: Path) -> dict[str, object]:
    """What the settings file sets, by key."""
    return read_file(home / "config" / "config.toml")


async def opened(pilot: Any, *keys: str) -> AgentsScreen:
    """The agents' screen, after these keys on it."""
    await settle(pilot)
    await pilot.press("a")
    await settle(pilot)
    screen = pilot.app.screen
    assert isinstance(screen, AgentsScreen)
    await press(pilot, *keys)
    return screen


async def press(pilot: Any, *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
    await settle(pilot)


def row(screen: AgentsScreen, key: str) -> SettingRow:
    return next(each for each in screen.query(SettingRow) if each.setting.key == key)


def words_of(each: SettingRow) -> str:
    return str(each.query_one(".note").content)


def shown(pilot: Any) -> str:
    """Everything on the screen as text."""
    return screen_text(pilot.app)


# Agents --------------------------------------------------------------------------------------------------------------


async def test_all_four_are_listed_with_state_reason_and_next_step(make_app) -> None:
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        assert [option.id for option in screen.query_one("#agents", Menu).options] == [
            "search", "llm", "claude-code", "acp",
        ]  # fmt: skip
        assert "✔ ready: a part of tabsmith" in shown(pilot)
        await press(pilot, "down")
        assert "✘ not ready: The llm agent has no model set" in shown(pilot)
        assert "config set agents.llm.model" in shown(pilot)
        await press(pilot, "down")
        assert "? not checked: " in shown(pilot)


@pytest.mark.parametrize("key", ["enter", "space"])
async def test_a_key_makes_the_agent_under_the_cursor_the_default_in_the_file(
    make_app, tabsmith_home: Path, key: str
) -> None:
    app = make_app()
    async with app.run_test() as pilot:
        await opened(pilot, "down", "down", key)
        assert on_disk(tabsmith_home) == {"agents.default": "claude-code"}
        assert app.settings.agents.default == "claude-code"
        assert "◉ claude-code" in shown(pilot)


async def test_the_state_is_looked_at_again_after_a_change(make_app, tabsmith_home: Path) -> None:
    app = make_app()
    async with app.run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, "down", "tab", *typed("ollama:qwen3"), "enter")
        assert on_disk(tabsmith_home) == {"agents.llm.model": "ollama:qwen3"}
        about = str(screen.query_one("#about").content)
        assert "✔ ready: ollama:qwen3 at 127.0.0.1:11434, without a key" in about
        assert app.agents()[0][:2] == ("search", "llm")
        assert row(screen, "agents.llm.model").setting.source == "file"


async def test_going_on_to_another_field_saves_too(make_app, tabsmith_home: Path) -> None:
    async with make_app().run_test(size=(120, 40)) as pilot:
        await opened(pilot, "down", "down", "down", "tab", *typed("some-agent --acp"), "down")
        assert on_disk(tabsmith_home) == {"agents.acp.command": ["some-agent", "--acp"]}
        await press(pilot, "right")
        assert on_disk(tabsmith_home)["agents.mode"] == "automatic"


async def test_an_emptied_field_goes_back_to_the_default(make_app, tabsmith_home: Path) -> None:
    set_value("agents.timeout", "30")
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        field = row(screen, "agents.timeout")
        field.entry.focus()
        await press(pilot, "backspace", "backspace", "enter")
        assert (field.entry.value, field.setting.source) == ("120", "default")
        assert on_disk(tabsmith_home) == {}


@pytest.mark.parametrize(
    ("key", "text", "words"),
    [("agents.timeout", "soon", "a number from 1 to 3,600"), ("agents.dollars", "a few", "Write it like 2.00")],
)
async def test_a_bad_value_is_refused_beside_the_field_and_stays_as_typed(
    make_app, tabsmith_home: Path, key: str, text: str, words: str
) -> None:
    set_value("agents.mode", "manual")
    before = (tabsmith_home / "config" / "config.toml").read_bytes()
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        bad = row(screen, key)
        bad.entry.focus()
        saved = bad.setting.text
        await press(pilot, *["backspace"] * len(saved), *typed(text), "enter")
        assert bad.entry.value == text
        assert words in words_of(bad)
        assert (tabsmith_home / "config" / "config.toml").read_bytes() == before
        row(screen, "agents.grader").entry.focus()
        await press(pilot, "right")  # another change reads everything anew
        assert on_disk(tabsmith_home)["agents.grader"] == "llm"
        assert bad.entry.value == text
        assert words in words_of(bad)
        await press(pilot, "escape")  # to what is not saved
        assert bad.entry.has_focus
        await press(pilot, "escape")  # taken back
        assert bad.entry.value == saved
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, HomeScreen)


async def test_a_value_of_the_environment_is_shown_with_its_variable_and_cannot_be_changed(
    make_app, tabsmith_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABSMITH_AGENTS__LLM__MODEL", "openai:from-outside")
    monkeypatch.setenv("TABSMITH_AGENTS__DEFAULT", "llm")
    monkeypatch.setenv("TABSMITH_AGENTS__BREAKPOINTS", "time")
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        given = row(screen, "agents.llm.model")
        await press(pilot, "down")
        assert given.entry.value == "openai:from-outside"
        assert given.entry.disabled
        assert "TABSMITH_AGENTS__LLM__MODEL" in words_of(given)
        assert "TABSMITH_AGENTS__BREAKPOINTS" in str(screen.query_one("#breaks-note").content)
        await press(pilot, "down", "enter", "a")
        said = notices(pilot.app)
        assert "TABSMITH_AGENTS__DEFAULT" in said
        assert "TABSMITH_AGENTS__BREAKPOINTS" in said
        assert isinstance(pilot.app.screen, AgentsScreen)
        assert not (tabsmith_home / "config" / "config.toml").exists()


async def test_where_a_key_is_found_is_said_and_never_the_key(
    make_app, tabsmith_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    keys = tabsmith_home / "config" / "keys.env"
    keys.parent.mkdir(parents=True)
    keys.write_text(f"OPENAI_API_KEY={SECRET}2\n")
    keys.chmod(0o600)
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot, "down")
        about = str(screen.query_one("#about").content)
        assert "OPENAI_API_KEY ✔ in the file of keys" in about
        assert "ANTHROPIC_API_KEY ✔ in the environment" in about
        assert "OLLAMA_API_KEY not set" in about
        assert "keys.env" in about
        assert SECRET not in shown(pilot)
        keys.chmod(0o644)
        await press(pilot, "f5")
        assert "may be read by other users" in str(screen.query_one("#about").content)


async def test_the_check_says_whether_the_server_takes_connections(make_app) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        set_value("agents.llm.model", "ollama:qwen3")
        set_value("agents.llm.base_url", f"http://127.0.0.1:{port}/v1")
        async with make_app().run_test(size=(120, 40)) as pilot:
            await opened(pilot, "down", "c")
            assert f"✔ 127.0.0.1:{port} takes connections" in shown(pilot)
            server.close()
            await press(pilot, "c")
            assert f"✘ 127.0.0.1:{port} takes no connection" in shown(pilot)


async def test_a_mistake_in_the_file_is_told_and_mended_by_looking_again(make_app, tabsmith_home: Path) -> None:
    file = tabsmith_home / "config" / "config.toml"
    file.parent.mkdir(parents=True)
    file.write_text("[agents]\ndefautl = 'llm'\n")
    async with make_app().run_test(size=(120, 40)) as pilot:
        await opened(pilot, "enter")
        assert "agents.defautl" in shown(pilot)
        assert file.read_text() == "[agents]\ndefautl = 'llm'\n"
        file.write_text("[agents]\ndefault = 'llm'\n")
        await press(pilot, "f5")
        assert "◉ llm" in shown(pilot)
        assert "defautl" not in shown(pilot)


async def test_from_the_model_form_the_palette_leads_here_and_the_form_shows_what_was_changed(tmp_path: Path) -> None:
    table = tmp_path / "housing.csv"
    table.write_text("Order,Sale_Price\n1,2\n")
    async with drive(guided_app(Replay(), allowed=(tmp_path,))) as driven:
        await driven.to_schema(table)
        await driven.press("enter")
        await driven.at(State.CONFIGURING_MODEL)
        for keys in (["f2"], typed("guided.agents"), ["enter"], ["enter"]):
            await driven.press(*keys)
            await settle(driven.pilot)
        await driven.until(
            lambda: isinstance(driven.app.screen, AgentsScreen) and bool(driven.app.screen.query(SettingRow))
        )
        await driven.press("down", "tab", *typed("ollama:qwen3"), "enter")
        await driven.until(lambda: driven.app.settings.agents.llm.model == "ollama:qwen3")
        await driven.press("escape")
        await driven.until(lambda: isinstance(driven.app.screen, GuidedScreen))
        await driven.until(lambda: "llm" in driven.session.defaults.agents)
        assert driven.session.state == State.CONFIGURING_MODEL


# Breakpoints ---------------------------------------------------------------------------------------------------------


async def test_a_condition_is_tried_while_it_is_typed_and_added_to_the_file(
    make_app, tabsmith_home: Path, told: str
) -> None:
    async with make_app().run_test(size=(120, 40)) as pilot:
        await opened(pilot, "a", *typed("quality < 0.5"))
        assert isinstance(pilot.app.screen, ConditionScreen)
        assert told in shown(pilot)
        assert "Stops the run at 2 of 4 iterations." in shown(pilot)
        assert "quality 0.42 < 0.5" in shown(pilot)
        await press(pilot, "enter")
        assert isinstance(pilot.app.screen, AgentsScreen)
        kept = ["consecutive failures", "rate limit", "quality < 0.5"]
        assert on_disk(tabsmith_home)["agents.breakpoints"] == kept
        assert load().agents.breakpoints == tuple(kept)


async def test_an_unknown_name_is_refused_with_the_nearest_and_nothing_is_saved(make_app, tabsmith_home: Path) -> None:
    async with make_app().run_test(size=(120, 40)) as pilot:
        await opened(pilot, "a", *typed("qualty < 0.5"), "enter")
        screen = pilot.app.screen
        assert isinstance(screen, ConditionScreen)
        assert "The nearest one is 'quality'" in str(screen.query_one("#problems").content)
        assert screen.query_one("ConditionLine").value == "qualty < 0.5"
        await press(pilot, *["backspace"] * 12, *typed("rate limit"), "enter")
        assert "in the list already" in str(screen.query_one("#problems").content)
        assert not (tabsmith_home / "config" / "config.toml").exists()


async def test_a_condition_is_changed_in_its_place_and_removed(make_app, tabsmith_home: Path, told: str) -> None:
    async with make_app().run_test(size=(120, 40)) as pilot:
        screen = await opened(pilot)
        screen.query_one("#breakpoints", Menu).focus()
        await press(pilot, "enter", *["backspace"] * 30, *typed("budget 80%"))
        assert "Stops the run at 1 of 4 iterations." in shown(pilot)
        await press(pilot, "enter")
        assert on_disk(tabsmith_home)["agents.breakpoints"] == ["budget 80 %", "rate limit"]
        await press(pilot, "d")
        assert on_disk(tabsmith_home)["agents.breakpoints"] == ["rate limit"]
        await press(pilot, "delete")
        assert on_disk(tabsmith_home)["agents.breakpoints"] == []
        assert "None: runs pause for you only when a limit is spent" in shown(pilot)
        assert load().agents.breakpoints == ()


async def test_names_are_put_into_the_condition_from_their_list(make_app) -> None:
    async with make_app().run_test(size=(120, 40)) as pilot:
        await opened(pilot, "a", *typed("not"), "tab", "tab")
        names = pilot.app.screen.query_one("NameList")
        names.focus()
        names.highlighted = names.get_option_index("name champion_changed")
        await press(pilot, "enter")
        assert pilot.app.screen.query_one("ConditionLine").value == "not champion_changed "
        names.focus()
        names.highlighted = names.get_option_index("built-in agents disagree")
        await press(pilot, "enter")
        assert pilot.app.screen.query_one("ConditionLine").value == "agents disagree"
        assert "There is no run yet" in shown(pilot)


async def test_another_run_can_be_chosen_to_try_on(told: str) -> None:
    story = Story(journals.spec("20261120-150000-aaaaaa")).begin()
    story.score(journals.LINEAR, "other", 30_000, 500, wins=True)
    story.tell(loop.IterationEnded(iteration=1, facts=IterationMetrics(iteration=1, quality=0.11), feedback=""), 0.1)
    journals.write(story.events, asked=story.spec)
    app = TabsmithApp(Settings(), IdleSupervisor(), clock=lambda: journals.START + 60)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        app.open_screen("agents")
        await settle(pilot)
        await press(pilot, "a", *typed("quality < 0.5"))
        assert "quality 0.11 < 0.5" in shown(pilot)
        await press(pilot, "f4")
        await press(pilot, *typed("7f3a9c"), "enter")
        assert "quality 0.42 < 0.5" in shown(pilot)


# What it stands on ---------------------------------------------------------------------------------------------------


async def test_hostile_words_of_the_settings_are_literal(make_app) -> None:
    async with make_app().run_test(size=(120, 40)) as pilot:
        await opened(pilot, "down")
        for text in HOSTILE:
            set_value("agents.llm.model", text)
            await press(pilot, "f5")
            seen = shown(pilot)
            assert not set(seen) & set("\x1b\x9b\x07\u202e"), repr(text)
            if text.startswith("["):
                assert text[:40] in seen


LIGHT = """
import asyncio, sys
from tabsmith.config import load
from tabsmith_tui.app import TabsmithApp

async def main():
    app = TabsmithApp(load())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("a")
        for _ in range(200):
            await pilot.pause(0.01)
            if app.screen.query("SettingRow"):
                break
        assert app.screen.query("SettingRow")
        await pilot.press("a")
        await pilot.pause()
        assert app.screen.query("NameList")
asyncio.run(main())
heavy = ("pydantic_ai", "claude_agent_sdk", "acp", "openai", "anthropic", "pandas", "sklearn", "duckdb", "numpy")
print(*[name for name in heavy if name in sys.modules])
"""


def test_looking_at_agents_imports_none_of_them() -> None:
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


# Pictures ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def a_local_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A local model is the default; Claude Code has a key; three breakpoints."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", SECRET)
    monkeypatch.setenv("TABSMITH_AGENTS__DOLLARS", "2.00")
    set_value("agents.llm.model", "ollama:qwen3")
    set_value("agents.default", "llm")
    set_value("agents.breakpoints", '["consecutive failures", "budget 80 %", "quality < 0.5 and iteration > 3"]')


@pytest.mark.parametrize("size", [(120, 40), (60, 20)], ids=["large", "small"])
def test_agents(make_app, snap_compare, a_local_model, size: tuple[int, int]) -> None:
    """Four agents, llm the default and under the cursor: why it can be used, where its key would be; its settings with
    their sources, dollars given by the environment; large: beside them, the breakpoints below."""
    assert snap_compare(make_app(), press=["a", "down"], terminal_size=size)


def test_a_refused_value(make_app, snap_compare, a_local_model) -> None:
    """The timeout as it was typed, "not saved", and below it in red what it takes."""
    app = make_app()

    async def bad(pilot: Any) -> None:
        screen = await opened(pilot)
        row(screen, "agents.timeout").entry.focus()
        await press(pilot, *["backspace"] * 3, *typed("soon"), "enter")

    assert snap_compare(app, run_before=bad, terminal_size=(120, 40))


@pytest.mark.parametrize("size", [(120, 40), (60, 20)], ids=["large", "small"])
def test_a_condition(make_app, snap_compare, told: str, size: tuple[int, int]) -> None:
    """A condition understood, and tried on the run of the title: two of four iterations stop, with their values; the
    names it can be made of."""
    assert snap_compare(make_app(), press=["a", "a", *typed("quality < 0.5")], terminal_size=size)
