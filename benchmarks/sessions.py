"""What the totals of very many agent sessions cost: the sum of all, and the sums by agent and model."""

import random
import statistics
import time
from collections.abc import Callable
from decimal import Decimal

from benchmarks.rows import Row, print_rows
from tabsmith.agents.usage import Usage, total_usage, usage_by_group

SESSIONS = 100_000
ROUNDS = 9
BUDGET = 50.0  # milliseconds


def sessions() -> list[tuple[tuple[str, str], Usage]]:
    """Made-up sessions, each with its agent and model."""
    chance = random.Random(7)
    return [
        (
            (chance.choice(("llm", "claude-code", "acp")), f"model-{chance.randrange(5)}"),
            Usage(
                input_tokens=chance.randrange(100_000),
                output_tokens=chance.randrange(10_000),
                cache_read_tokens=chance.randrange(100_000),
                cache_write_tokens=chance.randrange(10_000),
                reasoning_tokens=chance.randrange(1_000),
                turns=1,
                cost=Decimal(chance.randrange(10**9)).scaleb(-9),
                unpriced=chance.randrange(2),
            ),
        )
        for _ in range(SESSIONS)
    ]


def milliseconds_of(work: Callable[[], object]) -> float:
    """The median over some rounds."""
    taken: list[float] = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        taken.append(1e3 * (time.perf_counter() - began))
    return statistics.median(taken)


def main() -> list[Row]:
    """The rows of the totals, in milliseconds, against 50 ms."""
    pairs = sessions()
    usages = [usage for _, usage in pairs]
    together, grouped = milliseconds_of(lambda: total_usage(usages)), milliseconds_of(lambda: usage_by_group(pairs))
    return [
        Row("total of 100,000 sessions vs 50 ms", together, "ms", BUDGET, together / BUDGET, 1.0),
        Row("the same by agent and model vs 50 ms", grouped, "ms", BUDGET, grouped / BUDGET, 1.0),
    ]


if __name__ == "__main__":
    print_rows(main())
