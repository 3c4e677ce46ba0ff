"""The command line's ways to a table: sheets, databases, archives, folders and joins, and the options of reading."""

import json
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter

from tabsmith_tui.commands.root import run


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> Any:
    assert run(["read", *words, "--rows", "2", "--json"]) == status
    return json.loads(capsys.readouterr().out)


def test_a_sheet_is_chosen_and_the_others_are_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with xlsxwriter.Workbook(tmp_path / "book.xlsx") as book:
        for name, rows in {"First": [["a"], [1], [2]], "Second": [["title"], [], ["b", "c"], [3, 4]]}.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    found = read(capsys, "book.xlsx", "--sheet", "second")
    assert (found["columns"], found["sheet"], found["sheets"]) == (["b", "c"], "Second", ["First", "Second"])
    assert found["dialect"]["skipped_lines"] == 2
    assert run(["read", "book.xlsx", "--sheet", "Second"]) == 0
    assert "First" in capsys.readouterr().out
    assert read(capsys, "book.xlsx", "--sheet", "Thrid", status=2)["error"]["name"] == "ReadError"


def test_a_database_lists_its_tables_and_answers_a_query(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(sqlite3.connect(tmp_path / "shop.db")) as database, database:
        database.execute("CREATE TABLE one AS SELECT 1 AS a")
        database.execute("CREATE TABLE two AS SELECT 2 AS b")
    error = read(capsys, "shop.db", status=2)["error"]
    assert error["name"] == "SeveralTablesError"
    assert "one, two" in error["what"]
    assert read(capsys, "shop.db", "--sheet", "two")["columns"] == ["b"]
    assert read(capsys, "sqlite:///shop.db", "--query", "SELECT a + 1 AS next FROM one")["sample"] == [{"next": "2"}]


def test_an_archive_and_a_folder_are_read(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("t.csv", "a\n1\n")
    assert read(capsys, "t.zip")["sheet"] == "t.csv"
    for year in ("2023", "2024"):
        (tmp_path / "all" / f"year={year}").mkdir(parents=True)
        (tmp_path / "all" / f"year={year}" / "t.csv").write_text("a\n1\n2\n")
    found = read(capsys, "all")
    assert (found["rows"], found["columns"]) == (4, ["a", "year"])


def test_a_join_says_what_it_did_to_the_rows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text("k,x\n1,5\n2,6\n3,7\n")
    (tmp_path / "b.csv").write_text("k,y\n1,8\n1,9\n")
    found = read(capsys, "a.csv", "--join", "b.csv", "--on", "k")
    assert (found["rows"], found["columns"]) == (4, ["k", "x", "y"])
    assert [found["joins"][0][name] for name in ("unmatched", "multiplied", "unused")] == [2, 1, 0]
    assert read(capsys, "a.csv", "--join", "b.csv", "--on", "k", "--matched-only")["rows"] == 2
    assert run(["read", "a.csv", "--join", "b.csv", "--on", "k"]) == 0
    assert "3 rows became 4" in capsys.readouterr().out
    assert read(capsys, "a.csv", "--join", "b.csv", status=2)["error"]["name"] == "UsageError"
    assert read(capsys, "a.csv", "--on", "k", status=2)["error"]["name"] == "UsageError"


def test_a_model_is_trained_on_a_join_and_predicts_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_text(
        "k,x,y\n" + "".join(f"{i % 9},{i % 17},{i % 9 + 2 * (i % 17)}\n" for i in range(150))
    )
    (tmp_path / "b.csv").write_text("k,z\n" + "".join(f"{i},{i * i}\n" for i in range(8)))
    words = ["a.csv", "--join", "b.csv", "--on", "k"]
    assert (
        run(["train", *words, "--target", "y", "--model", "linear", "--time", "60", "--iterations", "1", "--json"]) == 0
    )
    model = json.loads(capsys.readouterr().out)["model_id"]
    assert run(["predict", model, *words, "--out", "p.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 150


@pytest.mark.parametrize("option", [["--header", "first"], ["--quote", "ab"], ["--encoding", "utf-9"]])
def test_an_option_that_cannot_be_is_refused(
    option: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")
    error = read(capsys, "a.csv", *option, status=2)["error"]
    assert error["name"] == "UsageError"
    assert option[0] in error["what"]
