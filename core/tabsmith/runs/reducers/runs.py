"""Reducers of what happens to a run as a whole."""

from msgspec.structs import replace

from tabsmith.limits import Limits
from tabsmith.orchestration.events import BudgetWarned
from tabsmith.runs import events as run
from tabsmith.runs.events import RunState
from tabsmith.runs.reducers.rules import reducer, with_log
from tabsmith.runs.snapshot import RunSnapshot, TaskState


@reducer
def reduce_run_started(event: run.RunStarted, snapshot: RunSnapshot) -> RunSnapshot:
    started = replace(
        snapshot.clocked(snapshot.updated_at, running=False),
        spec=event.spec,
        pid=event.pid,
        attempt=event.attempt,
        state=RunState.QUEUED,
        message="",
        started_at=snapshot.started_at or event.at,
        ended_at=0.0,
        limits=snapshot.limits if snapshot.attempt else event.spec.choice.limits,
        planned=snapshot.planned if snapshot.attempt else event.spec.choice.agent,
        actual=snapshot.actual if snapshot.attempt else event.spec.choice.agent,
        mode=snapshot.mode if snapshot.attempt else event.spec.choice.mode,
        tasks=_resumed_tasks(snapshot),
        retry=None,
        question=None,
        outcome=None,
        exit_reason=None,
        error=None,
        report=None,
    )
    text = f"tabsmith {event.version}, process {event.pid}"
    return with_log(started.clocked(event.at, running=True), event, "resume" if event.attempt > 1 else "start", text)


def _resumed_tasks(snapshot: RunSnapshot) -> tuple[TaskState, ...]:
    """The tasks of a resumed run: a task that had ended without success begins once more."""
    if snapshot.outcome is None:
        return snapshot.tasks
    return tuple(
        each
        if each.outcome in ("success", "success with limits")
        else TaskState(each.name, agent=each.agent, depends_on=each.depends_on)
        for each in snapshot.tasks
    )


@reducer
def reduce_state_changed(event: run.StateChanged, snapshot: RunSnapshot) -> RunSnapshot:
    clock_stands = event.state in (RunState.PAUSED, RunState.ASKING) or event.state.ended
    changed = replace(snapshot.clocked(event.at, running=not clock_stands), state=event.state, message=event.message)
    if event.state is RunState.STOPPING:
        changed = replace(changed, ending="user")
    if event.state == snapshot.state and not event.message:
        return changed
    if event.state in (RunState.RUNNING, RunState.EVALUATING, RunState.WAITING, RunState.ASKING) and not event.message:
        return changed
    return with_log(changed, event, event.state.value, event.message)


@reducer
def reduce_reading_progress(event: run.ReadingProgress, snapshot: RunSnapshot) -> RunSnapshot:
    return replace(snapshot, read_share=event.share, message=event.message)


@reducer
def reduce_table_ready(event: run.TableReady, snapshot: RunSnapshot) -> RunSnapshot:
    profile = event.info.profile
    text = f"{profile.rows:,} rows, {len(profile.columns):,} columns, {event.info.route} path"
    return with_log(replace(snapshot, info=event.info, read_share=1.0), event, "table", text)


@reducer
def reduce_schema_ready(event: run.SchemaReady, snapshot: RunSnapshot) -> RunSnapshot:
    schema = event.schema
    text = f"{schema.problem_type}, target {schema.target}, {len(schema.features)} features, {schema.split.kind} split"
    return with_log(replace(snapshot, schema=schema), event, "schema", text)


@reducer
def reduce_limit_changed(event: run.LimitChanged, snapshot: RunSnapshot) -> RunSnapshot:
    limits = event.limits
    parts = (
        f"{limits.seconds:,.0f} s" if limits.seconds else "",
        f"{limits.iterations:,} iterations" if limits.iterations else "",
        f"{limits.tokens:,} tokens" if limits.tokens else "",
        f"${limits.dollars}" if limits.dollars else "",
    )
    words = ", ".join(part for part in parts if part) or "no limit"
    warnings = tuple(each for each in snapshot.warnings if _stands(each, snapshot, limits, event.at))
    changed = replace(snapshot, limits=limits, warnings=warnings)
    return with_log(changed, event, "limit", f"{words} from now on")


def _stands(warning: BudgetWarned, snapshot: RunSnapshot, limits: Limits, at: float) -> bool:
    """Whether a warning still holds under new limits; one that does not is given again when it is due."""
    name = warning.limit
    if snapshot.limits.value(name) == limits.value(name):
        return True
    return replace(snapshot.budget(at), limits=limits).share(name) >= warning.share


@reducer
def reduce_run_ended(event: run.RunEnded, snapshot: RunSnapshot) -> RunSnapshot:
    ended = replace(
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
    text = str(event.error) if event.error else f"{event.outcome}, {event.exit_reason}"
    return with_log(ended, event, "end", text, "error" if event.error else "info")
