"""A file is replaced whole or not at all."""

import errno
import os
import stat
from pathlib import Path

import pytest

from tabsmith.errors import StorageError
from tabsmith.storage import write_atomic
from tabsmith.storage.files import storage_error

WRITE = """
import sys
from pathlib import Path
from tabsmith.errors import StorageError
from tabsmith.storage import write_atomic
try:
    write_atomic(Path(sys.argv[1]), b"new" * int(sys.argv[2]))
except StorageError as error:
    print("refused:", error.what)
else:
    print("written")
"""


def names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_content_is_replaced_and_nothing_else_is_left_behind(tmp_path):
    path = tmp_path / "file.json"
    write_atomic(path, b"one")
    write_atomic(path, b"two")
    assert path.read_bytes() == b"two"
    assert names(tmp_path) == ["file.json"]


def test_the_file_and_the_folders_made_for_it_belong_to_this_user_alone(tmp_path):
    path = tmp_path / "a" / "b" / "file.json"
    write_atomic(path, b"x")
    assert (mode_of(path), mode_of(path.parent), mode_of(path.parent.parent)) == (0o600, 0o700, 0o700)


def test_another_mode_can_be_asked_for(tmp_path):
    write_atomic(tmp_path / "file", b"x", mode=0o444)
    assert mode_of(tmp_path / "file") == 0o444


def test_the_longest_name_that_the_file_system_takes_can_be_written(tmp_path):
    path = tmp_path / ("n" * 255)
    write_atomic(path, b"x")
    assert path.read_bytes() == b"x"


def test_a_folder_in_its_place_is_refused_and_leaves_no_temporary_file(tmp_path):
    (tmp_path / "file").mkdir()
    with pytest.raises(StorageError, match="a folder stands in its place"):
        write_atomic(tmp_path / "file", b"x")
    assert names(tmp_path) == ["file"]


def test_a_file_in_place_of_its_folder_is_refused_in_words(tmp_path):
    (tmp_path / "folder").write_bytes(b"")
    with pytest.raises(StorageError, match="a part of its path is a file"):
        write_atomic(tmp_path / "folder" / "file", b"x")


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "quota"),
        (errno.EROFS, "read-only"),
        (errno.EACCES, "no permission"),
        (errno.EIO, "input/output error"),
        (errno.EMFILE, "too many files"),
        (errno.EXDEV, "EXDEV"),
    ],
)
def test_each_refusal_of_the_system_has_its_own_words_the_path_and_a_next_step(code, words):
    error = storage_error(OSError(code, os.strerror(code)), Path("/state/run.json"), "save")
    assert words in error.what
    assert "run.json" in error.what
    assert error.where == "/state/run.json"
    assert error.next_step


def test_without_permission_the_old_content_stands(tmp_path, start):
    path = tmp_path / "closed" / "file"
    write_atomic(path, b"old")
    path.parent.chmod(0o500)
    as_ordinary_user = "import os, tabsmith.storage.files, tempfile\nif os.getuid() == 0: os.setuid(65534)\n"
    code = WRITE.replace("try:\n", f"{as_ordinary_user}try:\n", 1)
    try:
        assert "no permission" in start(code, path, 1).finish()
    finally:
        path.parent.chmod(0o700)
    assert path.read_bytes() == b"old"


def test_a_file_over_the_size_limit_leaves_the_old_content_and_no_temporary_file(tmp_path, start):
    path = tmp_path / "file"
    write_atomic(path, b"old")
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n" + WRITE
    assert "beyond the largest size" in start(limited, path, 100_000).finish()
    assert path.read_bytes() == b"old"
    assert names(tmp_path) == ["file"]


@pytest.mark.parametrize(
    ("fault", "content"),
    [
        ("fsync:error=EIO:when=1", b"old"),
        ("fsync:error=EIO:when=2", b"new"),  # the folder: in place, but not known to be durable
        ("fsync:error=ENOSPC:when=1", b"old"),
        ("rename:error=EIO:when=1", b"old"),
    ],
)
def test_a_fault_of_the_disk_is_an_error_and_never_half_a_file(tmp_path, start, strace, fault, content):
    path = tmp_path / "state" / "file"
    write_atomic(path, b"old")
    assert start(WRITE, path, 1, before=strace(fault)).finish().startswith("refused:")
    assert path.read_bytes() == content
    assert names(path.parent) == ["file"]


def test_a_kill_before_the_rename_leaves_the_old_content(tmp_path, start, strace):
    path = tmp_path / "state" / "file"
    write_atomic(path, b"old")
    program = start(WRITE, path, 1, before=strace("fsync:signal=SIGKILL:when=1"))
    assert program.process.wait(30) != 0
    assert path.read_bytes() == b"old"
