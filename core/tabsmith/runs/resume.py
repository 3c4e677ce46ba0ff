"""What a new worker goes on from: the journal of the earlier ones, and what was said in sessions they left open."""

from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

from tabsmith.agents import parse_reply
from tabsmith.agents.protocol import Exhausted, Proposal
from tabsmith.agents.usage import Usage, total_usage
from tabsmith.errors import AgentReplyError
from tabsmith.orchestration.decisions import Decision, Quality
from tabsmith.orchestration.events import LoopEvent, SessionClosed, SessionUsed
from tabsmith.orchestration.human.review import human_decision
from tabsmith.orchestration.loop.champion import ChampionStatus, Judgement
from tabsmith.orchestration.loop.grading import parse_grade
from tabsmith.orchestration.loop.iteration import Attempt, Begun, Failure, Past, Reported, Unsettled
from tabsmith.orchestration.questions import Decide
from tabsmith.runs import stages
from tabsmith.runs.evaluator import evaluation_folder
from tabsmith.runs.reducers import reduce
from tabsmith.runs.snapshot import FINISHED_STATES, RunSnapshot, SessionState, Trial
from tabsmith.runs.transcripts import Transcript
from tabsmith.text import clean


def restore_past(run: RunSnapshot, root: Path, record: Callable[[LoopEvent], None]) -> Past:
    """The earlier workers' part of `run`, whose folder is `root`. A session that was open when its worker died is
    closed now, and what was heard in it and not booked is booked: both are told to `record`."""
    run = close_sessions(run, root, record)
    last = run.latest if run.latest is not None and not run.latest.ended_at else None
    ended = [each for each in run.trials if each is not last]
    settles = last is not None and (last.state in FINISHED_STATES or last.skipped)
    counted = [each for each in ended if each.decision is not None and each.facts is not None]
    return Past(
        attempts=tuple(attempt for attempt in map(_attempt, ended) if attempt is not None),
        champion=next((each.iteration for each in reversed(ended) if each.won), 0),
        champion_status=ChampionStatus(run.probation, run.challengers_met),
        next_iteration=last.iteration if last else max((each.iteration for each in ended), default=0) + 1,
        begun=_begun(last, run, root) if last and not settles else None,
        unsettled=_unsettled(last, run, root) if last and settles else None,
        facts=tuple(each.facts for each in counted if each.facts is not None),
        decisions=tuple(each.decision for each in counted if each.decision is not None),
        usage=run.usage,
        warnings=run.warnings,
        feedback=ended[-1].feedback if ended else "",
        failures=run.failures,
        fallback_reason=run.fallback_reason,
        unscored=_unscored(ended),
        exhausted=run.ending == "done",
    )


def close_sessions(run: RunSnapshot, root: Path, record: Callable[[LoopEvent], None]) -> RunSnapshot:
    """The run once the sessions that a dead worker left open are closed, and what was heard in them booked."""
    for session in run.sessions:
        if session.outcome == "open":
            for event in _closing(session, run, root):
                record(event)
                run = reduce((event,), run)
    return run


def _closing(session: SessionState, run: RunSnapshot, root: Path) -> list[LoopEvent]:
    """What there is to tell of a session whose worker died: it was answered when its last words are an answer."""
    with Transcript(root, session.id) as transcript:
        heard, last = transcript.recovered_usage(), transcript.last_turn()
    closing: list[LoopEvent] = []
    if last is not None and heard != session.usage:
        missing = heard - session.usage
        closing.append(SessionUsed(session=session.id, usage=missing, model=last.model, foreign=last.foreign))
    seconds = max(0.0, run.updated_at - session.opened_at) if run.updated_at else 0.0
    closed = SessionClosed(session=session.id, outcome="lost", seconds=seconds, message="its worker died")
    if last is not None:
        try:
            parse_reply.parse_reply(last.text) if session.purpose == "propose" else parse_grade(last.text)
            closed = SessionClosed(session=session.id, outcome="answered", seconds=seconds)
        except AgentReplyError as error:
            if session.agent == "llm":  # its first reply is its answer; of others there might have come more
                what = clean(error.what, 300)
                closed = SessionClosed(
                    session=session.id, outcome="failed", seconds=seconds, trouble=error.trouble, message=what
                )
    return [*closing, closed]


def _begun(last: Trial, run: RunSnapshot, root: Path) -> Begun:
    """An iteration without an outcome, with the answer from the journal, or from a reply that came in unused."""
    sessions = _sessions(last, run, "propose")
    answer: Proposal | Exhausted | None = _proposal(last) or _heard(sessions, root)
    scheduled = run.retry is not None and run.retry.iteration == last.iteration and answer is None
    return Begun(
        iteration=last.iteration,
        agent=last.agent,
        answer=answer,
        sessions=tuple(each.id for each in sessions),
        usage=_usage(last, run),
        failures=_failures(last, sessions),
        retry_at=run.retry.until if scheduled and run.retry is not None else 0.0,
    )


def _heard(sessions: list[SessionState], root: Path) -> Proposal | Exhausted | None:
    for session in reversed(sessions):
        if session.outcome == "failed":
            continue
        with Transcript(root, session.id) as transcript:
            last = transcript.last_turn()
        try:
            return parse_reply.parse_reply(last.text if last else "")
        except AgentReplyError:
            continue  # not the answer yet: it is asked again
    return None


def _unsettled(last: Trial, run: RunSnapshot, root: Path) -> Unsettled:
    """An iteration with an outcome and without its record."""
    attempt = _attempt(last)
    proposing, grading = _sessions(last, run, "propose"), _sessions(last, run, "grade")
    failures = _failures(last, proposing)
    quality, grade_failed = (last.quality, "") if last.quality else _grade(grading, root)
    decision = last.decision or _said(last, run)
    reported: dict[Reported, bool] = {
        "graded": last.quality is not None,
        "decided": last.decision is not None,
        "promoted": last.won,
    }
    return Unsettled(
        iteration=last.iteration,
        agent=last.agent,
        stage=_stage(last),
        broken_off=last.stopped or (last.state == "unanswered" and not last.trouble),
        proposal=_proposal(last),
        sessions=tuple(each.id for each in proposing),
        usage=_usage(last, run),
        retries=max(0, len(failures) - (last.state == "unanswered")),
        rate_limits=sum(each.trouble == "rate limit" for each in failures),
        evaluation=attempt.evaluation if attempt else None,
        problems=last.problems,
        trouble=last.trouble,
        message=last.message,
        quality=quality,
        grades=len(grading),
        grade_failed=grade_failed,
        decision=decision,
        judgement=Judgement(won=True, rule=last.rule, probation=run.probation) if last.won else None,
        skipped=last.skipped,
        reported=frozenset(each for each in get_args(Reported) if reported[each]),
    )


def _stage(last: Trial) -> Literal["unanswered", "proposed", "refused", "failed", "stopped", "scored"]:
    match last.state:
        case "unanswered" | "refused" | "scored":
            return last.state
        case "failed":
            return "stopped" if last.stopped else "failed"
        case _:  # left out before it was fitted
            return "proposed"


def _grade(sessions: list[SessionState], root: Path) -> tuple[Quality | None, str]:
    """The grade that a model gave, or why its last answer was none."""
    for session in reversed(sessions):
        if session.outcome == "failed":
            return None, session.message
        with Transcript(root, session.id) as transcript:
            last = transcript.last_turn()
        try:
            return parse_grade(last.text if last else ""), ""
        except AgentReplyError:
            continue  # its worker died before it came
    return None, ""


def _said(last: Trial, run: RunSnapshot) -> Decision | None:
    """What the person decided before the recipe was fitted."""
    replies = [each.reply for each in run.answers if each.question.cause == "proposal"]
    reply = replies[-1] if replies and last.skipped else None
    return human_decision(reply.action) if isinstance(reply, Decide) else None


def _proposal(each: Trial) -> Proposal | None:
    return Proposal(each.recipe, each.reason, each.confidence) if each.recipe is not None else None


def _sessions(last: Trial, run: RunSnapshot, purpose: str) -> list[SessionState]:
    return [each for each in run.sessions if each.iteration == last.iteration and each.purpose == purpose]


def _failures(last: Trial, sessions: list[SessionState]) -> tuple[Failure, ...]:
    """How often the agent of the iteration was asked in vain; search never is."""
    if last.agent == "search":
        return ()
    return tuple(
        Failure(each.trouble, each.message) for each in sessions if each.outcome == "failed" and each.trouble != ""
    )


def _usage(last: Trial, run: RunSnapshot) -> Usage:
    return total_usage(each.usage for each in run.sessions if each.iteration == last.iteration)


def _unscored(ended: list[Trial]) -> int:
    """How many recipes in a row had no score; an iteration without an answer says nothing of the table."""
    count = 0
    for each in reversed(ended):
        if each.state in ("scored", "unanswered"):
            break
        count += 1
    return count


def _attempt(each: Trial) -> Attempt | None:
    if each.recipe is None:
        return None
    evaluation = stages.evaluation_of(each, evaluation_folder(each.iteration, each.recipe))
    return Attempt(
        each.iteration, each.recipe, evaluation, each.message, counts=not each.skipped, failed=each.state == "failed"
    )
