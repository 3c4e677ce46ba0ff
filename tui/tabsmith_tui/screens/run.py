"""One run on the screen, whatever its state: its panels, the commands to it, the answers to its questions, its replay."""

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import ClassVar, Final, get_args

from textual.app import ComposeResult
from textual.binding import BindingType

from tabsmith.config.settings import Mode
from tabsmith.errors import TabsmithError, UsageError
from tabsmith.families.registry import family_names
from tabsmith.orchestration.decisions import AllowTool, Continue, Decide, DecisionAction, EndRun, Reply, Skip
from tabsmith.presentation import budgets, tasks
from tabsmith.recipes.recipe import Recipe
from tabsmith.runs import events, replies
from tabsmith.runs.events import RunCommand, RunState
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.watch import RunWatch
from tabsmith.text import clean_block
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.clipboard import copy_and_tell
from tabsmith_tui.screens.base import STYLES, TabsmithScreen
from tabsmith_tui.screens.dialogs import DialogAnswer, QuestionScreen
from tabsmith_tui.views import question, run_actions, run_header
from tabsmith_tui.views import tasks as task_views
from tabsmith_tui.views.replay import Replay
from tabsmith_tui.views.run_actions import Pending, offered_actions
from tabsmith_tui.views.run_header import Banner, RunHeader, run_banner
from tabsmith_tui.widgets.ask_bar import AskBar
from tabsmith_tui.widgets.bars import TopBar, pill
from tabsmith_tui.widgets.drawing import Drawing, QuestionBar
from tabsmith_tui.widgets.lines_table import LinesTable
from tabsmith_tui.widgets.literal import TONE_STYLES, literal
from tabsmith_tui.widgets.run_dashboard import RunDashboard, TrialsTable

_LOOK_SECONDS: Final = 0.1
"""Seconds between two looks at the journal."""
_MODES: Final[tuple[tuple[Mode, str], ...]] = (
    ("automatic", "never: breakpoints are noted, and a spent limit ends the run"),
    ("confirm", "at breakpoints, spent limits and escalations"),
    ("manual", "before every recipe is fitted, too"),
)
_DECISIONS: Final[tuple[tuple[DecisionAction, str], ...]] = (
    ("proceed", "go to the next iteration"),
    ("retry", "skip this recipe, and ask for another"),
    ("clarify", "tell the agent in the next brief what was missing"),
    ("escalate", "let search take over"),
    ("checkpoint", "pause here, at a safe place"),
)
assert {name for name, _ in _DECISIONS} == set(get_args(DecisionAction))


class RunScreen(TabsmithScreen):
    """The dashboard of the run `run_id`. It holds no state of the run: everything shown is folded from its journal."""

    SCOPE = "run"
    ABOUT = (
        "A run trains one model after another and keeps the best. It works in the background: leave it with escape, "
        "close the terminal, come back; it is shown where it then is. When it asks you something, a bar above the keys "
        "says what, and what each key answers."
    )
    CSS_PATH = STYLES / "run.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("run")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (76, "-normal"), (110, "-wide")]  # noqa: RUF012 - Textual's declaration
    VERTICAL_BREAKPOINTS = [(0, "-low"), (23, "-middle"), (34, "-tall")]  # noqa: RUF012 - Textual's declaration

    def __init__(self, run_id: str, watch: RunWatch | None = None) -> None:
        super().__init__()
        self.run_id = run_id
        self.live = RunSnapshot()  # the run as it is now; the screen may show a replay of it
        self.replay: Replay | None = None
        self.playing = False  # whether the replay moves by itself
        self.filter = ""  # words that the shown trials and log lines hold
        self.pending: Pending | None = None  # a command that was sent and that the journal does not confirm yet
        # These widgets are attributes, because a last event may come while the screen is being taken down.
        self.board = RunDashboard()
        self.ask_bar = AskBar(id="ask")
        self._question_bar = QuestionBar(id="question", grows=True, classes="-empty")
        self._banner_lines = Drawing(id="banner", grows=True, classes="-empty")
        self._asked = ""  # the question that the ask bar answers
        self._watch = watch
        self._resuming = False
        self._header: RunHeader | None = None
        self._banner = Banner()
        self._allowed: Mapping[str, bool] = {}

    def body(self) -> ComposeResult:
        yield self.board
        yield self._question_bar
        yield self._banner_lines
        yield self.ask_bar

    def on_mount(self) -> None:
        """Start following the journal."""
        self.board.leaderboard.focus()
        self.show_subject(literal(f"run {budgets.short_run_id(self.run_id)}"))
        self.show_status(literal("◔ reading its journal", style="$accent"))
        self.run_worker(self._follow(), group="job")

    @property
    def shown(self) -> RunSnapshot:
        """The snapshot on the screen: that of the replay, else the live one."""
        return self.replay.snapshot if self.replay is not None else self.live

    @property
    def _now(self) -> float:
        return self.replay.at if self.replay is not None else self.services.clock()

    # Following and drawing ----------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        # In a thread: the first look at a long journal takes seconds, and on a slow disk any look may take long.
        try:
            if self._watch is None:
                self._watch = await asyncio.to_thread(RunWatch, self.run_id, self.services.clock)
            while True:
                self.take(await asyncio.to_thread(self._watch.refresh))
                await asyncio.sleep(_LOOK_SECONDS)
        except TabsmithError as error:
            self.show_status(literal("✘ cannot be read", style="$bad"))
            self.show_error(error)

    def take(self, snapshot: RunSnapshot) -> None:
        """Take `snapshot` as the live state of the run, and draw."""
        if not self.query(TopBar):
            return
        if snapshot is not self.live:
            if snapshot.report is not None and self.live.attempt and not self.live.state.ended:
                self.services.newest_model = snapshot.report.model_id
            self.live = snapshot
            if self._resuming and snapshot.state is not RunState.INTERRUPTED:
                self._resuming = False
        if self.pending is not None and run_actions.is_confirmed(self.pending, snapshot):
            self.pending = None
        if self.ask_bar.asking in ("answer", "brief") and replies.open_question(snapshot) is None:
            self.close_ask_bar()  # another window has answered
        if self.playing and self.replay is not None:
            self.replay.play(_LOOK_SECONDS)
            self.playing = not self.replay.ended
        self.draw()

    def draw(self) -> None:
        """Draw the shown snapshot; unchanged parts are not drawn again."""
        snapshot, now = self.shown, self._now
        pending = None if self.replay is not None else self.pending
        header = run_header.run_header(snapshot, self.run_id, pending, now)
        if header != self._header:
            self._header = header
            cost = literal(header.cost, 60, TONE_STYLES[header.cost_tone])
            self.show_subject(literal(header.title))
            self.show_status(pill(header.state), header.elapsed, cost, literal(header.doing, 60, "$quiet"))
        self.set_class(snapshot.state.ended and not snapshot.trials, "-nothing")
        self.board.show(snapshot, now, self.filter)
        self._show_question(snapshot, now)
        self._show_banner(
            run_banner(snapshot, pending, now, replay=self.replay, playing=self.playing, resuming=self._resuming)
        )
        allowed = self._offers()
        if allowed != self._allowed:
            self._allowed = allowed
            self.refresh_bindings()

    def _show_question(self, snapshot: RunSnapshot, now: float) -> None:
        asks = replies.open_question(snapshot) is not None
        self.set_class(asks, "-asked")
        self._question_bar.set_class(not asks, "-empty")
        if asks:
            keys = {} if self.replay is not None or self.ask_bar.asking else self._answer_keys()
            value = (snapshot.question, budgets.used_so_far(snapshot, now), tuple(keys.items()))
            self._question_bar.show(value, lambda width, _height: question.question_lines(snapshot, now, width, keys))

    def _answer_keys(self) -> dict[str, str]:
        """The key of each answer in this person's keymap; the first of several."""
        keys: dict[str, str] = {}
        for node, binding, _, _ in self.active_bindings.values():
            if node is self and binding.action in replies.REPLY_ACTIONS:
                keys.setdefault(binding.action, self.app.get_key_display(binding))
        return keys

    def _show_banner(self, banner: Banner) -> None:
        if banner != self._banner:
            self._banner = banner
            self._banner_lines.set_class(not banner.lines, "-empty")
            self._banner_lines.show_wrapped(banner.lines)

    def _offers(self) -> Mapping[str, bool]:
        return offered_actions(self.live, replaying=self.replay is not None, resuming=self._resuming)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer a key only while its action is possible."""
        return self._offers().get(action, True)

    # Tables and trials --------------------------------------------------------------------------------------------

    def action_open(self) -> None:
        """Open the details; enter does this where it has no more important meaning."""
        self.action_details()

    def on_lines_table_chosen(self, _event: LinesTable.Chosen) -> None:
        """A second click on a trial opens it."""
        self.action_details()

    def action_details(self) -> None:
        """Open the trial under the cursor; of a task, show its iterations."""
        from tabsmith_tui.screens.trial import TrialScreen

        key = self.board.table.key
        task = task_views.task_of_row(self.shown, key)
        if task is not None:
            self.filter = task.name
            self.draw()
            self._turn_to(self.board.iterations)
        elif key:
            self.app.push_screen(TrialScreen(lambda: self.shown, key))

    def action_switch_table(self) -> None:
        """Show the other table, or go to it if both are shown."""
        board = self.board
        # Where one table hides the other, the shown one counts: the focus may still be on its way there.
        both = board.leaderboard.region.height and board.iterations.region.height
        at_iterations = board.table is board.iterations if both else board.panel(board.leaderboard).has_class("-behind")
        self._turn_to(board.leaderboard if at_iterations else board.iterations)

    def _turn_to(self, target: TrialsTable) -> None:
        board = self.board
        board.turn_to(target)
        for table in (board.leaderboard, board.iterations):  # on the panels: on the screen it would restyle everything
            board.panel(table).set_class(table is not target, "-behind")
        self.call_after_refresh(target.focus)  # a table that is not shown yet cannot have the focus

    def action_filter(self) -> None:
        """Ask for the words to filter by."""
        self.ask_bar.ask("filter", "Filter:", self.filter, placeholder="words in trials and log")

    async def action_copy(self) -> None:
        """Copy the error with its details, and say where it went."""
        error = self.live.error
        if error is not None:
            await copy_and_tell(f"{error.name}\n{error}\n\n{error.details}".strip(), self.app)

    def action_result(self) -> None:
        """Open the report of the run's model."""
        if self.live.report is not None:
            self.services.open_screen("result", self.live.report.model_id)

    def action_leave(self) -> None:
        """Clear the filter; without one, go back. The run continues."""
        if self.filter:
            self.filter = ""
            self.draw()
        else:
            self.dismiss(None)

    # Commands -----------------------------------------------------------------------------------------------------

    def send(self, command: RunCommand) -> None:
        """Send the run a command; the screen shows it as pending at once."""
        self.pending = Pending(command, self.services.clock(), self.live)
        self.draw()
        self.run_worker(self._send(command), group="commands")

    async def _send(self, command: RunCommand) -> None:
        try:
            await asyncio.to_thread(self.services.store.send, self.run_id, command)
        except TabsmithError as error:
            self.pending = None
            self.draw()
            self.show_error(error)

    async def action_resume(self) -> None:
        """Resume an interrupted run."""
        self._resuming = True
        self.draw()
        try:
            await self.services.supervisor.resume_run(self.run_id)
        except (TabsmithError, OSError) as error:
            self._resuming = False
            self.draw()
            self.show_error(error)

    def action_pause(self) -> None:
        """Pause the run."""
        self.send(events.Pause())

    def action_go_on(self) -> None:
        """Resume after a pause."""
        self.send(events.Resume())

    def action_stop(self) -> None:
        """Stop after this iteration."""
        self.send(events.Stop(when="after iteration"))

    def action_stop_now(self) -> None:
        """Stop now, after a question."""
        of_tasks = tasks.has_tasks(self.live)
        effect = (
            "The agent at work is ended; what it has written so far is kept, and nothing of it handed back."
            if of_tasks
            else "The fit in progress is lost. The best model so far is kept and measured on the test set."
            if self.live.champion
            else "Nothing is scored yet: stopped now, the run ends without a model."
        )
        answers = (
            DialogAnswer("", "continue", "change nothing"),
            DialogAnswer("after", "stop after this iteration", f"finish {'the work' if of_tasks else 'the fit'} first"),
            DialogAnswer("now", "stop now", "within a moment"),
        )

        def answered(answer: str | None) -> None:
            if answer and not self.live.state.ended:
                self.send(events.Stop(when="now" if answer == "now" else "after iteration"))

        self.app.push_screen(QuestionScreen("Stop now?", effect, answers), answered)

    def action_more(self) -> None:
        """Ask how much more, of what; if the run asks just that, this is the answer."""
        asked = replies.open_question(self.live)
        if asked is not None and asked.limit:
            self.action_answer()
            return
        self.ask_bar.ask("more", "More:", placeholder="60, +2 min, to 10 min, $5, +$2, +20 iterations, +100k tokens")

    def action_note(self) -> None:
        """Ask for a note to the agent."""
        self.ask_bar.ask("note", "Note to the agent:", placeholder="every brief from now on holds it")

    def action_try_recipe(self) -> None:
        """Write a recipe of one's own, beginning from the try under the cursor, else from the champion."""
        from tabsmith_tui.screens.recipe_dialog import RecipeDialog

        key = self.board.table.key
        trial = next(
            (each for each in self.live.trials if str(each.iteration) == key and each.recipe is not None), None
        )
        trial = trial or self.live.champion_trial
        start = trial.recipe if trial is not None and trial.recipe is not None else Recipe(family_names()[0])

        def written(recipe: Recipe | None) -> None:
            if recipe is None or self.live.state.ended:
                return
            if any(each.recipe is not None and each.recipe.id == recipe.id for each in self.live.trials):
                self.app.notify("The run has tried this very recipe already.", severity="warning")
            else:
                self.send(events.TryRecipe(recipe=recipe))

        self.app.push_screen(RecipeDialog(start), written)

    def action_mode(self) -> None:
        """Choose when the run pauses for the person; the mode in force has the cursor."""
        modes = sorted(_MODES, key=lambda mode: mode[0] != self.live.mode)
        answers = tuple(
            DialogAnswer(name, name, f"{effect}{' (as now)' if name == self.live.mode else ''}")
            for name, effect in modes
        )

        def chosen(answer: str | None) -> None:
            mode = next((name for name, _ in _MODES if name == answer), None)
            if mode is not None and mode != self.live.mode and not self.live.state.ended:
                self.send(events.SetMode(mode=mode))

        self.app.push_screen(QuestionScreen("When should the run pause for you?", "It works at once.", answers), chosen)

    # Answers to a question of the run -----------------------------------------------------------------------------

    def answer(self, reply: Reply, asked: str) -> None:
        """Answer the question with the id `asked`, if it is still open."""
        current = replies.open_question(self.live)
        if current is not None and current.id == asked:
            self.send(events.Answer(id=asked, reply=reply))

    def action_answer(self) -> None:
        """Open the field for an answer."""
        self._ask_answer("answer", "Answer:", replies.placeholder(self.live))

    def action_brief(self) -> None:
        """Ask for a text that every further brief holds."""
        self._ask_answer("brief", "Tell the agent:", "every brief from now on holds it")

    def action_continue(self) -> None:
        """Continue; if that removes a limit, ask first."""
        asked = replies.open_question(self.live)
        if asked is None:
            return
        if not asked.limit:
            self.answer(Continue(), asked.id)
            return
        answers = (
            DialogAnswer("", "back", "answer with an amount"),
            DialogAnswer("yes", "continue", f"without a limit of {asked.limit}"),
        )
        effect = f"The limit of {asked.limit} is spent, and will not limit the run any more."
        self._choose("Continue without it?", effect, answers, lambda answer: Continue() if answer == "yes" else None)

    def action_skip(self) -> None:
        """Skip the iteration."""
        self._answer_now(Skip())

    def action_allow_once(self) -> None:
        """Allow this one tool call."""
        self._answer_now(AllowTool("once"))

    def action_allow_always(self) -> None:
        """Allow this tool call and every similar one."""
        self._answer_now(AllowTool("always"))

    def action_allow_no(self) -> None:
        """Refuse the tool call; the agent continues without it."""
        self._answer_now(AllowTool("no"))

    def action_end(self) -> None:
        """End the run."""
        self._answer_now(EndRun())

    def action_decide(self) -> None:
        """Choose another decision."""
        answers = tuple(DialogAnswer(name, name, effect) for name, effect in _DECISIONS)

        def decided(answer: str) -> Reply | None:
            action = next((name for name, _ in _DECISIONS if name == answer), None)
            return Decide(action) if action is not None else None

        self._choose("What now?", "Your decision takes the place of the rule's.", answers, decided)

    def on_question_bar_clicked(self, event: QuestionBar.Clicked) -> None:
        """A click on the question opens the field for an answer."""
        event.stop()
        if self.check_action("answer", ()) and not self.ask_bar.asking:
            self.action_answer()

    def _answer_now(self, reply: Reply) -> None:
        asked = replies.open_question(self.live)
        if asked is not None:
            self.answer(reply, asked.id)

    def _ask_answer(self, subject: str, label: str, placeholder: str) -> None:
        asked = replies.open_question(self.live)
        if asked is not None:
            self._asked = asked.id
            self.ask_bar.ask(subject, label, placeholder=placeholder)

    def _choose(
        self,
        title: str,
        effect: str,
        answers: tuple[DialogAnswer, ...],
        reply_of: Callable[[str], Reply | None],
    ) -> None:
        """Answer the open question by a choice in a dialog."""
        asked = replies.open_question(self.live)
        if asked is None:
            return

        def chosen(asked_id: str, answer: str | None) -> None:
            reply = reply_of(answer or "")
            if reply is not None:
                self.answer(reply, asked_id)

        self.app.push_screen(QuestionScreen(title, effect, answers), partial(chosen, asked.id))

    # The field for a filter, an amount, a note or an answer -------------------------------------------------------

    def on_ask_bar_typed(self, event: AskBar.Typed) -> None:
        """Apply the filter while it is typed."""
        if event.subject == "filter":
            self.filter = event.text.strip()
            self.draw()

    def on_ask_bar_answered(self, event: AskBar.Answered) -> None:
        """Take the typed text, or say beside the field why it is not understood."""
        try:
            send = self._parse(event.subject, event.text)
        except UsageError as error:
            self.ask_bar.show_problem(f"{error.what} {error.next_step}")
            return
        self.close_ask_bar()
        if send is not None and not self.live.state.ended:
            send()

    def on_ask_bar_taken_back(self, event: AskBar.TakenBack) -> None:
        """escape in the filter shows everything again."""
        if event.subject == "filter":
            self.filter = ""
        self.close_ask_bar()

    def close_ask_bar(self) -> None:
        """Close the field, and give the focus back to the table."""
        self.ask_bar.close()
        self.board.table.focus()
        self.draw()

    def _parse(self, subject: str, text: str) -> Callable[[], None] | None:
        """The sending of what was typed; None for the filter. Raises UsageError if the text is not understood."""
        match subject:
            case "more":
                return partial(self.send, replies.parse_limit_change(text, self.live))
            case "note":
                if not text.strip():
                    raise UsageError("Nothing was written.", next_step="Write a note for the agent, or press escape.")
                return partial(self.send, events.Note(text=clean_block(text.strip(), 4_000)))
            case "answer":
                return partial(self.answer, replies.parse_reply(text, self.live), self._asked)
            case "brief":
                return partial(self.answer, replies.parse_brief(text, self.live), self._asked)
            case _:
                return None

    # Replay -------------------------------------------------------------------------------------------------------

    async def action_replay(self) -> None:
        """Play the journal from its beginning."""
        try:
            self.replay = Replay(await asyncio.to_thread(lambda: RunFolder(self.run_id).events().read().values))
        except TabsmithError as error:
            self.show_error(error)
            return
        self.playing = True
        self.board.log_view.action_follow()
        self.draw()

    def action_play(self) -> None:
        """Hold the replay, or play it; at its end it plays from the start."""
        if self.replay is not None:
            if self.replay.ended:
                self.replay.go(0)
            self.playing = not self.playing
            self.draw()

    def action_step(self, by: int) -> None:
        """Move the replay by some events."""
        if self.replay is not None:
            self.playing = False
            self.replay.step(by)
            self.draw()

    def action_back(self) -> None:
        """Go from the replay to the live run, and from there back."""
        if self.replay is None:
            self.action_leave()
        else:
            self.replay, self.playing = None, False
            self.draw()
