"""The connection to a program that speaks the Agent Client Protocol: finds and starts it, carries the messages (one JSON
object a line), and turns its failures into errors."""

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tabsmith.agents.agent_jobs import JobSandbox
from tabsmith.agents.agent_program import AgentProgram, run_program
from tabsmith.agents.api_keys import KEYS_FILE_NAME, program_environment, redact
from tabsmith.config.settings import AcpSettings
from tabsmith.errors import (
    AgentAccessError,
    AgentError,
    AgentMissingError,
    AgentNetworkError,
    AgentRateLimitError,
    ConfigError,
)
from tabsmith.text import clean

if TYPE_CHECKING:
    from acp import RequestError
    from acp.client.connection import ClientSideConnection
    from acp.schema import ClientCapabilities, InitializeResponse


_MAX_LINE_BYTES: Final = 20_000_000
_MAX_FOREIGN_LINES: Final = 20  # such as a banner; a program that writes more speaks another protocol


class JsonLines:
    """A transport for `acp.connect_to_agent`.

    The package's own has no bound on a line, and logs a traceback for every line that is not a message. `problem` says
    what was wrong, once this one gave up.
    """

    def __init__(self, stdout: asyncio.StreamReader, stdin: asyncio.StreamWriter) -> None:
        self._stdout = stdout
        self._stdin = stdin
        self._foreign_lines = 0
        self.problem = ""

    async def send(self, message: dict[str, Any]) -> None:
        """Write one message. Raises ConnectionError if the program does not read any more."""
        if self._stdin.is_closing():
            raise ConnectionResetError("the program reads no more")
        self._stdin.write(msgspec.json.encode(message) + b"\n")
        await self._stdin.drain()

    async def receive(self) -> dict[str, Any] | None:
        """Return the next message; None at the end, or if what arrives is not the protocol."""
        while not self.problem and (line := await self._line()):
            try:
                message = msgspec.json.decode(line)
            except (ValueError, RecursionError):
                message = None
            if isinstance(message, dict):
                return message
            if line.strip():
                self._foreign_lines += 1
            if self._foreign_lines > _MAX_FOREIGN_LINES:
                self.problem = "it writes lines that are not messages"
        return None

    async def close(self) -> None:
        """Close the program's stdin."""
        self._stdin.close()

    async def _line(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while size <= _MAX_LINE_BYTES:
            try:
                parts.append(await self._stdout.readuntil(b"\n"))
                return b"".join(parts)
            except asyncio.IncompleteReadError as end:
                return b"".join([*parts, end.partial])
            except asyncio.LimitOverrunError as more:
                parts.append(await self._stdout.readexactly(more.consumed))
                size += more.consumed
        self.problem = "it writes a line without end"
        return b""


_EXIT_SECONDS: Final = 1.0  # to read what was written before the exit, and to see the exit itself
_AUTH_REQUIRED: Final = -32_000
_SET_THE_COMMAND: Final = "Set agents.acp.command to the command that starts the program, such as `some-agent --acp`."

# The protocol has no codes for these errors; as a rule the agent quotes the message of the model's server in full.
_SERVER_ERRORS: Final[tuple[tuple[str, type[AgentError], str], ...]] = (
    (
        r"\b40[13]\b|unauthori[sz]ed|authenticat|api[ _-]?key|/login|credential",
        AgentAccessError,
        f"Log in with the program itself, or set its key in the environment or in {KEYS_FILE_NAME} beside the settings.",
    ),
    (
        r"\b(?:429|529)\b|rate.?limit|overloaded|too many requests|quota",
        AgentRateLimitError,
        "Wait, or choose another agent.",
    ),
    (
        r"\b5\d\d\b|econn|etimedout|enotfound|connect|network|fetch failed|socket",
        AgentNetworkError,
        "Check the network, and the address that the program is set to use.",
    ),
)


async def initialize(connection: "ClientSideConnection", capabilities: "ClientCapabilities") -> "InitializeResponse":
    """Agree with the agent on the protocol's version. Raises ValueError if it wants another one."""
    import acp
    from acp.schema import Implementation

    about = Implementation(name="tabsmith", version=version("tabsmith"))
    greeting = await connection.initialize(acp.PROTOCOL_VERSION, capabilities, about)
    if greeting.protocol_version != acp.PROTOCOL_VERSION:
        raise ValueError(f"it wants version {greeting.protocol_version} of the protocol")
    return greeting


def program_name(command: tuple[str, ...]) -> str:
    """Return a name for the command's program, for the beginning of a sentence."""
    return f"The agent program {clean(Path(command[0]).name, 40)!r}"


_PROVIDER_VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "claude": ("ANTHROPIC_*", "CLAUDE_*"),
    "codex": ("OPENAI_*", "CODEX_*"),
    "gemini": ("GEMINI_*", "GOOGLE_*"),
    "mistral": ("MISTRAL_*",),
    "qwen": ("DASHSCOPE_*", "QWEN_*"),
}
"""The variables of its own provider that a program gets whose file has this word in its name."""


def acp_environment(settings: AcpSettings) -> dict[str, str]:
    """Return the environment for the program: the plain variables, those of its own provider, and those that the settings
    name. Raises ConfigError."""
    name = Path(settings.command[0]).name if settings.command else ""
    own = [pattern for word, patterns in _PROVIDER_VARIABLES.items() if word in name for pattern in patterns]
    return program_environment((*own, *settings.variables))


async def converse(
    settings: AcpSettings,
    *,
    mark: str,
    folder: str,
    talk: Callable[[JsonLines], Awaitable[None]],
    seconds: float | None = None,
    sandbox: JobSandbox | None = None,
) -> None:
    """Run the settings' command in `folder`, in `sandbox` if there is one, while `talk` talks with it.

    The program's exit ends the talk, even if a child still holds its pipes; in the end the program and everything it
    started are gone. Raises AgentError, and TimeoutError if `talk` lasts longer than `seconds`.
    """
    try:
        variables = acp_environment(settings)
    except ConfigError as error:
        raise AgentMissingError(error.what, where=error.where, next_step=error.next_step) from error
    command = settings.command
    wrapped = resolve_command(command, variables)
    if sandbox is not None:
        wrapped = sandbox.wrap_program(wrapped)
        variables |= sandbox.program_variables
    try:
        async with run_program(
            wrapped, mark=mark, environment={**variables, "PWD": folder}, folder=Path(folder)
        ) as program:
            async with asyncio.timeout(seconds):
                await _talk(command, program, talk)
    except TimeoutError:
        raise
    except OSError as error:
        what = f"{program_name(command)} cannot be started: {clean(error.strerror or error)}."
        raise AgentMissingError(what, next_step=_SET_THE_COMMAND) from error


def resolve_command(command: tuple[str, ...], variables: Mapping[str, str]) -> list[str]:
    """Return `command` with the full path of its program, as it will run in another folder.

    Raises AgentMissingError if the program, or the protocol's package, is not there.
    """
    if find_spec("acp") is None:
        raise AgentMissingError(
            "The package agent-client-protocol is not installed.", next_step="Install tabsmith with its extra acp."
        )
    if not command:
        raise AgentMissingError("No agent program is set.", next_step=_SET_THE_COMMAND)
    program_path = shutil.which(command[0], path=variables.get("PATH"))
    if program_path is None:
        raise AgentMissingError(
            f"The agent program {clean(command[0])!r} is not found, or may not be run.", next_step=_SET_THE_COMMAND
        )
    return [str(Path(program_path).absolute()), *command[1:]]


async def _talk(command: tuple[str, ...], program: AgentProgram, talk: Callable[[JsonLines], Awaitable[None]]) -> None:
    lines = JsonLines(program.stdout, program.stdin)
    talk_task = asyncio.ensure_future(talk(lines))
    exit_ = asyncio.ensure_future(program.exited())
    try:
        await asyncio.wait((talk_task, exit_), return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait(
            (talk_task,), timeout=_EXIT_SECONDS
        )  # what the program wrote before it exited is still to be read
        error = talk_task.exception() if talk_task.done() else ConnectionError("its child holds the connection")
        if isinstance(error, ConnectionError):
            await asyncio.wait((exit_,), timeout=_EXIT_SECONDS)  # the connection closes just before the exit
        status = exit_.result() if exit_.done() else None
    finally:
        talk_task.cancel()
        exit_.cancel()
        await asyncio.wait((talk_task, exit_))
    if error is not None:
        raise await _failure(
            program_name(command), error, lines, program, status
        ) from None  # the cause may quote a key


async def _failure(
    name: str, error: BaseException, lines: JsonLines, program: AgentProgram, status: int | None
) -> AgentError | BaseException:
    """Describe what went wrong, in the words of the agent, of its program, or of tabsmith."""
    from acp import RequestError

    if isinstance(error, RequestError):
        message = refusal_text(error)
        return _refusal(f"{name} reports: {message}", message, access=error.code == _AUTH_REQUIRED)
    if isinstance(error, ConnectionError) and status is not None:
        stderr = await program.stderr_summary()
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        what = f"{name} ended before it answered ({how})" + (f": {stderr}" if stderr else ".")
        return AgentError(what, next_step="Try the program by itself.")
    if isinstance(error, (ConnectionError, ValueError)):  # a reply that is not the protocol's is a ValueError
        why = lines.problem or clean(redact(str(error).partition("\n")[0])) or "it closed the connection"
        return AgentError(
            f"{name} does not speak the Agent Client Protocol as tabsmith does: {why}.", next_step=_SET_THE_COMMAND
        )
    return error


def refusal_text(error: "RequestError") -> str:
    """Return an agent's message about a request that it refuses, on one line without keys."""
    details = error.data.get("details", error.data) if isinstance(error.data, dict) else error.data
    return clean(redact(f"{error}: {details}" if details else str(error)), 300)


def _refusal(what: str, message: str, *, access: bool) -> AgentError:
    for pattern, kind, next_step in _SERVER_ERRORS:
        if (access and kind is AgentAccessError) or re.search(pattern, message, re.IGNORECASE):
            return kind(what, next_step=next_step)
    return AgentError(what, next_step="Try the program by itself.")
