"""What the tasks of a file came to, as the JSON document of `task --json` and as a report for people."""

from typing import Final

import msgspec

from tabsmith import formatting
from tabsmith.agents.protocol import AgentName
from tabsmith.agents.usage import NO_USAGE
from tabsmith.agents.usage import Usage as Used
from tabsmith.errors import WORK_FAILED, ErrorReport
from tabsmith.orchestration.events import MergedBack, TaskExit, TaskOutcome
from tabsmith.orchestration.loop_state import SessionState, Trial
from tabsmith.presentation import budgets
from tabsmith.presentation.events import acceptance_end
from tabsmith.runs.events import ExitReason, Outcome, RunState
from tabsmith.runs.snapshot import RunSnapshot, TaskState
from tabsmith.text import clean
from tabsmith_tui.commands.output import print_facts, print_json, print_table, print_text, say
from tabsmith_tui.commands.train_report import SessionDocument, UsageDocument, session_document, usage_document

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
        say(f"The run {run_id} was interrupted. To resume it: tabsmith runs resume {run_id}")
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
    what = f"{result.verdict}, {acceptance_end(result)}" if result else latest.message
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
