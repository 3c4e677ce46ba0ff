"""Pieces that several guided steps show: a list of ways on, facts, a field of a form with its words."""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option as ListOption

from tabsmith.workflow.form import ChoiceField, Fact, StepChoice, TextField
from tabsmith_tui.widgets.fields import Entry, FieldRow, PickLine, TypedLine
from tabsmith_tui.widgets.literal import ContentText, FactList, assemble, literal
from tabsmith_tui.widgets.steps.base import problem_words

_BESIDE: Final = 52  # characters: fits the narrowest screen


class ChoiceList(OptionList):
    """Ways on, one under the other, each with what it means; enter or a click takes one."""

    DEFAULT_CSS = """
    ChoiceList { height: auto; max-height: 100%; border: none; padding: 0; background: $background; margin-top: 1; }
    ChoiceList:focus { border: none; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "next", id="guided.next")]

    def __init__(self, choices: Sequence[StepChoice], default: int = 0) -> None:
        super().__init__(*_options(choices), markup=False)
        self.choices = tuple(choices)
        self._default = default

    def on_mount(self) -> None:
        """The default has the highlight."""
        self.highlighted = self._default if self.choices else None

    def show(self, choices: Sequence[StepChoice]) -> None:
        """Show these; the highlight stays on its place."""
        if tuple(choices) == self.choices:
            return
        place = self.highlighted
        self.choices = tuple(choices)
        self.clear_options()
        self.add_options(_options(choices))
        self.highlighted = min(place or 0, len(choices) - 1) if choices else None


def _options(choices: Sequence[StepChoice]) -> list[ListOption]:
    """Each with its detail beside it where all are short, below it where one is long."""
    width = max((len(choice.label) for choice in choices), default=0)
    beside = all(width + len(choice.detail) <= _BESIDE for choice in choices)
    options = []
    for choice in choices:
        label = literal(choice.label.ljust(width) if beside else choice.label)
        gap = "   " if beside else "\n  "
        options.append(
            ListOption(assemble(label, gap, literal(choice.detail, 400, "$quiet")) if choice.detail else label)
        )
    return options


def facts_of(facts: Sequence[Fact]) -> list[tuple[str, ContentText]]:
    """Facts as pairs for the widget `FactList`, each value with how it is known."""
    return [
        (literal(fact.label, 30).plain, assemble(literal(fact.value, 300), literal(_because(fact), 300, "$quiet")))
        for fact in facts
    ]


def _because(fact: Fact) -> str:
    return f"   {fact.evidence}" if fact.evidence else ""


class FactLines(FactList):
    """Facts of a form; nothing at all when there are none."""

    DEFAULT_CSS = "FactLines { margin-top: 1; }"

    def __init__(self, facts: Sequence[Fact]) -> None:
        super().__init__(facts_of(facts))
        self.display = bool(facts)

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Show these."""
        self.show(facts_of(facts))
        self.display = bool(facts)


class FormLine(TypedLine):
    """A value to type in a form."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "next", id="guided.next")]


class FormRow(FieldRow):
    """A field of a step's form."""

    def __init__(self, field: TextField | ChoiceField) -> None:
        super().__init__(field.label)
        self.field = field
        self.help_text = field.help

    def make_entry(self) -> Entry:
        field = self.field
        if isinstance(field, ChoiceField):
            return PickLine(field.options, field.value)
        return FormLine(field.value, placeholder=field.example, select_on_focus=False)

    def on_mount(self) -> None:
        self._show_note()

    def show(self, field: TextField | ChoiceField) -> None:
        """Show this field; the text that the person is typing stays."""
        self.field = field
        entry = self.entry
        if isinstance(field, ChoiceField) and isinstance(entry, PickLine):
            entry.show(field.options, field.value)
        elif isinstance(entry, TypedLine) and isinstance(field, TextField):
            entry.placeholder = field.example
            if not entry.has_focus:
                self.put_value(field.value)
        self._show_note()

    def _show_note(self) -> None:
        problem = self.field.problem
        note = literal(self.field.help, 300) if problem is None else problem_words(problem, named=False)
        self.show_note(note, bad=problem is not None)
