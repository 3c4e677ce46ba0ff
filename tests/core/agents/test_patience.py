"""How long an agent may work and be silent, of which waiting for a person is neither."""

import asyncio

import pytest

from tabsmith.agents.deadline import Deadline


@pytest.mark.parametrize(("silence", "seconds", "why"), [(0.02, 30, "silence"), (30, 0.02, "seconds")])
async def test_it_is_lost_over_what_comes_first(silence: float, seconds: float, why: str) -> None:
    assert await asyncio.wait_for(Deadline(silence, seconds).lost(), 10) == why


async def test_signs_of_life_end_a_silence_and_give_no_more_time() -> None:
    patience = Deadline(30, 0.1)
    lost = asyncio.create_task(patience.lost())
    while not lost.done():
        patience.heard()
        await asyncio.sleep(0)
    assert lost.result() == "seconds"
    silent = Deadline(0.2, 30)
    lost = asyncio.create_task(silent.lost())
    end = asyncio.get_running_loop().time() + 0.5
    while asyncio.get_running_loop().time() < end:
        silent.heard()
        await asyncio.sleep(0)
    assert not lost.done()
    assert await asyncio.wait_for(lost, 10) == "silence"


async def test_waiting_for_people_is_neither_silence_nor_time() -> None:
    patience = Deadline(0.05, 0.05)
    with patience.waiting():
        lost = asyncio.create_task(patience.lost())
        with patience.waiting():
            await asyncio.sleep(0.2)
        await asyncio.sleep(0.1)
        assert not lost.done()
    await asyncio.wait_for(lost, 10)
