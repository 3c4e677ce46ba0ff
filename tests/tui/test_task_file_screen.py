"""A task file written step by step: real files and folders, checked while it is typed, saved, run."""

import tomllib
from pathlib import Path
from typing import Any

import pytest

from tabsmith import tasks
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.spec import RunSpec
from tabsmith.tables.read.sources import TasksSource
from tabsmith_tui.screens.dialogs import ErrorScreen, QuestionScreen
from tabsmith_tui.screens.home import HomeScreen
from tabsmith_tui.screens.run import RunScreen
from tabsmith_tui.screens.task_file import TaskFileScreen
from tabsmith_tui.widgets.fields import PickLine
from tabsmith_tui.widgets.form_rows import TaskRow
from tabsmith_tui.widgets.menu import Menu
from tests.stories.hostile import HOSTILE
from tests.tui.stage import IdleSupervisor, screen_text, settle

LARGE = (120, 44)
FILE = """\
# kept by hand
[budget]
iterations = 6
dollars = "1.00"

[[task]]
name = "calculator"
goal = "Write calculator.py."
folder = "calc"
accept = "python3 -m pytest -q"
turns = 7
[task.may]
write = ["*.py"]
run = ["python3 *", "ls"]

[[task]]
name = "report"
goal = "Say what it can do."
folder = "report"
accept = "test -s report.md"
depends_on = ["calculator"]
"""


class Recorder(IdleSupervisor):
    """Makes the run's folder, as the real one does, and starts no worker."""

    async def start_run(self, spec: RunSpec) -> Any:
        self.started.append(spec)
        return RunFolder.create(spec)


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder that the program is in; a key of Claude Code, so that it can be used."""
    work = tmp_path / "work"
    work.mkdir()
    monkeypatch.chdir(work)
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-of-the-test")
    return work


async def press(pilot: Any, *keys: str) -> None:
    for key in keys:
        await pilot.press(key)
    await settle(pilot)


async def opened(pilot: Any) -> TaskFileScreen:
    await settle(pilot)
    await press(pilot, "k")
    screen = pilot.app.screen
    assert isinstance(screen, TaskFileScreen)
    return screen


async def fill(pilot: Any, **texts: str) -> None:
    """Go to each field, and paste into it."""
    for name, text in texts.items():
        entry = pilot.app.screen.query_one(f"#row-{name}", TaskRow).entry
        assert not isinstance(entry, PickLine)
        entry.focus()
        if hasattr(entry, "load_text"):
            entry.load_text(text)
        else:
            entry.value = text
    await settle(pilot)


async def fill_one(pilot: Any) -> None:
    await fill(pilot, name="calculator", goal="Write calculator.py\nwith four operations.", folder="calc")
    await fill(pilot, accept="test -s calculator.py", run="python3 *\nls", iterations="6", dollars="1.50")


async def open_file(pilot: Any, path: Path) -> None:
    await press(pilot, "f7")
    pilot.app.screen.query_one("PathLine").value = str(path)
    await press(pilot, "enter")


def words_of(screen: Any, name: str) -> str:
    return str(screen.query_one(f"#row-{name} .note").content)


def shown(pilot: Any) -> str:
    return screen_text(pilot.app)


async def test_a_file_written_in_the_form_reads_back_as_it_was_typed(make_app, place: Path) -> None:
    async with make_app().run_test(size=LARGE) as pilot:
        await opened(pilot)
        await fill_one(pilot)
        await press(pilot, "f4")
        await fill(pilot, name="report", goal="Say it.", folder="report", accept="test -s r.md")
        await fill(pilot, depends_on="calculator", rubric="short")
        assert "ready to run" in shown(pilot)
        await press(pilot, "f8")
    found = tasks.read(place / "tasks.toml", allowed=(place,))
    assert (found.budget.iterations, found.budget.dollars) == (6, "1.50")
    assert [each.name for each in found.tasks] == ["calculator", "report"]
    assert found.tasks[0].goal == "Write calculator.py\nwith four operations."
    assert found.tasks[0].may.run == ("python3 *", "ls")
    assert (found.tasks[1].depends_on, found.tasks[1].rubric) == (("calculator",), "short")


WRONG = (
    ("name", "two words", "must be a word"),
    ("folder", "/etc", "lies outside the folders that may be used"),
    ("accept", "no-such-program-here --now", "there is no program 'no-such-program-here'"),
    ("depends_on", "calculater", "there is no task 'calculater'; the nearest one is 'calculator'"),
    ("iterations", "many", "must be a whole number such as 20"),
    ("iterations", "-3", "whole number from 1"),
    ("dollars", "a lot", "an amount such as"),
    ("seconds", "soon", "must be a number such as 600"),
    ("file", "", "is empty: type a path"),
    ("goal", "", "is empty"),
)


def text_of(screen: Any, field: str) -> str:
    entry = screen.query_one(f"#row-{field}", TaskRow).entry
    return str(entry.text if hasattr(entry, "load_text") else entry.value)


async def test_what_is_wrong_is_said_beside_its_field_and_what_was_typed_stays(make_app, place: Path) -> None:
    async with make_app().run_test(size=LARGE) as pilot:
        screen = await opened(pilot)
        await fill_one(pilot)
        for field, typed, what in WRONG:
            right = text_of(screen, field)
            await fill(pilot, **{field: typed})
            assert what in words_of(screen, field)
            others = [row.key for row in screen.query(TaskRow) if row.key != field and "✘" in words_of(screen, row.key)]
            assert others == [], field
            assert text_of(screen, field) == typed
            screen.query_one("#row-name", TaskRow).entry.focus()
            await press(pilot, "f8")
            assert screen.query_one(f"#row-{field}", TaskRow).entry.has_focus
            assert not (place / "tasks.toml").exists(), field
            await fill(pilot, **{field: right})


async def test_an_empty_form_complains_only_when_it_is_to_be_saved(make_app) -> None:
    async with make_app().run_test(size=LARGE) as pilot:
        screen = await opened(pilot)
        assert not any("✘" in words_of(screen, row.key) for row in screen.query(TaskRow))
        assert "missing or wrong" in shown(pilot)
        await press(pilot, "f9")
        assert screen.query_one("#row-name", TaskRow).entry.has_focus
        assert all("is empty" in words_of(screen, name) for name in ("name", "goal", "folder", "accept"))
        assert pilot.app.screen is screen


async def test_an_opened_file_keeps_what_the_form_does_not_show_and_is_replaced_only_after_a_question(
    make_app, place: Path
) -> None:
    path = place / "mine.toml"
    path.write_text(FILE)
    async with make_app().run_test(size=LARGE) as pilot:
        await opened(pilot)
        await open_file(pilot, path)
        assert "Task 1 of 2" in shown(pilot)
        await fill(pilot, name="calc")
        await press(pilot, "f5", "down")
        assert "there is no task 'calculator'" in words_of(pilot.app.screen, "depends_on")
        await fill(pilot, depends_on="calc")
        await press(pilot, "f8")
        assert isinstance(pilot.app.screen, QuestionScreen)
        assert "Comments in it are lost" in shown(pilot)
        await press(pilot, "enter")
        assert path.read_text() == FILE
        await press(pilot, "f8", "down", "enter")
    found = tasks.read(path, allowed=(place,))
    first = found.tasks[0]
    assert (first.name, first.turns, first.may.write) == ("calc", 7, ("*.py",))
    assert found.tasks[1].depends_on == ("calc",)


async def test_a_file_that_is_wrong_is_refused_with_its_mistakes_and_the_form_stays(make_app, place: Path) -> None:
    path = place / "bad.toml"
    path.write_text(FILE.replace("goal =", "gaol =", 1))
    async with make_app().run_test(size=LARGE) as pilot:
        screen = await opened(pilot)
        await open_file(pilot, path)
        assert isinstance(pilot.app.screen, ErrorScreen)
        assert "the nearest one is 'goal'" in shown(pilot)
        await press(pilot, "escape")
        assert pilot.app.screen is screen


async def test_tasks_are_added_and_removed_from_the_list(make_app) -> None:
    async with make_app().run_test(size=LARGE) as pilot:
        screen = await opened(pilot)
        await fill_one(pilot)
        await press(pilot, "f4")
        await fill(pilot, name="second")
        await press(pilot, "f5", "a")
        assert screen.query_one("#tasks", Menu).option_count == 3
        await press(pilot, "f5", "d")
        assert "Task 2 of 2" in shown(pilot)
        assert screen.query_one("#row-name", TaskRow).entry.value == "second"
        await press(pilot, "f5", "d")
        assert isinstance(pilot.app.screen, QuestionScreen)
        await press(pilot, "down", "enter")
        assert "Task 1 of 1" in shown(pilot)
        await press(pilot, "f5", "d", "down", "enter")
        assert "there is no task" in shown(pilot)


async def test_an_unchanged_file_runs_as_it_stands_in_the_settings_mode(make_app, place: Path) -> None:
    path = place / "mine.toml"
    path.write_text(FILE)
    supervisor = Recorder()
    async with make_app(supervisor=supervisor).run_test(size=LARGE) as pilot:
        await opened(pilot)
        await open_file(pilot, path)
        await press(pilot, "f9")
        assert isinstance(pilot.app.screen, RunScreen)
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, TaskFileScreen)
    (spec,) = supervisor.started
    assert spec.source == TasksSource(str(path), FILE)
    assert (spec.choice.agent, spec.choice.limits.iterations, spec.choice.limits.dollars) == ("claude-code", 6, "1.00")
    assert spec.choice.mode == pilot.app.settings.agents.mode
    assert path.read_text() == FILE


async def test_a_file_changed_by_another_meanwhile_is_read_again_and_not_run(make_app, place: Path) -> None:
    path = place / "mine.toml"
    path.write_text(FILE)
    supervisor = Recorder()
    async with make_app(supervisor=supervisor).run_test(size=LARGE) as pilot:
        await opened(pilot)
        await open_file(pilot, path)
        path.write_text(FILE.replace("Write calculator.py.", "Write it anew."))
        await press(pilot, "f9")
        assert "Write it anew." in shown(pilot)
        assert supervisor.started == []
        await press(pilot, "f9")
    assert "Write it anew." in supervisor.started[0].source.text


async def test_save_and_run_writes_what_is_run(make_app, place: Path) -> None:
    supervisor = Recorder()
    async with make_app(supervisor=supervisor).run_test(size=LARGE) as pilot:
        await opened(pilot)
        await fill_one(pilot)
        await press(pilot, "f9")
        assert isinstance(pilot.app.screen, RunScreen)
    (spec,) = supervisor.started
    assert spec.source.text == (place / "tasks.toml").read_text()
    assert tomllib.loads(spec.source.text)["task"][0]["name"] == "calculator"


async def test_an_agent_that_cannot_be_used_is_named_and_nothing_starts(make_app, place: Path) -> None:
    supervisor = Recorder()
    async with make_app(supervisor=supervisor).run_test(size=LARGE) as pilot:
        screen = await opened(pilot)
        await fill_one(pilot)
        screen.query_one("#row-agent", TaskRow).entry.focus()
        await press(pilot, "right")
        assert "not ready" in words_of(screen, "agent")
        await press(pilot, "f9")
        assert isinstance(pilot.app.screen, ErrorScreen)
        assert "The agent acp cannot be used" in shown(pilot)
    assert supervisor.started == []


async def test_leaving_asks_when_something_is_not_saved(make_app) -> None:
    async with make_app().run_test(size=LARGE) as pilot:
        screen = await opened(pilot)
        await fill(pilot, name="calculator")
        await press(pilot, "escape", "enter")
        assert pilot.app.screen is screen
        await press(pilot, "escape", "down", "enter")
        assert isinstance(pilot.app.screen, HomeScreen)


async def test_hostile_words_of_a_file_are_literal(make_app, place: Path) -> None:
    async with make_app().run_test(size=LARGE) as pilot:
        await opened(pilot)
        for text in HOSTILE:
            await fill(pilot, name=text, goal=text, depends_on=text)
            assert not set(shown(pilot)) & set("\x1b\x9b\x07\u202e"), repr(text)


# Pictures ------------------------------------------------------------------------------------------------------------


def test_two_tasks(make_app, snap_compare, place: Path) -> None:
    """Large: file, budget and the list of two tasks on the left, the second with ! and "after calculater"; on the
    right its fields, under "depends on" in red that there is no such task, with the nearest one."""

    async def typed(pilot: Any) -> None:
        await opened(pilot)
        await fill_one(pilot)
        await press(pilot, "f4")
        await fill(pilot, name="report", goal="Say what it can do.", folder="report", accept="test -s report.md")
        await fill(pilot, depends_on="calculater")

    assert snap_compare(make_app(), run_before=typed, terminal_size=(120, 40))


def test_an_empty_file_asked_to_run(make_app, snap_compare, place: Path) -> None:
    """80x24, one above the other: the name has the focus and says that it is empty."""
    assert snap_compare(make_app(), press=["k", "f9"], terminal_size=(80, 24))
