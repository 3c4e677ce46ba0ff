"""How long an agent may work and be silent; waiting for the user counts as neither."""

import asyncio

import pytest

from tabsmith.agents.agent_jobs import Deadline


@pytest.mark.parametrize(("silence", "seconds", "why"), [(0.02, 30, "silence"), (30, 0.02, "seconds")])
async def test_the_first_limit_is_missed(silence: float, seconds: float, why: str) -> None:
    assert await asyncio.wait_for(Deadline(silence, seconds).missed(), 10) == why


async def test_signs_of_life_end_a_silence_and_give_no_more_time() -> None:
    deadline = Deadline(30, 0.1)
    missed = asyncio.create_task(deadline.missed())
    while not missed.done():
        deadline.restart_silence()
        await asyncio.sleep(0)
    assert missed.result() == "seconds"
    silent = Deadline(0.2, 30)
    missed = asyncio.create_task(silent.missed())
    end = asyncio.get_running_loop().time() + 0.5
    while asyncio.get_running_loop().time() < end:
        silent.restart_silence()
        await asyncio.sleep(0)
    assert not missed.done()
    assert await asyncio.wait_for(missed, 10) == "silence"


async def test_waiting_for_people_is_neither_silence_nor_time() -> None:
    deadline = Deadline(0.05, 0.05)
    with deadline.paused():
        missed = asyncio.create_task(deadline.missed())
        with deadline.paused():
            await asyncio.sleep(0.2)
        await asyncio.sleep(0.1)
        assert not missed.done()
    await asyncio.wait_for(missed, 10)
