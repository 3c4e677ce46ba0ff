"""The one-line bars of a screen: subject and state at the top, a job's progress, the keys at the bottom."""

from typing import Literal, NamedTuple, TypeAlias

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from tabsmith.presentation.labels import IDLE, RUN_STATES
from tabsmith.runs.events import RunState
from tabsmith.runs.jobs import Progressed
from tabsmith.text import clean
from tabsmith_tui.widgets.literal import ContentText, TextLine, assemble, content, literal

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


class _Key(NamedTuple):
    """A key of the line."""

    key: str
    display: str
    label: str
    action: str
    tooltip: str
    docked: bool

    @property
    def width(self) -> int:
        return len(self.display) + len(self.label) + 2


class KeysBar(Footer):
    """A footer without cut keys: those without room are left out, except help, which lists them all."""

    DEFAULT_CSS = """
    KeysBar { height: 1; background: $panel; }
    KeysBar FooterKey.-docked { dock: right; }
    """

    def __init__(self) -> None:
        super().__init__(show_command_palette=False, compact=True)
        self._drawn: tuple[_Key, ...] = ()

    def compose(self) -> ComposeResult:
        if not self._bindings_ready:
            return
        self._drawn = self._fitting()
        for key in self._drawn:
            footer_key = FooterKey(key.key, key.display, key.label, key.action, tooltip=key.tooltip)
            footer_key.set_class(key.docked, "-docked")
            yield footer_key.data_bind(compact=Footer.compact)

    def bindings_changed(self, screen: Screen[object]) -> None:
        """Draw only changes: the focus moves often, and mostly the keys stay the same."""
        if self._bindings_ready and self.is_attached and screen is self.screen and self._fitting() == self._drawn:
            return
        super().bindings_changed(screen)

    def _fitting(self) -> tuple[_Key, ...]:
        """The keys that fit."""
        shown: dict[str, _Key] = {}
        for _, binding, enabled, tooltip in self.screen.active_bindings.values():
            name = binding.id or binding.action
            if binding.show and enabled and name not in shown:
                display = self.app.get_key_display(binding)
                always = name in _ALWAYS
                shown[name] = _Key(binding.key, display, binding.description, binding.action, tooltip, always)
        room = (self.size.width or self.app.size.width) - sum(key.width for key in shown.values() if key.docked)
        kept = []
        for key in shown.values():
            room -= 0 if key.docked else key.width
            if key.docked or room >= 0:
                kept.append(key)
        return tuple(kept)

    def on_resize(self, _event: events.Resize) -> None:
        """Choose the fitting keys again."""
        if self._bindings_ready:
            self.call_after_refresh(self.recompose)


PillState: TypeAlias = RunState | Literal["idle"]


def pill(state: PillState) -> Content:
    """The pill of a run's state, such as "● running", or "○ idle"."""
    label = IDLE if state == "idle" else RUN_STATES[state]
    return content([(label.span,)])


_WIDTH = 16


class ProgressLine(TextLine):
    """Hidden while no job runs."""

    DEFAULT_CSS = "ProgressLine { height: 1; text-wrap: nowrap; text-overflow: ellipsis; }"

    def begin(self, job: str) -> None:
        """Show that `job` runs; how far it is cannot be known yet."""
        self._job = clean(job, 100)
        self.show_progress(Progressed(-1.0, ""))
        self.display = True

    def show_progress(self, progress: Progressed) -> None:
        """Show the share that is done, and the job's message."""
        done = round(max(0.0, min(1.0, progress.share)) * _WIDTH)
        bar = "" if progress.share < 0 else f"  {'━' * done}{'╌' * (_WIDTH - done)} {progress.share:.0%}"
        message = literal(f"  {progress.message}" if progress.message else "", 200, "$quiet")
        self.show(assemble(("◔ ", "$accent"), self._job, (bar, "$accent"), ("   esc cancels", "$quiet"), message))

    def end(self) -> None:
        """Hide the line."""
        self.show("")
        self.display = False
