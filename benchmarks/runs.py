"""How soon a run begins when a spare is warm, against half a second; and against starting a worker from nothing."""

import asyncio
import os
import statistics
import tempfile
import time
from pathlib import Path

from benchmarks.rows import Row, print_rows
from tabsmith.limits import Limits
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.spec import Detect, ModelChoice, RunSpec, new_run_id
from tabsmith.runs.supervisor import Supervisor
from tabsmith.runs.training import launch_detached
from tabsmith.runs.watch import RunWatch
from tabsmith.tables.read.sources import SampleSource

TURNS = 5
BUDGET = 0.5  # seconds


def spec() -> RunSpec:
    """A run of a second: it only has to begin."""
    choice = ModelChoice(family="linear", limits=Limits(seconds=60, iterations=1))
    return RunSpec(new_run_id(), time.time(), SampleSource("iris"), Detect(), choice)


async def first_event(folder: RunFolder, since: float) -> float:
    """Seconds until the journal holds an event."""
    journal = folder.root / "events.jsonl"
    while not journal.exists() or not journal.stat().st_size:
        await asyncio.sleep(0.001)
    return time.perf_counter() - since


async def ended(folder: RunFolder) -> None:
    """Wait for the run's end, so that the next one has the machine to itself."""
    watch = RunWatch(folder.id)
    while not watch.refresh().state.ended:
        await asyncio.sleep(0.01)


async def measure() -> Row:
    """Both ways to start a run, in turns."""
    supervisor = Supervisor()
    await supervisor.start()
    while not supervisor.ready:
        await asyncio.sleep(0.01)
    warm, cold = [], []
    for _ in range(TURNS):
        since = time.perf_counter()
        folder = await supervisor.start_run(spec())
        warm.append(await first_event(folder, since))
        await ended(folder)
        since = time.perf_counter()
        folder = RunFolder.create(spec())
        launch_detached(folder)
        cold.append(await first_event(folder, since))
        await ended(folder)
    await supervisor.close()
    print(f"{'':52} a worker without a spare takes {statistics.median(cold):.3f} s")
    figure = statistics.median(warm)
    return Row("first event of a run with a warm spare, vs 0.5 s", figure, "s", BUDGET, figure / BUDGET, 1.0)


def main() -> list[Row]:
    """The row of run starts."""
    with tempfile.TemporaryDirectory() as home:
        os.environ["TABSMITH_HOME"] = str(Path(home))
        return [asyncio.run(measure())]


if __name__ == "__main__":
    print_rows(main())
