"""Fields to type in. What is pasted into them is cleaned at once, so that nothing typed can act on the terminal."""

from typing import Final

from textual.widgets import Input, TextArea
from textual.widgets.text_area import Edit, EditResult

from tabsmith.text import clean, clean_block

LONGEST_LINE: Final = 4_096
LONGEST_TEXT: Final = 1_000_000


class TypedLine(Input):
    """One line of text: a path, a number, a filter. Control and direction characters never get into it."""

    def validate_value(self, value: str) -> str:
        return clean(value, LONGEST_LINE)

    def validate_placeholder(self, placeholder: str) -> str:
        return clean(placeholder, LONGEST_LINE)


class TypedText(TextArea):
    """Several lines of text, cleaned in the same way. Tab goes on to the next field."""

    def __init__(self, text: str = "", *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(clean_block(text, LONGEST_TEXT), tab_behavior="focus", id=id, classes=classes)

    def edit(self, edit: Edit) -> EditResult:
        edit.text = clean_block(edit.text, LONGEST_TEXT)
        return super().edit(edit)

    def load_text(self, text: str) -> None:
        super().load_text(clean_block(text, LONGEST_TEXT))
