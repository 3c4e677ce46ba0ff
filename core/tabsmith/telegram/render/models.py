"""Models on a phone: the saved ones listed, shown and deleted after a question; a finished one and its predictions in words
and pictures."""

from pathlib import Path
from typing import Final

from tabsmith import formatting
from tabsmith.families.registry import family_label
from tabsmith.formatting import time_ago
from tabsmith.modeling.model_files import MODEL_ID, ModelSummary
from tabsmith.modeling.results import Confusion, ModelReport, PredictedFile, Residuals
from tabsmith.presentation import budgets, models, predictions
from tabsmith.recipes.recipe import Recipe
from tabsmith.runs import replies
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.telegram.actions import ChatAction, DeleteModel, ShowView, StaleButton
from tabsmith.telegram.chat_state import ChatView
from tabsmith.telegram.render.messages import (
    LIST,
    Button,
    OutgoingChart,
    OutgoingFile,
    OutgoingMessage,
    button,
    keyboard,
    numbered_list,
    parse_page,
)
from tabsmith.telegram.render.text import Piece, StyledText, bold, foreign, foreign_block, line, mixed, own, styled
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
    text += [*line(), *score_text(report)]
    text += styled(*models.further_scores(report), *models.baseline_lines(report), models.cross_validation(report))
    text += [*line(), *_matters(report), *_members(report)]
    text += line(own(f"Trained on {plural(report.train_rows, 'row')} in {models.training_effort(report)}."))
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
    """The score on the hold-out with its interval; the cross-validated one if no rows could be spared."""
    return styled(*models.headline(report))


def result_charts(report: ModelReport) -> tuple[OutgoingChart, ...]:
    """The pictures of the model, each with words to stand in for it."""
    score = OutgoingChart("score", report.run_id, line(own("Score over time")), styled(models.cross_validation(report)))
    outcome = OutgoingChart("outcome", report.run_id, _outcome_caption(report), _outcome(report))
    if not report.importance:
        return (score, outcome)
    caption = line(mixed(models.importance_heading(report.metric).capitalize()))
    return (score, OutgoingChart("importance", report.run_id, caption, _matters(report)), outcome)


def prediction_file(done: PredictedFile) -> OutgoingFile:
    """The file of predictions, with what predicting came to in words; the words alone where it cannot be sent."""
    lies = line(own("It lies on the machine at "), foreign(done.out, 500))
    text = [*line(bold(f"{plural(done.rows, 'row')} predicted"), own(" with "), foreign(done.model_id, 100)), *lies]
    text += _columns("columns that the model knows and the file lacks, treated as missing", done.missing)
    text += _columns("columns that the model does not use", done.extra)
    for note in predictions.prediction_notes(done):
        text += line(own("! "), mixed(note, 300))
    if done.score is not None:
        text += styled(*predictions.rows_score_lines(done.score))
    name = clean(Path(done.out).name, 120) or "predictions.csv"
    return OutgoingFile(done.out, name, tuple(text), (*text, *line(own("The file itself could not be sent."))))


def _columns(what: str, names: tuple[str, ...]) -> StyledText:
    if not names:
        return ()
    listed = [piece for name in names[:_MOST_COLUMNS] for piece in (foreign(name, 40), own("  "))]
    rest = f"and {len(names) - _MOST_COLUMNS:,} more" if len(names) > _MOST_COLUMNS else ""
    return line(own(f"! {what}: "), *listed, own(rest))


def _matters(report: ModelReport) -> StyledText:
    """The columns that matter most."""
    if not report.importance:
        return line(own("The importance of the columns was not measured."))
    useful = models.useful_columns(report.importance)
    if not useful:
        return line(own("No column alone has a measurable effect."))
    text = [*line(bold("Top features"), own(", "), mixed(models.importance_heading(report.metric)))]
    for place, each in enumerate(useful[:_TOP], start=1):
        drop = formatting.plus_minus(each.drop, each.deviation)
        text += line(own(f"{place}  "), foreign(each.column), own(f"  {drop}"))
    return tuple(text)


def _members(report: ModelReport) -> StyledText:
    members = models.ranked_members(report)
    label = models.ensemble_label(len(members)).capitalize()
    if len(members) == 1:
        return line(own(f"{label}: "), _recipe(members[0].recipe))
    text = [*line(own(f"{label}:"))]
    for each in members[:_MOST_MEMBERS]:
        text += line(own(f"{formatting.percent(each.weight)}  "), _recipe(each.recipe))
    rest = len(members) - _MOST_MEMBERS
    return (*text, *(line(own(f"and {rest} more")) if rest > 0 else ()))


def _recipe(recipe: Recipe) -> Piece:
    return foreign(recipe.name) if recipe.name.strip() else own(family_label(recipe.family))


def _outcome_caption(report: ModelReport) -> StyledText:
    where = "on the test set" if report.holdout is not None else "on the folds"
    what = "What was taken for what" if isinstance(report.outcome, Confusion) else "Prediction against truth"
    return line(own(f"{what}, {where}"))


def _outcome(report: ModelReport) -> StyledText:
    match report.outcome:
        case Confusion() as confusion:
            return _confusion(confusion)
        case Residuals() as residuals:
            return line(own(f"Truth minus prediction: {models.residual_spread(residuals)}."))


def _confusion(confusion: Confusion) -> StyledText:
    """The matrix where it is small; of many classes what was taken for what most often."""
    right, rows = models.rows_right(confusion)
    head = line(own(f"{right:,} of {plural(rows, 'row')} right."))
    if len(confusion.classes) <= _MOST_CLASSES:
        return (*head, *line(foreign_block(_table(confusion))))
    text: list[Piece] = [*head]
    for each in models.confused_classes(confusion)[:_TOP]:
        truth, predicted = confusion.classes[each.truth], confusion.classes[each.predicted]
        text += line(
            foreign(truth, 30), own(" taken for "), foreign(predicted, 30), own(f": {plural(each.rows, 'row')}")
        )
    return tuple(text)


def _table(shown: Confusion) -> str:
    names = [clean(name, _CELL) for name in shown.classes]
    corner = "truth \\ predicted"
    rows = [f"{corner:<{_CELL}}"]
    rows.append(" " * (_CELL + 1) + " ".join(f"{name:>{_CELL}}" for name in names))
    for name, counts in zip(names, shown.counts, strict=False):
        rows.append(f"{name:<{_CELL}} " + " ".join(f"{count:>{_CELL},}" for count in counts))
    return "\n".join(rows)


PREFIX: Final = "m"
PICTURES: Final = 1
"""The page of a model's view that shows its pictures; 0 are its words."""
_ASK: Final = 2
_LONGEST_ID: Final = 53  # beside the longest act


def models_message(summaries: tuple[ModelSummary, ...], page: int, now: float) -> OutgoingMessage:
    """A page of the models, newest first, each with a button that opens it."""
    if not summaries:
        return OutgoingMessage(line(own("There are no models yet. Train a first one.")))

    def listed(place: int, model: ModelSummary) -> tuple[StyledText, Button | None]:
        below = line(own("    "), *_measured(model), own(time_ago(model.created_at, now)))
        return (*line(own(f"{place}  "), *_about(model)), *below), _act("open", model.id, str(place))

    return numbered_list("Models", PREFIX, summaries, page, listed)


def model_message(summary: ModelSummary, report: ModelReport | None) -> OutgoingMessage:
    """One model in full; None for the report of one that is damaged."""
    whole = report is not None and not summary.damaged
    text = result_text(report) if report is not None else line(foreign(summary.id, 100))
    if summary.damaged:
        text = (*text, *line(own("✘ damaged: "), mixed(summary.damaged, 400)))
    if summary.size:
        text = (*text, *line(own(f"It takes {formatting.size(summary.size)} on the disk.")))
    predict, pictures = _act("predict", summary.id, "Predict with it…"), _act("pictures", summary.id, "Pictures")
    delete = _act("delete", summary.id, "Delete…")
    if delete is None:
        text = (*text, *line(own("Its name is too long for buttons: use it in the terminal.")))
    return OutgoingMessage(
        text,
        keyboard((predict, pictures) if whole else (), (delete, button("All models", PREFIX, LIST, "0"))),
    )


def confirm_delete(summary: ModelSummary) -> OutgoingMessage:
    """The question before a model is deleted; its yes is the button that deletes."""
    text = [*line(bold("Delete this model?")), *line(foreign(summary.id, 100)), *line(*_about(summary))]
    text += line(own("Its files go. The run it came from stays, but cannot make it again without training."))
    return OutgoingMessage(
        tuple(text), keyboard((_act("yes", summary.id, "Yes, delete it"), _act("open", summary.id, "No, keep it")))
    )


def asks_to_delete(view: ChatView) -> bool:
    """Whether a model's view is the question before it is deleted."""
    return view.kind == "model" and view.page == _ASK


def parse_press(data: str) -> ChatAction:
    """What a button of the list or of a model means."""
    prefix, _, rest = data.partition(":")
    model_id, _, what = rest.partition(":")
    if prefix != PREFIX:
        return StaleButton()
    page = parse_page(what)
    if model_id == LIST and page is not None:
        return ShowView(ChatView("models", page=page))
    if not MODEL_ID.fullmatch(model_id):
        return StaleButton()
    match what:
        case "open":
            return ShowView(ChatView("model", model_id))
        case "pictures":
            return ShowView(ChatView("model", model_id, PICTURES))
        case "predict":
            return ShowView(ChatView("predict", model_id))
        case "delete":
            return ShowView(ChatView("model", model_id, _ASK))
        case "yes":
            return DeleteModel(model_id)
        case _:
            return StaleButton()


def _act(act: str, model_id: str, label: str) -> Button | None:
    return button(label, PREFIX, model_id, act) if len(model_id) <= _LONGEST_ID else None


def _about(each: ModelSummary) -> StyledText:
    if not each.source:
        return (own("✘ damaged  "), foreign(each.id, 60)) if each.damaged else (foreign(each.id, 60),)
    damaged = (own("✘ damaged  "),) if each.damaged else ()
    return (*damaged, foreign(each.source, 40), own(" → "), foreign(each.target, 40))


def _measured(each: ModelSummary) -> StyledText:
    """The hold-out's score, or the folds'."""
    score = each.cv_score if each.holdout_score is None else each.holdout_score
    return (mixed(each.metric, 40), own(f" {formatting.number(score)}, ")) if each.metric else ()
