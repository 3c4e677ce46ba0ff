"""What loading will cost is guessed without reading; and what the screen's process may import stays light."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import tabsmith
from tabsmith.tables.read.guard import check_path
from tabsmith.tables.read.reader import estimate_file, estimate_sample
from tabsmith.tables.read.sources import SampleSource

from .conftest import Write


def test_the_rows_of_a_text_are_guessed_from_its_beginning(write: Write, tmp_path: Path) -> None:
    path = write("t.csv", "a,b,c\n" + "".join(f"{i},{i * 2},x\n" for i in range(100_000)))
    guess = estimate_file(check_path(str(path), allowed=(tmp_path,), max_mb=10))
    assert guess.columns == 3
    assert guess.rows == pytest.approx(100_000, rel=0.25)


def test_the_rows_of_a_parquet_file_are_known(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": range(1_000), "b": range(1_000)}), tmp_path / "t.parquet")
    guess = estimate_file(check_path(str(tmp_path / "t.parquet"), allowed=(tmp_path,), max_mb=10))
    assert (guess.rows, guess.columns) == (1_000, 2)


def test_the_rows_of_jsonl_and_of_a_sample_are_guessed(write: Write, tmp_path: Path) -> None:
    path = write("t.jsonl", '{"a": 1, "b": 2}\n' * 10_000)
    guess = estimate_file(check_path(str(path), allowed=(tmp_path,), max_mb=10))
    assert (guess.rows, guess.columns) == (pytest.approx(10_000, rel=0.1), 2)
    assert estimate_sample(SampleSource("iris")).rows == 150


def test_what_a_screen_imports_of_tables_is_light() -> None:
    light = [
        *("info", "snapshot_store", "read.sources", "read.guard", "read.formats.registry", "read.arrow_columns"),
        *("profile.types", "schema.types", "schema.edits", "schema.manual", "schema.lexicon"),
    ]
    program = (
        f"import sys; {'; '.join(f'import tabsmith.tables.{name}' for name in light)};"
        "print([name for name in ('pandas','sklearn','duckdb','pyarrow','numpy') if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_public_table_reads_shows_and_understands() -> None:
    table = tabsmith.read_table("sample:iris")
    assert (table.rows, table.columns[-1]) == (150, "species")
    assert table.to_pandas().shape == (150, 5)
    assert table.schema().target == tabsmith.detect_schema(table).target == "species"
    assert (table.rejected, table.repaired) == ((), ())
