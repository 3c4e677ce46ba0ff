"""What the terminal app imports on its way to the first frame, in an interpreter of its own."""

import json
import subprocess
import sys

UNSEEN = ("tabsmith.runs.events", "tabsmith.runs.jobs", "tabsmith.presentation.labels", "tabsmith.workflow.session")
"""What stands in the first frame is neither a run nor a job nor a session; each brings dozens of modules along."""
HEAVY = ("pandas", "sklearn", "duckdb", "pyarrow", "numpy", "lightgbm", "catboost", "scipy", "skops", "python_calamine")
FIRST_FRAME = """
import asyncio, json, sys
from tabsmith.config import load
from tabsmith_tui.app import TabsmithApp
at_first = sorted(sys.modules)

async def main():
    app = TabsmithApp(load())
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert app.screen.query("Menu")
asyncio.run(main())
print(json.dumps([at_first, sorted({name.split(".")[0] for name in sys.modules})]))
"""


def test_the_first_frame_needs_no_table_or_model_library_and_the_app_nothing_of_runs() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST_FRAME], capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    at_first, modules = map(set, json.loads(done.stdout))
    assert at_first & set(UNSEEN) == set()
    assert modules & set(HEAVY) == set()
    assert "tabsmith_tui" in modules
