"""Errands in the agents' process: the hands that carry them out, and the permissions that they wait for.

The sandbox of an errand: of the commands that Claude Code runs, and of an ACP agent's whole program.
"""

import asyncio
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from tabsmith import config
from tabsmith.agents.acp.connection import CommandWrapper
from tabsmith.agents.agent_jobs import (
    Activity,
    AgentJob,
    AgentJobResult,
    CodingAgent,
    PermissionAnswer,
    PermissionRequest,
)
from tabsmith.agents.api_keys import redact
from tabsmith.agents.deadline import Deadline, wait_until
from tabsmith.agents.protocol import ModelAgentName, ModelReply
from tabsmith.agents.server.messages import (
    ActivityReported,
    AgentJobFinished,
    PermissionRequested,
    ReplyReceived,
    ServerMessage,
    shorten,
    valid_text,
)
from tabsmith.config.settings import AgentSettings
from tabsmith.errors import AgentError, AgentTimeoutError
from tabsmith.paths import folders
from tabsmith.sandbox.policy import SandboxPolicy
from tabsmith.sandbox.runner import scratch_folder, wrap_command
from tabsmith.text import clean_block

_PROCESSES = 1_024
_MEMORY_MB = 8_192


def wrap_agent_commands(errand: AgentJob, own: Path) -> CommandWrapper:
    """How a command of the agent's is put into its sandbox. `own` is a scratch folder that lives as long as the
    errand. The program itself stays outside, as it needs its login and its model's server; its file tools pass the
    gate."""
    policy = SandboxPolicy(network=errand.network, seconds=None, processes=_PROCESSES, memory_mb=_MEMORY_MB)
    return _wrapping(errand, own, policy)


def wrap_agent_program(errand: AgentJob, own: Path) -> CommandWrapper:
    """How a program whose commands cannot be told apart is put into the sandbox as a whole. Its network is open, so
    that it reaches its model's server."""

    def inside(command: list[str]) -> list[str]:
        policy = SandboxPolicy(
            readable=_given(command), network="all", seconds=None, processes=_PROCESSES, memory_mb=_MEMORY_MB
        )
        return _wrapping(errand, own, policy)(command)

    return inside


def _wrapping(errand: AgentJob, own: Path, policy: SandboxPolicy) -> CommandWrapper:
    def inside(command: list[str]) -> list[str]:
        if errand.sandbox == "none":
            return command
        return list(wrap_command(tuple(command), Path(errand.folder), policy, errand.sandbox, own).argv)

    return inside


def _given(command: list[str]) -> tuple[Path, ...]:
    """Files that the command line names, with what lies beside them in a temporary folder; none of tabsmith's own."""
    temporary, state = Path(tempfile.gettempdir()).resolve(), folders().state.resolve()
    named = [Path(word).resolve() for word in command[1:] if word.startswith("/") and Path(word).exists()]
    return tuple(
        path.parent if path.is_relative_to(temporary) and path.parent != temporary else path
        for path in named
        if not path.is_relative_to(state)
    )


_LONGEST_ACTIVITY: Final = 20_000  # characters


class JobRunner:
    """Those that are under way. `tell` is given every notice."""

    def __init__(self, tell: Callable[[ServerMessage], None]) -> None:
        self._tell = tell
        self._wanted: dict[tuple[str, str], asyncio.Future[PermissionAnswer]] = {}  # by session and id

    def permit(self, session: str, name: str, allowed: PermissionAnswer) -> None:
        """Pass the answer on. It may come too late, for the errand may be over."""
        wanted = self._wanted.get((session, name))
        if wanted is not None and not wanted.done():
            wanted.set_result(allowed)

    async def carry_out(self, name: ModelAgentName, errand: AgentJob, grace: float) -> AgentJobFinished:
        """Have the errand carried out; `grace` is how much longer than its seconds it may take. Raises AgentError."""
        with scratch_folder() as own:
            return await self._carry_out(_make(name, config.load().agents, errand, Path(own)), errand, grace)

    async def _carry_out(self, hand: CodingAgent, errand: AgentJob, grace: float) -> AgentJobFinished:
        session = errand.session
        patience = Deadline(math.inf, errand.seconds + grace)  # silence is the hand's own affair

        def hear(turn: ModelReply) -> None:
            whole = msgspec.structs.replace(
                turn,
                text=shorten(valid_text(turn.text)),
                model=valid_text(turn.model),
                foreign=valid_text(turn.foreign),
            )
            self._tell(ReplyReceived(session, whole))

        def show(activity: Activity) -> None:
            text = clean_block(redact(valid_text(activity.text)), _LONGEST_ACTIVITY)
            self._tell(ActivityReported(session, msgspec.structs.replace(activity, text=text)))

        async def allow(permission: PermissionRequest) -> PermissionAnswer:
            key = (session, permission.id)
            wanted: asyncio.Future[PermissionAnswer] = asyncio.get_running_loop().create_future()
            self._wanted[key] = wanted
            try:
                with patience.waiting():
                    self._tell(PermissionRequested(session, permission))
                    return await wanted
            finally:
                del self._wanted[key]

        work = asyncio.ensure_future(hand.work(errand, hear, show, allow))
        try:
            if not await wait_until(patience, work):
                raise AgentTimeoutError(f"The errand was not done within {errand.seconds:,.0f} s.")
            finished = work.result()
        finally:
            work.cancel()
            await asyncio.wait((work,))
            if not work.cancelled():
                work.exception()  # when it was given up, nobody looks at it
        return AgentJobFinished(session, AgentJobResult(shorten(valid_text(finished.text)), finished.end))


def _make(name: ModelAgentName, settings: AgentSettings, errand: AgentJob, own: Path) -> CodingAgent:
    match name:
        case "claude-code":
            from tabsmith.agents.claude_code import coding_agent as claude_code_coding_agent

            return claude_code_coding_agent.make_coding_agent(settings, commands=wrap_agent_commands(errand, own))
        case "acp":
            from tabsmith.agents.acp import coding_agent as acp_coding_agent

            return acp_coding_agent.make_coding_agent(settings, wrap_agent_program(errand, own))
        case "llm":
            raise AgentError(
                "The agent llm only answers; it cannot work in a folder.", next_step="Choose claude-code or acp."
            )
