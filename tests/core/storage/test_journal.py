"""A journal: every acknowledged line is read, nothing is invented, and damage spoils only itself."""

import os
import threading
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tabsmith.errors import StorageError
from tabsmith.storage import JournalChunk, TypedJournal

A, B, C = {"line": "a"}, {"line": "b"}, {"line": "c"}


def opened_at(path: Path, *, sync: bool = False) -> TypedJournal[dict[str, object]]:
    return TypedJournal(path, dict[str, object], sync=sync)


def encoded(*values: object) -> bytes:
    return b"".join(msgspec.json.encode(value) + b"\n" for value in values)


@pytest.fixture(params=[True, False], ids=["synced", "unsynced"])
def journal(request, tmp_path):
    with opened_at(tmp_path / "log" / "events.jsonl", sync=request.param) as opened:
        yield opened


def test_lines_are_read_in_the_order_in_which_they_were_appended(journal):
    assert [journal.append(line) for line in (A, B)] == [13, 26]
    assert journal.read() == JournalChunk((A, B), 26, 0, 0)


def test_a_reader_goes_on_where_it_stopped(journal):
    offset = journal.append(A)
    assert journal.read(offset) == JournalChunk((), offset, 0, 0)
    journal.append(B)
    assert journal.read(offset) == JournalChunk((B,), 26, 0, 0)


def test_a_journal_that_is_missing_is_empty(journal):
    assert journal.read() == JournalChunk((), 0, 0, 0)
    assert not journal.path.parent.exists()


def test_a_reader_stops_before_a_line_that_is_not_complete(journal):
    journal.append(A)
    with journal.path.open("ab") as file:
        file.write(b'{"line":')
    assert journal.read() == JournalChunk((A,), 13, 0, 0)


def test_a_torn_line_spoils_nothing_but_itself(journal):
    journal.append(A)
    with journal.path.open("ab") as file:
        file.write(b'{"line":')
    journal.append(B)
    assert journal.read() == JournalChunk((A, B), 35, 1, 0)


@pytest.mark.parametrize(
    "damage",
    [
        b"",
        b"   ",
        b"hello",
        b"[1,2]",
        b'{"a":',
        b'{"a":"\xff"}',
        b'{"a":' + b"[" * 50_000,
        b"\0" * 4_096,
        b'{"a":1}{"b":2}',
    ],
)
def test_a_line_that_is_no_object_is_skipped_and_counted(journal, damage):
    journal.append(A)
    with journal.path.open("ab") as file:
        file.write(damage + b"\n")
    journal.append(B)
    chunk = journal.read()
    assert (chunk.values, chunk.skipped) == ((A, B), 1)


def test_an_offset_inside_a_line_skips_the_rest_of_it(journal):
    journal.append(A)
    journal.append(B)
    assert journal.read(5) == JournalChunk((B,), 26, 1, 0)


def test_a_reader_behind_the_end_of_a_shortened_journal_goes_on_at_its_new_end(journal):
    for line in (A, B):
        journal.append(line)
    os.truncate(journal.path, 13)
    chunk = journal.read(26)
    assert chunk == JournalChunk((), 13, 0, 0)
    journal.append(C)
    assert journal.read(chunk.next_offset).values == (C,)


def test_appending_survives_the_file_being_replaced_or_removed(journal):
    journal.append(A)
    journal.path.rename(journal.path.with_suffix(".old"))
    journal.append(B)
    assert journal.read().values == (B,)
    journal.path.with_name("other").write_bytes(encoded(C))
    journal.path.with_name("other").replace(journal.path)
    journal.append(A)
    assert journal.read().values == (C, A)
    assert journal.path.with_suffix(".old").read_bytes() == encoded(A)


def test_a_folder_or_a_pipe_in_its_place_is_an_error(tmp_path):
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(StorageError, match="a folder stands in its place"):
        opened_at(tmp_path / "folder").append(A)
    with pytest.raises(StorageError, match="not a file"):
        opened_at(tmp_path / "pipe").append(A)


def test_threads_share_one_journal(journal):
    def append(name: int) -> None:
        for number in range(30):
            journal.append({"thread": name, "number": number})

    threads = [threading.Thread(target=append, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    chunk = journal.read()
    assert (len({encoded(each) for each in chunk.values}), chunk.skipped) == (120, 0)


def test_only_what_is_new_is_read_from_the_file(journal, monkeypatch):
    for _ in range(1_000):
        opened_at(journal.path).append(A)
    offset = journal.read().next_offset
    with monkeypatch.context() as patched:
        patched.setattr(Path, "open", lambda *_, **__: pytest.fail("the file was opened"))
        assert journal.read(offset) == JournalChunk((), offset, 0, 0)
    end = journal.append(B)
    with journal.path.open("r+b") as file:
        file.write(b"\n" * (offset - 1))  # had these lines been read, they would be counted
    assert journal.read(offset) == JournalChunk((B,), end, 0, 0)


objects = st.dictionaries(st.sampled_from("abc"), st.integers() | st.text(max_size=5), max_size=3)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=st.lists(objects, max_size=6), after=st.lists(objects, max_size=4), cut=st.integers(0, 400))
def test_wherever_a_journal_is_cut_off_the_lines_before_and_after_are_read(tmp_path, before, after, cut):
    path = tmp_path / "cut.jsonl"
    path.unlink(missing_ok=True)
    journal = opened_at(path)
    ends = [journal.append(line) for line in before]
    cut = min(cut, ends[-1] if ends else 0)
    if ends:
        os.truncate(path, cut)
    whole = sum(end <= cut for end in ends)
    for line in after:
        journal.append(line)
    chunk = journal.read()
    read = list(chunk.values)
    # A line cut exactly before its newline is still a whole object: closing it loses nothing.
    closed = [before[whole]] if after and whole < len(before) and cut == ends[whole] - 1 else []
    assert read == before[:whole] + closed + after
    assert chunk.skipped <= 1


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(objects, min_size=1, max_size=8), where=st.floats(0, 1), noise=st.binary(min_size=1, max_size=40))
def test_bytes_overwritten_anywhere_spoil_only_the_lines_they_touch(tmp_path, lines, where, noise):
    path = tmp_path / "noise.jsonl"
    path.unlink(missing_ok=True)
    journal = opened_at(path)
    ends = [journal.append(line) for line in lines]
    start = int(where * (ends[-1] - 1))
    stop = min(start + len(noise), ends[-1])
    content = path.read_bytes()
    path.write_bytes(content[:start] + noise[: stop - start] + content[stop:])
    untouched = [line for line, end in zip(lines, ends, strict=True) if end <= start or end - len(encoded(line)) > stop]
    journal.append(A)
    read = list(journal.read().values)
    assert read[-1] == A
    for line in untouched:
        assert read.count(line) >= untouched.count(line)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(objects, max_size=12), pauses=st.sets(st.integers(0, 12)))
def test_reading_in_any_steps_gives_the_same_lines_as_reading_at_once(tmp_path, lines, pauses):
    path = tmp_path / "steps.jsonl"
    path.unlink(missing_ok=True)
    journal, offset, read = opened_at(path), 0, []
    for number, line in enumerate(lines):
        journal.append(line)
        if number in pauses:
            chunk = journal.read(offset)
            read += chunk.values
            offset = chunk.next_offset
    read += journal.read(offset).values
    assert read == list(journal.read().values) == lines
