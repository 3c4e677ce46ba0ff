"""What screens may ask of the app. Screens import this protocol instead of the app, so that imports form no circle."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from tabsmith.agents.protocol import AgentName
    from tabsmith.config.settings import AgentSettings, Settings
    from tabsmith.errors import ErrorReport
    from tabsmith.runs.supervisor import Supervisor
    from tabsmith.workflow.conversation import Conversation
    from tabsmith_tui.bridge_client import BridgeClient
    from tabsmith_tui.screens import ScreenName
    from tabsmith_tui.store import Store


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
