"""A journal of typed values: kinds of a later version are counted apart from damage."""

import math
from typing import Any

import msgspec
import pytest

from tabsmith.errors import StorageError
from tabsmith.storage import JournalChunk, TypedJournal


class Started(msgspec.Struct, frozen=True, tag="started"):
    at: float


class Scored(msgspec.Struct, frozen=True, tag="scored"):
    score: float | None
    note: str = ""
    folds: tuple[float, ...] = ()


class Entry(msgspec.Struct, frozen=True):
    name: str
    extra: Any = None


Event = Started | Scored


@pytest.fixture
def journal(tmp_path):
    with TypedJournal[Event](tmp_path / "events.jsonl", Event, sync=False) as opened:
        yield opened


def test_values_come_back_as_they_went(journal):
    values = (Started(1.5), Scored(None), Scored(0.5, "two\nlines \u2028", (0.1, 0.2)))
    for value in values:
        end = journal.append(value)
    assert journal.read() == JournalChunk(values, end, 0, 0)
    assert journal.read(end) == JournalChunk((), end, 0, 0)


def test_an_unknown_kind_and_a_damaged_line_are_counted_apart(journal):
    journal.append(Started(1.0))
    with journal.path.open("ab") as file:
        file.write(b'{"type":"cancelled","at":3}\n')  # of a later version
        file.write(b'{"type":"started","at":"noon"}\n{"type":"star\n\n[]\n{"at":2.0}\n{"type":["started"]}\n')
    journal.append(Scored(1.0))
    chunk = journal.read()
    assert chunk.values == (Started(1.0), Scored(1.0))
    assert (chunk.unknown, chunk.skipped) == (1, 6)


def test_fields_of_a_later_version_do_not_spoil_a_line(journal):
    journal.path.write_bytes(b'{"type":"started","at":1.0,"by":{"user":[1]}}\n')
    assert journal.read().values == (Started(1.0),)


@pytest.mark.parametrize(
    "value", [Scored(math.nan), Scored(0.1, folds=(0.1, math.inf)), Started("noon"), Started("\ud800"), "text"]
)
def test_a_value_that_would_not_come_back_is_refused(journal, value):
    with pytest.raises(StorageError, match="cannot be stored"):
        journal.append(value)
    assert not journal.path.exists()


def test_a_journal_of_one_untagged_struct_skips_what_does_not_fit(tmp_path):
    with TypedJournal(tmp_path / "history.jsonl", Entry, sync=False) as journal:
        journal.append(Entry("a"))
        journal.path.write_bytes(journal.path.read_bytes() + b'{"type":"x"}\n')
        chunk = journal.read()
    assert (chunk.values, chunk.skipped, chunk.unknown) == ((Entry("a"),), 1, 0)


def test_a_raw_part_may_hold_null(tmp_path):
    with TypedJournal(tmp_path / "history.jsonl", Entry, sync=False) as journal:
        journal.append(Entry("a", msgspec.Raw(b'{"b":null}')))
        assert journal.read().values == (Entry("a", {"b": None}),)


def test_a_raw_part_with_a_line_break_cannot_break_the_journal(tmp_path):
    with TypedJournal(tmp_path / "history.jsonl", Entry, sync=False) as journal:
        with pytest.raises(StorageError, match="line break"):
            journal.append(Entry("a", msgspec.Raw(b"[1,\n2]")))
        assert journal.read().values == ()
