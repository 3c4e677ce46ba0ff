"""The predict screen: a model, a file and a path for the predictions; then the result."""

import asyncio
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace
from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.widgets import DataTable, Select

from tabsmith.errors import ErrorReport, MissingColumnError, report_of
from tabsmith.presentation.predictions import prediction_facts
from tabsmith.presentation.summaries import table_and_target
from tabsmith.runs.jobs import JobFailed, JobResult, Predict, Predicted
from tabsmith.tables.read.sources import FileSource
from tabsmith.text import clean
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.clipboard import copy_and_tell
from tabsmith_tui.screens.base import STYLES, TabsmithScreen, start_worker
from tabsmith_tui.screens.dialogs import DialogAnswer, QuestionScreen
from tabsmith_tui.widgets.bars import ProgressLine
from tabsmith_tui.widgets.literal import FactList, TextLine, assemble, content, literal, literal_block
from tabsmith_tui.widgets.path_field import PathField

if TYPE_CHECKING:
    from textual.worker import Worker

    from tabsmith.modeling.model_files import ModelSummary

PREVIEW_ROWS = 100


class PredictedRows(DataTable[Any]):
    """The first predicted rows. Headings and cells are plain literal text, because Textual measures styled content
    wrongly in a table. The cursor is on rows. Keep it under 200 rows."""

    def show(self, names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Show these columns and rows."""
        self.cursor_type = "row"
        self.clear(columns=True)
        for index, name in enumerate(names):
            self.add_column(_cell(name), key=str(index))
        for row in rows:
            self.add_row(*map(_cell, row), height=1)


class PredictScreen(TabsmithScreen):
    """Typed text stays when something goes wrong, and when the screen is reopened."""

    SCOPE = "predict"
    CSS_PATH = STYLES / "predict.tcss"
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012 - Textual's declaration
    BINDINGS = bindings_of("predict")
    AUTO_FOCUS = "#path PathLine"
    ABOUT = (
        "Predicting writes a new file: the rows of yours with the prediction beside them. Columns that the model knows "
        "and your file lacks are treated as missing; further columns do no harm. Your file is only read."
    )

    def __init__(self, model_id: str = "") -> None:
        super().__init__()
        self._model_id = model_id
        self._models: dict[str, ModelSummary] = {}
        self._out_suggested = ""
        self._work: Worker[None] | None = None
        self._written = ""
        self._read = False
        self._go_when_read = False

    def body(self) -> ComposeResult:
        draft = self.services.predict_draft
        with VerticalScroll(id="form"):
            yield TextLine("Model", classes="label")
            choice = Select[str]((), prompt="choose a model", allow_blank=True, compact=True, id="model")
            choice.tooltip = "The model to predict with. Enter opens the list."
            yield choice
            yield TextLine("File with the rows to predict", classes="label")
            yield PathField(draft.path, placeholder="a path; tab completes it", id="path")
            yield TextLine("Write the predictions to", classes="label")
            yield PathField(draft.out, placeholder="beside the file", id="out")
        yield TextLine(id="problem")
        yield ProgressLine(id="progress")
        with Vertical(id="result"):
            yield FactList(id="facts")
            yield PredictedRows(id="preview")

    def on_mount(self) -> None:
        """The list of models is read after the first frame."""
        self.show_subject("predict")
        self._complain("")
        self.query_one(ProgressLine).end()
        self._out_suggested = _beside(self.services.predict_draft.path)
        self.call_after_refresh(self._look)

    def _look(self) -> None:
        start_worker(self, self._load, "models")

    async def _load(self) -> None:
        try:
            models = await asyncio.to_thread(self.services.store.models)
        except Exception as error:  # noqa: BLE001 - shown with its real name
            self.show_error(error)
            return
        self._models = {model.id: model for model in models if not model.damaged}
        choice: Select[str] = self.query_one("#model", Select)
        choice.set_options([(_option(model), model.id) for model in self._models.values()])
        wanted = self._model_id or self.services.predict_draft.model_id or next(iter(self._models), "")
        if wanted in self._models:
            choice.value = wanted
            self._model_id = wanted
        elif self._model_id:
            self._complain(f"There is no model {clean(self._model_id, 60)}. Choose another one above.")
        elif not self._models:
            self._complain("There is no model yet. Train one first: esc, then n.")
        self._read = True
        if self._go_when_read:
            self.action_go()

    # Typing --------------------------------------------------------------------------------------------------------

    @on(Select.Changed, "#model")
    def _model_chosen(self, event: Select.Changed) -> None:
        model = self._models.get(str(event.value))
        self._model_id = model.id if model else ""
        self.services.predict_draft.model_id = self._model_id
        self.show_subject(assemble("predict ", literal(model.target, 40)) if model else "predict")

    @on(PathField.Changed)
    def _typed(self, event: PathField.Changed) -> None:
        """Keep the output path beside the input path until it is changed by hand."""
        event.stop()
        path, out = (self.query_one(f"#{name}", PathField) for name in ("path", "out"))
        suggested = _beside(path.value)
        if suggested != self._out_suggested and out.line.value in ("", self._out_suggested):
            out.line.value = suggested
        self._out_suggested = suggested
        draft = self.services.predict_draft
        draft.path, draft.out = path.line.value, out.line.value

    @on(PathField.Submitted)
    def _submitted(self, event: PathField.Submitted) -> None:
        event.stop()
        self.action_go()

    # Predicting ----------------------------------------------------------------------------------------------------

    def action_go(self) -> None:
        """Predict; a missing field gets the focus, and the reason is shown below."""
        if self._work is not None:
            return
        if not self._read:
            self._go_when_read = True
            return
        path, out = (self.query_one(f"#{name}", PathField) for name in ("path", "out"))
        if not self._model_id:
            self._complain("Choose a model first.")
            self.query_one("#model", Select).focus()
        elif not path.value.strip():
            self._complain("Type the file whose rows are to be predicted.")
            path.line.focus()
        elif not out.value.strip():
            self._complain("Type where the predictions are to be written.")
            out.line.focus()
        elif os.path.lexists(Path(out.value).expanduser()):
            self._ask_to_replace(path.value, out.value)
        else:
            self._predict(path.value, out.value)

    def _ask_to_replace(self, path: str, out: str) -> None:
        def answered(answer: str | None) -> None:
            if answer == "replace":
                self._predict(path, out)

        self.app.push_screen(
            QuestionScreen(
                "There is such a file already",
                literal(out, 1_000),
                (
                    DialogAnswer("", "keep it", "and choose another name"),
                    DialogAnswer("replace", "replace it", "by the predictions"),
                ),
            ),
            answered,
        )

    def _predict(self, path: str, out: str) -> None:
        self._start(Predict(self._model_id, FileSource(path), str(Path(out).expanduser().absolute())))

    def _start(self, job: Predict) -> None:
        self._complain("")
        self.remove_class("-done")
        self.query_one(ProgressLine).begin("predicting")
        self._work = start_worker(self, partial(self._carry_out, job), "job")

    async def _carry_out(self, job: Predict) -> None:
        progress = self.query_one(ProgressLine)
        result: JobResult | None = None
        try:
            result = await self.services.supervisor.job(job, progress.show_progress)
        except asyncio.CancelledError:
            progress.end()
            self._complain("Cancelled. Nothing was written; what you typed is still here.")
            raise
        except Exception as error:  # noqa: BLE001 - shown with its real name
            self._failed(report_of(error), job)
        finally:
            self._work = None
            progress.end()
        match result:
            case Predicted():
                self._show_result(result)
            case JobFailed(report):
                self._failed(report, job)
            case _:
                pass

    def _failed(self, report: ErrorReport, job: Predict) -> None:
        if report.name == MissingColumnError.__name__:
            self._ask_to_predict_without(report, job)
            return
        self._complain(f"{report.name}: {report.what}")
        self.query_one("#path", PathField).line.focus()
        self.show_error(report)

    def _ask_to_predict_without(self, report: ErrorReport, job: Predict) -> None:
        def answered(answer: str | None) -> None:
            if answer == "predict":
                self._start(replace(job, allow_missing=True))

        self._complain(report.what)
        self.app.push_screen(
            QuestionScreen(
                "An important column is missing",
                literal(report.what, 1_000),
                (
                    DialogAnswer("", "do not predict", "add the column to the file first"),
                    DialogAnswer("predict", "predict all the same", "what is missing counts as missing values"),
                ),
            ),
            answered,
        )

    def _complain(self, text: str) -> None:
        problem = self.query_one("#problem", TextLine)
        problem.show(literal_block(text, 600))
        problem.display = bool(text)

    def _show_result(self, result: Predicted) -> None:
        done, preview = result.prediction, result.preview
        self._written = done.out
        self.query_one("#facts", FactList).show(prediction_facts(done))
        table = self.query_one("#preview", PredictedRows)
        table.show(preview.names, preview.rows[:PREVIEW_ROWS])
        self.add_class("-done")
        table.focus()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """Offer to copy the path only after predictions were written."""
        return action != "copy" or bool(self._written)

    async def action_copy(self) -> None:
        """Copy the path of the predictions."""
        await copy_and_tell(self._written, self.app)

    def action_back(self) -> None:
        """Cancel the running prediction; else go back."""
        if self._work is not None:
            self._work.cancel()
        else:
            self.app.pop_screen()


def _cell(text: str) -> Text:
    return Text(clean(text, 24), no_wrap=True, overflow="ellipsis")


def _beside(path: str) -> str:
    """The suggested output path: a CSV file beside `path`."""
    if not path.strip():
        return ""
    folder, name = os.path.split(path)
    stem = name.split(".")[0] or "rows"
    return os.path.join(folder, f"{stem}-predicted.csv")  # noqa: PTH118 - keeps "~/" and "./" as typed


def _option(model: "ModelSummary") -> Content:
    return assemble(content([table_and_target(model.source, model.target)]), ("  " + clean(model.id, 60), "$quiet"))
