"""By construction: no text reaches a widget of Textual's in a way that it would take for markup."""

import ast
from pathlib import Path

import pytest
from textual.content import Content
from textual.widget import Widget

from tabsmith_tui.widgets.literal import set_border_title

APP = Path(__file__).resolve().parents[2] / "tui" / "tabsmith_tui"
LITERAL = APP / "widgets" / "literal.py"
FILES = sorted(file for file in APP.rglob("*.py") if file != LITERAL)
TAKE_MARKUP = {"Static", "Label", "Button", "OptionList", "SelectionList", "Collapsible", "Link", "RichLog", "Tree"}


def named(file: Path) -> str:
    return str(file.relative_to(APP))


@pytest.mark.parametrize("file", FILES, ids=named)
def test_only_entitle_writes_into_borders_and_no_widget_takes_markup(file: Path) -> None:
    found: list[str] = []
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if node.attr in ("border_title", "border_subtitle"):
                found.append(f"line {node.lineno}: {node.attr} is for entitle() alone")
        elif isinstance(node, ast.Call):
            called = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
            plain = any(key.arg == "markup" and getattr(key.value, "value", None) is False for key in node.keywords)
            if called in TAKE_MARKUP and not plain:
                found.append(f"line {node.lineno}: {called}() without markup=False")
            elif called == "from_markup":
                found.append(f"line {node.lineno}: from_markup")
    assert found == []


@pytest.mark.parametrize("text", ["[/nope]", "[@click=app.quit]x[/]", "[b", "\x1b]0;PWNED\x07"])
def test_a_title_is_literal_and_clean(text: str) -> None:
    widget = Widget()
    set_border_title(widget, text, text)
    shown = text.replace("\x1b]0;PWNED\x07", "")
    for title in (widget.border_title, widget.border_subtitle):
        assert title is not None
        assert Content.from_markup(title) == Content(shown)  # as Textual reads it
