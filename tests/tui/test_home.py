"""Home: what a newcomer sees, what can be gone on with, and how it keeps up with what happens."""

import asyncio
import contextlib
import threading
from pathlib import Path

import pytest
from textual.widgets import Static
from textual.worker import WorkerCancelled

from tabsmith.config import Settings
from tabsmith.errors import StorageError
from tabsmith.runs.events import RunState
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.jobs import Estimated
from tabsmith.runs.spec import Detect, ModelChoice, RunSpec
from tabsmith.runs.watch import RunSummary
from tabsmith.tables.info import Estimate
from tabsmith.tables.read.sources import FileSource, ReadOptions, SampleSource
from tabsmith.workflow.actions import Begin, Cancel, ChooseFile
from tabsmith.workflow.conversation import Conversation
from tabsmith.workflow.session import SessionStore
from tabsmith_tui.store import RecentTable, SavedSession, Store
from tabsmith_tui.widgets.menu import Menu
from tests.tui.stage import NOW, FixedStore, IdleSupervisor, model_summary, notices, run_summary, settle

SIZES = {"120x40": (120, 40), "60x20": (60, 20)}


def full_store() -> FixedStore:
    """A session, runs in several states, models."""
    states = (RunState.RUNNING, RunState.WAITING, RunState.INTERRUPTED, RunState.FAILED, RunState.DONE, RunState.DONE)
    runs = tuple(run_summary(number, state) for number, state in enumerate(states, 1))
    return FixedStore(
        runs=runs,
        models=tuple(model_summary(number) for number in range(1, 4)),
        saved=SavedSession("housing.csv", "Schema", NOW - 260),
    )


@pytest.mark.parametrize("size", SIZES)
def test_newcomer(make_app, snap_compare, size: str) -> None:
    """A sentence that says what this is; the cursor on the sample, below it a file of one's own; keys at the bottom."""
    assert snap_compare(make_app(), terminal_size=SIZES[size])


@pytest.mark.parametrize("size", SIZES)
def test_full(make_app, snap_compare, size: str) -> None:
    """The session to resume comes first and has the cursor; then new; five runs with pills in their colours and
    "+1 more: r"; three models. Wide: the facts of the session on the right. Narrow: names cut, no line broken."""
    assert snap_compare(make_app(full_store()), terminal_size=SIZES[size])


def test_full_in_light(make_app, snap_compare) -> None:
    """The same as the full 80x24 one, dark on light, every word readable."""
    assert snap_compare(make_app(full_store(), theme="light"), terminal_size=(80, 24))


def test_full_in_the_terminals_own_colours(make_app, snap_compare) -> None:
    """The same in sixteen colours."""
    assert snap_compare(make_app(full_store(), theme="ansi"), terminal_size=(80, 24))


def test_help_on_home(make_app, snap_compare) -> None:
    """The help panel on the right: what a list is, what home is for, its keys, those that work everywhere."""
    assert snap_compare(make_app(full_store()), press=["f1"], terminal_size=(120, 40))


async def test_sample_goes_straight_to_the_table_step_of_a_new_session(make_app) -> None:
    supervisor = IdleSupervisor(Estimated(Estimate(0, 150, 5, 6_000, "sample")))
    app = make_app(supervisor=supervisor)
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press("s")
        await settle(pilot)
        assert app.conversation is not None
        assert app.conversation.session.source == SampleSource("iris")


async def test_a_recent_table_begins_a_new_session_with_that_file(make_app, tmp_path) -> None:
    source = FileSource(str(tmp_path / "houses.csv"), options=ReadOptions(delimiter=";"))
    supervisor = IdleSupervisor(Estimated(Estimate(0, 150, 5, 6_000, "csv")))
    app = make_app(FixedStore(tables=(RecentTable(source, NOW - 60),)), supervisor=supervisor)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("down", "down")
        assert app.screen.query_one(Menu).current == "table 0"
        await pilot.press("enter")
        await settle(pilot)
        assert app.conversation is not None
        assert app.conversation.session.source == source


def test_recent_tables_are_the_files_of_the_newest_runs_that_are_still_there_each_once(tmp_path) -> None:
    here, gone, sent = (str(tmp_path / name) for name in ("here.csv", "gone.csv", "sent.csv"))
    for path in (here, sent):
        Path(path).write_text("a")
    sources = [
        FileSource(here),
        FileSource(gone),
        SampleSource("iris"),
        FileSource(sent, asked_by="bridge"),
        FileSource(here),
    ]
    for number, source in enumerate(sources):
        RunFolder.create(RunSpec(f"2026120{number}-run", float(number), source, Detect(), ModelChoice()))
    assert Store().recent_tables() == (RecentTable(FileSource(here), 4.0),)


@pytest.mark.parametrize(("press", "resume"), [("n", False), ("enter", True)])
async def test_new_and_the_saved_session_open_the_guided_steps(make_app, press: str, resume: bool) -> None:
    app = make_app(full_store())
    opened: list[tuple[str, bool]] = []
    app.open_screen = lambda name, *, resume: opened.append((name, resume))
    async with app.run_test() as pilot:
        await settle(pilot)
        await pilot.press(press)
        await settle(pilot)
    assert opened == [("guided", resume)]


async def test_runs_that_cannot_be_listed_are_told_and_models_are_still_shown(make_app) -> None:
    class Broken(FixedStore):
        def runs(self) -> tuple[RunSummary, ...]:
            raise StorageError("The disk is gone.", where="/state/runs")

    app = make_app(Broken(models=(model_summary(1),)))
    async with app.run_test() as pilot:
        await settle(pilot)
        assert "The disk is gone." in notices(app)
        assert "model housing-sale-price-01" in [option.id for option in app.screen.query_one(Menu).options]


async def test_a_saved_session_is_found_by_the_real_store(make_app, tmp_path) -> None:
    table = tmp_path / "houses.csv"
    table.write_text("a,b\n1,2\n")
    conversation = Conversation(SessionStore(), Settings())
    conversation.answer(Begin())
    conversation.answer(ChooseFile())
    saved = Store().session()
    assert saved is not None
    assert saved.place == "Source"
    conversation.answer(Cancel())
    assert Store().session() is None


class _LateStore(FixedStore):
    """A store that reads the last thing once it is let, which is when the screen's widgets are gone."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.let = threading.Event(), threading.Event()

    def recent_tables(self) -> tuple[RecentTable, ...]:
        self.asked.set()
        assert self.let.wait(10)
        return super().recent_tables()


async def test_what_is_read_when_the_program_ends_meanwhile_is_not_shown_any_more(make_app) -> None:
    store = _LateStore()
    app = make_app(store)

    class LetsTheStore(Static):
        """Unmounted with the other widgets, while the screen is still there."""

        async def on_unmount(self) -> None:
            store.let.set()
            for worker in list(app.workers):
                with contextlib.suppress(WorkerCancelled):
                    await worker.wait()

    async with app.run_test() as pilot:
        await asyncio.to_thread(store.asked.wait, 10)
        screen = pilot.app.screen
        await screen.mount(LetsTheStore(), before=0)
        assert screen.query_one("#welcome")
