"""The guided steps on one screen: it shows the workflow's prompt, gives the answers, and has its work carried out."""

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.timer import Timer
from textual.worker import Worker

from tabsmith.dates import clock_time
from tabsmith.errors import ErrorReport, StepError, TabsmithError
from tabsmith.tables.info import Preview
from tabsmith.workflow import answers as say
from tabsmith.workflow import effects as do
from tabsmith.workflow.awaited_run import AwaitedRun
from tabsmith.workflow.carrying_out import JobEffect, RunEffect, begin_run, carry_out, estimate, first_rows, words_of
from tabsmith.workflow.drafts import FieldName
from tabsmith.workflow.session import WorkflowSession
from tabsmith.workflow.states import STEP_OF, State
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.screens.base import TabsmithScreen
from tabsmith_tui.screens.guided_keys import GuidedKeys
from tabsmith_tui.screens.guided_parts import NoticeBox, WorkLine, for_terminal, recent_files, subject, view_for
from tabsmith_tui.widgets.literal import entitle, literal
from tabsmith_tui.widgets.pill import pill
from tabsmith_tui.widgets.step_list import StepList
from tabsmith_tui.widgets.steps.base import StepView
from tabsmith_tui.widgets.steps.load import LoadStep
from tabsmith_tui.widgets.steps.model import ModelStep
from tabsmith_tui.widgets.steps.path import PathStep
from tabsmith_tui.widgets.steps.train import TrainingStep

if TYPE_CHECKING:
    from tabsmith.tables.sources import SampleName
    from tabsmith.workflow.conversation import Conversation

DRAFT_SECONDS: Final = 0.4
WATCH_SECONDS: Final = 0.5


class GuidedScreen(GuidedKeys, TabsmithScreen):
    """Where the conversation of this terminal's user is shown. The conversation itself decides where to go."""

    SCOPE = "guided"
    CSS_PATH = "guided.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("guided")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - as Textual declares it
    ABOUT = (
        "Six steps from a table to a model. Every step shows a default; enter takes it. Escape goes one step back and "
        "erases nothing. All you type is saved as you type it."
    )

    def __init__(self, *, resume: bool, sample: "SampleName | None" = None) -> None:
        super().__init__()
        self._resume = resume
        self._sample = sample
        self._conversation: Conversation | None = None
        self._view: StepView | None = None
        self._reviewing = False
        self._turn = asyncio.Lock()
        self._typed: dict[FieldName, str] = {}
        self._draft_timer: Timer | None = None
        self._work: Worker[None] | None = None
        self._preview: tuple[str, Preview] | None = None  # of the table with that fingerprint
        self._run = AwaitedRun()

    def body(self) -> ComposeResult:
        with Horizontal(id="guided"):
            with Vertical(id="steps", classes="panel") as steps:
                entitle(steps, "Steps")
                yield StepList()
            with Vertical(id="step", classes="panel"):
                yield NoticeBox(markup=False)
                yield Vertical(id="view")
                yield WorkLine(markup=False)

    async def on_mount(self) -> None:
        from tabsmith.workflow.conversation import Conversation
        from tabsmith.workflow.store import SessionStore

        self.query_one(WorkLine).end()
        app = self.tabsmith
        agents, why_not = await asyncio.to_thread(app.agents)
        if not self.is_attached:  # left meanwhile
            return
        try:
            self._conversation = Conversation(
                SessionStore(clock=app.clock),
                app.settings,
                clock=app.clock,
                new_id=lambda _now: app.new_id(),
                agents=agents,
                why_not=why_not,
            )
        except TabsmithError as error:
            self.app.pop_screen()
            self.show_error(error)
            return
        app.conversation = self._conversation
        self.set_interval(WATCH_SECONDS, self._look_at_run)
        if self.session.state in (State.IDLE, State.COMPLETED):
            await self.begin()
        else:
            await self._draw()
            if not self._resume:
                self.ask_new()

    @property
    def conversation(self) -> "Conversation":
        """The conversation; there is one from the first frame on."""
        assert self._conversation is not None
        return self._conversation

    @property
    def session(self) -> WorkflowSession:
        """Where the conversation stands."""
        return self.conversation.session

    @property
    def view(self) -> StepView | None:
        """The step that is shown; None before the first frame."""
        return self._view

    async def begin(self) -> None:
        """From the start; a sample that was asked for is chosen at once."""
        if await self.give(say.Begin()) and self._sample is not None:
            await self.give(say.ChooseSample(self._sample))
            self._sample = None

    # Answers ------------------------------------------------------------------------------------------------------

    async def give(self, answer: say.Answer) -> bool:
        """Give the conversation an answer, show where it stands then, and begin the work it asks for.

        Whether the answer was taken: one that does not fit, or cannot be saved, is told and changes nothing.
        """
        async with self._turn:
            self._save_drafts()
            before = self.session.state
            try:
                step = self.conversation.answer(answer)
            except TabsmithError as error:
                await self._not_taken(error)
                return False
            if step.session.state is not before:
                self._reviewing = False
            await self._draw()
            for effect in step.effects:
                self._begin(effect)
            return True

    async def _not_taken(self, error: TabsmithError) -> None:
        from tabsmith.workflow.store import SessionMovedOnError

        if isinstance(error, SessionMovedOnError):
            self.end_work()
            self.conversation.reload()
            await self._draw()
        if isinstance(error, StepError):
            self.app.notify(f"{error.what} {error.next_step}", severity="warning")
        else:
            self.show_error(error)

    async def on_step_view_said(self, event: StepView.Said) -> None:
        event.stop()
        await self.give(event.answer)

    def on_step_view_typed(self, event: StepView.Typed) -> None:
        """Keep what is typed; on disk a moment later, so that a burst of keys is one write."""
        event.stop()
        self._typed[event.field] = event.text
        if self._draft_timer is not None:
            self._draft_timer.stop()
        self._draft_timer = self.set_timer(DRAFT_SECONDS, self._draft_due)

    def _draft_due(self) -> None:
        self._save_drafts()
        if self._view is not None:
            self._view.show(for_terminal(self.conversation.prompt, reviewing=self._reviewing))

    def _save_drafts(self) -> None:
        typed, self._typed = self._typed, {}
        if self._view is not None and self._view.is_attached:
            typed = {**self._view.unsaved(), **typed}
        for field, text in typed.items():
            try:
                self.conversation.answer(say.Type(field, text))
            except TabsmithError as error:
                self.app.notify(f"What you typed is not saved: {error.what}", severity="warning")

    def on_unmount(self) -> None:
        if self._conversation is not None:
            self._save_drafts()

    # Drawing ------------------------------------------------------------------------------------------------------

    async def _draw(self) -> None:
        prompt = for_terminal(self.conversation.prompt, reviewing=self._reviewing)
        session = self.session
        self.query_one(StepList).steps = prompt.steps
        self.query_one(NoticeBox).show(prompt.notices)
        self.show_subject(subject(session))
        saved = f"saved {clock_time(session.updated_at)}" if session.revision else ""
        self.show_status(pill("idle"), (saved and f"session {saved}"))
        kind = view_for(prompt.state, reviewing=self._reviewing)
        title = literal(prompt.title, 100)
        if self._view is not None and type(self._view) is kind and self._view.prompt.state is prompt.state:
            entitle(self.query_one("#step"), title)
            self._view.show(prompt)
            self.refresh_bindings()
            return
        recent = await asyncio.to_thread(recent_files) if kind is PathStep else ()
        view = PathStep(prompt, recent) if kind is PathStep else kind(prompt)
        holder = self.query_one("#view")
        self._view = None  # until it is mounted, nobody may show anything in it
        self.set_focus(None)  # under another screen, a removed widget would keep the focus and swallow the keys
        async with self.batch():
            await holder.remove_children()
            await holder.mount(view)
            entitle(self.query_one("#step"), title)
            self._view = view
            if self.app.screen is self:
                view.take_focus()  # before the step is seen: whoever sees it may type
        self.refresh_bindings()
        if isinstance(view, LoadStep):
            self.run_worker(self._estimate(view), group="estimate", exclusive=True, exit_on_error=False)

    async def _estimate(self, view: LoadStep) -> None:
        source = self.session.source
        if source is None:
            return
        found = await estimate(source, self.tabsmith.supervisor)
        if view.is_attached:
            view.show_estimate(found)

    def on_screen_resume(self, _event: events.ScreenResume) -> None:
        """Back from a dialog or a run: the focus is where it was, or at the step."""
        if self._view is not None and (self.focused is None or not self.focused.is_attached):
            self._view.take_focus()
        if self._conversation is not None and self._conversation.settings.agents != self.tabsmith.settings.agents:
            self.run_worker(self._take_agents(), group="draw")

    async def _take_agents(self) -> None:
        """The agents were set otherwise meanwhile; what was typed stays."""
        agents, why_not = await asyncio.to_thread(self.tabsmith.agents)
        async with self._turn:
            self._save_drafts()
            self.conversation.take_settings(self.tabsmith.settings, agents, why_not)
            await self._draw()

    def show_review(self, *, reviewing: bool) -> None:
        """Show the page before training, or the form again."""
        self._reviewing = reviewing
        self.run_worker(self._draw_in_turn(), group="draw")

    async def _draw_in_turn(self) -> None:
        async with self._turn:
            self._save_drafts()
            await self._draw()

    def on_model_step_to_review(self, event: ModelStep.ToReview) -> None:
        event.stop()
        self._save_drafts()
        prompt = self.conversation.prompt
        if prompt.missing and isinstance(self._view, ModelStep):
            self._view.show(prompt)
            self._view.show_first_problem()
        else:
            self.show_review(reviewing=True)

    # Work ---------------------------------------------------------------------------------------------------------

    @property
    def working(self) -> bool:
        """Whether work that can be cancelled is under way."""
        return self._work is not None and not self._work.is_finished

    def _begin(self, effect: do.Effect) -> None:
        match effect:
            case do.ReadSource() | do.DetectTarget() | do.PredictFile():
                self._work = self.run_worker(self._carry_out(effect), group="job", exclusive=True, exit_on_error=False)
            case do.StartTraining() | do.ResumeTraining():
                if isinstance(effect, do.ResumeTraining):
                    self._run.resumed(effect.run_id)
                self.run_worker(self._start(effect), group="run", exit_on_error=False)
            case _:
                raise TypeError(f"{type(effect).__name__} is carried out by the conversation itself")

    async def _carry_out(self, effect: JobEffect) -> None:
        line = self.query_one(WorkLine)
        line.begin(words_of(effect))
        previews: list[Preview] = []
        try:
            answer = await carry_out(effect, self.tabsmith.supervisor, line.progress, previews.append)
        finally:
            line.end()
        if isinstance(answer, say.TableLoaded) and previews:
            self._preview = (answer.info.fingerprint, previews[0])
        self._work = None
        await self.give(answer)

    def end_work(self) -> None:
        """End the work under way, and its process with it."""
        if self._work is not None:
            self._work.cancel()
            self._work = None
        self.query_one(WorkLine).end()

    async def _start(self, effect: RunEffect) -> None:
        run_id = effect.spec.id if isinstance(effect, do.StartTraining) else effect.run_id
        failed = await begin_run(effect, self.tabsmith.supervisor)
        if failed is not None:
            await self.give(failed)
        elif self.app.screen is self:
            self.tabsmith.open_run(run_id)

    async def _look_at_run(self) -> None:
        """Where the run of this session is; its end is told to the conversation, also while another screen is shown."""
        if self._conversation is None or self.session.state is not State.TRAINING:
            return
        look = self._run.look(self.session.run_id)
        if look is None:
            return
        if isinstance(self._view, TrainingStep):
            self._view.show_run(look.run, self.tabsmith.clock())
        if look.end is not None:
            if isinstance(look.end, say.RunFinished):
                self.tabsmith.newest_model = look.end.report.model_id
            await self.give(look.end)

    async def preview(self) -> Preview | ErrorReport | None:
        """The first rows of the table; read again when this sitting has not seen them yet."""
        table = self.session.table
        if table is None:
            return None
        if self._preview is None or self._preview[0] != table.fingerprint:
            line = self.query_one(WorkLine)
            line.begin("reading the first rows")
            try:
                found = await first_rows(table.source, self.tabsmith.supervisor, line.progress)
            finally:
                line.end()
            if isinstance(found, ErrorReport):
                return found
            self._preview = (table.fingerprint, found)
        return self._preview[1]

    # Going back by the list ---------------------------------------------------------------------------------------

    async def on_step_list_picked(self, event: StepList.Picked) -> None:
        """Back to a step that was clicked, as far as the way back leads there."""
        event.stop()
        if self._reviewing and STEP_OF.get(self.session.state) is event.step:
            self.show_review(reviewing=False)
            return
        if not any(STEP_OF.get(state) is event.step for state in self.session.history):
            self.app.notify(f"The way back does not lead to {event.step.value}. Go on with enter.", severity="warning")
            return
        self.end_work()
        while STEP_OF.get(self.session.state) is not event.step:
            if not await self.give(say.Back()):
                return
