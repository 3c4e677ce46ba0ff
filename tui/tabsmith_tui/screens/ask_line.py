"""A question whose answer is one line; a secret is typed unseen. It stays open until the answer can be used."""

from collections.abc import Awaitable, Callable
from functools import partial

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen

from tabsmith.errors import TabsmithError
from tabsmith_tui.actions import bindings
from tabsmith_tui.background import begin
from tabsmith_tui.widgets.keys_bar import KeysBar
from tabsmith_tui.widgets.literal import Line, Words, entitle, literal
from tabsmith_tui.widgets.typed import TypedLine

Take = Callable[[str], Awaitable[TabsmithError | None]]
"""Uses the answer; gives what is wrong with it, or None."""


class AskLineScreen(ModalScreen[None]):
    """Closes when the answer was taken, or the person went back."""

    CSS_PATH = "dialog.tcss"
    BINDINGS = bindings("question.back")
    ABOUT = "Type the answer. Enter takes it, escape changes nothing."

    def __init__(
        self, title: str, question: Words, take: Take, *, text: str = "", example: str = "", secret: bool = False
    ) -> None:
        super().__init__()
        self._question_title = title
        self._question = question
        self._take = take
        self._text = text
        self._example = example
        self._secret = secret

    def compose(self) -> ComposeResult:
        """The question above the field, and what is wrong below it."""
        with Vertical(classes="dialog") as dialog:
            entitle(dialog, literal(self._question_title))
            yield Line(self._question, classes="what")
            yield TypedLine(self._text, placeholder=self._example, password=self._secret, select_on_focus=False)
            yield Line(id="warning")
        yield KeysBar()

    def on_input_submitted(self, event: TypedLine.Submitted) -> None:
        """Have it used."""
        event.stop()
        begin(self, partial(self._use, event.value.strip()), "answer", alone=True)

    async def _use(self, text: str) -> None:
        wrong = await self._take(text)
        if wrong is None:
            self.dismiss()
        else:
            self.query_one("#warning", Line).show(literal(f"✘ {wrong.what} {wrong.next_step}", 400))

    def action_back(self) -> None:
        """Change nothing."""
        self.dismiss()
