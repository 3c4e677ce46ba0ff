"""Dashboard and result in a real pseudo-terminal: no byte of a hostile name reaches it unescaped."""

import sys
from pathlib import Path

from tests.stories.hostile import MARKS
from tests.tui.terminal import Terminal, foreign_controls

ROOT = Path(__file__).resolve().parent.parent.parent

PROGRAM = """
import sys
from tabsmith.config import Settings
from tabsmith_tui.app import TabsmithApp
from tabsmith_tui.screens.result import ResultScreen
from tabsmith_tui.screens.run import RunScreen
from tests.stories import journals
from tests.stories.hostile import HOSTILE
from tests.tui.stage import IdleSupervisor, FixedStore, NOW

report = journals.price_report(HOSTILE, source=HOSTILE[4])
if sys.argv[1:] == ["result"]:
    screen = ResultScreen(report.model_id, report)
else:
    story = journals.hostile()
    folder = journals.write(story.events, story.spec)
    lock = folder.lock()
    lock.acquire()
    screen = RunScreen(story.spec.id)
app = TabsmithApp(Settings(), IdleSupervisor(), store=FixedStore(), clock=lambda: NOW)
async def begin(pilot):
    await pilot.app.push_screen(screen)


app.run(auto_pilot=begin)
"""


def terminal(tmp_path: Path, screen: str, columns: int, lines: int) -> Terminal:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    environ = {"PYTHONPATH": str(ROOT), "TABSMITH_HOME": str(tmp_path / "home"), "TEXTUAL_ANIMATIONS": "none"}
    return Terminal([sys.executable, str(program), screen], columns=columns, lines=lines, environ=environ, cwd=ROOT)


def harmless(raw: bytes) -> bool:
    return not any(mark in raw for mark in MARKS) and not foreign_controls(raw)


def test_a_dashboard_full_of_hostile_names_sends_none_of_their_bytes(tmp_path):
    with terminal(tmp_path, "run", 80, 24) as shown:
        shown.wait_for("running", "[/nope]", "± 300")
        shown.press("t")
        shown.wait_for("Iterations")
        shown.press("d")
        shown.wait_for("Iteration 17", "status")
        shown.press("escape")
        shown.wait_gone("status")
        shown.press("/")
        shown.wait_for("Filter:")
        shown.write("[/nope]")
        shown.wait_for('with "[/nope]"')
        shown.press("enter")
        shown.wait_gone("Filter:")
        shown.press("d")
        shown.wait_for("Result")
        shown.press("escape")
        shown.resize(120, 40)
        shown.wait_for("Champion", "Agent")
        shown.press("ctrl+q")
        assert shown.wait_exit() == 0
        assert harmless(shown.raw)


def test_a_result_full_of_hostile_names_sends_none_of_their_bytes(tmp_path):
    with terminal(tmp_path, "result", 80, 24) as shown:
        shown.wait_for("RMSE, lower is better", "586 rows")
        shown.press("end")
        shown.wait_for("duration")
        shown.resize(120, 60)
        shown.wait_for("Feature importance", "[/nope]")
        shown.press("ctrl+q")
        assert shown.wait_exit() == 0
        assert harmless(shown.raw)
