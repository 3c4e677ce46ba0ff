"""A run on the screen, whatever state it is in. What it is told: run_keys.py; how it is played again: run_replay.py."""

import asyncio
from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from tabsmith.errors import TabsmithError, report_of
from tabsmith.presentation import budgets
from tabsmith.runs import replying
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.watch import RunWatch
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.clipboard import copy
from tabsmith_tui.screens.base import TabsmithScreen
from tabsmith_tui.screens.run_keys import RunKeys
from tabsmith_tui.screens.run_replay import RunReplay
from tabsmith_tui.views import question, run_actions, run_header, tasks
from tabsmith_tui.views.lines import wrap_line
from tabsmith_tui.views.run_actions import offered_actions
from tabsmith_tui.views.run_header import Banner, RunHeader, run_banner
from tabsmith_tui.widgets.bars import TopBar
from tabsmith_tui.widgets.drawing import STYLES, Drawing, QuestionBar
from tabsmith_tui.widgets.leaderboard import TrialsTable
from tabsmith_tui.widgets.lines_table import LinesTable
from tabsmith_tui.widgets.literal import literal
from tabsmith_tui.widgets.pill import pill
from tabsmith_tui.widgets.run_board import RunDashboard

_EVERY = 0.1  # seconds between two looks at the journal


class RunScreen(RunKeys, RunReplay, TabsmithScreen):
    """The dashboard of the run `run_id`. It holds no state of the run: everything shown is folded from its journal."""

    SCOPE = "run"
    ABOUT = (
        "A run trains one model after another and keeps the best. It works in the background: leave it with escape, "
        "close the terminal, come back; it is shown where it then is. When it asks you something, a bar above the keys "
        "says what, and what each key answers."
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
        self.board = RunDashboard()
        self._question_bar = QuestionBar(id="question", grows=True, classes="-empty")
        self._banner_lines = Drawing(id="banner", grows=True, classes="-empty")
        self._watch = watch
        self._resuming = False
        self._header: RunHeader | None = None
        self._banner = Banner()
        self._allowed: Mapping[str, bool] = {}

    def body(self) -> ComposeResult:
        """Panels, what the run asks, what is pressing, and the field for answers."""
        yield self.board
        yield self._question_bar
        yield self._banner_lines
        yield self.ask_bar

    def on_mount(self) -> None:
        """Begin to follow the journal."""
        self.board.leaderboard.focus()
        self.show_subject(literal(f"run {budgets.short_run_id(self.run_id)}"))
        self.show_status(literal("◔ reading its journal", style="$accent"))
        self.run_worker(self._follow(), group="job")

    @property
    def shown(self) -> RunSnapshot:
        """The run as it is on the screen."""
        return self.replay.snapshot if self.replay is not None else self.live

    @property
    def _now(self) -> float:
        return self.replay.at if self.replay is not None else self.tabsmith.clock()

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
        if self.pending is not None and run_actions.is_confirmed(self.pending, snapshot):
            self.pending = None
        if self.ask_bar.asking in ("answer", "brief") and replying.open_question(snapshot) is None:
            self.close_ask_bar()  # somebody else has answered
        self.play_on(_EVERY)
        self.draw()

    def draw(self) -> None:
        """Show the run as it now is; what has not changed is not drawn again."""
        snapshot, now = self.shown, self._now
        pending = None if self.replaying else self.pending
        shown = run_header.run_header(snapshot, self.run_id, pending, now)
        if shown != self._header:
            self._header = shown
            cost = literal(shown.cost, 60, STYLES[shown.cost_tone])
            self.show_subject(literal(shown.title))
            self.show_status(pill(shown.state), shown.elapsed, cost, literal(shown.doing, 60, "$quiet"))
        self.set_class(snapshot.state.ended and not snapshot.trials, "-nothing")
        self.board.show(snapshot, now, self.words)
        self._show_question(snapshot, now)
        self._show_banner(
            run_banner(snapshot, pending, now, replay=self.replay, playing=self.playing, resuming=self._resuming)
        )
        allowed = self._offers()
        if allowed != self._allowed:
            self._allowed = allowed
            self.refresh_bindings()

    def _show_question(self, snapshot: RunSnapshot, now: float) -> None:
        asks = replying.open_question(snapshot) is not None
        self.set_class(asks, "-asked")
        self._question_bar.set_class(not asks, "-empty")
        if asks:
            keys = {} if self.replaying or self.ask_bar.asking else self._keys_of_answers()
            value = (snapshot.question, budgets.used_so_far(snapshot, now), tuple(keys.items()))
            self._question_bar.show(value, lambda width, _height: question.question_lines(snapshot, now, width, keys))

    def _keys_of_answers(self) -> dict[str, str]:
        """The answers' keys as this person has them; the first of several."""
        keys: dict[str, str] = {}
        for node, binding, _, _ in self.active_bindings.values():
            if node is self and binding.action in replying.KEYED:
                keys.setdefault(binding.action, self.app.get_key_display(binding))
        return keys

    def _show_banner(self, shown: Banner) -> None:
        if shown != self._banner:
            self._banner = shown
            drawing = self._banner_lines
            drawing.set_class(not shown.lines, "-empty")
            drawing.show(
                shown.lines, lambda width, _height: [part for line in shown.lines for part in wrap_line(line, width)]
            )

    # What can be done now -----------------------------------------------------------------------------------------

    def _offers(self) -> Mapping[str, bool]:
        return offered_actions(self.live, replaying=self.replaying, resuming=self._resuming)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """A key that can do nothing now is not offered."""
        return self._offers().get(action, True)

    async def action_resume(self) -> None:
        """Take an interrupted run up again."""
        self._resuming = True
        self.draw()
        try:
            await self.tabsmith.supervisor.resume_run(self.run_id)
        except (TabsmithError, OSError) as error:
            self._resuming = False
            self.draw()
            self.show_error(error)

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
        from tabsmith_tui.screens.trial import TryDetails

        key = self.board.table.key
        task = tasks.task_of_row(self.shown, key)
        if task is not None:
            self._show_iterations_of(task.name)
        elif key:
            self.app.push_screen(TryDetails(lambda: self.shown, key))

    def action_switch_table(self) -> None:
        """Show the other table, or go to it where both are shown."""
        board = self.board
        # Where one hides the other, what counts is which is shown: the focus may still be on its way there.
        both = board.leaderboard.region.height and board.iterations.region.height
        at_iterations = board.table is board.iterations if both else board.panel(board.leaderboard).has_class("-behind")
        self._turn_to(board.leaderboard if at_iterations else board.iterations)

    def _show_iterations_of(self, task: str) -> None:
        """The iterations of one task; escape shows all again."""
        self.words = task
        self.draw()
        self._turn_to(self.board.iterations)

    def _turn_to(self, target: TrialsTable) -> None:
        board = self.board
        board.turn_to(target)
        for table in (board.leaderboard, board.iterations):  # on the panels: on the screen it would restyle everything
            board.panel(table).set_class(table is not target, "-behind")
        self.call_after_refresh(target.focus)  # what is not shown yet cannot have the focus

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
        if self.words:
            self.words = ""
            self.draw()
        else:
            self.dismiss(None)
