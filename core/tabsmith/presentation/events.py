"""The events of a run as plain lines: one for each that is worth knowing, with the time since the start."""

import time
from collections.abc import Callable
from typing import Final

from tabsmith import formatting
from tabsmith.agents.protocol import AgentName
from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.limits import Limits
from tabsmith.orchestration import events as loop
from tabsmith.orchestration import events as task
from tabsmith.orchestration.decisions import AllowTool, Decision, Reply
from tabsmith.orchestration.events import Acceptance, ChangedFile, LoopEvent, TaskEvent
from tabsmith.presentation import budgets
from tabsmith.presentation.scores import metric_direction
from tabsmith.runs import events as run
from tabsmith.runs.events import RunEvent, RunState, TasksReady
from tabsmith.text import clean, plural

# What is asked is printed where it can be answered, see asking.py.
_SILENT = (RunState.RUNNING, RunState.EVALUATING, RunState.WAITING, RunState.QUEUED, RunState.ASKING)


class EventPrinter:
    """Prints the events that it is given."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        self._changes: dict[int, str] = {}
        self._agent: AgentName = "search"  # whose iteration it is
        self._sessions: dict[str, int] = {}  # the iterations of the sessions
        self._used: dict[int, Usage] = {}
        self._decided: dict[int, Decision] = {}
        self._question = ""
        self._started = 0.0
        self._read_told = 0.0

    def __call__(self, event: RunEvent) -> None:
        """Print what `event` tells, if it is worth a line."""
        text = self._line(event)
        if text:
            self._write(f"{formatting.clock(event.at - self._started):>6}  {text}")

    def _line(self, event: RunEvent) -> str:
        match event:
            case run.RunStarted(at=at):
                self._started = self._started or at
                return f"run       {event.spec.id}" + (f", attempt {event.attempt}" if event.attempt > 1 else "")
            case run.StateChanged(state=state, message=message):
                return "" if state in _SILENT or not message else f"{state.value:9s} {message}"
            case run.ReadingProgress(share=share, message=message):
                return self._reading(share, message)
            case run.TableReady(info=info):
                columns = len(info.profile.columns)
                return f"table     {formatting.count(info.rows)} rows, {columns:,} columns, {info.route} path"
            case run.SchemaReady(schema=schema):
                words = f"{schema.problem_type}, {len(schema.features)} features, {schema.split.kind} split"
                return f"schema    target {clean(schema.target, 60)}, {words}"
            case run.LimitChanged(limits=limits):
                return f"limit     {_limits(limits)} from now on"
            case run.RunEnded():
                return ""
            case run.TasksReady():
                return tasks_line(event)
            case _:
                return self._loop_line(event)

    def _loop_line(self, event: loop.LoopEvent | TaskEvent) -> str:
        match event:
            case loop.SearchStarted(metric=metric, folds=folds):
                held = f"{formatting.count(event.holdout_rows)} test rows"
                return f"search    {metric_direction(metric)}, {folds} folds, {held}"
            case loop.Proposed(iteration=iteration, recipe=recipe, change=change):
                self._changes[iteration] = clean(recipe.name or change, 40)
                return ""
            case loop.Evaluated(iteration=iteration, evaluation=evaluation):
                score = formatting.plus_minus(evaluation.mean, evaluation.standard_error)
                seconds = formatting.duration(evaluation.seconds)
                return f"#{iteration:<3}      {self._changes.get(iteration, ''):40s} {score:>22s}  {seconds}"
            case loop.ChampionChanged(iteration=iteration, probation=probation):
                return f"champion  #{iteration}" + (", on probation: it won narrowly" if probation else "")
            case loop.RecipeRefused(iteration=iteration, problems=problems):
                return f"refused   #{iteration} {problems[0].what if problems else ''}"
            case loop.EvaluationFailed(iteration=iteration, message=message):
                return f"failed    #{iteration} {self._changes.get(iteration, '')}: {message}"
            case loop.EnsembleBuilt(recipes=recipes, score=score, standard_error=error):
                return f"ensemble  {len(recipes)} recipes, {formatting.plus_minus(score, error)}"
            case loop.Noted(message=message):
                return f"note      {message}"
            case _:
                return self._agent_line(event) or self._person_line(event) or task_event_line(event)

    def _agent_line(self, event: loop.LoopEvent | TaskEvent) -> str:
        match event:
            case loop.IterationStarted(iteration=iteration, agent=agent, task=task):
                self._agent = agent
                return f"#{iteration:<3}      {clean(task, 60)}: {agent} is sent" if task else ""
            case loop.AgentChanged(planned=planned, actual=actual, reason=reason):
                change = "is back" if actual == planned else f"takes over from {planned}"
                return f"agent     {actual} {change}: {reason}"
            case loop.SessionOpened(session=session, iteration=iteration):
                self._sessions[session] = iteration
                self._used.setdefault(iteration, NO_USAGE)
            case loop.SessionUsed(session=session, usage=usage):
                iteration = self._sessions.get(session, 0)
                self._used[iteration] = self._used.get(iteration, NO_USAGE) + usage
            case loop.SessionClosed(session=session):
                self._sessions.pop(session, None)
            case loop.RetryScheduled(iteration=iteration, trouble=trouble, retry=retry, retries=retries):
                wait = formatting.duration(max(0.0, event.until - event.at))
                return f"retry     #{iteration} {trouble}, again in {wait} ({retry} of {retries}): {event.message}"
            case loop.Unanswered(iteration=iteration, trouble=trouble, message=message):
                return f"no answer #{iteration} {trouble}: {message}"
            case loop.Graded(iteration=iteration, quality=quality):
                return f"grade     #{iteration} by tabsmith's own rule: {quality.fallback}" if quality.fallback else ""
            case loop.Decided(iteration=iteration, decision=decision):
                self._decided[iteration] = decision
            case loop.IterationEnded(iteration=iteration):
                return self._settled(iteration)
            case _:
                pass
        return ""

    def _settled(self, iteration: int) -> str:
        """What the iteration used and what was decided; nothing for one of the search that simply goes on."""
        usage, decision = self._used.pop(iteration, None), self._decided.pop(iteration, None)
        parts = []
        if usage is not None:
            parts.append(f"{self._agent}  {budgets.token_counts(usage)}  {budgets.usage_cost(usage)}")
        if decision is not None and (usage is not None or decision.action != "proceed"):
            by = " (you)" if decision.by == "person" else ""
            parts.append(f"{decision.label}{by}: {decision.rule}")
        return f"#{iteration:<3}      {'  '.join(parts)}" if parts else ""

    def _person_line(self, event: loop.LoopEvent | TaskEvent) -> str:
        match event:
            case loop.QuestionAsked(question=question):
                self._question = clean(question.what, 200)
            case loop.QuestionAnswered(reply=reply):
                word = f"allow {reply.allowed}" if isinstance(reply, AllowTool) else _word(reply)
                return f"answer    {word}, to: {self._question}"
            case loop.IterationSkipped(iteration=iteration):
                return f"skipped   #{iteration} left out by you"
            case loop.BreakpointPassed(iteration=iteration, what=what):
                return f"passed    #{iteration} {what}"
            case loop.BudgetWarned(words=words):
                return f"budget    {words}"
            case loop.ModeChanged(mode=mode):
                return f"mode      {mode}"
            case loop.NoteTaken(text=text):
                return f"noted     {clean(text, 200)}"
            case _:
                pass
        return ""

    def _reading(self, share: float, message: str) -> str:
        now = time.monotonic()
        if now - self._read_told < 2.0:
            return ""
        self._read_told = now
        return f"reading   {message}" + (f" {formatting.percent(share)}" if share >= 0 else "")


def _word(reply: Reply) -> str:
    return str(type(reply).__struct_config__.tag).replace("_", " ")


def _limits(limits: Limits) -> str:
    parts = (
        formatting.duration(limits.seconds) if limits.seconds else "",
        plural(limits.iterations, "iteration") if limits.iterations else "",
        plural(limits.tokens, "token") if limits.tokens else "",
        f"${limits.dollars}" if limits.dollars else "",
        plural(limits.failures, "failure") + " in a row" if limits.failures else "",
    )
    return ", ".join(part for part in parts if part) or "no limit"


_CUT: Final = 160
_NAMED: Final = 4


def tasks_line(event: TasksReady) -> str:
    """The tasks, in the order in which they are done, and what the file may not mean."""
    names = ", ".join(clean(each.name, 60) for each in event.tasks[:20])
    more = f", and {len(event.tasks) - 20} more" if len(event.tasks) > 20 else ""
    warnings = "".join(f". Mind: {warning}" for warning in event.warnings)
    return f"tasks     {plural(len(event.tasks), 'task')}: {names}{more}{warnings}"


def task_event_line(event: TaskEvent | LoopEvent) -> str:
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
            return f"worked    #{iteration} {end}, {changed_files(changes, more)}{said}"
        case task.AcceptanceStarted(iteration=iteration, command=command):
            return f"accept    #{iteration} {clean(command, _CUT)}"
        case task.AcceptanceEnded(iteration=iteration, acceptance=result):
            last = next((text for text in reversed(result.output.splitlines()) if text.strip()), "")
            seen = f": {clean(last, _CUT)}" if last and result.verdict != "accepted" else ""
            took = formatting.duration(result.seconds)
            word = "accepted" if result.verdict == "accepted" else "rejected"
            return f"{word}  #{iteration} {acceptance_end(result)}, {took}{seen}"
        case task.TaskEnded(task=name, outcome=outcome, exit_reason=exit_reason, reason=reason, handed_back=back):
            handed = {"yes": "; handed back", "refused": "; not handed back", "no": ""}[back]
            why = "" if exit_reason == outcome else f" ({exit_reason})"
            words = f": {clean(reason, 300)}" if reason else ""
            return f"task      {clean(name, 60)}: {outcome}{why}{words}{handed}"
        case _:
            return ""


def acceptance_end(result: Acceptance) -> str:
    """How the acceptance command ended: `exit status 1`, or what ended it."""
    if result.verdict == "could not run":
        return f"it could not run: {clean(result.ended, 200)}"
    return f"exit status {result.status}" if result.status is not None else f"ended by {clean(result.ended, 200)}"


def changed_files(changes: tuple[ChangedFile, ...], more: int) -> str:
    """`2 files changed_files (calc.py, test.py)`."""
    count = len(changes) + more
    if not count:
        return "nothing changed"
    names = ", ".join(clean(each.path, 60) for each in changes[:_NAMED])
    return f"{plural(count, 'file')} changed ({names}{', …' if count > _NAMED else ''})"
