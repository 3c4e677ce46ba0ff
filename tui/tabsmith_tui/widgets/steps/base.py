"""What all guided steps share: they show a form, and say what a person answered. None of them decides where to go."""

from collections.abc import Mapping
from typing import ClassVar

from textual.containers import Vertical
from textual.message import Message

from tabsmith.errors import ErrorReport
from tabsmith.workflow.actions import UserAction
from tabsmith.workflow.form import ChoiceField, FormField, StepChoice, StepForm, TextField
from tabsmith.workflow.session import FieldName
from tabsmith.workflow.step_forms import filled
from tabsmith_tui.widgets.literal import ContentText, assemble, literal, literal_block


class StepView(Vertical):
    """A step on the screen. `ALLOWED` names the screen's actions that mean something here."""

    ALLOWED: ClassVar[frozenset[str]] = frozenset()
    ABOUT: ClassVar[str] = ""

    class Acted(Message):
        """The person chose an action."""

        def __init__(self, action: UserAction) -> None:
            super().__init__()
            self.action = action

    class Typed(Message):
        """Something was typed or chosen in a field: to be kept, wherever it leads."""

        def __init__(self, field: FieldName, text: str) -> None:
            super().__init__()
            self.field = field
            self.text = text

    def __init__(self, form: StepForm) -> None:
        super().__init__(classes="step")
        self.form = form

    def show(self, form: StepForm) -> None:
        """Show this form of the same state; what is being typed and the cursor stay."""
        self.form = form

    def take_focus(self) -> None:
        """Give the focus to what a person will use first; to the first field with a problem when there is one."""

    def go_on(self) -> None:
        """Answer with the form's default choice, with what stands in the fields."""
        if self.form.choices:
            self.choose(self.form.choices[self.form.default])

    def texts(self) -> Mapping[FieldName, str]:
        """What stands in this view's fields now."""
        return {}

    def unsaved(self) -> dict[FieldName, str]:
        """What stands in the fields and is not what the form shows: its message may still be on the way."""
        shown = {field.name: field.value for field in self.form.fields if isinstance(field, TextField | ChoiceField)}
        return {name: text for name, text in self.texts().items() if text != shown.get(name)}

    def choose(self, choice: StepChoice) -> None:
        """Answer with `choice`, with what stands in the fields."""
        self.post_message(self.Acted(filled(choice, self.texts())))

    def to_copy(self) -> str:
        """What `copy` copies here: the last error with its details; "" for nothing."""
        return details(self.form.problem) if self.form.problem else ""


def details(report: ErrorReport) -> str:
    """An error with everything that is known of it."""
    return f"{report.name}\n{report}\n\n{report.details}".rstrip() + "\n"


def problem_words(report: ErrorReport, *, named: bool = True) -> ContentText:
    """An error in its three parts: what happened, where, and what to do next; the error's name before them."""
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


def field_named(form: StepForm, name: FieldName) -> FormField | None:
    """The form's field of that name."""
    return next((field for field in form.fields if getattr(field, "name", None) == name), None)
