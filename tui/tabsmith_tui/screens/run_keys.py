"""What a person tells a run: hold, stop, more of a limit, a note, a mode, the answer to its question."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Final, get_args

from textual.screen import Screen

from tabsmith.errors import TabsmithError, UsageError
from tabsmith.orchestration.decisions import DecisionAction
from tabsmith.orchestration.questions import AllowTool, Continue, Decide, EndRun, Mode, Reply, Skip
from tabsmith.runs import commands as say
from tabsmith.runs import replying, spending
from tabsmith.runs.commands import RunCommand
from tabsmith.text import clean_block
from tabsmith_tui.screens import dialogs
from tabsmith_tui.screens.dialogs import QuestionScreen
from tabsmith_tui.views import tasks
from tabsmith_tui.views.run_actions import Pending
from tabsmith_tui.widgets.ask_bar import AskBar
from tabsmith_tui.widgets.drawing import QuestionBar

if TYPE_CHECKING:
    from tabsmith.errors import ErrorReport
    from tabsmith.runs.snapshot import RunSnapshot
    from tabsmith_tui.app import TabsmithApp
    from tabsmith_tui.widgets.run_board import RunDashboard

_MODES: Final[tuple[tuple[Mode, str], ...]] = (
    ("automatic", "never ask: breakpoints are noted, a spent limit ends the run"),
    ("confirm", "ask at breakpoints, spent limits and escalations"),
    ("manual", "ask before every recipe is fitted, too"),
)
_ACTIONS: Final[tuple[tuple[DecisionAction, str], ...]] = (
    ("proceed", "on to the next iteration"),
    ("retry", "leave this recipe out, and ask for another"),
    ("clarify", "the next brief says what was missing"),
    ("escalate", "hand over to search"),
    ("checkpoint", "pause here, at a safe place"),
)
assert {name for name, _ in _ACTIONS} == set(get_args(DecisionAction))


class RunKeys(Screen[None]):
    """The keys of the run screen that send a command; what they need of it is declared here."""

    run_id: str
    live: "RunSnapshot"
    board: "RunDashboard"
    words = ""  # the filter in force
    pending: Pending | None = None  # sent, and not confirmed by the journal yet

    if TYPE_CHECKING:

        @property
        def tabsmith(self) -> TabsmithApp: ...
        def draw(self) -> None: ...
        def show_error(self, error: BaseException | ErrorReport) -> None: ...

    def __init__(self) -> None:
        super().__init__()
        # Held, not queried: a last event may come while the screen is being taken down, part by part.
        self.ask_bar = AskBar(id="ask")
        self._asked = ""  # the question that is being answered in the bar

    def send(self, command: RunCommand) -> None:
        """Tell the run something; it shows at once as asked for."""
        self.pending = Pending(command, self.tabsmith.clock(), self.live)
        self.draw()
        self.run_worker(self._send(command), group="commands")

    async def _send(self, command: RunCommand) -> None:
        try:
            await asyncio.to_thread(self.tabsmith.store.send, self.run_id, command)
        except TabsmithError as error:
            self.pending = None
            self.draw()
            self.show_error(error)

    # Hold, stop, more ---------------------------------------------------------------------------------------------

    def action_pause(self) -> None:
        """Hold everything."""
        self.send(say.Pause())

    def action_go_on(self) -> None:
        """Go on after a pause."""
        self.send(say.Resume())

    def action_stop(self) -> None:
        """Stop after this iteration."""
        self.send(say.Stop(when="after iteration"))

    def action_stop_now(self) -> None:
        """Stop now, after a question."""
        effect = (
            "The agent at work is ended; what it has written so far is kept, and nothing of it handed back."
            if tasks.has_tasks(self.live)
            else "The fit under way is ended and lost. The best model so far is kept and measured on the hold-out."
            if self.live.champion
            else "Nothing is scored yet: stopped now, the run ends without a model."
        )
        under_way = "the work" if tasks.has_tasks(self.live) else "the fit"
        answers = (
            dialogs.DialogAnswer("", "go on", "change nothing"),
            dialogs.DialogAnswer("after", "stop after this iteration", f"let {under_way} under way end first"),
            dialogs.DialogAnswer("now", "stop now", "within a moment"),
        )

        def answered(answer: str | None) -> None:
            if answer and not self.live.state.ended:
                self.send(say.Stop(when="now" if answer == "now" else "after iteration"))

        self.app.push_screen(QuestionScreen("Stop now?", effect, answers), answered)

    def action_more(self) -> None:
        """Ask how much more, of what; where the run asks just that, this is the answer."""
        asked = replying.open_question(self.live)
        if asked is not None and asked.limit:
            self.action_answer()
            return
        self.ask_bar.ask("more", "More:", placeholder="60, +2 min, to 10 min, $5, +$2, +20 iterations, +100k tokens")

    def action_note(self) -> None:
        """Ask what to tell the agent."""
        self.ask_bar.ask("note", "Note to the agent:", placeholder="every brief from now on holds it")

    def action_mode(self) -> None:
        """Choose how much to be asked; the mode in force has the cursor."""
        modes = sorted(_MODES, key=lambda each: each[0] != self.live.mode)
        answers = tuple(
            dialogs.DialogAnswer(name, name, f"{effect}{' (as now)' if name == self.live.mode else ''}")
            for name, effect in modes
        )

        def chosen(answer: str | None) -> None:
            mode = next((name for name, _ in _MODES if name == answer), None)
            if mode is not None and mode != self.live.mode and not self.live.state.ended:
                self.send(say.SetMode(mode=mode))

        self.app.push_screen(QuestionScreen("When do you want to be asked?", "It works at once.", answers), chosen)

    # Answers to a question of the run -----------------------------------------------------------------------------

    def answer(self, reply: Reply, asked: str) -> None:
        """Answer the question `asked`, if it is still the open one."""
        now = replying.open_question(self.live)
        if now is not None and now.id == asked:
            self.send(say.Answer(id=asked, reply=reply))

    def action_answer(self) -> None:
        """Open the field for an answer."""
        self._ask_answer("answer", "Answer:", replying.placeholder(self.live))

    def action_brief(self) -> None:
        """Ask what the agent is to be told."""
        self._ask_answer("brief", "Tell the agent:", "every brief from now on holds it")

    def action_continue(self) -> None:
        """Go on; where that takes a limit away, after a question."""
        asked = replying.open_question(self.live)
        if asked is None:
            return
        if not asked.limit:
            self.answer(Continue(), asked.id)
            return
        answers = (
            dialogs.DialogAnswer("", "back", "answer with an amount"),
            dialogs.DialogAnswer("yes", "go on", f"without a limit of {asked.limit}"),
        )
        effect = f"The limit of {asked.limit} is spent, and will not limit the run any more."
        self._choose("Go on without it?", effect, answers, lambda answer: Continue() if answer == "yes" else None)

    def action_skip(self) -> None:
        """Leave the iteration out."""
        self._answer_now(Skip())

    def action_allow_once(self) -> None:
        """Let the agent do this one thing."""
        self._answer_now(AllowTool("once"))

    def action_allow_always(self) -> None:
        """Let the agent do this and whatever is like it."""
        self._answer_now(AllowTool("always"))

    def action_allow_no(self) -> None:
        """Refuse it; the agent goes on without."""
        self._answer_now(AllowTool("no"))

    def action_end(self) -> None:
        """Stop the run."""
        self._answer_now(EndRun())

    def action_decide(self) -> None:
        """Choose another decision."""
        answers = tuple(dialogs.DialogAnswer(name, name, effect) for name, effect in _ACTIONS)

        def decided(answer: str) -> Reply | None:
            action = next((name for name, _ in _ACTIONS if name == answer), None)
            return Decide(action) if action is not None else None

        self._choose("What now?", "Your decision takes the place of the rule's.", answers, decided)

    def on_question_bar_clicked(self, event: QuestionBar.Clicked) -> None:
        """Begin the answer."""
        event.stop()
        if self.check_action("answer", ()) and not self.ask_bar.asking:
            self.action_answer()

    def _answer_now(self, reply: Reply) -> None:
        asked = replying.open_question(self.live)
        if asked is not None:
            self.answer(reply, asked.id)

    def _ask_answer(self, subject: str, words: str, placeholder: str) -> None:
        asked = replying.open_question(self.live)
        if asked is not None:
            self._asked = asked.id
            self.ask_bar.ask(subject, words, placeholder=placeholder)

    def _choose(
        self,
        title: str,
        effect: str,
        answers: tuple[dialogs.DialogAnswer, ...],
        reply_of: Callable[[str], Reply | None],
    ) -> None:
        """Answer the open question with what is chosen in a dialog."""
        asked = replying.open_question(self.live)
        if asked is None:
            return

        def chosen(asked_id: str, answer: str | None) -> None:
            reply = reply_of(answer or "")
            if reply is not None:
                self.answer(reply, asked_id)

        self.app.push_screen(QuestionScreen(title, effect, answers), partial(chosen, asked.id))

    # The field ----------------------------------------------------------------------------------------------------

    def action_filter(self) -> None:
        """Ask for the words to filter by."""
        self.ask_bar.ask("filter", "Filter:", self.words, placeholder="words in tries and log")

    def on_ask_bar_typed(self, event: AskBar.Typed) -> None:
        """The filter works while it is typed."""
        if event.subject == "filter":
            self.words = event.text.strip()
            self.draw()

    def on_ask_bar_answered(self, event: AskBar.Answered) -> None:
        """Take what was typed, or say beside the field what is wrong with it."""
        try:
            tell = self._understood(event.subject, event.text)
        except UsageError as error:
            self.ask_bar.show_problem(f"{error.what} {error.next_step}")
            return
        self.close_ask_bar()
        if tell is not None and not self.live.state.ended:
            tell()

    def on_ask_bar_taken_back(self, event: AskBar.TakenBack) -> None:
        """escape in the filter shows everything again."""
        if event.subject == "filter":
            self.words = ""
        self.close_ask_bar()

    def close_ask_bar(self) -> None:
        """Ask no more, and give the keys back to the tables."""
        self.ask_bar.close()
        self.board.table.focus()
        self.draw()

    def _understood(self, subject: str, text: str) -> Callable[[], None] | None:
        """What to do about a text that was typed; None for nothing. Raises UsageError."""
        match subject:
            case "more":
                return partial(self.send, spending.more(text, self.live))
            case "note":
                if not text.strip():
                    raise UsageError("Nothing was written.", next_step="Write what the agent is to know, or escape.")
                return partial(self.send, say.Note(text=clean_block(text.strip(), 4_000)))
            case "answer":
                return partial(self.answer, replying.reply(text, self.live), self._asked)
            case "brief":
                return partial(self.answer, replying.brief(text, self.live), self._asked)
            case _:
                return None
