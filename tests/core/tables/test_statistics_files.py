"""Files of Stata, SPSS and SAS: types, labels and missing values as their programs mean them."""

import datetime as dt
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tabsmith.errors import ReadError
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.guard import ANYWHERE
from tabsmith.tables.read.reader import estimate_path, read_source
from tabsmith.tables.read.sources import FileSource
from tabsmith.tables.snapshot import load_frame

from .conftest import Write

pyreadstat = pytest.importorskip("pyreadstat", reason="the extra `formats` is not installed")

FRAME = pd.DataFrame(
    {
        "n": [1.0, 2.0, None, 4.0] * 5,
        "x": [0.5, 1.5, 2.5, None] * 5,
        "sex": [1.0, 2.0, 2.0, 1.0] * 5,
        "rating": [1.0, 3.0, 5.0, 5.0] * 5,
        "name": ["Ann", "Bö", "", "Cy"] * 5,
        "day": [dt.date(2020, 1, day) for day in range(1, 21)],
    }
)
LABELS = {"sex": {1: "male", 2: "female"}, "rating": {1: "bad", 5: "good"}}
WRITERS: dict[str, Callable[[Path], Any]] = {
    "dta": lambda path: pyreadstat.write_dta(FRAME, str(path), variable_value_labels=LABELS),
    "sav": lambda path: pyreadstat.write_sav(FRAME, str(path), variable_value_labels=LABELS),
    "zsav": lambda path: pyreadstat.write_sav(FRAME, str(path), variable_value_labels=LABELS, compress=True),
    "por": lambda path: pyreadstat.write_por(FRAME.replace("Bö", "Bo"), str(path)),
    "xpt": lambda path: pyreadstat.write_xport(FRAME, str(path)),
}


def read(path: Path) -> TableInfo:
    return read_source(FileSource(str(path)), allowed=ANYWHERE, max_mb=5)


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_file_is_read_with_its_types_labels_and_missing_values(
    suffix: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tabsmith.tables.read.formats.statistics_files.BATCH_CELLS", 42)  # seven rows
    path = tmp_path / f"t.{suffix}"
    WRITERS[suffix](path)
    info = read(path)
    columns = {column.name.lower(): column for column in info.profile.columns}
    kept = {name: column.storage for name, column in columns.items()}
    assert (kept["n"], kept["x"], kept["day"]) == ("integer", "float", "date")
    assert (columns["n"].missing, columns["x"].missing) == (5, 5)
    frame = load_frame(info)
    frame.columns = [name.lower() for name in frame.columns]
    assert frame["day"].iloc[19] == pd.Timestamp(2020, 1, 20)
    assert frame["name"].tolist()[:2] == ["Ann", "Bo" if suffix == "por" else "Bö"]
    assert frame["rating"].tolist()[:4] == [1, 3, 5, 5]  # not all of its codes have a label
    if suffix not in {"xpt", "por"}:  # written without labels
        assert frame["sex"].tolist()[:3] == ["male", "female", "female"]


def test_a_sas_file_is_told_by_its_first_bytes_and_a_damaged_one_refused(write: Write) -> None:
    magic = bytes.fromhex("000000000000000000000000c2ea8160b31411cfbd92080009c7318c181f1011")
    for name, content in {"t.sas7bdat": magic + bytes(5_000), "t.sav": b"$FL2" + bytes(5_000)}.items():
        with pytest.raises(ReadError, match="damaged"):
            read(write(name, content))


def test_the_estimate_comes_from_the_files_own_head(tmp_path: Path) -> None:
    WRITERS["sav"](tmp_path / "t.sav")
    estimate = estimate_path(str(tmp_path / "t.sav"), allowed=ANYWHERE, max_mb=5)
    assert (estimate.rows, estimate.columns, estimate.format) == (20, 6, "spss")


def test_without_the_library_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    WRITERS["sav"](tmp_path / "t.sav")
    monkeypatch.setitem(sys.modules, "pyreadstat", None)
    with pytest.raises(ReadError) as caught:
        read(tmp_path / "t.sav")
    assert "tabsmith[formats]" in caught.value.next_step
