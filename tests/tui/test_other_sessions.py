"""Conversations of people at phones: listed on home, gone on with here, and taken over when they go on elsewhere."""

import time
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import OptionList

from tabsmith.config import Settings
from tabsmith.config.settings import PathSettings
from tabsmith.errors import StorageError
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.jobs import TableRead
from tabsmith.storage import Found
from tabsmith.tables.info import Preview
from tabsmith.telegram.chat_state import ChatState, ChatStates, session_user
from tabsmith.telegram.status import BridgePaths
from tabsmith.workflow import actions
from tabsmith.workflow.conversation import Conversation
from tabsmith.workflow.session import FieldName, SessionStore, WorkflowSession
from tabsmith.workflow.states import State
from tabsmith_tui.screens import home as home_screen
from tabsmith_tui.screens.dialogs import ErrorScreen
from tabsmith_tui.screens.guided import GuidedScreen
from tabsmith_tui.screens.home import HomeScreen
from tabsmith_tui.store import SavedSession, SessionOwner, SessionWatch, Store
from tabsmith_tui.widgets.menu import Menu
from tests.stories.hostile import HOSTILE, MARKS
from tests.tui.guided_drive import Drive, drive, guided_app
from tests.tui.guided_stage import Replay, finished, report, schema, table
from tests.tui.run_stage import until
from tests.tui.stage import NOW, FixedStore, notices, notified, run_summary, screen_text, settle

ADA = 5_550_001
ADAS = SessionOwner(session_user(ADA), "Ada")


@pytest.fixture
def housing(tmp_path: Path) -> Path:
    path = tmp_path / "housing.csv"
    path.write_text("Order,Sale_Price\n1,100\n2,200\n")
    return path


@pytest.fixture
def ada() -> None:
    """Ada has a seat at a bridge."""
    ChatStates(BridgePaths.of("123456")).save(ChatState(user=ADA, chat_id=ADA, name="Ada", seen_at=NOW))


def elsewhere(user: str = ADAS.user, now: float = NOW) -> Conversation:
    """The conversation as another process has it, taken up anew as the bridge does at every message."""
    settings = Settings(paths=PathSettings(allowed=(Path("/tmp"),)))
    return Conversation(SessionStore(user, clock=lambda: now), settings, clock=lambda: now)


def on_disk(user: str = ADAS.user) -> WorkflowSession:
    loaded = SessionStore(user).load()
    assert isinstance(loaded, Found)
    return loaded.value


def to_load(path: Path, user: str = ADAS.user, now: float = NOW) -> None:
    """From the beginning to the load option, elsewhere."""
    conversation = elsewhere(user, now)
    for answer in (actions.Begin(), actions.ChooseFile(), actions.GivePath(str(path))):
        conversation.answer(answer)
    assert conversation.session.state is State.CHOOSING_LOAD_OPTION


def to_schema(user: str = ADAS.user) -> None:
    """From the load option to the schema, elsewhere: the work that it asks for is done there too."""
    conversation = elsewhere(user)
    conversation.answer(actions.LoadNow())
    source = conversation.session.source
    assert source is not None
    conversation.answer(TableRead(table(source), schema(), Preview((), ())))


def notes(driven: Drive) -> str:
    return notices(driven.app)


# Home ----------------------------------------------------------------------------------------------------------------


def test_the_store_finds_sessions_of_phones_by_the_names_of_their_seats(ada, housing: Path) -> None:
    to_load(housing, now=time.time())
    to_load(housing, "local", time.time())
    to_load(housing, session_user(7), time.time())
    found = Store().other_sessions()
    assert [each.owner for each in found if isinstance(each, SavedSession)] == [SessionOwner("telegram-7", "7"), ADAS]
    assert {each.place for each in found if isinstance(each, SavedSession)} == {"Table"}


def test_sessions_that_are_over_expired_or_of_no_phone_are_not_listed(housing: Path) -> None:
    to_load(housing, "somebody", time.time())
    to_load(housing, "telegram-ada", time.time())
    to_load(housing, session_user(8), now=1.0)
    ended = elsewhere(session_user(9), time.time())
    ended.answer(actions.Begin())
    ended.answer(actions.Cancel())
    assert Store().other_sessions() == ()


def test_one_that_cannot_be_understood_hides_no_other(ada, housing: Path) -> None:
    to_load(housing, now=time.time())
    damaged = SessionStore(session_user(7)).path
    damaged.write_text("{")
    first, second = Store().other_sessions()
    assert isinstance(first, SavedSession)
    assert isinstance(second, StorageError)
    assert "7's phone" in second.what


def phones(count: int = 2) -> FixedStore:
    """The terminal's own session, and those of phones, one of which waits for a run."""
    run = run_summary(1)
    others = (
        SavedSession("housing.csv", "Schema", NOW - 240, owner=ADAS),
        SavedSession("a table that was sent from a phone with a long name.csv", "Train", NOW - 4_000, run.id,
                     SessionOwner("telegram-7", "7")),
    )  # fmt: skip
    return FixedStore((run,), saved=SavedSession("wine.csv", "Model", NOW - 600), others=others[:count])


@pytest.mark.parametrize("size", [(120, 40), (60, 20)], ids=["large", "small"])
def test_home_with_phones(make_app, snap_compare, size: tuple[int, int]) -> None:
    """Under "Resume": the terminal's own session, Ada's phone under the cursor, and one of a person without a name whose
    run is done; what each is about and where it stands. Large: the facts of Ada's, and whose it is."""
    assert snap_compare(make_app(phones()), press=["down"], terminal_size=size)


async def test_home_opens_the_session_of_that_person(make_app) -> None:
    app = make_app(phones())
    opened: list[tuple[str, bool, SessionOwner]] = []
    app.open_screen = lambda name, *, resume, owner: opened.append((name, resume, owner))
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("down", "enter")
        await settle(pilot)
    assert opened == [("guided", True, ADAS)]


async def test_somebody_with_only_a_session_on_a_phone_is_no_newcomer(make_app) -> None:
    store = phones(1)
    store.saved, store.all_runs = None, []
    app = make_app(store)
    async with app.run_test() as pilot:
        await settle(pilot)
        assert not app.screen.query_one("#welcome").display
        assert app.screen.query_one(Menu).current == f"resume {ADAS.user}"


async def test_home_looks_again_when_a_session_was_saved_elsewhere(
    ada, make_app, housing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home_screen, "REFRESH_SECONDS", 0.5)

    class HalfReal(FixedStore):
        def other_sessions(self) -> Any:
            return Store.other_sessions(self)

    app = make_app(HalfReal())
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        home = app.screen
        assert isinstance(home, HomeScreen)
        to_load(housing, now=time.time())
        await until(pilot, lambda: f"resume {ADAS.user}" in [each.id for each in home.query_one(OptionList).options])


async def test_what_could_not_be_understood_is_told_once(make_app) -> None:
    store = FixedStore(others=(StorageError("The saved session of Bo's phone could not be understood.", where="/s"),))
    app = make_app(store)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("f5")
        await settle(pilot)
        assert notices(app).count("Bo's phone") == 1


async def test_a_name_from_outside_is_literal(make_app) -> None:
    others = tuple(
        SavedSession("a.csv", "Schema", NOW, owner=SessionOwner(f"telegram-{number}", name))
        for number, name in enumerate(HOSTILE)
    )
    app = make_app(FixedStore(others=others))
    async with app.run_test(size=(120, 60)) as pilot:
        await settle(pilot)
        shown = screen_text(app)
        assert not any(mark.decode("utf-8", "replace") in shown for mark in MARKS)


# Here ----------------------------------------------------------------------------------------------------------------


async def opened(driven: Drive, state: State) -> None:
    """Ada's conversation, in the place of whatever is shown."""
    driven.app.open_home()
    driven.app.open_screen("guided", resume=True, owner=ADAS)
    await driven.at(state)


async def test_what_is_done_here_is_seen_there_and_the_other_way_round(housing: Path) -> None:
    to_load(housing)
    app = guided_app(Replay(), allowed=(housing.parent,))
    async with drive(app) as driven:
        await opened(driven, State.CHOOSING_LOAD_OPTION)
        assert "Ada's phone · housing.csv" in driven.shown()
        await driven.press("enter")
        await driven.at(State.CONFIRMING_SCHEMA)
        assert on_disk().state is State.CONFIRMING_SCHEMA
        elsewhere().answer(actions.AcceptSchema())
        await driven.at(State.CONFIGURING_MODEL)
        assert "Changed in another window: it is at Model now." in notes(driven)
        assert on_disk().id == driven.session.id


async def test_the_terminals_own_session_is_taken_over_too(housing: Path) -> None:
    app = guided_app(Replay(), allowed=(housing.parent,))
    async with drive(app) as driven:
        await driven.give_path(housing)
        await driven.at(State.CHOOSING_LOAD_OPTION)
        to_schema("local")
        await driven.at(State.CONFIRMING_SCHEMA)
        assert "Changed in another window" in notes(driven)
        await driven.press("enter")
        await driven.at(State.CONFIGURING_MODEL)


async def test_what_one_does_here_is_never_taken_for_somebody_elses(housing: Path) -> None:
    app = guided_app(Replay(), allowed=(housing.parent,))
    async with drive(app) as driven:
        await driven.to_schema(housing)
        await driven.press("enter")
        await driven.at(State.CONFIGURING_MODEL)
        watch = SessionWatch(driven.screen.conversation.store.path)
        assert not watch.changed(driven.session)
        await driven.screen.look_for_changes()
        assert "another window" not in notes(driven)


async def test_what_was_typed_and_not_saved_goes_with_it(housing: Path) -> None:
    app = guided_app(Replay(), allowed=(housing.parent,))
    async with drive(app) as driven:
        await driven.at(State.CHOOSING_DATA_SOURCE)
        await driven.press("enter")
        await driven.at(State.AWAITING_FILE_PATH)
        there = elsewhere("local")
        there.answer(actions.GivePath(str(housing)))
        await driven.type("/somewhere/else.csv")
        await driven.at(State.CHOOSING_LOAD_OPTION)
        assert on_disk("local").drafts[FieldName.PATH] == "/somewhere/else.csv"
        assert "not saved" not in notes(driven)


async def test_an_answer_to_what_is_not_shown_any_more_is_not_given(housing: Path) -> None:
    to_load(housing)
    app = guided_app(Replay(), allowed=(housing.parent,))
    async with drive(app) as driven:
        await opened(driven, State.CHOOSING_LOAD_OPTION)
        to_schema()
        assert not await driven.screen.perform(actions.Defer())
        await driven.at(State.CONFIRMING_SCHEMA)
        assert on_disk().load == "now"
        assert "Nothing was overwritten" in notes(driven)


async def test_a_changed_value_of_the_same_step_is_shown_and_not_written_over(housing: Path) -> None:
    app = guided_app(Replay(), allowed=(housing.parent,))
    async with drive(app) as driven:
        await driven.at(State.CHOOSING_DATA_SOURCE)
        await driven.press("enter")
        await driven.at(State.AWAITING_FILE_PATH)
        await driven.type("/here.csv")
        await driven.until(lambda: on_disk("local").drafts.get(FieldName.PATH) == "/here.csv", "the draft")
        elsewhere("local").answer(actions.Type(FieldName.PATH, "/there.csv"))
        await driven.until(lambda: "another window" in notes(driven), "the new value")
        assert driven.path_typed == "/there.csv"
        driven.screen.keep_typed()
        assert on_disk("local").drafts[FieldName.PATH] == "/there.csv"


async def test_nothing_is_taken_over_below_a_dialog(housing: Path) -> None:
    to_load(housing)
    app = guided_app(Replay(), allowed=(housing.parent,))
    async with drive(app) as driven:
        await opened(driven, State.CHOOSING_LOAD_OPTION)
        await driven.press("f7")
        await driven.until(lambda: driven.app.screen is not driven.screen, "the question")
        assert "the conversation of Ada's phone" in driven.shown()
        to_schema()
        await driven.screen.look_for_changes()
        assert driven.session.state is State.CHOOSING_LOAD_OPTION
        await driven.press("escape")
        await driven.at(State.CONFIRMING_SCHEMA)


async def test_a_conversation_of_somebody_else_that_is_ended_leads_home(housing: Path) -> None:
    to_load(housing)
    app = guided_app(Replay(), allowed=(housing.parent,))
    async with drive(app) as driven:
        await opened(driven, State.CHOOSING_LOAD_OPTION)
        elsewhere().answer(actions.Cancel())
        await driven.until(lambda: isinstance(driven.app.screen, HomeScreen), "home")
        assert "The conversation of Ada's phone was ended." in notes(driven)
        await settle(driven.pilot)
    assert not SessionStore(ADAS.user).path.exists()


async def test_one_that_is_gone_when_it_is_opened_is_not_begun_in_their_name(ada) -> None:
    app = guided_app(Replay())
    async with app.run_test() as pilot:
        app.open_screen("guided", resume=True, owner=ADAS)
        await settle(pilot)
        assert isinstance(app.screen, HomeScreen)
    assert not SessionStore(ADAS.user).path.exists()


async def test_the_terminals_own_session_ended_elsewhere_can_be_begun_anew(housing: Path) -> None:
    app = guided_app(Replay(), allowed=(housing.parent,))
    async with drive(app) as driven:
        await driven.give_path(housing)
        await driven.at(State.CHOOSING_LOAD_OPTION)
        elsewhere("local").answer(actions.Cancel())
        await driven.at(State.IDLE)
        assert "Ended in another window." in notes(driven)
        await driven.press("enter")
        await driven.at(State.CHOOSING_DATA_SOURCE)


async def test_work_under_way_here_ends_when_the_session_goes_on_elsewhere(housing: Path) -> None:
    from tabsmith.runs.jobs import ReadTable

    to_load(housing)
    replay = Replay()
    replay.hold = {ReadTable}
    app = guided_app(replay, allowed=(housing.parent,))
    async with drive(app) as driven:
        await opened(driven, State.CHOOSING_LOAD_OPTION)
        await driven.press("enter")
        await driven.until(lambda: driven.screen.working, "reading")
        elsewhere().answer(actions.Defer())
        await driven.at(State.AWAITING_SCHEMA_INPUT)
        assert not driven.screen.working
        assert len(replay.cancelled) == 1


class Working(Replay):
    """Starts runs whose worker lives, and has not ended."""

    async def start_run(self, spec: Any) -> None:
        self.run_events = lambda spec: finished(spec)[:1]
        await super().start_run(spec)
        self.worker = RunFolder(spec.id).lock()
        self.worker.acquire()


async def test_the_end_of_a_run_that_both_saw_is_no_warning(housing: Path) -> None:
    working = Working()
    app = guided_app(working, allowed=(housing.parent,))
    async with drive(app) as driven:
        await driven.to_schema(housing)
        await driven.press("enter")
        await driven.at(State.CONFIGURING_MODEL)
        assert await driven.screen.perform(actions.Train())
        await driven.until(lambda: driven.app.screen is not driven.screen, "the run")
        end = actions.RunFinished(report(working.started[0]))
        elsewhere("local").answer(end)
        assert not await driven.screen.perform(end)
        working.worker.release()
        assert driven.session.state is State.TRAINED
        await driven.until(lambda: "Nothing was overwritten" in notes(driven), "what was said")
        assert {note.severity for note in notified(driven.app)} == {"information"}


async def test_a_session_of_a_newer_version_is_told_and_left_alone(housing: Path) -> None:
    to_load(housing)
    app = guided_app(Replay(), allowed=(housing.parent,))
    async with drive(app) as driven:
        await opened(driven, State.CHOOSING_LOAD_OPTION)
        to_schema()
        path = SessionStore(ADAS.user).path
        newer = path.read_text().replace('"version": 1', '"version": 999')
        path.write_text(newer)
        await driven.until(lambda: isinstance(driven.app.screen, ErrorScreen), "the error")
        assert "newer tabsmith" in driven.shown()
        assert path.read_text() == newer


# Afterwards ----------------------------------------------------------------------------------------------------------


async def left(driven: Drive) -> str:
    await driven.app.action_leave()
    await driven.pilot.pause()
    assert driven.app.return_value is not None
    return "\n".join(driven.app.return_value)


async def test_the_farewell_says_where_the_own_session_stands_on_disk(housing: Path) -> None:
    async with drive(guided_app(Replay(), allowed=(housing.parent,))) as driven:
        await driven.give_path(housing)
        await driven.at(State.CHOOSING_LOAD_OPTION)
        driven.app.open_home()
        to_schema("local")
        assert "The session is saved (Schema)" in await left(driven)


async def test_the_farewell_claims_no_session_that_a_phone_has_ended(housing: Path) -> None:
    async with drive(guided_app(Replay(), allowed=(housing.parent,))) as driven:
        await driven.give_path(housing)
        await driven.at(State.CHOOSING_LOAD_OPTION)
        driven.app.open_home()
        elsewhere("local").answer(actions.Cancel())
        assert "session" not in await left(driven)


async def test_the_farewell_does_not_take_a_session_of_a_phone_for_the_own(housing: Path) -> None:
    to_load(housing)
    app = guided_app(Replay(), allowed=(housing.parent,))
    async with app.run_test() as pilot:
        driven = Drive(app, pilot)
        app.open_screen("guided", resume=True, owner=ADAS)
        await driven.at(State.CHOOSING_LOAD_OPTION)
        assert isinstance(app.screen, GuidedScreen)
        assert "session" not in await left(driven)
