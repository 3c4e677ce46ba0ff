"""The spare's jobs while they are cancelled: one that ends at that moment takes nobody with it."""

import os
from collections.abc import Callable

import pytest

from tabsmith.runs.fork_server import ForkServer


def test_a_job_that_ends_while_others_are_cancelled_does_not_end_the_spare(monkeypatch: pytest.MonkeyPatch) -> None:
    spare = ForkServer()
    spare._jobs.update({101: 1, 102: 1, 103: 2})
    ended: list[int] = []

    def ends_at_once(pid: int, _signal: int) -> None:
        ended.append(pid)
        spare._jobs.pop(pid)  # as SIGCHLD does, between two steps of the loop

    kill: Callable[[int, int], None] = ends_at_once
    monkeypatch.setattr(os, "killpg", kill)
    spare._cancel(1)
    assert ended == [101, 102]
    assert spare._jobs == {103: 2}
