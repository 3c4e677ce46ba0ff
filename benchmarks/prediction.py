"""One row by a warm model against 20 ms; the memory of a million rows against that of a hundred thousand."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.rows import Row, print_rows

BUDGET = 20.0  # milliseconds
TURNS = 30
FEW, MANY = 100_000, 1_000_000
GROWTH = 1.5  # of peak memory, for ten times the rows

PROGRAM = """
import resource, sys
from pathlib import Path
from tabsmith.modeling.predict import predict_file, source_to_predict
from tabsmith.modeling.model import load_model
from tabsmith.runs.stages import read
from tabsmith.tables.read.sources import FileSource
model, path = sys.argv[1:]
loaded = load_model(model)
info = read(source_to_predict(loaded, FileSource(path)), lambda share, message: None)
predict_file(loaded, info, Path(path).with_suffix(".out.parquet"))
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""


def table(path: Path, rows: int) -> Path:
    """A table of three numbers and a category, and what follows from them."""
    with path.open("w") as file:
        file.write("a,b,c,kind,y\n")
        for row in range(rows):
            a, b, c = row % 991, (row * 7) % 983, (row * 13) % 977
            file.write(f"{a},{b},{c},k{row % 11},{a * 2 + b - c + row % 11}\n")
    return path


def one_row(home: Path) -> tuple[Row, str]:
    """The row of single predictions, and the model that made it."""
    import tabsmith
    from tabsmith.tables.table import read_table

    model = tabsmith.train(str(table(home / "train.csv", 5_000)), "y", time_limit=30)
    frame = read_table(str(home / "train.csv")).to_pandas().drop(columns="y").head(1)
    model.predict(frame)
    taken = []
    for _ in range(TURNS):
        since = time.perf_counter()
        model.predict(frame)
        taken.append(1e3 * (time.perf_counter() - since))
    figure = statistics.median(taken)
    members = len(model.report.members)
    name = f"one row by a warm ensemble of {members} recipes, vs 20 ms"
    return Row(name, figure, "ms", BUDGET, figure / BUDGET, 1.0), model.id


def peak(model: str, path: Path) -> float:
    """Megabytes at most, of a process that predicts the file."""
    done = subprocess.run([sys.executable, "-c", PROGRAM, model, str(path)], capture_output=True, text=True, check=True)
    return float(done.stdout)


def main() -> list[Row]:
    """The rows of prediction."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ["TABSMITH_HOME"] = str(home / "home")
        os.environ["TABSMITH_PATHS__ALLOWED"] = str(home)
        single, model = one_row(home)
        few, many = peak(model, table(home / "few.csv", FEW)), peak(model, table(home / "many.csv", MANY))
        return [single, Row("peak memory, 1,000,000 rows vs 100,000", many, "MB", few, many / few, GROWTH)]


if __name__ == "__main__":
    print_rows(main())
