"""The steps after training: a summary of the model, and predicting new rows with it."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from tabsmith.formatting import UNKNOWN, number
from tabsmith.modeling.results import ModelScore
from tabsmith.presentation.predictions import prediction_facts
from tabsmith.presentation.scores import interval_text, metric_direction
from tabsmith.presentation.spans import LabelledLine, Line, Span, foreign, line
from tabsmith.text import plural
from tabsmith.workflow.form import ResultField, StepForm
from tabsmith_tui.widgets.literal import FactList, TextLine, assemble
from tabsmith_tui.widgets.path_field import PathField
from tabsmith_tui.widgets.steps.base import ChoiceList, FormRow, StepView

_MOST_NOTES = 4  # the first predicted rows are to be seen below
_MOST_SCORES = 2


class ResultStep(StepView, can_focus=True):
    """The model in a few lines; its whole report is one key away."""

    ALLOWED: ClassVar[frozenset[str]] = frozenset({"result", "predict", "new", "explore"})
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

    def show(self, form: StepForm) -> None:
        super().show(form)
        result = result_of(form)
        self.query_one(FactList).show(result_facts(result) if result else [])


class PredictStep(StepView):
    """A file with new rows, and a path for the predictions."""

    LISTED_FROM = 1
    ABOUT = "Give a table with the columns the model knows. Its predictions are written to a file beside it."

    def compose(self) -> ComposeResult:
        rows, out = self.inputs
        yield TextLine(classes="say")
        yield PathField(rows.value, placeholder=self.text_field.example)
        yield FormRow(out)
        with VerticalScroll(can_focus=False):
            yield TextLine(classes="problem")
            yield FactList()
            yield ChoiceList()

    def show(self, form: StepForm) -> None:
        super().show(form)
        result = result_of(form)
        self.query_one(FactList).show(prediction_facts(result.prediction) if result and result.prediction else [])


def result_of(form: StepForm) -> ResultField | None:
    """The result field of a form; None without one."""
    return next((field for field in form.fields if isinstance(field, ResultField)), None)


def result_facts(result: ResultField) -> list[LabelledLine]:
    """The facts of a model in a few lines."""
    model = result.model
    facts: list[LabelledLine] = [
        ("model", (foreign(model.model_id, "strong", 200),)),
        ("target", (foreign(model.target), Span(f"   {model.task}", "dim"))),
    ]
    if model.cv_score is not None:
        facts.append(("metric", line(metric_direction(model.cv_score.metric))))
    facts.append(("score", _score(model.cv_score, "cross-validated score")))
    if model.holdout is not None:
        facts.append(("test set", _score(model.holdout, "")))
    if result.prediction is not None:
        facts.append(("predicted", line(f"{plural(result.prediction.rows, 'row')}: {result.prediction.out}")))
    return facts


def _score(score: ModelScore | None, on: str) -> Line:
    if score is None:
        return line(UNKNOWN)
    between = interval_text(score)
    return (Span(number(score.score), "good"), Span(f"  ({between})" if between else ""), Span(f"   {on}", "dim"))
