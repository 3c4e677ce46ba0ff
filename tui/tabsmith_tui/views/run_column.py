"""A run in a column, to be read beside others: who, how good, at what price, the curve, the last iterations."""

from tabsmith import formatting
from tabsmith.orchestration.loop_state import Trial
from tabsmith.presentation import budgets, recipes, tasks
from tabsmith.presentation.scores import metric_direction
from tabsmith.presentation.spans import Line, Span, line, span
from tabsmith.presentation.trials import trial_result, work_result
from tabsmith.runs import replies
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.tables.read.sources import describe_source
from tabsmith.text import clean, plural
from tabsmith_tui.views import run_cards, score_plot, task_activity
from tabsmith_tui.views import tasks as task_views
from tabsmith_tui.views.lines import fit

_PLOT = (5, 9)  # lines of the plot: fewer say nothing, more are not needed
_LEAST_TRIES = 3


def run_column(snapshot: RunSnapshot, now: float, width: int, height: int) -> tuple[Line, ...]:
    """The run in `height` lines of `width` cells. Every column has the same things in the same lines, as far as it can,
    so that the eye goes across."""
    if tasks.has_tasks(snapshot):
        return _of_tasks(snapshot, now, width, height)
    top = (*_what(snapshot), *_champion(snapshot, width), *_agent(snapshot, width), *_budgets(snapshot, now))
    room = height - len(top) - 2
    plot = max(0, min(_PLOT[1], room - _LEAST_TRIES - 1))
    curve = score_plot.draw_curve(score_plot.curve(snapshot), width, plot if plot >= _PLOT[0] else 1)
    rest = height - len(top) - len(curve) - 2
    return (*top, (), *curve, (), *_iterations(snapshot, width, rest))[: max(0, height)]


def _of_tasks(snapshot: RunSnapshot, now: float, width: int, height: int) -> tuple[Line, ...]:
    """A run of a task file: its tasks in place of a champion, what its agent does in place of a curve."""
    source = clean(describe_source(snapshot.spec.source), 60) if snapshot.spec else formatting.UNKNOWN
    head = (
        (span(source),),
        line(tasks.task_progress(snapshot) or formatting.UNKNOWN, "dim"),
        (),
        *task_views.task_card(snapshot),
    )
    top = (
        *head,
        *_agent(snapshot, width),
        *_budgets(snapshot, now),
        (),
        *task_activity.activity_lines(snapshot, now, width, 5),
        (),
    )
    rest = max(0, height - len(top))
    newest = list(reversed(snapshot.trials))[:rest]
    return (*top, *(_worked(trial, snapshot, width) for trial in newest))[: max(0, height)]


def _worked(trial: Trial, snapshot: RunSnapshot, width: int) -> Line:
    said = work_result(trial, snapshot)
    name = clean(trial.work.task, 60) if trial.work is not None else ""
    return (
        Span(f"{trial.iteration:>3}  ", "dim"),
        Span(f"{fit(said.text, 14)}  ", said.tone),
        Span(fit(name, max(0, width - 21))),
    )


def _what(snapshot: RunSnapshot) -> tuple[Line, ...]:
    source = clean(describe_source(snapshot.spec.source), 60) if snapshot.spec else formatting.UNKNOWN
    target = f" → {clean(snapshot.schema.target, 60)}" if snapshot.schema and snapshot.schema.target else ""
    metric = metric_direction(snapshot.metric) if snapshot.metric else formatting.UNKNOWN
    return (span(source), Span(target, "dim")), line(metric, "dim")


def _champion(snapshot: RunSnapshot, width: int) -> tuple[Line, ...]:
    """The score first: it is what columns are compared by."""
    best = snapshot.champion_trial
    if best is None:
        return (), run_cards.champion_line(snapshot), line(plural(snapshot.tried, "try", "tries"), "dim")
    name = recipes.recipe_title(best.recipe) if best.recipe else f"iteration {best.iteration}"
    score = Span(f"★ {formatting.plus_minus(best.mean, best.standard_error)}", "good")
    tried = f"{plural(snapshot.tried, 'try', 'tries')}  "
    return (), (score,), (Span(tried, "dim"), Span(fit(name, max(0, width - len(tried))).rstrip(), "strong"))


def _agent(snapshot: RunSnapshot, width: int) -> tuple[Line, ...]:
    """The agent that proposes, its cost, and the reason if it is not the planned one."""
    lines: list[Line] = [(), (Span(snapshot.actual, "strong"), Span(f"  {run_cards.iteration(snapshot)}"))]
    if snapshot.fallback_reason:
        words = f"! for {snapshot.planned}: {clean(snapshot.fallback_reason, 200)}"
        lines.append((Span(fit(words, width).rstrip(), "warn"),))
    else:
        lines.append((Span(f"planned {snapshot.planned} ", "dim"), Span("✔", "good")))
    if replies.uses_llm(snapshot):
        usage = snapshot.usage
        tokens = f"{budgets.token_count(usage.tokens)} tokens" if usage.turns else f"tokens {formatting.UNKNOWN}"
        cost = Span(budgets.usage_cost(usage), "warn" if usage.unpriced else "strong")
        lines.append((Span(f"{tokens}  "), cost, Span(f"  {plural(len(snapshot.sessions), 'session')}", "dim")))
    else:
        lines.append(line("no tokens: it asks no model", "dim"))
    return tuple(lines)


def _budgets(snapshot: RunSnapshot, now: float) -> tuple[Line, ...]:
    tones = {"fine": "plain", "warn": "warn", "last": "bad"}
    return tuple(
        (Span(f"{use.name} ", "dim"), Span(f"{use.used} of {use.limit}", tones[use.level]))  # type: ignore[arg-type]
        for use in budgets.limit_uses(snapshot, now)
        if use.name != "time"  # stands beside the pill
    )


def _iterations(snapshot: RunSnapshot, width: int, most: int) -> tuple[Line, ...]:
    """The newest first, a line each."""
    newest = list(reversed(snapshot.trials))[: max(0, most)]
    return tuple(_iteration(trial, snapshot, width) for trial in newest)


def _iteration(trial: Trial, snapshot: RunSnapshot, width: int) -> Line:
    said = trial_result(trial, snapshot)
    score = formatting.number(trial.mean) if trial.mean is not None else formatting.UNKNOWN
    head = f"{trial.iteration:>3}  {score:>9}  "
    return (
        Span(head, "dim" if trial.mean is None else "plain"),
        Span(fit(said.text, max(0, width - len(head))), said.tone),
    )
