"""Reading a large CSV to snapshot, profile and schema, against DuckDB's own copy of it to Parquet.

Each is measured in a process of its own, with all imports done before the clock starts. The peak is the largest
resident memory of the reading process.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.rows import Row, print_rows

MEGABYTES = 1_000
RATIO = 1.5
PEAK = 1_000.0  # MB

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

_COPY = """
import duckdb, json, sys, time
with duckdb.connect(config={"threads": int(sys.argv[2])}) as database:
    start = time.perf_counter()
    database.execute(f"COPY (FROM '{sys.argv[1]}') TO '{sys.argv[1]}.parquet' (FORMAT parquet)")
    print(json.dumps({"seconds": time.perf_counter() - start}))
"""

_READ = """
import json, resource, sys, time
from pathlib import Path
import duckdb, numpy, pyarrow.parquet, sklearn.tree
from tabsmith.tables.schema.detect import detect_schema
from tabsmith.tables.read.reader import read
from tabsmith.tables.read.sources import FileSource
path = Path(sys.argv[1])
start = time.perf_counter()
info = read(FileSource(str(path)), allowed=(path.parent,), max_mb=100_000)
schema = detect_schema(info)
seconds = time.perf_counter() - start
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6
assert info.route == "fast" and schema.target == "churned", (info.route, schema.target)
print(json.dumps({"seconds": seconds, "peak": peak}))
"""


def main(megabytes: int = MEGABYTES) -> list[Row]:
    """Two rows: seconds against DuckDB's, and peak memory against its budget. Takes about a minute at 1,000 MB."""
    threads = min(4, os.cpu_count() or 1)
    with tempfile.TemporaryDirectory(prefix="tabsmith-bench-") as folder:
        path = str(Path(folder, "table.csv"))
        _child(_WRITE, folder, path, str(megabytes))
        size = Path(path).stat().st_size / 1e6
        copies, readings = [], []
        for attempt in range(2):
            copies.append(_child(_COPY, folder, path, str(threads))["seconds"])
            readings.append(_child(_READ, str(Path(folder, f"home{attempt}")), path))
    copy = min(copies)
    seconds = min(reading["seconds"] for reading in readings)
    peak = max(reading["peak"] for reading in readings)
    name = f"read a CSV of {size:,.0f} MB to snapshot and schema"
    return [
        Row(name, seconds, "s", copy, seconds / copy, RATIO),
        Row("  its peak memory", peak, "MB", PEAK, peak / PEAK, 1.0),
    ]


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
