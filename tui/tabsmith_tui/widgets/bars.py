"""The one-line bars of a screen: subject and state at the top, a job's progress, the keys at the bottom."""

from typing import TYPE_CHECKING, Literal, NamedTuple, TypeAlias

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.reactive import reactive
from textual.screen import Screen
from textual.widget import Widget

from tabsmith.text import clean
from tabsmith_tui.widgets.literal import ContentText, TextLine, assemble, content, literal

if TYPE_CHECKING:  # the first frame shows neither a run nor a job
    from tabsmith.runs.events import RunState
    from tabsmith.runs.jobs import Progressed

_GAP = "   "


class TopBar(Widget):
    """The program's name, the subject and the status. On a narrow screen the last parts of the status are left out first,
    then the subject is cut."""

    DEFAULT_CSS = """
    TopBar { height: 1; dock: top; background: $panel; color: $foreground; text-wrap: nowrap; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._subject: Content = Content("")
        self._status: tuple[Content, ...] = ()

    def show_subject(self, subject: ContentText) -> None:
        """Show what the screen is about."""
        self._subject = assemble(subject)
        self.refresh()

    def show_status(self, *parts: ContentText) -> None:
        """Show a status, its most important part first."""
        self._status = tuple(assemble(part) for part in parts if len(part))
        self.refresh()

    def render(self) -> Content:
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


_ALWAYS = ("app.help",)


class ShownKey(NamedTuple):
    """A key as the bottom line shows it."""

    key: str
    display: str
    label: str
    tooltip: str
    docked: bool
    """Whether it stands at the right end of the line."""

    @property
    def width(self) -> int:
        """Cells that the key, its label and the gap behind them take."""
        return cell_len(self.display) + cell_len(self.label) + 2


class KeysBar(Widget):
    """The keys that can be pressed now; a click on one presses it. Those without room are left out, except help, which
    lists them all.

    Textual's Footer makes a widget of each key, and makes them anew whenever the focus moves to other keys: four fifths of
    all widgets that a person's way through the screens made.
    """

    ALLOW_SELECT = False
    DEFAULT_CSS = """
    KeysBar { height: 1; dock: bottom; background: $panel; color: $footer-foreground; text-wrap: nowrap; }
    KeysBar.-over-key { pointer: pointer; }
    """

    keys: reactive[tuple[ShownKey, ...]] = reactive((), init=False)
    """The keys that are shown, from left to right."""
    _under_mouse: reactive[ShownKey | None] = reactive(None, init=False)

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, self._bindings_changed)

    def render(self) -> Content:
        left = Content.assemble(*(self._drawn(key) for key in self.keys if not key.docked))
        right = Content.assemble(*(self._drawn(key) for key in self.keys if key.docked))
        return Content.assemble(left, " " * (self.size.width - left.cell_length - right.cell_length), right)

    def _drawn(self, key: ShownKey) -> Content:
        """The key, its label and a gap."""
        over = " on $block-hover-background" if key == self._under_mouse else ""
        return Content.assemble(
            (key.display, f"bold $footer-key-foreground{over}"),
            (f" {key.label}", f"$footer-description-foreground{over}"),
            " ",
        )

    def on_resize(self, _event: events.Resize) -> None:
        """Choose the fitting keys again, once there are any."""
        if self.keys:
            self.keys = self._fitting()

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Press the key that is clicked."""
        if key := self._key_at(event.x):
            self.app.simulate_key(key.key)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Light up the key under the mouse, and explain it in a tooltip."""
        self._under_mouse = self._key_at(event.x)

    def on_leave(self, _event: events.Leave) -> None:
        """No key is under the mouse."""
        self._under_mouse = None

    def watch__under_mouse(self, key: ShownKey | None) -> None:
        """Show the tooltip and the mouse pointer of the key."""
        self.tooltip = key.tooltip if key else None
        self.set_class(key is not None, "-over-key")

    def _bindings_changed(self, screen: Screen[object]) -> None:
        if screen is self.screen and screen.app.app_focus:
            self.keys = self._fitting()

    def _key_at(self, x: int) -> ShownKey | None:
        """The key in column `x`, not counting the gap behind it."""
        place = 0
        docked = self.size.width - sum(key.width for key in self.keys if key.docked)
        for key in self.keys:
            start = docked if key.docked else place
            if start <= x < start + key.width - 1:
                return key
            docked += key.width if key.docked else 0
            place += 0 if key.docked else key.width
        return None

    def _fitting(self) -> tuple[ShownKey, ...]:
        """The keys that fit."""
        shown: dict[str, ShownKey] = {}
        for _, binding, enabled, tooltip in self.screen.active_bindings.values():
            name = binding.id or binding.action
            if binding.show and enabled and name not in shown:
                display = self.app.get_key_display(binding)
                shown[name] = ShownKey(binding.key, display, binding.description, tooltip, name in _ALWAYS)
        room = (self.size.width or self.app.size.width) - sum(key.width for key in shown.values() if key.docked)
        kept = []
        for key in shown.values():
            room -= 0 if key.docked else key.width
            if key.docked or room >= 0:
                kept.append(key)
        return tuple(kept)


PillState: TypeAlias = "RunState | Literal['idle']"


def pill(state: PillState) -> Content:
    """The pill of a run's state, such as "● running", or "○ idle"."""
    from tabsmith.presentation.labels import IDLE, RUN_STATES

    label = IDLE if state == "idle" else RUN_STATES[state]
    return content([(label.span,)])


_WIDTH = 16


class ProgressLine(TextLine):
    """Hidden while no job runs."""

    DEFAULT_CSS = "ProgressLine { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    def begin(self, job: str) -> None:
        """Show that `job` runs; how far it is cannot be known yet."""
        self._job = clean(job, 100)
        self._show(-1.0, "")
        self.display = True

    def show_progress(self, progress: "Progressed") -> None:
        """Show the share that is done, and the job's message."""
        self._show(progress.share, progress.message)

    def _show(self, share: float, message: str) -> None:
        done = round(max(0.0, min(1.0, share)) * _WIDTH)
        bar = "" if share < 0 else f"  {'━' * done}{'╌' * (_WIDTH - done)} {share:.0%}"
        words = literal(f"  {message}" if message else "", 200, "$quiet")
        self.show(assemble(("◔ ", "$accent"), self._job, (bar, "$accent"), ("   esc cancels", "$quiet"), words))

    def end(self) -> None:
        """Hide the line."""
        self.show("")
        self.display = False
