"""What a sandbox costs a command, and how many of the hostile commands of the tests each level stops."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.rows import Row, print_rows
from tabsmith.sandbox.policy import LEVELS, SandboxLevel, SandboxPolicy
from tabsmith.sandbox.runner import level_works, run_command
from tests.core.sandbox.hostile import HOSTILE
from tests.core.sandbox.people import ordinary_user

ROOT = Path(__file__).resolve().parent.parent
TIMES = 15
BUDGET = 200.0  # milliseconds
LEAKS = {"bubblewrap": 0, "landlock": 1, "rlimits": 18, "none": len(HOSTILE)}


def main() -> list[Row]:
    """A row for what each level costs one command beside starting it plainly, and one for what gets through."""
    here = [level for level in LEVELS if level_works(level)]
    plain = _plain()
    rows = []
    for level in here:
        took = asyncio.run(_sandboxed(level))
        rows.append(Row(f"true, at level {level}, over plain", took, "ms", plain, (took - plain) / BUDGET, 1.0))
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        people = {"ordinary user": ordinary_user(Path(place))}
        if os.getuid() == 0:
            people["root"] = [sys.executable]
        for who, python in people.items():
            rows += [_through(who, python, level) for level in here if python]
    return rows


def _plain() -> float:
    took = []
    for _ in range(TIMES):
        before = time.perf_counter()
        subprocess.run(["true"], check=True)
        took.append(time.perf_counter() - before)
    return 1_000 * statistics.median(took)


async def _sandboxed(level: SandboxLevel) -> float:
    took = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(TIMES):
            before = time.perf_counter()
            assert (await run_command(("true",), Path(folder), SandboxPolicy(), level)).passed
            took.append(time.perf_counter() - before)
    return 1_000 * statistics.median(took)


def _through(who: str, python: list[str], level: SandboxLevel) -> Row:
    line = [*python, "-m", "tests.core.sandbox.hostile", level]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=True)
    leaks = len(json.loads(done.stdout)[level])
    stopped = f"{(len(HOSTILE) - leaks) / len(HOSTILE):.0%} stopped"
    allowed = LEAKS[level]
    ratio = leaks / allowed if allowed else float(leaks > 0) * 9
    return Row(f"through {level}, {who}: {stopped}", leaks, "", len(HOSTILE), ratio, 1.0)


if __name__ == "__main__":
    print_rows(main())
