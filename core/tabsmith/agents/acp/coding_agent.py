"""The agent with hands that is any program speaking the Agent Client Protocol: a fresh program for each errand."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Final, Literal, TypeAlias

from tabsmith.agents.acp.coding_session import AcpCodingSession
from tabsmith.agents.acp.connection import CommandWrapper, JsonLines, converse, no_wrapper, program_name
from tabsmith.agents.agent_jobs import (
    Activity,
    AgentJob,
    AgentJobEnd,
    AgentJobResult,
    PermissionAnswer,
    PermissionRequest,
)
from tabsmith.agents.deadline import DeadlineMissed
from tabsmith.agents.protocol import ModelAgentName, ModelReply
from tabsmith.config.settings import AgentSettings
from tabsmith.errors import AgentTimeoutError

_GRACE: Final = 2.0  # seconds that a stopped agent has to tell what it used
_ENDS: Final[dict[str, AgentJobEnd]] = {
    "end_turn": "done",
    "max_tokens": "turn limit",
    "max_turn_requests": "turn limit",
    "refusal": "refused",
    "cancelled": "refused",  # the agent gave up, as some do when they may not do something
}

_Stopped: TypeAlias = DeadlineMissed | Literal["turn limit"]


def make_coding_agent(settings: AgentSettings, wrap: CommandWrapper = no_wrapper) -> "AcpCodingAgent":
    """The hand behind `agents.acp.command`, whose program is started through `wrap`; nothing is started before it has
    an errand."""
    return AcpCodingAgent(settings.acp.command, wrap)


class AcpCodingAgent:
    """Sends a new process of `command` on each errand.

    What the agent may do is a matter of what it asks for: a program that asks for nothing is only held by the sandbox
    that `wrap` puts it in. `AgentJob.continues` is the session as the agent itself knows it, told by `ModelReply.foreign`.
    """

    name: ModelAgentName = "acp"

    def __init__(self, command: tuple[str, ...], wrap: CommandWrapper = no_wrapper) -> None:
        self._command = command
        self._wrap = wrap

    async def work(
        self,
        errand: AgentJob,
        hear: Callable[[ModelReply], None],
        show: Callable[[Activity], None],
        allow: Callable[[PermissionRequest], Awaitable[PermissionAnswer]],
    ) -> AgentJobResult:
        """Carry the errand out. Raises AgentError; see `Hand`."""
        work = AcpCodingSession(errand, hear, show, allow)
        stopped: list[_Stopped] = []

        async def talk(lines: JsonLines) -> None:
            stopped.extend(await _watched(work, lines))

        try:
            await converse(self._command, mark=errand.session, folder=errand.folder, talk=talk, wrap=self._wrap)
        finally:
            work.end()
        for why in stopped:
            if why == "seconds":
                what = f"{program_name(self._command)} was not done within {errand.seconds:g} seconds."
                raise AgentTimeoutError(what, next_step="Allow more time, or ask for less at once.")
            return AgentJobResult(work.last_message, why)
        assert work.response is not None
        return AgentJobResult(work.last_message, _ENDS[work.response.stop_reason])


async def _watched(work: AcpCodingSession, lines: JsonLines) -> list[_Stopped]:
    """Let the agent work until it ends, or until it is stopped: why, if it was."""
    running = asyncio.ensure_future(work.run(lines))
    lost = asyncio.ensure_future(work.patience.lost())
    used_up = asyncio.ensure_future(work.used_up.wait())
    try:
        await asyncio.wait((running, lost, used_up), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
            return []
        with contextlib.suppress(TimeoutError, ConnectionError):  # it may read no more, or be gone
            await asyncio.wait_for(work.cancel(), _GRACE)
        await asyncio.wait((running,), timeout=_GRACE)
        return [lost.result() if lost.done() else "turn limit"]
    finally:
        for task in (running, lost, used_up):
            task.cancel()
        await asyncio.gather(running, lost, used_up, return_exceptions=True)  # how a stopped one ends is no matter
