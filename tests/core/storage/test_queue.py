"""A queue between processes: so many at once, in the order in which they came, and nobody waits for a dead or resting one."""

import asyncio
from pathlib import Path

from tabsmith.storage.queue import QueuePlace


def places(folder: Path, count: int) -> list[QueuePlace]:
    made = [QueuePlace(folder, f"run-{count - number}") for number in range(count)]  # the ids do not decide
    for place in made:
        place.take()
    return made


def test_each_place_counts_the_living_ones_before_it(tmp_path: Path) -> None:
    first, second, third = places(tmp_path, 3)
    assert [place.before() for place in (first, second, third)] == [0, 1, 2]
    second.leave()
    assert [place.before() for place in (first, second, third)] == [0, 0, 1]
    second.take()
    assert [place.before() for place in (first, third, second)] == [0, 1, 2]


async def test_twenty_runs_at_once_all_get_their_turn_and_no_run_waits_for_a_later_one(tmp_path: Path) -> None:
    left: set[int] = set()

    async def run(number: int, place: QueuePlace) -> None:
        await place.wait(2, lambda _: None, look_every=0.001)
        assert len(set(range(number)) - left) < 2, "two earlier runs are at work or wait"
        await asyncio.sleep(0)
        left.add(number)
        place.leave()

    await asyncio.gather(*(run(number, place) for number, place in enumerate(places(tmp_path, 20))))
    assert left == set(range(20))


async def test_a_waiting_run_is_told_how_many_are_before_it(tmp_path: Path) -> None:
    first, second = places(tmp_path, 2)
    told: list[int] = []
    waiting = asyncio.create_task(second.wait(1, told.append, look_every=0.001))
    while not told:
        await asyncio.sleep(0)
    first.leave()
    await waiting
    assert told == [1]
