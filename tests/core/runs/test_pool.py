"""Forked children: their answers, errors and deaths; held, let go on and ended."""

import asyncio
import errno
import os
import signal
import time
from pathlib import Path

import msgspec
import psutil
import pytest

from tabsmith.errors import MachineError, ReadError, ReportedError, WorkerError
from tabsmith.runs.controller import ActiveClock
from tabsmith.runs.pool import Pool, Progress, TimeUpError


class Answer(msgspec.Struct, frozen=True):
    text: str


_BEFORE: set[int] = set()


@pytest.fixture(autouse=True)
def others() -> None:
    """Processes that other tests left to this one, such as the warm spare, are no children of a pool."""
    _BEFORE.clear()
    _BEFORE.update(child.pid for child in psutil.Process().children())


def _children() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if child.pid not in _BEFORE]


async def _until(condition, seconds: float = 10.0) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came true"
        await asyncio.sleep(0.005)


def _spin(_: Progress) -> Answer:
    while True:
        time.sleep(0.01)


async def test_a_child_answers_with_what_the_work_returns_and_tells_its_progress() -> None:
    told: list[tuple[float, str]] = []

    def work(progress: Progress) -> Answer:
        progress(0.5, "half")
        return Answer(f"from {os.getpid()}")

    answer = await Pool(1).run(work, Answer, progress=lambda share, message: told.append((share, message)))
    assert answer.text != f"from {os.getpid()}"
    assert told == [(0.5, "half")]


async def test_an_answer_of_several_megabytes_comes_through_the_pipe_whole() -> None:
    answer = await Pool(1).run(lambda _: Answer("x" * 5_000_000), Answer)
    assert len(answer.text) == 5_000_000


async def test_an_error_in_a_child_arrives_with_its_real_name_and_next_step() -> None:
    def work(_: Progress) -> Answer:
        raise ReadError("line 3 is torn", where="x.csv", next_step="mend it")

    with pytest.raises(ReportedError) as raised:
        await Pool(1).run(work, Answer)
    report = raised.value.report()
    assert (report.name, report.what, report.where, report.next_step) == (
        "ReadError",
        "line 3 is torn",
        "x.csv",
        "mend it",
    )
    assert "test_pool" in report.details


async def test_a_child_that_is_killed_from_outside_is_reported_as_out_of_memory() -> None:
    def work(_: Progress) -> Answer:
        os.kill(os.getpid(), signal.SIGKILL)
        return Answer("never")

    with pytest.raises(WorkerError, match="memory"):
        await Pool(1).run(work, Answer)


async def test_a_child_that_was_killed_is_tried_once_more_with_no_other_beside_it(tmp_path: Path) -> None:
    started = tmp_path / "started"
    pool = Pool(2)

    def killed_once(_: Progress) -> Answer:
        if not started.exists():
            started.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return Answer(str(len(psutil.Process(parent).children())))

    def beside(_: Progress) -> Answer:
        while not started.exists():
            time.sleep(0.001)
        return Answer("done")

    parent = os.getpid()
    other, again = await asyncio.gather(pool.run(beside, Answer), pool.run(killed_once, Answer))
    assert other.text == "done"
    assert int(again.text) == len(_BEFORE) + 1


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "model.txt"), "DiskFullError"),
        (OSError(errno.EROFS, "Read-only file system"), "ReadOnlyError"),
        (RuntimeError("[Errno 28] Error writing bytes to file. Detail: No space left on device"), "DiskFullError"),
        (MemoryError("Unable to allocate 3 GiB"), "MemoryShortError"),
        (RuntimeError("std::bad_alloc"), "MemoryShortError"),
    ],
)
async def test_trouble_of_the_machine_in_a_child_is_told_from_trouble_of_its_work(error: Exception, name: str) -> None:
    def work(_: Progress) -> Answer:
        raise error

    with pytest.raises(MachineError) as raised:
        await Pool(1).run(work, Answer)
    assert raised.value.report().name == name
    assert raised.value.report().next_step


async def test_a_child_that_crashes_is_reported_with_its_signal() -> None:
    def work(_: Progress) -> Answer:
        os.kill(os.getpid(), signal.SIGXCPU)
        return Answer("never")

    with pytest.raises(WorkerError, match="SIGXCPU"):
        await Pool(1).run(work, Answer)


async def test_a_child_is_ended_when_its_time_is_up() -> None:
    started = time.monotonic()
    with pytest.raises(TimeUpError):
        await Pool(1).run(_spin, Answer, seconds_left=lambda: 0.2 - (time.monotonic() - started))
    assert not _children()


async def test_cancelling_ends_the_child_at_once_also_while_it_is_held() -> None:
    pool = Pool(1)
    task = asyncio.create_task(pool.run(_spin, Answer))
    await _until(lambda: _children())
    pool.pause()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not _children()


async def test_a_held_child_makes_no_progress_and_goes_on_when_let(tmp_path: Path) -> None:
    steps = tmp_path / "steps"
    finish = tmp_path / "finish"

    def work(_: Progress) -> Answer:
        while not finish.exists():
            with steps.open("a") as file:
                file.write(".")
            time.sleep(0.001)
        return Answer("done")

    pool = Pool(1)
    task = asyncio.create_task(pool.run(work, Answer))
    await _until(lambda: steps.exists() and steps.stat().st_size > 3)
    pool.pause()
    child = _children()[0]
    await _until(lambda: child.status() == psutil.STATUS_STOPPED)
    before = steps.stat().st_size
    finish.touch()
    await asyncio.sleep(0.05)
    assert steps.stat().st_size == before
    pool.resume()
    assert (await task).text == "done"


async def test_a_held_child_does_not_take_the_pause_for_its_own_time(tmp_path: Path) -> None:
    finish = tmp_path / "finish"
    clock = ActiveClock(before=100.0)

    def work(progress: Progress) -> Answer:
        progress(0.0, "here")
        while not finish.exists():
            time.sleep(0.001)
        return Answer(str(clock.seconds()))

    pool, begun = Pool(1), asyncio.Event()
    task = asyncio.create_task(pool.run(work, Answer, progress=lambda *_: begun.set()))
    await begun.wait()
    pool.pause()
    clock.hold()
    held = clock.seconds()
    await asyncio.sleep(0.5)
    assert clock.seconds() == held
    clock.go_on()
    pool.resume()
    finish.touch()
    seen = float((await task).text)
    assert held <= seen <= clock.seconds()


async def test_no_more_children_than_slots_run_at_once() -> None:
    pool = Pool(2)
    seen = 0

    async def watch() -> None:
        nonlocal seen
        while True:
            seen = max(seen, len(_children()))
            await asyncio.sleep(0.002)

    def work(_: Progress) -> Answer:
        time.sleep(0.05)
        return Answer("")

    watching = asyncio.create_task(watch())
    await asyncio.gather(*(pool.run(work, Answer) for _ in range(6)))
    watching.cancel()
    assert seen == 2


def test_children_die_with_a_worker_that_is_killed(tmp_path: Path) -> None:
    program = tmp_path / "worker.py"
    program.write_text(
        "import asyncio, time, msgspec\n"
        "from tabsmith.runs.pool import Pool\n"
        "class A(msgspec.Struct): pass\n"
        "def spin(_):\n"
        "    print(__import__('os').getpid(), flush=True)\n"
        "    time.sleep(60)\n"
        "asyncio.run(Pool(1).run(spin, A))\n"
    )
    import subprocess
    import sys

    worker = subprocess.Popen([sys.executable, str(program)], stdout=subprocess.PIPE, text=True)
    assert worker.stdout is not None
    child = psutil.Process(int(worker.stdout.readline()))
    worker.kill()
    worker.wait()
    worker.stdout.close()
    gone, alive = psutil.wait_procs([child], timeout=10)
    assert gone
    assert not alive
