"""What a person corrects in a schema is kept for that table, applied the next time and told; another file never gets it."""

import pytest
from msgspec.structs import replace

from tabsmith.runs.jobs import TableRead
from tabsmith.runs.spec import Detect
from tabsmith.runs.stages import understand
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.tables.read.sources import FileSource
from tabsmith.tables.schema.corrections import SchemaEdits, keep_corrections
from tabsmith.tables.table import read_table
from tabsmith.workflow import actions
from tabsmith.workflow.conversation import Conversation
from tabsmith.workflow.effects import Effect
from tabsmith.workflow.session import SessionNoticeKind, SessionStore, WorkflowSession
from tests.core.workflow import builders as b

CORRECTED = (actions.ChangeKind("rooms", "category"), actions.ChangeRole("area", "ignore"))


@pytest.fixture(autouse=True)
def _home(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TABSMITH_HOME", str(tmp_path / "home"))
    for name in ("houses.csv", "others.csv"):
        (tmp_path / name).write_text("a\n1\n")


@pytest.fixture
def begin(tmp_path):
    """Begins a conversation of a user about a file, up to its schema."""

    def begin_at(name: str, user: str = "local", willing=b.result_of) -> Conversation:
        conversation = Conversation(SessionStore(user), b.settings(tmp_path), clock=lambda: b.NOW)
        walk = (actions.Cancel(),) if conversation.session.revision else ()
        for answer in (*walk, actions.Begin(), actions.ChooseFile(), actions.GivePath(str(tmp_path / name))):
            b.carry_on(conversation, answer)
        b.carry_on(conversation, actions.LoadNow(), willing=willing)
        return conversation

    return begin_at


def kinds(session: WorkflowSession) -> tuple[str, str]:
    assert session.schema is not None
    return session.schema.column("rooms").kind, session.schema.column("area").role


def told(session: WorkflowSession) -> str:
    return next((notice.text for notice in session.notices if notice.kind is SessionNoticeKind.CORRECTED_BEFORE), "")


def correct(conversation: Conversation) -> None:
    for answer in CORRECTED:
        b.carry_on(conversation, answer)
    assert kinds(conversation.session) == ("category", "ignore")


def test_a_table_is_corrected_as_it_was_last_time_and_that_is_told(begin) -> None:
    correct(begin("houses.csv"))
    again = begin("houses.csv").session
    assert kinds(again) == ("category", "ignore")
    assert "rooms as category, area as ignore" in told(again)


def test_a_target_is_asked_for_as_it_was_last_time(begin) -> None:
    b.carry_on(begin("houses.csv"), actions.ChangeTarget("district"))
    again = begin("houses.csv").session
    assert again.schema is not None
    assert again.schema.target == "district"


def test_corrections_reach_no_other_file_in_the_same_conversation_or_a_new_one(begin, tmp_path) -> None:
    conversation = begin("houses.csv")
    correct(conversation)
    for answer in (actions.RejectSchema(), actions.GivePath(str(tmp_path / "others.csv")), actions.LoadNow()):
        b.carry_on(conversation, answer)
    assert kinds(conversation.session) == ("numeric", "feature")
    assert (kinds(begin("others.csv").session), told(begin("others.csv").session)) == (("numeric", "feature"), "")


def test_corrections_reach_no_other_person_and_no_other_columns(begin) -> None:
    correct(begin("houses.csv"))
    assert kinds(begin("houses.csv", user="someone").session) == ("numeric", "feature")

    def with_a_column_more(effect: Effect, session: WorkflowSession) -> actions.WorkflowAction | None:
        result = b.result_of(effect, session)
        if not isinstance(result, TableRead):
            return result
        profile = TableProfile(100, (*result.info.profile.columns, ColumnProfile("more", "float", 100, 0, 50)))
        return replace(result, info=replace(result.info, profile=profile))

    assert kinds(begin("houses.csv", willing=with_a_column_more).session) == ("numeric", "feature")


def test_a_correction_that_is_taken_back_is_not_made_again(begin) -> None:
    conversation = begin("houses.csv")
    correct(conversation)
    for answer in (actions.ChangeKind("rooms", "numeric"), actions.ChangeRole("area", "feature")):
        b.carry_on(conversation, answer)
    again = begin("houses.csv").session
    assert (kinds(again), told(again)) == (("numeric", "feature"), "")


def test_a_run_of_the_command_line_takes_the_corrections_up_and_tells_them(tmp_path) -> None:
    path = tmp_path / "flats.csv"
    path.write_text("area,rooms,price\n" + "".join(f"{50 + k},{k % 4},{k * 7}\n" for k in range(80)))
    info = read_table(str(path)).info
    keep_corrections(info, "local", SchemaEdits(target="rooms", kinds={"area": "category"}, roles={"price": "ignore"}))
    understood = understand(info, Detect(corrected_by="local"))
    assert understood.schema.target == "rooms"
    assert understood.schema.column("area").kind == "category"
    assert understood.corrections == "target rooms, area as category, price as ignore"
    asked = understand(info, Detect("price", corrected_by="local"))
    assert asked.schema.target == "price", "what is asked for now counts more than what was ignored then"
    assert asked.corrections == "area as category"
    detected = understand(info, Detect())
    assert detected.schema.column("area").kind != "category"
    assert detected.corrections == ""
    assert understand(read_table(FileSource(str(path))).info, Detect(corrected_by="telegram-7")).corrections == ""
