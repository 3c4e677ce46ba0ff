"""The steps after training: a summary of the model, and predicting new rows with it."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from tabsmith.formatting import number
from tabsmith.modeling.results import ModelScore, PredictedFile
from tabsmith.text import clean, plural
from tabsmith.workflow.form import ResultField, StepForm
from tabsmith_tui.widgets.literal import ContentText, FactList, TextLine, assemble, literal
from tabsmith_tui.widgets.path_field import PathField
from tabsmith_tui.widgets.steps.base import ChoiceList, FormRow, StepView


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
    if prediction.unparsable:
        rows.append(("! unread", literal(f"{plural(prediction.unparsable, 'cell')} treated as missing", style="$warn")))
    return rows
