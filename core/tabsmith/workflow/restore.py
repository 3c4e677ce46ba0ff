"""Restoring a saved session: its run is looked up, its file checked, and a notice tells whatever changed meanwhile."""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from msgspec.structs import replace

from tabsmith.runs.jobs import DetectSchema, Predict, ReadTable
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.storage import Damaged, Found, Loaded
from tabsmith.tables.read.sources import FileSource
from tabsmith.text import clean, plural
from tabsmith.workflow import actions
from tabsmith.workflow.effects import JobEffect, run_end_action
from tabsmith.workflow.machine import enter, missing, step, way_back
from tabsmith.workflow.session import (
    FieldDefaults,
    FieldName,
    FieldProblem,
    SeenFile,
    SessionNotice,
    SessionNoticeKind,
    WorkflowSession,
    new_session,
)
from tabsmith.workflow.states import State
from tabsmith.workflow.transitions import Clock

EXPIRES_AFTER: Final = 7 * 86_400.0
"""Seconds after which a session that was left is replaced by a new one."""

RunLookup: TypeAlias = Callable[[str], RunSnapshot | None]
"""The run of an id as it is now; None if there is no such run."""

PathCheck: TypeAlias = Callable[[FileSource], actions.PathAccepted | actions.PathRefused]
"""Whether a file may be read now by who asked for it."""

_NEED_THE_FILE: Final = frozenset(
    {
        State.CHOOSING_LOAD_OPTION,
        State.CONFIRMING_SCHEMA,
        State.SELECTING_TARGET,
        State.SELECTING_FEATURES,
        State.AWAITING_SCHEMA_INPUT,
        State.CONFIGURING_MODEL,
    }
)


class RestoreContext(NamedTuple):
    """What restoring a session needs from outside.

    With `keeps_work` the session goes on waiting for its job, which the caller runs again; else the job is given up.
    """

    user: str
    defaults: FieldDefaults
    clock: Clock
    check_path: PathCheck
    find_run: RunLookup
    keeps_work: bool = False


def restore_session(loaded: Loaded[WorkflowSession], context: RestoreContext) -> WorkflowSession:
    """The session to go on with. If it is not the saved one, a notice of the session tells why."""
    now = context.clock.now
    fresh = new_session(context.user, context.defaults, now, context.clock.new_id(now))
    match loaded:
        case Found(session):
            pass
        case Damaged(moved_to, reason):
            text = f"Your last session could not be understood ({reason}). It was moved to {clean(moved_to, 300)}."
            return _with_notice(fresh, SessionNoticeKind.DAMAGED, text)
        case _:
            return fresh
    if now - session.updated_at > EXPIRES_AFTER:
        days = plural(int((now - session.updated_at) // 86_400), "day")
        text = f"Your last session was left {days} ago and has expired. Models and runs are kept; this is a new start."
        return _with_notice(fresh, SessionNoticeKind.EXPIRED, text)
    waiting = session.waiting
    session = replace(session, user=context.user, defaults=context.defaults, waiting=None)
    if not context.keeps_work and waiting is not None and waiting.work == "target":
        text = f"Looking at {clean(waiting.target, 60)} as the target was cut short. Choose it again."
        session = _with_notice(session, SessionNoticeKind.INCOMPLETE, text)
    present = _at_complete_state(_with_present_file(_with_present_run(session, context), context))
    if context.keeps_work and present.state == session.state:
        return replace(present, waiting=waiting)
    return present


def unfinished_work(session: WorkflowSession) -> JobEffect | None:
    """The job that the session waits for, to be run again; None if it waits for no job."""
    waiting = session.waiting
    if waiting is None:
        return None
    match waiting.work:
        case "table" if session.source is not None:
            return ReadTable(session.source)
        case "target" if session.table is not None:
            return DetectSchema(session.table, waiting.target)
        case "prediction" if session.model is not None and waiting.path:
            source = FileSource(waiting.path, asked_by=waiting.asked_by)
            return Predict(session.model.model_id, source, waiting.out, waiting.allow_missing)
    return None


def _with_present_run(session: WorkflowSession, context: RestoreContext) -> WorkflowSession:
    """The session after whatever its run did meanwhile, if it waits for one."""
    resumable = session.state == State.ERROR and session.retry == State.TRAINING
    if not session.run_id or not (session.state == State.TRAINING or resumable):
        return session
    run = context.find_run(session.run_id)
    if run is None:
        text = f"The run {clean(session.run_id, 60)} is no longer there, or never started. You can train again."
        back = enter(replace(session, run_id="", problem=None), State.CONFIGURING_MODEL, "return")
        return _with_notice(back, SessionNoticeKind.RUN_GONE, text)
    waiting = replace(session, state=State.TRAINING, retry=None, problem=None)
    end = run_end_action(session.run_id, run)
    if end is None:
        return waiting
    interrupted = isinstance(end, actions.RunInterrupted)
    if interrupted and resumable:
        return session
    ended = step(waiting, end, context.clock).session
    if interrupted:
        text = "Your run was interrupted while you were away. It can be resumed."
        return _with_notice(ended, SessionNoticeKind.RUN_INTERRUPTED, text)
    return _with_notice(ended, SessionNoticeKind.RUN_ENDED, "Your run ended while you were away.")


def _with_present_file(session: WorkflowSession, context: RestoreContext) -> WorkflowSession:
    """The session back at the choice of its file, if it needs the file and that has changed or gone."""
    state = session.retry if session.state == State.ERROR else session.state
    if state not in _NEED_THE_FILE or not isinstance(session.source, FileSource) or session.file is None:
        return session
    path = clean(session.file.path, 300)
    uploaded = session.origin == "upload"
    match context.check_path(session.source):
        case actions.PathRefused(error=error):
            back = enter(session, State.AWAITING_DATA if uploaded else State.AWAITING_FILE_PATH, "return")
            field = FieldName.DATA if uploaded else FieldName.PATH
            text = f"The file {path} can no longer be read: {error.what} Choose it again, or another."
            problems = (FieldProblem(field, error),)
            return _with_notice(replace(back, problems=problems, problem=None), SessionNoticeKind.FILE_GONE, text)
        case actions.PathAccepted(size=size, modified=modified):
            if (size, modified) == (session.file.size, session.file.modified):
                return session
            seen = SeenFile(session.file.path, size, modified)
            to = State.AWAITING_DATA if uploaded else State.CHOOSING_LOAD_OPTION
            back = replace(enter(session, to, "return"), file=seen, problem=None)
            text = f"The file {path} has changed since you were here. Load it again; your choices are kept."
            return _with_notice(back, SessionNoticeKind.FILE_CHANGED, text)


def _at_complete_state(session: WorkflowSession) -> WorkflowSession:
    """The session back at a state whose prerequisites hold, if those of its own do not (its document was edited)."""
    lacking = missing(session.state, session)
    if not lacking:
        return session
    history = way_back(session)
    to = history[-1] if history else State.IDLE
    back = enter(replace(session, history=history[:-1]), to, "keep")
    text = f"Your session was at {session.place}, but {lacking[0].value} is missing. It stepped back."
    return _with_notice(back, SessionNoticeKind.INCOMPLETE, text)


def _with_notice(session: WorkflowSession, kind: SessionNoticeKind, text: str) -> WorkflowSession:
    return replace(session, notices=(*session.notices, SessionNotice(kind, text)))
