"""A table larger than the memory that training may use: what a run of it held at its peak, against what was allowed.

    python -m benchmarks.large [ROWS] [COLUMNS] [TREES] [MEGABYTES]

The table is made on disk, and read, searched on a sample and learned whole by one recipe of LightGBM. 50 million rows by 20
columns are the claim; fewer rows, the default, may use as much less. The memory is that of all processes, shared pages once.
"""

import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.memory import Peak, peak_memory
from benchmarks.rows import Row, print_rows

if TYPE_CHECKING:
    from tabsmith.runs.events import RunEvent

ROWS: Final = 5_000_000
COLUMNS: Final = 20
TREES: Final = 20
CHUNK: Final = 250_000


def write_table(path: Path, rows: int, columns: int) -> None:
    """Write `rows` by `columns` numbers, half of which say something of the class `y`, some at a time."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    generator = np.random.default_rng(0)
    names = [f"x{place}" for place in range(columns)]
    schema = pa.schema([*((name, pa.float32()) for name in names), ("y", pa.string())])
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as writer:
        for start in range(0, rows, CHUNK):
            X = generator.normal(size=(min(CHUNK, rows - start), columns)).astype(np.float32)
            margin = X[:, : columns // 2].sum(axis=1) + generator.normal(size=len(X))
            labels = np.where(margin > 0, "yes", "no")
            writer.write_table(
                pa.table([*(pa.array(X[:, place]) for place in range(columns)), pa.array(labels)], schema)
            )


def main(rows: int = ROWS, columns: int = COLUMNS, trees: int = TREES, megabytes: int = 0) -> list[Row]:
    """Return the peak of memory against what training was allowed, and the seconds that it took."""
    from tabsmith.modeling.large_tables.memory_plan import BASE_BYTES

    allowed = megabytes or round((BASE_BYTES + (4.2e9 - BASE_BYTES) * rows * columns / (50e6 * 20)) / 1e6)
    os.environ["TABSMITH_TRAINING__MEMORY"] = str(allowed)
    os.environ["TABSMITH_PATHS__MAX_MB"] = "100000"
    with tempfile.TemporaryDirectory(prefix="tabsmith-large-") as folder:
        os.environ["TABSMITH_HOME"] = f"{folder}/home"
        path = Path(folder) / "large.parquet"
        write_table(path, rows, columns)
        import tabsmith

        recipe = {"family": "lightgbm", "parameters": {"n_estimators": trees, "min_data_in_leaf": 100}}
        started = time.monotonic()
        with peak_memory() as peak:
            model = tabsmith.train(
                path,
                "y",
                time_limit=0,
                iterations=1,
                recipes=[recipe],
                on_event=lambda each: _tell(each, started, peak),
            )
        seconds = time.monotonic() - started
        print(*model.report.notes, model.report.delivery, sep="\n", file=sys.stderr)
    name = f"{rows:,} x {columns}, {trees} trees"
    return [
        Row(f"{name}: peak of memory", peak.bytes / 1e6, "MB", allowed, peak.bytes / 1e6 / allowed, 1.0),
        Row(
            f"{name}: seconds for a million rows",
            seconds / rows * 1e6,
            "s",
            seconds,
            seconds / rows * 1e6 / seconds,
            1.0,
        ),
    ]


def _tell(event: "RunEvent", started: float, peak: Peak) -> None:
    """Say on stderr how far the run is, and what its memory was at most until now."""
    seconds, message = time.monotonic() - started, getattr(event, "message", "")
    print(f"{seconds:8.1f} s {peak.bytes / 1e6:8,.0f} MB  {type(event).__name__} {message}", file=sys.stderr)


if __name__ == "__main__":
    print_rows(main(*(int(argument) for argument in sys.argv[1:])))
