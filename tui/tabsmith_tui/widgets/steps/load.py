"""The step that loads now or defers, with an estimate of what loading costs."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from tabsmith.errors import ErrorReport
from tabsmith.formatting import count, size
from tabsmith.tables.info import Estimate
from tabsmith.workflow.form import Fact, StepForm
from tabsmith_tui.widgets.literal import TextLine, assemble, literal, literal_block
from tabsmith_tui.widgets.steps.base import ChoiceList, FactLines
from tabsmith_tui.widgets.steps.choices import ChoicesStep


class LoadStep(ChoicesStep):
    """Load now, or defer; only the beginning of the file has been read so far."""

    ALLOWED: ClassVar[frozenset[str]] = frozenset({"next", "copy"})
    ABOUT = (
        "Load now reads the whole table once and shows what it holds. Defer reads nothing: you describe the target and "
        "the features in words, and the table is read when training starts."
    )

    _estimated: tuple[Fact, ...] = ()

    def compose(self) -> ComposeResult:
        yield TextLine(literal_block(self.form.words, 2_000), classes="say")
        with VerticalScroll(can_focus=False):
            yield TextLine(classes="problem")
            yield FactLines(self.form.facts)
            yield TextLine(id="estimate-problem")
            yield ChoiceList(self.form.choices, self.form.default)

    def on_mount(self) -> None:
        super().on_mount()
        self._show_estimated((Fact("Rows", "…", "looking at its beginning"),))
        self.query_one("#estimate-problem").display = False

    def show_estimate(self, estimate: Estimate | ErrorReport) -> None:
        """Show what loading will cost, or why that cannot be estimated."""
        if isinstance(estimate, ErrorReport):
            self._show_no_estimate(estimate)
            return
        about = "" if estimate.format == "sample" else "about "
        unsized = any(fact.label == "Size" for fact in self.form.facts) or not estimate.size
        self._show_estimated(
            (
                Fact("Format", estimate.format + ("" if unsized else f", {size(estimate.size)}")),
                Fact("Rows", f"{about}{count(estimate.rows)}" if estimate.rows else "—"),
                Fact("Columns", count(estimate.columns) if estimate.columns else "—"),
                Fact("Memory", f"about {size(estimate.memory)}", "while it is read"),
            )
        )

    def _show_no_estimate(self, problem: ErrorReport) -> None:
        self._show_estimated(())
        line = self.query_one("#estimate-problem", TextLine)
        line.show(assemble(("No estimate can be given: ", "$warn"), literal(problem.what, 200)))
        line.display = True

    def _show_estimated(self, facts: tuple[Fact, ...]) -> None:
        """Show these facts below those of the source."""
        self._estimated = facts
        self.query_one(FactLines).show_facts((*self.form.facts, *facts))

    def show(self, form: StepForm) -> None:
        super().show(form)
        self._show_estimated(self._estimated)
