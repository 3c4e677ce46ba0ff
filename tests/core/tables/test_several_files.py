"""Files that hold or make up a table together: zip archives, folders, patterns, partitioned folders."""

import gzip
import io
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tabsmith.errors import PathNotFoundError, PathOutsideError, ReadError, TableChangedError
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.file_sets import check_source_path
from tabsmith.tables.read.guard import ANYWHERE
from tabsmith.tables.read.reader import estimate_path, read_source
from tabsmith.tables.read.sources import FileSource, ReadOptions
from tabsmith.tables.read.table_choice import SeveralTablesError
from tabsmith.tables.snapshot import check_unchanged, load_frame

TABLE = "a,b\n1,x\n2,y\n"


def read(path: Path, *, as_text: bool = False, **options: Any) -> TableInfo:
    return read_source(FileSource(str(path), as_text, ReadOptions(**options)), allowed=ANYWHERE, max_mb=5)


def archive(path: Path, members: dict[str, str | bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in members.items():
            packed.writestr(name, content)
    return path


# Archives ------------------------------------------------------------------------------------------------------------


def parquet_bytes() -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), buffer)
    return buffer.getvalue()


MEMBERS: dict[str, str | bytes] = {
    "data/table.csv": TABLE,
    "table.tsv": TABLE.replace(",", "\t"),
    "table.json": '[{"a": 1, "b": "x"}, {"a": 2, "b": "y"}]',
    "table.parquet": parquet_bytes(),
    "table.csv.gz": gzip.compress(TABLE.encode(), mtime=0),
}


@pytest.mark.parametrize("member", MEMBERS)
def test_the_one_table_in_an_archive_is_read_whatever_its_format(member: str, tmp_path: Path) -> None:
    path = archive(tmp_path / "t.zip", {"README.md": "# read me", "__MACOSX/._table.csv": "x", member: MEMBERS[member]})
    info = read(path)
    assert load_frame(info).to_dict("list") == {"a": [1, 2], "b": ["x", "y"]}
    assert (info.format, info.sheet, info.sheets) == ("zip", member, (member,))


def test_of_several_tables_in_an_archive_one_is_chosen(tmp_path: Path) -> None:
    path = archive(tmp_path / "t.zip", {"one.csv": TABLE, "two.csv": "c\n1\n2\n3\n"})
    with pytest.raises(SeveralTablesError) as caught:
        read(path)
    assert caught.value.tables == ("one.csv", "two.csv")
    assert read(path, sheet="two.csv").rows == 3


def test_a_damaged_member_is_told_by_the_name_of_the_archive(tmp_path: Path) -> None:
    path = archive(tmp_path / "t.zip", {"t.csv": TABLE * 100})
    data = bytearray(path.read_bytes())
    data[36:46] = bytes(10)
    path.write_bytes(data)
    with pytest.raises(ReadError, match="damaged") as caught:
        read(path)
    assert "t.zip" in caught.value.where


def test_a_damaged_table_in_an_archive_is_told_by_both_names(tmp_path: Path) -> None:
    path = archive(tmp_path / "t.zip", {"in/t.json": "[{]"})
    with pytest.raises(ReadError) as caught:
        read(path)
    assert caught.value.where.endswith("t.zip/in/t.json")


def test_an_archive_is_estimated_by_its_largest_table(tmp_path: Path) -> None:
    text = "a,b\n" + "".join(f"{number},x\n" for number in range(1_000))
    path = archive(tmp_path / "t.zip", {"t.csv": text})
    estimate = estimate_path(str(path), allowed=ANYWHERE, max_mb=5)
    assert (estimate.columns, round(estimate.rows, -2)) == (2, 1_000)


# Folders and patterns ------------------------------------------------------------------------------------------------


def write_all(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_a_folder_of_files_with_the_same_columns_is_one_table(tmp_path: Path) -> None:
    folder = write_all(tmp_path / "all", {"1.csv": TABLE, "2.csv": "b,a\nz,3\n", ".hidden.csv": "q\n", "_SUCCESS": ""})
    info = read(folder)
    assert load_frame(info).to_dict("list") == {"a": [1, 2, 3], "b": ["x", "y", "z"]}
    assert info.format == "csv"


def test_a_pattern_names_the_files_that_belong_together(tmp_path: Path) -> None:
    write_all(tmp_path, {"sales-1.csv": TABLE, "sales-2.csv": TABLE, "people.csv": "name\nAnn\n"})
    assert read(tmp_path / "sales-*.csv").rows == 4
    assert estimate_path(str(tmp_path / "sales-?.csv"), allowed=ANYWHERE, max_mb=5).rows == 4


def test_the_types_come_from_all_files_together(tmp_path: Path) -> None:
    folder = write_all(tmp_path / "all", {"1.csv": "a,b\n1,7\n2,8\n", "2.csv": "a,b\n1.5,n7\n2.5,n8\n"})
    assert [column.storage for column in read(folder).profile.columns] == ["float", "text"]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_the_keys_of_partitioned_folders_are_columns(suffix: str, tmp_path: Path) -> None:
    for year in (2019, 2020):
        for region in ("north%20east", "__HIVE_DEFAULT_PARTITION__"):
            place = tmp_path / "t" / f"year={year}" / f"region={region}"
            place.mkdir(parents=True)
            if suffix == "csv":
                (place / "part.csv").write_text(TABLE)
            else:
                pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), place / "part.parquet")
    frame = load_frame(read(tmp_path / "t"))
    assert list(frame.columns) == ["a", "b", "year", "region"]
    assert frame["year"].tolist() == [2019] * 4 + [2020] * 4
    assert frame["region"].dropna().unique().tolist() == ["north east"]
    assert frame["region"].isna().sum() == 4


def test_files_with_other_columns_are_refused_and_named(tmp_path: Path) -> None:
    folder = write_all(tmp_path / "all", {"1.csv": TABLE, "2.csv": "a,c\n1,2\n"})
    with pytest.raises(ReadError, match=r"2\.csv lacks b and has c"):
        read(folder)


def test_a_rejected_line_is_told_with_its_file(tmp_path: Path) -> None:
    folder = write_all(tmp_path / "all", {"1.csv": TABLE, "2.csv": "a,b\n1,x\n1,2,3,4\n2,y\n"})
    info = read(folder)
    assert [(note.line, "2.csv" in note.reason) for note in info.rejected] == [(3, True)]
    assert (info.rows, info.route) == (4, "careful")


def test_a_folder_without_tables_and_a_pattern_without_files_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "*.csv"):
        with pytest.raises(PathNotFoundError):
            read(path)


def test_a_folder_outside_the_allowed_ones_is_not_even_listed(tmp_path: Path) -> None:
    write_all(tmp_path / "out", {"1.csv": TABLE})
    for path in ("out", "out/*.csv", "in/../out/*.csv"):
        with pytest.raises(PathOutsideError) as caught:
            check_source_path(str(tmp_path / path), allowed=(tmp_path / "in",), max_mb=1)
        assert "1.csv" not in str(caught.value)


def test_a_link_in_an_allowed_folder_leads_nowhere_else(tmp_path: Path) -> None:
    write_all(tmp_path, {"in/1.csv": TABLE, "secret.csv": TABLE})
    (tmp_path / "in" / "2.csv").symlink_to(tmp_path / "secret.csv")
    with pytest.raises(PathOutsideError):
        read_source(FileSource(str(tmp_path / "in")), allowed=(tmp_path / "in",), max_mb=1)


def test_a_folder_that_changes_is_read_anew_and_told_changed(tmp_path: Path) -> None:
    folder = write_all(tmp_path / "all", {"1.csv": TABLE})
    info = read(folder)
    check_unchanged(info)
    write_all(folder, {"2.csv": TABLE})
    with pytest.raises(TableChangedError):
        check_unchanged(info)
    assert read(folder).rows == 4
