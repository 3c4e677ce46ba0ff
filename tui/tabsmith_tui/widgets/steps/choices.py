"""The step with a few choices: the kind of source, an error, the end."""

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import OptionList

from tabsmith.workflow.form import ChoiceField, StepForm, TextField
from tabsmith.workflow.session import FieldName
from tabsmith_tui.widgets.fields import PickLine, TypedLine
from tabsmith_tui.widgets.literal import TextLine, literal_block
from tabsmith_tui.widgets.steps.base import ChoiceList, FactLines, FormRow, StepView


class ChoicesStep(StepView):
    """Text, facts, fields and choices. It shows every state that has no view of its own."""

    ALLOWED: ClassVar[frozenset[str]] = frozenset({"next"})
    ABOUT = "Choose with the arrows and enter, or with the mouse. The first choice is the usual one."

    def words(self, form: StepForm) -> str:
        """What the step says above its fields."""
        return form.words

    def compose(self) -> ComposeResult:
        yield TextLine(literal_block(self.words(self.form), 2_000), classes="say")
        with VerticalScroll(can_focus=False):
            yield TextLine(classes="problem")
            yield FactLines(self.form.facts)
            for field in self.form.fields:
                if isinstance(field, TextField | ChoiceField):
                    yield FormRow(field)
            yield ChoiceList(self.form.choices, self.form.default)

    def on_mount(self) -> None:
        self.show_problem(self.form.problem)

    def show(self, form: StepForm) -> None:
        super().show(form)
        self.query_one(".say", TextLine).show(literal_block(self.words(form), 2_000))
        self.query_one(FactLines).show_facts(form.facts)
        self.query_one(ChoiceList).show(form.choices)
        rows = {row.field.name: row for row in self.query(FormRow)}
        for field in form.fields:
            if isinstance(field, TextField | ChoiceField) and field.name in rows:
                rows[field.name].show(field)
        self.show_problem(self.form.problem)

    def take_focus(self) -> None:
        bad = next((row for row in self.query(FormRow) if row.field.problem), None)
        first = bad or next(iter(self.query(FormRow)), None)
        if first is not None:
            first.entry.focus()
        else:
            self.query_one(ChoiceList).focus()

    def texts(self) -> Mapping[FieldName, str]:
        return {row.field.name: row.value for row in self.query(FormRow)}

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.choose(self.form.choices[event.option_index])

    def on_input_changed(self, event: TypedLine.Changed) -> None:
        event.stop()
        self._typed(event.input)

    def on_input_submitted(self, event: TypedLine.Submitted) -> None:
        event.stop()
        self.go_on()

    def on_pick_line_turned(self, event: PickLine.Turned) -> None:
        event.stop()
        self._typed(event.line)

    def _typed(self, entry: object) -> None:
        for row in self.query(FormRow):
            if row.entry is entry and row.value != row.field.value:
                self.post_message(self.Typed(row.field.name, row.value))
