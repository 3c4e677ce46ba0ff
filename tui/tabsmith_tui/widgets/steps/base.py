"""The base of the guided steps, the step with a few choices, and the widgets of steps: choices, facts, rows of a form.

A step shows the form of a workflow state and posts the person's actions. No step decides which step comes next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option as ListOption

from tabsmith.errors import ErrorReport
from tabsmith.orchestration.limits import NO_LIMIT
from tabsmith.presentation.spans import Line, line
from tabsmith.text import clean
from tabsmith.workflow.actions import UserAction
from tabsmith.workflow.form import ChoiceField, Fact, StepChoice, StepForm, StepLine, TextField
from tabsmith.workflow.session import FieldName
from tabsmith.workflow.states import GuidedStep, StepMark
from tabsmith.workflow.step_forms import filled
from tabsmith_tui.widgets.fields import Entry, FieldRow, PickLine, TypedLine, TypedText
from tabsmith_tui.widgets.literal import ContentText, FactList, TextLine, assemble, literal, literal_block
from tabsmith_tui.widgets.path_field import PathField

_BESIDE: Final = 52  # characters that fit beside each other on the narrowest screen


class StepView(Vertical):
    """The view of a step. `ALLOWED` names the screen's actions that are possible here.

    A subclass composes some of these widgets, and this class keeps them up to date: the line `.say`, the line `.problem`,
    `FactLines`, `FormRow`, `PathField`, `TypedText`, `ChoiceList`.
    """

    ALLOWED: ClassVar[frozenset[str]] = frozenset({"next", "copy"})
    ABOUT: ClassVar[str] = ""
    LISTED_FROM: ClassVar[int] = 0
    """The index of the first choice that is listed; enter in a field takes the ones before it."""

    class Acted(Message):
        """The person chose actions; each is performed if the one before it was taken."""

        def __init__(self, *actions: UserAction) -> None:
            super().__init__()
            self.actions = actions

    @dataclass
    class Typed(Message):
        """The person typed or chose something in a field; it should be saved as a draft."""

        field: FieldName
        text: str

    def __init__(self, form: StepForm) -> None:
        super().__init__(classes="step")
        self.form = form

    def on_mount(self) -> None:
        self.show(self.form)

    # What a step shows --------------------------------------------------------------------------------------------

    def words(self, form: StepForm) -> str:
        """The text above the fields."""
        return form.words

    def facts(self, form: StepForm) -> Sequence[Fact]:
        """The facts of the step."""
        return form.facts

    @property
    def inputs(self) -> tuple[TextField | ChoiceField, ...]:
        """The fields of the form to type or choose in."""
        return tuple(field for field in self.form.fields if isinstance(field, TextField | ChoiceField))

    @property
    def text_field(self) -> TextField:
        """The first text field of the form, which a path field or a large text shows."""
        return next(field for field in self.form.fields if isinstance(field, TextField))

    def show(self, form: StepForm) -> None:
        """Show another form of the same state; the text that is being typed and the cursor stay."""
        self.form = form
        for say in self.query(".say").results(TextLine):
            say.show(literal_block(self.words(form), 2_000))
        for lines in self.query(FactLines):
            lines.show_facts(self.facts(form))
        for choices in self.query(ChoiceList):
            choices.show(form.choices[self.LISTED_FROM :])
        fields = {field.name: field for field in self.inputs}
        for row in self.query(FormRow):
            row.show(fields[row.field.name])
        for shown in self.query(".problem").results(TextLine):
            own = self.text_field.problem if self.query("PathField, TypedText") else None
            problem = own or form.problem
            shown.display = problem is not None
            if problem is not None:
                shown.show(problem_content(problem, named=own is None))

    def take_focus(self) -> None:
        """Focus the widget to use first: the first field with a problem, else the first field, else the choices."""
        rows = sorted(self.query(FormRow), key=lambda row: row.field.problem is None)
        widgets = [*self.query("PathLine, TypedText"), *(row.entry for row in rows), *self.query(ChoiceList), self]
        widgets[0].focus()

    # What a person does -------------------------------------------------------------------------------------------

    def go_on(self) -> None:
        """Take the form's default choice, with the texts of the fields."""
        if self.form.choices:
            self.choose(self.form.choices[self.form.default])

    def choose(self, choice: StepChoice) -> None:
        """Take a choice, with the texts of the fields."""
        self.post_message(self.Acted(filled(choice, self.texts())))

    def texts(self) -> Mapping[FieldName, str]:
        """The texts in the fields of this view now."""
        texts = {row.field.name: row.value for row in self.query(FormRow)}
        for path in self.query(PathField):
            texts[self.text_field.name] = path.value
        return texts

    def unsaved(self) -> dict[FieldName, str]:
        """The texts that differ from the form, because their message may still be on its way."""
        saved = {field.name: field.value for field in self.inputs}
        return {name: text for name, text in self.texts().items() if text != saved.get(name)}

    @on(TypedLine.Changed)
    @on(TypedText.Changed)
    @on(PickLine.Turned)
    @on(PathField.Changed)
    def _keep_typed(self, event: Message) -> None:
        event.stop()
        for name, text in self.unsaved().items():
            self.post_message(self.Typed(name, text))

    @on(TypedLine.Submitted)
    @on(PathField.Submitted)
    def _take_default(self, event: Message) -> None:
        event.stop()
        self.go_on()

    @on(OptionList.OptionSelected)
    def _take_choice(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self.choose(self.form.choices[self.LISTED_FROM + event.option_index])

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

    def __init__(self, default: int = 0) -> None:
        super().__init__(markup=False)
        self.choices: tuple[StepChoice, ...] = ()
        self._default = default

    def show(self, choices: Sequence[StepChoice]) -> None:
        """Show these choices; the highlight stays where it is, at first on the default."""
        self.display = bool(choices)
        if tuple(choices) == self.choices:
            return
        highlighted = self.highlighted if self.choices else self._default
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


class FactLines(FactList):
    """The facts of a form; hidden when there are none."""

    DEFAULT_CSS = "FactLines { margin-top: 1; }"

    def show_facts(self, facts: Sequence[Fact]) -> None:
        """Show these facts, each value with its evidence."""
        self.show([(clean(fact.label, 30), (*line(fact.value), *_evidence(fact))) for fact in facts])
        self.display = bool(facts)


def _evidence(fact: Fact) -> Line:
    return line(f"   {fact.evidence}", "dim") if fact.evidence else ()


class FormLine(TypedLine):
    """A value to type in a form."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "submit", "next", id="guided.next")]

    def insert_text_at_cursor(self, text: str) -> None:
        """Type or paste at the cursor; the words for no limit are no beginning of a value, and make room."""
        if self.value == NO_LIMIT:
            self.value = ""
        super().insert_text_at_cursor(text)


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


class ChoicesStep(StepView):
    """Text, facts, fields and choices. It shows every state that has no view of its own."""

    ALLOWED: ClassVar[frozenset[str]] = frozenset({"next"})
    ABOUT = "Choose with the arrows and enter, or with the mouse. The first choice is the usual one."

    def compose(self) -> ComposeResult:
        yield TextLine(classes="say")
        with VerticalScroll(can_focus=False):
            yield TextLine(classes="problem")
            yield FactLines()
            for field in self.inputs:
                yield FormRow(field)
            yield ChoiceList(self.form.default)


_LOOKS: Final[dict[StepMark, tuple[str, str]]] = {
    StepMark.DONE: ("✔", "$good"),
    StepMark.CURRENT: ("▸", "bold $accent"),
    StepMark.OPEN: ("·", "$quiet"),
    StepMark.CHECK_AGAIN: ("!", "$warn"),
}
_VISITED: Final = (StepMark.DONE, StepMark.CHECK_AGAIN)


def one_line(steps: Sequence[StepLine]) -> Content:
    """The steps in one line: `Step 3 of 6 · Schema`, and the steps to check again."""
    current = next((index for index, step in enumerate(steps) if step.mark is StepMark.CURRENT), 0)
    again = ", ".join(step.step.value for step in steps if step.mark is StepMark.CHECK_AGAIN)
    return assemble(
        (f"Step {current + 1} of {len(steps)} · ", "$quiet"),
        (steps[current].step.value, "bold $accent"),
        (f"   ! check again: {again}" if again else "", "$warn"),
    )


class StepList(Static):
    """The steps; a click on a visited one goes back to it."""

    HELP = "Where you are. Click a step that is done to go back to it; what was typed later stays."
    DEFAULT_CSS = """
    StepList { width: 22; height: 1fr; }
    """

    steps: reactive[tuple[StepLine, ...]] = reactive(())

    @dataclass
    class Picked(Message):
        """A visited step was clicked."""

        step: GuidedStep

    def render(self) -> Content:
        if not self.steps:
            return Content("")
        if self.size.height <= 1:
            return one_line(self.steps)
        return Content("\n").join([_line(step) for step in self.steps])

    def on_click(self, event: events.Click) -> None:
        index = event.y - self.content_region.y + self.region.y
        if self.size.height > 1 and 0 <= index < len(self.steps) and self.steps[index].mark in _VISITED:
            self.post_message(self.Picked(self.steps[index].step))


def _line(step: StepLine) -> Content:
    glyph, style = _LOOKS[step.mark]
    again = step.mark is StepMark.CHECK_AGAIN
    note = "check again" if again else step.word
    here = step.mark in (StepMark.CURRENT, StepMark.OPEN)
    return assemble(
        (f"{glyph} ", style),
        (f"{step.step.value:<7}", style if here else ""),
        literal(note, 11, "$warn" if again else "$quiet"),
    )
