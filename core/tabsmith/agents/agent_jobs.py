"""Coding agents: an agent is sent into a folder with a goal, and what it does there is reported as it happens. A deadline
says how long it may work and be silent; time spent waiting for the user counts as neither."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from tabsmith.agents.protocol import AgentName, OnReply, Prompt
from tabsmith.sandbox.policy import SandboxLevel

PermissionMode: TypeAlias = Literal["ask", "allow", "refuse"]
"""What happens to a tool call beyond the agent's rules: the user is asked, or it is always allowed or refused."""

RiskLevel: TypeAlias = Literal["low", "medium", "high"]
"""`low` reads, `medium` writes inside the folder or runs a command there, `high` reaches outside or the network."""

AgentJobEnd: TypeAlias = Literal["done", "turn limit", "refused", "silence", "budget"]
"""How a job ended: the agent said that it was done (which proves nothing), its turns were used up, the model refused,
the agent was silent for too long, or the budget was spent."""

ToolKind: TypeAlias = Literal["read", "write", "run", "fetch", "think", "other"]
"""What a tool does; `run` runs a command, which the sandbox bounds."""

PermissionAnswer: TypeAlias = Literal["once", "always", "no"]
"""`always` allows every call of the same tool on the same subject for the rest of the job."""

CommandWrapper: TypeAlias = Callable[[list[str]], list[str]]
"""Turns a command into one that runs it in a sandbox, with the same pipes. The wrapped command must keep the
environment, by which its processes are found when the job ends."""


class PermissionRules(msgspec.Struct, frozen=True):
    """What the agent may do in the folder without asking: patterns of paths (`src/**`) and of commands (`python *`)."""

    read: tuple[str, ...] = ("**",)
    write: tuple[str, ...] = ("**",)
    run: tuple[str, ...] = ()


class AgentJob(msgspec.Struct, frozen=True, kw_only=True):
    """A prompt and the folder to work in.

    `session` is a fresh UUID made by tabsmith; `resumes` is the session whose conversation goes on, "" for a new one.
    The job ends after `seconds`, after `silence` seconds without any message, after `turns` replies of the model, and,
    for an agent that knows its prices, after `dollars` (a decimal; "" for no limit). `sandbox` and `network` bound the
    commands that the agent runs.
    """

    session: str
    prompt: Prompt
    folder: str
    rules: PermissionRules
    mode: PermissionMode = "ask"
    resumes: str = ""
    seconds: float = 600.0
    silence: float = 120.0
    turns: int = 50
    dollars: str = ""
    sandbox: SandboxLevel = "none"
    network: Literal["none", "all"] = "none"
    readable: tuple[str, ...] = ()
    """Paths outside of the folder that the agent's commands may read, such as the objects of its git repository."""


class Activity(msgspec.Struct, frozen=True):
    """One thing the agent did: it wrote the message `text`, called the tool `tool` on `text`, or the tool returned
    `text`."""

    kind: Literal["message", "tool", "result"]
    text: str
    tool: str = ""
    failed: bool = False


class PermissionRequest(msgspec.Struct, frozen=True):
    """A tool call that needs the user's permission; `what` is the command, the path or the address."""

    id: str
    tool: str
    what: str
    risk: RiskLevel
    use: ToolKind = "other"


class AgentJobResult(msgspec.Struct, frozen=True):
    """The agent's last message, and how the job ended."""

    text: str
    end: AgentJobEnd


OnActivity: TypeAlias = Callable[[Activity], None]
AskPermission: TypeAlias = Callable[[PermissionRequest], Awaitable[PermissionAnswer]]


class CodingAgent(Protocol):
    """The program of a coding agent. Coding agents run in the agent server's process."""

    @property
    def name(self) -> AgentName: ...

    async def work(
        self, job: AgentJob, on_reply: OnReply, on_activity: OnActivity, ask_permission: AskPermission
    ) -> AgentJobResult:
        """Do the job and return its result.

        The model's replies go to `on_reply` as they arrive, with their usage, and the agent's activities to
        `on_activity`. `ask_permission` may wait for a user, which does not count as silence. Cancelling ends every
        process that was started. Raises AgentError; whatever was done in the folder before stays done.
        """
        ...


def unwrapped(command: list[str]) -> list[str]:
    """Return the command as it is: the `CommandWrapper` without a sandbox."""
    return command


@dataclass(frozen=True)
class JobSandbox:
    """What surrounds a coding agent in one job. `wrap_command` puts a command that the agent runs into the sandbox,
    `wrap_program` the agent's whole program.

    `temporary` is a folder that is writable inside the sandbox and removed after the job. `command_variables` is the whole
    environment of the agent's commands; `program_variables` are those that a wrapped program gets in place of the user's.
    """

    temporary: Path
    command_variables: Mapping[str, str]
    program_variables: Mapping[str, str] = field(default_factory=dict)
    wrap_command: CommandWrapper = unwrapped
    wrap_program: CommandWrapper = unwrapped


DeadlineMissed: TypeAlias = Literal["silence", "seconds"]


class Deadline:
    """The clock of one call or job, which runs from when it is made."""

    def __init__(self, silence: float, seconds: float) -> None:
        self._clock = asyncio.get_running_loop().time
        self._silence = silence
        self._last_activity = self._clock()
        self._end = self._last_activity + seconds
        self._pauses = 0  # of users who are waited for at this moment
        self._paused_at = 0.0
        self._running = asyncio.Event()
        self._running.set()

    def restart_silence(self) -> None:
        """Count the silence from now on: the agent has shown a sign of life."""
        self._last_activity = self._clock()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock while the user is waited for. Pauses may overlap."""
        if not self._pauses:
            self._paused_at = self._clock()
            self._running.clear()
        self._pauses += 1
        try:
            yield
        finally:
            self._pauses -= 1
            if not self._pauses:
                self._end += self._clock() - self._paused_at
                self._last_activity = self._clock()
                self._running.set()

    async def missed(self) -> DeadlineMissed:
        """Wait until the deadline is missed, and return which limit was hit."""
        while True:
            await self._running.wait()
            silent, left = self._last_activity + self._silence - self._clock(), self._end - self._clock()
            if silent <= 0 or left <= 0:
                return "seconds" if left <= silent else "silence"
            await asyncio.sleep(min(silent, left))


async def wait_until(deadline: Deadline, future: asyncio.Future[Any]) -> bool:
    """Wait until `future` is done; return False if the deadline is missed first. The future is not cancelled."""
    missed = asyncio.ensure_future(deadline.missed())
    try:
        await asyncio.wait((missed, future), return_when=asyncio.FIRST_COMPLETED)
        return future.done()
    finally:
        missed.cancel()
