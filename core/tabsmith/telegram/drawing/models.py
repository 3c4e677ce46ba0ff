"""The saved models on a phone: listed, shown, deleted after a question."""

from typing import Final

from tabsmith import numbers
from tabsmith.dates import when
from tabsmith.modeling.results import Report
from tabsmith.modeling.stored import ID, ModelSummary
from tabsmith.telegram.drawing import results
from tabsmith.telegram.drawing.pressable import LIST, PER_PAGE, button, in_rows, page_in, page_of, rows, turning
from tabsmith.telegram.meaning import Delete, Look, Meaning, Stale
from tabsmith.telegram.outgoing import Button, Message
from tabsmith.telegram.seats import View
from tabsmith.telegram.words import Piece, Text, bold, foreign, line, mixed, own

PREFIX: Final = "m"
PICTURES: Final = 1
"""The page of a model's view that shows its pictures; 0 are its words."""
_ASK: Final = 2
_LONGEST_ID: Final = 53  # beside the longest act


def models(summaries: tuple[ModelSummary, ...], page: int, now: float) -> Message:
    """A page of the models, newest first, each with a button that opens it."""
    if not summaries:
        return Message(line(own("There are no models yet. Train a first one.")))
    page, pages, here = page_of(summaries, page)
    text: list[Piece] = [*line(bold(f"Models, page {page + 1} of {pages}" if pages > 1 else "Models"))]
    buttons = []
    for place, each in enumerate(here, start=1 + page * PER_PAGE):
        text += line(own(f"{place}  "), *_about(each))
        text += line(own("    "), *_measured(each), own(when(each.created_at, now)))
        buttons.append(_act("open", each.id, str(place)))
    if None in buttons:
        text += line(own("A model without a button has too long a name: look at it in the terminal."))
    return Message(tuple(text), rows(*in_rows(buttons, 4), turning(PREFIX, page, pages)))


def model(summary: ModelSummary, report: Report | None) -> Message:
    """One model in full; None for the report of one that is damaged."""
    whole = report is not None and not summary.damaged
    text = results.result(report) if report is not None else line(foreign(summary.id, 100))
    if summary.damaged:
        text = (*text, *line(own("✘ damaged: "), mixed(summary.damaged, 400)))
    if summary.size:
        text = (*text, *line(own(f"It takes {numbers.size(summary.size)} on the disk.")))
    predict, pictures = _act("predict", summary.id, "Predict with it…"), _act("pictures", summary.id, "Pictures")
    delete = _act("delete", summary.id, "Delete…")
    if delete is None:
        text = (*text, *line(own("Its name is too long for buttons: use it in the terminal.")))
    return Message(
        text,
        rows((predict, pictures) if whole else (), (delete, button("All models", PREFIX, LIST, "0"))),
    )


def confirm_delete(summary: ModelSummary) -> Message:
    """The question before a model is deleted; its yes is the button that deletes."""
    text = [*line(bold("Delete this model?")), *line(foreign(summary.id, 100)), *line(*_about(summary))]
    text += line(own("Its files go. The run it came from stays, but cannot make it again without training."))
    return Message(
        tuple(text), rows((_act("yes", summary.id, "Yes, delete it"), _act("open", summary.id, "No, keep it")))
    )


def asks_to_delete(view: View) -> bool:
    """Whether a model's view is the question before it is deleted."""
    return view.kind == "model" and view.page == _ASK


def pressed(data: str) -> Meaning:
    """What a button of the list or of a model means."""
    prefix, _, rest = data.partition(":")
    model_id, _, what = rest.partition(":")
    if prefix != PREFIX:
        return Stale()
    page = page_in(what)
    if model_id == LIST and page is not None:
        return Look(View("models", page=page))
    if not ID.fullmatch(model_id):
        return Stale()
    match what:
        case "open":
            return Look(View("model", model_id))
        case "pictures":
            return Look(View("model", model_id, PICTURES))
        case "predict":
            return Look(View("predict", model_id))
        case "delete":
            return Look(View("model", model_id, _ASK))
        case "yes":
            return Delete(model_id)
        case _:
            return Stale()


def _act(act: str, model_id: str, label: str) -> Button | None:
    return button(label, PREFIX, model_id, act) if len(model_id) <= _LONGEST_ID else None


def _about(each: ModelSummary) -> Text:
    if not each.source:
        return (own("✘ damaged  "), foreign(each.id, 60)) if each.damaged else (foreign(each.id, 60),)
    damaged = (own("✘ damaged  "),) if each.damaged else ()
    return (*damaged, foreign(each.source, 40), own(" → "), foreign(each.target, 40))


def _measured(each: ModelSummary) -> Text:
    """The hold-out's score, or the folds'."""
    score = each.cv_score if each.holdout_score is None else each.holdout_score
    return (mixed(each.metric, 40), own(f" {numbers.number(score)}, ")) if each.metric else ()
