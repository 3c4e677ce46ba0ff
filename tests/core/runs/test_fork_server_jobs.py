"""The processes of a fork server's jobs: one that ends at the same moment as something else takes nobody with it."""

import os

import pytest

from tabsmith.runs.fork_server import JobEnded, JobProcesses


def test_a_job_that_ends_while_others_are_cancelled_takes_nobody_with_it(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = JobProcesses()
    for pid, number in ((101, 1), (102, 1), (103, 2)):
        jobs.add(pid, number)
    killed: list[int] = []

    def ends_at_once(pid: int, _signal: int) -> None:
        killed.append(pid)
        jobs.end(pid, -9)  # as SIGCHLD does, between two steps of the loop

    monkeypatch.setattr(os, "killpg", ends_at_once)
    jobs.cancel(1)
    assert killed == [101, 102]
    assert jobs.numbers == (2,)


def test_a_job_that_ends_before_its_process_is_known_is_told_once() -> None:
    jobs = JobProcesses()
    jobs.forget_early_ends()
    assert jobs.end(101, 0) is None
    assert jobs.add(101, 7) == JobEnded(7, 0)
    assert jobs.numbers == ()


def test_an_early_end_of_an_earlier_process_of_that_number_is_not_the_jobs() -> None:
    jobs = JobProcesses()
    assert jobs.end(101, 0) is None  # a run's process
    jobs.forget_early_ends()
    assert jobs.add(101, 7) is None
    assert jobs.numbers == (7,)
