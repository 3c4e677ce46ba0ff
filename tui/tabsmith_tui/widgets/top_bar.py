"""The line at the top: where you are on the left, how it stands on the right."""

from textual.content import Content
from textual.widget import Widget

from tabsmith_tui.widgets.literal import Words, words

_GAP = "   "


class TopBar(Widget):
    """One line. Where it is narrow, parts of the right side go first, the last ones before the first; then the subject
    is cut."""

    DEFAULT_CSS = """
    TopBar { height: 1; dock: top; background: $panel; color: $foreground; text-wrap: nowrap; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._subject: Content = Content("")
        self._status: tuple[Content, ...] = ()

    def show_subject(self, subject: Words) -> None:
        """What this screen is about."""
        self._subject = words(subject)
        self.refresh()

    def show_status(self, *parts: Words) -> None:
        """How it stands, the most important part first."""
        self._status = tuple(words(part) for part in parts if len(part))
        self.refresh()

    def render(self) -> Content:
        """The line, as wide as there is room."""
        width = self.size.width
        left = Content.assemble(("tabsmith", "bold $primary"), _GAP, self._subject)
        parts = list(self._status)
        needed = min(left.cell_length, max(width // 2, len("tabsmith") + 12))
        while parts and _width(parts) + len(_GAP) + needed > width:
            parts.pop()
        right = Content(_GAP).join(parts)
        room = max(0, width - right.cell_length - (len(_GAP) if parts else 0))
        left = left.truncate(room, ellipsis=True)
        return Content.assemble(left, " " * max(0, width - left.cell_length - right.cell_length), right)


def _width(parts: list[Content]) -> int:
    return sum(part.cell_length for part in parts) + len(_GAP) * (len(parts) - 1)
