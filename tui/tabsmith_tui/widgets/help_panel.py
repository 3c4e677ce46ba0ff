"""The help panel: the purpose of this screen and of the focused widget, and the keys that work here."""

from typing import Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import Screen
from textual.widget import Widget

from tabsmith_tui.actions import ACTIONS
from tabsmith_tui.widgets.literal import TextLine, assemble

NARROW = 100  # columns; below this the panel covers the screen, and f1 takes it away again
_TITLES = {"app": "Everywhere"}


class HelpBox(VerticalScroll):
    """Stays open beside the screen and follows the focus. A widget explains itself by an attribute HELP, else by its
    tooltip."""

    DEFAULT_CSS = """
    HelpBox { split: right; width: 44; height: 1fr; background: $surface; border-left: vkey $border; padding: 0 1; }
    HelpBox.-over { split: none; dock: right; width: 100%; margin: 1 0; border: none; }
    """

    HELP = "The help. Up and down scroll it, f1 closes it."

    def __init__(self, explained: Widget | None) -> None:
        super().__init__()
        self._explained = explained  # what had the focus when the panel took it

    def compose(self) -> ComposeResult:
        yield TextLine(id="help-text")

    def on_mount(self) -> None:
        """Follow the focus and the keys."""
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self.show())
        self.watch(self.screen, "focused", lambda _focused: self.show())
        if self.app.size.width < NARROW:
            self.add_class("-over")
            self.focus()  # it covers the screen, so the keys scroll it
        self.show()

    def show(self) -> None:
        """Explain what has the focus now."""
        screen = self.screen
        parts: list[Content] = []
        focused = self._explained if screen.focused is self else screen.focused
        explained = explain(focused) if focused is not None else ""
        if explained:
            parts += [assemble(("Here", "bold $primary")), assemble(explained), Content("")]
        about = getattr(screen, "ABOUT", "")
        if about:
            parts += [assemble(("This screen", "bold $primary")), assemble(about), Content("")]
        parts += self._keys()
        self.query_one("#help-text", TextLine).show(Content("\n").join(parts))

    def _keys(self) -> list[Content]:
        keys: dict[str, list[str]] = {}
        for active in self.screen.active_bindings.values():
            name = active.binding.id or ""
            if name in ACTIONS and active.enabled:
                keys.setdefault(name, []).append(self.app.get_key_display(active.binding))
        lines: list[Content] = []
        title = ""
        for name, shown in keys.items():
            action = ACTIONS[name]
            heading = _TITLES.get(action.scope, "Keys here")
            if heading != title:
                lines += [*([Content("")] if title else []), assemble((heading, "bold $primary"))]
                title = heading
            lines.append(
                assemble(
                    (" ".join(dict.fromkeys(shown)), "$accent"), "  ", action.label, ("  " + action.help, "$quiet")
                )
            )
        return lines


def explain(widget: Widget) -> str:
    """The help text of a widget: the nearest HELP of it and of its ancestors, else its tooltip."""
    for node in widget.ancestors_with_self:
        text = getattr(node, "help_text", "") or getattr(node, "HELP", "")
        if isinstance(text, str) and text:
            return text
    tooltip = widget.tooltip
    return tooltip if isinstance(tooltip, str) else ""


def toggle_help(screen: Screen[Any]) -> None:
    """Open the panel on `screen`, or close it."""
    boxes = screen.query(HelpBox)
    screen.set_class(not boxes, "-helped")
    if boxes:
        boxes.remove()
    else:
        screen.mount(HelpBox(screen.focused))
