"""The session's document: names that lead nowhere else, two writers, damage."""

from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabsmith.paths import folders
from tabsmith.storage import Damaged, Found, Missing, file_stem
from tabsmith.workflow import actions
from tabsmith.workflow.conversation import Conversation
from tabsmith.workflow.session import SessionMovedOnError, SessionNoticeKind, SessionStore
from tabsmith.workflow.states import State

from . import builders as b


def _conversation(tmp_path: Path) -> Conversation:
    return Conversation(SessionStore(), b.settings(tmp_path), clock=lambda: b.NOW)


@pytest.mark.parametrize(
    "user", ["../../etc/passwd", "..", "", "/root", "a/b", "CON\x00", "A", "user-1", "ü" * 300, "\ud800"]
)
def test_no_name_of_a_user_leads_out_of_the_folder(user: str) -> None:
    path = SessionStore(user).path
    assert path.parent == folders().sessions
    assert path.resolve().is_relative_to(folders().sessions.resolve())
    assert len(path.name) < 100


@given(st.text(max_size=30), st.text(max_size=30))
def test_two_users_never_share_a_file(one: str, other: str) -> None:
    assert (file_stem(one).casefold() == file_stem(other).casefold()) == (one == other)


def test_the_later_of_two_writers_is_told_where_the_session_stands_and_overwrites_nothing(tmp_path: Path) -> None:
    terminal = _conversation(tmp_path)
    terminal.answer(actions.Begin())
    phone = _conversation(tmp_path)
    phone.answer(actions.ChooseSample("iris"))
    with pytest.raises(SessionMovedOnError) as caught:
        terminal.answer(actions.ChooseFile())
    assert caught.value.current == phone.session
    assert terminal.session.state == State.CHOOSING_DATA_SOURCE
    assert terminal.reload() == phone.session
    terminal.answer(actions.Back())
    with pytest.raises(SessionMovedOnError):
        phone.answer(actions.LoadNow())


def test_a_session_ended_elsewhere_is_not_brought_back(tmp_path: Path) -> None:
    terminal = _conversation(tmp_path)
    terminal.answer(actions.Begin())
    phone = _conversation(tmp_path)
    phone.answer(actions.Cancel())
    with pytest.raises(SessionMovedOnError) as caught:
        terminal.answer(actions.ChooseFile())
    assert caught.value.current is None
    assert isinstance(SessionStore().load(), Missing)


def test_a_session_begun_anew_elsewhere_is_not_overwritten(tmp_path: Path) -> None:
    terminal = _conversation(tmp_path)
    terminal.answer(actions.Begin())
    phone = _conversation(tmp_path)
    phone.answer(actions.Cancel())
    phone.answer(actions.Begin())
    assert phone.session.revision == terminal.session.revision
    with pytest.raises(SessionMovedOnError):
        terminal.answer(actions.ChooseFile())
    with pytest.raises(SessionMovedOnError):
        terminal.answer(actions.Cancel())
    assert SessionStore().load() == Found(phone.session)


def test_opening_a_session_takes_it_from_nobody(tmp_path: Path) -> None:
    (tmp_path / "houses.csv").write_text("area,price\n1,2\n")
    terminal = _conversation(tmp_path)
    for answer in (
        actions.Begin(),
        actions.ChooseFile(),
        actions.GivePath(str(tmp_path / "houses.csv")),
        actions.LoadNow(),
    ):
        terminal.answer(answer)
    _conversation(tmp_path)
    terminal.answer(b.loaded(terminal.session))
    assert terminal.session.state == State.CONFIRMING_SCHEMA


@pytest.mark.parametrize("bytes_", [b"", b"{", b"\xff\xfe", b"[" * 200_000, b'{"tabsmith": 3}', b"1" * 10_000])
def test_a_damaged_session_is_moved_aside_and_named(tmp_path: Path, bytes_: bytes) -> None:
    first = _conversation(tmp_path)
    first.answer(actions.Begin())
    first.store.path.write_bytes(bytes_)
    again = _conversation(tmp_path)
    (notice,) = again.session.notices
    assert notice.kind == SessionNoticeKind.DAMAGED
    (moved,) = first.store.path.parent.glob("local.json.damaged-*")
    assert moved.name in notice.text
    assert moved.read_bytes() == bytes_
    again.answer(actions.Begin())
    assert again.session.state == State.CHOOSING_DATA_SOURCE


def test_a_session_damaged_while_it_goes_on_is_saved_anew_and_said(tmp_path: Path) -> None:
    conversation = _conversation(tmp_path)
    conversation.answer(actions.Begin())
    conversation.store.path.write_bytes(b"{")
    conversation.answer(actions.ChooseFile())
    assert conversation.session.notices[0].kind == SessionNoticeKind.DAMAGED
    assert SessionStore().load() == Found(conversation.session)


@pytest.mark.parametrize("last", [actions.Cancel(), actions.Finish()])
def test_the_document_is_gone_when_the_conversation_is_over(tmp_path: Path, last: actions.WorkflowAction) -> None:
    conversation = _conversation(tmp_path)
    store = conversation.store
    store.save(msgspec.structs.replace(b.at(*b.TO_TRAINED), revision=0))
    conversation.reload()
    conversation.answer(last)
    assert not store.path.exists()
    conversation.answer(actions.Begin())
    assert store.load() == Found(conversation.session)
    assert not isinstance(store.load(), Damaged)
