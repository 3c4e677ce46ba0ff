"""Whole runs in real worker processes: to their end, held, stopped, killed and taken up again."""

import time
from pathlib import Path

import psutil
import pytest

from tabsmith.errors import ChecksumError, RunStateError
from tabsmith.modeling.model import load_model
from tabsmith.orchestration import events as loop
from tabsmith.runs import events as run
from tabsmith.runs.events import Pause, Resume, RunState, SetLimit, Stop
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.spec import Limits, ModelChoice
from tabsmith.runs.supervisor import require_resumable
from tabsmith.runs.training import start_run
from tabsmith.runs.watch import RunWatch, list_runs
from tabsmith.storage import lock_owner, verify_sealed
from tests.core.runs.conftest import Start, ended, kill, resumed, until

LONG = ModelChoice(family="any", limits=Limits(seconds=600), cores=1)


def fold_processes(folder: RunFolder) -> list[psutil.Process]:
    holder = lock_owner(folder.root / "worker.lock")
    assert holder is not None
    return psutil.Process(holder.pid).children()


def at_rest(child: psutil.Process) -> bool:
    """Whether the kernel has got to stopping it, or it was over by then."""
    try:
        return child.status() in (psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True


def test_a_run_tells_its_whole_story_and_saves_the_model_that_it_measured(start: Start) -> None:
    folder = start()
    snapshot = ended(folder)
    assert snapshot.state is RunState.DONE
    assert snapshot.outcome == "success"
    assert snapshot.exit_reason == "iterations"
    assert snapshot.tried == 2
    assert snapshot.report is not None
    assert snapshot.report.holdout is not None
    assert snapshot.report.holdout.rows == snapshot.holdout_rows > 0
    assert load_model(snapshot.report.model_id).report == snapshot.report
    kinds = [type(event) for event in folder.events().read().values]
    assert kinds.count(run.RunEnded) == kinds.count(run.TableReady) == kinds.count(loop.EnsembleBuilt) == 1
    assert kinds.index(run.TableReady) < kinds.index(run.SchemaReady) < kinds.index(loop.SearchStarted)
    deadline = time.monotonic() + 30  # its last word is written a moment before its process ends
    while folder.alive():
        assert time.monotonic() < deadline, "the worker does not end"
        time.sleep(0.002)


def test_a_finished_run_replays_to_the_same_picture_from_its_journal_alone(start: Start) -> None:
    folder = start()
    seen = ended(folder)
    assert RunWatch(folder.id).refresh() == seen
    assert list_runs()[0].score == (seen.report.cv_score if seen.report else None)
    assert list_runs() == list_runs()


def test_pause_holds_the_fits_and_the_clock_and_resume_lets_them_go_on(start: Start) -> None:
    folder = start(LONG)
    until(folder, lambda now: now.state is RunState.EVALUATING)
    folder.send(Pause())
    paused = until(folder, lambda now: now.state is RunState.PAUSED)
    until(folder, lambda _: all(map(at_rest, fold_processes(folder))))
    assert paused.active_seconds(paused.updated_at + 100) == paused.active_seconds(paused.updated_at + 200)
    folder.send(Resume())
    until(folder, lambda now: now.tried > paused.tried)
    folder.send(Stop())
    assert ended(folder).outcome == "partial"


def test_stop_ends_the_fit_at_once_and_keeps_the_best_model_so_far(start: Start) -> None:
    folder = start(LONG)
    until(folder, lambda now: now.tried >= 1)
    folder.send(Stop())
    snapshot = ended(folder)
    events = folder.events().read().values
    stopping = next(place for place, event in enumerate(events) if getattr(event, "state", "") == RunState.STOPPING)
    assert not [event for event in events[stopping:] if isinstance(event, loop.FoldScored)]
    assert (snapshot.outcome, snapshot.exit_reason) == ("partial", "user")
    assert snapshot.report is not None
    load_model(snapshot.report.model_id)


def test_stop_while_paused_ends_the_run(start: Start) -> None:
    folder = start(LONG)
    until(folder, lambda now: now.tried >= 1)
    folder.send(Pause())
    until(folder, lambda now: now.state is RunState.PAUSED)
    folder.send(Stop())
    assert ended(folder).outcome == "partial"


def test_stop_after_this_iteration_lets_it_through(start: Start) -> None:
    folder = start(LONG)
    seen = until(folder, lambda now: now.state is RunState.EVALUATING and len(now.trials) >= 1)
    folder.send(Stop(when="after iteration"))
    snapshot = ended(folder)
    assert snapshot.tried >= len(seen.trials)
    assert all(each.state != "evaluating" for each in snapshot.trials)
    assert snapshot.outcome == "partial"


def test_a_run_stopped_before_there_is_a_score_is_cancelled_without_a_model(start: Start) -> None:
    folder = start(LONG)
    folder.send(Stop())
    snapshot = ended(folder)
    assert snapshot.outcome == "cancelled"
    assert snapshot.report is None


def test_a_killed_run_is_seen_as_interrupted_and_goes_on_at_its_true_next_step(start: Start) -> None:
    """A fold that the disk has damaged meanwhile is fitted again."""
    folder = start(ModelChoice(family="any", limits=Limits(seconds=600, iterations=4), cores=1))
    until(folder, lambda now: now.tried >= 2 and now.trials[-1].state == "evaluating")
    children = fold_processes(folder)
    kill(folder)
    _, alive = psutil.wait_procs(children, timeout=10)
    assert not alive
    seen = ended(folder)
    assert seen.state is RunState.INTERRUPTED
    before = len(folder.events().read().values)
    pending = [each.recipe for each in seen.trials if each.state == "evaluating"]
    first = seen.trials[0].evaluation
    assert first is not None
    fold = folder.root / first.folder / "fold-1"
    damaged = fold / "oof.npy"
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"?")
    with pytest.raises(ChecksumError):
        verify_sealed(fold)
    resumed(folder)
    snapshot = ended(folder, 120)
    assert snapshot.outcome == "success"
    assert [each.iteration for each in snapshot.trials] == [1, 2, 3, 4]
    verify_sealed(fold)
    assert snapshot.trials[: seen.tried] == seen.trials[: seen.tried], "what was scored before the kill stands"
    again = [event for event in folder.events().read().values[before:] if isinstance(event, loop.Proposed)]
    assert again[0].iteration == seen.tried + 1
    if pending:
        assert again[0].recipe == pending[0], "the recipe under way is taken up, not asked for again"
    with pytest.raises(RunStateError):
        require_resumable(folder)


def test_a_run_killed_while_finishing_opens_its_holdout_once(start: Start) -> None:
    folder = start()
    until(folder, lambda now: now.state is RunState.FINISHING)
    kill(folder)
    resumed(folder)
    snapshot = ended(folder)
    assert snapshot.report is not None
    assert len(list(snapshot.trials)) == 2
    assert load_model(snapshot.report.model_id).report == snapshot.report


def test_a_second_worker_for_a_run_is_refused_by_its_lock(start: Start) -> None:
    folder = start(LONG)
    until(folder, lambda now: now.attempt == 1)
    start_run(folder)
    until(folder, lambda _: b"LockedError" in folder.log.read_bytes())
    folder.send(Stop())
    assert ended(folder).attempt == 1


def test_more_time_can_be_given_while_it_runs(start: Start) -> None:
    folder = start(LONG)
    until(folder, lambda now: now.state is RunState.EVALUATING)
    folder.send(SetLimit(limit="seconds", to="1"))
    snapshot = ended(folder)
    assert snapshot.limits.seconds == 1.0
    assert snapshot.exit_reason in ("time", "done")


def test_a_table_that_cannot_be_read_ends_the_run_with_the_real_error(start: Start, table: Path) -> None:
    table.write_bytes(b"\x00\x01\x02" * 100)
    snapshot = ended(start())
    assert snapshot.state is RunState.FAILED
    assert snapshot.error is not None
    assert snapshot.error.name.endswith("Error")
    assert snapshot.error.next_step
    assert str(table.name) in snapshot.error.where + snapshot.error.what


def test_a_run_goes_on_when_the_process_that_started_it_is_gone(start: Start, table: Path) -> None:
    import subprocess
    import sys

    program = (
        "import asyncio, sys, time\n"
        "from tabsmith.runs.supervisor import Supervisor\n"
        "from tabsmith.runs.spec import *\n"
        "from tabsmith.tables.read.sources import FileSource\n"
        "async def main():\n"
        "    choice = ModelChoice(family='linear', limits=Limits(seconds=60, iterations=2), cores=1)\n"
        "    spec = RunSpec(new_run_id(), time.time(), FileSource(sys.argv[1]), Detect('price'), choice)\n"
        "    folder = await Supervisor().start_run(spec)\n"
        "    while not folder.alive(): await asyncio.sleep(0.01)\n"
        "    print(folder.id, flush=True)\n"
        "    await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    screen = subprocess.Popen([sys.executable, "-c", program, str(table)], stdout=subprocess.PIPE, text=True)
    assert screen.stdout is not None
    run_id = screen.stdout.readline().strip()
    screen.kill()
    screen.wait()
    screen.stdout.close()
    assert ended(RunFolder(run_id)).outcome == "success"
