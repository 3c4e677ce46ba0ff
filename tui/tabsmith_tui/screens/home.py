"""Home: what can be gone on with, where to begin, and the newest runs and models."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import OptionList

from tabsmith.formatting import time_ago, time_of_day
from tabsmith.text import plural
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.screens.base import TabsmithScreen, start_worker
from tabsmith_tui.widgets.literal import FactList, TextLine, literal
from tabsmith_tui.widgets.menu import Group, Item, Menu

if TYPE_CHECKING:
    from tabsmith.modeling.model_files import ModelSummary
    from tabsmith.runs.watch import RunSummary
    from tabsmith_tui.store import SavedSession

T = TypeVar("T")

SHOWN = 5  # runs, and models, on home; the rest is one key away
REFRESH_SECONDS = 2.0
WIDE = 110
SAMPLE: Final = "iris"

WELCOME = (
    "Point tabsmith at a table, confirm what it understood, and get the best model your time allows. "
    "Press enter to start with a small sample, or n for a file of your own."
)


BEGIN_FACTS = [
    ("Source", "a file of yours, or a sample"),
    ("Table", "read it now, or at training time"),
    ("Schema", "what each column is; the target"),
    ("Model", "metric, families, time"),
    ("Train", "watch it; leave it; stop it"),
    ("Result", "scores on held-out rows; predict"),
]


class HomeScreen(TabsmithScreen):
    """The first screen. Its frame stands before anything is read from disk; lists come in as they are read."""

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
        self._told: set[str] = set()  # what of the others' sessions could not be understood, once each
        self._runs: tuple[RunSummary, ...] = ()
        self._models: tuple[ModelSummary, ...] = ()
        self._read = False

    def body(self) -> ComposeResult:
        """A sentence for newcomers, the list, and beside it what is known of the line under the cursor."""
        self.set_class(self.app.size.width >= WIDE, "-wide")  # before the first styling, which would be done twice
        yield TextLine(WELCOME, id="welcome")
        with Horizontal(id="middle"):
            yield Menu(id="menu")
            yield FactList(id="about")

    def on_mount(self) -> None:
        """Read the disk after the first frame."""
        self.call_after_refresh(self.action_reload)
        self.set_interval(REFRESH_SECONDS, self._refresh_living)

    def on_screen_resume(self) -> None:
        """Something may have been trained or deleted meanwhile."""
        if self._read:
            self.action_reload()

    def on_resize(self, event: events.Resize) -> None:
        """Beside the list only where there is room."""
        self.set_class(event.size.width >= WIDE, "-wide")

    def action_reload(self) -> None:
        """Look again at what is on disk."""
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
        self._read = True
        self._show()

    def _other_sessions(self) -> "tuple[SavedSession, ...]":
        """Those that are understood; of the others it is said once why they are not."""
        from tabsmith_tui.store import SavedSession

        read = self.services.store.other_sessions()
        troubles = {f"{each.what} {each.where} {each.next_step}" for each in read if not isinstance(each, SavedSession)}
        for words in troubles - self._told:
            self.app.call_from_thread(self.app.notify, words, title="Not everything could be read", severity="warning")
        self._told |= troubles
        return tuple(each for each in read if isinstance(each, SavedSession))

    async def _from_disk(self, read: Callable[[], T], known: T) -> T:
        """What `read` gives, off the UI thread; what was known before when it fails, and the error is said."""
        try:
            return await asyncio.to_thread(read)
        except Exception as error:  # noqa: BLE001 - home must stand whatever lies on disk; the error is shown
            self.app.notify(str(error), title="Not everything could be read", severity="warning", timeout=15)
            return known

    def _show(self) -> None:
        from tabsmith_tui.summaries import model_cells, quiet, run_cells

        now = self.services.clock()
        session, runs, models = self._session, self._runs, self._models
        sessions = (*((session,) if session else ()), *self._others)
        newcomer = not (sessions or runs or models)
        groups: list[Group] = []
        if sessions:
            groups.append(Group("Resume", tuple(self._go_on(each, now) for each in sessions)))
        begin = (
            Item("sample", (literal("Start with a sample table"), quiet("seconds to train"))),
            Item("new", (literal("Open a table of your own"), quiet("CSV, Excel, Parquet, JSON"))),
        )
        groups.append(Group("New", begin if newcomer else begin[::-1]))
        if runs:
            items = tuple(Item(f"run {run.id}", run_cells(run, now)) for run in runs[:SHOWN])
            groups.append(Group(_title("Runs", len(runs), "r"), items))
        if models:
            items = tuple(Item(f"model {model.id}", model_cells(model, now)) for model in models[:SHOWN])
            groups.append(Group(_title("Models", len(models), "m"), items))
        self.query_one("#welcome").display = newcomer
        menu = self.query_one(Menu)
        menu.put(groups)
        living = sum(not run.state.ended for run in runs)
        self.show_subject("home" + (f" · {plural(living, 'run')} at work" if living else ""))
        self.show_status(f"session saved {time_of_day(session.saved_at)}" if session else "")

    def _go_on(self, session: "SavedSession", now: float) -> Item:
        """The line of a session."""
        whose = session.owner.phone if session.owner else "session"
        cells = (
            literal(f"▸ {whose}", 60, "$accent"),
            literal(session.subject, 60),
            literal(f"at {self._stands_at(session)}", 60),
            literal(f"saved {time_ago(session.saved_at, now)}", 30, "$quiet"),
        )
        return Item(f"resume {session.owner.user}" if session.owner else "resume", cells)

    def _session_of(self, user: str) -> "SavedSession | None":
        """The session of that owner; "" is the terminal's own."""
        if not user:
            return self._session
        return next((each for each in self._others if each.owner and each.owner.user == user), None)

    def _stands_at(self, session: "SavedSession") -> str:
        """The step; of one that waits for a run, how that stands now."""
        run = next((run for run in self._runs if run.id == session.run_id), None)
        return f"{session.stands_at}: {run.state.value}" if run else session.stands_at

    def on_option_list_option_highlighted(self, _event: OptionList.OptionHighlighted) -> None:
        """Say beside the list what is known of the line."""
        from tabsmith_tui.summaries import model_facts, run_facts

        kind, _, name = self.query_one(Menu).current.partition(" ")
        now = self.services.clock()
        about = self.query_one("#about", FactList)
        run = next((run for run in self._runs if kind == "run" and run.id == name), None)
        model = next((model for model in self._models if kind == "model" and model.id == name), None)
        if run:
            about.show(run_facts(run, now))
        elif model:
            about.show(model_facts(model, now))
        elif kind == "resume" and (session := self._session_of(name)):
            about.show(
                [
                    *([("whose", literal(session.owner.phone, 60))] if session.owner else []),
                    ("table", literal(session.subject, 200)),
                    ("stands at", literal(self._stands_at(session), 60)),
                    ("saved", time_ago(session.saved_at, now)),
                ]
            )
        else:
            about.show(BEGIN_FACTS)

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Open what was chosen."""
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
            case "run":
                services.open_screen("run", name)
            case "model":
                services.open_screen("result", name)

    def action_new(self) -> None:
        """A new model from a table."""
        self.services.open_screen("guided", resume=False)

    def action_sample(self) -> None:
        """A new model from a sample table; a session under way is asked about first."""
        self.services.open_screen("guided", resume=False, sample=SAMPLE)


def _title(title: str, count: int, key: str) -> str:
    return f"{title}   +{count - SHOWN} more: {key}" if count > SHOWN else title
