"""Foreign text and lines of spans as literal content: never markup, never an escape sequence. All text on the screens goes
through here."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Final, TypeAlias

from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from tabsmith.presentation.spans import LabelledLine, Line, Span, Tone
from tabsmith.text import LINE_LIMIT, clean, clean_block

ContentText: TypeAlias = Content | str
"""The text that widgets of this app take: content made by `literal`, or a plain string, which they show literally."""


TONE_STYLES: Final = MappingProxyType[Tone, str](
    {
        "plain": "",
        "strong": "bold",
        "dim": "$quiet",
        "good": "$good",
        "bad": "$bad",
        "warn": "$warn",
        "accent": "$accent",
        "mark": "bold $primary",
    }
)


def literal(text: object, limit: int = LINE_LIMIT, style: str = "") -> Content:
    """Return one line of foreign text, cleaned and cut to `limit` characters, in a style such as "bold $accent"."""
    cleaned = clean(text, limit)
    return Content.styled(cleaned, style) if style else Content(cleaned)


def literal_block(text: object, limit: int = 20_000, style: str = "") -> Content:
    """Return foreign text of several lines, cleaned and cut to `limit` characters."""
    cleaned = clean_block(text, limit).expandtabs(4)
    return Content.styled(cleaned, style) if style else Content(cleaned)


def assemble(*parts: ContentText | tuple[object, str]) -> Content:
    """Join parts: content as it is, strings and pairs `(text, style)` literally."""
    made = []
    for part in parts:
        if isinstance(part, Content):
            made.append(part)
        elif isinstance(part, tuple):
            made.append(literal_block(part[0], style=part[1]))
        else:
            made.append(literal_block(part))
    return Content.assemble(*made)


def content(lines: Sequence[Line]) -> Content:
    """Convert lines of spans, whose text is clean, to Textual content."""
    return Content("\n").join(
        Content.assemble(
            *(
                Content.styled(span.text, TONE_STYLES[span.tone]) if TONE_STYLES[span.tone] else Content(span.text)
                for span in line
            )
        )
        for line in lines
    )


def contents(lines: Sequence[Line]) -> tuple[Content, ...]:
    """Convert each line to content of its own."""
    return tuple(content([line]) for line in lines)


def set_border_title(widget: Widget, title: ContentText, subtitle: ContentText = "") -> None:
    """Set the title at the top and the subtitle at the bottom of a border. Textual treats a plain string there as markup,
    so titles are set here only."""
    widget.border_title = assemble(title)
    widget.border_subtitle = assemble(subtitle)


class TextLine(Static):
    """A Static for content or literal text."""

    def __init__(self, content: ContentText = "", *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(assemble(content), markup=False, id=id, classes=classes)

    def show(self, content: ContentText) -> None:
        """Show this content."""
        _update(self, assemble(content))


class FactList(Static):
    """Labels and values, one pair a line; a value that is too long is cut with an ellipsis."""

    DEFAULT_CSS = "FactList { height: auto; text-wrap: nowrap; text-overflow: ellipsis; }"

    def __init__(self, facts: Sequence[LabelledLine] = (), *, id: str | None = None) -> None:  # noqa: A002
        super().__init__(_pairs(facts), markup=False, id=id)

    def show(self, facts: Sequence[LabelledLine]) -> None:
        """Show these facts."""
        _update(self, _pairs(facts))


def _update(shown: Static, content: Content) -> None:
    """Show the content, unless it is shown already: every update lays the whole screen out again."""
    if not (isinstance(shown.content, Content) and shown.content.is_same(content)):
        shown.update(content)


def _pairs(facts: Sequence[LabelledLine]) -> Content:
    width = max((len(label) for label, _ in facts), default=0) + 2
    return content([(Span(label.ljust(width), "dim"), *value) for label, value in facts])
