"""The path guard: what is let in, the ten kinds of refusal, and the race it must not lose."""

import gzip
import os
import socket
import threading
import zipfile
from pathlib import Path

import pytest

from tabsmith import errors
from tabsmith.runs.stages import read
from tabsmith.tables.read.guard import check_path, open_guarded
from tabsmith.tables.read.sources import FileSource

from .conftest import Write

TABLE = "a,b\n1,2\n"


def refusal(kind: type[errors.PathError], path: str, folder: Path, max_mb: float = 10) -> errors.PathError:
    with pytest.raises(errors.PathError) as caught:
        check_path(path, allowed=(folder,), max_mb=max_mb)
    assert type(caught.value) is kind
    report = caught.value.report()
    assert report.what
    assert report.next_step
    assert report.exit_code == 2
    return caught.value


def test_a_plain_file_is_described(tmp_path: Path, write: Write) -> None:
    file = check_path(str(write("t.csv", TABLE)), allowed=(tmp_path,), max_mb=1)
    assert (file.format, file.compression, file.size) == ("csv", "none", len(TABLE))
    assert file.path == (tmp_path / "t.csv").resolve()


@pytest.mark.parametrize("form", ["{}", " {} ", '"{}"', "'{}'", "file://{}", "file://localhost{}"])
def test_a_path_is_understood_as_people_paste_it(form: str, tmp_path: Path, write: Write) -> None:
    path = write("my table.csv", TABLE)
    pasted = form.format(str(path).replace(" ", "%20") if "file:" in form else path)
    assert check_path(pasted, allowed=(tmp_path,), max_mb=1).path == path.resolve()


def test_backslashes_before_spaces_and_the_home_sign_are_understood(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("my table.csv", TABLE)
    assert check_path(str(path).replace(" ", "\\ "), allowed=(tmp_path,), max_mb=1).path == path.resolve()
    monkeypatch.setenv("HOME", str(tmp_path))
    assert check_path("~/my table.csv", allowed=(tmp_path,), max_mb=1).path == path.resolve()


@pytest.mark.parametrize("path", ["", "  ", '""', "a\x00b.csv", "a\nb.csv", "a\x1b[31m.csv"])
def test_an_empty_or_impossible_path_is_refused(path: str, tmp_path: Path) -> None:
    error = refusal(errors.EmptyPathError, path, tmp_path)
    assert "\x1b" not in str(error)


def test_a_path_to_nothing_names_the_nearest_name(tmp_path: Path, write: Write) -> None:
    write("houses.csv", TABLE)
    error = refusal(errors.PathNotFoundError, str(tmp_path / "house.csv"), tmp_path)
    assert "houses.csv" in error.next_step


def test_a_path_of_five_thousand_characters_is_refused_in_a_short_message(tmp_path: Path) -> None:
    error = refusal(errors.PathNotFoundError, "x" * 5_000, tmp_path)
    assert len(str(error)) < 500


def test_a_path_outside_names_the_allowed_folders_and_the_setting(tmp_path: Path, write: Write) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    secret = write("secret.csv", TABLE)
    (inside / "link.csv").symlink_to(secret)
    for path in (secret, inside / "../secret.csv", inside / "link.csv"):
        error = refusal(errors.PathOutsideError, str(path), inside)
        assert str(inside) in error.next_step
        assert "paths.allowed" in error.next_step


def test_a_folder_with_a_similar_name_is_outside(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    other = tmp_path / "data2"
    other.mkdir()
    (other / "t.csv").write_text(TABLE)
    refusal(errors.PathOutsideError, str(other / "t.csv"), tmp_path / "data")


def test_a_folder_names_the_tables_in_it(tmp_path: Path, write: Write) -> None:
    write("houses.csv", TABLE)
    assert "houses.csv" in refusal(errors.PathIsFolderError, str(tmp_path), tmp_path).next_step


def test_pipes_sockets_and_devices_are_refused_without_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    refusal(errors.SpecialFileError, str(tmp_path / "pipe.csv"), tmp_path)
    refusal(errors.SpecialFileError, "/dev/null", Path("/"))
    with socket.socket(socket.AF_UNIX) as server:
        here = Path.cwd()
        os.chdir(tmp_path)  # a socket's path may have only about a hundred characters
        try:
            server.bind("s.csv")
        finally:
            os.chdir(here)
        refusal(errors.SpecialFileError, str(tmp_path / "s.csv"), tmp_path)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="no /proc here")
def test_files_that_the_kernel_makes_up_are_refused() -> None:
    refusal(errors.SpecialFileError, "/proc/self/status", Path("/"))


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission_is_refused(tmp_path: Path, write: Write) -> None:
    path = write("t.csv", TABLE)
    path.chmod(0)
    assert "chmod" in refusal(errors.PathUnreadableError, str(path), tmp_path).next_step


def test_a_permission_error_of_the_system_is_told_as_such(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("t.csv", TABLE)

    def denied(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("tabsmith.tables.read.guard.os.open", denied)
    refusal(errors.PathUnreadableError, str(path), tmp_path)


def test_a_file_of_no_bytes_is_refused(tmp_path: Path, write: Write) -> None:
    refusal(errors.EmptyFileError, str(write("t.csv", "")), tmp_path)


def test_a_file_over_the_limit_names_the_setting(tmp_path: Path, write: Write) -> None:
    error = refusal(errors.FileTooLargeError, str(write("t.csv", "x" * 2_000_000)), tmp_path, max_mb=1)
    assert "paths.max_mb" in error.next_step


def test_a_workbook_that_unpacks_to_far_more_is_refused_before_it_is_unpacked(tmp_path: Path) -> None:
    path = tmp_path / "bomb.xlsx"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<workbook/>")
        archive.writestr("xl/worksheets/sheet1.xml", b"0" * 60_000_000)
    assert path.stat().st_size < 200_000
    refusal(errors.FileTooLargeError, str(path), tmp_path, max_mb=1_000)
    refusal(errors.FileTooLargeError, str(path), tmp_path, max_mb=50)


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("t.csv", b"\x89HDF\r\n\x1a\n" + bytes(100), "HDF5"),
        ("t.zip", b"PK\x05\x06" + bytes(18), "zip archive"),
        ("t.csv", b"%PDF-1.7\n", "PDF"),
        ("t.csv", b"\x89PNG\r\n\x1a\n", "PNG"),
        ("t.pkl", b"\x80\x04\x95" + bytes(20), "pickle"),
        ("t.csv", bytes(range(256)) * 10, "not text"),
        ("t.html", b"<html><body>", "web page"),
        ("t.md", b"# title", "document"),
        ("t.parquet.gz", gzip.compress(b"PAR1" + bytes(50), mtime=0), "unpack"),
    ],
)
def test_other_formats_are_named_and_the_readable_ones_listed(
    name: str, content: bytes, word: str, tmp_path: Path, write: Write
) -> None:
    error = refusal(errors.UnsupportedFormatError, str(write(name, content)), tmp_path)
    assert word in error.what
    assert "Parquet" in error.next_step


def test_an_ordinary_zip_is_not_a_workbook(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "t.xlsx", "w") as archive:
        archive.writestr("picture.svg", "<svg/>")
    assert "zip" in refusal(errors.UnsupportedFormatError, str(tmp_path / "t.xlsx"), tmp_path).what


def test_broken_and_circular_links_are_told_apart_from_missing_files(tmp_path: Path) -> None:
    (tmp_path / "gone.csv").symlink_to(tmp_path / "nothing.csv")
    (tmp_path / "one.csv").symlink_to(tmp_path / "two.csv")
    (tmp_path / "two.csv").symlink_to(tmp_path / "one.csv")
    assert "points to nothing" in refusal(errors.BrokenLinkError, str(tmp_path / "gone.csv"), tmp_path).what
    assert "circle" in refusal(errors.BrokenLinkError, str(tmp_path / "one.csv"), tmp_path).what


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("t.csv", b'[{"a": 1}]', "json"),
        ("t.txt", b'{"a": 1}\n{"a": 2}\n', "jsonl"),
        ("t.json", b'{"a": 1}\n{"a": 2}\n', "jsonl"),
        ("t.csv", b"PAR1....", "parquet"),
        ("t.tsv", b"a\tb\n", "tsv"),
        ("t", b"a,b\n1,2\n", "csv"),
        ("t.csv", "a,b\n1,2\n".encode("utf-16"), "csv"),
        ("t.csv.gz", gzip.compress(b"a,b\n1,2\n", mtime=0), "csv"),
        ("t.csv", b"[a],{b}\n1,2\n", "csv"),
        ("t.csv", b"SQLite format 3\x00" + bytes(100), "sqlite"),
        ("t.db", bytes(8) + b"DUCK" + bytes(100), "duckdb"),
        ("t.dta", b"<stata_dta>" + bytes(100), "stata"),
    ],
)
def test_the_content_decides_the_format_before_the_ending_does(
    name: str, content: bytes, expected: str, tmp_path: Path, write: Write
) -> None:
    assert check_path(str(write(name, content)), allowed=(tmp_path,), max_mb=1).format == expected


def test_a_link_exchanged_while_it_is_opened_never_leads_outside(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    for folder, text in ((inside / "real", "good,1\n"), (outside, "SECRET,1\n")):
        folder.mkdir(parents=True)
        (folder / "t.csv").write_text(text)
    link = inside / "link"
    link.symlink_to(inside / "real")
    stop = threading.Event()

    def exchange() -> None:
        spare = inside / "spare"
        while not stop.is_set():
            for target in (outside, inside / "real"):
                spare.symlink_to(target)
                spare.replace(link)

    thread = threading.Thread(target=exchange)
    thread.start()
    seen: set[bytes] = set()
    outcomes: set[str] = set()
    attempts = 0
    try:
        while attempts < 300 or not {"read", "PathOutsideError"} <= outcomes:
            attempts += 1
            assert attempts < 100_000, f"only {outcomes}"
            try:
                with open_guarded(str(link / "t.csv"), allowed=(inside,), max_mb=1) as opened:
                    seen.add(Path(opened.name).read_bytes())
                    with opened.open() as stream:
                        seen.add(stream.read())
                outcomes.add("read")
            except errors.PathError as error:
                outcomes.add(type(error).__name__)
    finally:
        stop.set()
        thread.join()
    assert seen == {b"good,1\n"}
    assert outcomes >= {"read", "PathOutsideError"}


def test_a_reading_for_the_bridge_is_held_to_the_allowed_folders_and_one_for_a_person_is_not(
    tmp_path: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(write("t.csv", TABLE))
    monkeypatch.setenv("TABSMITH_PATHS__ALLOWED", str(tmp_path / "elsewhere"))
    assert read(FileSource(path), lambda _share, _message: None).rows == 1
    with pytest.raises(errors.PathOutsideError):
        read(FileSource(path, asked_by="bridge"), lambda _share, _message: None)
