"""The error dialog: what happened, where, what to do next, and the details to copy."""

from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll

from tabsmith.errors import ErrorReport
from tabsmith_tui.actions import bindings_of
from tabsmith_tui.clipboard import copy
from tabsmith_tui.screens.base import DialogScreen
from tabsmith_tui.widgets.bars import KeysBar
from tabsmith_tui.widgets.literal import TextLine, assemble, literal, literal_block, set_border_title


class ErrorScreen(DialogScreen[None], inherit_bindings=False):
    """Shows an ErrorReport."""

    BINDINGS = bindings_of("error")
    ABOUT = "Something went wrong. Nothing you typed is lost: close this and you are back where it happened."

    def __init__(self, report: ErrorReport) -> None:
        super().__init__()
        self.report = report

    def compose(self) -> ComposeResult:
        """Compose what happened, where, what to do next, and the details."""
        report = self.report
        with Vertical(classes="dialog -bad") as dialog:
            set_border_title(dialog, assemble("✘ ", literal(report.name, 60)))
            yield TextLine(literal_block(report.what, 1_500), classes="what")
            if report.where:
                yield TextLine(assemble(("Where   ", "$quiet"), literal_block(report.where, 1_000)))
            if report.next_step:
                yield TextLine(assemble(("Next    ", "$quiet"), literal_block(report.next_step, 1_000)))
            with VerticalScroll(id="details"):
                yield TextLine(literal_block(report.details or "There are no further details.", style="$quiet"))
        yield KeysBar()

    def on_mount(self) -> None:
        """Hide the details until they are asked for."""
        self.query_one("#details").display = False

    def action_details(self) -> None:
        """Show or hide the details."""
        details = self.query_one("#details")
        details.display = not details.display
        if details.display:
            details.focus()

    async def action_copy(self) -> None:
        """Copy the whole error and say where it went."""
        report = self.report
        try:
            copied = await copy(f"{report.name}\n{report}\n\n{report.details}", self.app)
        except OSError as error:
            self.app.notify(f"Could not copy: {error}", severity="error")
            return
        self.app.notify(copied.words)

    def action_close(self) -> None:
        """Close the dialog."""
        self.dismiss(None)
