"""Progress in words with a bar: what is being done, how far it is, and how to cancel. Nothing spins."""

from tabsmith.formatting import percent
from tabsmith_tui.widgets.literal import TextLine, assemble, literal

_WIDTH = 24


class ProgressLine(TextLine):
    """Empty while nothing goes on."""

    def begin(self, message: str) -> None:
        """Something goes on, and how far it is cannot be said yet."""
        self.show_progress(-1.0, message)

    def show_progress(self, done: float, message: str) -> None:
        """`done` is 0..1, or -1 while it cannot be known."""
        full = round(max(0.0, done) * _WIDTH)
        bar = "" if done < 0 else "█" * full + "░" * (_WIDTH - full) + f" {percent(done)}  "
        self.display = True
        self.show(assemble((bar, "$accent"), literal(message, 200), ("   esc cancels", "$quiet")))

    def end(self) -> None:
        """It is over."""
        self.show("")
        self.display = False
