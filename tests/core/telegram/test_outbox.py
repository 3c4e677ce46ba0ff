"""The outbox: each thing once by its key, in order, on disk until it is there."""

from pathlib import Path

import pytest

from tabsmith.telegram.render.messages import Button, OutgoingChart, OutgoingFile, OutgoingMessage
from tabsmith.telegram.render.text import bold, own
from tabsmith.telegram.transport import outbox as outbox_module
from tabsmith.telegram.transport.outbox import Outbox, recent_messages
from tests.core.telegram.rig import text


def test_a_key_is_taken_once_also_after_a_new_start(tmp_path: Path) -> None:
    path = tmp_path / "outbox.jsonl"
    outbox = Outbox(path)
    assert outbox.put("1.0", 7, 70, text("first"))
    assert not outbox.put("1.0", 7, 70, text("other words"))
    again = Outbox(path)
    assert again.knows("1.0")
    assert not again.put("1.0", 7, 70, text("other words"))
    assert [each.outgoing for each in again.pending()] == [text("first")]
    again.sending("1.0")
    again.sent("1.0", 41)
    assert not again.put("1.0", 7, 70, text("other words"))
    assert (again.pending(), again.message_id("1.0"), Outbox(path).message_id("1.0")) == ((), 41, 41)


@pytest.mark.parametrize(
    "outgoing",
    [
        OutgoingMessage((bold("Model 🏠"), own(" null\n")), ((Button("Yes", "y"), Button("No", "n")),), silent=True),
        OutgoingChart("score", "run-1", (own("Score"),), (own("no pictures here"),)),
        OutgoingFile("/somewhere/rows.csv", "rows.csv", (), (own("too large"),), ((Button("Yes", "y"),),)),
    ],
)
def test_what_is_to_be_sent_comes_back_as_it_was_put(tmp_path: Path, outgoing: OutgoingMessage) -> None:
    Outbox(tmp_path / "outbox.jsonl").put("1.0", 7, 70, outgoing)
    (found,) = Outbox(tmp_path / "outbox.jsonl").pending()
    assert (found.key, found.user, found.chat, found.outgoing, found.state) == ("1.0", 7, 70, outgoing, "queued")


def test_what_was_under_way_at_a_kill_is_in_doubt_above_the_number_known_then(tmp_path: Path) -> None:
    path = tmp_path / "outbox.jsonl"
    outbox = Outbox(path)
    outbox.seen(30)
    outbox.seen(20)
    outbox.put("1.0", 7, 70, text("a"))
    outbox.put("1.1", 7, 70, text("b"))
    outbox.put("2.0", 8, 80, text("c"))
    outbox.sending("1.0")
    outbox.sending("2.0")
    outbox.sent("2.0", 33)
    again = Outbox(path)
    assert [(each.key, each.state, each.after) for each in again.pending()] == [
        ("1.0", "in doubt", 30),
        ("1.1", "queued", 0),
    ]
    assert again.highest == 33
    again.not_sent("1.0")
    again.sending("1.0")
    assert (again.first(70), again.first(80)) == (again.pending()[0], None)
    assert again.pending()[0].after == 33


def test_its_text_stands_in_for_a_picture_or_a_file(tmp_path: Path) -> None:
    path = tmp_path / "outbox.jsonl"
    outbox = Outbox(path)
    keyboard = ((Button("Yes", "y"),),)
    outbox.put("1.0", 7, 70, OutgoingFile("/gone", "rows.csv", (), (own("it lies at home"),), keyboard, silent=True))
    outbox.put("2.0", 8, 80, OutgoingChart("score", "run-1", (), (own("0.93"),)))
    outbox.sending("1.0")
    outbox.instead("1.0", "the file is gone")
    outbox.instead("2.0", "no pictures")
    for each in (outbox, Outbox(path)):
        first, second = each.pending()
        assert (first.outgoing, first.state) == (OutgoingMessage((own("it lies at home"),), keyboard, True), "queued")
        assert second.outgoing == OutgoingMessage((own("0.93"),))


def test_what_became_of_it_can_be_listed_by_anybody_without_a_lock(tmp_path: Path) -> None:
    path, times = tmp_path / "outbox.jsonl", iter(range(100, 200))
    assert recent_messages(path, 5) == ()
    outbox = Outbox(path, clock=lambda: float(next(times)))
    outbox.put("1.0", 7, 70, OutgoingMessage((bold("Model"), own("\nof 50 rows " * 20))))
    outbox.put("1.1", 7, 70, OutgoingChart("score", "run-1"))
    outbox.put("1.2", 8, 80, OutgoingFile("/x/rows.csv", "rows.csv", (), (own("too large"),)))
    outbox.put("1.3", 7, 70, text("last"))
    outbox.sent("1.0", 41)
    outbox.gave_up("1.1", "Forbidden: bot was blocked by the user (403)")
    outbox.instead("1.2", "it is gone")
    for found in (outbox.recent(9), recent_messages(path, 9)):
        assert [(each.at, each.user, each.outcome, each.why) for each in found] == [
            (102.0, 8, "to send", "it is gone"),
            (103.0, 7, "to send", ""),
            (104.0, 7, "sent", ""),
            (105.0, 7, "gave up", "Forbidden: bot was blocked by the user (403)"),
        ]
        assert [each.words for each in found][:2] == ["too large", "last"]
        assert found[2].words.startswith("Model of 50 rows")
        assert len(found[2].words) <= 80
        assert found[3].words == "a picture: score"
    assert [each.outcome for each in recent_messages(path, 2)] == ["sent", "gave up"]
    assert (outbox.outcome("1.0"), outbox.outcome("1.1"), outbox.outcome("1.3"), outbox.outcome("9")) == (
        "sent", "gave up", "to send", None)  # fmt: skip
    assert outbox.message_id("1.1") is None


def test_only_the_end_of_a_long_journal_is_read_for_a_list(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.jsonl")
    for number in range(40):
        outbox.put(f"{number}.0", 7, 70, text(f"message {number}"))
        outbox.sending(f"{number}.0")
        outbox.sent(f"{number}.0", number + 1)
    found = [each.words for each in recent_messages(tmp_path / "outbox.jsonl", 40, tail_bytes=3_000)]
    assert 3 <= len(found) < 40
    assert found[-3:] == ["message 37", "message 38", "message 39"]


def test_a_large_journal_is_written_anew_and_forgets_nothing_that_matters(tmp_path: Path) -> None:
    path = tmp_path / "outbox.jsonl"
    outbox = Outbox(path)
    for number in range(60):
        outbox.put(f"{number}.0", 7, 70, text("words " * 50))
        outbox.sending(f"{number}.0")
        outbox.sent(f"{number}.0", number + 1)
    outbox.seen(500)
    outbox.put("a", 7, 70, OutgoingFile("/x", "x.csv", (), (own("instead"),)))
    outbox.instead("a", "it is gone")
    outbox.sending("a")
    outbox.put("b", 8, 80, text("b"))
    outbox.gave_up("b", "blocked")
    outbox.put("c", 8, 80, text("c"))
    before, pending, recent = path.stat().st_size, outbox.pending(), outbox.recent(50)
    again = Outbox(path, compact_bytes=1_000)
    assert path.stat().st_size < before / 2
    assert path.stat().st_mode & 0o777 == 0o600
    for each in (again, Outbox(path)):
        assert each.pending() == pending
        assert each.highest == 500
        assert list(each.unknown(58, 1)) == [*range(61, 500), 501]
        assert each.recent(50)[-10:] == recent[-10:]
        assert (each.message_id("3.0"), each.outcome("b")) == (4, "gave up")
        assert not each.put("3.0", 7, 70, text("again"))
    assert pending[0].state == "in doubt"


def test_only_the_newest_keys_are_remembered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "MAX_DONE_KEYS", 3)
    outbox = Outbox(tmp_path / "outbox.jsonl")
    for number in range(5):
        outbox.put(str(number), 7, 70, text("x"))
        outbox.sent(str(number), number + 1)
    assert [outbox.knows(str(number)) for number in range(5)] == [False, False, True, True, True]


def test_numbers_whose_message_is_known_are_left_out_of_a_search(tmp_path: Path) -> None:
    outbox = Outbox(tmp_path / "outbox.jsonl")
    for number in (12, 15, 13, 0, 15):
        outbox.seen(number)
    outbox.put("1.0", 7, 70, text("a"))
    outbox.sent("1.0", 11)
    for each in (outbox, Outbox(tmp_path / "outbox.jsonl")):
        assert list(each.unknown(10, 2)) == [14, 16, 17]
        assert list(each.unknown(20, 2)) == [21, 22]
        assert each.highest == 15


def test_a_torn_line_and_a_line_about_nothing_cost_only_themselves(tmp_path: Path) -> None:
    path = tmp_path / "outbox.jsonl"
    Outbox(path).put("1.0", 7, 70, text("a"))
    with path.open("ab") as file:
        file.write(b'{"type":"sent","key":"9.9","at":1,"message_id":4}\n{"type":"other"}\n{"type":"sent","key":"1.0"')
    outbox = Outbox(path)
    outbox.put("1.1", 7, 70, text("b"))
    assert [each.key for each in Outbox(path).pending()] == ["1.0", "1.1"]
