"""The base of the guided steps, and the widgets that several steps show: choices, facts, the rows of a form.

A step shows the form of a workflow state and posts the person's actions. No step decides which step comes next.
"""

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widgets import OptionList
from textual.widgets.option_list import Option as ListOption

from tabsmith.errors import ErrorReport
from tabsmith.workflow.actions import UserAction
from tabsmith.workflow.form import ChoiceField, Fact, StepChoice, StepForm, TextField
from tabsmith.workflow.session import FieldName
from tabsmith.workflow.step_forms import filled
from tabsmith_tui.widgets.fields import Entry, FieldRow, PickLine, TypedLine
from tabsmith_tui.widgets.literal import ContentText, FactList, TextLine, assemble, literal, literal_block

_BESIDE: Final = 52  # characters that fit beside each other on the narrowest screen


class StepView(Vertical):
    """The view of a step. `ALLOWED` names the screen's actions that are possible here."""

    ALLOWED: ClassVar[frozenset[str]] = frozenset()
    ABOUT: ClassVar[str] = ""

    class Acted(Message):
        """The person chose an action."""

        def __init__(self, action: UserAction) -> None:
            super().__init__()
            self.action = action

    class Typed(Message):
        """The person typed or chose something in a field; it should be saved as a draft."""

        def __init__(self, field: FieldName, text: str) -> None:
            super().__init__()
            self.field = field
            self.text = text

    def __init__(self, form: StepForm) -> None:
        super().__init__(classes="step")
        self.form = form

    def show(self, form: StepForm) -> None:
        """Show another form of the same state; the text that is being typed and the cursor stay."""
        self.form = form

    def take_focus(self) -> None:
        """Focus the widget to use first: the first field with a problem, if there is one."""

    def go_on(self) -> None:
        """Take the form's default choice, with the texts of the fields."""
        if self.form.choices:
            self.choose(self.form.choices[self.form.default])

    def choose(self, choice: StepChoice) -> None:
        """Take a choice, with the texts of the fields."""
        self.post_message(self.Acted(filled(choice, self.texts())))

    def texts(self) -> Mapping[FieldName, str]:
        """The texts in the fields of this view now."""
        return {}

    def unsaved(self) -> dict[FieldName, str]:
        """The texts that differ from the form, because their message may still be on its way."""
        saved = {field.name: field.value for field in self.form.fields if isinstance(field, TextField | ChoiceField)}
        return {name: text for name, text in self.texts().items() if text != saved.get(name)}

    def show_problem(self, problem: ErrorReport | None, *, named: bool = True) -> None:
        """Show a problem in the line of the class `problem`, or hide that line."""
        line = self.query_one(".problem", TextLine)
        line.display = problem is not None
        if problem is not None:
            line.show(problem_content(problem, named=named))

    def to_copy(self) -> str:
        """The text that `copy` copies here: the last error with its details; "" for none."""
        problem = self.form.problem
        return f"{problem.name}\n{problem}\n\n{problem.details}".rstrip() + "\n" if problem else ""


def problem_content(report: ErrorReport, *, named: bool = True) -> ContentText:
    """An error in its parts: its name, what happened, where, and what to do next."""
    name = f"{report.name}: " if named and not report.what.startswith(report.name) else ""
    parts: list[ContentText | tuple[object, str]] = [
        (f"✘ {name}", "bold $bad"),
        literal_block(report.what, 800, "$bad"),
    ]
    if report.where:
        parts += [("\n  where  ", "$quiet"), literal(report.where, 300)]
    if report.next_step:
        parts += [("\n  next   ", "$quiet"), literal_block(report.next_step, 500)]
    return assemble(*parts)


class ChoiceList(OptionList):
    """The choices of a step, one below the other, each with its meaning; enter or a click takes one."""

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
        """Highlight the default."""
        self.highlighted = self._default if self.choices else None

    def show(self, choices: Sequence[StepChoice]) -> None:
        """Show these choices; the highlight stays where it is."""
        if tuple(choices) == self.choices:
            return
        highlighted = self.highlighted
        self.choices = tuple(choices)
        self.clear_options()
        self.add_options(_options(choices))
        self.highlighted = min(highlighted or 0, len(choices) - 1) if choices else None


def _options(choices: Sequence[StepChoice]) -> list[ListOption]:
    """Choices with their details beside them if all are short, else below them."""
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
    """Convert facts to pairs for `FactList`, each value with its evidence."""
    return [
        (
            literal(fact.label, 30).plain,
            assemble(literal(fact.value, 300), literal(f"   {fact.evidence}" if fact.evidence else "", 300, "$quiet")),
        )
        for fact in facts
    ]


class FactLines(FactList):
    """The facts of a form; hidden when there are none."""

    DEFAULT_CSS = "FactLines { margin-top: 1; }"

    def __init__(self, facts: Sequence[Fact]) -> None:
        super().__init__(facts_of(facts))
        self.display = bool(facts)

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Show these facts."""
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
        note = literal(self.field.help, 300) if problem is None else problem_content(problem, named=False)
        self.show_note(note, bad=problem is not None)
