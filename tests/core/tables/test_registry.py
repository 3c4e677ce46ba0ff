"""A file format is added through the registry alone: recognised, listed, estimated and read like the others."""

from pathlib import Path

import pytest

from tabsmith.errors import UnsupportedFormatError
from tabsmith.tables.read.arrow_columns import column_array
from tabsmith.tables.read.encoding import read_text
from tabsmith.tables.read.formats import registry
from tabsmith.tables.read.formats.base import FileFormat, FileHead, ReadRequest, ReadResult, RowsAndColumns
from tabsmith.tables.read.guard import check_path
from tabsmith.tables.read.opened_file import GuardedFile
from tabsmith.tables.read.reader import estimate_file
from tabsmith.tables.snapshot import load_frame

from .conftest import Read, Write

CARDS = "%cards\nname: Ann\nage: 31\n\nname: Bo\nage: 45\n"


def recognises_cards(head: FileHead) -> bool:
    return head.text.startswith("%cards")


def read_cards(request: ReadRequest) -> ReadResult:
    cards = read_text(request.opened, request.max_mb).removeprefix("%cards\n").split("\n\n")
    rows = [dict(line.split(": ") for line in card.splitlines()) for card in cards]
    names = tuple(rows[0])
    return ReadResult(names, request.write_columns([column_array([row[name] for row in rows]) for name in names]))


def estimate_cards(_file: GuardedFile, head: bytes) -> RowsAndColumns:
    return head.count(b"\n\n") + 1, 2


CARD_FORMAT = FileFormat(
    "cards", "cards", (".cards",), recognises_cards, read_cards, estimate_cards, is_text=True
)  # fmt: skip


def test_a_format_is_added_by_its_entry_in_the_registry(
    read_file: Read, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "FORMATS", [CARD_FORMAT, *registry.FORMATS])
    info = read_file("people.cards", CARDS)
    assert (info.format, info.rows) == ("cards", 2)
    assert load_frame(info).to_dict("list") == {"name": ["Ann", "Bo"], "age": [31, 45]}
    file = check_path(str(tmp_path / "people.cards"), allowed=(tmp_path,), max_mb=1)
    estimate = estimate_file(file)
    assert (estimate.format, estimate.rows, estimate.columns) == ("cards", 2, 2)


def test_a_refusal_lists_the_formats_of_the_registry(
    write: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry, "FORMATS", [CARD_FORMAT, *registry.FORMATS])
    with pytest.raises(UnsupportedFormatError) as caught:
        check_path(str(write("t.pdf", "%PDF-1.7")), allowed=(tmp_path,), max_mb=1)
    assert all(entry.label in caught.value.next_step for entry in registry.FORMATS)


def test_every_format_has_a_name_of_its_own() -> None:
    names = [entry.name for entry in registry.FORMATS]
    assert len(set(names)) == len(names)
    assert all(registry.format_named(entry.name) is entry for entry in registry.FORMATS)
