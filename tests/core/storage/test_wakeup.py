"""A bell between processes: a ring wakes the sleeper, one that nobody hears costs nothing."""

import asyncio
import os
from pathlib import Path

from tabsmith.storage.wakeup import Bell, ring


async def test_a_ring_wakes_the_sleeper_also_one_that_came_before_it_slept(tmp_path: Path) -> None:
    bell = Bell(tmp_path / "wake")
    assert bell.works
    ring(tmp_path / "wake")
    await asyncio.sleep(0)
    await asyncio.wait_for(bell.wait(600), 60)
    sleeping = asyncio.create_task(bell.wait(600))
    await asyncio.sleep(0)
    assert not sleeping.done()
    for _ in range(3):
        ring(tmp_path / "wake")
    await asyncio.wait_for(sleeping, 60)
    bell.close()
    assert not (tmp_path / "wake").exists()


async def test_nobody_is_waited_for_who_does_not_listen_and_a_file_in_its_place_is_no_bell(tmp_path: Path) -> None:
    ring(tmp_path / "wake")
    os.mkfifo(tmp_path / "pipe")
    ring(tmp_path / "pipe")
    (tmp_path / "file").write_bytes(b"mine")
    ring(tmp_path / "file")
    bell = Bell(tmp_path / "file")
    assert not bell.works
    await bell.wait(0)
    bell.close()
    assert (tmp_path / "file").read_bytes() == b"mine"
