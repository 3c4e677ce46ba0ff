"""The reducers: `reduce` folds a journal, event by event, into the `RunSnapshot` that every screen draws."""

from collections.abc import Iterable
from typing import Final

from msgspec.structs import replace

from tabsmith.agents.usage import total_usage
from tabsmith.limits import Limits
from tabsmith.orchestration import events as loop
from tabsmith.orchestration.decisions import EndRun
from tabsmith.orchestration.loop.champion import ChampionStatus, Judgement
from tabsmith.orchestration.loop_state import AnsweredQuestion, SessionState, Trial, WorkspaceWork
from tabsmith.runs import events as run
from tabsmith.runs.events import RunEvent, RunState
from tabsmith.runs.snapshot import RunSnapshot, TaskState

LOG_EVENTS: Final = 500
"""The latest events that a snapshot keeps for the log."""

_NOT_LOGGED: Final = (
    run.ReadingProgress,
    loop.IterationStarted,
    loop.SessionOpened,
    loop.SessionUsed,
    loop.Proposed,
    loop.FoldScored,
    loop.IterationEnded,
    loop.Acted,
)


def reduce(events: Iterable[RunEvent], start: RunSnapshot | None = None) -> RunSnapshot:
    """Return the run after `events`; `start` is the run before them. Pure: the same events give the same run.

    Raises TypeError for a kind of event that has no reducer.
    """
    snapshot = start or RunSnapshot()
    for event in events:
        log = snapshot.log if isinstance(event, _NOT_LOGGED) else (*snapshot.log[1 - LOG_EVENTS :], event)
        snapshot = replace(_after_run_event(event, snapshot), updated_at=event.at, log=log)
    return snapshot


def _after_run_event(event: RunEvent, snapshot: RunSnapshot) -> RunSnapshot:
    """The run after an event of the run as a whole, or after any other."""
    match event:
        case run.RunStarted():
            return _started(event, snapshot)
        case run.StateChanged(state=state):
            clocked = snapshot.clocked(event.at, running=not state.clock_stands)
            ending = "user" if state is RunState.STOPPING else snapshot.ending
            return replace(clocked, state=state, message=event.message, ending=ending)
        case run.ReadingProgress():
            return replace(snapshot, read_share=event.share, message=event.message)
        case run.TableReady():
            return replace(snapshot, info=event.info, read_share=1.0)
        case run.HoldoutTableReady(info=info):
            return replace(snapshot, holdout_info=info, read_share=1.0)
        case run.SchemaReady():
            return replace(snapshot, schema=event.schema)
        case run.LimitChanged(limits=limits):
            warnings = tuple(each for each in snapshot.warnings if _still_holds(each, snapshot, limits, event.at))
            return replace(snapshot, limits=limits, warnings=warnings)
        case run.TasksReady(tasks=named):
            earlier = {each.name: each for each in snapshot.tasks}
            return replace(snapshot, tasks=tuple(earlier.get(each.name) or _waiting(each) for each in named))
        case loop.SearchStarted():
            return replace(
                snapshot,
                metric=event.metric,
                folds=event.folds,
                train_rows=event.train_rows,
                holdout_rows=event.holdout_rows,
                memory=event.memory,
            )
        case loop.EnsembleBuilt():
            return replace(snapshot, ensemble=event)
        case run.RunEnded():
            return replace(
                snapshot.clocked(event.at, running=False),
                retry=None,
                question=None,
                answers=(),
                ending="",
                state=RunState.FAILED if event.outcome == "failed" else RunState.DONE,
                message="",
                ended_at=event.at,
                outcome=event.outcome,
                exit_reason=event.exit_reason,
                report=event.report,
                error=event.error,
                counted_seconds=event.active_seconds,
            )
        case _:
            return _after_recipe_event(event, snapshot)


def _started(event: run.RunStarted, snapshot: RunSnapshot) -> RunSnapshot:
    choice, resumed = event.spec.choice, snapshot.attempt > 0
    tasks = snapshot.tasks
    if snapshot.outcome is not None:  # a task that had ended without success begins once more
        tasks = tuple(each if each.outcome.startswith("success") else _waiting(each) for each in tasks)
    return replace(
        snapshot.clocked(snapshot.updated_at, running=False),
        spec=event.spec,
        pid=event.pid,
        attempt=event.attempt,
        state=RunState.QUEUED,
        message="",
        started_at=snapshot.started_at or event.at,
        ended_at=0.0,
        limits=snapshot.limits if resumed else choice.limits,
        planned=snapshot.planned if resumed else choice.agent,
        actual=snapshot.actual if resumed else choice.agent,
        mode=snapshot.mode if resumed else choice.mode,
        tasks=tasks,
        retry=None,
        question=None,
        outcome=None,
        exit_reason=None,
        error=None,
        report=None,
    )


def _waiting(task: run.TaskNamed | TaskState) -> TaskState:
    return TaskState(task.name, agent=task.agent, depends_on=task.depends_on)


def _still_holds(warning: loop.BudgetWarned, snapshot: RunSnapshot, limits: Limits, at: float) -> bool:
    """Whether a warning still holds under new limits; one that does not is given again when it is due."""
    name = warning.limit
    if snapshot.limits.value(name) == limits.value(name):
        return True
    return replace(snapshot.budget(at), limits=limits).share(name) >= warning.share


# Iterations -------------------------------------------------------------------------------------------------------


def _after_recipe_event(event: RunEvent, snapshot: RunSnapshot) -> RunSnapshot:
    """The run after an event of a recipe, or after any event below."""
    match event:
        case loop.Proposed(iteration=iteration):
            return _with_trial(
                snapshot,
                iteration,
                state="proposed",
                recipe=event.recipe,
                change=event.change,
                reason=event.reason,
                confidence=event.confidence,
            )
        case loop.RecipeRefused(iteration=iteration, problems=problems):
            message = "; ".join(f"{problem.where}: {problem.what}" for problem in problems)
            return _with_trial(snapshot, iteration, state="refused", message=message, problems=problems)
        case loop.FoldScored(iteration=iteration, score=score):
            folds = (*_current_trial(snapshot, iteration).folds, score)
            ordered = tuple(sorted(folds, key=lambda each: each.fold))
            return _with_trial(snapshot, iteration, state="evaluating", folds=ordered)
        case loop.Evaluated(iteration=iteration, evaluation=evaluation):
            return _with_trial(
                snapshot,
                iteration,
                state="scored",
                folds=evaluation.folds,
                mean=evaluation.mean,
                standard_error=evaluation.standard_error,
                seconds=evaluation.seconds,
                delta=_delta(snapshot, evaluation.mean),
            )
        case loop.EvaluationFailed(iteration=iteration, message=message, seconds=seconds):
            stopped = event.reason == "stopped"
            return _with_trial(snapshot, iteration, state="failed", message=message, seconds=seconds, stopped=stopped)
        case loop.ChampionChanged(iteration=iteration):
            promoted = _with_trial(snapshot, iteration, won=True, rule=event.rule)
            return replace(promoted, champion_trial=promoted.latest, probation=event.probation, challengers_met=0)
        case _:
            return _after_iteration_event(event, snapshot)


def _after_iteration_event(event: RunEvent, snapshot: RunSnapshot) -> RunSnapshot:
    """The run after an event of any iteration, or after any event below."""
    match event:
        case loop.IterationStarted(iteration=iteration):
            # An iteration that is resumed after a kill keeps the sessions that it had, with what they used.
            before = [session for session in snapshot.sessions if session.iteration == iteration]
            latest = Trial(
                iteration,
                event.agent,
                started_at=event.at,
                sessions=tuple(session.id for session in before),
                usage=total_usage(session.usage for session in before),
                work=WorkspaceWork(event.task) if event.task else None,
            )
            # The same iteration again, of another agent: search stands in for one that did not answer.
            again = snapshot.latest is not None and snapshot.latest.iteration == iteration
            return replace(snapshot, settled=snapshot.settled if again else snapshot.trials, latest=latest, retry=None)
        case loop.Unanswered(iteration=iteration, trouble=trouble, message=message):
            unanswered = _with_trial(snapshot, iteration, state="unanswered", message=message, trouble=trouble)
            return unanswered if trouble else replace(unanswered, ending=snapshot.ending or "done")
        case loop.Graded(iteration=iteration, quality=quality):
            fallback_grades = snapshot.fallback_grades + bool(quality.fallback)
            return replace(_with_trial(snapshot, iteration, quality=quality), fallback_grades=fallback_grades)
        case loop.Decided(iteration=iteration):
            return _with_trial(snapshot, iteration, decision=event.decision)
        case loop.IterationSkipped(iteration=iteration):
            return _with_trial(snapshot, iteration, skipped=True)
        case loop.IterationEnded():
            return _after_iteration(event, snapshot)
        case _:
            return _after_agent_event(event, snapshot)


def _after_iteration(event: loop.IterationEnded, snapshot: RunSnapshot) -> RunSnapshot:
    ended = _with_trial(snapshot, event.iteration, facts=event.facts, feedback=event.feedback, ended_at=event.at)
    ended = replace(ended, retry=None, answers=(), failures=event.facts.failures)
    if ended.champion == event.iteration:
        return replace(ended, champion_trial=ended.latest)
    if event.facts.scored and not _current_trial(ended, event.iteration).skipped:
        status = ChampionStatus(ended.probation, ended.challengers_met).after(Judgement(won=False, rule=""))
        return replace(ended, probation=status.probation, challengers_met=status.challengers_met)
    return ended


def _current_trial(snapshot: RunSnapshot, iteration: int) -> Trial:
    """The latest trial if it is that iteration; else a new trial."""
    latest = snapshot.latest
    return latest if latest is not None and latest.iteration == iteration else Trial(iteration, snapshot.actual)


def _with_trial(snapshot: RunSnapshot, iteration: int, **changes: object) -> RunSnapshot:
    """The snapshot with its latest trial changed. Only the latest one ever changes, so a long run folds in linear
    time."""
    new = replace(_current_trial(snapshot, iteration), **changes)
    if snapshot.latest is None or snapshot.latest.iteration == iteration:
        return replace(snapshot, latest=new)
    return replace(snapshot, settled=snapshot.trials, latest=new)


def _delta(snapshot: RunSnapshot, mean: float) -> float | None:
    champion = snapshot.champion_trial
    return mean - champion.mean if champion is not None and champion.mean is not None else None


# Agents and the person --------------------------------------------------------------------------------------------


def _after_agent_event(event: RunEvent, snapshot: RunSnapshot) -> RunSnapshot:
    """The run after an event between the run and its agents, or after any event below."""
    match event:
        case loop.AgentChanged(planned=planned, actual=actual):
            back = actual == planned
            reason, failures = ("", 0) if back else (event.reason, snapshot.failures)
            return replace(snapshot, planned=planned, actual=actual, fallback_reason=reason, failures=failures)
        case loop.SessionOpened(session=session, iteration=iteration):
            opened = SessionState(
                session, iteration, event.attempt, event.agent, event.model, event.purpose, opened_at=event.at
            )
            sessions = (*_current_trial(snapshot, iteration).sessions, session)
            asked = replace(snapshot, sessions=(*snapshot.sessions, opened), retry=None)
            return _with_trial(asked, iteration, sessions=sessions)
        case loop.SessionUsed():
            return _after_use(event, snapshot)
        case loop.SessionClosed():
            return _with_session(
                snapshot,
                event.session,
                closed_at=event.at,
                seconds=event.seconds,
                outcome=event.outcome,
                trouble=event.trouble,
                message=event.message,
            )
        case loop.RetryScheduled():
            return replace(snapshot, retry=event)
        case _:
            return _after_person_event(event, snapshot)


def _after_use(event: loop.SessionUsed, snapshot: RunSnapshot) -> RunSnapshot:
    session, usage = _session(snapshot, event.session), event.usage
    if session is None:
        return snapshot
    used = session.usage + usage
    model, foreign = event.model or session.model, event.foreign or session.foreign
    spent = replace(
        _with_session(snapshot, event.session, usage=used, model=model, foreign=foreign),
        usage=snapshot.usage + usage,
        context=usage.input_tokens + usage.cache_read_tokens + usage.cache_write_tokens or snapshot.context,
    )
    if spent.latest is None or spent.latest.iteration != session.iteration:
        return spent
    return _with_trial(spent, session.iteration, usage=spent.latest.usage + usage)


def _session(snapshot: RunSnapshot, session: str) -> SessionState | None:
    """The session of that id; the search begins with the newest, which it nearly always is."""
    return next((each for each in reversed(snapshot.sessions) if each.id == session), None)


def _with_session(snapshot: RunSnapshot, session: str, **changes: object) -> RunSnapshot:
    """The snapshot with the session changed; the same snapshot if there is no such session."""
    sessions = list(snapshot.sessions)
    for index in range(len(sessions) - 1, -1, -1):
        if sessions[index].id == session:
            sessions[index] = replace(sessions[index], **changes)
            return replace(snapshot, sessions=tuple(sessions))
    return snapshot


def _after_person_event(event: RunEvent, snapshot: RunSnapshot) -> RunSnapshot:
    """The run after an event between the run and its person, or after any event below."""
    match event:
        case loop.QuestionAsked(question=question):
            return replace(snapshot, question=question)
        case loop.QuestionAnswered(id=question_id, reply=reply):
            answered, asked = replace(snapshot, question=None), snapshot.question
            if asked is None or asked.id != question_id:
                return answered
            ending = "user" if isinstance(reply, EndRun) and asked.cause != "budget" else snapshot.ending
            return replace(answered, answers=(*snapshot.answers, AnsweredQuestion(asked, reply)), ending=ending)
        case loop.BudgetWarned():
            return replace(snapshot, warnings=(*snapshot.warnings, event))
        case loop.ModeChanged(mode=mode):
            return replace(snapshot, mode=mode)
        case loop.NoteTaken(text=text):
            return replace(snapshot, notes=(*snapshot.notes, text))
        case loop.RecipeQueued(recipe=recipe):
            return replace(snapshot, queued=(*snapshot.queued, recipe))
        case loop.BreakpointPassed() | loop.Noted():
            return snapshot
        case _:
            return _after_task_event(event, snapshot)


# Tasks ------------------------------------------------------------------------------------------------------------


def _after_task_event(event: RunEvent, snapshot: RunSnapshot) -> RunSnapshot:
    """The run after an event of a task file."""
    match event:
        case loop.TaskStarted(task=name, how=how, level=level):
            return _with_task(snapshot, name, state="running", how=how, level=level, started_at=event.at)
        case loop.Acted(iteration=iteration):
            acts = _work(snapshot, iteration).acts + 1
            return _with_work(snapshot, iteration, acts=acts, doing=event.activity)
        case loop.PermissionDecided(iteration=iteration):
            permissions = (*_work(snapshot, iteration).permissions, event)
            return _with_work(snapshot, iteration, permissions=permissions)
        case loop.Worked(iteration=iteration, end=end, words=words, changes=changes, more=more):
            return _with_work(snapshot, iteration, end=end, words=words, changes=changes, more=more)
        case loop.AcceptanceStarted():
            return snapshot
        case loop.AcceptanceEnded(iteration=iteration, acceptance=acceptance):
            proved = _with_work(snapshot, iteration, acceptance=acceptance)
            return _with_trial(proved, iteration, state="scored", seconds=acceptance.seconds)
        case loop.TaskEnded():
            return _with_task(
                snapshot,
                event.task,
                state="done",
                outcome=event.outcome,
                exit_reason=event.exit_reason,
                handed_back=event.handed_back,
                reason=event.reason,
                ended_at=event.at,
            )
        case _:
            raise TypeError(f"no reducer for {type(event).__name__}")


def _with_task(snapshot: RunSnapshot, name: str, **changes: object) -> RunSnapshot:
    tasks = tuple(replace(each, **changes) if each.name == name else each for each in snapshot.tasks)
    return replace(snapshot, tasks=tasks)


def _work(snapshot: RunSnapshot, iteration: int) -> WorkspaceWork:
    return _current_trial(snapshot, iteration).work or WorkspaceWork("")


def _with_work(snapshot: RunSnapshot, iteration: int, **changes: object) -> RunSnapshot:
    return _with_trial(snapshot, iteration, work=replace(_work(snapshot, iteration), **changes))
