"""Many updates and many kills: every one is answered once, in its place, by what it meant there.

`make soak` takes a thousand updates through a hundred kills, `make test` eighty through eight.
"""

import random
from collections.abc import Iterator

import pytest

from tests.core.telegram.conftest import Serve
from tests.peers.telegram_people import Person
from tests.peers.telegram_server import TelegramServer
from tests.soak import rounds

KILLS = rounds(100, 8)
PEOPLE, ROUNDS, PER_ROUND = KILLS, 2, 5


def said_and_answered(person: int, turn: int) -> Iterator[tuple[str, str]]:
    """What a person says in one round, and what is in the answer. Each moves the conversation, or names itself; one
    that was taken twice, or not at all, would make the next answer a wrong one."""
    yield "/train", "Where is your table?"
    yield "A file on this machine", "Which file?"
    yield f"/no/such-{person}-{turn}.csv", f"such-{person}-{turn}.csv"
    yield f"/nothing_{person}_{turn}", f"/nothing_{person}_{turn}"
    yield "/cancel", "Choose a table"


@pytest.mark.soak
def test_updates_are_each_answered_exactly_once_however_often_the_bridge_is_killed(
    server: TelegramServer, serve: Serve
) -> None:
    people = [server.person(1000 + number, f"Person {number}") for number in range(PEOPLE)]
    expected: dict[int, list[str]] = {person.id: [] for person in people}
    for turn in range(ROUNDS):
        for person in people:
            for text, answer in said_and_answered(person.id, turn):
                person.say(text)
                expected[person.id].append(answer)
    total = PEOPLE * ROUNDS * PER_ROUND
    assert sum(map(len, expected.values())) == total == 10 * KILLS

    chance = random.Random(5)
    bridge = serve(server.address, tuple(person.id for person in people))
    for kill in range(KILLS):
        # Within a few milliseconds of some request: receiving, between, or with an answer under way.
        goal = min(len(server.calls) + chance.randrange(1, 14), total * 3)
        server.wait_until(lambda goal=goal: len(server.calls) >= goal or len(server.sent) >= total, seconds=60)
        server.pause(chance.random() * 0.02)
        bridge.kill()
        bridge.start()
        if len(server.sent) >= total:
            assert kill > KILLS / 2, "it was over too early to prove anything"
    server.wait_until(lambda: len(server.sent) >= total, seconds=120)
    assert bridge.end() == 0

    for person in people:
        assert _answers(person, expected[person.id]) == expected[person.id]
    assert len(server.sent) == total


def _answers(person: Person, expected: list[str]) -> list[str]:
    """The answers in order: what was expected where it is in them, else what came."""
    texts = [each.text for each in person.messages]
    wanted = [*expected, *["nothing"] * (len(texts) - len(expected))]
    return [each if each in text else text for each, text in zip(wanted, texts, strict=False)]
