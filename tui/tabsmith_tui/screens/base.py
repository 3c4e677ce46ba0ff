"""What all screens share: the line at the top, the keys at the bottom, and the app by its own type.

Work beside the screen, on the app's own event loop; it ends with the screen or the app that began it.
"""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.dom import DOMNode
from textual.screen import Screen
from textual.worker import Worker, WorkType

from tabsmith.errors import ErrorReport, report_of
from tabsmith_tui.keys.action import Scope
from tabsmith_tui.widgets.bars import KeysBar, TopBar
from tabsmith_tui.widgets.literal import ContentText

if TYPE_CHECKING:
    from tabsmith_tui.app import TabsmithApp


class TabsmithScreen(Screen[None]):
    """A screen of this app: write `body()`, `SCOPE`, `ABOUT`, and `BINDINGS = bindings_of(SCOPE)`."""

    SCOPE: ClassVar[Scope]
    ABOUT: ClassVar[str] = ""
    """What this screen is for, in one or two plain sentences; the help panel shows it."""

    def compose(self) -> ComposeResult:
        """Top line, body, keys."""
        yield TopBar()
        yield from self.body()
        yield KeysBar()

    def body(self) -> ComposeResult:
        """What stands between the top line and the keys."""
        yield from ()

    @property
    def tabsmith(self) -> "TabsmithApp":
        """The app, by its own type."""
        from tabsmith_tui.app import TabsmithApp

        app = self.app
        if not isinstance(app, TabsmithApp):
            raise TypeError(f"this screen belongs to TabsmithApp, not to {type(app).__name__}")
        return app

    def show_subject(self, subject: ContentText) -> None:
        """Say in the top line what this screen is about."""
        self.query_one(TopBar).show_subject(subject)

    def show_status(self, *parts: ContentText) -> None:
        """Say in the top line how it stands; the most important part first, such as `pill(state)`."""
        self.query_one(TopBar).show_status(*parts)

    def show_error(self, error: BaseException | ErrorReport) -> None:
        """Open the dialog that says what happened, where, and what to do next."""
        self.tabsmith.show_error(error if isinstance(error, ErrorReport) else report_of(error))


def start_worker(
    node: DOMNode, work: Callable[[], Coroutine[Any, Any, None]], group: str, *, alone: bool = False
) -> Worker[None]:
    """Begin `work` for `node`; `alone` ends what is under way in the same group.

    It takes the function, not its coroutine: one that is ended before it began leaves nothing behind unawaited.
    """
    task: WorkType[None] = work
    return node.run_worker(task, group=group, exclusive=alone)
