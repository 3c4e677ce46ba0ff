"""Hostile names in a real pseudo-terminal: shown as they are written, never acted on, never sent to it raw."""

from pathlib import Path

import pytest

from tests.stories.hostile import HOSTILE, LONG, MARKS
from tests.tui.terminal import Terminal, foreign_controls, python_app

ROOT = Path(__file__).resolve().parents[2]

APP = """
from tabsmith.config import Settings
from tabsmith.errors import ErrorReport
from tabsmith.modeling.results import PredictedFile
from tabsmith.runs.events import RunState
from tabsmith.runs.jobs import JobFailed, Predicted, Progressed
from tabsmith.tables.info import Preview
from tabsmith_tui.app import TabsmithApp
from tabsmith_tui.store import SavedSession
from tests.stories.hostile import HOSTILE
from tests.tui.stage import NOW, FixedStore, IdleSupervisor, model_summary, run_summary

states = list(RunState)
store = FixedStore(
    runs=tuple(
        run_summary(n, states[n % len(states)], source=name, target=name, problem=name, model_id=name)
        for n, name in enumerate(HOSTILE)
    ),
    models=tuple(
        model_summary(n, id="m%d" % n, source=name, target=name, metric=name, members=(name,), damaged=name if n % 5 == 4 else "")
        for n, name in enumerate(HOSTILE)
    ),
    saved=SavedSession(HOSTILE[3], HOSTILE[5], NOW),
)
answer = {answer}
supervisor = IdleSupervisor(answer, progress=tuple(Progressed(0.5, name) for name in HOSTILE))
app = TabsmithApp(Settings(), supervisor, store=store, clock=lambda: NOW)
app.run()
"""
DONE = """Predicted(
    PredictedFile("m0", 3, HOSTILE, HOSTILE[4], missing=HOSTILE, extra=HOSTILE, unparsable=1),
    Preview(HOSTILE, tuple(tuple(HOSTILE) for _ in range(3))))"""
FAILED = (
    "JobFailed(ErrorReport('[/nope]', what=HOSTILE[3], where=HOSTILE[4], next_step=HOSTILE[5], details=HOSTILE[6]))"
)


def start(home: Path, answer: str = DONE, columns: int = 80, lines: int = 24) -> Terminal:
    environ = {"PYTHONPATH": str(ROOT), "TABSMITH_HOME": str(home), "TEXTUAL_ANIMATIONS": "none"}
    code = APP.replace("{answer}", answer)
    return Terminal(python_app(code), columns=columns, lines=lines, environ=environ, cwd=ROOT)


def assert_calm(terminal: Terminal) -> None:
    """Nothing of theirs reached the terminal, and the program ended as it should."""
    terminal.press("ctrl+q")
    terminal.wait_until(lambda: terminal.process.poll() is not None or "leave running" in terminal.text, "leaving")
    if terminal.process.poll() is None:
        terminal.press("enter")
    assert terminal.wait_exit() == 0, terminal.text
    assert foreign_controls(terminal.raw) == []
    assert [mark for mark in MARKS if mark in terminal.raw] == []
    assert LONG[:1_000].encode() not in terminal.raw


@pytest.mark.parametrize("size", [(80, 24), (130, 40), (60, 20)])
def test_home_shows_hostile_names_as_they_are_written(tabsmith_home: Path, size: tuple[int, int]) -> None:
    with start(tabsmith_home, columns=size[0], lines=size[1]) as terminal:
        terminal.wait_for("Resume", "[/nope]")
        for _ in range(12):
            terminal.press("down")
        assert_calm(terminal)


@pytest.mark.parametrize(("key", "columns"), [("r", 80), ("m", 130)])
def test_lists_show_hostile_names_as_they_are_written(tabsmith_home: Path, key: str, columns: int) -> None:
    with start(tabsmith_home, columns=columns, lines=40) as terminal:
        terminal.wait_for("Resume")
        terminal.press(key)
        terminal.wait_for("14 ", "[@click=app.quit]x[/]", "[bold red]loud")
        for _ in HOSTILE:
            terminal.press("down")
        terminal.press("/")
        terminal.wait_for("words to look for")
        terminal.paste("x\x1b]0;PWNED\x07[/nope]\u202e")
        terminal.press("escape", "f1")
        terminal.wait_for("This screen")
        assert_calm(terminal)


def test_a_prediction_of_hostile_columns_is_shown_as_it_is_written(tabsmith_home: Path) -> None:
    with start(tabsmith_home, lines=40) as terminal:
        terminal.wait_for("Resume")
        terminal.press("p")
        terminal.wait_for("File with the rows", "[/nope]")
        terminal.paste("/tmp/x\x1b]52;c;UFdORUQ=\x07[@click=app.quit]x[_]\u202e.csv")
        terminal.press("f9")
        terminal.wait_for("written", "missing", "not used")
        for _ in HOSTILE:
            terminal.press("right", "down")
        assert_calm(terminal)


def test_an_error_with_hostile_words_is_shown_as_it_is_written(tabsmith_home: Path) -> None:
    with start(tabsmith_home, answer=FAILED) as terminal:
        terminal.wait_for("Resume")
        terminal.press("p")
        terminal.wait_for("File with the rows")
        terminal.paste("/tmp/[/nope].csv")
        terminal.press("f9")
        terminal.wait_for("Where", "Next")
        terminal.press("d")
        terminal.press("escape")
        terminal.wait_gone("Where ")
        assert_calm(terminal)


def test_the_question_on_leaving_names_hostile_runs_as_they_are_written(tabsmith_home: Path) -> None:
    with start(tabsmith_home) as terminal:
        terminal.wait_for("Resume")
        terminal.press("q")
        terminal.wait_for("leave running", "[/nope]")
        terminal.press("escape")
        terminal.wait_gone("leave running")
        assert_calm(terminal)
