"""Sessions that a dead worker left open: the next one closes them, and books what was heard in them."""

from collections.abc import Callable

from tabsmith.agents.parse_reply import parse_reply
from tabsmith.errors import AgentReplyError
from tabsmith.orchestration.events import LoopEvent, SessionClosed, SessionUsed
from tabsmith.orchestration.loop.grading import parse_grade
from tabsmith.orchestration.loop_state import SessionState
from tabsmith.orchestration.sessions import Transcripts
from tabsmith.runs.reducers import reduce
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import clean


def close_lost_sessions(run: RunSnapshot, transcripts: Transcripts, record: Callable[[LoopEvent], None]) -> RunSnapshot:
    """Return the run once its open sessions are closed; what is done about them is recorded."""
    for session in run.sessions:
        if session.outcome == "open":
            for event in _closing(session, run, transcripts):
                record(event)
                run = reduce((event,), run)
    return run


def _closing(session: SessionState, run: RunSnapshot, transcripts: Transcripts) -> list[LoopEvent]:
    """The events that close a session: it was answered if its last reply is an answer."""
    used, reply = transcripts.recovered_usage(session.id), transcripts.last_reply(session.id)
    events: list[LoopEvent] = []
    if reply is not None and used != session.usage:
        missing = used - session.usage
        events.append(SessionUsed(session=session.id, usage=missing, model=reply.model, foreign=reply.foreign))
    seconds = max(0.0, run.updated_at - session.opened_at) if run.updated_at else 0.0
    closed = SessionClosed(session=session.id, outcome="lost", seconds=seconds, message="its worker died")
    if reply is not None:
        try:
            parse_reply(reply.text) if session.purpose == "propose" else parse_grade(reply.text)
            closed = SessionClosed(session=session.id, outcome="answered", seconds=seconds)
        except AgentReplyError as error:
            if session.agent == "llm":  # its first reply is its answer; of others there might have come more
                message = clean(error.what, 300)
                closed = SessionClosed(
                    session=session.id, outcome="failed", seconds=seconds, trouble=error.trouble, message=message
                )
    return [*events, closed]
