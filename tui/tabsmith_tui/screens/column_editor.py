"""A dialog for one column: what kind of values it holds, and what it is used for."""

from typing import ClassVar, NamedTuple

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from tabsmith.presentation.schemas import KIND_LABELS, ROLE_LABELS
from tabsmith.tables.schema.types import ColumnKind, ColumnRole
from tabsmith.workflow.form import ColumnLine
from tabsmith_tui.actions import bindings
from tabsmith_tui.widgets.bars import KeysBar
from tabsmith_tui.widgets.literal import TextLine, assemble, literal, set_border_title
from tabsmith_tui.widgets.menu import Choices
from tabsmith_tui.widgets.schema_table import KIND_WORDS, explain_column


class ColumnEdit(NamedTuple):
    """What a person chose for a column."""

    kind: ColumnKind
    role: ColumnRole


class ColumnEditor(ModalScreen[ColumnEdit | None]):
    """Two short lists side by side; enter on the kinds goes to the roles, enter on the roles takes both."""

    CSS_PATH = "dialog.tcss"
    DEFAULT_CSS = """
    ColumnEditor { align: center middle; }
    ColumnEditor .dialog { border-title-color: $primary; border-title-style: bold; }
    ColumnEditor Horizontal { height: auto; }
    ColumnEditor Horizontal > Vertical { width: 1fr; height: auto; padding-right: 1; }
    ColumnEditor OptionList { margin-bottom: 0; text-wrap: nowrap; text-overflow: ellipsis; }
    ColumnEditor .why { max-height: 5; margin-bottom: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *bindings("question.back"),
        Binding("left", "go_to('kinds')", "kinds", show=False),
        Binding("right", "go_to('roles')", "roles", show=False),
        Binding("f9,ctrl+enter", "take", "take both", show=False),
    ]
    ABOUT = "Choose the kind, then the role. Enter takes; escape changes nothing."

    def __init__(self, line: ColumnLine) -> None:
        super().__init__()
        self.line = line

    def compose(self) -> ComposeResult:
        line = self.line
        why = assemble("\n").join([literal(text, 300, "$quiet") for text, _ in explain_column(line)])
        with Vertical(classes="dialog") as dialog:
            set_border_title(dialog, assemble("Column ", literal(line.name, 60)))
            yield TextLine(why, classes="why")
            with Horizontal():
                with Vertical():
                    yield TextLine("kind", classes="quiet")
                    yield Choices(*(_option(KIND_WORDS[kind], what, kind) for kind, what in KIND_LABELS.items()),
                                     id="kinds")  # fmt: skip
                with Vertical():
                    yield TextLine("role", classes="quiet")
                    yield Choices(*(_option(role, what, role) for role, what in ROLE_LABELS.items()),
                                     id="roles")  # fmt: skip
        yield KeysBar()

    def on_mount(self) -> None:
        kinds, roles = self.query_one("#kinds", OptionList), self.query_one("#roles", OptionList)
        kinds.highlighted = list(KIND_LABELS).index(self.line.kind)
        roles.highlighted = list(ROLE_LABELS).index(self.line.role)
        kinds.focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        if event.option_list.id == "kinds":
            self.query_one("#roles").focus()
        else:
            self.action_take()

    def action_take(self) -> None:
        """Take both."""
        kind = self.query_one("#kinds", OptionList).highlighted or 0
        role = self.query_one("#roles", OptionList).highlighted or 0
        self.dismiss(ColumnEdit(list(KIND_LABELS)[kind], list(ROLE_LABELS)[role]))

    def action_go_to(self, name: str) -> None:
        self.query_one(f"#{name}").focus()

    def action_back(self) -> None:
        self.dismiss(None)


def _option(name: str, what: str, value: str) -> Option:
    return Option(assemble(name.ljust(11), (what, "$quiet")), id=value)
