"""The memory that a training needs, told before it starts, and the sample that it searches where the table needs more.

Light: screens and commands ask this of a table that has only been profiled.
"""

from typing import Final

import msgspec

from tabsmith.families.registry import families
from tabsmith.formatting import duration, size
from tabsmith.modeling.results import TableSample
from tabsmith.processes import machine_memory

CELL_BYTES: Final = 8
BASE_BYTES: Final = 600_000_000
"""Of the libraries, in the worker and in what it forks."""

RESIDENT_COPIES: Final = 2
FIT_COPIES: Final = 3
"""How often a cell is held as a number: by the worker while it prepares the rows, and by each fit at work (its rows, their
matrix, and the library's copy of it)."""

BATCHED_COPIES: Final = 3
"""How often a cell of the sample is held while a model is fitted to the whole table in batches."""

BATCHED_CELL_BYTES: Final = 1
BATCHED_ROW_BYTES: Final = 50
"""What LightGBM holds of a table in batches: a byte for the bin of each cell; for each row its target, score, gradients, twice
over where they are ordered by leaf, and positions."""

READING_SECONDS: Final = 6e-8
"""What a cell of a batch costs to read, transform and bin, on a core of today."""

ROUNDS: Final = 120
ROUND_SECONDS: Final = 5e-9
"""The trees of a usual fit, and what one of 31 leaves costs for each cell."""

MIN_SAMPLE_ROWS: Final = 10_000

MACHINE_SHARE: Final = 0.5
"""Share of the machine's memory that a training may use when it is not said how much. Not of what is free at the moment: the
same seed gives the same sample on the same machine."""


class MemoryPlan(msgspec.Struct, frozen=True):
    """How a table is trained on within `limit` bytes."""

    rows: int
    limit: int
    needed: int  # bytes to have the whole table in memory, every fit at work included
    sample: TableSample | None = None  # of the rows that are searched and measured; None for all
    batched: int = 0  # bytes to fit a model to the whole table in batches; 0 where none is
    seconds: float = 0.0  # about, that one such fit takes


def memory_limit(megabytes: int) -> int:
    """Return the bytes that a training may use: those of the setting `training.memory`, or half of the machine's for 0."""
    return megabytes * 1_000_000 or int(MACHINE_SHARE * machine_memory())


def plan_memory(rows: int, columns: int, outputs: int, *, cores: int, limit: int, seed: int) -> MemoryPlan:
    """Return how a table of so many `rows` and feature `columns` is trained on within `limit` bytes.

    `outputs` are the trees of a round of boosting. The sample is as large as the search can hold, and as leaves room for a
    model of all rows where there can be one.
    """
    row_bytes = CELL_BYTES * columns * (RESIDENT_COPIES + FIT_COPIES * cores)
    needed = BASE_BYTES + rows * row_bytes
    if needed <= limit:
        return MemoryPlan(rows, limit, needed)
    searched = max(MIN_SAMPLE_ROWS, (limit - BASE_BYTES) // row_bytes)
    binned = rows * (BATCHED_CELL_BYTES * columns + BATCHED_ROW_BYTES + 16 * (outputs - 1))
    beside = (limit - BASE_BYTES - binned) // (BATCHED_COPIES * CELL_BYTES * columns)
    in_batches = beside >= MIN_SAMPLE_ROWS
    most = int(min(searched, beside) if in_batches else searched)
    sample = TableSample(min(rows, _rounded(most)), rows, seed)
    if sample.rows == rows:  # a small table on a machine without memory
        return MemoryPlan(rows, limit, needed)
    held = BASE_BYTES + binned + sample.rows * BATCHED_COPIES * CELL_BYTES * columns
    if not in_batches:
        return MemoryPlan(rows, limit, needed, sample)
    seconds = rows * columns * (READING_SECONDS + ROUNDS * outputs * ROUND_SECONDS / cores)
    return MemoryPlan(rows, limit, needed, sample, held, seconds)


def batched_families() -> tuple[str, ...]:
    """The labels of the model families that can be fitted to a table in batches."""
    return tuple(spec.label for spec in families() if spec.fit_batches is not None)


def sample_note(plan: MemoryPlan) -> str:
    """Return what a reader of the report should know of the sample that was searched; "" where all rows were."""
    sample = plan.sample
    if sample is None:
        return ""
    return (
        f"the table needs {size(plan.needed)} of memory, more than the {size(plan.limit)} that training may use: "
        f"{sample.rows:,} of its {sample.of:,} rows, drawn with seed {sample.seed}, are searched and measured; "
        f"{all_rows_note(plan)}"
    )


def all_rows_note(plan: MemoryPlan) -> str:
    """Return what learns from all rows of a table that is searched on a sample, and what that takes."""
    if not plan.batched:
        return "no model learns from more rows, because there is no memory for them in batches either"
    families = " and ".join(batched_families())
    return (
        f"a chosen recipe of {families} without feature steps learns from all rows at the end, in batches, which takes about "
        f"{size(plan.batched)} and {duration(plan.seconds)}"
    )


def _rounded(rows: int) -> int:
    """Down to two digits: nobody is helped by the others."""
    unit = int(10.0 ** max(0, len(str(rows)) - 2))
    return rows // unit * unit
