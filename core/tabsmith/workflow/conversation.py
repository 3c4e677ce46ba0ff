"""A conversation with one user: the machine of `steps`, its session kept on disk after every answer."""

import time
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, TypeAlias

from msgspec.structs import replace

from tabsmith.agents.protocol import AgentName
from tabsmith.config.settings import Settings
from tabsmith.errors import PathError, RunNotFoundError
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.spec import new_run_id
from tabsmith.storage import Found
from tabsmith.workflow import actions
from tabsmith.workflow import effects as do
from tabsmith.workflow.form import StepForm
from tabsmith.workflow.inputs import show_budget, show_duration
from tabsmith.workflow.machine import StepResult, step
from tabsmith.workflow.restore import RestoreContext, RunLookup, restore_session, unfinished_work
from tabsmith.workflow.session import FieldDefaults, SessionNotice, SessionNoticeKind, WorkflowSession
from tabsmith.workflow.session_store import SessionStore
from tabsmith.workflow.states import State
from tabsmith.workflow.step_forms import step_form
from tabsmith.workflow.transitions import Clock

__all__ = ["Conversation", "default_values", "find_run", "step"]

TimeSource: TypeAlias = Callable[[], float]
KEYS: Final = 16  # of answers taken that a session remembers
NO_REASONS: Final[Mapping[AgentName, str]] = MappingProxyType({})


class Conversation:
    """The conversation of `store.user`, taken up where it was left.

    >>> conversation = Conversation(SessionStore(), settings)
    >>> for effect in conversation.answer(Begin()).effects:
    ...     ...  # carry it out, and give its result back as an answer

    Making one raises StorageError when the session cannot be read. What changed since is in `session.notices`.
    """

    def __init__(
        self,
        store: SessionStore,
        settings: Settings,
        *,
        clock: TimeSource = time.time,
        new_id: Callable[[float], str] = new_run_id,
        run: RunLookup | None = None,
        agents: tuple[AgentName, ...] = ("search",),
        why_not: Mapping[AgentName, str] = NO_REASONS,
        keeps_work: bool = False,
    ) -> None:
        self.store = store
        self.settings = settings
        self._clock = clock
        self._new_id = new_id
        self._run = run or find_run
        self._defaults = default_values(settings, agents, why_not)
        self._keeps_work = keeps_work
        self._session = self._take_up()

    @property
    def unfinished(self) -> do.JobEffect | None:
        """The work that the session waits for. After a restart, with `keeps_work`: what the process that was killed
        had under way, to be carried out again."""
        return unfinished_work(self._session)

    @property
    def session(self) -> WorkflowSession:
        """Where the conversation stands."""
        return self._session

    @property
    def form(self) -> StepForm:
        """What to show now."""
        return step_form(self._session)

    def answer(self, answer: actions.WorkflowAction, key: str = "") -> StepResult:
        """Take an answer, save the session, and return it with the work to be carried out by the caller.

        With `key` the session says from then on that this answer was `taken`: saved in one with what it changed, so
        that who was killed meanwhile, and gives it again, can see.

        Raises StepError when the answer does not fit, SessionMovedOnError when another process has gone on with the
        session, and StorageError when it cannot be saved; the conversation then stands where it stood.
        """
        taken = step(self._session, answer, self._moment())
        while taken.effects and isinstance(taken.effects[0], do.CheckPath):
            taken = step(taken.session, self._look(taken.effects[0]), self._moment())
        if any(isinstance(effect, do.RemoveSession) for effect in taken.effects):
            self.store.delete(self._session)
            self._session = taken.session
            return StepResult(self._session)
        if key:
            taken = StepResult(replace(taken.session, taken=(*taken.session.taken, key)[-KEYS:]), taken.effects)
        if taken.session.state == State.COMPLETED:
            self._session = taken.session
        else:
            self._session = self.store.save(taken.session)
        if self.store.damaged is not None:
            words = f"The saved session was damaged. It was moved to {self.store.damaged.moved_to}, and saved anew."
            notices = (*self._session.notices, SessionNotice(SessionNoticeKind.DAMAGED, words))
            self.store.damaged = None
            self._session = self.store.save(replace(self._session, notices=notices))
        return StepResult(self._session, taken.effects)

    def preview(self, answer: actions.WorkflowAction) -> WorkflowSession:
        """The session as `answer` would leave it; nothing is saved. Raises StepError as `answer` does."""
        return step(self._session, answer, self._moment()).session

    def take_settings(
        self, settings: Settings, agents: tuple[AgentName, ...], why_not: Mapping[AgentName, str] = NO_REASONS
    ) -> None:
        """Go on with settings that were changed meanwhile; what was typed stays."""
        self.settings = settings
        self._defaults = default_values(settings, agents, why_not)
        self._session = replace(self._session, defaults=self._defaults)

    def reload(self) -> WorkflowSession:
        """The session as it lies on disk now: after SessionMovedOnError, or before showing it again."""
        self._session = self._take_up()
        return self._session

    def _take_up(self) -> WorkflowSession:
        loaded = self.store.load()
        around = RestoreContext(
            self.store.user, self._defaults, self._moment(), self._look_at, self._run, self._keeps_work
        )
        session = restore_session(loaded, around)
        if not isinstance(loaded, Found) or session == loaded.value:
            return session
        if session.revision == 0:  # expired: another one, never saved
            self.store.delete(loaded.value)
            return session
        saved = loaded.value
        same = replace(session, defaults=saved.defaults, waiting=saved.waiting, user=saved.user, notices=saved.notices)
        if same == saved:
            return session  # opening a session takes it from nobody
        return self.store.save(session)

    def _look_at(self, path: str) -> actions.PathAccepted | actions.PathRefused:
        return self._look(do.CheckPath(path))

    def _look(self, effect: do.CheckPath) -> actions.PathAccepted | actions.PathRefused:
        from tabsmith.tables.read import guard

        paths = self.settings.paths
        try:
            file = guard.check_path(effect.path, allowed=paths.readable, max_mb=paths.max_mb)
            out = str(guard.normalize_path(effect.out)) if effect.out.strip() else ""
            return actions.PathAccepted(str(guard.normalize_path(effect.path)), file.size, file.modified, out)
        except PathError as error:
            return actions.PathRefused(error.report(details=False))

    def _moment(self) -> Clock:
        return Clock(self._clock(), self._new_id)


def default_values(
    settings: Settings,
    agents: tuple[AgentName, ...] = ("search",),
    why_not: Mapping[AgentName, str] = NO_REASONS,
) -> FieldDefaults:
    """What the model step's fields show before anything is typed. `agents` are those that can be used here, `why_not`
    says of others why they cannot."""
    return FieldDefaults(
        agent=settings.agents.default,
        time=show_duration(settings.training.time),
        cores=settings.training.cores,
        agents=agents,
        why_not=dict(why_not),
        budget=show_budget(settings.agents.dollars),
        mode=settings.agents.mode,
        breakpoints=settings.agents.breakpoints,
    )


def find_run(run_id: str) -> RunSnapshot | None:
    """The run as its journal tells it now; None when there is none."""
    from tabsmith.runs.watch import RunWatch

    try:
        return RunWatch(run_id).refresh()
    except RunNotFoundError:
        return None
