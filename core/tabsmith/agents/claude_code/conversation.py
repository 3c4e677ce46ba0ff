"""One conversation with a running Claude Code, through claude-agent-sdk, and the errors that it can end with."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Collection
from typing import Any, Final

from claude_agent_sdk import (
    AssistantMessage,
    ClaudeAgentOptions,
    Message,
    ResultMessage,
    StreamEvent,
    SystemMessage,
    Transport,
    query,
)

from tabsmith.agents.agent_program import AgentProgram
from tabsmith.agents.api_keys import keys_file, redact
from tabsmith.agents.claude_code.usage_tracker import ClaudeUsageTracker
from tabsmith.agents.protocol import ModelRequest, OnReply
from tabsmith.errors import (
    AgentAccessError,
    AgentError,
    AgentMissingError,
    AgentNetworkError,
    AgentRateLimitError,
    AgentReplyError,
)
from tabsmith.text import clean

_OUTPUT_TOOL: Final = "StructuredOutput"
_EXIT_SECONDS: Final = 2.0  # for the program to save its own state after its answer
_MAX_LINE_BYTES: Final = 16_000_000


async def converse(program: AgentProgram, request: ModelRequest, on_reply: OnReply) -> str:
    """Return the structured answer as JSON, or the text of the reply. Raises AgentError."""
    tracker = ClaudeUsageTracker(on_reply)
    # Verbatim: an @path in a text of the table must not become the content of that file.
    options = ClaudeAgentOptions(verbatim_prompts=True)
    replies = query(prompt=request.prompt.text, options=options, transport=ProgramTransport(program))
    result: ResultMessage | None = None
    word = ""
    try:
        async with contextlib.aclosing(replies) as messages:  # type: ignore[type-var]  # it is an async generator
            async for message in messages:
                check_message(message, request.session)
                match message:
                    case StreamEvent():
                        tracker.event(message.event)
                    case AssistantMessage():
                        word = message.error or word
                        tracker.message(message)
                    case ResultMessage():
                        result = message
                        tracker.settle(message)
                        break
    except AgentError:
        raise
    except Exception as error:
        raise await broken_off_error(program, error) from error
    finally:
        tracker.close()
    if result is None:
        raise await broken_off_error(program, None)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(program.exited(), _EXIT_SECONDS)
    return _answer(result, word)


def check_message(message: Message, session: str) -> None:
    """Require tabsmith's session, without tools, and no retry of the program's own. Raises AgentError."""
    check_session(message, session, {_OUTPUT_TOOL})
    if (error := retry_error(message)) is not None:
        raise error


def check_session(message: Message, session: str, tools: Collection[str]) -> None:
    """Require that the program is in tabsmith's session, with no other tools than these. Raises AgentReplyError for another
    session, AgentError for another tool."""
    data: dict[str, Any] = message.data if isinstance(message, SystemMessage) else {}
    reported = data.get("session_id") or getattr(message, "session_id", None) or session
    if reported != session:
        raise AgentReplyError(f"Claude Code is in the session {clean(reported)}, not in {session}.")
    match data:
        case {"subtype": "init", "tools": [*names]} if others := set(names).difference(tools):
            raise AgentError(f"Claude Code came with tools that it must not have: {clean(', '.join(sorted(others)))}.")


def retry_error(message: Message) -> AgentError | None:
    """Return the error of the model's server after which the program is about to retry by itself, which is left to
    tabsmith; None for other messages."""
    match message.data if isinstance(message, SystemMessage) else {}:
        case {"subtype": "api_retry", "error_status": status, **data} if (
            status != 401
        ):  # after a 401 it renews its login
            return server_error(
                status, clean(data.get("error", "")), "", float(data.get("retry_delay_ms") or 0) / 1_000
            )
    return None


def _answer(result: ResultMessage, word: str) -> str:
    require_success(result, word)
    if result.structured_output is not None:
        return json.dumps(result.structured_output, ensure_ascii=False)
    if not (result.result or "").strip():
        raise AgentReplyError("Claude Code answered with nothing.")
    return result.result or ""


def require_success(result: ResultMessage, word: str) -> None:
    """Raise the error with which the program ended: the one of the model's server, for which it has this `word`, or
    AgentReplyError."""
    if not result.is_error:
        return
    message = clean(redact(result.result or ", ".join(result.errors or ())), 300)
    if result.terminal_reason == "api_error" or result.api_error_status:
        raise server_error(result.api_error_status, word, message, 0.0)
    raise AgentReplyError(f"Claude Code gave up: {message or result.subtype}.")


def server_error(status: int | None, word: str, message: str, pause: float) -> AgentError:
    """Return the error of the model's server, by its status and by the program's word for it."""
    how = f"status {status}" if status else word.replace("_", " ")
    details = f": {message}" if message else "."
    what = f"The model's server refused Claude Code ({how}){details}"
    match status, word:
        case None, "authentication_failed":
            return AgentMissingError(
                f"Claude Code has no login and no key: {message}",
                next_step=f"Run `claude` and log in, or set ANTHROPIC_API_KEY in the environment or in {keys_file()}.",
            )
        case (401 | 403, _) | (_, "authentication_failed"):
            next_step = f"Check ANTHROPIC_API_KEY, in the environment or in {keys_file()}, or log in with `claude`."
            return AgentAccessError(what, next_step=next_step)
        case (429 | 529, _) | (None, "rate_limit"):
            # Without a Retry-After of the server the program waits half a second; with one, a little longer than that.
            return AgentRateLimitError(what, retry_after=pause if pause >= 1 else None)
        case (None, "billing_error") | (None, "invalid_request"):
            return AgentAccessError(what, next_step="Check the account, and agents.claude_code.model.")
        case None, "unknown" if message:  # not a retry: the server answered, but not with a model's reply
            return AgentReplyError(
                f"The model's server answered Claude Code with something that is not a model's reply{details}"
            )
        case None, _:
            return AgentNetworkError(
                f"Claude Code could not reach the model's server, or it broke off{details}",
                next_step="Check the network, and ANTHROPIC_BASE_URL if it is set.",
            )
        case _ if status == 408 or (status or 0) >= 500:
            return AgentNetworkError(f"The model's server failed (status {status}){details}")
    return AgentAccessError(what, next_step="Check agents.claude_code.model, and ANTHROPIC_BASE_URL if it is set.")


async def broken_off_error(program: AgentProgram, error: Exception | None) -> AgentError:
    """Return the error of a program that ended, or wrote something unreadable, before it gave a result."""
    status: int | None = None
    with contextlib.suppress(TimeoutError):
        status = await asyncio.wait_for(program.exited(), 0.5)
    message = await program.stderr_summary() if status is not None else ""
    message = message or (clean(redact(str(error)), 300) if error else "")
    how = f"ended with exit status {status}" if status is not None else "broke off"
    return AgentError(
        f"Claude Code {how} before it answered{': ' + message if message else '.'}",
        next_step="Try the program by itself, or choose another agent.",
    )


class ProgramTransport(Transport):
    """The SDK's transport to a program that is started and ended elsewhere."""

    def __init__(self, program: AgentProgram) -> None:
        self._program = program

    async def connect(self) -> None:
        """Do nothing: the program runs already."""

    async def write(self, data: str) -> None:
        self._program.stdin.write(data.encode())
        await self._program.stdin.drain()

    async def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        """Yield the program's lines of JSON; other lines are not messages."""
        unread = bytearray()
        while chunk := await self._program.stdout.read(65_536):
            unread += chunk
            if len(unread) > _MAX_LINE_BYTES:
                raise ValueError(f"a line of more than {_MAX_LINE_BYTES:,} bytes")
            *lines, unread = unread.split(b"\n")
            for line in lines:
                if line.startswith(b"{"):
                    yield json.loads(line)

    async def close(self) -> None:
        """Do nothing: the program is ended where it was started."""

    def is_ready(self) -> bool:
        return not self._program.stdin.is_closing()

    async def end_input(self) -> None:
        self._program.stdin.close()
