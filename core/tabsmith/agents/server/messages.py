"""The messages between the run's worker (`agent_client.py`) and the agent server (`agent_server.py`): one line of JSON
each, over pipes. Also the functions that make an agent's text safe to send."""

from typing import Final, TypeAlias

import msgspec

from tabsmith.agents.agent_jobs import Activity, AgentJob, AgentJobResult, PermissionAnswer, PermissionRequest
from tabsmith.agents.api_keys import redact
from tabsmith.agents.protocol import AgentErrorKind, AgentName, ModelReply, ModelRequest
from tabsmith.text import clean, plural


class AskModel(msgspec.Struct, frozen=True, tag=True):
    """Pass the request to the agent's client. The answers carry the request's session."""

    agent: AgentName
    request: ModelRequest


class StartAgentJob(msgspec.Struct, frozen=True, tag=True):
    """Have the agent do the job. The answers carry the job's session."""

    agent: AgentName
    job: AgentJob


class AnswerPermission(msgspec.Struct, frozen=True, tag=True):
    """The answer to the permission request `id` of this session's job."""

    session: str
    id: str
    answer: PermissionAnswer


class CancelCall(msgspec.Struct, frozen=True, tag=True):
    """Nobody waits for the answer of this session any more."""

    session: str


class ReplyReceived(msgspec.Struct, frozen=True, tag=True):
    """The model replied."""

    session: str
    reply: ModelReply


class ActivityReported(msgspec.Struct, frozen=True, tag=True):
    """The coding agent did something."""

    session: str
    activity: Activity


class PermissionRequested(msgspec.Struct, frozen=True, tag=True):
    """The coding agent waits for an `AnswerPermission`."""

    session: str
    request: PermissionRequest


class ModelAnswered(msgspec.Struct, frozen=True, tag=True):
    """The request is answered with this text."""

    session: str
    text: str


class AgentJobFinished(msgspec.Struct, frozen=True, tag=True):
    """The job has ended."""

    session: str
    result: AgentJobResult


class CallFailed(msgspec.Struct, frozen=True, tag=True):
    """The request or the job ended with an error."""

    session: str
    kind: AgentErrorKind
    what: str
    next_step: str = ""
    retry_after: float | None = None


ClientMessage: TypeAlias = AskModel | StartAgentJob | AnswerPermission | CancelCall
ServerMessage: TypeAlias = (
    ReplyReceived | ActivityReported | PermissionRequested | ModelAnswered | AgentJobFinished | CallFailed
)

MAX_REPLY_CHARACTERS: Final = 8_000_000
"""A longer text holds no recipe."""

_ERROR_CHARACTERS: Final = 1_000


def error_text(text: str) -> str:
    """Return an error's message safe to show: cleaned, cut, and without keys."""
    return clean(redact(text), _ERROR_CHARACTERS)


def valid_text(text: str) -> str:
    """Replace lone surrogates (halves of characters), which JSON can hold and no file can."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def shorten(text: str) -> str:
    """Cut `text` after `MAX_REPLY_CHARACTERS`, with a note of its length."""
    if len(text) <= MAX_REPLY_CHARACTERS:
        return text
    return f"{text[:MAX_REPLY_CHARACTERS]}\n[cut here: {plural(len(text), 'character')} in all]"


def valid_reply(reply: ModelReply) -> ModelReply:
    """Return the reply with texts that can be sent and stored."""
    return msgspec.structs.replace(
        reply, text=shorten(valid_text(reply.text)), model=valid_text(reply.model), foreign=valid_text(reply.foreign)
    )
