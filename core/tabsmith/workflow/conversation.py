"""A conversation with one user: the state machine of `machine`, with its session saved after every action."""

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from tabsmith.agents.protocol import AgentName
from tabsmith.config.settings import Settings
from tabsmith.errors import PathError, PathOutsideError, UsageError
from tabsmith.orchestration.limits import show_budget
from tabsmith.runs.jobs import TableRead
from tabsmith.runs.spec import new_run_id
from tabsmith.storage import Found
from tabsmith.tables.read.sources import Asker, DatabaseSource, FileSource, RemoteSource, parse_source
from tabsmith.tables.schema.corrections import keep_corrections, load_corrections
from tabsmith.workflow import actions
from tabsmith.workflow.effects import CheckPath, JobEffect, RemoveSession, run_snapshot
from tabsmith.workflow.form import StepForm
from tabsmith.workflow.inputs import show_duration
from tabsmith.workflow.machine import step
from tabsmith.workflow.restore import RestoreContext, RunLookup, restore_session, unfinished_work
from tabsmith.workflow.session import FieldDefaults, SessionNotice, SessionNoticeKind, SessionStore, WorkflowSession
from tabsmith.workflow.states import State
from tabsmith.workflow.step_forms import step_form
from tabsmith.workflow.transitions import Clock, StepResult

KEYS_KEPT: Final = 16
"""The keys of the last actions that a session remembers."""
NO_REASONS: Final[Mapping[AgentName, str]] = MappingProxyType({})


class Conversation:
    """The conversation of `store.user`, restored as it was left.

    >>> conversation = Conversation(SessionStore(), settings)
    >>> effect = conversation.answer(Begin()).effect  # to be carried out; its result is the next action

    Making one raises StorageError if the session cannot be read. `session.notices` tell what changed meanwhile.
    """

    def __init__(
        self,
        store: SessionStore,
        settings: Settings,
        *,
        clock: Callable[[], float] = time.time,
        new_id: Callable[[float], str] = new_run_id,
        run: RunLookup | None = None,
        agents: tuple[AgentName, ...] = ("search",),
        why_not: Mapping[AgentName, str] = NO_REASONS,
        keeps_work: bool = False,
        asker: Asker = "person",
        readable: tuple[Path, ...] = (),
    ) -> None:
        self.store = store
        self.settings = settings
        self._time = clock
        self._new_id = new_id
        self._find_run = run or run_snapshot
        self._defaults = default_values(settings, agents, why_not)
        self._keeps_work = keeps_work
        self._asker: Asker = asker
        self._readable = readable or settings.paths.readable  # folders in which a person of the bridge may name a file
        self._session = self._restored()

    @property
    def unfinished(self) -> JobEffect | None:
        """The job that the session waits for. After a restart with `keeps_work` it is the job that the killed process
        had under way, to be run again."""
        return unfinished_work(self._session)

    @property
    def session(self) -> WorkflowSession:
        """The session as it is now."""
        return self._session

    @property
    def form(self) -> StepForm:
        """What to show now."""
        return step_form(self._session)

    def answer(self, action: actions.WorkflowAction, key: str = "") -> StepResult:
        """Take an action, save the session, and return it with the work that the caller is to carry out.

        A `key` is saved in `session.taken` in the same write as what the action changed, so that a process that was
        killed, and gives the action again, can see that it was taken.

        Raises StepError if the state does not take the action, SessionMovedOnError if another process has changed the
        session, and StorageError if it cannot be saved; the conversation then stays as it was.
        """
        before = self._session
        if isinstance(action, TableRead):
            action = replace(action, corrections=load_corrections(action.info, self.store.user))
        session, effect = step(before, action, self._clock())
        while isinstance(effect, CheckPath):
            session, effect = step(session, self._check(effect, self._asker), self._clock())
        if isinstance(effect, RemoveSession):
            self.store.delete(self._session)
            self._session = session
            return StepResult(session)
        if key:
            session = replace(session, taken=(*session.taken, key)[-KEYS_KEPT:])
        self._session = session if session.state == State.COMPLETED else self.store.save(session)
        if session.table is not None and session.table is before.table and session.edits != before.edits:
            keep_corrections(session.table, self.store.user, session.edits)
        if self.store.damaged is not None:
            text = f"The saved session was damaged. It was moved to {self.store.damaged.moved_to}, and saved again."
            notices = (*self._session.notices, SessionNotice(SessionNoticeKind.DAMAGED, text))
            self.store.damaged = None
            self._session = self.store.save(replace(self._session, notices=notices))
        return StepResult(self._session, effect)

    def preview(self, action: actions.WorkflowAction) -> WorkflowSession:
        """The session as `action` would leave it; nothing is saved. Raises StepError as `answer` does."""
        return step(self._session, action, self._clock()).session

    def take_settings(
        self, settings: Settings, agents: tuple[AgentName, ...], why_not: Mapping[AgentName, str] = NO_REASONS
    ) -> None:
        """Go on with changed settings; what the user typed stays."""
        self.settings = settings
        self._defaults = default_values(settings, agents, why_not)
        self._session = replace(self._session, defaults=self._defaults)

    def reload(self) -> WorkflowSession:
        """Restore the session from disk: after SessionMovedOnError, or before showing it again."""
        self._session = self._restored()
        return self._session

    def _restored(self) -> WorkflowSession:
        loaded = self.store.load()
        context = RestoreContext(
            self.store.user,
            self._defaults,
            self._clock(),
            lambda source: self._check(CheckPath(source.path), source.asked_by),
            self._find_run,
            self._keeps_work,
        )
        session = restore_session(loaded, context)
        if not isinstance(loaded, Found) or session == loaded.value:
            return session
        saved = loaded.value
        if session.revision == 0:  # the saved one expired; its successor was never saved
            self.store.delete(saved)
            return session
        same = replace(session, defaults=saved.defaults, waiting=saved.waiting, user=saved.user, notices=saved.notices)
        if same == saved:
            return session  # not saved: opening a session takes it from no other process
        return self.store.save(session)

    def _check(self, effect: CheckPath, asker: Asker) -> actions.PathAccepted | actions.PathRefused:
        from tabsmith.tables.read import guard
        from tabsmith.tables.read.file_sets import check_source_path

        paths = self.settings.paths
        try:
            source = parse_source(effect.path, as_text=effect.as_text, options=effect.options)
            out = str(guard.normalize_path(effect.out)) if effect.out.strip() else ""
            if isinstance(source, FileSource):
                allowed = guard.folders_for(asker, self._readable)
                file = check_source_path(source.path, allowed=allowed, max_mb=paths.max_mb)
                path = str(guard.normalize_path(source.path))
                return actions.PathAccepted(
                    replace(source, path=path, asked_by=asker), file.size, file.modified, out, effect.allow_missing
                )
            if isinstance(source, DatabaseSource | RemoteSource) and asker == "bridge":
                raise PathOutsideError(
                    "Databases and the web are opened at the terminal only.", where=source.url, next_step="Send a file."
                )
        except (PathError, UsageError) as error:
            return actions.PathRefused(error.report(details=False))
        return actions.PathAccepted(source, 0, 0.0, out)

    def _clock(self) -> Clock:
        return Clock(self._time(), self._new_id)


def default_values(
    settings: Settings,
    agents: tuple[AgentName, ...] = ("search",),
    why_not: Mapping[AgentName, str] = NO_REASONS,
) -> FieldDefaults:
    """The values of the model step's fields before the user types any.

    `agents` are the agents that are ready here; `why_not` tells of other agents why they are not.
    """
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
