"""What an append costs in a long journal and in a short one.

Unsynced, because the sync of a disk takes a hundred times as long as the rest and would hide any difference. The two
journals take turns, so that whatever else the machine does falls on both alike.
"""

import statistics
import tempfile
import time
from pathlib import Path

import msgspec

from benchmarks.rows import Row, print_rows
from tabsmith.storage import TypedJournal

VALUE = {"event": "iteration", "number": 1, "filling": "x" * 340}
LONG, SHORT = 100_000, 100
ROUNDS, APPENDS = 60, 40
BUDGET = 1.2


def journal_of(path: Path, lines: int) -> TypedJournal[dict[str, object]]:
    """A journal that holds `lines` lines."""
    path.write_bytes((msgspec.json.encode(VALUE) + b"\n") * lines)
    return TypedJournal(path, dict[str, object], sync=False)


def seconds_of(journal: TypedJournal[dict[str, object]]) -> float:
    """Seconds that one append takes, over a batch of them; the journal is as long as before afterwards."""
    length = journal.path.stat().st_size
    began = time.perf_counter()
    for _ in range(APPENDS):
        journal.append(VALUE)
    taken = time.perf_counter() - began
    with journal.path.open("rb+") as file:
        file.truncate(length)
    return taken / APPENDS


def main() -> list[Row]:
    """The row of the journal: microseconds an append at 100,000 lines against 100."""
    with tempfile.TemporaryDirectory() as folder:
        long, short = journal_of(Path(folder, "long"), LONG), journal_of(Path(folder, "short"), SHORT)
        pairs = [(seconds_of(long), seconds_of(short)) for _ in range(ROUNDS)]
        long.close()
        short.close()
    figure, against = (statistics.median(column) * 1e6 for column in zip(*pairs, strict=True))
    return [Row("append to a journal of 100,000 lines vs of 100", figure, "us", against, figure / against, BUDGET)]


if __name__ == "__main__":
    print_rows(main())
