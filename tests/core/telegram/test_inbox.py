"""The inbox: what came in is on disk once, until it was handled."""

import os
import resource
import signal
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from tabsmith.errors import StorageError
from tabsmith.telegram.transport import inbox as inbox_module
from tabsmith.telegram.transport.inbox import Inbox, ReceivedUpdate
from tabsmith.telegram.transport.updates import RawUpdate

DAY = 86_400.0


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


def _update(number: int, words: str = "") -> RawUpdate:
    message = {"message_id": number + 1_000, "text": words or str(number), "via": None}
    return RawUpdate(number, msgspec.Raw(msgspec.json.encode({"update_id": number, "message": message})))


def _ids(received: tuple[ReceivedUpdate, ...]) -> list[int]:
    return [each.update_id for each in received]


def test_an_update_is_new_once(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox.jsonl")
    assert _ids(inbox.receive([_update(5), _update(6), _update(5)])) == [5, 6]
    assert _ids(inbox.receive([_update(6), _update(7)])) == [7]
    assert inbox.receive([_update(5), _update(7)]) == ()
    assert _ids(inbox.waiting()) == [5, 6, 7]
    assert len((tmp_path / "inbox.jsonl").read_bytes().splitlines()) == 2


def test_what_was_not_handled_waits_in_its_order_after_a_new_start(tmp_path: Path) -> None:
    path = tmp_path / "inbox.jsonl"
    first = Inbox(path)
    first.receive([_update(5, "🏠"), _update(6), _update(7)])
    first.handled(6)
    first.handled(99)
    second = Inbox(path)
    assert _ids(second.waiting()) == [5, 7]
    assert second.waiting()[0].update == {"update_id": 5, "message": {"message_id": 1_005, "text": "🏠", "via": None}}
    assert second.receive([_update(6), _update(5)]) == ()
    assert second.offset == 7  # of what was given last, not the highest that was ever seen


def test_numbers_that_begin_anew_lower_down_are_not_taken_for_old_ones(tmp_path: Path) -> None:
    clock = Clock()
    inbox = Inbox(tmp_path / "inbox.jsonl", clock)
    inbox.receive([_update(900_000)])
    assert inbox.offset == 900_001
    clock.now += 6 * DAY + 1
    assert inbox.offset is None
    assert _ids(inbox.receive([_update(17), _update(900_000)])) == [17]
    assert inbox.offset == 900_001
    assert _ids(inbox.receive([_update(18)])) == [18]
    assert (inbox.offset, Inbox(tmp_path / "inbox.jsonl", clock).offset) == (19, 19)


def test_the_place_to_go_on_from_moves_past_what_was_known_already(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox.jsonl")
    assert inbox.offset is None
    inbox.step_over()
    assert inbox.offset is None
    inbox.receive([_update(5)])
    inbox.step_over()
    assert inbox.offset == 7
    inbox.receive([])
    assert inbox.offset == 7


def test_a_torn_or_foreign_line_costs_only_itself(tmp_path: Path) -> None:
    path = tmp_path / "inbox.jsonl"
    Inbox(path).receive([_update(5)])
    with path.open("ab") as file:
        file.write(b'{"type":"other"}\n[1]\n{"type":"batch","at":1,"updates":[]}\n{"type":"batch","at":12')
    inbox = Inbox(path)
    assert _ids(inbox.receive([_update(5), _update(6)])) == [6]
    assert _ids(Inbox(path).waiting()) == [5, 6]


def test_a_large_journal_is_written_anew_and_forgets_nothing_that_matters(tmp_path: Path) -> None:
    path, clock = tmp_path / "inbox.jsonl", Clock()
    inbox = Inbox(path, clock)
    for number in range(80):
        inbox.receive([_update(number, "words " * 20)])
        if number not in (7, 70):
            inbox.handled(number)
    before = path.stat().st_size
    again = Inbox(path, clock, compact_bytes=1_000)
    assert path.stat().st_size < before / 10
    assert path.stat().st_mode & 0o777 == 0o600
    for each in (again, Inbox(path, clock)):
        assert _ids(each.waiting()) == [7, 70]
        assert each.offset == 80
        assert each.receive([_update(0), _update(79)]) == ()
    assert _ids(again.receive([_update(80)])) == [80]
    assert _ids(Inbox(path, clock).waiting()) == [7, 70, 80]


def test_a_journal_is_written_anew_while_it_grows_and_strangers_leave_nothing_in_it(tmp_path: Path) -> None:
    path, clock = tmp_path / "inbox.jsonl", Clock()
    inbox = Inbox(path, clock, compact_bytes=2_000)
    for number in range(200):
        assert inbox.receive([_update(number, "words " * 20)], lambda update: update.update_id % 2 == 0) or number % 2
        if number != 8:
            inbox.handled(number)
        assert path.stat().st_size < 5_000
    assert inbox.offset == 200
    assert _ids(Inbox(path, clock).waiting()) == [8]


def test_a_journal_in_which_everything_is_handled_can_be_written_anew(tmp_path: Path) -> None:
    path, clock = tmp_path / "inbox.jsonl", Clock()
    Inbox(path, clock, compact_bytes=0)
    inbox = Inbox(path, clock)
    inbox.receive([_update(5)])
    inbox.handled(5)
    clock.now += DAY
    again = Inbox(path, clock, compact_bytes=0)
    assert (again.waiting(), again.offset) == ((), 6)
    clock.now += 5 * DAY + 1
    assert again.offset is None


def test_only_the_newest_numbers_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inbox_module, "MAX_KNOWN_UPDATES", 10)
    inbox = Inbox(tmp_path / "inbox.jsonl")
    inbox.receive([_update(number) for number in range(15)])
    assert _ids(inbox.receive([_update(4), _update(5)])) == [4]


@pytest.fixture
def full_disk() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (400, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.usefixtures("full_disk")
def test_a_batch_that_the_disk_does_not_take_was_not_received(tmp_path: Path) -> None:
    inbox = Inbox(tmp_path / "inbox.jsonl")
    inbox.receive([_update(5)])
    with pytest.raises(StorageError):
        inbox.receive([_update(6), _update(7, "x" * 500)])
    assert inbox.offset == 6
    assert _ids(inbox.waiting()) == [5]
    assert _ids(inbox.receive([_update(6)])) == [6]
    assert _ids(Inbox(tmp_path / "inbox.jsonl").waiting()) == [5, 6]


def test_all_files_are_for_this_user_only(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        Inbox(tmp_path / "bridge" / "inbox.jsonl").receive([_update(5)])
    finally:
        os.umask(before)
    assert {path.stat().st_mode & 0o077 for path in (tmp_path / "bridge").iterdir()} == {0}
