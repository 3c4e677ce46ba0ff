"""What a press or a typed line means, once it is read against what is shown: one value, acted on by the desk."""

from typing import Literal, TypeAlias

import msgspec

from tabsmith.runs.commands import RunCommand
from tabsmith.telegram.seats import Hear, NoticeKind, View
from tabsmith.telegram.words import Text
from tabsmith.workflow.answers import PersonAnswer


class Give(msgspec.Struct, frozen=True):
    """An answer for the conversation. `view` is looked at afterwards."""

    answer: PersonAnswer
    view: View = View()


class Look(msgspec.Struct, frozen=True):
    """Show this."""

    view: View


class Tell(msgspec.Struct, frozen=True):
    """Tell a run something; `said` is the acknowledgement, in the past: "Paused."."""

    run_id: str
    command: RunCommand
    said: str


class ResumeRun(msgspec.Struct, frozen=True):
    """Take an interrupted run up again."""

    run_id: str


class Follow(msgspec.Struct, frozen=True):
    """Hear of a run, with a live board, or no more."""

    run_id: str
    on: bool


class Delete(msgspec.Struct, frozen=True):
    """Delete a model. The question has been asked and answered with yes."""

    model_id: str


class Sit(msgspec.Struct, frozen=True):
    """Go on with one's own conversation, or with the terminal's."""

    session: Literal["own", "local"]


class SetHear(msgspec.Struct, frozen=True):
    """How to hear of one kind of notice."""

    kind: NoticeKind
    hear: Hear


class SetFollowAll(msgspec.Struct, frozen=True):
    """Hear of every run of this machine, or of those one follows."""

    on: bool


class Stale(msgspec.Struct, frozen=True):
    """A button of an earlier message that does not fit any more: say so, and show the present."""


class Wrong(msgspec.Struct, frozen=True):
    """What was typed cannot be used, in words; the view stays."""

    text: Text


Meaning: TypeAlias = Give | Look | Tell | ResumeRun | Follow | Delete | Sit | SetHear | SetFollowAll | Stale | Wrong
