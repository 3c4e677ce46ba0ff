"""The agent `acp`: what the registry asks for, and its coding agent, a fresh program for each job."""

import asyncio
import contextlib
from pathlib import Path
from typing import Final, Literal, TypeAlias

from tabsmith.agents.acp.client import AcpClient
from tabsmith.agents.acp.coding_session import AcpCodingSession
from tabsmith.agents.acp.connection import JsonLines, acp_environment, converse, program_name, resolve_command
from tabsmith.agents.agent_jobs import (
    AgentJob,
    AgentJobEnd,
    AgentJobResult,
    AskPermission,
    CodingAgent,
    DeadlineMissed,
    JobSandbox,
    OnActivity,
)
from tabsmith.agents.backend import Availability, not_usable
from tabsmith.agents.protocol import AgentName, ModelClient, OnReply
from tabsmith.config.settings import AcpSettings, AgentSettings
from tabsmith.errors import AgentMissingError, AgentTimeoutError, ConfigError
from tabsmith.text import clean

_STOP_SECONDS: Final = 2.0  # for a stopped agent to report its usage
_ENDS: Final[dict[str, AgentJobEnd]] = {
    "end_turn": "done",
    "max_tokens": "turn limit",
    "max_turn_requests": "turn limit",
    "refusal": "refused",
    "cancelled": "refused",  # some agents give up if a permission is refused
}

_Stopped: TypeAlias = DeadlineMissed | Literal["turn limit"]


class AcpCodingAgent:
    """Does each job in a new process of the settings' command, which is put into `sandbox` as a whole.

    The permission policy sees only what the program asks for: one that asks for nothing is held by the sandbox alone.
    `AgentJob.resumes` is the session id of the agent itself, which `ModelReply.foreign` reports.
    """

    name: AgentName = "acp"

    def __init__(self, settings: AcpSettings, sandbox: JobSandbox) -> None:
        self._command = settings.command
        self._settings = settings
        self._sandbox = sandbox

    async def work(
        self, job: AgentJob, on_reply: OnReply, on_activity: OnActivity, ask_permission: AskPermission
    ) -> AgentJobResult:
        """Do the job; see `CodingAgent`. Raises AgentError."""
        session = AcpCodingSession(job, on_reply, on_activity, ask_permission)
        stopped: list[_Stopped] = []

        async def talk(lines: JsonLines) -> None:
            stopped.extend(await _watched(session, lines))

        try:
            await converse(self._settings, mark=job.session, folder=job.folder, talk=talk, sandbox=self._sandbox)
        finally:
            session.end()
        for reason in stopped:
            if reason == "seconds":
                what = f"{program_name(self._command)} was not done within {job.seconds:g} seconds."
                raise AgentTimeoutError(what, next_step="Allow more time, or ask for less at once.")
            return AgentJobResult(session.last_message, reason)
        assert session.response is not None
        return AgentJobResult(session.last_message, _ENDS[session.response.stop_reason])


async def _watched(session: AcpCodingSession, lines: JsonLines) -> list[_Stopped]:
    """Let the agent work until it ends, or stop it; return why it was stopped, if it was."""
    running = asyncio.ensure_future(session.run(lines))
    missed = asyncio.ensure_future(session.deadline.missed())
    used_up = asyncio.ensure_future(session.used_up.wait())
    try:
        await asyncio.wait((running, missed, used_up), return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
            return []
        with contextlib.suppress(TimeoutError, ConnectionError):  # it may not read any more, or be gone
            await asyncio.wait_for(session.cancel(), _STOP_SECONDS)
        await asyncio.wait((running,), timeout=_STOP_SECONDS)
        return [missed.result() if missed.done() else "turn limit"]
    finally:
        for task in (running, missed, used_up):
            task.cancel()
        await asyncio.gather(
            running, missed, used_up, return_exceptions=True
        )  # how a stopped agent ends does not matter


def availability(settings: AgentSettings) -> Availability:
    """Tell whether the command's program and the protocol's package are there."""
    try:
        program = resolve_command(settings.acp.command, acp_environment(settings.acp))[0]
    except (AgentMissingError, ConfigError) as error:
        return not_usable("acp", error)
    return Availability("acp", "usable", f"{clean(program)}, which has its own model and login")


def key_variables(_settings: AgentSettings) -> tuple[str, ...]:
    """Return (): the program has a login of its own."""
    return ()


def model_name(settings: AgentSettings) -> str:
    """Return the name of the program, which chooses its model; "" if none is set."""
    return Path(settings.acp.command[0]).name if settings.acp.command else ""


def make_client(settings: AgentSettings) -> ModelClient:
    """Return a client; it starts the program for each prompt."""
    return AcpClient(settings.acp)


def make_coding_agent(settings: AgentSettings, sandbox: JobSandbox) -> CodingAgent:
    """Return a coding agent whose program runs in the job's sandbox as a whole, as its commands cannot be told apart."""
    return AcpCodingAgent(settings.acp, sandbox)
