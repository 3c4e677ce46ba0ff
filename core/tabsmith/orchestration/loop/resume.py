"""What an earlier worker left unfinished, taken up from the folded run and the transcripts: its sessions, its iteration."""

from msgspec.structs import replace

from tabsmith.agents.parse_reply import parse_reply
from tabsmith.agents.protocol import Agent, Exhausted, Proposal
from tabsmith.agents.usage import Usage, total_usage
from tabsmith.errors import AgentReplyError
from tabsmith.orchestration.decisions import Decide, Decision, Quality
from tabsmith.orchestration.events import SessionClosed, SessionUsed
from tabsmith.orchestration.human_review import human_decision
from tabsmith.orchestration.loop.agent_calls import EarlierCalls, Failure
from tabsmith.orchestration.loop.champion import Judgement
from tabsmith.orchestration.loop.grading import parse_grade
from tabsmith.orchestration.loop.iteration import RecipeIteration, Reported, Stage
from tabsmith.orchestration.loop_state import LoopState, SessionState, Trial
from tabsmith.orchestration.sessions import Transcripts
from tabsmith.text import clean


def resumed_iteration(
    trial: Trial, state: LoopState, agent: Agent, transcripts: Transcripts, *, started: float
) -> RecipeIteration:
    """The iteration of `trial`, which has an outcome already, so far as it is recorded."""
    grading = state.sessions_of(trial.iteration, "grade")
    failures = _failures(trial, state)
    quality, grade_failed = (trial.quality, "") if trial.quality else _grade(grading, transcripts)
    reported: dict[Reported, bool] = {
        "graded": trial.quality is not None,
        "decided": trial.decision is not None,
        "promoted": trial.won,
    }
    return RecipeIteration(
        number=trial.iteration,
        agent=agent,
        started=started,
        usage_before=state.usage - usage_of_iteration(trial.iteration, state),
        stage=_stage(trial),
        proposal=_proposal(trial),
        sessions=tuple(each.id for each in state.sessions_of(trial.iteration, "propose")),
        retries=max(0, len(failures) - (trial.state == "unanswered")),
        rate_limits=sum(each.trouble == "rate limit" for each in failures),
        evaluation=trial.evaluation,
        problems=trial.problems,
        trouble=trial.trouble,
        message=trial.message,
        quality=quality,
        grades=len(grading),
        grade_failed=grade_failed,
        decision=trial.decision or _decision_before_fit(trial, state),
        judgement=Judgement(won=True, rule=trial.rule, probation=state.probation) if trial.won else None,
        skipped=trial.skipped,
        reported=frozenset(each for each, is_reported in reported.items() if is_reported),
        resumed=True,
    )


def earlier_answer(trial: Trial, state: LoopState, transcripts: Transcripts) -> Proposal | Exhausted | None:
    """The answer of an iteration without an outcome: from the journal, or from a reply that came in unused."""
    proposal = _proposal(trial)
    if proposal is not None:
        return proposal
    for session in reversed(state.sessions_of(trial.iteration, "propose")):
        if session.outcome == "failed":
            continue
        try:
            return parse_reply(_last_text(session, transcripts))
        except AgentReplyError:
            continue  # not the answer yet: the agent is asked again
    return None


def earlier_calls(trial: Trial, state: LoopState) -> EarlierCalls:
    """The calls that an earlier worker made in an iteration without an outcome."""
    retry = state.retry if state.retry is not None and state.retry.iteration == trial.iteration else None
    return EarlierCalls(
        failures=_failures(trial, state),
        sessions=tuple(each.id for each in state.sessions_of(trial.iteration, "propose")),
        retry_at=retry.until if retry is not None else 0.0,
    )


def close_lost_sessions(
    state: LoopState, transcripts: Transcripts, died_at: float
) -> list[SessionUsed | SessionClosed]:
    """The events that close the sessions that a worker left open when it died, and book what their transcripts hold. A
    session was answered if its last reply is an answer."""
    events: list[SessionUsed | SessionClosed] = []
    for session in state.sessions:
        if session.outcome != "open":
            continue
        replies = transcripts.replies(session.id)
        seconds = max(0.0, died_at - session.opened_at) if died_at else 0.0
        closed = SessionClosed(session=session.id, outcome="lost", seconds=seconds, message="its worker died")
        if replies:
            reply, used = replies[-1], total_usage(each.usage for each in replies)
            if used != session.usage:
                missing = used - session.usage
                events.append(SessionUsed(session=session.id, usage=missing, model=reply.model, foreign=reply.foreign))
            try:
                parse_reply(reply.text) if session.purpose == "propose" else parse_grade(reply.text)
                closed = SessionClosed(session=session.id, outcome="answered", seconds=seconds)
            except AgentReplyError as error:
                if session.agent == "llm":  # its first reply is its answer; of others there might have come more
                    closed = replace(closed, outcome="failed", trouble=error.trouble, message=clean(error.what, 300))
        events.append(closed)
    return events


def usage_of_iteration(iteration: int, state: LoopState) -> Usage:
    """What all sessions of an iteration used."""
    return total_usage(each.usage for each in state.sessions if each.iteration == iteration)


def count_unscored(trials: tuple[Trial, ...]) -> int:
    """How many recipes in a row had no score; an iteration without an answer says nothing of the table."""
    count = 0
    for trial in reversed(trials):
        if trial.state in ("scored", "unanswered"):
            break
        count += 1
    return count


def _stage(trial: Trial) -> Stage:
    match trial.state:
        case "unanswered" | "refused" | "scored":
            return trial.state
        case "failed":
            return "stopped" if trial.stopped else "failed"
        case _:  # left out before it was fitted
            return "proposed"


def _grade(sessions: list[SessionState], transcripts: Transcripts) -> tuple[Quality | None, str]:
    """The grade that a model gave, or why its last answer was none."""
    for session in reversed(sessions):
        if session.outcome == "failed":
            return None, session.message
        try:
            return parse_grade(_last_text(session, transcripts)), ""
        except AgentReplyError:
            continue  # its worker died before it came
    return None, ""


def _decision_before_fit(trial: Trial, state: LoopState) -> Decision | None:
    """What the person decided before the recipe was fitted."""
    replies = [each.reply for each in state.answers if each.question.cause == "proposal"]
    reply = replies[-1] if replies and trial.skipped else None
    return human_decision(reply.action) if isinstance(reply, Decide) else None


def _proposal(trial: Trial) -> Proposal | None:
    return Proposal(trial.recipe, trial.reason, trial.confidence) if trial.recipe is not None else None


def _failures(trial: Trial, state: LoopState) -> tuple[Failure, ...]:
    """How often the agent of the iteration was asked in vain; search never is."""
    if trial.agent == "search":
        return ()
    return tuple(
        Failure(each.trouble, each.message)
        for each in state.sessions_of(trial.iteration, "propose")
        if each.outcome == "failed" and each.trouble != ""
    )


def _last_text(session: SessionState, transcripts: Transcripts) -> str:
    replies = transcripts.replies(session.id)
    return replies[-1].text if replies else ""
