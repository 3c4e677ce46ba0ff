"""The guided steps: one screen over a workflow conversation. It shows the form of the current step, sends the person's
actions, runs the work that the conversation asks for, and follows the session when another window changes it."""

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

from msgspec.structs import replace
from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.timer import Timer
from textual.worker import Worker

from tabsmith.errors import ErrorReport, StepError, TabsmithError
from tabsmith.formatting import time_of_day
from tabsmith.presentation.tables import reading_facts
from tabsmith.runs.jobs import DetectSchema, Estimated, EstimateTable, JobFailed, Predict, ReadTable, TableRead
from tabsmith.tables.info import Preview
from tabsmith.tables.read.sources import DatabaseSource, FileSource, RemoteSource, describe_source
from tabsmith.text import clean, plural
from tabsmith.workflow import actions
from tabsmith.workflow.effects import (
    AwaitedRun,
    Effect,
    JobEffect,
    ResumeTraining,
    RunEffect,
    StartTraining,
    describe_job,
    run_job,
    start_run,
)
from tabsmith.workflow.form import StepForm
from tabsmith.workflow.session import LOCAL_USER, FieldName, SessionNotice, WorkflowSession
from tabsmith.workflow.states import STEP_OF, GuidedStep, State, StepMark
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.screens.base import STYLES, TabsmithScreen
from tabsmith_tui.store import SessionWatch
from tabsmith_tui.widgets.bars import ProgressLine, pill
from tabsmith_tui.widgets.literal import ContentText, TextLine, assemble, literal, set_border_title
from tabsmith_tui.widgets.path_field import LONGEST
from tabsmith_tui.widgets.steps.base import ChoicesStep, StepList, StepView
from tabsmith_tui.widgets.steps.result import PredictStep, ResultStep, result_of
from tabsmith_tui.widgets.steps.schema import SchemaStep
from tabsmith_tui.widgets.steps.table import LoadStep, ManualStep, PathStep
from tabsmith_tui.widgets.steps.train import ModelStep, ReviewStep, TrainingStep

if TYPE_CHECKING:
    from tabsmith.tables.read.sources import ReadOptions, SampleName
    from tabsmith.workflow.conversation import Conversation
    from tabsmith_tui.store import RecentTable, SessionOwner

DRAFT_SECONDS: Final = 0.4
"""Seconds between the last key and the saving of the typed text."""
WATCH_SECONDS: Final = 0.5
"""Seconds between two looks at the session's file and at the run that the session waits for."""
_NOTICE_SECONDS: Final = 4.0

_VIEWS: Final[dict[State, type[StepView]]] = {
    State.AWAITING_FILE_PATH: PathStep,
    State.AWAITING_DATA: PathStep,
    State.CHOOSING_LOAD_OPTION: LoadStep,
    State.CONFIRMING_SCHEMA: SchemaStep,
    State.AWAITING_SCHEMA_INPUT: ManualStep,
    State.CONFIGURING_MODEL: ModelStep,
    State.TRAINING: TrainingStep,
    State.TRAINED: ResultStep,
    State.PREDICTING: PredictStep,
}
_STEP_ACTIONS: Final = frozenset(
    {"next", "start", "result", "watch", "lines", "preview", "predict", "new", "copy", "reading", "explore"}
)
"""The actions that each step allows or not; the others are possible at every step."""


class NoticeBox(TextLine):
    """The notices of what changed while the person was away; the next action removes them."""

    DEFAULT_CSS = "NoticeBox { height: auto; color: $warn; margin-bottom: 1; }"

    def show_notices(self, notices: tuple[SessionNotice, ...]) -> None:
        """Show these notices; the box is hidden when there are none."""
        self.show(Content("\n").join([literal(f"! {notice.text}", 600) for notice in notices]))
        self.display = bool(notices)


class GuidedScreen(TabsmithScreen):
    """The conversation of this terminal's user, or of an `owner` on a phone. The workflow decides which step comes
    next; this screen never does.

    `resume` shows the saved session at once; without it the person is asked whether to resume or to start over.
    `sample`, or `table`, is chosen when a new session starts.
    """

    SCOPE = "guided"
    CSS_PATH = STYLES / "guided.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("guided", without=SchemaStep.ACTIONS)
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - as Textual declares it
    ABOUT = (
        "Six steps from a table to a model. Every step shows a default; enter takes it. Escape goes one step back and "
        "erases nothing. All you type is saved as you type it."
    )

    def __init__(
        self,
        *,
        resume: bool,
        sample: "SampleName | None" = None,
        table: "FileSource | DatabaseSource | RemoteSource | None" = None,
        owner: "SessionOwner | None" = None,
    ) -> None:
        super().__init__()
        self.owner = owner
        self._resume = resume
        self._sample = sample
        self._table = table
        self._conversation: Conversation | None = None
        self._step_lock = asyncio.Lock()  # held while an action is performed and its step is drawn
        self._view: StepView | None = None
        self._reviewing = False  # whether the page before training is shown in place of the model form
        self._typed: dict[FieldName, str] = {}  # typed a moment ago and not saved yet
        self._draft_timer: Timer | None = None
        self._job: Worker[None] | None = None
        self._preview: tuple[str, Preview] | None = None  # of the table with that fingerprint
        self._format_name = ""  # of the file, once it was estimated
        self._awaited_run = AwaitedRun()
        self._session_watch: SessionWatch | None = None
        self._behind = False  # whether the conversation was reloaded and the shown step is still the old one

    def body(self) -> ComposeResult:
        with Horizontal(id="guided"):
            with Vertical(id="steps", classes="panel") as steps:
                set_border_title(steps, "Steps")
                yield StepList()
            with Vertical(id="step", classes="panel"):
                yield NoticeBox()
                yield Vertical(id="view")
                yield ProgressLine()

    async def on_mount(self) -> None:
        from tabsmith.workflow.conversation import Conversation
        from tabsmith.workflow.session import SessionStore

        services = self.services
        self.query_one(ProgressLine).end()
        agents, why_not = await asyncio.to_thread(services.agents)
        if not self.is_open:  # left meanwhile
            return
        try:
            self._conversation = Conversation(
                SessionStore(self.owner.user if self.owner else LOCAL_USER, clock=services.clock),
                services.settings,
                clock=services.clock,
                new_id=lambda _now: services.new_id(),
                agents=agents,
                why_not=why_not,
            )
        except TabsmithError as error:
            self.app.pop_screen()
            self.show_error(error)
            return
        self._session_watch = SessionWatch(self._conversation.store.path)
        self.set_interval(WATCH_SECONDS, self.look_for_changes)
        if self.owner is None:
            services.conversation = self._conversation
        if self.session.state in (State.IDLE, State.COMPLETED):
            if self.owner is not None:
                self._leave_ended(self.owner)
            else:
                await self._begin()
            return
        await self._draw()
        if not self._resume:
            self._ask_resume_or_start_over()

    @property
    def conversation(self) -> "Conversation":
        """The conversation; it exists from the first frame on."""
        assert self._conversation is not None
        return self._conversation

    @property
    def session(self) -> WorkflowSession:
        """The session of the conversation."""
        return self.conversation.session

    @property
    def view(self) -> StepView | None:
        """The step that is shown; None before the first frame."""
        return self._view

    async def _begin(self) -> None:
        """Start a new session, with the sample or the table when the screen was opened for one."""
        sample, table = self._sample, self._table
        if not await self.perform(actions.Begin()):
            return
        self._sample = self._table = None
        if sample is not None:
            await self.perform(actions.ChooseSample(sample))
        elif table is not None and await self.perform(actions.ChooseFile()):
            await self.perform(actions.ChangeSource(table))

    def _ask_resume_or_start_over(self) -> None:
        from tabsmith_tui.screens.dialogs import DialogAnswer, QuestionScreen

        session = self.session
        table = describe_source(session.source) if session.source else "no table yet"
        if session.state is State.TRAINED:
            title = assemble(literal(table, 50), " is trained")
        else:
            title = assemble("Unfinished: ", literal(table, 50), f" at {session.place}")

        async def answered(answer: str | None) -> None:
            if answer == "new" and await self.perform(actions.Cancel()):
                await self._begin()

        self.app.push_screen(
            QuestionScreen(
                title,
                "Resume it, or start over?",
                (
                    DialogAnswer("", "resume", "with everything as you left it"),
                    DialogAnswer("new", "start over", "the draft is discarded; your models stay"),
                ),
            ),
            answered,
        )

    # Actions of the person and results of work --------------------------------------------------------------------

    async def perform(self, action: actions.WorkflowAction) -> bool:
        """Perform an action in the conversation, draw the step that follows, and start the work it asks for.

        Returns whether the action was taken. An action that does not fit, or cannot be saved, changes nothing and is
        explained on the screen.
        """
        async with self._step_lock:
            try:
                self.keep_typed()
                self._require_up_to_date()
                before = self.session.state
                step = self.conversation.answer(action)
            except TabsmithError as error:
                await self._explain_refusal(action, error)
                return False
            if step.session.state is not before:
                self._reviewing = False
            await self._draw()
            if step.effect is not None:
                self._start_effect(step.effect)
            return True

    def _require_up_to_date(self) -> None:
        """Raises SessionMovedOnError if another window changed the session, because nobody acts on a step that they do
        not see."""
        from tabsmith.workflow.session import SessionMovedOnError

        if self._behind:
            raise SessionMovedOnError(self.session if self.session.revision else None)

    async def _explain_refusal(self, action: actions.WorkflowAction, error: TabsmithError) -> None:
        from tabsmith.workflow.session import SessionMovedOnError

        if isinstance(error, SessionMovedOnError):
            try:
                await self._catch_up()
            except TabsmithError as unreadable:
                error = unreadable
        if isinstance(error, StepError):
            by_person = type(action) in actions.USER_ACTIONS
            self.app.notify(f"{error.what} {error.next_step}", severity="warning" if by_person else "information")
        else:
            self.show_error(error)

    async def on_step_view_acted(self, event: StepView.Acted) -> None:
        event.stop()
        for action in event.actions:
            if not await self.perform(action):
                break

    # Typed text ---------------------------------------------------------------------------------------------------

    def on_step_view_typed(self, event: StepView.Typed) -> None:
        """Keep the text; it goes to disk a moment later, so that a burst of keys is one write."""
        event.stop()
        self._typed[event.field] = event.text
        if self._draft_timer is not None:
            self._draft_timer.stop()
        self._draft_timer = self.set_timer(DRAFT_SECONDS, self._save_draft)

    def _save_draft(self) -> None:
        self.keep_typed()
        if self._view is not None and not self._behind:
            self._view.show(self._form())

    def keep_typed(self) -> None:
        """Save the typed texts as drafts, even if another window changed the session, unless it is another session by
        now."""
        typed, self._typed = self._typed, {}
        if self._view is not None and self._view.is_attached:
            now = self._view.texts()  # a text that was typed and taken back again is saved as it is now
            typed = {**self._view.unsaved(), **{field: now.get(field, text) for field, text in typed.items()}}
        for field, text in typed.items():
            try:
                self._save_text(actions.Type(field, text))
            except TabsmithError as error:
                self.app.notify(f"What you typed is not saved: {error.what}", severity="warning")

    def _save_text(self, typed: actions.Type) -> None:
        from tabsmith.workflow.session import SessionMovedOnError

        before = self.session.id
        try:
            self.conversation.answer(typed)
        except SessionMovedOnError:
            reloaded = self.conversation.reload()
            self._behind = True
            if reloaded.id != before:
                raise
            self.conversation.answer(typed)

    def on_unmount(self) -> None:
        if self._conversation is not None and self.session.revision:
            self.keep_typed()

    # Drawing ------------------------------------------------------------------------------------------------------

    def _form(self) -> StepForm:
        """The form of the step, as the terminal shows it."""
        form = form_for_terminal(self.conversation.form, reviewing=self._reviewing)
        if form.state is State.CONFIRMING_SCHEMA:
            return replace(form, facts=(*form.facts, *reading_facts(self.session)))
        return form

    async def _draw(self) -> None:
        """Show the form of the current step: in the view that is there if it fits, else in a new one."""
        form = self._form()
        session = self.session
        if self._behind:  # a view that is only updated would keep the text in its fields
            self._behind, self._view = False, None
        self.query_one(StepList).steps = form.steps
        self.query_one(NoticeBox).show_notices(form.notices)
        self.show_subject(session_subject(session, self.owner))
        self.show_status(pill("idle"), f"session saved {time_of_day(session.updated_at)}" if session.revision else "")
        kind = view_for(form.state, reviewing=self._reviewing)
        title = literal(form.title, 100)
        if self._view is not None and type(self._view) is kind and self._view.form.state is form.state:
            set_border_title(self.query_one("#step"), title)
            self._view.show(form)
            self.refresh_bindings()
            return
        recent = await asyncio.to_thread(self.services.store.recent_tables) if kind is PathStep else ()
        view = PathStep(form, shown_places(recent)) if kind is PathStep else kind(form)
        holder = self.query_one("#view")
        self._view = None  # until it is mounted, nothing may be shown in it
        self.set_focus(None)  # under another screen, a removed widget would keep the focus and swallow the keys
        async with self.batch():
            await holder.remove_children()
            await holder.mount(view)
            set_border_title(self.query_one("#step"), title)
            self._view = view
            if self.app.screen is self:
                view.take_focus()  # before the step is painted: a person who sees it may type
        self.refresh_bindings()
        if isinstance(view, LoadStep):
            self.run_worker(self._estimate(view), group="estimate", exclusive=True, exit_on_error=False)

    async def _redraw(self) -> None:
        async with self._step_lock:
            self.keep_typed()
            await self._draw()

    def show_review(self, *, reviewing: bool) -> None:
        """Show the page before training, or the model form again."""
        self._reviewing = reviewing
        self.run_worker(self._redraw(), group="draw")

    def on_model_step_to_review(self, event: ModelStep.ToReview) -> None:
        event.stop()
        self.keep_typed()
        form = self.conversation.form
        if form.missing and isinstance(self._view, ModelStep):
            self._view.show(form)
            self._view.show_first_problem()
        else:
            self.show_review(reviewing=True)

    def on_screen_resume(self, _event: events.ScreenResume) -> None:
        """Back from a dialog or a run: restore the focus, and take over changed settings of agents."""
        if self._view is not None and (self.focused is None or not self.focused.is_attached):
            self._view.take_focus()
        if self._conversation is not None and self._conversation.settings.agents != self.services.settings.agents:
            self.run_worker(self._take_agents(), group="draw")

    async def _take_agents(self) -> None:
        """Use the changed settings of agents; typed text stays."""
        agents, why_not = await asyncio.to_thread(self.services.agents)
        async with self._step_lock:
            self.keep_typed()
            self.conversation.take_settings(self.services.settings, agents, why_not)
            await self._draw()

    async def on_step_list_picked(self, event: StepList.Picked) -> None:
        """Go back to a clicked step, if the history leads there."""
        event.stop()
        if self._reviewing and self.session.step is event.step:
            self.show_review(reviewing=False)
            return
        if not any(STEP_OF.get(state) is event.step for state in self.session.history):
            self.app.notify(
                f"The way back does not lead to {event.step.value}. Continue with enter.", severity="warning"
            )
            return
        self._end_job()
        while self.session.step is not event.step:
            if not await self.perform(actions.Back()):
                return

    # Background work ----------------------------------------------------------------------------------------------

    @property
    def working(self) -> bool:
        """Whether a job that can be cancelled is running."""
        return self._job is not None and not self._job.is_finished

    def _start_effect(self, effect: Effect) -> None:
        """Start the work; its result is performed as an action."""
        match effect:
            case ReadTable() | DetectSchema() | Predict():
                self._job = self.run_worker(self._run_job(effect), group="job", exclusive=True, exit_on_error=False)
            case StartTraining() | ResumeTraining():
                if isinstance(effect, ResumeTraining):
                    self._awaited_run.resumed(effect.run_id)
                self.run_worker(self._start_run(effect), group="run", exit_on_error=False)
            case _:
                raise TypeError(f"{type(effect).__name__} is carried out by the conversation itself")

    async def _run_job(self, job: JobEffect) -> None:
        line = self.query_one(ProgressLine)
        line.begin(describe_job(job))
        try:
            result = await run_job(job, self.services.supervisor, line.show_progress)
        finally:
            line.end()
        if isinstance(result, TableRead):
            self._preview = (result.info.fingerprint, result.preview)
        self._job = None
        await self.perform(result)

    def _end_job(self) -> None:
        """Cancel the running job and its process."""
        if self._job is not None:
            self._job.cancel()
            self._job = None
        self.query_one(ProgressLine).end()

    async def _start_run(self, effect: RunEffect) -> None:
        run_id = effect.spec.id if isinstance(effect, StartTraining) else effect.run_id
        failure = await start_run(effect, self.services.supervisor)
        if failure is not None:
            await self.perform(failure)
        elif self.app.screen is self:
            self.services.open_screen("run", run_id)

    async def _first_rows(self) -> Preview | ErrorReport | None:
        """Return the first rows of the table; they are read again if this screen has not read the table itself."""
        table = self.session.table
        if table is None:
            return None
        if self._preview is None or self._preview[0] != table.fingerprint:
            line = self.query_one(ProgressLine)
            line.begin("reading the first rows")
            try:
                result = await run_job(ReadTable(table.source), self.services.supervisor, line.show_progress)
            finally:
                line.end()
            if isinstance(result, JobFailed):
                return result.error
            assert isinstance(result, TableRead)
            self._preview = (table.fingerprint, result.preview)
        return self._preview[1]

    async def _estimate(self, view: LoadStep) -> None:
        """Estimate what loading will cost, and show it at the step."""
        source = self.session.source
        if source is None:
            return
        result = await run_job(EstimateTable(source), self.services.supervisor)
        if isinstance(result, Estimated):
            self._format_name = result.estimate.format
        if view.is_attached:
            assert isinstance(result, (Estimated, JobFailed))
            view.show_estimate(result.estimate if isinstance(result, Estimated) else result.error)

    # Following the session and its run ----------------------------------------------------------------------------

    async def look_for_changes(self) -> None:
        """Take over what another window did to the session, or follow the run that the session waits for."""
        if self._step_lock.locked():  # a run that is being resumed would still look ended
            return
        if self.changed_elsewhere:
            if self.app.screen is self and not self._typed:
                await self._take_over()
        elif self.session.state is State.TRAINING:
            await self._watch_run()

    @property
    def changed_elsewhere(self) -> bool:
        """Whether the shown step is not the state of the session."""
        return self._behind or (self._session_watch is not None and self._session_watch.changed(self.session))

    async def _take_over(self) -> None:
        async with self._step_lock:
            self.keep_typed()
            try:
                await self._catch_up()
            except TabsmithError as error:
                self.show_error(error)
                return
        if self.session.revision:
            self.app.notify(f"Changed in another window: it is at {self.session.place} now.", timeout=_NOTICE_SECONDS)
        elif self.owner is None:
            self.app.notify("Ended in another window.", timeout=_NOTICE_SECONDS)

    async def _catch_up(self) -> None:
        """Show the session as it is on disk. The ended session of another owner is left, because nobody starts a new
        one in their name. Raises StorageError."""
        self._end_job()
        if not self._behind:
            self.conversation.reload()
        if not self.session.revision and self.owner is not None:
            self._leave_ended(self.owner)
            return
        self._behind = True
        self._reviewing = self._reviewing and self.session.state is State.CONFIGURING_MODEL
        await self._draw()

    def _leave_ended(self, owner: "SessionOwner") -> None:
        """Go home, and say why."""
        self.services.open_home()
        self.app.notify(f"The conversation of {owner.phone} was ended.", timeout=_NOTICE_SECONDS)

    async def _watch_run(self) -> None:
        """Show the progress of the session's run, and perform its end, even while another screen is shown."""
        look = self._awaited_run.look(self.session.run_id)
        if look is None:
            return
        if isinstance(self._view, TrainingStep):
            self._view.show_run(look.run, self.services.clock())
        if look.end is not None:
            if isinstance(look.end, actions.RunFinished):
                self.services.newest_model = look.end.report.model_id
            await self.perform(look.end)

    # Keys: forward and back ---------------------------------------------------------------------------------------

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer an action only at the steps that allow it."""
        view = self._view
        if action not in _STEP_ACTIONS:
            return True
        if view is None or action not in view.ALLOWED:
            return False
        if action == "copy":
            return bool(view.to_copy())
        if action == "reading":
            return isinstance(self.session.source, FileSource | DatabaseSource | RemoteSource)
        if action == "lines" and isinstance(view, SchemaStep):
            return bool(view.field.rejected or view.field.repaired)
        return True

    def action_next(self) -> None:
        """Take the default choice of the step."""
        if self._view is not None:
            self._view.go_on()

    async def action_start(self) -> None:
        """Start training."""
        await self.perform(actions.Train())

    def action_watch(self) -> None:
        """Open the run."""
        self.services.open_screen("run", self.session.run_id)

    def action_result(self) -> None:
        """Open the whole report of the model."""
        result = result_of(self._view.form) if self._view else None
        if result is not None:
            self.services.open_screen("result", result.model.model_id)

    async def action_predict(self) -> None:
        """Go to the step that predicts new rows."""
        await self.perform(actions.PredictRows())

    async def action_new(self) -> None:
        """Finish this session and start another one; the model stays."""
        if await self.perform(actions.Finish()):
            await self.perform(actions.Begin())

    async def action_back(self) -> None:
        """Go one step back and cancel the running job; before the first step, go home."""
        view = self._view
        if view is None:  # the conversation is still being loaded
            self.services.open_home()
            return
        if isinstance(view, SchemaStep) and view.close_filter():
            return
        if isinstance(view, ReviewStep):
            self.show_review(reviewing=False)
            return
        working = self.working
        if working:
            self._end_job()
        target = self.session.schema.target if self.session.schema else ""
        if working and self.session.state is State.CONFIRMING_SCHEMA and target:
            await self.perform(actions.ChangeTarget(target))  # the present target, so that the session awaits no other
            self.app.notify("Cancelled. The target stays as it was.")
        elif self.session.state is State.TRAINING or view.form.back_to in (None, State.IDLE):
            self.services.open_home()
        else:
            if working:
                self.app.notify("Cancelled.")
            await self.perform(actions.Back())

    def action_cancel(self) -> None:
        """Discard the session, after a question."""
        from tabsmith_tui.screens.dialogs import DialogAnswer, QuestionScreen

        if self._view is None:
            return
        training = self.session.state is State.TRAINING
        question = assemble(
            "The draft is discarded; your models stay, and so do files and runs.",
            "\nThe run in progress continues." if training else "",
            f"\nIt is the conversation of {self.owner.phone}: it ends there too." if self.owner else "",
        )
        answers = (
            DialogAnswer("", "back", "keep everything"),
            DialogAnswer("cancel", "discard session", "home, with nothing half done"),
        )
        self.app.push_screen(QuestionScreen("Discard this session?", question, answers), self._cancelled)

    async def _cancelled(self, answer: str | None) -> None:
        if answer == "cancel":
            self._end_job()
            if await self.perform(actions.Cancel()):
                self.services.open_home()

    async def action_copy(self) -> None:
        """Copy the step's text for copying, and say where it went."""
        from tabsmith_tui.clipboard import copy_and_tell

        text = self._view.to_copy() if self._view else ""
        if text:
            await copy_and_tell(text, self.app)

    # Keys: the table ----------------------------------------------------------------------------------------------

    def action_lines(self) -> None:
        """Show the rejected and repaired lines."""
        from tabsmith_tui.screens.table_views import LinesView

        if self.session.table is not None:
            self.app.push_screen(LinesView(self.session.table))

    def action_reading(self) -> None:
        """Open the dialog that says how the table is read."""
        from tabsmith_tui.screens.reading import ReadingDialog

        source = self.session.source
        assert isinstance(source, FileSource | DatabaseSource | RemoteSource)
        table = self.session.table
        format_name = table.format if table is not None else self._format_name

        async def said(options: "ReadOptions | None") -> None:
            if options is not None and options != source.options:
                await self.perform(actions.ChangeSource(replace(source, options=options)))

        self.app.push_screen(ReadingDialog(source, self.services, format_name), said)

    def action_explore(self) -> None:
        """Open the screen on which the table is asked."""
        if self.session.table is not None:
            self.services.open_screen("explore", self.session.table, self.session.user)

    def action_preview(self) -> None:
        """Show the first rows of the table."""
        self.run_worker(self._show_preview(), group="preview", exclusive=True, exit_on_error=False)

    async def _show_preview(self) -> None:
        from tabsmith_tui.screens.table_views import PreviewView

        preview = await self._first_rows()
        if isinstance(preview, ErrorReport):
            self.show_error(preview)
        elif preview is not None and self.session.source is not None:
            self.app.push_screen(PreviewView(preview, describe_source(self.session.source)))


def view_for(state: State, *, reviewing: bool) -> type[StepView]:
    """The view class of a state; `reviewing` is the page before training."""
    if reviewing and state is State.CONFIGURING_MODEL:
        return ReviewStep
    return _VIEWS.get(state, ChoicesStep)


def form_for_terminal(form: StepForm, *, reviewing: bool) -> StepForm:
    """Adapt a form to the terminal: no upload as a source, and the page before training as a step of its own."""
    if form.state is State.CHOOSING_DATA_SOURCE:
        default = form.choices[form.default]
        choices = tuple(choice for choice in form.choices if not isinstance(choice.answer, actions.ChooseUpload))
        form = replace(form, choices=choices, default=choices.index(default) if default in choices else 0)
    if not (reviewing and form.state is State.CONFIGURING_MODEL):
        return form
    marks = {GuidedStep.MODEL: StepMark.DONE, GuidedStep.TRAIN: StepMark.CURRENT}
    steps = tuple(replace(line, mark=marks.get(line.step, line.mark)) for line in form.steps)
    return replace(form, title="Ready to train?", steps=steps, step=GuidedStep.TRAIN)


def session_subject(session: WorkflowSession, owner: "SessionOwner | None" = None) -> ContentText:
    """The session for the top line: its owner, unless it is the terminal's own, its table, and the table's shape."""
    parts = [assemble((f"▸ {owner.phone}", "$accent"), " · ")] if owner else []
    if session.source is None:
        return assemble(*parts, "a new model")
    parts.append(literal(describe_source(session.source), 60))
    if session.table is not None and session.table.source == session.source and session.load == "now":
        shape = f" · {plural(session.table.rows, 'row')} · {plural(len(session.table.profile.columns), 'column')}"
        parts.append(assemble((shape, "$quiet")))
    return assemble(*parts)


def shown_places(tables: "tuple[RecentTable, ...]") -> tuple[str, ...]:
    """The paths and addresses of tables that a field can hold as they are."""
    return tuple(table.place for table in tables if clean(table.place, LONGEST) == table.place)
