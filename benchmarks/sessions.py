"""What the total of very many agent sessions costs."""

import random
import statistics
import time
from collections.abc import Callable
from decimal import Decimal

from benchmarks.rows import Row, print_rows
from tabsmith.agents.usage import Usage, total_usage

SESSIONS = 100_000
ROUNDS = 9
BUDGET = 50.0  # milliseconds


def sessions() -> list[Usage]:
    """Made-up sessions."""
    chance = random.Random(7)
    return [
        Usage(
            input_tokens=chance.randrange(100_000),
            output_tokens=chance.randrange(10_000),
            cache_read_tokens=chance.randrange(100_000),
            cache_write_tokens=chance.randrange(10_000),
            reasoning_tokens=chance.randrange(1_000),
            turns=1,
            cost=Decimal(chance.randrange(10**9)).scaleb(-9),
            unpriced=chance.randrange(2),
        )
        for _ in range(SESSIONS)
    ]


def milliseconds_of(work: Callable[[], object]) -> float:
    """The median over some rounds, of the processor's time: nothing is waited for, and others may be at work."""
    taken: list[float] = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        taken.append(1e3 * (time.process_time() - began))
    return statistics.median(taken)


def main() -> list[Row]:
    """The row of the total, in milliseconds, against 50 ms."""
    usages = sessions()
    together = milliseconds_of(lambda: total_usage(usages))
    return [Row("total of 100,000 sessions vs 50 ms", together, "ms", BUDGET, together / BUDGET, 1.0)]


if __name__ == "__main__":
    print_rows(main())
