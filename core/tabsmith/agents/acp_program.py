"""A conversation with a program that speaks the Agent Client Protocol: found, started, listened to, and its failure
told in words."""

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

from tabsmith.agents.acp_lines import Lines
from tabsmith.agents.keys import FILE_NAME, environment, redact
from tabsmith.agents.program import Program, running
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

Wrap: TypeAlias = Callable[[list[str]], list[str]]
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
        f"Log in with the program itself, or set its key in the environment or in {FILE_NAME} beside the settings.",
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


def unwrapped(command: list[str]) -> list[str]:
    """The command as it is."""
    return command


def named(command: tuple[str, ...]) -> str:
    """The program of a command, as it stands at the beginning of a sentence."""
    return f"The agent program {clean(Path(command[0]).name, 40)!r}"


async def converse(
    command: tuple[str, ...],
    *,
    mark: str,
    folder: str,
    talk: Callable[[Lines], Awaitable[None]],
    seconds: float | None = None,
    wrap: Wrap = unwrapped,
) -> None:
    """Run `command` in `folder` while `talk` talks with it. The program's exit ends that, whoever still holds its
    pipes; in the end it and all that it started are gone.

    Raises AgentError, and TimeoutError when `talk` lasts longer than `seconds`.
    """
    try:
        variables = environment()
    except ConfigError as error:
        raise AgentMissingError(error.what, where=error.where, next_step=error.next_step) from error
    words = wrap(resolve(command, variables))
    try:
        async with running(words, mark=mark, environment={**variables, "PWD": folder}, folder=Path(folder)) as program:
            async with asyncio.timeout(seconds):
                await _talk(command, program, talk)
    except TimeoutError:
        raise
    except OSError as error:
        what = f"{named(command)} cannot be started: {clean(error.strerror or error)}."
        raise AgentMissingError(what, next_step=_SET_THE_COMMAND) from error


def resolve(command: tuple[str, ...], variables: Mapping[str, str]) -> list[str]:
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


async def _talk(command: tuple[str, ...], program: Program, talk: Callable[[Lines], Awaitable[None]]) -> None:
    lines = Lines(program.stdout, program.stdin)
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
        raise await _failure(named(command), error, lines, program, status) from None  # the cause may quote a key


async def _failure(
    name: str, error: BaseException, lines: Lines, program: Program, status: int | None
) -> AgentError | BaseException:
    """What went wrong, in the words of the agent, of its program, or of tabsmith."""
    from acp import RequestError

    if isinstance(error, RequestError):
        said = complaint(error)
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


def complaint(error: "RequestError") -> str:
    """What an agent says about a request that it refuses, on one line, clean and without keys."""
    details = error.data.get("details", error.data) if isinstance(error.data, dict) else error.data
    return clean(redact(f"{error}: {details}" if details else str(error)), 300)


def _refusal(what: str, said: str, *, access: bool) -> AgentError:
    for pattern, kind, next_step in _TROUBLES:
        if (access and kind is AgentAccessError) or re.search(pattern, said, re.IGNORECASE):
            return kind(what, next_step=next_step)
    return AgentError(what, next_step="Try the program by itself.")
