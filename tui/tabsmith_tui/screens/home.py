"""The home screen: sessions to resume, ways to start, recent tables, and the newest runs and models."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import OptionList

from tabsmith.formatting import time_ago, time_of_day
from tabsmith.presentation.spans import LabelledLine, foreign, line
from tabsmith.text import plural
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.screens.base import TabsmithScreen, start_worker
from tabsmith_tui.widgets.literal import FactList, TextLine, contents, literal
from tabsmith_tui.widgets.menu import Group, Item, Menu

if TYPE_CHECKING:
    from tabsmith.modeling.model_files import ModelSummary
    from tabsmith.runs.watch import RunSummary
    from tabsmith_tui.store import RecentTable, SavedSession

T = TypeVar("T")

SHOWN = 5  # runs and models on home; the rest is one key away
REFRESH_SECONDS = 2.0
WIDE = 110
SAMPLE: Final = "iris"

_UNREADABLE: Final = "Not everything could be read"
WELCOME = (
    "Point tabsmith at a table, confirm what it understood, and get the best model your time allows. "
    "Press enter to start with a small sample, or n for a file of your own."
)


BEGIN_FACTS: Final[tuple[LabelledLine, ...]] = (
    ("Source", line("a file of yours, or a sample")),
    ("Table", line("read it now, or at training time")),
    ("Schema", line("what each column is; the target")),
    ("Model", line("metric, families, time")),
    ("Train", line("watch it; leave it; stop it")),
    ("Result", line("scores on the test set; predict")),
)


class HomeScreen(TabsmithScreen):
    """The first screen. Its frame is drawn before anything is read from disk; the lists follow."""

    SCOPE = "home"
    BINDINGS = bindings_of("home")
    AUTO_FOCUS = "Menu"
    ABOUT = (
        "Home shows what you can resume: your unfinished session, sessions that were started on a phone, "
        "the newest runs (live ones keep moving) and the newest models. Or begin with a new table. Nothing is lost by "
        "leaving: runs continue without you."
    )

    def __init__(self) -> None:
        super().__init__()
        self._session: SavedSession | None = None
        self._others: tuple[SavedSession, ...] = ()
        self._sessions_mark = 0
        self._reported: set[str] = set()  # problems of other sessions that the person has seen
        self._runs: tuple[RunSummary, ...] = ()
        self._models: tuple[ModelSummary, ...] = ()
        self._tables: tuple[RecentTable, ...] = ()
        self._read = False

    def body(self) -> ComposeResult:
        self.set_class(self.app.size.width >= WIDE, "-wide")  # before the first styling, which would be done twice
        yield TextLine(WELCOME, id="welcome")
        with Horizontal(id="middle"):
            yield Menu(id="menu")
            yield FactList(id="about")

    def on_mount(self) -> None:
        """Read from disk after the first frame."""
        self.call_after_refresh(self.action_reload)
        self.set_interval(REFRESH_SECONDS, self._refresh_living)

    def on_screen_resume(self) -> None:
        """Read again, because another screen may have trained or deleted something."""
        if self._read:
            self.action_reload()

    def on_resize(self, event: events.Resize) -> None:
        """Show the facts only where there is room."""
        self.set_class(event.size.width >= WIDE, "-wide")

    def action_reload(self) -> None:
        """Read everything on disk again."""
        start_worker(self, self._reload, "reload", alone=True)

    def _refresh_living(self) -> None:
        if not self.is_current or not self._read:
            return
        if self._sessions_mark != self.services.store.sessions_mark() or any(not run.state.ended for run in self._runs):
            self.action_reload()

    async def _reload(self) -> None:
        store = self.services.store
        self._sessions_mark = store.sessions_mark()
        self._session = await self._from_disk(store.session, self._session)
        self._others = await self._from_disk(self._other_sessions, self._others)
        self._runs = await self._from_disk(store.runs, self._runs)
        self._models = await self._from_disk(store.models, self._models)
        self._tables = await self._from_disk(store.recent_tables, self._tables)
        self._read = True
        if self.is_open:  # the app was not left meanwhile
            self._show()

    def _other_sessions(self) -> "tuple[SavedSession, ...]":
        """Return the readable sessions of other owners, and report each problem of another one once."""
        from tabsmith_tui.store import SavedSession

        sessions: list[SavedSession] = []
        problems: set[str] = set()
        for read in self.services.store.other_sessions():
            if isinstance(read, SavedSession):
                sessions.append(read)
            else:
                problems.add(f"{read.what} {read.where} {read.next_step}")
        for problem in problems - self._reported:
            self.app.call_from_thread(self.app.notify, problem, title=_UNREADABLE, severity="warning")
        self._reported |= problems
        return tuple(sessions)

    async def _from_disk(self, read: Callable[[], T], before: T) -> T:
        """Call `read` in a thread. If it fails, show the error and return the value from `before`."""
        try:
            return await asyncio.to_thread(read)
        except Exception as error:  # noqa: BLE001 - home works whatever is on disk; the error is shown
            self.app.notify(str(error), title=_UNREADABLE, severity="warning", timeout=15)
            return before

    def _show(self) -> None:
        from tabsmith.presentation.summaries import model_cells, run_cells
        from tabsmith.tables.read.sources import describe_source

        now = self.services.clock()
        session, runs, models = self._session, self._runs, self._models
        sessions = (*((session,) if session else ()), *self._others)
        newcomer = not (sessions or runs or models)
        groups: list[Group] = []
        if sessions:
            groups.append(Group("Resume", tuple(self._session_item(saved, now) for saved in sessions)))
        begin = (
            Item("sample", (literal("Start with a sample table"), literal("seconds to train", style="$quiet"))),
            Item("new", (literal("Open a table of your own"), literal("CSV, Excel, Parquet, JSON", style="$quiet"))),
        )
        groups.append(Group("New", begin if newcomer else begin[::-1]))
        if self._tables:
            tables = (
                Item(
                    f"table {place}",
                    (
                        literal(describe_source(table.source), 60),
                        literal(f"used {time_ago(table.used_at, now)}", 30, "$quiet"),
                    ),
                )
                for place, table in enumerate(self._tables[:SHOWN])
            )
            groups.append(Group("Recent tables", tuple(tables)))
        if runs:
            items = tuple(Item(f"run {run.id}", contents(run_cells(run, now))) for run in runs[:SHOWN])
            groups.append(Group(_title("Runs", len(runs), "r"), items))
        if models:
            items = tuple(Item(f"model {model.id}", contents(model_cells(model, now))) for model in models[:SHOWN])
            groups.append(Group(_title("Models", len(models), "m"), items))
        self.query_one("#welcome").display = newcomer
        menu = self.query_one(Menu)
        menu.put(groups)
        living = sum(not run.state.ended for run in runs)
        self.show_subject("home" + (f" · {plural(living, 'run')} at work" if living else ""))
        self.show_status(f"session saved {time_of_day(session.saved_at)}" if session else "")

    def _session_item(self, session: "SavedSession", now: float) -> Item:
        whose = session.owner.phone if session.owner else "session"
        cells = (
            literal(f"▸ {whose}", 60, "$accent"),
            literal(session.subject, 60),
            literal(f"at {self._place(session)}", 60),
            literal(f"saved {time_ago(session.saved_at, now)}", 30, "$quiet"),
        )
        return Item(f"resume {session.owner.user}" if session.owner else "resume", cells)

    def _session_of(self, user: str) -> "SavedSession | None":
        """The session of an owner; "" is this terminal's user."""
        if not user:
            return self._session
        return next((saved for saved in self._others if saved.owner and saved.owner.user == user), None)

    def _place(self, session: "SavedSession") -> str:
        """The step of the session; with the state of the run that it waits for."""
        run = next((run for run in self._runs if run.id == session.run_id), None)
        return f"{session.place}: {run.state.value}" if run else session.place

    def on_option_list_option_highlighted(self, _event: OptionList.OptionHighlighted) -> None:
        """Show the facts of the line under the cursor."""
        from tabsmith.presentation.summaries import model_facts, run_facts

        kind, _, name = self.query_one(Menu).current.partition(" ")
        now = self.services.clock()
        about = self.query_one("#about", FactList)
        run = next((run for run in self._runs if kind == "run" and run.id == name), None)
        model = next((model for model in self._models if kind == "model" and model.id == name), None)
        if run:
            about.show(run_facts(run, now))
        elif model:
            about.show(model_facts(model, now))
        elif kind == "table":
            table = self._tables[int(name)]
            about.show([("table", (foreign(table.place, limit=300),)), ("used", line(time_ago(table.used_at, now)))])
        elif kind == "resume" and (session := self._session_of(name)):
            about.show(
                [
                    *([("owner", line(session.owner.phone))] if session.owner else []),
                    ("table", line(session.subject)),
                    ("step", line(self._place(session))),
                    ("saved", line(time_ago(session.saved_at, now))),
                ]
            )
        else:
            about.show(BEGIN_FACTS)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open the clicked line."""
        event.stop()
        self.action_open()

    def action_open(self) -> None:
        """Open the line under the cursor."""
        kind, _, name = self.query_one(Menu).current.partition(" ")
        services = self.services
        match kind:
            case "resume" if name:
                session = self._session_of(name)
                if session and session.owner:
                    services.open_screen("guided", resume=True, owner=session.owner)
            case "resume":
                services.open_screen("guided", resume=True)
            case "new":
                self.action_new()
            case "sample":
                self.action_sample()
            case "table":
                services.open_screen("guided", resume=False, table=self._tables[int(name)].source)
            case "run":
                services.open_screen("run", name)
            case "model":
                services.open_screen("result", name)

    def action_new(self) -> None:
        """Start a new model from a file."""
        self.services.open_screen("guided", resume=False)

    def action_explore(self) -> None:
        """Ask the table of the saved session."""
        start_worker(self, self._explore, "explore", alone=True)

    async def _explore(self) -> None:
        from tabsmith.storage import Found
        from tabsmith.workflow.session import SessionStore

        session = await self._from_disk(SessionStore().load, None)
        table = session.value.table if isinstance(session, Found) else None
        if table is None:
            self.app.notify("There is no table yet: press n, open one, and ask it there or here.")
        else:
            self.services.open_screen("explore", table)

    def action_sample(self) -> None:
        """Start a new model from a sample table; with an unfinished session, ask first."""
        self.services.open_screen("guided", resume=False, sample=SAMPLE)


def _title(title: str, count: int, key: str) -> str:
    return f"{title}   +{count - SHOWN} more: {key}" if count > SHOWN else title
