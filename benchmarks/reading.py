"""Reading a large CSV to snapshot, profile and schema, beside DuckDB's own copy of it to Parquet and other readers' copies.

Each is measured in a process of its own, with all imports done before the clock starts. The figures are CPU seconds of all
threads, which other work on the machine changes little; the peak is the largest resident memory of the reading process.
"""

import json
import math
import os
import subprocess
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from benchmarks.rows import Row, print_rows

MEGABYTES: Final = 1_000
CLEAN_RATIO: Final = 1.25
DIRTY_RATIO: Final = 5.0
PEAK: Final = 700.0  # MB

_WRITE = """
import duckdb, sys
path, megabytes = sys.argv[1], int(sys.argv[2])
with duckdb.connect(config={"threads": 2}) as database:
    database.execute("SELECT setseed(0.5)")
    database.execute(f'''COPY (
        SELECT i AS id, CAST(random() * 100 AS INTEGER) AS age, round(random() * 1e5, 2) AS income, random() AS score,
          ['red', 'green', 'blue'][1 + CAST(random() * 2 AS INTEGER)] AS color,
          'city_' || CAST(random() * 500 AS INTEGER) AS city,
          DATE '2015-01-01' + CAST(random() * 3000 AS INTEGER) AS day,
          TIMESTAMP '2019-01-01' + INTERVAL (CAST(random() * 1e8 AS BIGINT)) SECOND AS moment,
          random() < 0.3 AS flag, CASE WHEN random() > 0.05 THEN round(random() * 10, 3) END AS sometimes,
          CAST(random() * 1000 AS INTEGER) AS visits,
          CASE WHEN random() < 0.1 THEN 'NA' ELSE 'v' || CAST(random() * 5 AS INTEGER) END AS plan,
          random() < 0.5 AS churned
        FROM range({megabytes * 10_000}) AS t(i)) TO '{path}' (HEADER)''')
"""

_CLOCK = """
import json, resource, sys
def cpu():
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime
def tell():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
    print(json.dumps({"seconds": cpu() - start, "peak": peak}))
path, threads = sys.argv[1], int(sys.argv[2])
"""

_COPIES: Final = {
    "duckdb": """
import duckdb
with duckdb.connect(config={"threads": threads}) as database:
    start = cpu()
    database.execute(f"COPY (FROM '{path}') TO '{path}.parquet' (FORMAT parquet)")
    tell()
""",
    "pyarrow": """
import pyarrow.csv, pyarrow.parquet
start = cpu()
pyarrow.parquet.write_table(pyarrow.csv.read_csv(path), path + ".parquet")
tell()
""",
    "polars": """
import polars
start = cpu()
polars.scan_csv(path).sink_parquet(path + ".parquet")
tell()
""",
    "pandas": """
import pandas, pyarrow.parquet
start = cpu()
pandas.read_csv(path).to_parquet(path + ".parquet")
tell()
""",
}

_READ = """
import duckdb, numpy, pyarrow.parquet, sklearn.tree
from pathlib import Path
from tabsmith.tables.schema.detect import detect_schema
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import FileSource
start = cpu()
info = read_source(FileSource(path), allowed=(Path(path).parent,), max_mb=100_000)
schema = detect_schema(info)
assert schema.target == "churned", schema.target
tell()
"""


def main(megabytes: int = MEGABYTES) -> list[Row]:
    """A row for each reader beside DuckDB's copy, one for a file with faults, and the peak memory beside its budget."""
    threads = str(min(4, os.cpu_count() or 1))
    with tempfile.TemporaryDirectory(prefix="tabsmith-bench-") as folder:
        path = str(Path(folder, "table.csv"))
        _child(_WRITE, folder, path, str(megabytes))
        size = Path(path).stat().st_size / 1e6
        copies = {
            name: min(_child(_CLOCK + program, folder, path, threads)["seconds"] for _ in range(2))
            for name, program in _COPIES.items()
            if find_spec(name) is not None
        }
        readings = [_child(_CLOCK + _READ, str(Path(folder, f"home{number}")), path, threads) for number in range(2)]
        _spoil(Path(path))
        dirty = _child(_CLOCK + _READ, str(Path(folder, "dirty")), path, threads)
    copy = copies.pop("duckdb")
    seconds = min(reading["seconds"] for reading in readings)
    peak = max(reading["peak"] for reading in [*readings, dirty])
    return [
        Row(f"read a CSV of {size:,.0f} MB to snapshot and schema", seconds, "s", copy, seconds / copy, CLEAN_RATIO),
        Row("  with a bad line and an odd cell", dirty["seconds"], "s", copy, dirty["seconds"] / copy, DIRTY_RATIO),
        Row("  its peak memory", peak, "MB", PEAK, peak / PEAK, 1.0),
        *(Row(f"  copied by {name}", other, "s", copy, other / copy, math.inf) for name, other in copies.items()),
    ]


def _spoil(path: Path) -> None:
    """Add a line with too few values and one with a word among numbers to the file."""
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.seek(max(0, file.tell() - 4_096))
        last = file.read().rstrip(b"\n").splitlines()[-1]
        file.seek(0, os.SEEK_END)
        file.write(last.rsplit(b",", 4)[0] + b"\n" + last.replace(b",", b",ask,", 1).rsplit(b",", 1)[0] + b"\n")


def _child(program: str, home: str, *arguments: str) -> dict[str, float]:
    """Run a program in a process of its own, with tabsmith's folders under `home`; the JSON it prints."""
    environment = {**os.environ, "TABSMITH_HOME": home}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    lines = done.stdout.splitlines()  # a long query draws its progress above
    return dict(json.loads(lines[-1])) if lines and lines[-1].startswith("{") else {}


if __name__ == "__main__":
    print_rows(main(int(sys.argv[1]) if len(sys.argv) > 1 else MEGABYTES))
