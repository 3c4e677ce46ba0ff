"""The bar above the keys in which a run asks its person; a click on it begins the answer."""

from textual.message import Message

from tabsmith_tui.widgets.drawing import Drawing


class QuestionBar(Drawing):
    """As high as its question; hidden while nothing is asked."""

    DEFAULT_CSS = """
    QuestionBar { padding: 0 1; background: $panel; border-left: outer $warn; max-height: 60%; }
    QuestionBar.-empty { display: none; }
    """

    class Clicked(Message):
        """The person wants to answer."""

    def on_click(self) -> None:
        """Begin the answer."""
        self.post_message(self.Clicked())
