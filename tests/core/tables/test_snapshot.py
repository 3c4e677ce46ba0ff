"""Snapshots: written once, reused, made again, noticed as stale; and frames handed over from Python."""

import os
import subprocess
import sys
from pathlib import Path

import msgspec
import numpy as np
import pandas as pd
import pytest

from tabsmith.errors import SchemaError, TableChangedError
from tabsmith.paths import folders
from tabsmith.tables.read.frames import from_frame
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import FileSource, SampleSource
from tabsmith.tables.snapshot import check_unchanged, load_frame, preview, preview_file

from .conftest import Read

TABLE = "a,b\n1,x\n2,y\n3,\n"


def test_an_unchanged_source_is_read_once(read_file: Read, tmp_path: Path) -> None:
    first = read_file("t.csv", TABLE)
    written = first.snapshot_path.stat().st_mtime_ns
    seen: list[str] = []
    source = FileSource(str(tmp_path / "t.csv"))
    again = read_source(source, allowed=(tmp_path,), max_mb=1, progress=lambda _, message: seen.append(message))
    assert again == first
    assert again.snapshot_path.stat().st_mtime_ns == written
    assert seen == ["read before"]


def test_other_options_and_other_content_give_another_snapshot(read_file: Read) -> None:
    first = read_file("t.csv", TABLE)
    as_text = read_file("t.csv", TABLE, as_text=True)
    changed = read_file("t.csv", TABLE.replace("x", "z"))
    assert len({first.fingerprint, as_text.fingerprint, changed.fingerprint}) == 3
    assert as_text.profile.columns[0].storage == "text"


def test_nothing_but_snapshots_stays_in_the_cache(read_file: Read) -> None:
    info = read_file("t.csv", TABLE)
    names = sorted(path.name for path in folders().tables.iterdir())
    assert names == [f"{info.fingerprint}.json", f"{info.fingerprint}.parquet"]


def test_a_changed_and_a_gone_file_are_noticed(read_file: Read, tmp_path: Path) -> None:
    info = read_file("t.csv", TABLE)
    check_unchanged(info)
    path = tmp_path / "t.csv"
    os.utime(path, (1, 1))
    with pytest.raises(TableChangedError, match="changed"):
        check_unchanged(info)
    path.write_text(TABLE + "4,z\n")
    with pytest.raises(TableChangedError, match="bytes"):
        check_unchanged(info)
    path.unlink()
    with pytest.raises(TableChangedError, match="gone"):
        check_unchanged(info)


def test_a_missing_or_damaged_snapshot_is_made_again(read_file: Read, tmp_path: Path) -> None:
    info = read_file("t.csv", TABLE)
    info.snapshot_path.unlink()
    assert load_frame(info)["a"].tolist() == [1, 2, 3]
    info.snapshot_path.write_bytes(b"PAR1 cut")
    again = read_source(FileSource(str(tmp_path / "t.csv")), allowed=(tmp_path,), max_mb=1)
    assert load_frame(again)["a"].tolist() == [1, 2, 3]
    info.snapshot_path.with_suffix(".json").write_text("{")
    assert read_source(FileSource(str(tmp_path / "t.csv")), allowed=(tmp_path,), max_mb=1).rows == 3


def test_a_missing_snapshot_of_a_changed_file_is_not_made_again(read_file: Read, tmp_path: Path) -> None:
    info = read_file("t.csv", TABLE)
    info.snapshot_path.unlink()
    (tmp_path / "t.csv").write_text("something else")
    with pytest.raises(TableChangedError):
        load_frame(info)


def test_columns_are_loaded_typed_in_the_order_asked_for(read_file: Read) -> None:
    info = read_file("t.csv", "i,j,f,b,d,t\n1,1,1.5,true,2020-01-01,x\n2,,,,,\n")
    frame = load_frame(info)
    assert [str(kind) for kind in frame.dtypes[:5]] == ["int64", "float64", "float64", "boolean", "datetime64[us]"]
    assert frame["t"].isna().tolist() == [False, True]
    assert list(load_frame(info, ("t", "i")).columns) == ["t", "i"]
    with pytest.raises(SchemaError, match="no column"):
        load_frame(info, ("nothing",))


def test_a_preview_is_cleaned_text(read_file: Read) -> None:
    info = read_file("t.csv", "a,\x1b[31mb\n1,\x1b]0;x\x07evil\n2.5," + "y" * 10_000 + "\n")
    shown = preview(info, 2)
    assert shown.names == ("a", "b")
    assert shown.rows[0] == ("1", "evil")
    assert len(shown.rows[1][1]) <= 120


def test_a_file_that_tabsmith_wrote_can_be_previewed(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "p": ["x", "\x1b[1my"]})
    frame.to_csv(tmp_path / "o.csv", index=False)
    frame.to_parquet(tmp_path / "o.parquet")
    for name in ("o.csv", "o.parquet"):
        assert preview_file(tmp_path / name, 5).rows == (("1", "x"), ("2", "y"))


def test_any_frame_becomes_a_table() -> None:
    frame = pd.DataFrame(
        {
            "mixed": [1, "a", None],
            "category": pd.Categorical(["x", "y", None]),
            "numbers": pd.Categorical([1, 2, 1]),
            "nullable": pd.array([1, None, 3], dtype="Int64"),
            "zoned": pd.to_datetime(["2020-01-01 12:00", None, "2020-01-03 00:00"]).tz_localize("Europe/Berlin"),
            "codes": ["007", "1", "2"],
            "period": pd.period_range("2020-01", periods=3, freq="M"),
            "objects": [{"a": 1}, [1], np.float64(2.5)],
            "complex": [1j, 2j, 3j],
            "flags": np.array([True, False, True], dtype=object),
            "sparse": pd.arrays.SparseArray([0.0, 0.0, 1.0]),
            7: [1, 2, 3],
        },
        index=[5, 6, 7],
    )
    info = from_frame(frame)
    assert {column.name: column.storage for column in info.profile.columns} == {
        "mixed": "text", "category": "text", "numbers": "integer", "nullable": "integer", "zoned": "timestamp",
        "codes": "text", "period": "date", "objects": "text", "complex": "text", "flags": "boolean",
        "sparse": "float", "7": "integer",
    }  # fmt: skip
    loaded = load_frame(info)
    assert loaded["codes"].tolist() == ["007", "1", "2"]
    assert str(loaded["zoned"].iloc[0]) == "2020-01-01 11:00:00"
    assert read_source(info.source, allowed=(), max_mb=1) == info


def test_the_same_frame_gives_the_same_fingerprint_and_another_does_not() -> None:
    frame = pd.DataFrame({"a": [1, 2]})
    assert from_frame(frame).fingerprint == from_frame(frame.copy()).fingerprint
    assert from_frame(frame).fingerprint != from_frame(frame + 1).fingerprint


def test_a_frame_with_two_columns_of_one_name_is_refused() -> None:
    with pytest.raises(SchemaError, match="Two columns"):
        from_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(SchemaError, match="Two columns"):
        from_frame(pd.DataFrame([[1, 2]], columns=["1", 1]))


def test_a_frame_whose_snapshot_was_cleared_cannot_be_loaded() -> None:
    info = from_frame(pd.DataFrame({"a": [1, 2]}))
    info.snapshot_path.unlink()
    with pytest.raises(TableChangedError, match="cleared"):
        load_frame(info)


def test_a_sample_is_made_again_when_it_was_cleared() -> None:
    info = read_source(SampleSource("iris"), allowed=(), max_mb=1)
    info.snapshot_path.unlink()
    assert len(load_frame(info)) == 150


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="counts threads in /proc")
def test_loading_rows_starts_no_thread_for_a_process_that_forks_afterwards(read_file: Read, tmp_path: Path) -> None:
    info = read_file("t.csv", "a,b,c\n" + "".join(f"{i},x{i % 7},{i / 3:.3f}\n" for i in range(20_000)))
    (tmp_path / "info.json").write_bytes(msgspec.json.encode(info))
    program = """
import os, sys, msgspec, pandas, pyarrow.parquet
from pathlib import Path
from tabsmith.tables.info import TableInfo
from tabsmith.tables.snapshot import load_frame, preview
info = msgspec.json.decode(Path(sys.argv[1]).read_bytes(), type=TableInfo)
before = len(os.listdir("/proc/self/task"))
assert len(load_frame(info)) == 20_000 and len(preview(info).rows) == 200
print(len(os.listdir("/proc/self/task")) - before)
"""
    command = [sys.executable, "-c", program, str(tmp_path / "info.json")]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "0"
