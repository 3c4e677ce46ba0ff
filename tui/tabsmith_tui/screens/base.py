"""Base classes of screens and dialogs, what they may ask of the app, and the start of background work for them.

Screens import the protocol of the app instead of the app, so that imports form no circle.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, cast

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.dom import DOMNode
from textual.screen import ModalScreen, Screen, ScreenResultType
from textual.worker import Worker, WorkType

from tabsmith.errors import ErrorReport
from tabsmith_tui.actions import bindings
from tabsmith_tui.keys import Scope
from tabsmith_tui.widgets.bars import KeysBar, TopBar
from tabsmith_tui.widgets.literal import ContentText

if TYPE_CHECKING:
    from tabsmith.agents.protocol import AgentName
    from tabsmith.config.settings import AgentSettings, Settings
    from tabsmith.errors import ErrorReport
    from tabsmith.runs.supervisor import Supervisor
    from tabsmith.workflow.conversation import Conversation
    from tabsmith_tui.bridge_client import BridgeClient
    from tabsmith_tui.screens import ScreenName
    from tabsmith_tui.store import Store

STYLES: Final = Path(__file__).parents[1] / "styles"
"""The folder of the style sheets, one for each screen. Textual keeps a sheet loaded for all screens, so every rule
begins with the class of its screen."""


class TabsmithScreen(Screen[None]):
    """A full screen: a line at the top, the body, the keys at the bottom.

    A subclass writes `body()`, `SCOPE`, `ABOUT`, and `BINDINGS = bindings_of(SCOPE)`.
    """

    SCOPE: ClassVar[Scope]
    ABOUT: ClassVar[str] = ""
    """What this screen is for, in one or two plain sentences; the help panel shows it."""

    def compose(self) -> ComposeResult:
        yield TopBar()
        yield from self.body()
        yield KeysBar()

    def body(self) -> ComposeResult:
        yield from ()

    @property
    def services(self) -> AppServices:
        """The app, by the protocol that screens know."""
        return cast("AppServices", self.app)

    @property
    def is_open(self) -> bool:
        """Whether the screen still has its widgets. Work that waited asks before it shows what it found: a screen that is left is
        attached no more, and an app that closes takes the widgets of a screen away before the screen."""
        return self.is_attached and self.app.is_running

    def show_subject(self, subject: ContentText) -> None:
        """Show in the top line what this screen is about."""
        self.query_one(TopBar).show_subject(subject)

    def show_status(self, *parts: ContentText) -> None:
        """Show a status in the top line, its most important part first, such as `pill(state)`."""
        self.query_one(TopBar).show_status(*parts)

    def show_error(self, error: BaseException | ErrorReport) -> None:
        """Open the dialog that explains the error."""
        self.services.show_error(error)

    async def succeeds(self, work: Callable[[], object]) -> bool:
        """Call `work` in a thread. Returns whether it succeeded; if it failed, its error is shown."""
        try:
            await asyncio.to_thread(work)
        except Exception as error:  # noqa: BLE001 - shown with its real name
            self.show_error(error)
            return False
        return True


class DialogScreen(ModalScreen[ScreenResultType]):
    """A box over the screen; escape closes it with `NOTHING` and changes nothing."""

    CSS_PATH = STYLES / "dialog.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("question.back")
    NOTHING: ClassVar[Any] = None
    ABOUT: ClassVar[str] = ""

    def action_back(self) -> None:
        """Close without a result."""
        self.dismiss(self.NOTHING)


def start_worker(
    node: DOMNode, work: Callable[[], Coroutine[Any, Any, None]], group: str, *, alone: bool = False
) -> Worker[None]:
    """Start `work` on the app's event loop; it is cancelled when `node` is removed. `alone` first cancels the other
    work of the group.

    `work` is the function and not its coroutine, because a coroutine that is cancelled before its start would never be
    awaited.
    """
    task: WorkType[None] = work
    return node.run_worker(task, group=group, exclusive=alone)


@dataclass(slots=True)
class PredictDraft:
    """Texts typed on the predict screen; the screen shows them again when it is reopened."""

    model_id: str = ""
    path: str = ""
    out: str = ""


class AppServices(Protocol):
    """The services of `TabsmithApp` that screens use."""

    settings: Settings
    store: Store
    clock: Callable[[], float]
    conversation: Conversation | None
    """The guided conversation of this terminal's user; None until the guided screen has loaded it."""
    predict_draft: PredictDraft
    newest_model: str
    """The id of the model trained last since the app was started; "" for none."""

    @property
    def supervisor(self) -> Supervisor:
        """The supervisor, which starts workers."""
        ...

    @property
    def bridge_client(self) -> BridgeClient:
        """The client of the Telegram bridge."""
        ...

    def new_id(self) -> str:
        """Make the id of a new run."""
        ...

    def agents(self) -> tuple[tuple[AgentName, ...], dict[AgentName, str]]:
        """List the agents that are ready, and the reason for each that is not. Reads files: call it in a thread."""
        ...

    def take_agents(self, agents: AgentSettings) -> None:
        """Use these settings of agents from now on."""
        ...

    def open_screen(self, name: ScreenName, *arguments: object, **options: object) -> None:
        """Open the screen `name` on top; the arguments are those of its class."""
        ...

    def open_home(self) -> None:
        """Close every screen above home."""
        ...

    def show_error(self, error: BaseException | ErrorReport) -> None:
        """Open the dialog that explains an error."""
        ...
