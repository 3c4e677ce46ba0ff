"""All that is known of one try, page by page; it goes on while the try does."""

import asyncio
from collections.abc import Callable, Sequence
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType

from tabsmith.errors import TabsmithError, report_of
from tabsmith.orchestration.loop_state import FINISHED_STATES, SessionState, Trial
from tabsmith.orchestration.task_events import AcceptanceStarted, Acted
from tabsmith.presentation.spans import line, plain_text
from tabsmith.runs.snapshot import LogLine, RunSnapshot
from tabsmith.runs.transcripts import TranscriptMessage
from tabsmith_tui import trial_records
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.clipboard import copy
from tabsmith_tui.screens.base import STYLES, TabsmithScreen
from tabsmith_tui.views import task_pages, trial_details, trial_pages
from tabsmith_tui.views.trial_pages import DetailPage, PageName
from tabsmith_tui.widgets.drawing import ReadingPane
from tabsmith_tui.widgets.literal import literal
from tabsmith_tui.widgets.page_tabs import PageTabs

_WIDE: Final = 110  # cells from which on two texts stand side by side
_EVERY: Final = 0.2  # seconds between two looks at the snapshot
_READ_EVERY: Final = 1.0  # seconds between two looks at the disk while the try goes on


class TrialScreen(TabsmithScreen):
    """Shows the try `key` of whatever `snapshot()` then is: a live run, a replayed one, or one that ended or died."""

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
        self._session = ""  # the one whose brief and reply are shown; "" for the last that asked for a recipe
        self._unfolded = False
        self._said: dict[str, tuple[TranscriptMessage, ...]] = {}
        self._log: dict[str, tuple[LogLine, ...]] = {}
        self._acts: dict[str, tuple[Acted | AcceptanceStarted, ...]] = {}
        self._differences: dict[str, str] = {}
        self._problem = ""
        self._shown = DetailPage(())
        self._narrow = False
        self._pane = ReadingPane()
        self._tabs = PageTabs()

    def body(self) -> ComposeResult:
        """The names of the pages, and what the page shows."""
        yield self._tabs
        yield self._pane

    def on_mount(self) -> None:
        """Follow the try."""
        self._show()
        self.set_interval(_EVERY, self._show)
        self.run_worker(self._read(), group="job")
        self._pane.focus()

    def on_resize(self, event: events.Resize) -> None:
        """Side by side only where there is room."""
        self._narrow = event.size.width < _WIDE
        self._show()

    # What is shown ------------------------------------------------------------------------------------------------

    @property
    def page(self) -> PageName:
        """The page that is shown."""
        return self._page

    def _try(self, snapshot: RunSnapshot) -> Trial | None:
        return next((each for each in snapshot.trials if str(each.iteration) == self._key), None)

    def _chosen(self, snapshot: RunSnapshot, each: Trial) -> SessionState | None:
        """The session whose words are shown."""
        mine = trial_pages.sessions_of(snapshot, each)
        asked = [session for session in mine if session.purpose == "propose"] or list(mine)
        return next((session for session in mine if session.id == self._session), asked[-1] if asked else None)

    def _show(self) -> None:
        snapshot = self._snapshot()
        each = self._try(snapshot)
        if each is None:
            title, lines = trial_details.trial_details(snapshot, self._key)
            self._put(title, ("overview",), DetailPage(lines, text=plain_text(lines)))
            return
        pages = trial_pages.pages_of(each)
        if self._page not in pages:
            self._page = "overview"
        self._put(trial_pages.page_title(snapshot, each), pages, self._made(snapshot, each))

    def _made(self, snapshot: RunSnapshot, each: Trial) -> DetailPage:
        session = self._chosen(snapshot, each)
        said = self._said.get(session.id) if session else None
        match self._page:
            case "overview":
                overview = trial_pages.overview if each.work is None else task_pages.overview
                return overview(snapshot, each)
            case "permissions":
                return task_pages.permissions(each)
            case "acceptance":
                command = task_pages.command_of(self._acts.get(self._key, ()))
                return task_pages.acceptance(each, command, unfolded=self._unfolded)
            case "files":
                found = self._differences.get(self._key)
                if found is None and self._problem:
                    found = f"The difference cannot be shown: {self._problem}"
                return task_pages.files(each, found, unfolded=self._unfolded)
            case "conversation":
                did = self._acts_until(snapshot)
                page = task_pages.conversation(session, said, did, unfolded=self._unfolded)
            case "recipe":
                return trial_pages.recipe(snapshot, each)
            case "brief" if session is not None:
                page = trial_pages.brief(session, said, unfolded=self._unfolded)
            case "reply" if session is not None:
                page = trial_pages.reply(session, said, unfolded=self._unfolded)
            case "log":
                page = trial_pages.log(self._log.get(self._key), snapshot.updated_at)
            case _:
                return trial_pages.sessions(snapshot, each, session.id if session else "")
        return DetailPage((line(self._problem, "bad"),)) if self._problem else page

    def _acts_until(self, snapshot: RunSnapshot) -> tuple[Acted, ...] | None:
        """What the agent did; in a replay, up to the moment that is shown."""
        known = self._acts.get(self._key)
        if known is None:
            return None
        return tuple(each for each in known if isinstance(each, Acted) and each.at <= snapshot.updated_at)

    def _put(self, title: str, pages: Sequence[PageName], page: DetailPage) -> None:
        self._tabs.show(pages, self._page)
        self.show_subject(literal(title, 200))
        self._shown = page
        self._pane.show(*trial_pages.lay_out(page, narrow=self._narrow))

    # What lies on disk ----------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        """Read what the page needs, off the UI thread; again while the try goes on."""
        while True:
            snapshot = self._snapshot()
            each = self._try(snapshot)
            try:
                if each is not None and snapshot.spec is not None:
                    await self._read_for(snapshot, snapshot.spec.id, each)
                self._problem = ""
            except (TabsmithError, OSError) as error:
                self._problem = report_of(error).what
            await asyncio.sleep(_EVERY if self._lacks(self._snapshot()) else _READ_EVERY)

    async def _read_for(self, snapshot: RunSnapshot, run_id: str, each: Trial) -> None:
        goes_on = each.state not in FINISHED_STATES or not each.ended_at
        session = self._chosen(snapshot, each)
        key = self._key
        if self._page in ("acceptance", "conversation") and (key not in self._acts or goes_on):
            self._acts[key] = await asyncio.to_thread(trial_records.acts, run_id, each.iteration)
        if self._page == "files" and each.work is not None and each.work.end and key not in self._differences:
            task = each.work.task
            self._differences[key] = await asyncio.to_thread(trial_records.difference, run_id, task, each.iteration)
        if self._page in ("brief", "reply", "conversation") and session is not None:
            if session.id not in self._said or session.outcome == "open" or goes_on:
                self._said[session.id] = await asyncio.to_thread(trial_records.session_messages, run_id, session.id)
        elif self._page == "log" and (self._key not in self._log or goes_on):
            self._log[key] = await asyncio.to_thread(trial_records.log_lines, run_id, each.iteration)

    def _lacks(self, snapshot: RunSnapshot) -> bool:
        """Whether the page waits for something that was not read yet."""
        each = self._try(snapshot)
        if each is None:
            return False
        session = self._chosen(snapshot, each)
        if self._page == "log":
            return self._key not in self._log
        if self._page in ("acceptance", "conversation") and self._key not in self._acts:
            return True
        return self._page in ("brief", "reply", "conversation") and session is not None and session.id not in self._said

    # Keys -----------------------------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Only what can be done with this page of this try."""
        snapshot = self._snapshot()
        each = self._try(snapshot)
        match action:
            case "attempt":
                several = each is not None and len(each.sessions) > 1
                return several and self._page in ("brief", "reply", "sessions", "conversation")
            case "unfold":
                return self._page in ("brief", "reply", "conversation", "files", "acceptance")
            case "page" | "iteration":
                return each is not None
            case _:
                return True

    def action_page(self, by: int) -> None:
        """The next page, round and round."""
        each = self._try(self._snapshot())
        if each is not None:
            pages = trial_pages.pages_of(each)
            self._turn_to(pages[(pages.index(self._page) + by) % len(pages)])

    def action_to_page(self, number: int) -> None:
        """The page of that number."""
        each = self._try(self._snapshot())
        pages = trial_pages.pages_of(each) if each is not None else ()
        if number <= len(pages):
            self._turn_to(pages[number - 1])

    def on_page_tabs_picked(self, event: PageTabs.Picked) -> None:
        """A click on a page's name."""
        self._turn_to(event.page)

    def action_iteration(self, by: int) -> None:
        """Another try, on the same page."""
        numbers = [each.iteration for each in self._snapshot().trials]
        if self._key.isdigit() and int(self._key) in numbers:
            place = numbers.index(int(self._key)) + by
            if 0 <= place < len(numbers):
                self._key, self._session = str(numbers[place]), ""
                self._turn_to(self._page)

    def action_attempt(self) -> None:
        """The next session of this try, round and round."""
        snapshot = self._snapshot()
        each = self._try(snapshot)
        chosen = self._chosen(snapshot, each) if each is not None else None
        if each is None or chosen is None:
            return
        ids = [session.id for session in trial_pages.sessions_of(snapshot, each)]
        self._session = ids[(ids.index(chosen.id) + 1) % len(ids)]
        self._turn_to(self._page)

    def action_unfold(self) -> None:
        """All of the long texts, or their beginnings."""
        self._unfolded = not self._unfolded
        self._show()

    async def action_copy(self) -> None:
        """Copy the page, long texts whole, and say where it went."""
        try:
            copied = await copy(self._shown.text, self.app)
        except OSError as problem:
            self.app.notify(report_of(problem).what, severity="error")
            return
        self.app.notify(copied.words)

    def action_back(self) -> None:
        """Back to the dashboard."""
        self.dismiss(None)

    def _turn_to(self, page: PageName) -> None:
        self._page = page
        self._show()
        self._pane.scroll_home(animate=False)
        self.refresh_bindings()
        self.run_worker(self._read_now(), group="read")

    async def _read_now(self) -> None:
        """What the page lacks, at once and not at the next look."""
        snapshot = self._snapshot()
        each = self._try(snapshot)
        if each is None or snapshot.spec is None:
            return
        try:
            await self._read_for(snapshot, snapshot.spec.id, each)
        except (TabsmithError, OSError) as error:
            self._problem = report_of(error).what
        self._show()
