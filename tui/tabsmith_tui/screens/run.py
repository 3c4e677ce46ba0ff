"""A run on the screen: live, paused, dead or ended; told what to do, left running, played again from its journal."""

import asyncio
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from tabsmith.errors import TabsmithError, UsageError, report_of
from tabsmith.runs.commands import Pause, Resume, RunCommand, Stop
from tabsmith.runs.events import RunState
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.watch import RunWatch
from tabsmith_tui import numbers
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.screens.base import TabsmithScreen
from tabsmith_tui.screens.question import Answer, QuestionScreen
from tabsmith_tui.views import commands, header
from tabsmith_tui.views.banner import Banner, banner
from tabsmith_tui.views.commands import Pending
from tabsmith_tui.views.header import Header
from tabsmith_tui.views.lines import wrap_line
from tabsmith_tui.views.offers import offered
from tabsmith_tui.views.replay import Replay
from tabsmith_tui.widgets.ask_bar import AskBar
from tabsmith_tui.widgets.clipboard import copy
from tabsmith_tui.widgets.drawing import Drawing
from tabsmith_tui.widgets.lines_table import LinesTable
from tabsmith_tui.widgets.literal import literal
from tabsmith_tui.widgets.pill import pill
from tabsmith_tui.widgets.run_board import RunBoard
from tabsmith_tui.widgets.top_bar import TopBar

_EVERY = 0.1  # seconds between two looks at the journal


class RunScreen(TabsmithScreen):
    """The dashboard of the run `run_id`. It holds no state of the run: everything shown is folded from its journal."""

    SCOPE = "run"
    ABOUT = (
        "A run trains one model after another and keeps the best. It works in the background: leave it with escape, "
        "close the terminal, come back; it is shown where it then is."
    )
    CSS_PATH = "run.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("run")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (76, "-normal"), (110, "-wide")]  # noqa: RUF012 - Textual's declaration
    VERTICAL_BREAKPOINTS = [(0, "-low"), (23, "-middle"), (34, "-tall")]  # noqa: RUF012 - Textual's declaration

    def __init__(self, run_id: str, watch: RunWatch | None = None) -> None:
        super().__init__()
        self.run_id = run_id
        self.live = RunSnapshot()  # the run as it is now; what is shown may be a replay of it
        # Held, not queried: a last event may come while the screen is being taken down, part by part.
        self._board = RunBoard()
        self._banner_lines = Drawing(id="banner", grows=True, classes="-empty")
        self._ask = AskBar(id="ask")
        self._watch = watch
        self._pending: Pending | None = None
        self._replay: Replay | None = None
        self._playing = False
        self._resuming = False
        self._words = ""
        self._header: Header | None = None
        self._banner = Banner()
        self._allowed: tuple[RunState, bool] | None = None

    def body(self) -> ComposeResult:
        """Panels, what is pressing, and a question."""
        yield self._board
        yield self._banner_lines
        yield self._ask

    def on_mount(self) -> None:
        """Begin to follow the journal."""
        self._board.leaderboard.focus()
        self.show_subject(literal(f"run {header.short_id(self.run_id)}"))
        self.show_status(literal("◔ reading its journal", style="$accent"))
        self.run_worker(self._follow(), group="job")

    @property
    def shown(self) -> RunSnapshot:
        """The run as it is on the screen."""
        return self._replay.snapshot if self._replay is not None else self.live

    @property
    def replaying(self) -> bool:
        """Whether the journal is being played again."""
        return self._replay is not None

    @property
    def _now(self) -> float:
        return self._replay.at if self._replay is not None else self.tabsmith.clock()

    # Following ----------------------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        # Off the UI thread: the first look at a long journal takes seconds, and a slow disk may take long at any.
        try:
            if self._watch is None:
                self._watch = await asyncio.to_thread(RunWatch, self.run_id, self.tabsmith.clock)
            while True:
                self.take(await asyncio.to_thread(self._watch.refresh))
                await asyncio.sleep(_EVERY)
        except TabsmithError as error:
            self.show_status(literal("✘ cannot be read", style="$bad"))
            self.show_error(error)

    def take(self, snapshot: RunSnapshot) -> None:
        """The run is now so."""
        if not self.query(TopBar):
            return
        if snapshot is not self.live:
            if snapshot.report is not None and self.live.attempt and not self.live.state.ended:
                self.tabsmith.newest_model = snapshot.report.model_id
            self.live = snapshot
            if self._resuming and snapshot.state is not RunState.INTERRUPTED:
                self._resuming = False
        if self._pending is not None and commands.confirmed(self._pending, snapshot):
            self._pending = None
        if self._playing and self._replay is not None:
            self._replay.play(_EVERY)
            self._playing = not self._replay.ended
        self._show()

    def _show(self) -> None:
        snapshot, now = self.shown, self._now
        pending = None if self._replay is not None else self._pending
        shown = header.header(snapshot, self.run_id, pending, now)
        if shown != self._header:
            self._header = shown
            self.show_subject(literal(shown.title))
            self.show_status(pill(shown.state), shown.elapsed, literal(shown.doing, 60, "$quiet"))
        self.set_class(snapshot.state.ended and not snapshot.tries, "-nothing")
        self._board.show(snapshot, now, self._words)
        self._show_banner(
            banner(snapshot, pending, now, replay=self._replay, playing=self._playing, resuming=self._resuming)
        )
        allowed = (snapshot.state, self.replaying)
        if allowed != self._allowed:
            self._allowed = allowed
            self.refresh_bindings()

    def _show_banner(self, shown: Banner) -> None:
        if shown != self._banner:
            self._banner = shown
            drawing = self._banner_lines
            drawing.set_class(not shown.lines, "-empty")
            drawing.show(
                shown.lines, lambda width, _height: [part for line in shown.lines for part in wrap_line(line, width)]
            )

    # What can be done now -----------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """A key that can do nothing now is not offered."""
        offers = offered(self.live, replaying=self.replaying, resuming=self._resuming)
        return offers.get(action, True)

    def send(self, command: RunCommand) -> None:
        """Tell the run something; it shows at once as asked for."""
        self._pending = Pending(command, self.tabsmith.clock(), self.live.limits.seconds)
        self._show()
        self.run_worker(self._send(command), group="commands")

    async def _send(self, command: RunCommand) -> None:
        try:
            await asyncio.to_thread(self.tabsmith.shelf.send, self.run_id, command)
        except TabsmithError as error:
            self._pending = None
            self._show()
            self.show_error(error)

    def action_pause(self) -> None:
        """Hold everything."""
        self.send(Pause())

    def action_go_on(self) -> None:
        """Go on after a pause."""
        self.send(Resume())

    def action_stop(self) -> None:
        """Stop after this iteration."""
        self.send(Stop(when="after iteration"))

    def action_stop_now(self) -> None:
        """Stop now, after a question."""
        question = QuestionScreen(
            "Stop now?",
            "The fit under way is ended and lost. The best model so far is kept and measured on the hold-out."
            if self.live.champion
            else "Nothing is scored yet: stopped now, the run ends without a model.",
            (
                Answer("", "go on", "change nothing"),
                Answer("after", "stop after this iteration", "let the fit under way end first"),
                Answer("now", "stop now", "within a moment"),
            ),
        )

        def answered(answer: str | None) -> None:
            if answer and not self.live.state.ended:
                self.send(Stop(when="now" if answer == "now" else "after iteration"))

        self.app.push_screen(question, answered)

    def action_more_time(self) -> None:
        """Ask how much more time."""
        self._ask.ask(
            "time",
            f"More time (limit {numbers.clock(self.live.limits.seconds or None)}):",
            placeholder="60, +2 min, 1:30, or to 10 min",
        )

    def action_filter(self) -> None:
        """Ask for the words to filter by."""
        self._ask.ask("filter", "Filter:", self._words, placeholder="words in tries and log")

    async def action_resume(self) -> None:
        """Take an interrupted run up again."""
        self._resuming = True
        self._show()
        self.refresh_bindings()
        try:
            await self.tabsmith.supervisor.resume_run(self.run_id)
        except (TabsmithError, OSError) as error:
            self._resuming = False
            self._show()
            self.show_error(error)

    # Questions ----------------------------------------------------------------------------------------------------

    def on_ask_bar_typed(self, event: AskBar.Typed) -> None:
        """The filter works while it is typed."""
        if event.subject == "filter":
            self._words = event.text.strip()
            self._show()

    def on_ask_bar_answered(self, event: AskBar.Answered) -> None:
        """Take the answer, or say beside the field what is wrong with it."""
        if event.subject == "time":
            try:
                command = commands.more_time(event.text, self.live)
            except UsageError as error:
                self._ask.show_problem(f"{error.what} {error.next_step}")
                return
            self._close_question()
            if not self.live.state.ended:
                self.send(command)
        else:
            self._close_question()

    def on_ask_bar_taken_back(self, event: AskBar.TakenBack) -> None:
        """escape in the filter shows everything again."""
        if event.subject == "filter":
            self._words = ""
        self._close_question()

    def _close_question(self) -> None:
        self._ask.close()
        self._board.table.focus()
        self._show()

    # Looking ------------------------------------------------------------------------------------------------------

    def action_result(self) -> None:
        """The model that came out."""
        if self.live.report is not None:
            self.tabsmith.open_result(self.live.report.model_id)

    def action_open(self) -> None:
        """enter, where it has no greater meaning."""
        self.action_details()

    def on_lines_table_chosen(self, _event: LinesTable.Chosen) -> None:
        """A second click on a try."""
        self.action_details()

    def action_details(self) -> None:
        """All that is known of the try under the cursor."""
        from tabsmith_tui.screens.try_details import TryDetails

        key = self._board.table.key
        if key:
            self.app.push_screen(TryDetails(lambda: self.shown, key))

    def action_switch_table(self) -> None:
        """Show the other table, or go to it where both are shown."""
        board = self._board
        # Where one hides the other, what counts is which is shown: the focus may still be on its way there.
        both = board.leaderboard.region.height and board.iterations.region.height
        at_iterations = board.table is board.iterations if both else board.panel(board.leaderboard).has_class("-behind")
        target = board.leaderboard if at_iterations else board.iterations
        board.turn_to(target)
        for table in (board.leaderboard, board.iterations):  # on the panels: on the screen it would restyle everything
            board.panel(table).set_class(table is not target, "-behind")
        self.call_after_refresh(target.focus)  # what is not shown yet cannot have the focus

    async def action_replay(self) -> None:
        """Play the journal again from its beginning."""
        try:
            self._replay = Replay(await asyncio.to_thread(lambda: RunFolder(self.run_id).events().read().values))
        except TabsmithError as error:
            self.show_error(error)
            return
        self._playing = True
        self._board.log_view.action_follow()
        self._show()

    def action_play(self) -> None:
        """In a replay: play on, from the start when it is at its end; or hold."""
        if self._replay is not None:
            if self._replay.ended:
                self._replay.go(0)
            self._playing = not self._playing
            self._show()

    def action_step(self, by: int) -> None:
        """In a replay: some events on or back."""
        if self._replay is not None:
            self._playing = False
            self._replay.step(by)
            self._show()

    async def action_copy(self) -> None:
        """Copy the error with its details, and say where it went."""
        error = self.live.error
        if error is None:
            return
        try:
            copied = await copy(f"{error.name}\n{error}\n\n{error.details}".strip(), self.app)
        except OSError as problem:
            self.show_error(report_of(problem))
            return
        self.app.notify(copied.words)

    def action_leave(self) -> None:
        """Back; the run goes on."""
        if self._words:
            self._words = ""
            self._show()
        else:
            self.dismiss(None)

    def action_back(self) -> None:
        """From the replay to the run as it is now; from there to where one came from."""
        if self._replay is None:
            self.action_leave()
        else:
            self._replay, self._playing = None, False
            self._show()
