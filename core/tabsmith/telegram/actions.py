"""What a press or a typed line means, once it is read against what is shown: one value, acted on by the desk."""

from typing import Literal, TypeAlias

import msgspec

from tabsmith.runs.commands import RunCommand
from tabsmith.telegram.chat_state import ChatView, NotificationKind, NotificationLevel
from tabsmith.telegram.render.text import StyledText
from tabsmith.workflow.actions import UserAction


class GiveAnswer(msgspec.Struct, frozen=True):
    """An answer for the conversation. `view` is looked at afterwards."""

    answer: UserAction
    view: ChatView = ChatView()


class ShowView(msgspec.Struct, frozen=True):
    """Show this."""

    view: ChatView


class SendRunCommand(msgspec.Struct, frozen=True):
    """Tell a run something; `said` is the acknowledgement, in the past: "Paused."."""

    run_id: str
    command: RunCommand
    said: str


class ResumeRun(msgspec.Struct, frozen=True):
    """Take an interrupted run up again."""

    run_id: str


class FollowRun(msgspec.Struct, frozen=True):
    """Hear of a run, with a live board, or no more."""

    run_id: str
    on: bool


class DeleteModel(msgspec.Struct, frozen=True):
    """Delete a model. The question has been asked and answered with yes."""

    model_id: str


class SwitchSession(msgspec.Struct, frozen=True):
    """Go on with one's own conversation, or with the terminal's."""

    session: Literal["own", "local"]


class SetNotificationLevel(msgspec.Struct, frozen=True):
    """How to hear of one kind of notice."""

    kind: NotificationKind
    hear: NotificationLevel


class SetFollowAll(msgspec.Struct, frozen=True):
    """Hear of every run of this machine, or of those one follows."""

    on: bool


class StaleButton(msgspec.Struct, frozen=True):
    """A button of an earlier message that does not fit any more: say so, and show the present."""


class InvalidInput(msgspec.Struct, frozen=True):
    """What was typed cannot be used, in words; the view stays."""

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
