"""The step for a schema in words, of a table that is read later: three notations by example."""

from collections.abc import Mapping
from typing import ClassVar, Final

from textual.app import ComposeResult
from textual.containers import VerticalScroll

from tabsmith.workflow.form import StepForm, TextField
from tabsmith.workflow.session import FieldName
from tabsmith_tui.widgets.fields import TypedText
from tabsmith_tui.widgets.literal import TextLine, assemble, literal_block
from tabsmith_tui.widgets.steps.base import StepView

FORMS: Final = (
    ("\nlines of name: value\n", "bold"),
    ("  target: price\n  features: area, rooms, district\n  district: category\n", "$quiet"),
    ("JSON\n", "bold"),
    ('  {"target": "price", "features": ["area", "rooms"], "kinds": {"rooms": "code"}}\n', "$quiet"),
    ("a simple list, the target first\n", "bold"),
    ("  price, area, rooms, district", "$quiet"),
)


class ManualStep(StepView):
    """A text in one of three notations: lines of `name: value`, JSON, or a list."""

    ALLOWED: ClassVar[frozenset[str]] = frozenset({"next", "copy"})
    ABOUT = (
        "Nothing has been read, so say what to predict and from which columns. Use any of the three notations. F9 or "
        "ctrl+enter continues; enter starts a new line."
    )

    @property
    def text_field(self) -> TextField:
        """The form's field for the schema."""
        return next(field for field in self.form.fields if isinstance(field, TextField))

    def compose(self) -> ComposeResult:
        yield TextLine(literal_block(self.form.words, 2_000), classes="say")
        yield TypedText(self.text_field.value)
        yield TextLine(assemble(("f9", "bold $accent"), (" continues   ", "$quiet"), ("tab, escape", "bold $accent"),
                         (" leave the text", "$quiet")), classes="hint")  # fmt: skip
        with VerticalScroll(can_focus=False):
            yield TextLine(classes="problem")
            yield TextLine(classes="example")

    def on_mount(self) -> None:
        self._show_problem()

    def show(self, form: StepForm) -> None:
        super().show(form)
        self._show_problem()

    def take_focus(self) -> None:
        self.query_one(TypedText).focus()

    def texts(self) -> Mapping[FieldName, str]:
        return {self.text_field.name: self.query_one(TypedText).text}

    def on_text_area_changed(self, event: TypedText.Changed) -> None:
        event.stop()
        text = event.text_area.text
        if text != self.text_field.value:
            self.post_message(self.Typed(self.text_field.name, text))

    def _show_problem(self) -> None:
        field = self.text_field
        self.show_problem(field.problem, named=False)
        self.query_one(".example", TextLine).show(assemble((self.text_field.help + "\n", "$quiet"), *FORMS))
