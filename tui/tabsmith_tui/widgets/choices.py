"""A short list in a dialog, of which enter or a click takes one."""

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option


class Choices(OptionList):
    """Its options are content made by `literal` and `words`; a plain string is literal too."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("enter", "select", "choose", id="question.take")]
    HELP = "A list. Up and down choose a line; enter or a click takes it."

    def __init__(self, *options: Option, id: str | None = None) -> None:  # noqa: A002
        super().__init__(*options, markup=False, id=id)
