"""What the guided screen watches: the run that its session waits for, and whether the session went on elsewhere."""

import asyncio
from typing import TYPE_CHECKING, Final

from textual.screen import Screen

from tabsmith.errors import ErrorReport, TabsmithError
from tabsmith.workflow import actions
from tabsmith.workflow.awaited_run import AwaitedRun
from tabsmith.workflow.states import State
from tabsmith_tui.session_watch import SessionWatch
from tabsmith_tui.widgets.steps.train import TrainingStep

if TYPE_CHECKING:
    from tabsmith.workflow.conversation import Conversation
    from tabsmith.workflow.session import WorkflowSession
    from tabsmith_tui.app import TabsmithApp
    from tabsmith_tui.store import SessionOwner
    from tabsmith_tui.widgets.steps.base import StepView

WATCH_SECONDS: Final = 0.5
_NOTICE_SECONDS: Final = 4.0


class GuidedWatch(Screen[None]):
    """Twice a second it looks; what it needs of the guided screen is declared here."""

    if TYPE_CHECKING:
        owner: SessionOwner | None
        turn: asyncio.Lock

        @property
        def tabsmith(self) -> TabsmithApp: ...
        @property
        def conversation(self) -> Conversation: ...
        @property
        def session(self) -> WorkflowSession: ...
        @property
        def view(self) -> StepView | None: ...
        @property
        def typing(self) -> bool: ...
        def keep_typed(self) -> None: ...
        def end_work(self) -> None: ...
        def show_error(self, error: BaseException | ErrorReport) -> None: ...
        async def give(self, answer: actions.WorkflowAction) -> bool: ...
        async def draw_anew(self) -> None: ...

    def __init__(self) -> None:
        super().__init__()
        self.awaited = AwaitedRun()
        self.behind = False  # the conversation has caught up with what was done elsewhere, the step shows it not yet
        self._session_watch: SessionWatch | None = None

    def begin_watching(self) -> None:
        """From now on."""
        self._session_watch = SessionWatch(self.conversation.store.path)
        self.set_interval(WATCH_SECONDS, self._look)

    async def _look(self) -> None:
        if self.turn.locked():  # an answer is being shown: a run that it resumes would still be seen as it had ended
            return
        if self.went_on_elsewhere:
            if self.app.screen is self and not self.typing:
                await self._take_over()
        elif self.session.state is State.TRAINING:
            await self._look_at_run()

    @property
    def went_on_elsewhere(self) -> bool:
        """Whether what is shown is not how the session stands."""
        return self.behind or (self._session_watch is not None and self._session_watch.moved_on(self.session))

    async def _take_over(self) -> None:
        async with self.turn:
            self.keep_typed()
            try:
                await self.catch_up()
            except TabsmithError as error:
                self.show_error(error)
                return
        if self.session.revision:
            self.app.notify(f"It went on elsewhere: {self.session.state.value}.", timeout=_NOTICE_SECONDS)
        elif self.owner is None:
            self.app.notify("It was ended elsewhere.", timeout=_NOTICE_SECONDS)

    async def catch_up(self) -> None:
        """Show the session as it stands on disk. One of somebody else that is no more is left: nobody begins another
        one in their name. Raises StorageError."""
        self.end_work()
        if not self.behind:
            self.conversation.reload()
        if self.session.revision or self.owner is None:
            await self.draw_anew()
        else:
            self.leave_ended(self.owner)

    def leave_ended(self, owner: "SessionOwner") -> None:
        """Back to home, and say why."""
        self.tabsmith.open_home()
        self.app.notify(f"The conversation of {owner.phone} was ended.", timeout=_NOTICE_SECONDS)

    async def _look_at_run(self) -> None:
        """Where the run of this session is; its end is told to the conversation, also while another screen is shown."""
        look = self.awaited.look(self.session.run_id)
        if look is None:
            return
        if isinstance(self.view, TrainingStep):
            self.view.show_run(look.run, self.tabsmith.clock())
        if look.end is not None:
            if isinstance(look.end, actions.RunFinished):
                self.tabsmith.newest_model = look.end.report.model_id
            await self.give(look.end)
