"""A conversation with a program that speaks the Agent Client Protocol: found, started, listened to, and its failure
told in words.

The messages of the Agent Client Protocol: one JSON object a line, over a program's pipes, within bounds.
"""

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias

import msgspec

from tabsmith.agents.agent_program import AgentProgram, run_program
from tabsmith.agents.api_keys import KEYS_FILE_NAME, agent_environment, redact
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


_LONGEST: Final = 20_000_000  # characters of a line; the longest answer is a few thousand
_STRANGE: Final = 20  # lines that are no messages, such as a banner, before it counts as another protocol


class JsonLines:
    """A transport for `acp.connect_to_agent`. The package's own has no bound on a line, and writes a traceback for
    every line that is no message. `trouble` says what was wrong, once it gave up."""

    def __init__(self, stdout: asyncio.StreamReader, stdin: asyncio.StreamWriter) -> None:
        self._stdout = stdout
        self._stdin = stdin
        self._strange = 0
        self.trouble = ""

    async def send(self, message: dict[str, Any]) -> None:
        """Write one message. Raises ConnectionError when nobody reads."""
        if self._stdin.is_closing():
            raise ConnectionResetError("the program reads no more")
        self._stdin.write(msgspec.json.encode(message) + b"\n")
        await self._stdin.drain()

    async def receive(self) -> dict[str, Any] | None:
        """The next message; None at the end, and when what comes is not the protocol."""
        while not self.trouble and (line := await self._line()):
            try:
                message = msgspec.json.decode(line)
            except (ValueError, RecursionError):
                message = None
            if isinstance(message, dict):
                return message
            if line.strip():
                self._strange += 1
            if self._strange > _STRANGE:
                self.trouble = "it writes lines that are no messages"
        return None

    async def close(self) -> None:
        """Tell the program that nothing more comes."""
        self._stdin.close()

    async def _line(self) -> bytes:
        parts: list[bytes] = []
        size = 0
        while size <= _LONGEST:
            try:
                parts.append(await self._stdout.readuntil(b"\n"))
                return b"".join(parts)
            except asyncio.IncompleteReadError as end:
                return b"".join([*parts, end.partial])
            except asyncio.LimitOverrunError as more:
                parts.append(await self._stdout.readexactly(more.consumed))
                size += more.consumed
        self.trouble = "it writes a line without end"
        return b""


CommandWrapper: TypeAlias = Callable[[list[str]], list[str]]
"""Makes of a command the one that runs it in a sandbox. What it runs must keep the environment, by which its processes
are found in the end."""

_LAST_WORDS: Final = 1.0  # seconds
_AUTH_REQUIRED: Final = -32_000
_SET_THE_COMMAND: Final = "Set agents.acp.command to the command that starts the program, such as `some-agent --acp`."

# The protocol has no codes for these: what the model's server said stands in the agent's words, as a rule in full.
_TROUBLES: Final[tuple[tuple[str, type[AgentError], str], ...]] = (
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


def no_wrapper(command: list[str]) -> list[str]:
    """The command as it is."""
    return command


def program_name(command: tuple[str, ...]) -> str:
    """The program of a command, as it stands at the beginning of a sentence."""
    return f"The agent program {clean(Path(command[0]).name, 40)!r}"


async def converse(
    command: tuple[str, ...],
    *,
    mark: str,
    folder: str,
    talk: Callable[[JsonLines], Awaitable[None]],
    seconds: float | None = None,
    wrap: CommandWrapper = no_wrapper,
) -> None:
    """Run `command` in `folder` while `talk` talks with it. The program's exit ends that, whoever still holds its
    pipes; in the end it and all that it started are gone.

    Raises AgentError, and TimeoutError when `talk` lasts longer than `seconds`.
    """
    try:
        variables = agent_environment()
    except ConfigError as error:
        raise AgentMissingError(error.what, where=error.where, next_step=error.next_step) from error
    words = wrap(resolve_command(command, variables))
    try:
        async with run_program(
            words, mark=mark, environment={**variables, "PWD": folder}, folder=Path(folder)
        ) as program:
            async with asyncio.timeout(seconds):
                await _talk(command, program, talk)
    except TimeoutError:
        raise
    except OSError as error:
        what = f"{program_name(command)} cannot be started: {clean(error.strerror or error)}."
        raise AgentMissingError(what, next_step=_SET_THE_COMMAND) from error


def resolve_command(command: tuple[str, ...], variables: Mapping[str, str]) -> list[str]:
    """`command` with the whole path of its program, as it will run in another folder.

    Raises AgentMissingError when something is not there that it takes to run it.
    """
    if find_spec("acp") is None:
        raise AgentMissingError(
            "The package agent-client-protocol is not installed.", next_step="Install tabsmith with its extra acp."
        )
    if not command:
        raise AgentMissingError("No agent program is set.", next_step=_SET_THE_COMMAND)
    found = shutil.which(command[0], path=variables.get("PATH"))
    if found is None:
        raise AgentMissingError(
            f"The agent program {clean(command[0])!r} is not found, or may not be run.", next_step=_SET_THE_COMMAND
        )
    return [str(Path(found).absolute()), *command[1:]]


async def _talk(command: tuple[str, ...], program: AgentProgram, talk: Callable[[JsonLines], Awaitable[None]]) -> None:
    lines = JsonLines(program.stdout, program.stdin)
    talking = asyncio.ensure_future(talk(lines))
    exit_ = asyncio.ensure_future(program.exited())
    try:
        await asyncio.wait((talking, exit_), return_when=asyncio.FIRST_COMPLETED)
        await asyncio.wait((talking,), timeout=_LAST_WORDS)  # what it said before it exited is still to be read
        error = talking.exception() if talking.done() else ConnectionError("its child holds the connection")
        if isinstance(error, ConnectionError):
            await asyncio.wait((exit_,), timeout=_LAST_WORDS)  # a closed connection comes just before the exit
        status = exit_.result() if exit_.done() else None
    finally:
        talking.cancel()
        exit_.cancel()
        await asyncio.wait((talking, exit_))
    if error is not None:
        raise await _failure(
            program_name(command), error, lines, program, status
        ) from None  # the cause may quote a key


async def _failure(
    name: str, error: BaseException, lines: JsonLines, program: AgentProgram, status: int | None
) -> AgentError | BaseException:
    """What went wrong, in the words of the agent, of its program, or of tabsmith."""
    from acp import RequestError

    if isinstance(error, RequestError):
        said = refusal_text(error)
        return _refusal(f"{name} reports: {said}", said, access=error.code == _AUTH_REQUIRED)
    if isinstance(error, ConnectionError) and status is not None:
        words = await program.last_words()
        how = f"signal {-status}" if status < 0 else f"exit status {status}"
        what = f"{name} ended before it answered ({how})" + (f": {words}" if words else ".")
        return AgentError(what, next_step="Try the program by itself.")
    if isinstance(error, (ConnectionError, ValueError)):  # a reply that is not the protocol's is a ValueError
        why = lines.trouble or clean(redact(str(error).partition("\n")[0])) or "it closed the connection"
        return AgentError(
            f"{name} does not speak the Agent Client Protocol as tabsmith does: {why}.", next_step=_SET_THE_COMMAND
        )
    return error


def refusal_text(error: "RequestError") -> str:
    """What an agent says about a request that it refuses, on one line, clean and without keys."""
    details = error.data.get("details", error.data) if isinstance(error.data, dict) else error.data
    return clean(redact(f"{error}: {details}" if details else str(error)), 300)


def _refusal(what: str, said: str, *, access: bool) -> AgentError:
    for pattern, kind, next_step in _TROUBLES:
        if (access and kind is AgentAccessError) or re.search(pattern, said, re.IGNORECASE):
            return kind(what, next_step=next_step)
    return AgentError(what, next_step="Try the program by itself.")
