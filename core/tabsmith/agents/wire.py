"""What the worker and the agents' process say to each other: one JSON line each, over pipes."""

from typing import TypeAlias

import msgspec

from tabsmith.agents.errands import Activity, Allowed, Errand, Finished, Permission
from tabsmith.agents.protocol import Question, SpeakerName, Trouble, Turn


class Ask(msgspec.Struct, frozen=True, tag="ask", tag_field="say"):
    """Put the question to the speaker; the answers carry the question's session."""

    speaker: SpeakerName
    question: Question


class Send(msgspec.Struct, frozen=True, tag="send", tag_field="say"):
    """Send the agent on the errand; what comes back carries the errand's session."""

    speaker: SpeakerName
    errand: Errand


class Permit(msgspec.Struct, frozen=True, tag="permit", tag_field="say"):
    """The answer to the permission `id` that the errand of this session wanted."""

    session: str
    id: str
    allowed: Allowed


class Cancel(msgspec.Struct, frozen=True, tag="cancel", tag_field="say"):
    """Nobody waits for this answer any more."""

    session: str


class Heard(msgspec.Struct, frozen=True, tag="heard", tag_field="tell"):
    """A reply came in."""

    session: str
    turn: Turn


class Shown(msgspec.Struct, frozen=True, tag="shown", tag_field="tell"):
    """The agent does something."""

    session: str
    activity: Activity


class Wants(msgspec.Struct, frozen=True, tag="wants", tag_field="tell"):
    """The agent waits for a `Permit`."""

    session: str
    permission: Permission


class Answered(msgspec.Struct, frozen=True, tag="answered", tag_field="tell"):
    """The call is over, with this text."""

    session: str
    text: str


class Done(msgspec.Struct, frozen=True, tag="done", tag_field="tell"):
    """The errand is over."""

    session: str
    finished: Finished


class Failed(msgspec.Struct, frozen=True, tag="failed", tag_field="tell"):
    """The call or the errand is over without an answer."""

    session: str
    trouble: Trouble
    what: str
    next_step: str = ""
    retry_after: float | None = None


Request: TypeAlias = Ask | Send | Permit | Cancel
Notice: TypeAlias = Heard | Shown | Wants | Answered | Done | Failed
