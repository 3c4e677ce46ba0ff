"""What the worker and the agents' process say to each other: one JSON line each, over pipes.

Text on its way out of the agents' process: whole characters, not endless, and without keys where it is shown.
"""

from typing import Final, TypeAlias

import msgspec

from tabsmith.agents.agent_jobs import Activity, AgentJob, AgentJobResult, PermissionAnswer, PermissionRequest
from tabsmith.agents.api_keys import redact
from tabsmith.agents.protocol import AgentErrorKind, ModelAgentName, ModelReply, ModelRequest
from tabsmith.text import clean, plural


class AskModel(msgspec.Struct, frozen=True, tag="ask", tag_field="say"):
    """Put the question to the speaker; the answers carry the question's session."""

    speaker: ModelAgentName
    question: ModelRequest


class StartAgentJob(msgspec.Struct, frozen=True, tag="send", tag_field="say"):
    """Send the agent on the errand; what comes back carries the errand's session."""

    speaker: ModelAgentName
    errand: AgentJob


class AnswerPermission(msgspec.Struct, frozen=True, tag="permit", tag_field="say"):
    """The answer to the permission `id` that the errand of this session wanted."""

    session: str
    id: str
    allowed: PermissionAnswer


class CancelCall(msgspec.Struct, frozen=True, tag="cancel", tag_field="say"):
    """Nobody waits for this answer any more."""

    session: str


class ReplyReceived(msgspec.Struct, frozen=True, tag="heard", tag_field="tell"):
    """A reply came in."""

    session: str
    turn: ModelReply


class ActivityReported(msgspec.Struct, frozen=True, tag="shown", tag_field="tell"):
    """The agent does something."""

    session: str
    activity: Activity


class PermissionRequested(msgspec.Struct, frozen=True, tag="wants", tag_field="tell"):
    """The agent waits for a `AnswerPermission`."""

    session: str
    permission: PermissionRequest


class ModelAnswered(msgspec.Struct, frozen=True, tag="answered", tag_field="tell"):
    """The call is over, with this text."""

    session: str
    text: str


class AgentJobFinished(msgspec.Struct, frozen=True, tag="done", tag_field="tell"):
    """The errand is over."""

    session: str
    finished: AgentJobResult


class CallFailed(msgspec.Struct, frozen=True, tag="failed", tag_field="tell"):
    """The call or the errand is over without an answer."""

    session: str
    trouble: AgentErrorKind
    what: str
    next_step: str = ""
    retry_after: float | None = None


ClientMessage: TypeAlias = AskModel | StartAgentJob | AnswerPermission | CancelCall
ServerMessage: TypeAlias = (
    ReplyReceived | ActivityReported | PermissionRequested | ModelAnswered | AgentJobFinished | CallFailed
)


MAX_REPLY_CHARACTERS: Final = 8_000_000
"""Characters of an answer. What is longer holds no recipe."""

_LONGEST_WORDS: Final = 1_000  # characters of an error's message


def error_text(text: str) -> str:
    """An error's message, to be shown."""
    return clean(redact(text), _LONGEST_WORDS)


def valid_text(text: str) -> str:
    """`text` as it is, but for halves of characters (lone surrogates), which JSON may hold and no file can."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def shorten(text: str) -> str:
    """`text`, and when it is too long its beginning."""
    if len(text) <= MAX_REPLY_CHARACTERS:
        return text
    return f"{text[:MAX_REPLY_CHARACTERS]}\n[cut here: {plural(len(text), 'character')} in all]"
