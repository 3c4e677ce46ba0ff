"""Reducers of what happens between a run, its agents and its person: sessions, retries, fallback, questions, notes."""

from msgspec.structs import replace

from tabsmith.orchestration import events as loop
from tabsmith.orchestration.decisions import EndRun
from tabsmith.orchestration.loop_state import AnsweredQuestion, SessionState
from tabsmith.runs.reducers.rules import current_trial, reducer, with_log, with_trial
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import clean


@reducer
def reduce_agent_changed(event: loop.AgentChanged, snapshot: RunSnapshot) -> RunSnapshot:
    back = event.actual == event.planned
    new = replace(
        snapshot,
        planned=event.planned,
        actual=event.actual,
        fallback_reason="" if back else event.reason,
        failures=0 if back else snapshot.failures,
    )
    text = f"{event.actual} is back: {event.reason}" if back else f"{event.actual} takes over: {event.reason}"
    return with_log(new, event, "agent", text, "info" if back else "warning")


@reducer
def reduce_session_opened(event: loop.SessionOpened, snapshot: RunSnapshot) -> RunSnapshot:
    session = SessionState(
        id=event.session,
        iteration=event.iteration,
        attempt=event.attempt,
        agent=event.agent,
        model=event.model,
        purpose=event.purpose,
        opened_at=event.at,
    )
    opened = replace(snapshot, sessions=(*snapshot.sessions, session), retry=None)
    trial = current_trial(opened, event.iteration)
    return with_trial(opened, event.iteration, sessions=(*trial.sessions, event.session))


@reducer
def reduce_session_used(event: loop.SessionUsed, snapshot: RunSnapshot) -> RunSnapshot:
    session = _session(snapshot, event.session)
    if session is None:
        return snapshot
    new = replace(
        session,
        usage=session.usage + event.usage,
        model=event.model or session.model,
        foreign=event.foreign or session.foreign,
    )
    usage = event.usage
    spent = replace(
        _with_session(snapshot, new),
        usage=snapshot.usage + usage,
        context=usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens or snapshot.context,
    )
    if spent.latest is None or spent.latest.iteration != session.iteration:
        return spent
    return with_trial(spent, session.iteration, usage=spent.latest.usage + usage)


@reducer
def reduce_session_closed(event: loop.SessionClosed, snapshot: RunSnapshot) -> RunSnapshot:
    session = _session(snapshot, event.session)
    if session is None:
        return snapshot
    new = replace(
        session,
        closed_at=event.at,
        seconds=event.seconds,
        outcome=event.outcome,
        trouble=event.trouble,
        message=event.message,
    )
    closed = _with_session(snapshot, new)
    if event.outcome == "answered":
        return closed
    return with_log(
        closed, event, "session", f"#{session.iteration} {session.agent} {event.outcome}: {event.message}", "warning"
    )


@reducer
def reduce_retry_scheduled(event: loop.RetryScheduled, snapshot: RunSnapshot) -> RunSnapshot:
    wait = max(0.0, event.until - event.at)
    text = f"#{event.iteration} {event.trouble}, asked again in {wait:.1f} s (retry {event.retry} of {event.retries})"
    return with_log(replace(snapshot, retry=event), event, "retry", text, "warning")


@reducer
def reduce_unanswered(event: loop.Unanswered, snapshot: RunSnapshot) -> RunSnapshot:
    unanswered = with_trial(snapshot, event.iteration, state="unanswered", message=event.message, trouble=event.trouble)
    if not event.trouble:
        unanswered = replace(unanswered, ending=snapshot.ending or "done")
    return with_log(
        unanswered,
        event,
        "unanswered",
        f"#{event.iteration} {event.trouble or 'no recipe'}: {event.message}",
        "warning",
    )


@reducer
def reduce_question_asked(event: loop.QuestionAsked, snapshot: RunSnapshot) -> RunSnapshot:
    return with_log(replace(snapshot, question=event.question), event, "question", event.question.what, "warning")


@reducer
def reduce_question_answered(event: loop.QuestionAnswered, snapshot: RunSnapshot) -> RunSnapshot:
    tag = type(event.reply).__struct_config__.tag
    answered = replace(snapshot, question=None)
    question = snapshot.question
    if question is not None and question.id == event.id:
        answered = replace(answered, answers=(*snapshot.answers, AnsweredQuestion(question, event.reply)))
        if isinstance(event.reply, EndRun) and question.cause != "budget":
            answered = replace(answered, ending="user")
    return with_log(answered, event, "answer", str(tag).replace("_", " "))


@reducer
def reduce_breakpoint_passed(event: loop.BreakpointPassed, snapshot: RunSnapshot) -> RunSnapshot:
    return with_log(snapshot, event, "breakpoint", f"#{event.iteration} {event.what}", "warning")


@reducer
def reduce_budget_warned(event: loop.BudgetWarned, snapshot: RunSnapshot) -> RunSnapshot:
    warned = replace(snapshot, warnings=(*snapshot.warnings, event))
    return with_log(warned, event, "budget", event.words, "warning")


@reducer
def reduce_mode_changed(event: loop.ModeChanged, snapshot: RunSnapshot) -> RunSnapshot:
    return with_log(replace(snapshot, mode=event.mode), event, "mode", event.mode)


@reducer
def reduce_note_taken(event: loop.NoteTaken, snapshot: RunSnapshot) -> RunSnapshot:
    noted = replace(snapshot, notes=(*snapshot.notes, event.text))
    return with_log(noted, event, "note", f"to the agent: {clean(event.text, 200)}")


def _session(snapshot: RunSnapshot, session: str) -> SessionState | None:
    """The session of that id; the search begins with the newest, which it nearly always is."""
    return next((each for each in reversed(snapshot.sessions) if each.id == session), None)


def _with_session(snapshot: RunSnapshot, session: SessionState) -> RunSnapshot:
    """The snapshot with the session in place of its earlier state."""
    sessions = list(snapshot.sessions)
    index = next(index for index in range(len(sessions) - 1, -1, -1) if sessions[index].id == session.id)
    sessions[index] = session
    return replace(snapshot, sessions=tuple(sessions))
