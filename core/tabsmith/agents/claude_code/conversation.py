"""One conversation with a running Claude Code, through claude-agent-sdk: the answer, or the trouble in its place."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
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
from tabsmith.agents.protocol import ModelReply, ModelRequest
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
_FAREWELL: Final = 2.0  # seconds that the program has to put its own things away after its answer
_LONGEST_LINE: Final = 16_000_000  # bytes


async def converse(program: AgentProgram, question: ModelRequest, hear: Callable[[ModelReply], None]) -> str:
    """The structured answer as JSON, or the text of the reply. Raises AgentError."""
    ledger = ClaudeUsageTracker(hear)
    # Verbatim: in what a table says, an @path must not become the content of that file.
    options = ClaudeAgentOptions(verbatim_prompts=True)
    replies = query(prompt=question.prompt.text, options=options, transport=ProgramTransport(program))
    result: ResultMessage | None = None
    word = ""
    try:
        async with contextlib.aclosing(replies) as messages:  # type: ignore[type-var]  # it is an async generator
            async for message in messages:
                _check(message, question.session)
                match message:
                    case StreamEvent():
                        ledger.event(message.event)
                    case AssistantMessage():
                        word = message.error or word
                        ledger.message(message)
                    case ResultMessage():
                        result = message
                        ledger.settle(message)
                        break
    except AgentError:
        raise
    except Exception as error:
        raise await broken_off_error(program, error) from error
    finally:
        ledger.close()
    if result is None:
        raise await broken_off_error(program, None)
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(program.exited(), _FAREWELL)
    return _answer(result, word)


def _check(message: Message, session: str) -> None:
    """That it is our session and without tools; a retry of the program's own ends the call, for tabsmith retries."""
    data: dict[str, Any] = message.data if isinstance(message, SystemMessage) else {}
    said = data.get("session_id") or getattr(message, "session_id", None) or session
    if said != session:
        raise AgentReplyError(f"Claude Code answered in the session {clean(said)}, and was asked in {session}.")
    match data:
        case {"subtype": "init", "tools": [*tools]} if set(tools) - {_OUTPUT_TOOL}:
            raise AgentError(f"Claude Code came with tools, which it must not have here: {clean(', '.join(tools))}.")
    if (trouble := retry_error(message)) is not None:
        raise trouble


def retry_error(message: Message) -> AgentError | None:
    """The trouble with the model's server over which the program is about to ask once more by itself."""
    match message.data if isinstance(message, SystemMessage) else {}:
        case {"subtype": "api_retry", "error_status": status, **data} if status != 401:  # after a 401 it logs in anew
            return server_error(
                status, clean(data.get("error", "")), "", float(data.get("retry_delay_ms") or 0) / 1_000
            )
    return None


def _answer(result: ResultMessage, word: str) -> str:
    said = clean(redact(result.result or ", ".join(result.errors or ())), 300)
    if result.is_error and (result.terminal_reason == "api_error" or result.api_error_status):
        raise server_error(result.api_error_status, word, said, 0.0)
    if result.is_error:
        raise AgentReplyError(f"Claude Code gave no answer: {said or result.subtype}.")
    if result.structured_output is not None:
        return json.dumps(result.structured_output, ensure_ascii=False)
    if not (result.result or "").strip():
        raise AgentReplyError("Claude Code answered with nothing.")
    return result.result or ""


def server_error(status: int | None, word: str, said: str, pause: float) -> AgentError:
    """What the model's server did, by its status and by the program's word for it."""
    how = f"status {status}" if status else word.replace("_", " ")
    words = f": {said}" if said else "."
    what = f"The model's server refused Claude Code ({how}){words}"
    match status, word:
        case None, "authentication_failed":
            return AgentMissingError(
                f"Claude Code has no login and no key: {said}",
                next_step=f"Run `claude` and log in, or set ANTHROPIC_API_KEY in the environment or in {keys_file()}.",
            )
        case (401 | 403, _) | (_, "authentication_failed"):
            next_step = f"Check ANTHROPIC_API_KEY, in the environment or in {keys_file()}, or log in with `claude`."
            return AgentAccessError(what, next_step=next_step)
        case (429 | 529, _) | (None, "rate_limit"):
            # Without a word of the server the program waits half a second; with one, that long and a little more.
            return AgentRateLimitError(what, retry_after=pause if pause >= 1 else None)
        case (None, "billing_error") | (None, "invalid_request"):
            return AgentAccessError(what, next_step="Check the account, and agents.claude_code.model.")
        case None, "unknown" if said:  # not a retry: something was answered, but no reply of a model
            return AgentReplyError(f"The model's server answered Claude Code with what is no reply{words}")
        case None, _:
            return AgentNetworkError(
                f"Claude Code could not reach the model's server, or it broke off{words}",
                next_step="Check the network, and ANTHROPIC_BASE_URL if it is set.",
            )
        case _ if status == 408 or (status or 0) >= 500:
            return AgentNetworkError(f"The model's server failed (status {status}){words}")
    return AgentAccessError(what, next_step="Check agents.claude_code.model, and ANTHROPIC_BASE_URL if it is set.")


async def broken_off_error(program: AgentProgram, error: Exception | None) -> AgentError:
    """The program ended, or said what cannot be read, before it gave a result."""
    status: int | None = None
    with contextlib.suppress(TimeoutError):
        status = await asyncio.wait_for(program.exited(), 0.5)
    said = await program.last_words() if status is not None else ""
    said = said or (clean(redact(str(error)), 300) if error else "")
    how = f"ended with exit status {status}" if status is not None else "broke off"
    return AgentError(
        f"Claude Code {how} before it answered{': ' + said if said else '.'}",
        next_step="Try the program by itself, or choose another agent.",
    )


class ProgramTransport(Transport):
    """The kit's way to a program that runs already and that another one ends."""

    def __init__(self, program: AgentProgram) -> None:
        self._program = program

    async def connect(self) -> None:
        """It is connected."""

    async def write(self, data: str) -> None:
        self._program.stdin.write(data.encode())
        await self._program.stdin.drain()

    async def read_messages(self) -> AsyncIterator[dict[str, Any]]:
        """Its lines of JSON; others are not for us."""
        unread = bytearray()
        while chunk := await self._program.stdout.read(65_536):
            unread += chunk
            if len(unread) > _LONGEST_LINE:
                raise ValueError(f"a line of more than {_LONGEST_LINE:,} bytes")
            *lines, unread = unread.split(b"\n")
            for line in lines:
                if line.startswith(b"{"):
                    yield json.loads(line)

    async def close(self) -> None:
        """Nothing: the program is ended by who started it."""

    def is_ready(self) -> bool:
        return not self._program.stdin.is_closing()

    async def end_input(self) -> None:
        self._program.stdin.close()
