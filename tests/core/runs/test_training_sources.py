"""Training from Python on what is no plain file: a table that was read with options, and a database."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

import tabsmith


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABSMITH_HOME", str(tmp_path / "home"))


def test_a_model_is_trained_on_a_table_of_a_database_and_on_one_that_was_read(tmp_path: Path) -> None:
    rows = [(i % 17, i % 5, 3 * (i % 17) + i % 5) for i in range(120)]
    with closing(sqlite3.connect(tmp_path / "t.db")) as database, database:
        database.execute("CREATE TABLE t (x INTEGER, z INTEGER, y INTEGER)")
        database.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
        database.execute("CREATE TABLE other AS SELECT 1 AS a")
    table = tabsmith.read_table(tmp_path / "t.db", query="SELECT x, z, y FROM t")
    model = tabsmith.train(table, "y", model="linear", iterations=1, time_limit=60)
    assert model.report.train_rows + model.report.holdout.rows == 120
