"""The result of a run, of training or of the tasks of a file: the document of `--json`, and a report for people."""

from collections.abc import Iterable, Sequence
from typing import Final, Literal

import msgspec

from tabsmith import formatting
from tabsmith.agents.protocol import AgentName, ProposerName
from tabsmith.agents.usage import NO_USAGE
from tabsmith.agents.usage import Usage as Used
from tabsmith.errors import WORK_FAILED, ErrorReport
from tabsmith.modeling.decisions.types import DecisionReport
from tabsmith.modeling.results import Confusion, ModelReport, Residuals
from tabsmith.orchestration.events import MergedBack, TaskExit, TaskOutcome
from tabsmith.orchestration.loop_state import SessionState, Trial
from tabsmith.presentation import budgets, explanations, models
from tabsmith.presentation.events import acceptance_end
from tabsmith.presentation.spans import Line, plain_text
from tabsmith.recipes.recipe import Recipe
from tabsmith.runs.events import ExitReason, Outcome, RunState
from tabsmith.runs.snapshot import RunSnapshot, TaskState
from tabsmith.tables.schema.types import ProblemType
from tabsmith.text import clean, plural
from tabsmith_tui.commands.output import print_facts, print_json, print_table, print_text, say, say_error


class AgentDocument(msgspec.Struct, frozen=True):
    """The planned and the actual agent, and the reason if they differ."""

    planned: AgentName
    actual: AgentName
    reason: str = ""


class UsageDocument(msgspec.Struct, frozen=True):
    """The usage of agents; `cost` is in dollars, null when a part of it is not known, and `unpriced` counts the replies
    without a price. Reasoning tokens are a part of the output."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cost: str | None = "0"
    unpriced: int = 0
    turns: int = 0
    sessions: int = 0


class SessionDocument(msgspec.Struct, frozen=True, kw_only=True):
    """One conversation with an agent. `attempt` is over 1 when it was asked again in the same iteration."""

    id: str
    iteration: int
    attempt: int
    agent: AgentName
    model: str
    purpose: Literal["propose", "grade"]
    started_at: float
    ended_at: float | None
    outcome: str
    trouble: str
    message: str
    usage: UsageDocument


class ScoredRecipe(msgspec.Struct, frozen=True):
    """A recipe and its score."""

    rank: int
    iteration: int
    recipe: Recipe
    score: float
    standard_error: float
    fold_scores: tuple[float, ...]
    seconds: float
    by: ProposerName  # who proposed it: an agent, or "person"


class TrainDocument(msgspec.Struct, frozen=True, kw_only=True):
    """`train --json` and `runs show --json`. What there is no value for is null."""

    run_id: str
    model_id: str | None
    state: str
    task: ProblemType
    target: str | None
    metric: str | None
    greater_is_better: bool | None
    cv_score: float | None
    cv_se: float | None
    holdout_score: float | None
    holdout_interval: tuple[float, float] | None
    holdout_rows: int
    chance_score: float | None  # of the best constant answer, on the hold-out
    beats_chance: Literal["yes", "not shown"] | None
    iterations: int
    tries: int
    seconds: float
    agent: AgentDocument
    usage: UsageDocument
    sessions: tuple[SessionDocument, ...]
    champion: ScoredRecipe | None
    leaderboard: tuple[ScoredRecipe, ...]
    outcome: Outcome | None
    exit_reason: ExitReason | None
    error: ErrorReport | None = None
    decisions: DecisionReport | None = (
        None  # the event, the threshold, calibration and intervals, and what they are worth
    )


def train_document(run_id: str, run: RunSnapshot, now: float) -> TrainDocument:
    """The run as one JSON document."""
    report, metric = run.report, run.metric
    holdout = report.holdout.scores[0] if report and report.holdout else None
    board = tuple(_scored(place, each) for place, each in enumerate(run.leaderboard, 1) if each.recipe)
    champion = next((each for each in board if each.iteration == run.champion), None)
    chance = report.holdout.baseline if report and report.holdout else None
    interval = (holdout.low, holdout.high) if holdout else None
    return TrainDocument(
        run_id=run_id,
        model_id=report.model_id if report else None,
        state=run.state.value,
        task=run.schema.problem_type if run.schema else "none",
        target=run.schema.target if run.schema else None,
        metric=metric.name if metric else None,
        greater_is_better=metric.greater_is_better if metric else None,
        cv_score=report.cv_score if report else champion.score if champion else None,
        cv_se=report.cv_se if report else champion.standard_error if champion else None,
        holdout_score=holdout.score if holdout else None,
        holdout_interval=(interval[0], interval[1]) if interval and None not in interval else None,  # type: ignore[arg-type]
        holdout_rows=report.holdout.rows if report and report.holdout else 0,
        chance_score=chance.score if chance else None,
        beats_chance=chance.beaten if chance else None,
        iterations=len(run.trials),
        tries=run.tried,
        seconds=round(run.active_seconds(now), 3),
        agent=_agent(run),
        usage=usage_document(run.usage, len(run.sessions)),
        sessions=tuple(session_document(session) for session in run.sessions),
        champion=champion,
        leaderboard=board,
        outcome=run.outcome,
        exit_reason=run.exit_reason,
        error=run.error,
        decisions=report.decisions if report else None,
    )


def agent_facts(run: RunSnapshot) -> list[tuple[str, str]]:
    """The agent and its usage; empty for a run in which search alone proposed."""
    agent = _agent(run)
    if agent.planned == "search" and not run.sessions:
        return []
    instead = f" in place of {agent.planned}: {agent.reason}" if agent.actual != agent.planned else ""
    facts = [("agent", f"{agent.actual}{instead}")]
    if run.sessions:
        talks = f"{plural(len(run.sessions), 'session')}, {plural(run.usage.turns, 'turn')}"
        facts.append(("tokens", f"{budgets.token_counts(run.usage)}  {talks}  {budgets.usage_cost(run.usage)}"))
    return facts


def print_report(report: ModelReport, agent: Sequence[tuple[str, str]] = ()) -> None:
    """Print the report of a model for people, with the facts of `agent_facts`."""
    print_facts(
        [
            ("model", report.model_id),
            ("table", f"{report.source}, {plural(report.train_rows, 'row')} trained on"),
            ("target", f"{report.schema.target} ({report.schema.problem_type})"),
            *agent,
            ("duration", models.training_effort(report)),
        ]
    )
    _print_lines(models.score_lines(report))
    _print_lines(models.member_lines(report))
    print_explanation(report)
    print_text()
    match report.outcome:
        case Confusion() as confusion:
            _print_confusion(confusion)
        case Residuals() as residuals:
            print_text(f"truth minus prediction: {models.residual_spread(residuals)}")
    _print_lines(models.caution_lines(report))


def print_explanation(report: ModelReport) -> None:
    """Print what explains a model for people: the importance of columns, and what else was measured."""
    useful = models.useful_columns(report.importance)
    if useful:
        print_text()
        print_text(models.importance_heading(report.metric))
        print_table(
            ["column", "importance"],
            [[column.column, formatting.plus_minus(column.drop, column.deviation)] for column in useful[:12]],
        )
    if lines := explanations.explanation_lines(report):
        _print_lines(lines)


def _print_lines(lines: Iterable[Line]) -> None:
    print_text()
    for line in plain_text(lines).split("\n"):
        print_text(line)


def _print_confusion(confusion: Confusion, widest: int = 8) -> None:
    if len(confusion.classes) > widest:
        print_text(f"{len(confusion.classes)} classes; the confusion matrix is in `tabsmith models show --json`.")
        return
    print_table(
        ["truth \\ predicted", *confusion.classes],
        [
            [name, *(formatting.count(count) for count in row)]
            for name, row in zip(confusion.classes, confusion.counts, strict=True)
        ],
        widest=20,
    )


def _agent(run: RunSnapshot) -> AgentDocument:
    """Before its worker has begun, what the run was asked for."""
    if run.attempt or run.spec is None:
        return AgentDocument(run.planned, run.actual, run.fallback_reason)
    return AgentDocument(run.spec.choice.agent, run.spec.choice.agent)


def usage_document(used: Used, sessions: int) -> UsageDocument:
    """The document of what `sessions` sessions used."""
    price = used.price
    return UsageDocument(
        used.input_tokens,
        used.output_tokens,
        used.cache_read_tokens,
        used.cache_write_tokens,
        used.reasoning_tokens,
        None if price is None else f"{price:f}",
        used.unpriced,
        used.turns,
        sessions,
    )


def session_document(session: SessionState) -> SessionDocument:
    """A session, for a document."""
    return SessionDocument(
        id=session.id,
        iteration=session.iteration,
        attempt=session.attempt,
        agent=session.agent,
        model=session.model,
        purpose=session.purpose,
        started_at=session.opened_at,
        ended_at=session.closed_at or None,
        outcome=session.outcome,
        trouble=session.trouble,
        message=session.message,
        usage=usage_document(session.usage, 1),
    )


def _scored(rank: int, trial: Trial) -> ScoredRecipe:
    assert trial.recipe is not None
    assert trial.mean is not None
    return ScoredRecipe(
        rank,
        trial.iteration,
        trial.recipe,
        trial.mean,
        trial.standard_error or 0.0,
        tuple(fold.score for fold in trial.folds),
        trial.seconds,
        trial.agent,
    )


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
        sessions=tuple(session_document(session) for session in run.sessions),
        error=run.error,
    )


def print_tasks(run_id: str, run: RunSnapshot, now: float, *, as_json: bool) -> int:
    """Print what a run of a task file came to; returns the exit status of the command, which follows the outcome."""
    if as_json:
        print_json(tasks_document(run_id, run, now))
    elif run.tasks:
        _print_report(run, now)
    if run.error is not None:
        say_error(run.error)
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
    """Print the result of the last iteration: the verdict of the acceptance command, or the trouble."""
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
        sessions=tuple(session_document(session) for session in sessions),
        usage=usage_document(_used(sessions), len(sessions)),
        reason=task.reason,
        handed_back=task.handed_back,
        sandbox=task.level or None,
    )


def _tries(task: TaskState, run: RunSnapshot) -> tuple[Trial, ...]:
    return tuple(trial for trial in run.trials if trial.work is not None and trial.work.task == task.name)


def _sessions(task: TaskState, run: RunSnapshot) -> tuple[SessionState, ...]:
    iterations = {trial.iteration for trial in _tries(task, run)}
    return tuple(session for session in run.sessions if session.iteration in iterations)


def _used(sessions: tuple[SessionState, ...]) -> Used:
    return sum((session.usage for session in sessions), NO_USAGE)
