"""A finished model and its predictions in words and pictures: what was measured, against what, and what matters."""

import math
from pathlib import Path
from typing import Final

from tabsmith import formatting
from tabsmith.families.registry import family_label
from tabsmith.modeling.results import ColumnImportance, Confusion, ModelReport, PredictedFile, Residuals
from tabsmith.presentation import budgets
from tabsmith.recipes.recipe import Recipe
from tabsmith.runs import replies
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.telegram.render.messages import OutgoingChart, OutgoingFile
from tabsmith.telegram.render.text import Piece, StyledText, bold, foreign, foreign_block, line, mixed, own
from tabsmith.text import clean, plural

_TOP: Final = 5
_MOST_MEMBERS: Final = 6
_MOST_NOTES: Final = 6
_MOST_CLASSES: Final = 5
_MOST_COLUMNS: Final = 8
_CELL: Final = 9


def result_text(report: ModelReport, *, run: RunSnapshot | None = None) -> StyledText:
    """The model in words; `run` adds what its agent cost."""
    text: list[Piece] = [*line(foreign(report.model_id, 100))]
    text += line(own("predicts "), foreign(report.schema.target), own(" of "), foreign(report.source))
    text += [*line(), *score_text(report), *_further(report), *_against_chance(report), *_folds(report)]
    text += [*line(), *_matters(report), *_members(report)]
    counted = f"{plural(report.iterations, 'iteration')}, {plural(report.tries, 'try', 'tries')} scored"
    text += line(
        own(f"Trained on {plural(report.train_rows, 'row')} in {formatting.duration(report.seconds)}: {counted}.")
    )
    if run is not None and replies.uses_llm(run):
        text += line(
            own(f"Its agent: {budgets.usage_cost(run.usage)}, {budgets.token_count(run.usage.tokens)} tokens.")
        )
    for note in report.notes[:_MOST_NOTES]:
        text += line(own("! "), mixed(note, 200))
    if len(report.notes) > _MOST_NOTES:
        text += line(own(f"and {plural(len(report.notes) - _MOST_NOTES, 'more note')}"))
    return tuple(text)


def score_text(report: ModelReport) -> StyledText:
    """The score on the hold-out with its interval; the folds' where no rows could be spared."""
    way = "higher is better" if report.metric.greater_is_better else "lower is better"
    name = mixed(report.metric.label, 40)
    holdout = report.holdout
    if holdout is None or not holdout.scores:
        score = bold(formatting.plus_minus(report.cv_score, report.cv_se))
        return (
            *line(name, own(" "), score, own(f"  {way}")),
            *line(own("on the folds that chose the model, so a little too good: there is no hold-out")),
        )
    first = holdout.scores[0]
    interval = ""
    if first.low is not None and first.high is not None:
        interval = f"  interval {formatting.number(first.low)} to {formatting.number(first.high)},"
    return (
        *line(name, own(" "), bold(formatting.number(first.score)), own(f"{interval}  {way}")),
        *line(own(f"on the hold-out: {plural(holdout.rows, 'row')} that no model had seen")),
    )


def result_charts(report: ModelReport) -> tuple[OutgoingChart, ...]:
    """The pictures of the model, each with words to stand in for it."""
    score = OutgoingChart("score", report.run_id, line(own("Score over time")), _folds(report))
    outcome = OutgoingChart("outcome", report.run_id, _outcome_caption(report), _outcome(report))
    if not report.importance:
        return (score, outcome)
    verb = "falls" if report.metric.greater_is_better else "rises"
    caption = line(own("How much "), mixed(report.metric.label, 40), own(f" {verb} when a column is shuffled"))
    return (score, OutgoingChart("importance", report.run_id, caption, _matters(report)), outcome)


def prediction_file(done: PredictedFile) -> OutgoingFile:
    """The file of predictions, with what predicting came to in words; the words alone where it cannot be sent."""
    lies = line(own("It lies on the machine at "), foreign(done.out, 500))
    text = [*line(bold(f"{plural(done.rows, 'row')} predicted"), own(" with "), foreign(done.model_id, 100)), *lies]
    text += _columns("columns that the model knows and the file lacks, taken as missing", done.missing)
    text += _columns("columns that the model does not use", done.extra)
    if done.unparsable:
        text += line(own(f"! {plural(done.unparsable, 'cell')} could not be read, taken as missing"))
    name = clean(Path(done.out).name, 120) or "predictions.csv"
    return OutgoingFile(done.out, name, tuple(text), (*text, *line(own("The file itself could not be sent."))))


def _columns(what: str, names: tuple[str, ...]) -> StyledText:
    if not names:
        return ()
    listed = [piece for name in names[:_MOST_COLUMNS] for piece in (foreign(name, 40), own("  "))]
    rest = f"and {len(names) - _MOST_COLUMNS:,} more" if len(names) > _MOST_COLUMNS else ""
    return line(own(f"! {what}: "), *listed, own(rest))


def _further(report: ModelReport) -> StyledText:
    """The other metrics on the hold-out."""
    text: list[Piece] = []
    for each in report.holdout.scores[1:] if report.holdout else ():
        known = each.low is not None and each.high is not None
        interval = f"  interval {formatting.number(each.low)} to {formatting.number(each.high)}" if known else ""
        text += line(mixed(each.metric.label, 40), own(f" {formatting.number(each.score)}{interval}"))
    return tuple(text)


def _against_chance(report: ModelReport) -> StyledText:
    chance = report.holdout.baseline if report.holdout else None
    if chance is None:
        return ()
    verdict = "the model is better" if chance.beaten == "yes" else "the model is not shown to be better"
    return line(own(f"A guess gets {formatting.number(chance.score)}; {verdict}."))


def _folds(report: ModelReport) -> StyledText:
    score = formatting.plus_minus(report.cv_score, report.cv_se)
    tries = plural(report.tries, "try", "tries")
    return line(own("On the folds: "), mixed(report.metric.label, 40), own(f" {score}, the best of {tries}."))


def _matters(report: ModelReport) -> StyledText:
    """The columns that matter most."""
    ranked = sorted(report.importance, key=_drop, reverse=True)
    useful = [each for each in ranked if each.drop > 0]
    if not report.importance:
        return line(own("Which columns matter was not measured."))
    if not useful:
        return line(own("No column alone makes a difference."))
    text = [*line(bold("What matters most"), own(", by how much the score suffers without it"))]
    for place, each in enumerate(useful[:_TOP], start=1):
        text += line(
            own(f"{place}  "), foreign(each.column), own(f"  {formatting.plus_minus(each.drop, each.deviation)}")
        )
    return tuple(text)


def _drop(each: ColumnImportance) -> float:
    return each.drop if math.isfinite(each.drop) else -math.inf


def _members(report: ModelReport) -> StyledText:
    ranked = sorted(report.members, key=lambda each: -each.weight)
    if len(ranked) == 1:
        return line(own("It is "), _recipe(ranked[0].recipe))
    text = [*line(own(f"{plural(len(ranked), 'model')} vote:"))]
    for each in ranked[:_MOST_MEMBERS]:
        text += line(own(f"{formatting.percent(each.weight)}  "), _recipe(each.recipe))
    rest = len(ranked) - _MOST_MEMBERS
    return (*text, *(line(own(f"and {rest} more")) if rest > 0 else ()))


def _recipe(recipe: Recipe) -> Piece:
    return foreign(recipe.name) if recipe.name.strip() else own(family_label(recipe.family))


def _outcome_caption(report: ModelReport) -> StyledText:
    where = "on the hold-out" if report.holdout is not None else "on the folds"
    what = "What was taken for what" if isinstance(report.outcome, Confusion) else "Prediction against truth"
    return line(own(f"{what}, {where}"))


def _outcome(report: ModelReport) -> StyledText:
    match report.outcome:
        case Confusion() as confusion:
            return _confusion(confusion)
        case Residuals(quartiles=(low, middle, high)):
            spread = f"{formatting.number(low)} to {formatting.number(high)}"
            return line(own(f"Truth minus prediction: half of the rows {spread}, middle {formatting.number(middle)}."))


def _confusion(shown: Confusion) -> StyledText:
    """The table where it is small; of many classes what was taken for what most often."""
    total = sum(map(sum, shown.counts))
    right = sum(row[place] for place, row in enumerate(shown.counts) if place < len(row))
    head = line(own(f"{right:,} of {plural(total, 'row')} right."))
    if len(shown.classes) <= _MOST_CLASSES:
        return (*head, *line(foreign_block(_table(shown))))
    wrong = [
        (count, truth, taken)
        for truth, row in zip(shown.classes, shown.counts, strict=False)
        for taken, count in zip(shown.classes, row, strict=False)
        if count and taken != truth
    ]
    text: list[Piece] = [*head]
    for count, truth, taken in sorted(wrong, key=lambda each: -each[0])[:_TOP]:
        text += line(foreign(truth, 30), own(" taken for "), foreign(taken, 30), own(f": {plural(count, 'row')}"))
    return tuple(text)


def _table(shown: Confusion) -> str:
    names = [clean(name, _CELL) for name in shown.classes]
    corner = "truth \\ predicted"
    rows = [f"{corner:<{_CELL}}"]
    rows.append(" " * (_CELL + 1) + " ".join(f"{name:>{_CELL}}" for name in names))
    for name, counts in zip(names, shown.counts, strict=False):
        rows.append(f"{name:<{_CELL}} " + " ".join(f"{count:>{_CELL},}" for count in counts))
    return "\n".join(rows)
