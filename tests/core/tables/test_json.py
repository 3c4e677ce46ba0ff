"""JSON read item by item: from pieces cut anywhere, in batches whose rows hold different things."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tabsmith.errors import ReadError
from tabsmith.tables.info import REASON_COLUMN, TableInfo
from tabsmith.tables.read.formats.json_items import BrokenJsonError, JsonItems
from tabsmith.tables.read.guard import ANYWHERE
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import FileSource, ReadOptions
from tabsmith.tables.snapshot import load_frame

from .conftest import Read

ARRAYS = [
    "[]",
    " [ 1 , 23.5e1, -4 ] ",
    '[{"a": "x\\u00e9\\n", "b": null}, {"a": [1, {"c": true}]}]',
    "[[1, 2], [], [false]]\n",
    '["", "\\"", "ü"]',
]


def pieces(text: str, size: int) -> Iterator[str]:
    return (text[start : start + size] for start in range(0, len(text), size))


@pytest.mark.parametrize("size", [1, 2, 7, 100])
@pytest.mark.parametrize("text", ARRAYS)
def test_an_array_is_the_same_however_it_is_cut(text: str, size: int) -> None:
    items = JsonItems(pieces(text, size))
    assert items.begins_array()
    assert list(items.items()) == json.loads(text)


@pytest.mark.parametrize("size", [1, 3, 100])
@pytest.mark.parametrize(
    "text", ["[1,\n 2\n 3]", '[{"a": 1},\n{"a":}]', "[1] x", "[1,", '["a\n"]', "[tru]", '[{"a": 1}\n\n,]']
)
def test_a_mistake_is_told_where_the_whole_text_has_it(text: str, size: int) -> None:
    with pytest.raises(json.JSONDecodeError) as whole:
        json.loads(text)
    items = JsonItems(pieces(text, size))
    assert items.begins_array()
    with pytest.raises(BrokenJsonError) as caught:
        list(items.items())
    assert (caught.value.line, caught.value.column) == (whole.value.lineno, whole.value.colno)


def test_rows_of_many_batches_get_the_types_of_all(read_file: Read, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tabsmith.tables.read.formats.json.BATCH_CELLS", 100)
    rows: list[dict[str, Any]] = [{"i": i, "deep": {"x": i, "y": None}, "mixed": i} for i in range(500)]
    rows[400] |= {"mixed": "n/k", "late": 1.5}
    for name, text in {"t.json": json.dumps(rows), "t.jsonl": "\n".join(map(json.dumps, rows))}.items():
        info = read_file(name, text)
        kept = {column.name: column.storage for column in info.profile.columns}
        assert list(kept) == ["i", "deep.x", "deep.y", "mixed", "late"]
        assert (kept["i"], kept["deep.x"], kept["late"]) == ("integer", "integer", "float")
        frame = load_frame(info)
        assert frame["i"].tolist() == list(range(500))
        assert frame["late"].notna().sum() == 1


def test_a_record_of_records_has_its_columns_one_level_deep(read_file: Read) -> None:
    rows = [{"id": 1}] * 60 + [{"id": 2, "address": {"city": "Rome", "place": {"lat": 1.5}}}]
    info = read_file("t.json", json.dumps(rows))
    assert [column.name for column in info.profile.columns] == ["id", "address.city", "address.place"]
    assert load_frame(info)["address.place"].iloc[-1] == '{"lat": 1.5}'


def test_rows_of_different_forms_are_refused_with_their_number(read_file: Read) -> None:
    with pytest.raises(ReadError, match="Item 3 of the JSON list is not an object"):
        read_file("t.json", '[{"a": 1}, {"a": 2}, [1]]')


def test_arrays_below_names_may_be_longer_than_these(read_file: Read) -> None:
    info = read_file("t.json", '[["a", "b"], [1, "x"], [2, "y", 3.5]]')
    assert [column.name for column in info.profile.columns] == ["a", "b", "column_3"]


def test_packed_json_in_another_encoding_is_read(tmp_path: Path) -> None:
    (tmp_path / "t.json.gz").write_bytes(gzip.compress('[{"a": "é"}]'.encode("cp1252"), mtime=0))
    source = FileSource(str(tmp_path / "t.json.gz"), options=ReadOptions(encoding="cp1252"))
    assert load_frame(read_source(source, allowed=ANYWHERE, max_mb=1))["a"].tolist() == ["é"]


def test_every_line_of_new_rows_gives_a_row_and_a_broken_one_its_reason(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"a":1}\n{"a":\n{"a":2}\n')
    source = FileSource(str(tmp_path / "t.jsonl"), as_text=True, options=ReadOptions(every_row=True))
    info: TableInfo = read_source(source, allowed=ANYWHERE, max_mb=1)
    rows = pq.read_table(info.snapshot).to_pydict()
    assert rows["c0"] == [1, None, 2]
    assert [bool(reason) for reason in rows[REASON_COLUMN]] == [False, True, False]
    assert "line 2" in rows[REASON_COLUMN][1]
    assert [column.name for column in info.profile.columns] == ["a"]


def test_names_can_be_given(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text('[{"a": 1, "b": 2}]')
    source = FileSource(str(tmp_path / "t.json"), options=ReadOptions(columns=("x", "y")))
    assert list(load_frame(read_source(source, allowed=ANYWHERE, max_mb=1)).columns) == ["x", "y"]
    with pytest.raises(ReadError, match="1 name"):
        read_source(
            FileSource(str(tmp_path / "t.json"), options=ReadOptions(columns=("x",))), allowed=ANYWHERE, max_mb=1
        )
