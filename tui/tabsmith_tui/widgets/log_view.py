"""The log of a run, an entry in at most four lines: it follows the newest ones until the person scrolls."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import ClassVar, Final

from rich.segment import Segment
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tabsmith.formatting import time_of_day
from tabsmith.presentation.events import LogLine
from tabsmith.presentation.labels import LOG_TONES
from tabsmith.presentation.spans import TONES, Line, Span, Tone
from tabsmith.text import clean, clean_block
from tabsmith_tui.views.lines import wrap

_WORD_WIDTH: Final = 11
_INDENT: Final = 9 + _WORD_WIDTH
MOST_LINES: Final = 4
_SHORT: Final = MappingProxyType({"waiting for agent": "waiting"})
_WORDS: Final = MappingProxyType[str, Tone]({"champion": "good", "end": "strong", "search": "accent"})


def log_lines(entry: LogLine, width: int) -> tuple[Line, ...]:
    """One entry in lines of `width` cells, at most four; what is over is counted."""
    word = clean(_SHORT.get(entry.word, entry.word), _WORD_WIDTH)
    parts = wrap(clean_block(entry.text, 2_000).replace("\t", " "), max(10, width - _INDENT), MOST_LINES)
    tone = LOG_TONES[entry.level]
    stamp = time_of_day(entry.at, seconds=True) if entry.at else "--:--:--"
    head: Line = (
        Span(f"{stamp} ", "dim"),
        Span(f"{word:<{_WORD_WIDTH}}", _WORDS.get(entry.word, "dim") if entry.level == "info" else tone),
        Span(parts[0], tone),
    )
    return (head, *((Span(" " * _INDENT), Span(part, tone)) for part in parts[1:]))


def log_matches(entry: LogLine, words: str) -> bool:
    """Whether an entry holds `words`, in whatever letters."""
    wanted = words.strip().lower()
    return not wanted or wanted in entry.text.lower() or wanted in entry.word


def log_title(*, following: bool, newer: int, words: str) -> str:
    """The heading of the log: whether it follows, and what the filter is."""
    state = "following" if following else f"following paused{f', {newer} newer' if newer else ''}, end to follow"
    return f'Log  {state}{f"""  with "{clean(words, 20)}" """.rstrip() if words else ""}'


class LogView(ScrollView, can_focus=True):
    """Lines of a log. While following is paused the lines stay as they are."""

    HELP = "What happened, the newest at the bottom. Scrolling up pauses following; end resumes it."
    DEFAULT_CSS = """
    LogView { height: 1fr; overflow-x: hidden; overflow-y: scroll; scrollbar-size-vertical: 1; }
    LogView > .log--strong { text-style: bold; }
    LogView > .log--dim { color: $quiet; }
    LogView > .log--good { color: $good; }
    LogView > .log--bad { color: $bad; }
    LogView > .log--warn { color: $warn; }
    LogView > .log--accent { color: $accent; }
    LogView > .log--mark { color: $primary; text-style: bold; }
    """
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"log--{tone}" for tone in TONES}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "back(1)", "Up", show=False),
        Binding("down,j", "back(-1)", "Down", show=False),
        Binding("pageup", "page(1)", "Page up", show=False),
        Binding("pagedown", "page(-1)", "Page down", show=False),
        Binding("home", "first", "First", show=False),
        Binding("end", "follow", "Follow", show=False),
    ]

    class FollowingChanged(Message):
        """Following was paused or resumed."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id)
        self.following = True
        self._latest: tuple[LogLine, ...] = ()
        self._entries: tuple[LogLine, ...] = ()
        self._words = ""
        self._lines: list[Line] = []
        self._made: dict[LogLine, tuple[Line, ...]] = {}
        self._made_for = 0

    @property
    def newer(self) -> int:
        """The number of entries since following was paused."""
        if self.following or not self._entries or not self._latest:
            return 0
        last = self._entries[-1]
        newer = 0
        for entry in reversed(self._latest):
            if entry is last or entry == last:
                break
            newer += 1
        return newer

    @property
    def text(self) -> str:
        """All lines, without tones."""
        return "\n".join("".join(span.text for span in line) for line in self._lines)

    def show(self, entries: Sequence[LogLine], words: str = "") -> None:
        """Show the entries that hold `words`; while following is paused, only a change of `words` has an effect."""
        self._latest = tuple(entries)
        if self.following:
            self._entries = self._latest
        elif words == self._words:
            return
        self._words = words
        self._arrange()

    def action_back(self, lines: int) -> None:
        """Scroll up by `lines`, which pauses following; reaching the end resumes it."""
        self._to(round(self.scroll_y) - lines)

    def action_page(self, pages: int) -> None:
        self.action_back(pages * max(1, self.size.height - 1))

    def action_first(self) -> None:
        self._to(0)

    def action_follow(self) -> None:
        """Show the newest lines, and follow them."""
        changed = not self.following
        self.following = True
        self._entries = self._latest
        self._arrange()
        if changed:
            self.post_message(self.FollowingChanged())

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        event.stop()
        event.prevent_default()
        self.focus()
        self.action_back(3)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        event.stop()
        event.prevent_default()
        self.action_back(-3)

    def on_resize(self) -> None:
        self._arrange()

    def render_line(self, y: int) -> Strip:
        index = y + round(self.scroll_y)
        width = self.size.width
        if index >= len(self._lines):
            return Strip.blank(width, self.rich_style)
        base = self.rich_style
        return Strip(
            Segment(span.text, base + self.get_component_rich_style(f"log--{span.tone}", partial=True))
            for span in self._lines[index]
        ).adjust_cell_length(width, base)

    def _to(self, y: int) -> None:
        last = max(0, len(self._lines) - self.size.height)
        following = y >= last
        if following:
            self.action_follow()
            return
        changed = self.following
        self.following = False
        self.scroll_to(y=max(0, y), animate=False)
        if changed:
            self.post_message(self.FollowingChanged())

    def _arrange(self) -> None:
        """Lay out the lines for this width; each entry is wrapped once."""
        width = self.size.width
        if width <= 0:
            return
        if self._made_for != width:
            self._made, self._made_for = {}, width
        matching = [entry for entry in self._entries if log_matches(entry, self._words)]
        self._made = {entry: self._made.get(entry) or log_lines(entry, width) for entry in matching}
        self._lines = [line for entry in matching for line in self._made[entry]]
        self.virtual_size = Size(width, len(self._lines))
        if self.following:
            self.scroll_to(y=max(0, len(self._lines) - self.size.height), animate=False)
        self.refresh()
