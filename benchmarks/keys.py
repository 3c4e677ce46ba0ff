"""From key to repaint, in a real pseudo-terminal, while a run uses every core: the 99th percentile against 50 ms.

The key turns the run's table over; the clock stops when the other table's title has left the program.
"""

import os
import select
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.rows import Row, print_rows
from tabsmith.limits import Limits
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.spec import Detect, ModelChoice, RunSpec, new_run_id
from tabsmith.runs.training import start_run, stop_and_wait
from tabsmith.runs.watch import RunWatch
from tabsmith.tables.read.sources import SampleSource
from tests.tui.terminal import Terminal

KEYS = 200
BUDGET = 50.0  # milliseconds
PROGRAM = """
import sys
from tabsmith import config
from tabsmith_tui.app import TabsmithApp

app = TabsmithApp(config.load())

async def begin(pilot):
    pilot.app.open_screen("run", sys.argv[1])

app.run(auto_pilot=begin)
"""


def repaint(terminal: Terminal, key: bytes, title: bytes) -> float:
    """Milliseconds from sending `key` until `title` was painted."""
    master = terminal.master
    seen = b""
    since = time.perf_counter()
    os.write(master, key)
    while title not in seen:
        if not select.select([master], [], [], 10)[0]:
            raise TimeoutError(f"{title!r} was not painted")
        seen += os.read(master, 1 << 16)
    return 1e3 * (time.perf_counter() - since)


def measure(folder: RunFolder) -> list[float]:
    """All repaints, fastest first."""
    command = [sys.executable, "-c", PROGRAM, folder.id]
    with Terminal(command, columns=80, lines=24, environ={"TEXTUAL_ANIMATIONS": "none"}) as terminal:
        terminal.wait_for("Leaderboard", "evaluating", seconds=60)
        titles = [b"Iterations", b"Leaderboard"]
        return sorted(repaint(terminal, b"t", titles[turn % 2]) for turn in range(KEYS))


def main() -> list[Row]:
    """The row of keys."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["TABSMITH_HOME"] = str(Path(home))
        choice = ModelChoice(limits=Limits(seconds=600))
        folder = RunFolder.create(RunSpec(new_run_id(), time.time(), SampleSource("digits"), Detect(), choice))
        start_run(folder)
        taken = measure(folder)
        stop_and_wait(folder, RunWatch(folder.id))
    figure = taken[int(0.99 * len(taken)) - 1]
    print(f"{'':52} half of the keys within {taken[len(taken) // 2]:.1f} ms")
    return [Row("key to repaint while a run uses every core, p99", figure, "ms", BUDGET, figure / BUDGET, 1.0)]


if __name__ == "__main__":
    print_rows(main())
