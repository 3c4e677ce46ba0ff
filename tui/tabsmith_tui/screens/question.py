"""A question with a few answers: what it is about, and what each answer would do."""

from dataclasses import dataclass

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tabsmith_tui.actions import bindings
from tabsmith_tui.widgets.choices import Choices
from tabsmith_tui.widgets.keys_bar import KeysBar
from tabsmith_tui.widgets.literal import Line, Words, entitle, literal, words


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer: its id, its words, and what it does."""

    id: str
    label: str
    effect: str = ""


class QuestionScreen(ModalScreen[str]):
    """Asks; closes with the id of the chosen answer, or "" when the person went back. The first answer has the cursor,
    so it should be the harmless one."""

    CSS_PATH = "dialog.tcss"
    BINDINGS = bindings("question.back")
    ABOUT = "A question. Choose with the arrows and enter; escape changes nothing."

    def __init__(self, title: str, question: Words, answers: tuple[Answer, ...]) -> None:
        super().__init__()
        self._question_title = title
        self._question = question
        self._answers = answers

    def compose(self) -> ComposeResult:
        """The question above its answers."""
        width = max(len(answer.label) for answer in self._answers)
        with Vertical(classes="dialog -warn") as dialog:
            entitle(dialog, literal(self._question_title))
            yield Line(self._question, classes="what")
            yield Choices(
                *(
                    Option(words(answer.label.ljust(width), ("   " + answer.effect, "$quiet")), id=answer.id)
                    for answer in self._answers
                )
            )
        yield KeysBar()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Take the answer."""
        self.dismiss(event.option.id or "")

    def action_back(self) -> None:
        """Change nothing."""
        self.dismiss("")
