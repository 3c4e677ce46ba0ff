"""Runs, models and the saved session in a line each, the same on home and in the lists, and in five lines when the app is left."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from tabsmith.formatting import clock, number, plus_minus, size, time_ago
from tabsmith.text import clean, plural
from tabsmith_tui.widgets.bars import pill
from tabsmith_tui.widgets.literal import ContentText, assemble, literal

if TYPE_CHECKING:
    from tabsmith.modeling.model_files import ModelSummary
    from tabsmith.modeling.results import ModelReport
    from tabsmith.runs.watch import RunSummary


Fact = tuple[str, ContentText]


def quiet(text: object) -> Content:
    """Less important words."""
    return literal(text, style="$quiet")


def table_and_target(source: str, target: str) -> Content:
    """`housing.csv → Sale_Price`, both literal."""
    named = literal(source, 60)
    return assemble(named, (" → ", "$quiet"), literal(target, 40)) if target else named


def run_cells(run: "RunSummary", now: float) -> tuple[Content, ...]:
    """State, what on, score, tries, time spent, since when."""
    score = f"{run.metric.label} {number(run.score)}" if run.metric and run.score is not None else "—"
    if run.tasks:
        score = f"{run.tasks_over} of {plural(run.tasks, 'task')}"
    stands_in = run.actual != run.planned and not run.state.ended
    return (
        pill(run.state),
        assemble(
            table_and_target(run.source, run.target),
            *([(f"  {run.actual} for {run.planned}", "$warn")] if stands_in else []),
        ),
        literal(score, 30),
        quiet(time_ago(run.started_at, now)),
        quiet(clock(run.active_seconds)),
        quiet(run.outcome or "—") if run.tasks else quiet(plural(run.tried, "try", "tries")),
    )


def run_facts(run: "RunSummary", now: float) -> list[Fact]:
    """All that a summary knows of a run."""
    if run.tasks:
        return _tasks_facts(run, now)
    facts: list[Fact] = [
        ("state", pill(run.state)),
        ("table", literal(run.source, 200)),
        ("target", literal(run.target, 200) if run.target else "—"),
        ("task", run.task if run.task != "none" else "—"),
        ("score", score_with_direction(run)),
        ("tried", plural(run.tried, "recipe")),
        ("duration", clock(run.active_seconds)),
        ("started", time_ago(run.started_at, now)),
        ("model", literal(run.model_id, 80) if run.model_id else "—"),
        ("run", literal(run.id, 80)),
    ]
    if run.planned != "search":
        changed = run.actual != run.planned
        who = f"{run.planned}; {run.actual} instead" if changed else run.planned
        facts.append(("agent", literal(who, 80, "$warn" if changed else "")))
    if run.problem:
        facts.append(("problem", literal(run.problem, 400, "$bad")))
    return facts


def _tasks_facts(run: "RunSummary", now: float) -> list[Fact]:
    """All that a summary knows of a run of a task file."""
    facts: list[Fact] = [
        ("state", pill(run.state)),
        ("task file", literal(run.source, 200)),
        ("tasks", f"{run.tasks_over} of {run.tasks} over"),
        ("outcome", run.outcome or "—"),
        ("proved", plural(run.tried, "iteration")),
        ("duration", clock(run.active_seconds)),
        ("started", time_ago(run.started_at, now)),
        ("agent", run.planned),
        ("run", literal(run.id, 80)),
    ]
    if run.problem:
        facts.append(("problem", literal(run.problem, 400, "$bad")))
    return facts


def score_with_direction(run: "RunSummary") -> Content:
    """`RMSE 21,480, lower is better`."""
    if run.metric is None or run.score is None:
        return Content("—")
    direction = "higher is better" if run.metric.greater_is_better else "lower is better"
    return assemble(literal(f"{run.metric.label} {number(run.score)}", 60), (f"  {direction}", "$quiet"))


def model_cells(model: "ModelSummary", now: float) -> tuple[Content, ...]:
    """What on, score, when, its name; a damaged one says so."""
    if model.damaged:
        about = (Content.styled("✘ damaged", "$bad"), literal(model.damaged, 80), Content(""))
    else:
        about = (
            Content.styled("◆ model", "$accent"),
            table_and_target(model.source, model.target),
            literal(_score(model), 40),
        )
    return (*about, quiet(time_ago(model.created_at, now)), quiet(model.id))


def model_facts(model: "ModelSummary", now: float) -> list[Fact]:
    """All that a summary knows of a model."""
    facts: list[Fact] = [
        ("table", literal(model.source or "—", 200)),
        ("target", literal(model.target or "—", 200)),
        ("task", model.task if model.task != "none" else "—"),
        ("score", literal(_score(model), 40)),
        ("made of", literal(", ".join(model.members) or "—", 200)),
        ("trained", time_ago(model.created_at, now)),
        ("size", size(model.size) if model.size else "—"),
        ("model", literal(model.id, 80)),
    ]
    if model.damaged:
        facts.append(("damaged", literal(model.damaged, 400, "$bad")))
    return facts


def _score(model: "ModelSummary") -> str:
    score = model.cv_score if model.holdout_score is None else model.holdout_score
    return f"{model.metric} {number(score)}"


def report_facts(report: "ModelReport") -> list[Fact]:
    """The report in short: what it is measured by, on what, and what matters most."""
    facts: list[Fact] = [("folds", f"{report.metric.label} {plus_minus(report.cv_score, report.cv_se)}")]
    if report.holdout and report.holdout.scores:
        score = report.holdout.scores[0]
        interval = f"  ({number(score.low)} to {number(score.high)})" if score.low is not None else ""
        facts.append(("test set", f"{number(score.score)}{interval}"))
        facts.append(("tested on", plural(report.holdout.rows, "row")))
    else:
        facts.append(("test set", "none: the table was too small"))
    facts += [
        ("trained on", plural(report.train_rows, "row")),
        ("recipes", plural(len(report.members), "recipe") + f" of {plural(report.tries, 'try', 'tries')}"),
    ]
    for place, each in enumerate(report.importance[:5]):
        drop = f"  {number(each.drop)}"
        facts.append(("top features" if place == 0 else "", assemble(literal(each.column, 24), (drop, "$quiet"))))
    return facts


@dataclass(frozen=True, slots=True)
class ExitSummary:
    """Lines to print after leaving, and the exit code of the program."""

    lines: tuple[str, ...]
    exit_code: int = 0


def exit_summary(running: "tuple[RunSummary, ...]", *, session: str = "", model_id: str = "") -> ExitSummary:
    """Summarize what continues (`running` runs), the step of the saved `session`, and the model trained last."""
    lines: list[str] = []
    if running:
        run = running[0]
        more = f" (and {plural(len(running) - 1, 'more')})" if len(running) > 1 else ""
        tasks = f"{run.tasks_over} of {plural(run.tasks, 'task')}" if run.tasks else ""
        subject = " · ".join(clean(part, 40) for part in (run.source, run.target, tasks) if part)
        lines += [
            f"Run {run.id} continues in the background: {run.state.value}, {subject}{more}",
            f"  tabsmith runs attach {run.id}    to see it",
            f"  tabsmith runs stop {run.id}      to stop it{'' if run.tasks else ' and keep its best model'}",
        ]
    if model_id:
        lines.append(f"Model {clean(model_id, 60)} is saved: tabsmith predict {clean(model_id, 60)} FILE")
    if session:
        lines.append(f"The session is saved ({clean(session, 40)}); `tabsmith` resumes it.")
    return ExitSummary(tuple(lines[:5]))
