"""Runs, models and the saved session in a line each, the same on home and in the lists, and as labelled facts."""

from typing import TYPE_CHECKING

from tabsmith.formatting import UNKNOWN, clock, number, plus_minus, size, time_ago
from tabsmith.presentation.labels import RUN_STATES
from tabsmith.presentation.scores import better_way, interval_text
from tabsmith.presentation.spans import LabelledLine, Line, Span, foreign, line, span
from tabsmith.text import clean, plural

if TYPE_CHECKING:
    from tabsmith.modeling.model_files import ModelSummary
    from tabsmith.modeling.results import ModelReport
    from tabsmith.runs.watch import RunSummary

_NOTHING: Line = (Span(UNKNOWN),)


def table_and_target(source: str, target: str) -> Line:
    """`housing.csv → Sale_Price`."""
    return (foreign(source), Span(" → ", "dim"), foreign(target, limit=40)) if target else (foreign(source),)


def run_cells(run: "RunSummary", now: float) -> tuple[Line, ...]:
    """State, what on, score, since when, time spent, tries; of a task file, how many tasks are over, and its outcome."""
    score = f"{run.metric.label} {number(run.score)}" if run.metric and run.score is not None else UNKNOWN
    stands_in = run.actual != run.planned and not run.state.ended
    return (
        (RUN_STATES[run.state].span,),
        (
            *table_and_target(run.source, run.target),
            *((Span(f"  {run.actual} for {run.planned}", "warn"),) if stands_in else ()),
        ),
        (span(f"{run.tasks_over} of {plural(run.tasks, 'task')}" if run.tasks else score, limit=30),),
        line(time_ago(run.started_at, now), "dim"),
        line(clock(run.active_seconds), "dim"),
        line((run.outcome or UNKNOWN) if run.tasks else plural(run.tried, "try", "tries"), "dim"),
    )


def run_facts(run: "RunSummary", now: float) -> list[LabelledLine]:
    """All that a summary knows of a run."""
    facts: list[LabelledLine] = [("state", (RUN_STATES[run.state].span,))]
    if run.tasks:
        facts += [
            ("task file", (foreign(run.source, limit=200),)),
            ("tasks", line(f"{run.tasks_over} of {run.tasks} over")),
            ("outcome", line(run.outcome or UNKNOWN)),
            ("proved", line(plural(run.tried, "iteration"))),
        ]
    else:
        facts += [
            ("table", (foreign(run.source, limit=200),)),
            ("target", (foreign(run.target or UNKNOWN, limit=200),)),
            ("task", line(run.task if run.task != "none" else UNKNOWN)),
            ("score", run_score(run)),
            ("tried", line(plural(run.tried, "recipe"))),
        ]
    facts += [("duration", line(clock(run.active_seconds))), ("started", line(time_ago(run.started_at, now)))]
    if not run.tasks:
        facts.append(("model", (foreign(run.model_id or UNKNOWN, limit=80),)))
    if run.tasks or run.planned != "search":
        changed = run.actual != run.planned and not run.tasks
        facts.append(("agent", line(f"{run.planned}; {run.actual} instead", "warn") if changed else line(run.planned)))
    facts.append(("run", line(run.id)))
    if run.problem:
        facts.append(("problem", line(run.problem, "bad")))
    return facts


def run_score(run: "RunSummary") -> Line:
    """`RMSE 21,480  lower is better`."""
    if run.metric is None or run.score is None:
        return _NOTHING
    return (span(f"{run.metric.label} {number(run.score)}", limit=60), Span(f"  {better_way(run.metric)}", "dim"))


def model_cells(model: "ModelSummary", now: float) -> tuple[Line, ...]:
    """Table and target, score, age and id of a model; a damaged model says so."""
    about: tuple[Line, ...] = (
        (Span("◆ model", "accent"),),
        table_and_target(model.source, model.target),
        (span(_score(model), limit=40),),
    )
    if model.damaged:
        about = ((Span("✘ damaged", "bad"),), (span(model.damaged, limit=80),), ())
    return (*about, line(time_ago(model.created_at, now), "dim"), (foreign(called(model) or model.id, "dim", 60),))


def called(model: "ModelSummary") -> str:
    """The name that a person gave a model, and its aliases: `Churn of 2026 (production)`; "" if it has neither."""
    aliases = ", ".join(model.aliases)
    return f"{model.name} ({aliases})" if model.name and aliases else model.name or aliases


def model_facts(model: "ModelSummary", now: float) -> list[LabelledLine]:
    """All that a summary knows of a model."""
    facts: list[LabelledLine] = [
        ("table", (foreign(model.source or UNKNOWN, limit=200),)),
        ("target", (foreign(model.target or UNKNOWN, limit=200),)),
        ("task", line(model.task if model.task != "none" else UNKNOWN)),
        ("score", line(_score(model))),
        ("made of", line(", ".join(model.members) or UNKNOWN)),
        ("trained", line(time_ago(model.created_at, now))),
        ("size", line(size(model.size) if model.size else UNKNOWN)),
        ("model", line(model.id)),
    ]
    if label := called(model):
        facts.insert(0, ("name", (foreign(label, limit=200),)))
    if model.note:
        facts.append(("note", (foreign(model.note, limit=400),)))
    if model.damaged:
        facts.append(("damaged", line(model.damaged, "bad")))
    return facts


def _score(model: "ModelSummary") -> str:
    return f"{model.metric} {number(model.cv_score if model.holdout_score is None else model.holdout_score)}"


def report_facts(report: "ModelReport") -> list[LabelledLine]:
    """The report in short: what it is measured by, on what, and the five columns that matter most."""
    facts: list[LabelledLine] = [("folds", line(f"{report.metric.label} {plus_minus(report.cv_score, report.cv_se)}"))]
    if report.holdout and report.holdout.scores:
        score = report.holdout.scores[0]
        between = interval_text(score)
        facts.append(("test set", line(f"{number(score.score)}  ({between})" if between else number(score.score))))
        own = f" of {clean(report.holdout.source, 40)}" if report.holdout.source else ""
        facts.append(("tested on", line(f"{plural(report.holdout.rows, 'row')}{own}")))
    else:
        facts.append(("test set", line("none: the table was too small")))
    recipes = f"{plural(len(report.members), 'recipe')} of {plural(report.tries, 'try', 'tries')}"
    facts += [("trained on", line(plural(report.train_rows, "row"))), ("recipes", line(recipes))]
    for place, column in enumerate(report.importance[:5]):
        drop = Span(f"  {number(column.drop)}", "dim")
        facts.append(("top features" if place == 0 else "", (foreign(column.column, limit=24), drop)))
    return facts


def exit_lines(running: "tuple[RunSummary, ...]", *, session: str = "", model_id: str = "") -> tuple[str, ...]:
    """At most five lines for a person who leaves: the run that continues, the model trained last, and the step at which
    the saved session stands ("" for none)."""
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
    return tuple(lines[:5])
