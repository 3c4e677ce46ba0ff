"""What was acknowledged outlives kill -9 of its writer, a full disk and a failing one."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tabsmith.storage import TypedJournal

WRITE = """
import os, sys
from pathlib import Path
from tabsmith.storage import TypedJournal
path, writer, number = Path(sys.argv[1]), int(sys.argv[2]), 0
journal = TypedJournal(path, dict, sync=sys.argv[3] == "synced")
while True:
    number += 1
    journal.append({"writer": writer, "number": number, "filling": "x" * 20_000})
    os.write(1, b"%d\\n" % number)
"""
FILL = """
import os, sys
from pathlib import Path
from tabsmith.errors import StorageError
from tabsmith.storage import TypedJournal
path, limit = Path(sys.argv[1]), int(sys.argv[2])
if limit:
    import resource
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
journal, number = TypedJournal(path, dict), 0
try:
    while True:
        journal.append({"number": number, "filling": "x" * 1_000})
        number += 1
except StorageError as error:
    what = error.what
print(number, len(journal.read().values), journal.read().skipped, path.read_bytes()[-1:] == b"\\n", what)
if limit:
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
else:
    path.with_name("ballast").unlink()
journal.append({"number": "after"})
print(journal.read().values[-1]["number"], journal.read().skipped)
"""


@pytest.mark.parametrize("kind", ["synced", "unsynced"])
def test_killed_writers_lose_no_acknowledged_line_and_spoil_no_line_of_others(tmp_path, start, kind):
    path = tmp_path / "events.jsonl"
    running = [start(WRITE, path, writer, kind) for writer in range(3)]
    acknowledged: list[int] = []  # of each writer in turn: it appended the numbers from 1 to this one
    for writer in range(12):
        for _ in range(5 + 7 * writer):
            assert running[writer].line()
        running.append(start(WRITE, path, writer + 3, kind))
        acknowledged.append(kill(running[writer]))
    for program in running[12:]:
        program.line()
        acknowledged.append(kill(program))

    chunk = TypedJournal(path, dict).read()
    read: dict[int, list[int]] = {writer: [] for writer in range(len(acknowledged))}
    for entry in chunk.values:
        assert entry["filling"] == "x" * 20_000
        read[entry["writer"]].append(entry["number"])
    for writer, last in enumerate(acknowledged):
        # All that was acknowledged, once and in order, and at most one line that was stored and not yet acknowledged.
        assert read[writer] in (list(range(1, last + 1)), list(range(1, last + 2)))
    assert chunk.skipped <= len(acknowledged)  # at most one torn line for each death


def kill(program) -> int:
    """Kill the writer, and return the last number that it acknowledged."""
    program.kill()
    said = program.out.read().split("\n")  # what follows the last newline was not said to the end
    return int(said[-2] if len(said) > 1 else program.last)


def judge_full_disk(out: str, words: str) -> None:
    first, second = out.splitlines()
    acknowledged, read, skipped, ends_in_newline, what = first.split(" ", 4)
    assert int(acknowledged) > 10
    assert (read, skipped, ends_in_newline) == (acknowledged, "0", "True")
    assert words in what
    assert second == "after 0"


def test_at_a_full_size_limit_the_half_written_line_is_taken_back(tmp_path, start):
    judge_full_disk(start(FILL, tmp_path / "events.jsonl", 50_000).finish(), "beyond the largest size")


def test_on_a_full_disk_the_half_written_line_is_taken_back_and_later_lines_are_stored(tmp_path):
    mount = tmp_path / "small"
    mount.mkdir()
    script = 'mount -t tmpfs -o size=64k tmpfs "$0" && head -c 12000 /dev/zero > "$0/ballast" && exec "$@"'
    command = ["unshare", "-Urm", "sh", "-c", script, mount, sys.executable, "-c", FILL, mount / "events.jsonl", "0"]
    tried = subprocess.run(["unshare", "-Urm", "mount", "-t", "tmpfs", "tmpfs", mount], capture_output=True, text=True)
    if tried.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {tried.stderr.strip()}")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    judge_full_disk(done.stdout, "the disk is full")


def test_a_document_on_a_full_disk_keeps_its_old_content(tmp_path):
    mount = tmp_path / "small"
    mount.mkdir()
    code = """
import os, sys
from pathlib import Path
from tabsmith.errors import StorageError
from tabsmith.storage import write_atomic
path = Path(sys.argv[1])
write_atomic(path, b"old")
try:
    write_atomic(path, b"x" * 100_000)
except StorageError as error:
    print(error.what)
print(path.read_bytes(), os.listdir(path.parent))
"""
    script = 'mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@"'
    command = ["unshare", "-Urm", "sh", "-c", script, mount, sys.executable, "-c", code, mount / "file"]
    tried = subprocess.run(["unshare", "-Urm", "mount", "-t", "tmpfs", "tmpfs", mount], capture_output=True, text=True)
    if tried.returncode != 0:
        pytest.skip(f"no small disk can be mounted here: {tried.stderr.strip()}")
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.stdout.splitlines() == ["Could not save file: the disk is full.", "b'old' ['file']"], done.stderr


@pytest.mark.parametrize(
    ("fault", "kind"),
    [("fdatasync:error=EIO:when=2", "DiskTroubleError"), ("write:error=ENOSPC:when=2", "DiskFullError")],
)
def test_a_line_that_the_disk_refuses_is_not_in_the_journal(tmp_path, start, strace, fault, kind):
    code = """
    import os, sys
    from pathlib import Path
    from tabsmith.errors import StorageError
    from tabsmith.storage import TypedJournal
    journal = TypedJournal(Path(sys.argv[1]), dict)
    said = [str(journal.append({"n": 1}))]
    try:
        journal.append({"n": 2})
    except StorageError as error:
        said.append(type(error).__name__)
    said.append(str(journal.append({"n": 3})))
    print(*said)
    """
    path = tmp_path / "events.jsonl"
    assert start(code, path, before=strace(fault)).finish() == f"8 {kind} 16"
    assert TypedJournal(path, dict).read().values == ({"n": 1}, {"n": 3})


def test_a_short_write_is_continued_to_the_end_of_the_line(tmp_path, monkeypatch):
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, bytes(data)[:7]))
    path: Path = tmp_path / "events.jsonl"
    TypedJournal(path, dict).append({"line": "longer than seven bytes"})
    monkeypatch.undo()
    assert TypedJournal(path, dict).read().values == ({"line": "longer than seven bytes"},)


def test_a_forked_child_and_its_parent_write_to_one_journal(tmp_path, start):
    code = """
    import os, sys
    from pathlib import Path
    from tabsmith.storage import TypedJournal
    journal = TypedJournal(Path(sys.argv[1]), dict)
    journal.append({"n": 0})
    child = os.fork()
    for number in range(50):
        journal.append({"child": child == 0, "n": number})
    if child == 0:
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    """
    start(code, tmp_path / "events.jsonl").finish()
    chunk = TypedJournal(tmp_path / "events.jsonl", dict).read()
    assert (len({str(each) for each in chunk.values}), chunk.skipped) == (101, 0)
