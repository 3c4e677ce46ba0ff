"""All that is known of one try, over the dashboard; it goes on while the try does."""

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen

from tabsmith.runs.snapshot import RunSnapshot
from tabsmith_tui.actions import bindings
from tabsmith_tui.views import details
from tabsmith_tui.views.lines import wrap_line
from tabsmith_tui.widgets.drawing import Drawing
from tabsmith_tui.widgets.keys_bar import KeysBar
from tabsmith_tui.widgets.literal import entitle, literal


class TryDetails(ModalScreen[None]):
    """Shows the try `key` of whatever `snapshot()` then is."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("question.back")
    ABOUT = "One try: its recipe, how it differs from the champion, its folds, what was said. escape goes back."
    DEFAULT_CSS = """
    TryDetails { align: center middle; }
    TryDetails Vertical {
        width: 92%; max-width: 110; height: auto; max-height: 92%; background: $surface;
        border: round $primary; border-title-color: $primary; padding: 0 1;
    }
    TryDetails VerticalScroll { height: auto; max-height: 100%; }
    """

    def __init__(self, snapshot: Callable[[], RunSnapshot], key: str) -> None:
        super().__init__()
        self._snapshot = snapshot
        self._key = key

    def compose(self) -> ComposeResult:
        """The lines, which can be scrolled."""
        with Vertical(), VerticalScroll():
            yield Drawing(grows=True)
        yield KeysBar()

    def on_mount(self) -> None:
        """Follow the try."""
        self._show()
        self.set_interval(0.2, self._show)
        self.query_one(VerticalScroll).focus()

    def action_back(self) -> None:
        """Back to the dashboard."""
        self.dismiss(None)

    def _show(self) -> None:
        title, lines = details.details(self._snapshot(), self._key)
        entitle(self.query_one(Vertical), literal(title, 200))
        self.query_one(Drawing).show(
            lines, lambda width, _height: [part for line in lines for part in wrap_line(line, width)]
        )
