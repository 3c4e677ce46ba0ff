"""Questions to a table: describing all of it beside DuckDB's SUMMARIZE and pandas' describe, and simple questions.

Everything is measured in one process on one snapshot, with all imports done before the clock starts. The figures are CPU
seconds of all threads, which other work on the machine changes little.
"""

import math
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

import duckdb
import pandas as pd

from benchmarks.rows import Row, print_rows
from tabsmith.statistics.plan import Compare, Describe, Frequency, Plan, Regress, Relate
from tabsmith.statistics.run import answer
from tabsmith.tables.info import TableInfo
from tabsmith.tables.table import read_table

ROWS: Final = 1_000_000
ASKED_ROWS: Final = 100_000
SUMMARIZE_RATIO: Final = 1.3
PROFILE_SECONDS: Final = 10.0
ANSWER_SECONDS: Final = 2.0

_WRITE: Final = """
COPY (SELECT {columns} FROM range({rows})) TO '{path}' (FORMAT parquet)
"""
_NUMBERS: Final = 30
_CODES: Final = 12
_TEXTS: Final = 8


def main(rows: int = ROWS) -> list[Row]:
    """A row for describing a table of 50 columns beside each reader, and one for each simple question to 100,000 rows."""
    with tempfile.TemporaryDirectory(prefix="tabsmith-bench-") as folder:
        table = _table(Path(folder, "large.parquet"), rows)
        described = _cpu_seconds(lambda: answer(Describe(), table, time_limit=math.inf))
        with duckdb.connect(config={"threads": 2}) as database:
            summarized = _cpu_seconds(lambda: database.execute(f"SUMMARIZE FROM '{table.snapshot}'").fetchall())
        frame = pd.read_parquet(table.snapshot)
        pandas_described = _cpu_seconds(lambda: frame.describe(include="all"))
        del frame
        asked = _table(Path(folder, "small.parquet"), min(rows, ASKED_ROWS))
        questions: dict[str, Plan] = {
            "describe a column by group": Describe(columns=("n1",), by=("t1",)),
            "count a column's values": Frequency(columns=("t1",)),
            "relate two columns": Relate(columns=("n1", "n2")),
            "compare a number between groups": Compare(value="n1", by="t1"),
            "regress a number on three columns": Regress(outcome="n1", predictors=("n2", "n3", "t1")),
        }
        for plan in questions.values():
            answer(plan, asked)  # imports what it needs
        answered = {name: _seconds(lambda plan=plan: answer(plan, asked)) for name, plan in questions.items()}  # type: ignore[misc]
    size = f"{rows:,} rows of 50 columns"
    return [
        Row(f"describe {size}", described, "s", summarized, described / summarized, SUMMARIZE_RATIO),
        Row("  beside its budget", described, "s", PROFILE_SECONDS, described / PROFILE_SECONDS, 1.0),
        Row(
            "  pandas' describe beside SUMMARIZE",
            pandas_described,
            "s",
            summarized,
            pandas_described / summarized,
            math.inf,
        ),
        *(Row(f"{name}", took, "s", ANSWER_SECONDS, took / ANSWER_SECONDS, 1.0) for name, took in answered.items()),
    ]


def _table(path: Path, rows: int) -> TableInfo:
    columns = [f"random() * {i + 1} + {i} AS n{i}" for i in range(_NUMBERS)]
    columns += [f"CAST(random() * {10 ** (i % 5 + 1)} AS INTEGER) AS i{i}" for i in range(_CODES)]
    columns += [f"'v' || CAST(random() * {5 * (i + 1)} AS INTEGER) AS t{i}" for i in range(_TEXTS)]
    with duckdb.connect(config={"threads": 1}) as database:
        database.execute("SELECT setseed(0.5)")
        database.execute(_WRITE.format(columns=", ".join(columns), rows=rows, path=path))
    return read_table(path).info


def _cpu_seconds(work: Callable[[], object]) -> float:
    start = time.process_time()
    work()
    return time.process_time() - start


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    print_rows(main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS))
