"""The list of guided steps with the current one: at the left of a wide screen, one line on a narrow one."""

from collections.abc import Sequence
from typing import Final

from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Static

from tabsmith.workflow.form import StepLine
from tabsmith.workflow.states import GuidedStep, StepMark
from tabsmith_tui.widgets.literal import assemble, literal

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

    class Picked(Message):
        """A visited step was clicked."""

        def __init__(self, step: GuidedStep) -> None:
            super().__init__()
            self.step = step

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
