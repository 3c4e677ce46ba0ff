"""The result screen: a model's score on the test set, its errors, feature importance, recipes and facts."""

import asyncio
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, VerticalScroll

from tabsmith.errors import TabsmithError
from tabsmith.modeling.results import Confusion, ModelReport
from tabsmith.paths import folders
from tabsmith.presentation import explanations, models
from tabsmith.presentation.spans import Line, line
from tabsmith.runs.folder import RunFolder
from tabsmith.tables.read.sources import Source, TasksSource
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.clipboard import copy_and_tell
from tabsmith_tui.screens.base import STYLES, TabsmithScreen
from tabsmith_tui.views import result_charts
from tabsmith_tui.widgets.drawing import Drawing
from tabsmith_tui.widgets.literal import literal, set_border_title

_CLOUD_HEIGHT = 16  # lines of the residual plot


class Panel(Container):
    """A titled box around one drawing."""

    def __init__(self, title: str, name: str, explained: str) -> None:
        super().__init__(id=name, classes="panel")
        set_border_title(self, title)
        self.tooltip = explained

    def compose(self) -> ComposeResult:
        yield Drawing(grows=True)

    def show(self, lines: tuple[Line, ...]) -> None:
        """Show these lines, wrapped to the width."""
        self.query_one(Drawing).show_wrapped(lines)


class Body(VerticalScroll):
    """The page; up, down, page keys, home and end scroll it."""

    HELP = "The whole report; scroll it with the arrows, page keys, or the wheel."


class ResultScreen(TabsmithScreen):
    """The report of the model `model_id`; given the `report` itself, nothing is read."""

    SCOPE = "result"
    ABOUT = (
        "The model that a run trained: its score on the test set, rows that no candidate had seen, with the interval in "
        "which the score lies 95 times of 100; and its recipes."
    )
    CSS_PATH = STYLES / "result.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings_of("result")
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (76, "-normal"), (110, "-wide")]  # noqa: RUF012 - Textual's declaration

    def __init__(self, model_id: str, report: ModelReport | None = None) -> None:
        super().__init__()
        self.model_id = model_id
        self.report = report

    def body(self) -> ComposeResult:
        with Body(id="result"):
            yield Panel("Score", "scores", "How good the model is. Only the test set says how it does on new rows.")
            with Container(id="pair"):
                yield Panel("Errors", "outcome", "The predictions against the truth.")
                yield Panel(
                    "Feature importance", "importance", "How much worse the model is when a column is shuffled."
                )
            yield Panel(
                "Explanation",
                "explanation",
                "Scores by class, where the model errs, and how columns change its predictions.",
            )
            yield Panel("Recipes", "members", "The recipes of the model; the weights sum to 1.")
            yield Panel("Cautions", "cautions", "What was not done, was cut short, or looks odd in the table.")
            yield Panel("The model", "facts", "The model's folder, and how it was trained.")

    def on_mount(self) -> None:
        """Show the report; read it first if needed."""
        self.query_one(Body).focus()
        self.show_subject(literal(f"model {self.model_id}"))
        if self.report is not None:
            self._show(self.report)
        else:
            self.show_status("reading")
            self.run_worker(self._read())

    async def _read(self) -> None:
        try:
            self.report = await asyncio.to_thread(self.services.store.report, self.model_id)
        except TabsmithError as error:
            self.show_status(literal("✘ cannot be read", style="$bad"))
            self.query_one("#scores", Panel).show((line(error.what, "bad"), line(error.next_step)))
            self.show_error(error)
            return
        self._show(self.report)

    def _show(self, report: ModelReport) -> None:
        self.show_subject(literal(models.model_subject(report)))
        self.show_status(literal("✔ done", style="$good"))
        self.query_one("#scores", Panel).show(models.score_lines(report))
        explanation = explanations.explanation_lines(report)
        self.query_one("#explanation").display = bool(explanation)
        self.query_one("#explanation", Panel).show(explanation)
        self.query_one("#members", Panel).show(models.member_lines(report))
        self.query_one("#cautions", Panel).show(models.caution_lines(report))
        self.query_one("#facts", Panel).show(models.model_facts(report, folders().models / report.model_id))
        self.query_one("#importance Drawing", Drawing).show(
            report.importance, lambda width, _height: result_charts.importance(report.importance, report.metric, width)
        )
        where = "on the test set" if report.holdout is not None else "out-of-fold, as there is no test set"
        set_border_title(self.query_one("#outcome"), f"Errors {where}")
        shown = report.outcome
        self.query_one("#outcome Drawing", Drawing).show(
            shown,
            lambda width, _height: (
                result_charts.confusion(shown, width)
                if isinstance(shown, Confusion)
                else result_charts.residuals(shown, width, _CLOUD_HEIGHT)
            ),
        )

    def action_predict(self) -> None:
        """Open the predict screen with this model."""
        self.services.open_screen("predict", self.model_id)

    async def action_copy(self) -> None:
        """Copy equivalent Python and command lines, and say where they went."""
        if self.report is None:
            return
        source = await asyncio.to_thread(_source, self.report.run_id)
        await copy_and_tell(models.usage_examples(self.report, source), self.app, "Python and command lines.")

    async def action_open_run(self) -> None:
        """Open the run that trained the model, unless it was deleted."""
        if self.report is not None and await self.succeeds(partial(RunFolder, self.report.run_id)):
            self.services.open_screen("run", self.report.run_id)

    def action_back(self) -> None:
        """Go back."""
        self.dismiss(None)


def _source(run_id: str) -> Source | None:
    """The source that the run read; None if the run was deleted, which is no error: the model stays."""
    try:
        source = RunFolder(run_id).spec().source
    except TabsmithError:
        return None
    return None if isinstance(source, TasksSource) else source
