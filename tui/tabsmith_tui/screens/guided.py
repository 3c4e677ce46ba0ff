"""The guided steps on one screen: it shows the workflow's prompt, gives the answers, and has its work carried out."""

import asyncio
from typing import TYPE_CHECKING, ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.timer import Timer

from tabsmith.errors import StepError, TabsmithError
from tabsmith.formatting import time_of_day
from tabsmith.workflow import actions
from tabsmith.workflow.session import LOCAL_USER, FieldName, WorkflowSession
from tabsmith.workflow.states import STEP_OF, State
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.screens.base import TabsmithScreen
from tabsmith_tui.screens.guided_keys import GuidedKeys
from tabsmith_tui.screens.guided_parts import NoticeBox, WorkLine, for_terminal, recent_files, subject, view_for
from tabsmith_tui.screens.guided_watch import GuidedWatch
from tabsmith_tui.screens.guided_work import GuidedWork
from tabsmith_tui.widgets.literal import literal, set_border_title
from tabsmith_tui.widgets.pill import pill
from tabsmith_tui.widgets.step_list import StepList
from tabsmith_tui.widgets.steps.base import StepView
from tabsmith_tui.widgets.steps.load import LoadStep
from tabsmith_tui.widgets.steps.model import ModelStep
from tabsmith_tui.widgets.steps.path import PathStep

if TYPE_CHECKING:
    from tabsmith.tables.read.sources import SampleName
    from tabsmith.workflow.conversation import Conversation
    from tabsmith_tui.store import SessionOwner

DRAFT_SECONDS: Final = 0.4


class GuidedScreen(GuidedKeys, GuidedWork, GuidedWatch, TabsmithScreen):
    """Where a conversation is shown: that of this terminal's user, or of an `owner` at a phone. It decides by itself
    where to go."""

    SCOPE = "guided"
    CSS_PATH = "guided.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("guided")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]  # noqa: RUF012 - as Textual declares it
    ABOUT = (
        "Six steps from a table to a model. Every step shows a default; enter takes it. Escape goes one step back and "
        "erases nothing. All you type is saved as you type it."
    )

    def __init__(
        self, *, resume: bool, sample: "SampleName | None" = None, owner: "SessionOwner | None" = None
    ) -> None:
        super().__init__()
        self.owner = owner
        self.turn = asyncio.Lock()
        self._resume = resume
        self._sample = sample
        self._conversation: Conversation | None = None
        self._view: StepView | None = None
        self._reviewing = False
        self._typed: dict[FieldName, str] = {}
        self._draft_timer: Timer | None = None

    def body(self) -> ComposeResult:
        with Horizontal(id="guided"):
            with Vertical(id="steps", classes="panel") as steps:
                set_border_title(steps, "Steps")
                yield StepList()
            with Vertical(id="step", classes="panel"):
                yield NoticeBox(markup=False)
                yield Vertical(id="view")
                yield WorkLine(markup=False)

    async def on_mount(self) -> None:
        from tabsmith.workflow.conversation import Conversation
        from tabsmith.workflow.session_store import SessionStore

        self.query_one(WorkLine).end()
        app = self.tabsmith
        agents, why_not = await asyncio.to_thread(app.agents)
        if not self.is_attached:  # left meanwhile
            return
        try:
            self._conversation = Conversation(
                SessionStore(self.owner.user if self.owner else LOCAL_USER, clock=app.clock),
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
        self.begin_watching()
        if self.owner is None:
            app.conversation = self._conversation
        if self.session.state in (State.IDLE, State.COMPLETED):
            if self.owner is not None:
                self.leave_ended(self.owner)
                return
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
        if await self.give(actions.Begin()) and self._sample is not None:
            await self.give(actions.ChooseSample(self._sample))
            self._sample = None

    # Answers ------------------------------------------------------------------------------------------------------

    async def give(self, answer: actions.WorkflowAction) -> bool:
        """Give the conversation an answer, show where it stands then, and begin the work it asks for.

        Whether the answer was taken: one that does not fit, or cannot be saved, is told and changes nothing.
        """
        async with self.turn:
            try:
                self.keep_typed()
                self._require_shown()
                before = self.session.state
                step = self.conversation.answer(answer)
            except TabsmithError as error:
                await self._not_taken(answer, error)
                return False
            if step.session.state is not before:
                self._reviewing = False
            await self._draw()
            for effect in step.effects:
                self.begin_work(effect)
            return True

    def _require_shown(self) -> None:
        """Nobody answers what they do not see. Raises SessionMovedOnError when the session went on elsewhere."""
        from tabsmith.workflow.session_store import SessionMovedOnError

        if self.behind:
            raise SessionMovedOnError(self.session if self.session.revision else None)

    async def _not_taken(self, answer: actions.WorkflowAction, error: TabsmithError) -> None:
        from tabsmith.workflow.session_store import SessionMovedOnError

        if isinstance(error, SessionMovedOnError):
            try:
                await self.catch_up()
            except TabsmithError as unreadable:
                error = unreadable
        if isinstance(error, StepError):
            by_person = type(answer) in actions.USER_ACTIONS
            self.app.notify(f"{error.what} {error.next_step}", severity="warning" if by_person else "information")
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
        self.keep_typed()
        if self._view is not None and not self.behind:
            self._view.show(for_terminal(self.conversation.form, reviewing=self._reviewing))

    @property
    def typing(self) -> bool:
        """Whether something was typed a moment ago, and is not saved yet."""
        return bool(self._typed)

    def keep_typed(self) -> None:
        """Save what is typed as drafts, also in a session that went on elsewhere, as long as it is the same one."""
        typed, self._typed = self._typed, {}
        if self._view is not None and self._view.is_attached:
            typed = {**self._view.unsaved(), **typed}
        for field, text in typed.items():
            try:
                self._keep(actions.Type(field, text))
            except TabsmithError as error:
                self.app.notify(f"What you typed is not saved: {error.what}", severity="warning")

    def _keep(self, typed: actions.Type) -> None:
        from tabsmith.workflow.session_store import SessionMovedOnError

        before = self.session.id
        try:
            self.conversation.answer(typed)
        except SessionMovedOnError:
            present = self.conversation.reload()
            self.behind = True
            if present.id != before:
                raise
            self.conversation.answer(typed)

    def on_unmount(self) -> None:
        if self._conversation is not None and self.session.revision:
            self.keep_typed()

    # Drawing ------------------------------------------------------------------------------------------------------

    async def draw_anew(self) -> None:
        """Show the session as it stands, whatever was shown before."""
        self.behind = True
        self._reviewing = self._reviewing and self.session.state is State.CONFIGURING_MODEL
        await self._draw()

    async def _draw(self) -> None:
        prompt = for_terminal(self.conversation.form, reviewing=self._reviewing)
        session = self.session
        if self.behind:  # a step that is only told of the new state keeps what stood in its fields
            self.behind, self._view = False, None
        self.query_one(StepList).steps = prompt.steps
        self.query_one(NoticeBox).show(prompt.notices)
        self.show_subject(subject(session, self.owner))
        saved = f"saved {time_of_day(session.updated_at)}" if session.revision else ""
        self.show_status(pill("idle"), (saved and f"session {saved}"))
        kind = view_for(prompt.state, reviewing=self._reviewing)
        title = literal(prompt.title, 100)
        if self._view is not None and type(self._view) is kind and self._view.prompt.state is prompt.state:
            set_border_title(self.query_one("#step"), title)
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
            set_border_title(self.query_one("#step"), title)
            self._view = view
            if self.app.screen is self:
                view.take_focus()  # before the step is seen: whoever sees it may type
        self.refresh_bindings()
        if isinstance(view, LoadStep):
            self.begin_estimate(view)

    def on_screen_resume(self, _event: events.ScreenResume) -> None:
        """Back from a dialog or a run: the focus is where it was, or at the step."""
        if self._view is not None and (self.focused is None or not self.focused.is_attached):
            self._view.take_focus()
        if self._conversation is not None and self._conversation.settings.agents != self.tabsmith.settings.agents:
            self.run_worker(self._take_agents(), group="draw")

    async def _take_agents(self) -> None:
        """The agents were set otherwise meanwhile; what was typed stays."""
        agents, why_not = await asyncio.to_thread(self.tabsmith.agents)
        async with self.turn:
            self.keep_typed()
            self.conversation.take_settings(self.tabsmith.settings, agents, why_not)
            await self._draw()

    def show_review(self, *, reviewing: bool) -> None:
        """Show the page before training, or the form again."""
        self._reviewing = reviewing
        self.run_worker(self._draw_in_turn(), group="draw")

    async def _draw_in_turn(self) -> None:
        async with self.turn:
            self.keep_typed()
            await self._draw()

    def on_model_step_to_review(self, event: ModelStep.ToReview) -> None:
        event.stop()
        self.keep_typed()
        prompt = self.conversation.form
        if prompt.missing and isinstance(self._view, ModelStep):
            self._view.show(prompt)
            self._view.show_first_problem()
        else:
            self.show_review(reviewing=True)

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
            if not await self.give(actions.Back()):
                return
