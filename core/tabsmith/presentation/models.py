"""A finished model: how good it is, what it is made of, what to know before it is trusted, how to use it again."""

import math
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final, NamedTuple

from tabsmith import formatting
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import ColumnImportance, Confusion, EnsembleMember, ModelReport, ModelScore, Residuals
from tabsmith.presentation import recipes
from tabsmith.presentation.decisions import decision_lines
from tabsmith.presentation.scores import better_way, interval_text, metric_direction
from tabsmith.presentation.spans import Line, Span, Tone, line, span
from tabsmith.tables.read.sources import FileSource, Source
from tabsmith.text import clean, plural

_SMALL_HOLDOUT: Final = 100  # rows below which an interval is wide and the person should know why
_BASELINES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "binary": "always predicting the class shares",
        "multiclass": "always predicting the class shares",
        "regression": "always predicting the same number",
    }
)


def model_subject(report: ModelReport) -> str:
    """The id of a model with its table and target."""
    target = clean(report.schema.target, 40)
    return f"model {clean(report.model_id, 40)} · {clean(report.source, 40)} · {target}"


def score_lines(report: ModelReport) -> tuple[Line, ...]:
    """The hold-out scores with their intervals, the cross-validation score with the number of tries, and what is decided
    about predictions."""
    lines: list[Line] = [(Span(metric_direction(report.metric), "dim"),)]
    holdout = report.holdout
    if holdout is None:
        lines.append(line("No test set: the table was too small to spare rows. The score below is", "warn"))
        lines.append(line("cross-validated, on the rows that chose the model, and so a little too good.", "warn"))
    else:
        own = f" {clean(holdout.source, 60)}" if holdout.source else ""
        lines.append((Span(f"on the test set{own}, {plural(holdout.rows, 'row')} no model had seen", "strong"),))
        width = max((len(score.metric.label) for score in holdout.scores), default=0)
        if holdout.scores:
            lines.append(line(f"  {'':<{width}}     score  95 % interval", "dim"))
        lines.extend(_score(each, width, first=place == 0) for place, each in enumerate(holdout.scores))
        lines.extend((Span("  "), *baseline) for baseline in baseline_lines(report))
        if not holdout.scores:
            lines.append(line("nothing was measured on it", "warn"))
        elif holdout.rows < _SMALL_HOLDOUT:
            lines.append(line(f"Only {plural(holdout.rows, 'row')}: take the score with a grain of salt.", "warn"))
    lines.extend(line(text, "dim") for text in delivery_sentences(report))
    lines.append(())
    lines.append(cross_validation(report))
    lines.extend(decision_lines(report))
    if report.simple is not None:
        lines.append(simple_line(report))
    return tuple(lines)


def delivery_sentences(report: ModelReport) -> tuple[str, ...]:
    """What the delivered model has learned from beside the measured one, what is left to do, and by how much the run was late;
    none for old reports."""
    return (*_learned_from(report), *_overrun(report))


def _overrun(report: ModelReport) -> tuple[str, ...]:
    taken = report.time
    if taken is None or not taken.over:
        return ()
    limit, over = formatting.duration(taken.limit), formatting.duration(taken.over)
    return (f"The run took {formatting.duration(taken.used)}, {over} more than its limit of {limit}.",)


def _learned_from(report: ModelReport) -> tuple[str, ...]:
    delivery = report.delivery
    if delivery is None:
        return ()
    rows = plural(delivery.rows, "row")
    refit = f"`tabsmith models refit {clean(report.model_id, 100)}` does it"
    if delivery.refitted == delivery.recipes and report.holdout is not None and report.holdout.source:
        return (
            f"The delivered model has learned from all {rows} of the table, and from none of the test set.",
            "The score is of one whose parts each lacked some of those rows.",
        )
    if delivery.refitted == delivery.recipes:
        seen = ", those of the test set too" if report.holdout else ""
        return (f"The delivered model has learned from all {rows}{seen}; the score is of one that had not.",)
    if delivery.kept == "asked for":
        return ("The delivered model is the measured one, as you asked.",)
    why = "the run was stopped" if delivery.kept == "stopped" else "there was no time"
    if delivery.refitted == 0:
        return (f"The delivered model is the measured one, not fitted again on all {rows}: {why}.", f"{refit}.")
    done = f"{delivery.refitted} of {plural(delivery.recipes, 'recipe')}"
    return (f"{done} were fitted again on all {rows}; for the others {why}.", f"{refit}.")


def simple_line(report: ModelReport) -> Line:
    """`or LightGBM alone: RMSE 21,300 (+110), 0.4 MB instead of 3.1 MB, 4.1 ms instead of 19 ms for 1,000 rows`; empty where
    the model is of one recipe."""
    simple = report.simple
    if simple is None:
        return ()
    name = recipes.recipe_title(simple.recipe)
    change = f" ({formatting.difference(simple.score - report.measured_score)})" if simple.score is not None else ""
    score = f"{report.metric.label} {formatting.number(simple.score)}{change}"
    size = f"{formatting.size(simple.cost.size)} instead of {formatting.size(simple.ensemble.size)}"
    milliseconds = [formatting.significant(1_000 * each.seconds, 2) for each in (simple.cost, simple.ensemble)]
    speed = f"{milliseconds[0]} ms instead of {milliseconds[1]} ms for 1,000 rows"
    return (
        Span("or alone ", "dim"),
        span(f"{name}: {score}, {size}, {speed}"),
        Span(f"; `tabsmith models simple {clean(report.model_id, 100)}` saves it", "dim"),
    )


def headline(report: ModelReport) -> tuple[Line, ...]:
    """The score on the hold-out with its interval, in two lines; the cross-validated one if no rows could be spared."""
    holdout = report.holdout
    if holdout is None or not holdout.scores:
        score = formatting.plus_minus(report.cv_score, report.cv_se)
        return (
            (
                span(report.metric.label),
                Span(" "),
                Span(score, "strong"),
                Span(f" · {better_way(report.metric)}", "dim"),
            ),
            (Span("cross-validated on the rows that chose the model, and so a little too good: there is no test set"),),
        )
    own = f" {clean(holdout.source, 60)}" if holdout.source else ""
    return (
        (*score_and_interval(holdout.scores[0]), Span(f" · {better_way(report.metric)}", "dim")),
        (Span(f"on the test set{own}: {plural(holdout.rows, 'row')} that no model had seen"),),
        *(line(text, "dim") for text in delivery_sentences(report)),
    )


def further_scores(report: ModelReport) -> tuple[Line, ...]:
    """The other metrics on the hold-out, a line each."""
    return tuple(score_and_interval(score) for score in report.holdout.scores[1:]) if report.holdout else ()


def baseline_lines(report: ModelReport) -> tuple[Line, ...]:
    """The score of the best constant prediction on the test set; none if it was not measured."""
    baseline = report.holdout.baseline if report.holdout else None
    if baseline is None:
        return ()
    constant = _BASELINES.get(report.schema.problem_type, "always predicting the same")
    verdict = (
        Span("the model is better", "good")
        if baseline.beaten == "yes"
        else Span("the model is not shown to be better", "warn")
    )
    return ((Span(f"{constant}: {formatting.number(baseline.score)}; ", "dim"), verdict),)


def cross_validation(report: ModelReport) -> Line:
    """`cross-validated score 21,190 ± 300, the best of 9 tries`."""
    score = formatting.plus_minus(report.cv_score, report.cv_se)
    tries = plural(report.tries, "try", "tries")
    return (Span("cross-validated score ", "dim"), Span(score, "strong"), Span(f", the best of {tries}", "dim"))


def training_effort(report: ModelReport) -> str:
    """`2 min 22 s: 12 iterations, 9 tries scored`."""
    counted = f"{plural(report.iterations, 'iteration')}, {plural(report.tries, 'try', 'tries')} scored"
    return f"{formatting.duration(report.seconds)}: {counted}"


def ranked_members(report: ModelReport) -> list[EnsembleMember]:
    """The recipes of the ensemble, the heaviest first."""
    return sorted(report.members, key=lambda member: -member.weight)


def ensemble_label(models: int) -> str:
    """`single model`, `weighted average of 2 models`."""
    return "single model" if models == 1 else f"weighted average of {models:,} models"


def useful_columns(importance: Iterable[ColumnImportance]) -> list[ColumnImportance]:
    """The columns without which the score falls, the most important first."""
    useful = [column for column in importance if column.drop > 0]
    return sorted(useful, key=lambda column: -column.drop if math.isfinite(column.drop) else -math.inf)


def importance_note(report: ModelReport) -> str:
    """`Importance measured for 8 of 19 columns; tabsmith models explain ID measures the rest.`; empty if all were."""
    columns = report.explanation.columns  # 0 in the report of an earlier version
    if report.importance and len(report.importance) >= columns:
        return ""
    command = f"tabsmith models explain {clean(report.model_id, 60)}"
    if trouble := report.explanation.trouble:
        return f"What explains the model was not measured ({clean(trouble, 200).rstrip('.')}); {command} does."
    if not report.importance:
        return "The importance of the columns was not measured" + (f"; {command} does." if columns else ".")
    return (
        f"Importance measured for {len(report.importance)} of {plural(columns, 'column')}; {command} measures the rest."
    )


def importance_heading(metric: Metric) -> str:
    """`how much RMSE rises when a column is shuffled`."""
    return f"how much {clean(metric.label, 40)} {'falls' if metric.greater_is_better else 'rises'} when a column is shuffled"


class Confused(NamedTuple):
    """A confusion: `rows` of the `class_rows` rows of class `truth` were predicted to be of class `predicted`."""

    rows: int
    truth: int
    predicted: int
    class_rows: int


def confused_classes(confusion: Confusion) -> list[Confused]:
    """The confusions, most frequent first. Classes are given by their index."""
    found = [
        Confused(count, truth, predicted, sum(row))
        for truth, row in enumerate(confusion.counts)
        for predicted, count in enumerate(row)
        if count and predicted != truth
    ]
    return sorted(found, key=lambda pair: (-pair.rows, pair.truth, pair.predicted))


def rows_right(confusion: Confusion) -> tuple[int, int]:
    """The number of rows that were predicted right, and of all rows."""
    right = sum(row[place] for place, row in enumerate(confusion.counts) if place < len(row))
    return right, sum(map(sum, confusion.counts))


def residual_spread(residuals: Residuals) -> str:
    """`half of the rows: 120 to 290, median 210`."""
    low, median, high = (formatting.number(value) for value in residuals.quartiles)
    return f"half of the rows: {low} to {high}, median {median}"


def member_lines(report: ModelReport) -> tuple[Line, ...]:
    """The recipes that vote, the heaviest first, in words."""
    ranked = ranked_members(report)
    if len(ranked) == 1:
        return (line(recipes.recipe_title(ranked[0].recipe), "strong"), *recipes.recipe_lines(ranked[0].recipe, 12))
    lines: list[Line] = [line(ensemble_label(len(ranked)), "dim")]
    for member in ranked:
        lines.append(
            (
                Span(f"{formatting.percent(member.weight):>7}  ", "accent"),
                span(recipes.recipe_title(member.recipe), "strong"),
            )
        )
        lines.extend((Span("         "), *piece) for piece in recipes.recipe_lines(member.recipe, 6))
    return tuple(lines)


def caution_lines(report: ModelReport) -> tuple[Line, ...]:
    """Cautions: steps that were skipped or cut short, and facts to know before the model is trusted."""
    found: list[str] = []
    if report.holdout is None:
        found.append("There is no score on a test set: nothing was measured on rows the search had not seen.")
    elif any(score.low is None or score.high is None for score in report.holdout.scores):
        found.append("A score without an interval: there were too few rows, or too few of a class, to draw it from.")
    folds = report.folds or report.schema.split.folds
    if len(report.champion.folds) < folds:
        done = f"{len(report.champion.folds)} of {folds}"
        found.append(f"The best single recipe was scored on {done} folds only.")
    if report.tries <= 1:
        found.append("Only one recipe was scored; with more time there is a choice.")
    elif report.tries < report.iterations:
        found.append(f"{report.iterations - report.tries} of {report.iterations} iterations gave no score.")
    if unmeasured := importance_note(report):
        found.append(unmeasured)
    found.extend(clean(note, 160) for note in report.notes)
    for column in report.schema.columns:
        if column.role == "feature":
            found.extend(f"{clean(column.name, 40)}: {clean(each.message, 160)}" for each in column.warnings)
    if not found:
        return (line("Nothing was left out or cut short.", "dim"),)
    shown = [(Span("! ", "warn"), span(words)) for words in found[:12]]
    return (*shown, line(f"+{len(found) - 12} more", "dim")) if len(found) > 12 else tuple(shown)


def model_facts(report: ModelReport, folder: Path) -> tuple[Line, ...]:
    """The model's id and folder, its table, target and split, and the duration of its training."""
    split = report.schema.split
    features = plural(len(report.schema.features), "column")
    pairs = (
        ("model", clean(report.model_id, 60)),
        ("folder", clean(folder, 200)),
        ("run", clean(report.run_id, 60)),
        ("table", f"{clean(report.source, 60)}, {plural(report.train_rows, 'row')} trained on"),
        ("predicts", f"{clean(report.schema.target, 60)} ({report.schema.problem_type}) from {features}"),
        ("split", f"{split.kind}{' by ' + clean(split.by, 40) if split.by else ''}, {plural(split.folds, 'fold')}"),
        ("duration", training_effort(report)),
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


def _score(score: ModelScore, width: int, *, first: bool) -> Line:
    label = clean(score.metric.label, 30).ljust(width)
    value = Span(f"{formatting.number(score.score):>10}", "good" if first else "plain")
    between = interval_text(score)
    tone: Tone = "warn" if not between else "plain" if first else "dim"
    interval = Span(f"  {between or 'no interval'}".ljust(18), tone)
    way = Span(f"  {better_way(score.metric)}", "dim")
    return (Span(f"  {label}", "strong" if first else "plain"), value, interval, way)


def score_and_interval(score: ModelScore) -> Line:
    """`RMSE 21,480 · 95 % interval 20,900 to 22,100`: the metric, a space, the score, the interval."""
    between = interval_text(score)
    interval = Span(f" · 95 % interval {between}" if between else "", "dim")
    return (span(score.metric.label), Span(" "), Span(formatting.number(score.score), "strong"), interval)
