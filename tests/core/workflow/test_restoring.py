"""A session taken up again: killed at every state, expired, its file changed or gone, its run gone on without it."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from tabsmith.errors import ErrorReport
from tabsmith.runs.events import RunState
from tabsmith.runs.jobs import Predict, SchemaDetected
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.storage import Found
from tabsmith.tables.read.sources import Asker, FileSource
from tabsmith.telegram.chat_state import PredictionJob
from tabsmith.workflow import actions
from tabsmith.workflow.conversation import Conversation
from tabsmith.workflow.restore import EXPIRES_AFTER, RunLookup
from tabsmith.workflow.session import FieldName, SessionNoticeKind, SessionStore, WorkflowSession
from tabsmith.workflow.states import State
from tabsmith.workflow.step_forms import step_form

from . import builders as b

ROOT = Path(__file__).parents[3]


@pytest.fixture
def houses(tmp_path: Path) -> Path:
    file = tmp_path / "houses.csv"
    file.write_text("area,price\n1,2\n3,4\n")
    return file


def _open(tmp_path: Path, now: float = b.NOW, run: RunLookup | None = None) -> Conversation:
    return Conversation(
        SessionStore(), b.settings(tmp_path), clock=lambda: now, new_id=b.moment().new_id, run=run or (lambda _: None)
    )


def _walked(tmp_path: Path, *answers: actions.WorkflowAction, run: RunLookup | None = None) -> Conversation:
    """A conversation that answered through its own store and guard, with the path that really is there."""
    conversation = _open(tmp_path, run=run)
    for answer in answers:
        real = replace(answer, path=str(tmp_path / "houses.csv")) if isinstance(answer, actions.GivePath) else answer
        b.carry_on(conversation, real)
    return conversation


# Killed ------------------------------------------------------------------------------------------------------------

_CHILD = """
import sys
sys.path[:0] = [{core!r}, {root!r}]
from pathlib import Path
from tests.core.workflow import builders as b
from tabsmith.workflow import actions
from tabsmith.workflow.conversation import Conversation
from tabsmith.workflow.session import SessionStore
import msgspec

walk = msgspec.json.decode(sys.stdin.readline().encode(), type=list[actions.UserAction | actions.RunFinished | actions.RunFailed])
conversation = Conversation(
    SessionStore(), b.settings(Path({folder!r})), clock=lambda: b.NOW, new_id=b.moment().new_id, run=lambda _: None
)
for answer in walk:
    b.carry_on(conversation, answer)
    print(conversation.session.state.value, flush=True)
    if not sys.stdin.readline():
        break
"""

_DEEP = (
    *b.TO_FEATURES,
    actions.Type(FieldName.FEATURES, "1-2, oops"),
    actions.Back(),
    actions.ChooseTarget("district"),
    actions.ChooseFeatures("area, rooms"),
    actions.Type(FieldName.TIME, "half"),
    actions.Type(FieldName.TIME, "2 min"),
    *b.TO_TRAINED[-2:],
    actions.PredictRows(),
    actions.Type(FieldName.NEW_ROWS, "/data/ne"),
)
_DEFERRED = (*b.TO_WORDS, actions.GiveSchema("nonsense {"), actions.GiveSchema("target: price"), *b.TO_ERROR[-2:])
_OTHERS = (
    actions.Begin(),
    actions.ChooseUpload(),
    actions.Type(FieldName.DATA, "x"),
    actions.Back(),
    actions.ChooseSample("wine"),
)


def _alive_run(_run_id: str) -> RunSnapshot:
    return RunSnapshot(state=RunState.RUNNING)


@pytest.mark.parametrize("walk", [_DEEP, _DEFERRED, _OTHERS], ids=["loaded", "deferred", "others"])
def test_killed_after_any_answer_the_session_is_restored_exactly_there(
    tmp_path: Path, houses: Path, walk: tuple[actions.WorkflowAction, ...], tabsmith_home: Path
) -> None:
    walk = tuple(replace(each, path=str(houses)) if isinstance(each, actions.GivePath) else each for each in walk)
    expected = _states_of(tmp_path, walk)
    child = _CHILD.format(core=str(ROOT / "core"), root=str(ROOT), folder=str(tmp_path))
    words = msgspec.json.encode(list(walk)) + b"\n"
    for place in range(len(walk)):
        for folder in ("sessions", "corrections"):
            shutil.rmtree(tabsmith_home / "state" / folder, ignore_errors=True)
        with subprocess.Popen([sys.executable, "-c", child], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
            assert process.stdin
            assert process.stdout
            process.stdin.write(words + b"on\n" * place)
            process.stdin.flush()
            for _ in range(place + 1):
                said = process.stdout.readline()
            assert said.decode().strip() == expected[place].state.value
            os.kill(process.pid, signal.SIGKILL)
        restored = _open(tmp_path, run=_alive_run).session
        assert replace(restored, revision=0) == replace(expected[place], revision=0)


def _states_of(tmp_path: Path, walk: tuple[actions.WorkflowAction, ...]) -> list[WorkflowSession]:
    conversation = _open(tmp_path)
    states = []
    for answer in walk:
        b.carry_on(conversation, answer)
        states.append(conversation.session)
    return states


# Expired, changed, gone --------------------------------------------------------------------------------------------


def test_a_session_expires_after_seven_days_and_says_so(tmp_path: Path, houses: Path) -> None:
    kept = _walked(tmp_path, *b.TO_SCHEMA).session
    assert _open(tmp_path, b.NOW + EXPIRES_AFTER).session == kept
    late = _open(tmp_path, b.NOW + EXPIRES_AFTER + 86_400)
    assert (late.session.state, late.session.source) == (State.IDLE, None)
    assert late.session.notices[0].kind == SessionNoticeKind.EXPIRED
    assert "8 days" in late.session.notices[0].text
    assert not late.store.path.exists()


_BEFORE_TRAINING = [b.TO_LOAD, b.TO_SCHEMA, b.TO_TARGET, b.TO_FEATURES, b.TO_WORDS, b.TO_MODEL]


@pytest.mark.parametrize("walk", _BEFORE_TRAINING, ids=lambda walk: type(walk[-1]).__name__)
def test_a_file_that_is_gone_leads_back_to_the_path(
    tmp_path: Path, houses: Path, walk: tuple[actions.WorkflowAction, ...]
) -> None:
    before = _walked(tmp_path, *walk).session
    houses.unlink()
    after = _open(tmp_path).session
    assert after.state == State.AWAITING_FILE_PATH
    assert after.notices[0].kind == SessionNoticeKind.FILE_GONE
    assert str(houses) in after.notices[0].text
    problem = after.problem_of(FieldName.PATH)
    assert problem is not None
    assert problem.name == "PathNotFoundError"
    assert (after.drafts, after.schema, after.edits) == (before.drafts, before.schema, before.edits)
    assert SessionStore().load() == Found(after)


@pytest.mark.parametrize("walk", _BEFORE_TRAINING, ids=lambda walk: type(walk[-1]).__name__)
def test_a_file_that_has_changed_is_to_be_loaded_again(
    tmp_path: Path, houses: Path, walk: tuple[actions.WorkflowAction, ...]
) -> None:
    _walked(tmp_path, *walk)
    houses.write_text("area,price\n1,2\n3,4\n5,6\n")
    conversation = _open(tmp_path)
    assert conversation.session.state == State.CHOOSING_LOAD_OPTION
    assert conversation.session.notices[0].kind == SessionNoticeKind.FILE_CHANGED
    b.carry_on(conversation, actions.LoadNow())
    assert conversation.session.state == State.CONFIRMING_SCHEMA
    assert conversation.session.notices == ()


def test_an_uploaded_file_that_is_gone_is_waited_for_again(tmp_path: Path, houses: Path) -> None:
    _walked(tmp_path, *b.TO_UPLOAD, actions.GiveData(str(houses)))
    houses.unlink()
    after = _open(tmp_path).session
    assert (after.state, after.notices[0].kind) == (State.AWAITING_DATA, SessionNoticeKind.FILE_GONE)
    assert after.problem_of(FieldName.DATA) is not None


@pytest.mark.parametrize("walk", [b.TO_TRAINED, b.TO_PREDICTING])
def test_a_trained_model_does_not_need_its_file_any_more(
    tmp_path: Path, houses: Path, walk: tuple[actions.WorkflowAction, ...]
) -> None:
    before = _walked(tmp_path, *walk).session
    houses.unlink()
    assert _open(tmp_path).session == before


# The run went on ---------------------------------------------------------------------------------------------------

RUN = b.moment().new_id(b.NOW)


@pytest.mark.parametrize(
    ("run", "state", "kind"),
    [
        (None, State.CONFIGURING_MODEL, SessionNoticeKind.RUN_GONE),
        (RunSnapshot(state=RunState.RUNNING), State.TRAINING, None),
        (
            RunSnapshot(state=RunState.DONE, outcome="success", report=b.report(RUN)),
            State.TRAINED,
            SessionNoticeKind.RUN_ENDED,
        ),
        (RunSnapshot(state=RunState.DONE, outcome="cancelled"), State.CONFIGURING_MODEL, SessionNoticeKind.RUN_STOPPED),
        (
            RunSnapshot(state=RunState.FAILED, outcome="failed", error=b.TROUBLE),
            State.ERROR,
            SessionNoticeKind.RUN_ENDED,
        ),
        (RunSnapshot(state=RunState.FAILED, outcome="failed"), State.ERROR, SessionNoticeKind.RUN_ENDED),
        (RunSnapshot(state=RunState.INTERRUPTED), State.ERROR, SessionNoticeKind.RUN_INTERRUPTED),
    ],
)
def test_a_run_that_went_on_while_nobody_looked_is_caught_up_with(
    tmp_path: Path, houses: Path, run: RunSnapshot | None, state: State, kind: SessionNoticeKind | None
) -> None:
    _walked(tmp_path, *b.TO_TRAINING)
    after = _open(tmp_path, run=lambda _: run).session
    assert after.state == state
    assert [notice.kind for notice in after.notices][:1] == ([] if kind is None else [kind])
    assert step_form(after).problem == (b.TROUBLE if run and run.error else after.problem)


def test_an_interrupted_run_that_somebody_resumed_is_watched_again(tmp_path: Path, houses: Path) -> None:
    _walked(tmp_path, *b.TO_TRAINING, actions.RunInterrupted(RUN))
    after = _open(tmp_path, run=_alive_run).session
    assert (after.state, after.problem, after.retry) == (State.TRAINING, None, None)


def test_a_run_without_a_folder_is_found_to_be_gone(tmp_path: Path, houses: Path) -> None:
    _walked(tmp_path, *b.TO_TRAINING)
    conversation = Conversation(SessionStore(), b.settings(tmp_path), clock=lambda: b.NOW)
    assert conversation.session.state == State.CONFIGURING_MODEL
    assert conversation.session.notices[0].kind == SessionNoticeKind.RUN_GONE


def test_a_session_that_was_edited_into_an_impossible_state_steps_back(tmp_path: Path) -> None:
    store = SessionStore()
    store.save(replace(b.at(*b.TO_PATH), state=State.CONFIRMING_SCHEMA))
    after = _open(tmp_path).session
    assert after.state == State.CHOOSING_DATA_SOURCE
    assert after.notices[0].kind == SessionNoticeKind.INCOMPLETE
    assert "a table that has been read" in after.notices[0].text


# The real guard ----------------------------------------------------------------------------------------------------


def test_the_path_is_checked_at_once_and_kept_absolute(tmp_path: Path, houses: Path) -> None:
    conversation = _walked(tmp_path, *b.TO_PATH)
    conversation.answer(actions.GivePath(f'  "{houses}" '))
    assert conversation.session.state == State.CHOOSING_LOAD_OPTION
    assert conversation.session.file is not None
    assert (conversation.session.file.path, conversation.session.file.size) == (str(houses), houses.stat().st_size)
    assert conversation.session.draft(FieldName.PATH) == f'  "{houses}" '


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("", "EmptyPathError"),
        ("nowhere.csv", "PathNotFoundError"),
        ("/dev/null", "SpecialFileError"),
        (".", "PathNotFoundError"),
    ],
)
def test_a_path_that_is_refused_is_kept_with_the_real_error(tmp_path: Path, path: str, name: str) -> None:
    conversation = _walked(tmp_path, *b.TO_PATH)
    given = path if path.startswith("/") or not path else str(tmp_path / path)
    conversation.answer(actions.GivePath(given))
    problem = conversation.session.problem_of(FieldName.PATH)
    assert isinstance(problem, ErrorReport)
    assert (problem.name, conversation.session.state) == (name, State.AWAITING_FILE_PATH)
    assert conversation.session.draft(FieldName.PATH) == given


@pytest.mark.parametrize(
    ("asker", "state"), [("person", State.CHOOSING_LOAD_OPTION), ("bridge", State.AWAITING_FILE_PATH)]
)
def test_allowed_folders_bound_the_bridge_and_not_the_person_at_the_terminal(
    tmp_path: Path, houses: Path, asker: Asker, state: State
) -> None:
    (tmp_path / "allowed").mkdir()
    conversation = Conversation(SessionStore(), b.settings(tmp_path / "allowed"), asker=asker)
    for answer in (*b.TO_PATH, actions.GivePath(str(houses))):
        conversation.answer(answer)
    assert conversation.session.state == state
    problem = conversation.session.problem_of(FieldName.PATH)
    if asker == "person":
        assert conversation.session.source == FileSource(str(houses))
    else:
        assert problem is not None
        assert problem.name == "PathOutsideError"
        houses.rename(tmp_path / "allowed" / "houses.csv")
        conversation.answer(actions.GivePath(str(tmp_path / "allowed" / "houses.csv")))
        assert conversation.session.source == FileSource(str(tmp_path / "allowed" / "houses.csv"), asked_by="bridge")


@pytest.mark.parametrize("address", ["postgresql://ann:pw@host/db", "http://host/t.csv"])
def test_the_bridge_opens_neither_databases_nor_the_web(tmp_path: Path, address: str) -> None:
    conversation = Conversation(SessionStore(), b.settings(tmp_path), asker="bridge")
    for answer in (*b.TO_PATH, actions.GivePath(address)):
        conversation.answer(answer)
    problem = conversation.session.problem_of(FieldName.PATH)
    assert problem is not None
    assert (problem.name, conversation.session.state) == ("PathOutsideError", State.AWAITING_FILE_PATH)
    assert "pw@" not in conversation.store.path.read_text()


def test_a_file_that_a_person_chose_stays_open_to_them_when_the_bridge_goes_on(tmp_path: Path, houses: Path) -> None:
    settings = b.settings(tmp_path / "elsewhere")
    at_terminal = Conversation(SessionStore(), settings)
    for answer in (*b.TO_PATH, actions.GivePath(str(houses))):
        at_terminal.answer(answer)
    on_phone = Conversation(SessionStore(), settings, asker="bridge")
    assert (on_phone.session.state, on_phone.session.notices) == (State.CHOOSING_LOAD_OPTION, ())


def test_looking_at_a_target_that_was_cut_short_is_said(tmp_path: Path, houses: Path) -> None:
    conversation = _walked(tmp_path, *b.TO_SCHEMA)
    conversation.answer(actions.ChangeTarget("district"))
    after = _open(tmp_path).session
    assert (after.state, after.waiting, after.notices[0].kind) == (
        State.CONFIRMING_SCHEMA,
        None,
        SessionNoticeKind.INCOMPLETE,
    )
    conversation.answer(SchemaDetected(b.schema("district")))
    assert conversation.session.schema == b.schema("district")


def test_predictions_that_an_earlier_version_had_under_way_are_still_understood() -> None:
    saved = b'{"turn":"u7","effect":{"effect":"predict_file","model_id":"m1","source":{"source":"file","path":"/n.csv"},"out":"/o.csv"}}'
    job = msgspec.json.decode(saved, type=PredictionJob)
    assert job.effect == Predict("m1", FileSource("/n.csv"), "/o.csv")
