"""The step that configures training: metric, family, time, iterations, seed, each with its default."""

from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.message import Message

from tabsmith.workflow.form import ChoiceField, TextField
from tabsmith_tui.widgets.literal import TextLine, literal_block
from tabsmith_tui.widgets.steps.base import ChoiceList, FactLines, FormRow
from tabsmith_tui.widgets.steps.choices import ChoicesStep


class ModelStep(ChoicesStep):
    """A form. Enter always does something: it goes to the first wrong value and says why it is wrong."""

    ALLOWED: ClassVar[frozenset[str]] = frozenset({"next", "copy"})
    ABOUT = (
        "Every value shown is a sensible one; enter takes them. Up and down go through the fields, left and "
        "right through the values of a choice. Nothing is trained before you have seen it all on one page."
    )

    class ToReview(Message):
        """The person wants to see the page before training."""

    def compose(self) -> ComposeResult:
        yield TextLine(literal_block(self.form.words, 2_000), classes="say")
        with VerticalScroll(can_focus=False):
            yield TextLine(classes="problem")
            for field in self.form.fields:
                if isinstance(field, TextField | ChoiceField):
                    yield FormRow(field)
            yield FactLines(self.form.facts)
            yield ChoiceList(())

    def on_mount(self) -> None:
        super().on_mount()
        self.query_one(ChoiceList).display = False

    def go_on(self) -> None:
        self.post_message(self.ToReview())

    def show_first_problem(self) -> None:
        """Go to the first wrong value, and say why it is wrong."""
        bad = next((row for row in self.query(FormRow) if row.field.problem), None)
        if bad is None:
            return
        bad.entry.focus()
        assert bad.field.problem is not None
        self.app.notify(f"{bad.field.label}: {bad.field.problem.what}", severity="warning")
