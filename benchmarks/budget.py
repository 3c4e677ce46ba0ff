"""Whether a run keeps its time limit on four tables that are hard on it, and the memory that it holds at its peak.

    python -m benchmarks.budget [SECONDS] [TABLE ...]

The tables are made: 32 classes, 300 classes, 5,000 columns, 1,000,000 rows. For each, the seconds that the run took from when its
data was ready stand against its limit, and its memory, that of all its processes, against the size of the table as numbers of
eight bytes. A run without a model is an error. Figures are worth something on a machine that does nothing else.
"""

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.memory import peak_memory
from benchmarks.rows import Row, print_rows

if TYPE_CHECKING:
    import pandas as pd

SECONDS: Final = 60.0
TOLERANCE: Final = 1.05
MEMORY_BUDGET: Final = 12.0  # times the table's size, beside what the libraries take by themselves
CELL_BYTES: Final = 8


def _classes(rows: int, columns: int, classes: int) -> "pd.DataFrame":
    """Rows around as many centres as there are classes."""
    import numpy as np
    import pandas as pd

    generator = np.random.default_rng(0)
    labels = np.arange(rows) % classes
    X = generator.normal(size=(classes, columns))[labels] + generator.normal(size=(rows, columns))
    frame = pd.DataFrame(X, columns=[f"x{place}" for place in range(columns)])
    return frame.assign(target=[f"class {label}" for label in labels])


def _two_classes(rows: int, columns: int) -> "pd.DataFrame":
    """Numbers, of which ten say something of the target."""
    import numpy as np
    import pandas as pd

    generator = np.random.default_rng(0)
    X = generator.normal(size=(rows, columns))
    margin = X[:, :10].sum(axis=1) + generator.normal(size=rows)
    frame = pd.DataFrame(X, columns=[f"x{place}" for place in range(columns)])
    return frame.assign(target=np.where(margin > 0, "yes", "no"))


TABLES: "Final[dict[str, Callable[[], pd.DataFrame]]]" = {
    "32 classes": lambda: _classes(8_000, 16, 32),
    "300 classes": lambda: _classes(20_000, 30, 300),
    "5,000 columns": lambda: _two_classes(2_000, 5_000),
    "1,000,000 rows": lambda: _two_classes(1_000_000, 20),
}


def main(seconds: float = SECONDS, names: tuple[str, ...] = ()) -> list[Row]:
    """Return for each table the seconds against the limit, and the peak of memory against the table's size."""
    rows: list[Row] = []
    for name in names or TABLES:
        with tempfile.TemporaryDirectory(prefix="tabsmith-budget-") as folder:
            os.environ["TABSMITH_HOME"] = f"{folder}/home"
            path = Path(folder) / "table.parquet"
            frame = TABLES[name]()
            cells = frame.shape[0] * frame.shape[1]
            frame.to_parquet(path)
            del frame
            rows += _measured(name, path, seconds, cells * CELL_BYTES / 1e6)
    return rows


def _measured(name: str, path: Path, seconds: float, megabytes: float) -> list[Row]:
    import tabsmith
    from tabsmith.modeling.large_tables.memory_plan import BASE_BYTES
    from tabsmith.presentation.models import delivery_sentences

    with peak_memory() as peak:
        report = tabsmith.train(path, "target", time_limit=seconds).report
    taken = report.time
    assert taken is not None
    scores = f"{report.tries} recipes, {report.metric.label} {report.cv_score:.4g}"
    print(f"{name}: a model of {scores}. {' '.join(delivery_sentences(report))}", file=sys.stderr)
    beside = max(0.0, peak.bytes - BASE_BYTES) / 1e6
    return [
        Row(f"{name}: time used", taken.used, "s", taken.limit, taken.used / taken.limit, TOLERANCE),
        Row(f"{name}: peak of memory", peak.bytes / 1e6, "MB", megabytes, beside / megabytes, MEMORY_BUDGET),
    ]


if __name__ == "__main__":
    given = sys.argv[1:]
    print_rows(main(float(given[0]) if given else SECONDS, tuple(given[1:])))
