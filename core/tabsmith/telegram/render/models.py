"""The saved models on a phone: listed, shown, deleted after a question."""

from typing import Final

from tabsmith import formatting
from tabsmith.formatting import time_ago
from tabsmith.modeling.model_files import MODEL_ID, ModelSummary
from tabsmith.modeling.results import ModelReport
from tabsmith.telegram.actions import ChatAction, DeleteModel, ShowView, StaleButton
from tabsmith.telegram.chat_state import ChatView
from tabsmith.telegram.render import results
from tabsmith.telegram.render.messages import (
    LIST,
    PER_PAGE,
    Button,
    OutgoingMessage,
    button,
    in_columns,
    keyboard,
    page_buttons,
    page_slice,
    parse_page,
)
from tabsmith.telegram.render.text import Piece, StyledText, bold, foreign, line, mixed, own

PREFIX: Final = "m"
PICTURES: Final = 1
"""The page of a model's view that shows its pictures; 0 are its words."""
_ASK: Final = 2
_LONGEST_ID: Final = 53  # beside the longest act


def models_message(summaries: tuple[ModelSummary, ...], page: int, now: float) -> OutgoingMessage:
    """A page of the models, newest first, each with a button that opens it."""
    if not summaries:
        return OutgoingMessage(line(own("There are no models yet. Train a first one.")))
    page, pages, here = page_slice(summaries, page)
    text: list[Piece] = [*line(bold(f"Models, page {page + 1} of {pages}" if pages > 1 else "Models"))]
    buttons = []
    for place, each in enumerate(here, start=1 + page * PER_PAGE):
        text += line(own(f"{place}  "), *_about(each))
        text += line(own("    "), *_measured(each), own(time_ago(each.created_at, now)))
        buttons.append(_act("open", each.id, str(place)))
    if None in buttons:
        text += line(own("A model without a button has too long a name: look at it in the terminal."))
    return OutgoingMessage(tuple(text), keyboard(*in_columns(buttons, 4), page_buttons(PREFIX, page, pages)))


def model_message(summary: ModelSummary, report: ModelReport | None) -> OutgoingMessage:
    """One model in full; None for the report of one that is damaged."""
    whole = report is not None and not summary.damaged
    text = results.result_text(report) if report is not None else line(foreign(summary.id, 100))
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
