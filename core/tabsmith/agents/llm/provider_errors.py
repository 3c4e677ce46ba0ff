"""What went wrong with a model's server, as an AgentError: its kind, its words without keys, and what to do."""

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
_WORDS: Final = 300


def rejects_tools(error: Exception, chosen: ModelEndpoint) -> bool:
    """Whether the server says that it takes no tools (or pydantic-ai knows so of the model)."""
    if isinstance(error, UserError):
        return _ABOUT_TOOLS.search(str(error)) is not None
    if not isinstance(error, ModelHTTPError) or error.status_code not in _REJECTED:
        return False
    return _ABOUT_TOOLS.search(_words(error).replace(chosen.model, "")) is not None


def timeout_error(seconds: float, chosen: ModelEndpoint) -> AgentTimeoutError:
    """No answer within the time allowed."""
    return AgentTimeoutError(
        f"{chosen.host} gave no answer in {seconds:g} seconds.",
        next_step="Wait longer with `tabsmith config set agents.timeout SECONDS`, or choose a faster model.",
    )


def as_agent_error(error: Exception, reply: bytes | None, chosen: ModelEndpoint, seconds: float) -> AgentError:
    """`error` as an AgentError. `reply` is the body of a reply that came and could not be read, if one came.

    The error is to be raised `from None`: what providers write into errors may hold parts of keys, and tracebacks are
    kept with their causes.
    """
    match error:
        case ModelHTTPError():
            return _of_status(error, chosen)
        case ModelTimeoutError() if error.phase not in {"connect", "pool"}:
            return timeout_error(seconds, chosen)
        case ModelConnectionError():
            fate = "cannot be reached" if error.phase == "connect" else "broke off"
            return AgentNetworkError(
                f"{chosen.host} {fate}: {_words(_root(error))}",
                next_step="Check that the server runs, and agents.llm.base_url.",
            )
    if reply is None:  # a redirection, or a request that pydantic-ai does not make of this model
        return AgentAccessError(
            f"{chosen.name} cannot be asked at {chosen.host}: {_words(error)}",
            next_step="Check agents.llm.model and agents.llm.base_url.",
        )
    if _is_cut(reply):
        return AgentNetworkError(f"{chosen.host} broke off in the middle of its answer.")
    begins = clean(redact(reply[:_WORDS].decode("utf-8", "replace"))) or "nothing"
    return AgentReplyError(f"{chosen.host} sent what is no reply of a model: {begins}")


def _of_status(error: ModelHTTPError, chosen: ModelEndpoint) -> AgentError:
    status, words = error.status_code, _words(error)
    said = f"{chosen.host} answered with status {status}: {words}"
    match status:
        case 401 | 403:
            has = "does not accept the key" if chosen.key != NO_KEY else "asks for a key, and none is set"
            return AgentAccessError(
                f"{chosen.host} {has} (status {status}): {words}",
                next_step=f"Check {chosen.key_variable}, in the environment or in {keys_file()}.",
            )
        case _ if isinstance(error, ModelQuotaExceededError):  # some send it as a 429, but waiting does not help
            return AgentAccessError(said, next_step="The account has no credit left: add some, or choose another.")
        case 429 | 529:
            return AgentRateLimitError(said, retry_after=error.retry_after)
        case 408:
            return AgentNetworkError(said)
        case _ if status >= 500:
            return AgentNetworkError(said)
        case _ if isinstance(error, ModelNotFoundError):
            return AgentAccessError(
                said,
                next_step=f"Check the model's name, {chosen.name}: `tabsmith config set agents.llm.model "
                "PROVIDER:NAME`; and agents.llm.base_url, if it is set.",
            )
    return AgentAccessError(said, next_step="Check agents.llm.model and agents.llm.base_url.")


def _root(error: BaseException) -> BaseException:
    """What the connection itself said; the clients above it say only "Connection error"."""
    while error.__cause__ is not None and str(error.__cause__):
        error = error.__cause__
    return error


def _words(error: BaseException) -> str:
    """The server's own sentence where there is one."""
    said: object = error.body if isinstance(error, ModelAPIError) else None
    for key in ("error", "message", "detail"):
        if isinstance(said, dict) and key in said:
            said = said[key]
    text = said if isinstance(said, str) and said.strip() else getattr(error, "message", "") or str(error)
    return clean(redact(text), _WORDS) or type(error).__name__


def _is_cut(body: bytes) -> bool:
    """Whether a reply that began as an object of JSON has no end; without a length, nothing else tells."""
    if not body.lstrip().startswith(b"{"):
        return False
    try:
        json.loads(body)
    except ValueError:
        return True
    return False
