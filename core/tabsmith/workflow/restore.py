"""A saved session taken up again: its run asked after, its file looked at, and whatever changed said in words."""

from collections.abc import Callable
from typing import Final, NamedTuple, TypeAlias

from msgspec.structs import replace

from tabsmith.errors import ErrorReport
from tabsmith.runs.events import RunState
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.storage import Damaged, Found, Loaded
from tabsmith.tables.read.sources import FileSource
from tabsmith.text import clean, plural
from tabsmith.workflow import actions
from tabsmith.workflow import effects as do
from tabsmith.workflow.machine import enter, step, way_back
from tabsmith.workflow.prerequisites import missing
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

RunLookup: TypeAlias = Callable[[str], RunSnapshot | None]
"""The run as it stands now; None when there is none of that id."""

PathCheck: TypeAlias = Callable[[str], actions.PathAccepted | actions.PathRefused]
"""Whether the file at a path may be read now."""

RunEndAction: TypeAlias = actions.RunFinished | actions.RunStopped | actions.RunFailed | actions.RunInterrupted

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
    """What taking up a session needs from outside."""

    user: str
    defaults: FieldDefaults
    moment: Clock
    look: PathCheck
    run: RunLookup
    keeps_work: bool = False  # what the session waits for is carried out again, rather than given up


def restore_session(loaded: Loaded[WorkflowSession], around: RestoreContext) -> WorkflowSession:
    """The session to go on with. Whatever keeps it from being the saved one is told in its notices."""
    now = around.moment.now
    fresh = new_session(around.user, around.defaults, now, around.moment.new_id(now))
    match loaded:
        case Found(session):
            pass
        case Damaged(moved_to, reason):
            words = f"Your last session could not be understood ({reason}). It was moved to {clean(moved_to, 300)}."
            return replace(fresh, notices=(SessionNotice(SessionNoticeKind.DAMAGED, words),))
        case _:
            return fresh
    if now - session.updated_at > EXPIRES_AFTER:
        days = plural(int((now - session.updated_at) // 86_400), "day")
        words = f"Your last session was left {days} ago and has expired. Models and runs are kept; this is a new start."
        return replace(fresh, notices=(SessionNotice(SessionNoticeKind.EXPIRED, words),))
    waiting = session.waiting
    session = replace(session, user=around.user, defaults=around.defaults, waiting=None)
    if around.keeps_work:
        present = _complete(_with_present_file(_with_present_run(session, around), around))
        return replace(present, waiting=waiting) if present.state == session.state else present
    if waiting is not None and waiting.work == "target":
        words = f"Looking at {clean(waiting.target, 60)} as the target was cut short. Choose it again."
        session = _noticed(session, SessionNoticeKind.INCOMPLETE, words)
    return _complete(_with_present_file(_with_present_run(session, around), around))


def unfinished_work(session: WorkflowSession) -> do.JobEffect | None:
    """The work that the session waits for, asked for anew."""
    waiting = session.waiting
    if waiting is None:
        return None
    match waiting.work:
        case "table" if session.source is not None:
            return do.ReadSource(session.source)
        case "target" if session.table is not None:
            return do.DetectTarget(session.table, waiting.target)
        case "prediction" if session.model is not None and waiting.path:
            return do.PredictFile(session.model.model_id, FileSource(waiting.path), waiting.out)
    return None


def run_end_action(run_id: str, snapshot: RunSnapshot) -> RunEndAction | None:
    """What the end of the run says to the conversation; None while it has not ended."""
    if not snapshot.state.ended:
        return None
    if snapshot.state == RunState.INTERRUPTED:
        return actions.RunInterrupted(run_id)
    if snapshot.report is not None:
        return actions.RunFinished(snapshot.report)
    if snapshot.error is None and snapshot.outcome == "cancelled":
        return actions.RunStopped(run_id)
    unknown = ErrorReport(
        "TrainingError", "The run ended without a model.", where=f"run {run_id}", next_step="Its log may say why."
    )
    return actions.RunFailed(run_id, snapshot.error or unknown)


def _with_present_run(session: WorkflowSession, around: RestoreContext) -> WorkflowSession:
    """A session that waits for a run, when that has gone on without it."""
    resumable = session.state == State.ERROR and session.retry == State.TRAINING
    if not session.run_id or not (session.state == State.TRAINING or resumable):
        return session
    snapshot = around.run(session.run_id)
    if snapshot is None:
        words = f"The run {clean(session.run_id, 60)} is no longer there, or never started. You can train again."
        back = enter(replace(session, run_id="", problem=None), State.CONFIGURING_MODEL, "return")
        return _noticed(back, SessionNoticeKind.RUN_GONE, words)
    waiting = replace(session, state=State.TRAINING, retry=None, problem=None)
    answer = run_end_action(session.run_id, snapshot)
    if answer is None:
        return waiting
    if isinstance(answer, actions.RunInterrupted):
        if resumable:
            return session
        words = "Your run was interrupted while you were away. It can be resumed."
        return _noticed(step(waiting, answer, around.moment).session, SessionNoticeKind.RUN_INTERRUPTED, words)
    moved = step(waiting, answer, around.moment).session
    return _noticed(moved, SessionNoticeKind.RUN_ENDED, "Your run ended while you were away.")


def _with_present_file(session: WorkflowSession, around: RestoreContext) -> WorkflowSession:
    """A session that still needs its file, when that has changed or gone. A model once trained does not."""
    state = session.retry if session.state == State.ERROR else session.state
    if state not in _NEED_THE_FILE or not isinstance(session.source, FileSource) or session.file is None:
        return session
    shown = clean(session.file.path, 300)
    uploaded = session.origin == "upload"
    match around.look(session.source.path):
        case actions.PathRefused(error=error):
            back = enter(session, State.AWAITING_DATA if uploaded else State.AWAITING_FILE_PATH, "return")
            field = FieldName.DATA if uploaded else FieldName.PATH
            words = f"The file {shown} can no longer be read: {error.what} Choose it again, or another."
            problems = (FieldProblem(field, error),)
            return _noticed(replace(back, problems=problems, problem=None), SessionNoticeKind.FILE_GONE, words)
        case actions.PathAccepted(size=size, modified=modified):
            if (size, modified) == (session.file.size, session.file.modified):
                return session
            seen = SeenFile(session.file.path, size, modified)
            to = State.AWAITING_DATA if uploaded else State.CHOOSING_LOAD_OPTION
            back = replace(enter(session, to, "return"), file=seen, problem=None)
            words = f"The file {shown} has changed since you were here. Load it again; your choices are kept."
            return _noticed(back, SessionNoticeKind.FILE_CHANGED, words)


def _complete(session: WorkflowSession) -> WorkflowSession:
    """A session that stands where something is missing (its document was edited) steps back to where nothing is."""
    lacking = missing(session.state, session)
    if not lacking:
        return session
    history = way_back(session)
    to = history[-1] if history else State.IDLE
    back = enter(replace(session, history=history[:-1]), to, "keep")
    words = f"Your session stood at “{session.state.value}”, but {lacking[0].value} is missing. It stepped back."
    return _noticed(back, SessionNoticeKind.INCOMPLETE, words)


def _noticed(session: WorkflowSession, kind: SessionNoticeKind, words: str) -> WorkflowSession:
    return replace(session, notices=(*session.notices, SessionNotice(kind, words)))
