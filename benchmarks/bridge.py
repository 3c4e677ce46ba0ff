"""How soon the bridge answers a message, all of it on disk; and the memory that it takes while it waits."""

import os
import statistics
import tempfile
import time
from pathlib import Path

import psutil

from benchmarks.rows import Row, print_rows
from tests.core.telegram.bridges import Bridge
from tests.peers.telegram_server import TOKEN, TelegramServer

UPDATES = 40
PAUSE = 0.12  # seconds between updates: below all limits
BUDGET = 50.0  # milliseconds; recorded, taken, put on disk and sent, each synced


def milliseconds_to_answer(server: TelegramServer, first: int) -> float:
    """The median from an update's arrival to its answer's, each by another person."""
    taken: list[float] = []
    for number in range(UPDATES):
        person = server.person(first + number)
        before = len(server.sent)
        began = time.perf_counter()
        person.say("/nothing")
        server.wait_until(lambda before=before: len(server.sent) > before)
        taken.append(1e3 * (time.perf_counter() - began))
        server.pause(PAUSE)
    return statistics.median(taken[5:])


def main() -> list[Row]:
    """The rows: the answer in milliseconds, and megabytes."""
    with tempfile.TemporaryDirectory() as folder, TelegramServer() as server:
        os.environ["TABSMITH_HOME"] = folder
        with Bridge(Path(folder), server.address, TOKEN, tuple(range(1_000, 1_000 + UPDATES))) as bridge:
            answered = milliseconds_to_answer(server, 1_000)
            memory = psutil.Process(bridge.pid).memory_info().rss / 1e6
    return [
        Row("a message answered by the bridge vs 50 ms", answered, "ms", BUDGET, answered / BUDGET, 1.0),
        Row("memory of a waiting bridge vs 150 MB", memory, "MB", 150.0, memory / 150.0, 1.0),
    ]


if __name__ == "__main__":
    print_rows(main())
