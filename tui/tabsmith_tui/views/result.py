"""A model's report in words and lines: scores, members, what was not done, where it lies, how to use it again."""

import shlex
from pathlib import Path

from tabsmith import formatting
from tabsmith.modeling.results import Baseline, ModelReport, ModelScore
from tabsmith.presentation import recipes
from tabsmith.presentation.scores import metric_direction
from tabsmith.presentation.spans import Line, Span, line, span
from tabsmith.tables.read.sources import FileSource, Source
from tabsmith.text import clean, plural

_SMALL_HOLDOUT = 100  # rows below which an interval is wide and the person should know why


def model_subject(report: ModelReport) -> str:
    """What the model predicts, from what, by which measure."""
    target = clean(report.schema.target, 40)
    return f"model {clean(report.model_id, 40)} · {clean(report.source, 40)} · {target}"


def score_lines(report: ModelReport) -> tuple[Line, ...]:
    """The hold-out scores with their intervals, and the cross-validation score with the number of tries."""
    lines: list[Line] = [(Span(metric_direction(report.metric), "dim"),)]
    holdout = report.holdout
    if holdout is None:
        lines.append(line("No hold-out: the table was too small to spare rows. The score below is", "warn"))
        lines.append(line("cross-validated, on the rows that chose the model, and so a little too good.", "warn"))
    else:
        lines.append((Span(f"on the hold-out, {plural(holdout.rows, 'row')} no model had seen", "strong"),))
        width = max((len(each.metric.label) for each in holdout.scores), default=0)
        if holdout.scores:
            lines.append(line(f"  {'':<{width}}     score  95 % interval", "dim"))
        lines.extend(_score(each, width, first=place == 0) for place, each in enumerate(holdout.scores))
        lines.extend(_guess(holdout.baseline))
        if not holdout.scores:
            lines.append(line("nothing was measured on it", "warn"))
        elif holdout.rows < _SMALL_HOLDOUT:
            lines.append(line(f"Only {plural(holdout.rows, 'row')}: take the score with a grain of salt.", "warn"))
    lines.append(())
    tries = plural(report.tries, "try", "tries")
    cross = formatting.plus_minus(report.cv_score, report.cv_se)
    lines.append((Span("cross-validation  ", "dim"), Span(cross, "strong"), Span("  (one standard error)", "dim")))
    lines.append(line(f"                  the best of {tries}", "dim"))
    return tuple(lines)


def _guess(chance: Baseline | None) -> tuple[Line, ...]:
    """What the best constant answer gets on the same rows."""
    if chance is None:
        return ()
    score = Span(f"  a guess gets {formatting.number(chance.score)}", "dim")
    if chance.beaten == "yes":
        return ((score, Span("; the model is better", "good")),)
    return ((score, Span("; the model is not shown to be better", "warn")),)


def member_lines(report: ModelReport) -> tuple[Line, ...]:
    """The recipes that vote, the heaviest first, in words."""
    ranked = sorted(report.members, key=lambda each: -each.weight)
    if len(ranked) == 1:
        return (line(recipes.recipe_title(ranked[0].recipe), "strong"), *recipes.recipe_lines(ranked[0].recipe, 12))
    lines: list[Line] = [line(f"{plural(len(ranked), 'model')} vote, each with its weight", "dim")]
    for each in ranked:
        lines.append(
            (
                Span(f"{formatting.percent(each.weight):>7}  ", "accent"),
                span(recipes.recipe_title(each.recipe), "strong"),
            )
        )
        lines.extend((Span("         "), *piece) for piece in recipes.recipe_lines(each.recipe, 6))
    return tuple(lines)


def caution_lines(report: ModelReport) -> tuple[Line, ...]:
    """What was not done, cut short, or should be known before the model is trusted."""
    found: list[str] = []
    if report.holdout is None:
        found.append("There is no hold-out score: nothing was measured on rows the search had not seen.")
    elif any(each.low is None or each.high is None for each in report.holdout.scores):
        found.append("A score without an interval: there were too few rows, or too few of a class, to draw it from.")
    if len(report.champion.folds) < report.schema.split.folds:
        done = f"{len(report.champion.folds)} of {report.schema.split.folds}"
        found.append(f"The best single recipe was scored on {done} folds only.")
    if report.tries <= 1:
        found.append("Only one recipe was scored; with more time there is a choice.")
    elif report.tries < report.iterations:
        found.append(f"{report.iterations - report.tries} of {report.iterations} iterations gave no score.")
    if not report.importance:
        found.append("The importance of the columns was not measured.")
    found.extend(clean(note, 160) for note in report.notes)
    for column in report.schema.columns:
        if column.role == "feature":
            found.extend(f"{clean(column.name, 40)}: {clean(each.message, 160)}" for each in column.warnings)
    if not found:
        return (line("Nothing was left out or cut short.", "dim"),)
    shown = [(Span("! ", "warn"), span(words)) for words in found[:12]]
    return (*shown, line(f"+{len(found) - 12} more", "dim")) if len(found) > 12 else tuple(shown)


def model_facts(report: ModelReport, folder: Path) -> tuple[Line, ...]:
    """Which model it is, where it lies, from what and how long it was trained."""
    split = report.schema.split
    counted = f"{plural(report.iterations, 'iteration')}, {plural(report.tries, 'try', 'tries')} scored"
    features = plural(len(report.schema.features), "column")
    pairs = (
        ("model", clean(report.model_id, 60)),
        ("lies in", clean(folder, 200)),
        ("run", clean(report.run_id, 60)),
        ("table", f"{clean(report.source, 60)}, {plural(report.train_rows, 'row')} trained on"),
        ("predicts", f"{clean(report.schema.target, 60)} ({report.schema.problem_type}) from {features}"),
        ("split", f"{split.kind}{' by ' + clean(split.by, 40) if split.by else ''}, {plural(split.folds, 'fold')}"),
        ("took", f"{formatting.duration(report.seconds)}, {counted}"),
    )
    return tuple((Span(f"{label:<10}", "dim"), span(value)) for label, value in pairs)


def usage_examples(report: ModelReport, source: Source | None) -> str:
    """The same work from Python and from the command line, to copy."""
    path = source.path if isinstance(source, FileSource) else "table.csv"
    target = report.schema.target
    metric = report.metric.name
    return "\n".join(
        [
            "# Python",
            "import tabsmith",
            "",
            f"model = tabsmith.load_model({report.model_id!r})",
            'predictions = model.predict(tabsmith.read_table("new-rows.csv").to_pandas())',
            "",
            "# trained by",
            f"model = tabsmith.train({path!r}, {target!r}, metric={metric!r})",
            "",
            "# command line",
            shlex.join(["tabsmith", "predict", report.model_id, "new-rows.csv"]),
            shlex.join(["tabsmith", "train", path, "--target", target, "--metric", metric]),
            "",
        ]
    )


def _score(each: ModelScore, width: int, *, first: bool) -> Line:
    label = clean(each.metric.label, 30).ljust(width)
    value = Span(f"{formatting.number(each.score):>10}", "good" if first else "plain")
    if each.low is None or each.high is None:
        interval = Span("  no interval".ljust(18), "warn")
    else:
        between = f"  {formatting.number(each.low)} to {formatting.number(each.high)}"
        interval = Span(between.ljust(18), "plain" if first else "dim")
    way = Span(f"  {'higher' if each.metric.greater_is_better else 'lower'} is better", "dim")
    return (Span(f"  {label}", "strong" if first else "plain"), value, interval, way)
