"""What happens between a run, its agents and its person: sessions, retries, handing over, questions, notes."""

from msgspec.structs import replace

from tabsmith.orchestration import events as loop
from tabsmith.orchestration.questions import End
from tabsmith.runs.folding.rules import changed, log, on, try_of
from tabsmith.runs.snapshot import AgentSession, Answered, RunSnapshot
from tabsmith.text import clean


@on
def _(event: loop.AgentChanged, snapshot: RunSnapshot) -> RunSnapshot:
    back = event.actual == event.planned
    new = replace(
        snapshot,
        planned=event.planned,
        actual=event.actual,
        handover="" if back else event.reason,
        failures=0 if back else snapshot.failures,
    )
    text = f"{event.actual} is back: {event.reason}" if back else f"{event.actual} takes over: {event.reason}"
    return log(new, event, "agent", text, "info" if back else "warning")


@on
def _(event: loop.SessionOpened, snapshot: RunSnapshot) -> RunSnapshot:
    session = AgentSession(
        id=event.session,
        iteration=event.iteration,
        attempt=event.attempt,
        agent=event.agent,
        model=event.model,
        purpose=event.purpose,
        opened_at=event.at,
    )
    opened = replace(snapshot, sessions=(*snapshot.sessions, session), retry=None)
    known = try_of(opened, event.iteration)
    return changed(opened, event.iteration, sessions=(*known.sessions, event.session))


@on
def _(event: loop.SessionUsed, snapshot: RunSnapshot) -> RunSnapshot:
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
        _with(snapshot, new),
        usage=snapshot.usage + usage,
        context=usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens or snapshot.context,
    )
    if spent.latest is None or spent.latest.iteration != session.iteration:
        return spent
    return changed(spent, session.iteration, usage=spent.latest.usage + usage)


@on
def _(event: loop.SessionClosed, snapshot: RunSnapshot) -> RunSnapshot:
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
    closed = _with(snapshot, new)
    if event.outcome == "answered":
        return closed
    return log(
        closed, event, "session", f"#{session.iteration} {session.agent} {event.outcome}: {event.message}", "warning"
    )


@on
def _(event: loop.RetryScheduled, snapshot: RunSnapshot) -> RunSnapshot:
    wait = max(0.0, event.until - event.at)
    text = f"#{event.iteration} {event.trouble}, asked again in {wait:.1f} s (retry {event.retry} of {event.retries})"
    return log(replace(snapshot, retry=event), event, "retry", text, "warning")


@on
def _(event: loop.Unanswered, snapshot: RunSnapshot) -> RunSnapshot:
    unanswered = changed(snapshot, event.iteration, state="unanswered", message=event.message, trouble=event.trouble)
    if not event.trouble:
        unanswered = replace(unanswered, ending=snapshot.ending or "done")
    return log(
        unanswered,
        event,
        "unanswered",
        f"#{event.iteration} {event.trouble or 'no recipe'}: {event.message}",
        "warning",
    )


@on
def _(event: loop.Asked, snapshot: RunSnapshot) -> RunSnapshot:
    return log(replace(snapshot, question=event.question), event, "question", event.question.what, "warning")


@on
def _(event: loop.Replied, snapshot: RunSnapshot) -> RunSnapshot:
    word = type(event.reply).__struct_config__.tag
    answered = replace(snapshot, question=None)
    question = snapshot.question
    if question is not None and question.id == event.id:
        answered = replace(answered, answers=(*snapshot.answers, Answered(question, event.reply)))
        if isinstance(event.reply, End) and question.cause != "budget":
            answered = replace(answered, ending="user")
    return log(answered, event, "answer", str(word).replace("_", " "))


@on
def _(event: loop.BreakpointPassed, snapshot: RunSnapshot) -> RunSnapshot:
    return log(snapshot, event, "breakpoint", f"#{event.iteration} {event.what}", "warning")


@on
def _(event: loop.BudgetWarned, snapshot: RunSnapshot) -> RunSnapshot:
    warned = replace(snapshot, warnings=(*snapshot.warnings, event))
    return log(warned, event, "budget", event.words, "warning")


@on
def _(event: loop.ModeChanged, snapshot: RunSnapshot) -> RunSnapshot:
    return log(replace(snapshot, mode=event.mode), event, "mode", event.mode)


@on
def _(event: loop.NoteTaken, snapshot: RunSnapshot) -> RunSnapshot:
    noted = replace(snapshot, notes=(*snapshot.notes, event.text))
    return log(noted, event, "note", f"to the agent: {clean(event.text, 200)}")


def _session(snapshot: RunSnapshot, session: str) -> AgentSession | None:
    """The session of that id; looked for from the newest on, where it nearly always is."""
    return next((each for each in reversed(snapshot.sessions) if each.id == session), None)


def _with(snapshot: RunSnapshot, session: AgentSession) -> RunSnapshot:
    """The snapshot with that session in the place of its older self."""
    sessions = list(snapshot.sessions)
    at = next(place for place in range(len(sessions) - 1, -1, -1) if sessions[place].id == session.id)
    sessions[at] = session
    return replace(snapshot, sessions=tuple(sessions))
