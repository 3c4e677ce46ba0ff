"""Pieces that several guided steps show: a list of ways on, facts, a field of a form with its words."""

from collections.abc import Sequence
from typing import ClassVar, Final

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option as ListOption

from tabsmith.workflow.form import ChoiceField, Fact, Option, StepChoice, TextField
from tabsmith_tui.widgets.literal import ContentText, FactList, TextLine, assemble, literal
from tabsmith_tui.widgets.steps.base import problem_words
from tabsmith_tui.widgets.typed import TypedLine

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
    """Facts of a prompt; nothing at all when there are none."""

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


class PickLine(Static, can_focus=True):
    """One of several options in a line: left and right, or a click, go through them."""

    DEFAULT_CSS = """
    PickLine { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    PickLine:focus { background: $panel; text-style: bold; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "turn(-1)", "other value", key_display="← →"),
        Binding("right,space", "turn(1)", "Next value", show=False),
        Binding("home", "turn(-1000)", "First value", show=False),
        Binding("end", "turn(1000)", "Last value", show=False),
    ]

    place: reactive[int] = reactive(0)

    class Turned(Message):
        """Another option."""

        def __init__(self, line: "PickLine") -> None:
            super().__init__()
            self.line = line

    def __init__(self, options: Sequence[Option], value: str, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(markup=False, id=id)
        self.options = tuple(options)
        self.set_reactive(PickLine.place, self._place_of(value))

    @property
    def value(self) -> str:
        """The chosen option's value."""
        return self.options[self.place].value

    def render(self) -> Content:
        option = self.options[self.place]
        left = "◂ " if self.place else "  "
        right = " ▸" if self.place < len(self.options) - 1 else "  "
        detail = literal(f"  {option.detail}", 200, "$quiet") if option.detail else ""
        return assemble((left, "$accent"), literal(option.label), (right, "$accent"), detail)

    def show(self, options: Sequence[Option], value: str) -> None:
        """Show these options, `value` chosen."""
        self.options = tuple(options)
        self.set_reactive(PickLine.place, self._place_of(value))
        self.refresh()

    def action_turn(self, by: int) -> None:
        self.place = max(0, min(len(self.options) - 1, self.place + by))

    def watch_place(self, before: int, now: int) -> None:
        if before != now:
            self.post_message(self.Turned(self))

    def on_click(self, event: events.Click) -> None:
        self.focus()
        self.place = (self.place + (-1 if event.button == 3 else 1)) % len(self.options)

    def _place_of(self, value: str) -> int:
        return next((at for at, option in enumerate(self.options) if option.value == value), 0)


class FormRow(Vertical):
    """A field of a form in a line. Below it stand its words while it has the focus, or what is wrong with it."""

    DEFAULT_CSS = """
    FormRow { height: auto; }
    FormRow > Horizontal { height: 1; }
    FormRow .label { width: 13; color: $quiet; }
    FormRow:focus-within .label { color: $accent; }
    FormRow TypedLine, FormRow TypedLine:focus { border: none; height: 1; padding: 0 1; width: 1fr; }
    FormRow TypedLine { background: $surface; }
    FormRow TypedLine:focus { background: $panel; }
    FormRow PickLine { width: 1fr; }
    FormRow > .words { display: none; color: $quiet; margin: 0 0 0 14; }
    FormRow:focus-within > .words { display: block; }
    FormRow > .words.-bad { display: block; color: $bad; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "app.focus_previous", "Field above", show=False),
        Binding("down", "app.focus_next", "Field below", show=False),
    ]

    def __init__(self, field: TextField | ChoiceField) -> None:
        super().__init__()
        self.field = field
        self.help_text = field.help

    @property
    def entry(self) -> PickLine | TypedLine:
        """What is typed or chosen in."""
        entry = self.query_one("PickLine, TypedLine")
        assert isinstance(entry, PickLine | TypedLine)
        return entry

    @property
    def value(self) -> str:
        """What stands in the field now."""
        return self.entry.value

    def compose(self) -> ComposeResult:
        with Horizontal():
            yield TextLine(literal(self.field.label), classes="label")
            if isinstance(self.field, ChoiceField):
                yield PickLine(self.field.options, self.field.value)
            else:
                yield FormLine(self.field.value, placeholder=self.field.example, select_on_focus=False)
        yield TextLine(classes="words")

    def on_mount(self) -> None:
        self._say()

    def show(self, field: TextField | ChoiceField) -> None:
        """Show this field; the text that a person is typing stays."""
        self.field = field
        entry = self.entry
        if isinstance(field, ChoiceField) and isinstance(entry, PickLine):
            entry.show(field.options, field.value)
        elif isinstance(entry, TypedLine) and isinstance(field, TextField):
            entry.placeholder = field.example
            if not entry.has_focus and entry.value != field.value:
                with entry.prevent(TypedLine.Changed):
                    entry.value = field.value
        self._say()

    def _say(self) -> None:
        line = self.query_one(".words", TextLine)
        problem = self.field.problem
        line.set_class(problem is not None, "-bad")
        line.show(literal(self.field.help, 300) if problem is None else problem_words(problem, named=False))
