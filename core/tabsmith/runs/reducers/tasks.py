"""Reducers of what happens in a run of a task file."""

from msgspec.structs import replace

from tabsmith.orchestration import events as task
from tabsmith.orchestration.loop_state import WorkspaceWork
from tabsmith.runs import events as run
from tabsmith.runs.reducers.rules import current_trial, reducer, with_log, with_trial
from tabsmith.runs.snapshot import RunSnapshot, TaskState
from tabsmith.text import clean, plural


@reducer
def reduce_tasks_ready(event: run.TasksReady, snapshot: RunSnapshot) -> RunSnapshot:
    earlier = {each.name: each for each in snapshot.tasks}
    tasks = tuple(
        earlier.get(each.name) or TaskState(each.name, agent=each.agent, depends_on=each.depends_on)
        for each in event.tasks
    )
    ready = with_log(replace(snapshot, tasks=tasks), event, "tasks", plural(len(tasks), "task"))
    for warning in event.warnings:
        ready = with_log(ready, event, "note", warning, "warning")
    return ready


@reducer
def reduce_task_started(event: task.TaskStarted, snapshot: RunSnapshot) -> RunSnapshot:
    started = _task(snapshot, event.task, state="running", how=event.how, level=event.level, started_at=event.at)
    for note in event.notes:
        started = with_log(started, event, "note", note, "warning")
    return with_log(started, event, "task", f"{event.task}: in a {event.how}, sandbox {event.level}")


@reducer
def reduce_acted(event: task.Acted, snapshot: RunSnapshot) -> RunSnapshot:
    work = _work(snapshot, event.iteration)
    return _with_work(snapshot, event.iteration, replace(work, acts=work.acts + 1, doing=event.activity))


@reducer
def reduce_permission_decided(event: task.PermissionDecided, snapshot: RunSnapshot) -> RunSnapshot:
    work = _work(snapshot, event.iteration)
    decided = _with_work(snapshot, event.iteration, replace(work, permissions=(*work.permissions, event)))
    word = "refused" if event.allowed == "no" else f"allowed {event.allowed}"
    text = f"#{event.iteration} {clean(event.tool, 40)} {word} by the {event.by}: {clean(event.what, 160)}"
    return with_log(decided, event, "permission", text, "warning" if event.allowed == "no" else "info")


@reducer
def reduce_worked(event: task.Worked, snapshot: RunSnapshot) -> RunSnapshot:
    work = replace(
        _work(snapshot, event.iteration), end=event.end, words=event.words, changes=event.changes, more=event.more
    )
    count = plural(len(event.changes) + event.more, "file")
    text = f"#{event.iteration} {event.end}, {count} changed: {clean(event.words, 200)}"
    return with_log(_with_work(snapshot, event.iteration, work), event, "worked", text)


@reducer
def reduce_acceptance_started(event: task.AcceptanceStarted, snapshot: RunSnapshot) -> RunSnapshot:
    return with_log(snapshot, event, "accept", f"#{event.iteration} {clean(event.command, 200)}")


@reducer
def reduce_acceptance_ended(event: task.AcceptanceEnded, snapshot: RunSnapshot) -> RunSnapshot:
    result = event.acceptance
    work = replace(_work(snapshot, event.iteration), acceptance=result)
    proved = with_trial(snapshot, event.iteration, work=work, state="scored", seconds=result.seconds)
    how = f"exit status {result.status}" if result.status is not None else result.ended
    text = f"#{event.iteration} {result.verdict}: {how}, {result.seconds:.1f} s"
    return with_log(proved, event, "accept", text, "info" if result.verdict == "accepted" else "warning")


@reducer
def reduce_task_ended(event: task.TaskEnded, snapshot: RunSnapshot) -> RunSnapshot:
    ended = _task(
        snapshot,
        event.task,
        state="done",
        outcome=event.outcome,
        exit_reason=event.exit_reason,
        handed_back=event.handed_back,
        reason=event.reason,
        ended_at=event.at,
    )
    good = event.outcome.startswith("success")
    text = f"{event.task}: {event.outcome}, {event.exit_reason}: {clean(event.reason, 200)}"
    return with_log(ended, event, "task", text, "info" if good else "warning")


def _task(snapshot: RunSnapshot, name: str, **changes: object) -> RunSnapshot:
    tasks = tuple(replace(each, **changes) if each.name == name else each for each in snapshot.tasks)
    return replace(snapshot, tasks=tasks)


def _work(snapshot: RunSnapshot, iteration: int) -> WorkspaceWork:
    return current_trial(snapshot, iteration).work or WorkspaceWork("")


def _with_work(snapshot: RunSnapshot, iteration: int, work: WorkspaceWork) -> RunSnapshot:
    return with_trial(snapshot, iteration, work=work)
