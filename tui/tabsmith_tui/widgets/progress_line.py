"""Progress in words with a bar: what is being done, how far it is, and how to cancel. Nothing spins."""

from tabsmith.numbers import share
from tabsmith_tui.widgets.literal import Line, literal, words

_WIDTH = 24


class ProgressLine(Line):
    """Empty while nothing goes on."""

    def begin(self, message: str) -> None:
        """Something goes on, and how far it is cannot be said yet."""
        self.show_progress(-1.0, message)

    def show_progress(self, done: float, message: str) -> None:
        """`done` is 0..1, or -1 while it cannot be known."""
        full = round(max(0.0, done) * _WIDTH)
        bar = "" if done < 0 else "█" * full + "░" * (_WIDTH - full) + f" {share(done)}  "
        self.display = True
        self.show(words((bar, "$accent"), literal(message, 200), ("   esc cancels", "$quiet")))

    def end(self) -> None:
        """It is over."""
        self.show("")
        self.display = False
