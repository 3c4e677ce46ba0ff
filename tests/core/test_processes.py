"""Processes that are killed by a mark in their environment: all that carry it, whatever session they are in, and no other."""

import os
import subprocess

from tabsmith.processes import find_marked, kill_marked

MARK = f"TABSMITH_TEST_MARK={os.getpid()}"


def test_all_that_carry_a_mark_are_killed_and_who_shows_no_environment_is_neither_killed_nor_waited_for() -> None:
    environment = {**os.environ, **dict([MARK.split("=")])}
    line = "setsid sleep 60 & setsid env -u NOTHING sleep 60 & exec sleep 60"
    with (
        subprocess.Popen(["env", "-i", "sleep", "60"]) as bare,
        subprocess.Popen(["sh", "-c", line], env=environment) as marked,
    ):
        kill_marked(MARK)
        assert find_marked(MARK) == []
        assert marked.wait(10) != 0
        assert bare.poll() is None
        bare.kill()
