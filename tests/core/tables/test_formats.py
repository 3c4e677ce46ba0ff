"""JSON, JSONL, Parquet, workbooks, samples: each read as it is meant, each damage told by name."""

import datetime as dt
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xlsxwriter

from tabsmith.errors import ReadError
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import FileSource, SampleName, SampleSource
from tabsmith.tables.snapshot import load_frame

from .conftest import Read


def storages(info: TableInfo) -> dict[str, str]:
    return {column.name: column.storage for column in info.profile.columns}


@pytest.mark.parametrize(
    "document",
    [
        [{"a": 1, "b": "x"}, {"a": 2, "b": None}],
        {"a": [1, 2], "b": ["x", None]},
        {"data": [{"a": 1, "b": "x"}, {"a": 2, "b": None}]},
        {"meta": {"n": 2}, "result": 1, "rows": [{"a": 1, "b": "x"}, {"a": 2}]},
        [["a", "b"], [1, "x"], [2, None]],
        {"columns": ["a", "b"], "data": [[1, "x"], [2, None]]},
        {"a": {"0": 1, "1": 2}, "b": {"0": "x", "1": None}},
    ],
)
def test_every_usual_shape_of_json_is_a_table(document: object, read_file: Read) -> None:
    info = read_file("t.json", json.dumps(document))
    assert storages(info) == {"a": "integer", "b": "text"}
    frame = load_frame(info)
    assert frame["a"].tolist() == [1, 2]
    assert frame["b"].isna().tolist() == [False, True]


def test_nested_values_become_columns_or_text(read_file: Read) -> None:
    info = read_file("t.json", '[{"a": {"x": 1, "y": 2}, "l": [1, 2]}, {"a": {"x": 3}, "l": []}]')
    assert storages(info) == {"a.x": "integer", "a.y": "integer", "l": "text"}
    assert load_frame(info)["l"].tolist() == ["[1, 2]", "[]"]


def test_broken_json_is_told_with_line_and_column(read_file: Read) -> None:
    with pytest.raises(ReadError, match="line 2, column 6"):
        read_file("t.json", '[{"a": 1},\n{"a":}]')
    with pytest.raises(ReadError, match="no table"):
        read_file("t.json", '{"a": {"b": 1}, "c": [1], "d": [1, 2]}')
    with pytest.raises(ReadError, match="nested too deeply"):
        read_file("t.json", "[" * 100_000)


def test_dates_and_large_numbers_in_jsonl_are_kept(read_file: Read) -> None:
    info = read_file("t.jsonl", '{"d":"2020-01-01","n":12345678901234567890}\n{"d":"2020-02-01","n":3}\n')
    assert storages(info) == {"d": "date", "n": "text"}
    assert load_frame(info)["n"].tolist() == ["12345678901234567890", "3"]


def test_a_broken_line_of_jsonl_is_rejected_and_the_rest_read(read_file: Read) -> None:
    info = read_file("t.jsonl", '{"a":1}\n{"a":\n7\n{"a":2}\n')
    assert load_frame(info)["a"].tolist() == [1, 2]
    assert [note.line for note in info.rejected] == [2, 3]
    assert info.route == "careful"


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "i": pa.array([1, None, 3], pa.int32()),
            "u": pa.array([2**63 + 1, 1, 2], pa.uint64()),
            "b": [True, None, False],
            "d": [dt.date(2020, 1, 1)] * 3,
            "t": pa.array([10**12, 2 * 10**12, 3 * 10**12], pa.timestamp("ns", "Europe/Berlin")),
            "s": ["007", None, "x"],
            "l": [[1], [], None],
            "e": pa.array(["p", "q", "p"]).dictionary_encode(),
            "a": pa.array([1.5, float("nan"), float("inf")]),
            "A": [1, 2, 3],
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    info = read_source(FileSource(str(tmp_path / "t.parquet")), allowed=(tmp_path,), max_mb=1)
    assert storages(info) == {
        "i": "integer", "u": "text", "b": "boolean", "d": "date", "t": "timestamp", "s": "text", "l": "text",
        "e": "text", "a": "float", "A": "integer",
    }  # fmt: skip
    frame = load_frame(info)
    assert frame["u"].tolist()[0] == str(2**63 + 1)
    assert frame["s"].tolist()[0] == "007"
    assert info.profile.column("a").missing == 1
    assert info.profile.column("a").numbers is not None


def test_types_that_no_model_reads_are_taken_as_numbers_or_text_and_told(tmp_path: Path) -> None:
    table = pa.table(
        {
            "large": pa.array([2**63 + 1, 1, 2], pa.uint64()),
            "lasting": pa.array([dt.timedelta(minutes=5), None, dt.timedelta(days=1)]),
            "clock": pa.array([dt.time(1, 30), dt.time(0), None]),
            "bytes": pa.array([b"text", b"\xff\xfe\x00", None]),
        }
    )
    pq.write_table(table, tmp_path / "t.parquet")
    info = read_source(FileSource(str(tmp_path / "t.parquet")), allowed=(tmp_path,), max_mb=1)
    profile = info.profile
    assert storages(info) == {"large": "text", "lasting": "float", "clock": "float", "bytes": "text"}
    assert load_frame(info)["lasting"].dropna().tolist() == [300.0, 86_400.0]
    assert load_frame(info)["clock"].dropna().tolist() == [5_400.0, 0.0]
    assert (profile.column("bytes").missing, profile.column("bytes").odd_count) == (2, 1)
    assert all(column.note for column in profile.columns)


def test_a_cut_parquet_file_is_told_as_such(tmp_path: Path) -> None:
    pq.write_table(pa.table({"a": list(range(1_000))}), tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(whole[:-40])
    with pytest.raises(ReadError, match="damaged or cut off"):
        read_source(FileSource(str(tmp_path / "t.parquet")), allowed=(tmp_path,), max_mb=1)


def workbook(path: Path) -> None:
    with xlsxwriter.Workbook(path) as book:
        book.add_worksheet("empty")
        sheet = book.add_worksheet("data")
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write(0, 1, "Houses of 2020")
        sheet.write_row(2, 1, ["id", "when", "price", "note", "mixed"])
        for row in range(5):
            sheet.write_row(3 + row, 1, [row, None, row + 0.5, f"n{row}", row if row % 2 else "a"])
            sheet.write_datetime(3 + row, 2, dt.datetime(2020, 1, 1 + row), day)  # noqa: DTZ001


def test_the_first_sheet_with_rows_is_read_from_its_header_on(tmp_path: Path) -> None:
    workbook(tmp_path / "t.xlsx")
    info = read_source(FileSource(str(tmp_path / "t.xlsx")), allowed=(tmp_path,), max_mb=1)
    assert info.sheet == "data"
    assert storages(info) == {"id": "integer", "when": "date", "price": "float", "note": "text", "mixed": "text"}
    assert load_frame(info)["mixed"].tolist() == ["a", "1", "a", "3", "a"]


def test_a_damaged_and_an_encrypted_workbook_are_told_as_such(tmp_path: Path, read_file: Read) -> None:
    workbook(tmp_path / "t.xlsx")
    with pytest.raises(ReadError, match="damaged"):
        read_file("cut.xlsx", (tmp_path / "t.xlsx").read_bytes()[:2_000])
    with pytest.raises(ReadError, match="workbook"):
        read_file("t.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(4_000))


@pytest.mark.parametrize(
    ("name", "rows", "columns", "last"),
    [
        ("iris", 150, 5, "species"),
        ("wine", 178, 14, "cultivar"),
        ("breast_cancer", 569, 31, "diagnosis"),
        ("diabetes", 442, 11, "progression"),
        ("digits", 1797, 65, "digit"),
        ("linnerud", 20, 6, "Pulse"),
    ],
)
def test_samples_come_with_their_target_last(name: SampleName, rows: int, columns: int, last: str) -> None:
    info = read_source(SampleSource(name), allowed=(), max_mb=1)
    assert (info.rows, len(info.profile.columns), info.profile.columns[-1].name) == (rows, columns, last)
    assert info.format == "sample"


def test_the_profile_counts_what_pandas_counts(read_file: Read) -> None:
    frame = pd.DataFrame({"n": [1.5, 2.5, None, 4.5] * 10, "t": ["a", "b", "b", None] * 10})
    info = read_file("t.csv", frame.to_csv(index=False))
    number, text = info.profile.columns
    assert (number.missing, number.distinct, text.missing, text.distinct) == (10, 3, 10, 2)
    assert number.numbers is not None
    assert number.numbers.mean == pytest.approx(frame["n"].mean())
    assert number.numbers.quartiles[1] == frame["n"].median()
    assert sum(number.numbers.bins) == 30
    assert [(value.text, value.count) for value in text.top] == [("b", 20), ("a", 10)]
    assert text.lengths is not None
    assert (text.lengths.shortest, text.lengths.longest, text.lengths.words) == (1, 1, 1.0)
