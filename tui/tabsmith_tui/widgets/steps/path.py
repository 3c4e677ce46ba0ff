"""The step that asks for a file: a path with completion, and the problem of the last one."""

from collections.abc import Mapping
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import OptionList

from tabsmith.workflow.form import StepForm, TextField
from tabsmith.workflow.session import FieldName
from tabsmith_tui.widgets.literal import TextLine, literal_block
from tabsmith_tui.widgets.path_field import PathField
from tabsmith_tui.widgets.steps.base import ChoiceList, FactLines, StepView


class PathStep(StepView):
    """A path to type, complete or paste, also with quotes, `~` or `file://`."""

    ALLOWED: ClassVar[frozenset[str]] = frozenset({"next", "copy"})
    ABOUT = (
        "Type, complete (tab) or paste the path of a table: CSV, TSV, Parquet, JSON, JSONL, Excel; packed with gzip or "
        "zstd too. Nothing is read before you press enter."
    )

    def __init__(self, form: StepForm, recent: tuple[str, ...] = ()) -> None:
        super().__init__(form)
        self.recent = recent

    @property
    def text_field(self) -> TextField:
        """The form's field for the path."""
        return next(field for field in self.form.fields if isinstance(field, TextField))

    def compose(self) -> ComposeResult:
        field = self.text_field
        yield TextLine(literal_block(self.form.words, 2_000), classes="say")
        yield PathField(field.value, placeholder=field.example, recent=self.recent)
        with VerticalScroll(can_focus=False):
            yield TextLine(classes="problem")
            yield FactLines(self.form.facts)
            yield ChoiceList(self.form.choices[1:])

    def on_mount(self) -> None:
        self._show_problem()

    def show(self, form: StepForm) -> None:
        super().show(form)
        self.query_one(".say", TextLine).show(literal_block(form.words, 2_000))
        self.query_one(FactLines).show_facts(form.facts)
        self.query_one(ChoiceList).show(form.choices[1:])
        self._show_problem()

    def take_focus(self) -> None:
        self.query_one(PathField).line.focus()

    def texts(self) -> Mapping[FieldName, str]:
        return {self.text_field.name: self.query_one(PathField).value}

    def on_path_field_changed(self, event: PathField.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(self.text_field.name, event.value))

    def on_path_field_submitted(self, event: PathField.Submitted) -> None:
        event.stop()
        self.go_on()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.choose(self.form.choices[1 + event.option_index])

    def _show_problem(self) -> None:
        field = self.text_field
        self.show_problem(field.problem or self.form.problem, named=field.problem is None)
        choices = self.query_one(ChoiceList)
        choices.display = bool(choices.choices)
