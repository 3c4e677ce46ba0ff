"""Actions: what a button press or a typed line means, once it is read against the view of the chat.

`render` parses presses and lines into actions, `chat.perform` carries them out.
"""

from typing import Literal, TypeAlias

import msgspec

from tabsmith.runs.events import RunCommand
from tabsmith.telegram.chat_state import ChatView, NotificationKind, NotificationLevel
from tabsmith.telegram.render.text import StyledText
from tabsmith.workflow.actions import UserAction


class GiveAnswer(msgspec.Struct, frozen=True):
    """Answer the current step of the conversation, then show `view`."""

    answer: UserAction
    view: ChatView = ChatView()


class ShowView(msgspec.Struct, frozen=True):
    """Show a view."""

    view: ChatView


class SendRunCommand(msgspec.Struct, frozen=True):
    """Send a command to a run; `reply` acknowledges it to the person: "Paused."."""

    run_id: str
    command: RunCommand
    reply: str


class ResumeRun(msgspec.Struct, frozen=True):
    """Resume an interrupted run."""

    run_id: str


class FollowRun(msgspec.Struct, frozen=True):
    """Follow a run with a live message and notifications (`on`), or stop following it."""

    run_id: str
    on: bool


class DeleteModel(msgspec.Struct, frozen=True):
    """Delete a model. The person has already confirmed it."""

    model_id: str


class SwitchSession(msgspec.Struct, frozen=True):
    """Continue the person's own conversation, or the terminal's."""

    session: Literal["own", "local"]


class SetNotificationLevel(msgspec.Struct, frozen=True):
    """Choose how one kind of notification arrives."""

    kind: NotificationKind
    level: NotificationLevel


class SetFollowAll(msgspec.Struct, frozen=True):
    """Get notifications of every run of this machine (`on`), or only of followed runs."""

    on: bool


class StaleButton(msgspec.Struct, frozen=True):
    """The button belongs to an earlier message and has no meaning any more: the current view is shown again."""


class InvalidInput(msgspec.Struct, frozen=True):
    """The typed line cannot be used; `text` says why. The view stays."""

    text: StyledText


ChatAction: TypeAlias = (
    GiveAnswer
    | ShowView
    | SendRunCommand
    | ResumeRun
    | FollowRun
    | DeleteModel
    | SwitchSession
    | SetNotificationLevel
    | SetFollowAll
    | StaleButton
    | InvalidInput
)
