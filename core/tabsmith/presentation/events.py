"""The events of a run in words: as the lines of its log, and as the plain lines of a run off a terminal."""

import time
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith import formatting
from tabsmith.agents.protocol import PERSON
from tabsmith.families.registry import family_label
from tabsmith.limits import Limits
from tabsmith.orchestration import events as loop
from tabsmith.orchestration.decisions import AllowTool
from tabsmith.orchestration.events import Acceptance, ChangedFile
from tabsmith.orchestration.loop_state import Trial
from tabsmith.presentation import budgets
from tabsmith.presentation.models import ensemble_label
from tabsmith.presentation.tasks import outcome_label
from tabsmith.presentation.trials import change_words
from tabsmith.runs import events as run
from tabsmith.runs.events import RunEvent, RunState
from tabsmith.runs.reducers import reduce
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.tables.read.sources import describe_source
from tabsmith.text import clean, plural

LogLevel: TypeAlias = Literal["info", "warning", "error"]

_CUT: Final = 160
_NAMED: Final = 4
_UNREMARKABLE: Final = (RunState.RUNNING, RunState.EVALUATING, RunState.WAITING, RunState.ASKING)
_READING_SECONDS: Final = 2.0  # between two plain lines on the progress of reading
# What is asked is printed where it can be answered, and a run's end in its report.
_NOT_PRINTED: Final = (loop.QuestionAsked, loop.SessionClosed, loop.Decided, run.RunEnded)


class LogLine(msgspec.Struct, frozen=True):
    """A line of a run's log; `word` is the kind of event."""

    at: float
    word: str
    text: str
    level: LogLevel = "info"


_Worded: TypeAlias = tuple[str, str] | tuple[str, str, LogLevel] | None


def run_log(snapshot: RunSnapshot) -> tuple[LogLine, ...]:
    """The newest lines of the run's log, oldest first."""
    trials = {trial.iteration: trial for trial in snapshot.trials}
    asked = {session.id: session.iteration for session in snapshot.sessions}

    def trial_of(event: RunEvent) -> Trial | None:
        if isinstance(event, loop.SessionClosed):
            return trials.get(asked.get(event.session, 0))
        return trials.get(getattr(event, "iteration", 0))

    lines = (event_line(event, trial_of(event)) for event in snapshot.log)
    return tuple(line for line in lines if line is not None)


def event_line(event: RunEvent, trial: Trial | None = None) -> LogLine | None:
    """The line of an event; None if it is not worth one. `trial` is the one of the event's iteration, once it is known."""
    worded = _run_event(event) or _recipe_event(event, trial) or _agent_event(event, trial)
    worded = worded or _person_event(event) or _task_event(event)
    return LogLine(event.at, *worded) if worded else None


class EventPrinter:
    """Prints the events that it is given as plain lines, each with the time since the start of the run."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._snapshot = RunSnapshot()
        self._read_told = 0.0

    def __call__(self, event: RunEvent) -> None:
        """Print what `event` tells, if it is worth a line."""
        snapshot = self._snapshot = reduce((event,), self._snapshot)
        text = self._line(event, snapshot.latest)
        if text:
            self._write(f"{formatting.clock(event.at - snapshot.started_at):>6}  {text}")

    def _line(self, event: RunEvent, trial: Trial | None) -> str:
        match event:
            case run.RunStarted(spec=spec, attempt=attempt):
                return f"run       {spec.id}" + (f", attempt {attempt}" if attempt > 1 else "")
            case run.ReadingProgress(share=share, message=message) if (
                time.monotonic() - self._read_told > _READING_SECONDS
            ):
                self._read_told = time.monotonic()
                return f"reading   {message}" + (f" {formatting.percent(share)}" if share >= 0 else "")
            case run.StateChanged(state=state) if state in _UNREMARKABLE:
                return ""
            case loop.IterationEnded() if trial is not None:
                return _iteration_end(trial)
            case _:
                line = None if isinstance(event, _NOT_PRINTED) else event_line(event, trial)
                return f"{line.word:9s} {line.text}" if line else ""


def _iteration_end(trial: Trial) -> str:
    """The usage of the iteration and the decision about it; empty for a search iteration that simply goes on."""
    used, decision = bool(trial.sessions), trial.decision
    parts = []
    if used:
        parts.append(f"{trial.agent}  {budgets.token_counts(trial.usage)}  {budgets.usage_cost(trial.usage)}")
    if decision is not None and (used or decision.action != "proceed"):
        by = " (you)" if decision.by == "person" else ""
        parts.append(f"{decision.label}{by}: {decision.rule}")
    return f"#{trial.iteration:<3}      {'  '.join(parts)}" if parts else ""


def _run_event(event: RunEvent) -> _Worded:
    match event:
        case run.RunStarted(attempt=attempt):
            return "resume" if attempt > 1 else "start", f"tabsmith {event.version}, process {event.pid}"
        case run.StateChanged(state=state, message=message):
            return (state.value, message) if message or state not in _UNREMARKABLE else None
        case run.TableReady(info=info):
            columns = len(info.profile.columns)
            return "table", f"{info.profile.rows:,} rows, {columns:,} columns, {info.route} path"
        case run.HoldoutTableReady(info=info):
            return "test set", f"{clean(describe_source(info.source), 60)}, {plural(info.profile.rows, 'row')}"
        case run.SchemaReady(schema=schema, corrections=corrections):
            target, features = clean(schema.target, 60), len(schema.features)
            told = f"; corrected as you did before: {corrections}" if corrections else ""
            return (
                "schema",
                f"{schema.problem_type}, target {target}, {features} features, {schema.split.kind} split{told}",
            )
        case loop.SearchStarted(metric=metric, folds=folds, notes=notes):
            rest = "".join(f"; {note}" for note in notes)
            held = plural(event.holdout_rows, "test row")
            return "search", f"{metric.label} over {folds} folds, {held}{rest}", "warning" if notes else "info"
        case run.LimitChanged(limits=limits):
            return "limit", f"{_limits(limits)} from now on"
        case run.TasksReady(tasks=tasks, warnings=warnings):
            names = ", ".join(clean(each.name, 60) for each in tasks[:20])
            more = f", and {len(tasks) - 20} more" if len(tasks) > 20 else ""
            mind = "".join(f". Mind: {warning}" for warning in warnings)
            return "tasks", f"{plural(len(tasks), 'task')}: {names}{more}{mind}", "warning" if warnings else "info"
        case loop.EnsembleBuilt(recipes=recipes, score=score):
            return "ensemble", f"{ensemble_label(len(recipes))}: {formatting.significant(score)}"
        case loop.Noted(message=message, level=level):
            return "note", message, level
        case run.RunEnded(error=error):
            text = str(error) if error else outcome_label(event.outcome, event.exit_reason).text
            return "end", text, "error" if error else "info"
    return None


def _recipe_event(event: RunEvent, trial: Trial | None) -> _Worded:
    match event:
        case loop.RecipeRefused(iteration=iteration, problems=problems):
            return (
                "refused",
                f"#{iteration} {'; '.join(f'{problem.where}: {problem.what}' for problem in problems)}",
                "warning",
            )
        case loop.Evaluated(iteration=iteration, evaluation=evaluation):
            score = (
                f"{formatting.significant(evaluation.mean)} ± {formatting.significant(evaluation.standard_error, 2)}"
            )
            return "scored", f"#{iteration} {change_words(trial) if trial else ''}: {score}"
        case loop.EvaluationFailed(iteration=iteration, message=message):
            return "failed", f"#{iteration} {message}", "warning"
        case loop.ChampionChanged(iteration=iteration, rule=rule):
            return "champion", f"#{iteration} {rule}"
        case loop.Graded(iteration=iteration, quality=quality) if quality.fallback:
            return "grade", f"#{iteration} graded by tabsmith's own rule: {quality.fallback}", "warning"
        case loop.Decided(iteration=iteration, decision=decision):
            if decision.action == "proceed" and (trial is None or trial.agent in ("search", PERSON)):
                return None  # the search always proceeds
            return "decide", f"#{iteration} {decision.label}: {decision.rule}"
        case loop.IterationSkipped(iteration=iteration):
            return "skipped", f"#{iteration} left out by you"
    return None


def _agent_event(event: RunEvent, trial: Trial | None) -> _Worded:
    match event:
        case loop.AgentChanged(planned=planned, actual=actual, reason=reason):
            if actual == planned:
                return "agent", f"{actual} is back: {reason}"
            return "agent", f"{actual} takes over from {planned}: {reason}", "warning"
        case loop.SessionClosed(outcome=outcome, message=message) if outcome != "answered":
            asked = f"#{trial.iteration} {trial.agent} " if trial else ""
            return "session", f"{asked}{outcome}: {message}", "warning"
        case loop.RetryScheduled(iteration=iteration, trouble=trouble, retry=retry, retries=retries):
            wait = formatting.duration(max(0.0, event.until - event.at))
            return (
                "retry",
                f"#{iteration} {trouble}, again in {wait} ({retry} of {retries}): {event.message}",
                "warning",
            )
        case loop.Unanswered(iteration=iteration, trouble=trouble, message=message):
            return "no answer", f"#{iteration} {trouble or 'no recipe'}: {message}", "warning"
    return None


def _person_event(event: RunEvent) -> _Worded:
    match event:
        case loop.QuestionAsked(question=question):
            return "question", question.what, "warning"
        case loop.QuestionAnswered(reply=AllowTool(allowed=allowed)):
            return "answer", f"allow {allowed}"
        case loop.QuestionAnswered(reply=reply):
            return "answer", str(type(reply).__struct_config__.tag).replace("_", " ")
        case loop.BreakpointPassed(iteration=iteration, what=what):
            return "breakpoint", f"#{iteration} {what}", "warning"
        case loop.BudgetWarned(words=words):
            return "budget", words, "warning"
        case loop.ModeChanged(mode=mode):
            return "mode", mode
        case loop.RecipeQueued(recipe=recipe):
            return "recipe", f"your own, tried next: {clean(recipe.name or family_label(recipe.family), 80)}"
        case loop.NoteTaken(text=text):
            return "note", f"to the agent: {clean(text, 200)}"
    return None


def _task_event(event: RunEvent) -> _Worded:
    match event:
        case loop.IterationStarted(iteration=iteration, agent=agent, task=task) if task:
            return "work", f"#{iteration} {clean(task, 60)}: {agent} is sent"
        case loop.TaskStarted(task=task, how=how, level=level, notes=notes):
            rest = "".join(f"; {note}" for note in notes)
            return "task", f"{clean(task, 60)}: in a {how}, sandbox {level}{rest}", "warning" if notes else "info"
        case loop.Acted():
            return _act(event)
        case loop.PermissionDecided(iteration=iteration, tool=tool, what=what, risk=risk, allowed=allowed, by=by):
            word = {"no": "refused", "once": "allowed once", "always": "allowed always"}[allowed]
            who = "you" if by == "person" else "the mode"
            text = f"#{iteration} {clean(tool, 40)} {word} by {who} ({risk} risk): {clean(what, _CUT)}"
            return "permit", text, "warning" if allowed == "no" else "info"
        case loop.Worked(iteration=iteration, end=end, words=words, changes=changes, more=more):
            says = f", says: {clean(words, _CUT)}" if words else ""
            return "worked", f"#{iteration} {end}, {_changed_files(changes, more)}{says}"
        case loop.AcceptanceStarted(iteration=iteration, command=command):
            return "accept", f"#{iteration} {clean(command, _CUT)}"
        case loop.AcceptanceEnded(iteration=iteration, acceptance=acceptance):
            return _acceptance(iteration, acceptance)
        case loop.TaskEnded():
            return _task_end(event)
    return None


def _act(event: loop.Acted) -> _Worded:
    activity, tool, text = event.activity, clean(event.activity.tool, 40), clean(event.activity.text, _CUT)
    if activity.kind == "message":
        return ("says", f"#{event.iteration} {text}") if text else None
    if activity.kind == "tool":
        return "tool", f"#{event.iteration} {tool}: {text}"
    return ("tool", f"#{event.iteration} {tool} failed: {text}", "warning") if activity.failed else None


def _acceptance(iteration: int, acceptance: Acceptance) -> _Worded:
    how = f"#{iteration} {acceptance_end(acceptance)}, {formatting.duration(acceptance.seconds)}"
    if acceptance.verdict == "accepted":
        return "accepted", how
    last = next((text for text in reversed(acceptance.output.splitlines()) if text.strip()), "")
    return "rejected", f"{how}{f': {clean(last, _CUT)}' if last else ''}", "warning"


def _task_end(event: loop.TaskEnded) -> _Worded:
    handed = {"yes": "; handed back", "refused": "; not handed back", "no": ""}[event.handed_back]
    reason = f"; {clean(event.reason, 300)}" if event.reason else ""
    text = f"{clean(event.task, 60)}: {outcome_label(event.outcome, event.exit_reason).text}{reason}{handed}"
    return "task", text, "info" if event.outcome.startswith("success") else "warning"


def acceptance_end(result: Acceptance) -> str:
    """How the acceptance command ended: `exit status 1`, or what ended it."""
    if result.verdict == "could not run":
        return f"it could not run: {clean(result.ended, 200)}"
    return f"exit status {result.status}" if result.status is not None else f"ended by {clean(result.ended, 200)}"


def _changed_files(changes: tuple[ChangedFile, ...], more: int) -> str:
    """`2 files changed (calc.py, test.py)`."""
    count = len(changes) + more
    if not count:
        return "nothing changed"
    names = ", ".join(clean(change.path, 60) for change in changes[:_NAMED])
    return f"{plural(count, 'file')} changed ({names}{', …' if count > _NAMED else ''})"


def _limits(limits: Limits) -> str:
    parts = (
        formatting.duration(limits.seconds) if limits.seconds else "",
        plural(limits.iterations, "iteration") if limits.iterations else "",
        plural(limits.tokens, "token") if limits.tokens else "",
        f"${limits.dollars}" if limits.dollars else "",
        plural(limits.failures, "failure") + " in a row" if limits.failures else "",
    )
    return ", ".join(part for part in parts if part) or "no limit"
