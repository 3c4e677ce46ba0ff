"""The memory of all processes that a program started, at its peak."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import psutil

LOOK_EVERY: Final = 0.1


@dataclass
class Peak:
    """The most bytes so far. Pages that several processes share count once."""

    bytes: int = 0


def _bytes_now() -> int:
    total = 0
    for process in psutil.Process().children(recursive=True):
        try:
            lines = Path(f"/proc/{process.pid}/smaps_rollup").read_text().splitlines()
        except OSError:  # it ended meanwhile
            continue
        total += sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))
    return total


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Measure what the processes hold that this one starts, and that they start, while the block runs (Linux)."""
    peak, end = Peak(), threading.Event()

    def look() -> None:
        while not end.wait(LOOK_EVERY):
            peak.bytes = max(peak.bytes, _bytes_now())

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield peak
    finally:
        end.set()
        looking.join()
