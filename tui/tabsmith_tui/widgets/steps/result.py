"""The steps after training: a summary of the model, and predicting new rows with it."""

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import OptionList

from tabsmith.formatting import number
from tabsmith.modeling.results import ModelScore, PredictedFile
from tabsmith.presentation.predictions import prediction_notes, rows_score_lines
from tabsmith.text import clean, plural
from tabsmith.workflow.form import ResultField, StepForm, TextField
from tabsmith.workflow.session import FieldName
from tabsmith_tui.widgets.drawing import content
from tabsmith_tui.widgets.fields import TypedLine
from tabsmith_tui.widgets.literal import ContentText, FactList, TextLine, assemble, literal, literal_block
from tabsmith_tui.widgets.path_field import PathField
from tabsmith_tui.widgets.steps.base import ChoiceList, FormRow, StepView

_MOST_NOTES = 4  # the first predicted rows are to be seen below
_MOST_SCORES = 2


class ResultStep(StepView, can_focus=True):
    """The model in a few lines; its whole report is one key away."""

    ALLOWED: ClassVar[frozenset[str]] = frozenset({"result", "predict", "new"})
    ABOUT = (
        "The model is saved. Enter shows its whole report, p predicts new rows, n starts over with a different file."
    )

    def compose(self) -> ComposeResult:
        yield TextLine(classes="say")
        with VerticalScroll(can_focus=False):
            yield FactList()
        yield TextLine(
            assemble(("enter", "bold $accent"), " the whole report   ", ("p", "bold $accent"), " predict new rows   ",
                  ("n", "bold $accent"), " different file"),
            classes="hint",
        )  # fmt: skip

    def on_mount(self) -> None:
        self.show(self.form)

    def show(self, form: StepForm) -> None:
        super().show(form)
        self.query_one(".say", TextLine).show(literal_block(form.words, 1_000))
        result = result_of(form)
        self.query_one(FactList).show(result_facts(result) if result else [])

    def take_focus(self) -> None:
        self.focus()


class PredictStep(StepView):
    """A file with new rows, and a path for the predictions."""

    ALLOWED: ClassVar[frozenset[str]] = frozenset({"next", "copy"})
    ABOUT = "Give a table with the columns the model knows. Its predictions are written to a file beside it."

    def compose(self) -> ComposeResult:
        rows, out = self._fields()
        yield TextLine(literal_block(self.form.words, 1_000), classes="say")
        yield PathField(rows.value, placeholder=rows.example)
        yield FormRow(out)
        with VerticalScroll(can_focus=False):
            yield TextLine(classes="problem")
            yield FactList()
            yield ChoiceList(self.form.choices[1:])

    def on_mount(self) -> None:
        self.show(self.form)

    def show(self, form: StepForm) -> None:
        super().show(form)
        rows, out = self._fields()
        self.query_one(FormRow).show(out)
        self.show_problem(rows.problem or form.problem, named=rows.problem is None)
        result = result_of(form)
        self.query_one(FactList).show(prediction_facts(result.prediction) if result and result.prediction else [])
        self.query_one(ChoiceList).show(form.choices[1:])

    def take_focus(self) -> None:
        self.query_one(PathField).line.focus()

    def texts(self) -> Mapping[FieldName, str]:
        return {
            FieldName.NEW_ROWS: self.query_one(PathField).value,
            FieldName.OUT: self.query_one(FormRow).value,
        }

    def on_path_field_changed(self, event: PathField.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(FieldName.NEW_ROWS, event.value))

    def on_path_field_submitted(self, event: PathField.Submitted) -> None:
        event.stop()
        self.go_on()

    def on_input_changed(self, event: TypedLine.Changed) -> None:
        event.stop()
        if event.value != self.query_one(FormRow).field.value:
            self.post_message(self.Typed(FieldName.OUT, event.value))

    def on_input_submitted(self, event: TypedLine.Submitted) -> None:
        event.stop()
        self.go_on()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.choose(self.form.choices[1 + event.option_index])

    def _fields(self) -> tuple[TextField, TextField]:
        texts = {field.name: field for field in self.form.fields if isinstance(field, TextField)}
        return texts[FieldName.NEW_ROWS], texts[FieldName.OUT]


def result_of(form: StepForm) -> ResultField | None:
    """The result field of a form; None without one."""
    return next((field for field in form.fields if isinstance(field, ResultField)), None)


def result_facts(result: ResultField) -> list[tuple[str, ContentText]]:
    """The facts of a model in a few lines."""
    model = result.model
    rows: list[tuple[str, ContentText]] = [
        ("model", literal(model.model_id, 200, "bold")),
        ("target", assemble(literal(model.target, 60), literal(f"   {model.task}", style="$quiet"))),
    ]
    if model.cv_score is not None:
        metric = model.cv_score.metric
        rows.append(("metric", f"{metric.label}, {'higher' if metric.greater_is_better else 'lower'} is better"))
    rows.append(("score", _score(model.cv_score, "cross-validated score")))
    if model.holdout is not None:
        rows.append(("test set", _score(model.holdout, "")))
    if result.prediction is not None:
        rows.append(("predicted", literal(f"{plural(result.prediction.rows, 'row')}: {result.prediction.out}", 400)))
    return rows


def _score(score: ModelScore | None, on: str) -> ContentText:
    if score is None:
        return "—"
    between = "" if score.low is None or score.high is None else f"  ({number(score.low)} to {number(score.high)})"
    return assemble((number(score.score), "bold $good"), between, (f"   {on}", "$quiet"))


def prediction_facts(prediction: PredictedFile) -> list[tuple[str, ContentText]]:
    """The facts of a prediction, with missing columns and unreadable cells."""
    rows: list[tuple[str, ContentText]] = [
        ("predicted", assemble(("✔ ", "$good"), plural(prediction.rows, "row"))),
        ("written to", literal(prediction.out, 400)),
        ("columns", literal(", ".join(clean(name, 30) for name in prediction.columns[:8]), 300)),
    ]
    if prediction.missing:
        names = ", ".join(clean(name, 30) for name in prediction.missing[:8])
        what = f"{plural(len(prediction.missing), 'column')} not in the file, treated as missing: {names}"
        rows.append(("! missing", literal(what, 400, "$warn")))
    if prediction.extra:
        rows.append(("not used", literal(plural(len(prediction.extra), "column"))))
    return [*rows, *note_facts(prediction)]


def note_facts(prediction: PredictedFile) -> list[tuple[str, ContentText]]:
    """What was not understood of the predicted rows, and their scores where they hold the target."""
    notes = prediction_notes(prediction)
    if len(notes) > _MOST_NOTES:
        notes = (
            *notes[: _MOST_NOTES - 1],
            f"and {len(notes) - _MOST_NOTES + 1} more; `tabsmith predict` names them all",
        )
    facts: list[tuple[str, ContentText]] = [
        ("! note" if place == 0 else "", literal(note, 400, "$warn")) for place, note in enumerate(notes)
    ]
    if prediction.score is not None:
        lines = rows_score_lines(prediction.score)[: 1 + _MOST_SCORES]
        facts += [("score" if place == 0 else "", content((line,))) for place, line in enumerate(lines)]
    return facts
