"""Turns a failure of a model's server into an AgentError: its kind, the server's message without keys, the next step."""

import json
import re
from typing import Final

from pydantic_ai.exceptions import (
    ModelAPIError,
    ModelConnectionError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelTimeoutError,
    UserError,
)

from tabsmith.agents.api_keys import keys_file, redact
from tabsmith.agents.llm.providers import NO_KEY, ModelEndpoint
from tabsmith.errors import (
    AgentAccessError,
    AgentError,
    AgentNetworkError,
    AgentRateLimitError,
    AgentReplyError,
    AgentTimeoutError,
)
from tabsmith.text import clean

_ABOUT_TOOLS: Final = re.compile(r"\btool|function.?call|response_format", re.IGNORECASE)
_REJECTED: Final = frozenset({400, 404, 422})
_MESSAGE_CHARACTERS: Final = 300


def rejects_tools(error: Exception, endpoint: ModelEndpoint) -> bool:
    """Whether the server says, or pydantic-ai knows of the model, that it takes no tools."""
    if isinstance(error, UserError):
        return _ABOUT_TOOLS.search(str(error)) is not None
    if not isinstance(error, ModelHTTPError) or error.status_code not in _REJECTED:
        return False
    return _ABOUT_TOOLS.search(_message(error).replace(endpoint.model, "")) is not None


def timeout_error(seconds: float, endpoint: ModelEndpoint) -> AgentTimeoutError:
    """Return the error of a request without an answer within `seconds`."""
    return AgentTimeoutError(
        f"{endpoint.host} gave no answer in {seconds:g} seconds.",
        next_step="Wait longer with `tabsmith config set agents.timeout SECONDS`, or choose a faster model.",
    )


def as_agent_error(error: Exception, reply: bytes | None, endpoint: ModelEndpoint, seconds: float) -> AgentError:
    """Return `error` as an AgentError. `reply` is the body of a reply that could not be parsed, if there was one.

    Raise the result `from None`: providers may write parts of keys into errors, and tracebacks are kept with causes.
    """
    match error:
        case ModelHTTPError():
            return _of_status(error, endpoint)
        case ModelTimeoutError() if error.phase not in {"connect", "pool"}:
            return timeout_error(seconds, endpoint)
        case ModelConnectionError():
            fate = "cannot be reached" if error.phase == "connect" else "broke off"
            return AgentNetworkError(
                f"{endpoint.host} {fate}: {_message(_root(error))}",
                next_step="Check that the server runs, and agents.llm.base_url.",
            )
    if reply is None:  # a redirection, or a request that pydantic-ai cannot make of this model
        return AgentAccessError(
            f"{endpoint.name} cannot be asked at {endpoint.host}: {_message(error)}",
            next_step="Check agents.llm.model and agents.llm.base_url.",
        )
    if _is_cut(reply):
        return AgentNetworkError(f"{endpoint.host} broke off in the middle of its answer.")
    beginning = clean(redact(reply[:_MESSAGE_CHARACTERS].decode("utf-8", "replace"))) or "nothing"
    return AgentReplyError(f"{endpoint.host} sent something that is not a model's reply: {beginning}")


def _of_status(error: ModelHTTPError, endpoint: ModelEndpoint) -> AgentError:
    status, message = error.status_code, _message(error)
    what = f"{endpoint.host} answered with status {status}: {message}"
    match status:
        case 401 | 403:
            has = "does not accept the key" if endpoint.key != NO_KEY else "asks for a key, and none is set"
            return AgentAccessError(
                f"{endpoint.host} {has} (status {status}): {message}",
                next_step=f"Check {endpoint.key_variable}, in the environment or in {keys_file()}.",
            )
        case _ if isinstance(error, ModelQuotaExceededError):  # some send it as a 429, but waiting does not help
            return AgentAccessError(what, next_step="The account has no credit left: add some, or choose another.")
        case 429 | 529:
            return AgentRateLimitError(what, retry_after=error.retry_after)
        case 408:
            return AgentNetworkError(what)
        case _ if status >= 500:
            return AgentNetworkError(what)
        case _ if isinstance(error, ModelNotFoundError):
            return AgentAccessError(
                what,
                next_step=f"Check the model's name, {endpoint.name}: `tabsmith config set agents.llm.model "
                "PROVIDER:NAME`; and agents.llm.base_url, if it is set.",
            )
    return AgentAccessError(what, next_step="Check agents.llm.model and agents.llm.base_url.")


def _root(error: BaseException) -> BaseException:
    """The error of the connection itself; the clients above it say only "Connection error"."""
    while error.__cause__ is not None and str(error.__cause__):
        error = error.__cause__
    return error


def _message(error: BaseException) -> str:
    """The server's own message if there is one."""
    body: object = error.body if isinstance(error, ModelAPIError) else None
    for key in ("error", "message", "detail"):
        if isinstance(body, dict) and key in body:
            body = body[key]
    text = body if isinstance(body, str) and body.strip() else getattr(error, "message", "") or str(error)
    return clean(redact(text), _MESSAGE_CHARACTERS) or type(error).__name__


def _is_cut(body: bytes) -> bool:
    """Whether a reply that began as a JSON object has no end; without a length, nothing else tells."""
    if not body.lstrip().startswith(b"{"):
        return False
    try:
        json.loads(body)
    except ValueError:
        return True
    return False
