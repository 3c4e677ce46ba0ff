"""One trial, page by page; the pages are refreshed while the trial runs."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from tabsmith.errors import TabsmithError, report_of
from tabsmith.orchestration.events import AcceptanceStarted, Acted, IterationStarted
from tabsmith.orchestration.loop_state import FINISHED_STATES, SessionState, Trial
from tabsmith.orchestration.sessions import TranscriptMessage, Transcripts
from tabsmith.presentation.events import LogLine, run_log
from tabsmith.presentation.spans import line, plain_text
from tabsmith.runs.events import RunEnded, RunEvent, RunStarted, RunState, StateChanged
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.reducers import reduce
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.clipboard import copy_and_tell
from tabsmith_tui.screens.base import STYLES, TabsmithScreen
from tabsmith_tui.views import task_pages, trial_details, trial_pages
from tabsmith_tui.views.trial_pages import DetailPage, PageName
from tabsmith_tui.widgets.drawing import ReadingPane
from tabsmith_tui.widgets.literal import assemble, literal

_GAP = 2


class PageTabs(Widget):
    """One line of page names."""

    DEFAULT_CSS = "PageTabs { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    @dataclass
    class Picked(Message):
        """A page was clicked."""

        page: PageName

    def __init__(self) -> None:
        super().__init__()
        self._pages: tuple[PageName, ...] = ()
        self._current: PageName = "overview"

    def show(self, pages: Sequence[PageName], current: PageName) -> None:
        """Show these pages with `current` marked."""
        if (tuple(pages), current) != (self._pages, self._current):
            self._pages, self._current = tuple(pages), current
            self.refresh()

    def render(self) -> Content:
        parts = []
        for number, page in enumerate(self._pages, 1):
            here = page == self._current
            parts.append(assemble((f"{number} ", "$quiet"), (page, "bold $accent underline" if here else "")))
        return Content(" " * _GAP).join(parts)

    def on_click(self, event: events.Click) -> None:
        start = self.gutter.left
        for page in self._pages:
            end = start + len(page) + 2
            if start <= event.x < end:
                self.post_message(self.Picked(page))
                return
            start = end + _GAP


_WIDE: Final = 110  # cells; from here on two texts are shown side by side
_SHOW_SECONDS: Final = 0.2  # between two looks at the snapshot
_READ_SECONDS: Final = 1.0  # between two looks at the disk while the trial runs


class TrialScreen(TabsmithScreen):
    """The trial `key` of the run that `snapshot()` returns: live, replayed, ended or interrupted."""

    SCOPE = "try"
    CSS_PATH: ClassVar = STYLES / "trial.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("try")
    ABOUT = (
        "One try, page by page: its result and assessment, its recipe against the best so far then, the "
        "brief with the feedback as it was sent, the reply as it came, its sessions, its log. For an iteration of "
        "a task: the agent's changes and messages, and the result of the acceptance command, which alone decides."
    )

    def __init__(self, snapshot: Callable[[], RunSnapshot], key: str) -> None:
        super().__init__()
        self._snapshot = snapshot
        self._key = key
        self._page: PageName = "overview"
        self._session = ""  # the id of the session whose brief and reply are shown; "" for the last that proposed
        self._unfolded = False
        self._messages: dict[str, tuple[TranscriptMessage, ...]] = {}
        self._log: dict[str, tuple[LogLine, ...]] = {}
        self._acts: dict[str, tuple[Acted | AcceptanceStarted, ...]] = {}
        self._differences: dict[str, str] = {}
        self._problem = ""
        self._detail = DetailPage(())
        self._narrow = False
        self._pane = ReadingPane()
        self._tabs = PageTabs()

    def body(self) -> ComposeResult:
        yield self._tabs
        yield self._pane

    def on_mount(self) -> None:
        """Start following the trial."""
        self._show()
        self.set_interval(_SHOW_SECONDS, self._show)
        self.run_worker(self._read(), group="job")
        self._pane.focus()

    def on_resize(self, event: events.Resize) -> None:
        """Show two texts side by side only where there is room."""
        self._narrow = event.size.width < _WIDE
        self._show()

    # What is shown ------------------------------------------------------------------------------------------------

    @property
    def page(self) -> PageName:
        """The name of the shown page."""
        return self._page

    def _trial(self, snapshot: RunSnapshot) -> Trial | None:
        return next((trial for trial in snapshot.trials if str(trial.iteration) == self._key), None)

    def _chosen(self, snapshot: RunSnapshot, trial: Trial) -> SessionState | None:
        """The session whose brief and reply are shown."""
        mine = trial_pages.sessions_of(snapshot, trial)
        asked = [session for session in mine if session.purpose == "propose"] or list(mine)
        return next((session for session in mine if session.id == self._session), asked[-1] if asked else None)

    def _show(self) -> None:
        snapshot = self._snapshot()
        trial = self._trial(snapshot)
        if trial is None:
            title, lines = trial_details.trial_details(snapshot, self._key)
            self._put(title, ("overview",), DetailPage(lines, text=plain_text(lines)))
            return
        pages = trial_pages.pages_of(trial)
        if self._page not in pages:
            self._page = "overview"
        self._put(trial_pages.page_title(snapshot, trial), pages, self._make_page(snapshot, trial))

    def _make_page(self, snapshot: RunSnapshot, trial: Trial) -> DetailPage:
        session = self._chosen(snapshot, trial)
        messages = self._messages.get(session.id) if session else None
        match self._page:
            case "overview":
                overview = trial_pages.overview if trial.work is None else task_pages.overview
                return overview(snapshot, trial)
            case "permissions":
                return task_pages.permissions(trial)
            case "acceptance":
                command = task_pages.command_of(self._acts.get(self._key, ()))
                return task_pages.acceptance(trial, command, unfolded=self._unfolded)
            case "files":
                difference = self._differences.get(self._key)
                if difference is None and self._problem:
                    difference = f"The difference cannot be shown: {self._problem}"
                return task_pages.files(trial, difference, unfolded=self._unfolded)
            case "conversation":
                acts = self._shown_acts(snapshot)
                page = task_pages.conversation(session, messages, acts, unfolded=self._unfolded)
            case "recipe":
                return trial_pages.recipe(snapshot, trial)
            case "brief" if session is not None:
                page = trial_pages.brief(session, messages, unfolded=self._unfolded)
            case "reply" if session is not None:
                page = trial_pages.reply(session, messages, unfolded=self._unfolded)
            case "log":
                page = trial_pages.log(self._log.get(self._key), snapshot.updated_at)
            case _:
                return trial_pages.sessions(snapshot, trial, session.id if session else "")
        return DetailPage((line(self._problem, "bad"),)) if self._problem else page

    def _shown_acts(self, snapshot: RunSnapshot) -> tuple[Acted, ...] | None:
        """The agent's acts; in a replay, only those before the shown moment."""
        acts = self._acts.get(self._key)
        if acts is None:
            return None
        return tuple(act for act in acts if isinstance(act, Acted) and act.at <= snapshot.updated_at)

    def _put(self, title: str, pages: Sequence[PageName], page: DetailPage) -> None:
        self._tabs.show(pages, self._page)
        self.show_subject(literal(title, 200))
        self._detail = page
        self._pane.show(*trial_pages.lay_out(page, narrow=self._narrow))

    # What lies on disk ----------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Read what the page needs in a thread; again and again while the trial runs."""
        while True:
            snapshot = self._snapshot()
            trial = self._trial(snapshot)
            try:
                if trial is not None and snapshot.spec is not None:
                    await self._read_for(snapshot, snapshot.spec.id, trial)
                self._problem = ""
            except (TabsmithError, OSError) as error:
                self._problem = report_of(error).what
            await asyncio.sleep(_SHOW_SECONDS if self._lacks(self._snapshot()) else _READ_SECONDS)

    async def _read_for(self, snapshot: RunSnapshot, run_id: str, trial: Trial) -> None:
        running = trial.state not in FINISHED_STATES or not trial.ended_at
        session = self._chosen(snapshot, trial)
        key = self._key
        if self._page in ("acceptance", "conversation") and (key not in self._acts or running):
            self._acts[key] = await asyncio.to_thread(read_acts, run_id, trial.iteration)
        if self._page == "files" and trial.work is not None and trial.work.end and key not in self._differences:
            task = trial.work.task
            self._differences[key] = await asyncio.to_thread(read_difference, run_id, task, trial.iteration)
        if self._page in ("brief", "reply", "conversation") and session is not None:
            if session.id not in self._messages or session.outcome == "open" or running:
                self._messages[session.id] = await asyncio.to_thread(read_messages, run_id, session.id)
        elif self._page == "log" and (self._key not in self._log or running):
            self._log[key] = await asyncio.to_thread(read_log, run_id, trial.iteration)

    def _lacks(self, snapshot: RunSnapshot) -> bool:
        """Whether the page needs something that is not read yet."""
        trial = self._trial(snapshot)
        if trial is None:
            return False
        session = self._chosen(snapshot, trial)
        if self._page == "log":
            return self._key not in self._log
        if self._page in ("acceptance", "conversation") and self._key not in self._acts:
            return True
        return (
            self._page in ("brief", "reply", "conversation")
            and session is not None
            and session.id not in self._messages
        )

    # Keys -----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer only what is possible on this page of this trial."""
        snapshot = self._snapshot()
        trial = self._trial(snapshot)
        match action:
            case "attempt":
                several = trial is not None and len(trial.sessions) > 1
                return several and self._page in ("brief", "reply", "sessions", "conversation")
            case "unfold":
                return self._page in ("brief", "reply", "conversation", "files", "acceptance")
            case "page" | "iteration":
                return trial is not None
            case _:
                return True

    def action_page(self, by: int) -> None:
        """Go to the next page, round and round."""
        trial = self._trial(self._snapshot())
        if trial is not None:
            pages = trial_pages.pages_of(trial)
            self._turn_to(pages[(pages.index(self._page) + by) % len(pages)])

    def action_to_page(self, number: int) -> None:
        """Go to the page with that number."""
        trial = self._trial(self._snapshot())
        pages = trial_pages.pages_of(trial) if trial is not None else ()
        if number <= len(pages):
            self._turn_to(pages[number - 1])

    def on_page_tabs_picked(self, event: PageTabs.Picked) -> None:
        """Go to the clicked page."""
        self._turn_to(event.page)

    def action_iteration(self, by: int) -> None:
        """Go to another trial, on the same page."""
        numbers = [trial.iteration for trial in self._snapshot().trials]
        if self._key.isdigit() and int(self._key) in numbers:
            index = numbers.index(int(self._key)) + by
            if 0 <= index < len(numbers):
                self._key, self._session = str(numbers[index]), ""
                self._turn_to(self._page)

    def action_attempt(self) -> None:
        """Show the next session of this trial, round and round."""
        snapshot = self._snapshot()
        trial = self._trial(snapshot)
        chosen = self._chosen(snapshot, trial) if trial is not None else None
        if trial is None or chosen is None:
            return
        ids = [session.id for session in trial_pages.sessions_of(snapshot, trial)]
        self._session = ids[(ids.index(chosen.id) + 1) % len(ids)]
        self._turn_to(self._page)

    def action_unfold(self) -> None:
        """Show long texts whole, or only their beginnings."""
        self._unfolded = not self._unfolded
        self._show()

    async def action_copy(self) -> None:
        """Copy the page with whole texts, and say where it went."""
        await copy_and_tell(self._detail.text, self.app)

    def action_back(self) -> None:
        """Go back to the run."""
        self.dismiss(None)

    def _turn_to(self, page: PageName) -> None:
        self._page = page
        self._show()
        self._pane.scroll_home(animate=False)
        self.refresh_bindings()
        self.run_worker(self._read_now(), group="read")

    async def _read_now(self) -> None:
        """Read at once what the page needs."""
        snapshot = self._snapshot()
        trial = self._trial(snapshot)
        if trial is None or snapshot.spec is None:
            return
        try:
            await self._read_for(snapshot, snapshot.spec.id, trial)
        except (TabsmithError, OSError) as error:
            self._problem = report_of(error).what
        self._show()


def read_messages(run_id: str, session: str) -> tuple[TranscriptMessage, ...]:
    """Return the messages of an agent session, oldest first. Raises RunNotFoundError, StorageError."""
    return Transcripts(RunFolder(run_id).root).read(session)


def read_acts(run_id: str, iteration: int) -> tuple[Acted | AcceptanceStarted, ...]:
    """Return what a coding agent did in an iteration, and its acceptance command. Raises RunNotFoundError."""
    events = RunFolder(run_id).events().read().values
    return tuple(
        event for event in events if isinstance(event, Acted | AcceptanceStarted) and event.iteration == iteration
    )


def read_difference(run_id: str, task: str, iteration: int) -> str:
    """Return the difference that an iteration made to a task's files. Raises WorkspaceError, StorageError."""
    from tabsmith.workspaces import Workspace

    workspace = Workspace.open(RunFolder(run_id).root / "tasks" / task)
    return workspace.difference(workspace.tree_before(iteration), workspace.tree(iteration))


def read_log(run_id: str, iteration: int) -> tuple[LogLine, ...]:
    """Return the log of one iteration; the snapshot's own log holds only the newest events of the run.

    Reads the whole journal. Raises RunNotFoundError.
    """
    events: list[RunEvent] = []
    inside = False
    for event in RunFolder(run_id).events().read().values:
        match event:
            case IterationStarted(iteration=begun):
                inside = begun == iteration
            case RunStarted() | RunEnded() | StateChanged(state=RunState.FINISHING):
                inside = False
        if inside:
            events.append(event)
    return run_log(reduce(events))
