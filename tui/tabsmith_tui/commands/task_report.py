"""What the tasks of a file came to, as the JSON document of `task --json` and as a report for people.

What happens in a run of a task file, each event as a plain line; "" for what is not worth one.
"""

from typing import Final

import msgspec

from tabsmith import formatting
from tabsmith.agents.protocol import AgentName
from tabsmith.agents.usage import NO_USAGE
from tabsmith.agents.usage import Usage as Used
from tabsmith.errors import WORK_FAILED, ErrorReport
from tabsmith.orchestration import events as task
from tabsmith.orchestration.events import (
    Acceptance,
    ChangedFile,
    LoopEvent,
    MergedBack,
    TaskEvent,
    TaskExit,
    TaskOutcome,
)
from tabsmith.orchestration.loop_state import SessionState, Trial
from tabsmith.presentation import budgets
from tabsmith.runs.events import ExitReason, Outcome, RunState, TasksReady
from tabsmith.runs.snapshot import RunSnapshot, TaskState
from tabsmith.tables.read.sources import TasksSource
from tabsmith.text import clean, plural
from tabsmith_tui.commands.output import print_facts, print_json, print_table, print_text, say
from tabsmith_tui.commands.train_report import SessionDocument, UsageDocument, session_document, usage_document

_CUT: Final = 160
_NAMED: Final = 4


def tasks(event: TasksReady) -> str:
    """The tasks, in the order in which they are done, and what the file may not mean."""
    names = ", ".join(clean(each.name, 60) for each in event.tasks[:20])
    more = f", and {len(event.tasks) - 20} more" if len(event.tasks) > 20 else ""
    warnings = "".join(f". Mind: {warning}" for warning in event.warnings)
    return f"tasks     {plural(len(event.tasks), 'task')}: {names}{more}{warnings}"


def line(event: TaskEvent | LoopEvent) -> str:
    """The line of an event in a task."""
    match event:
        case task.TaskStarted(task=name, how=how, level=level):
            notes = "".join(f"; {note}" for note in event.notes)
            return f"task      {clean(name, 60)}: in a {how}, sandbox {level}{notes}"
        case task.Acted(iteration=iteration, activity=does):
            text = clean(does.text, _CUT)
            if does.kind == "message":
                return f"says      #{iteration} {text}" if text else ""
            if does.kind == "tool":
                return f"tool      #{iteration} {clean(does.tool, 40)}: {text}"
            return f"tool      #{iteration} {clean(does.tool, 40)} failed: {text}" if does.failed else ""
        case task.PermissionDecided(iteration=iteration, tool=tool, what=what, risk=risk, allowed=allowed, by=by):
            word = {"no": "refused", "once": "allowed once", "always": "allowed always"}[allowed]
            who = "you" if by == "person" else "the mode"
            return f"permit    #{iteration} {clean(tool, 40)} {word} by {who} ({risk} risk): {clean(what, _CUT)}"
        case task.Worked(iteration=iteration, end=end, words=words, changes=changes, more=more):
            said = f", says: {clean(words, _CUT)}" if words else ""
            return f"worked    #{iteration} {end}, {changed(changes, more)}{said}"
        case task.AcceptanceStarted(iteration=iteration, command=command):
            return f"accept    #{iteration} {clean(command, _CUT)}"
        case task.AcceptanceEnded(iteration=iteration, acceptance=result):
            last = next((text for text in reversed(result.output.splitlines()) if text.strip()), "")
            seen = f": {clean(last, _CUT)}" if last and result.verdict != "accepted" else ""
            took = formatting.duration(result.seconds)
            word = "accepted" if result.verdict == "accepted" else "rejected"
            return f"{word}  #{iteration} {ended(result)}, {took}{seen}"
        case task.TaskEnded(task=name, outcome=outcome, exit_reason=exit_reason, reason=reason, handed_back=back):
            handed = {"yes": "; handed back", "refused": "; not handed back", "no": ""}[back]
            why = "" if exit_reason == outcome else f" ({exit_reason})"
            words = f": {clean(reason, 300)}" if reason else ""
            return f"task      {clean(name, 60)}: {outcome}{why}{words}{handed}"
        case _:
            return ""


def ended(result: Acceptance) -> str:
    """How the acceptance command ended: `exit status 1`, or what ended it."""
    if result.verdict == "could not run":
        return f"it could not run: {clean(result.ended, 200)}"
    return f"exit status {result.status}" if result.status is not None else f"ended by {clean(result.ended, 200)}"


def changed(changes: tuple[ChangedFile, ...], more: int) -> str:
    """`2 files changed (calc.py, test.py)`."""
    count = len(changes) + more
    if not count:
        return "nothing changed"
    names = ", ".join(clean(each.path, 60) for each in changes[:_NAMED])
    return f"{plural(count, 'file')} changed ({names}{', …' if count > _NAMED else ''})"


_LINES: Final = 5  # of what an acceptance command printed
_WIDEST: Final = 100
_GOOD: Final = ("success", "success with limits")


class TaskDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One task. `sandbox` is the level that its commands ran in, `handed_back` whether its folder has the changes."""

    name: str
    state: str
    agent: AgentName
    outcome: TaskOutcome | None
    exit_reason: TaskExit | None
    iterations: int
    sessions: tuple[SessionDocument, ...]
    usage: UsageDocument
    reason: str
    handed_back: MergedBack
    sandbox: str | None


class TasksDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`task --json`, and `runs print_tasks --json` of such a run. What there is no value for is null."""

    run_id: str
    state: str
    outcome: Outcome | None
    exit_reason: ExitReason | None
    iterations: int
    seconds: float
    usage: UsageDocument
    tasks: tuple[TaskDocument, ...]
    sessions: tuple[SessionDocument, ...]
    error: ErrorReport | None = None


def is_task_run(run: RunSnapshot) -> bool:
    """Whether this is a run of a task file."""
    return run.spec is not None and isinstance(run.spec.source, TasksSource)


def tasks_document(run_id: str, run: RunSnapshot, now: float) -> TasksDocument:
    """The run as one JSON document."""
    return TasksDocument(
        run_id=run_id,
        state=run.state.value,
        outcome=run.outcome,
        exit_reason=run.exit_reason,
        iterations=len(run.trials),
        seconds=round(run.active_seconds(now), 3),
        usage=usage_document(run.usage, len(run.sessions)),
        tasks=tuple(_task(each, run) for each in run.tasks),
        sessions=tuple(session_document(each) for each in run.sessions),
        error=run.error,
    )


def print_tasks(run_id: str, run: RunSnapshot, now: float, *, as_json: bool) -> int:
    """Print what a run of a task file came to; returns the exit status of the command, which follows the outcome."""
    if as_json:
        print_json(tasks_document(run_id, run, now))
    elif run.tasks:
        _print_report(run, now)
    if run.error is not None:
        say(f"{run.error.name}: {run.error.what}")
        for line in (run.error.where, run.error.next_step):
            if line:
                say(line)
    elif run.state is RunState.INTERRUPTED:
        say(f"The run {run_id} was interrupted. To go on: tabsmith runs resume {run_id}")
    elif not run.state.ended:
        say(f"The run {run_id} is {run.state.value}.")
    return 0 if run.outcome in _GOOD else WORK_FAILED


def _print_report(run: RunSnapshot, now: float) -> None:
    rows = []
    for each in run.tasks:
        sessions, tries = _sessions(each, run), _tries(each, run)
        level = each.level or formatting.UNKNOWN
        rows.append([each.name, _stands(each), *_counts(len(tries), sessions), level, each.reason])
    rows.append(["in all", run.outcome or run.state.value, *_counts(len(run.trials), run.sessions), "", ""])
    print_table(["task", "outcome", "iterations", "sessions", "tokens", "cost", "sandbox", "reason"], rows, _WIDEST)
    for each in run.tasks:
        if each.state == "done" and each.outcome != "success":
            _print_why(each, run)
    print_text()
    facts = [("exit reason", run.exit_reason or formatting.UNKNOWN), ("seconds", f"{run.active_seconds(now):,.1f}")]
    handed = [each.name for each in run.tasks if each.handed_back == "yes"]
    print_facts([*facts, ("handed back", ", ".join(clean(name, 60) for name in handed) or "nothing")])


def _print_why(task: TaskState, run: RunSnapshot) -> None:
    """What the last iteration came to: the acceptance command's verdict, whatever the agent claims, or the trouble."""
    tries = _tries(task, run)
    if not tries:
        return
    latest, work = tries[-1], tries[-1].work
    result = work.acceptance if work else None
    what = f"{result.verdict}, {ended(result)}" if result else latest.message
    if not what:
        return
    print_text()
    print_text(f"{clean(task.name, 60)}, iteration {latest.iteration}: {what}")
    output = result.output.splitlines() if result else []
    for line in [line for line in output if line.strip()][-_LINES:]:
        print_text(f"  {clean(line, 200)}")
    if work and work.words and not (result and result.verdict == "accepted"):
        print_text(f"  The agent said: {clean(work.words, 200)}")


def _stands(task: TaskState) -> str:
    if not task.outcome:
        return task.state
    return task.outcome if task.exit_reason in ("done", "blocked", "") else f"{task.outcome}, {task.exit_reason}"


def _counts(tries: int, sessions: tuple[SessionState, ...]) -> list[str]:
    used = _used(sessions)
    tokens = budgets.token_count(used.tokens) if used.turns else formatting.UNKNOWN
    return [str(tries), str(len(sessions)), tokens, budgets.usage_cost(used)]


def _task(task: TaskState, run: RunSnapshot) -> TaskDocument:
    sessions = _sessions(task, run)
    return TaskDocument(
        name=task.name,
        state=task.state,
        agent=task.agent,
        outcome=task.outcome or None,
        exit_reason=task.exit_reason or None,
        iterations=len(_tries(task, run)),
        sessions=tuple(session_document(each) for each in sessions),
        usage=usage_document(_used(sessions), len(sessions)),
        reason=task.reason,
        handed_back=task.handed_back,
        sandbox=task.level or None,
    )


def _tries(task: TaskState, run: RunSnapshot) -> tuple[Trial, ...]:
    return tuple(each for each in run.trials if each.work is not None and each.work.task == task.name)


def _sessions(task: TaskState, run: RunSnapshot) -> tuple[SessionState, ...]:
    iterations = {each.iteration for each in _tries(task, run)}
    return tuple(each for each in run.sessions if each.iteration in iterations)


def _used(sessions: tuple[SessionState, ...]) -> Used:
    return sum((each.usage for each in sessions), NO_USAGE)
