"""Runs coding jobs in the agent server: each in its sandbox, with its permission requests sent to the worker."""

import asyncio
import math
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

import msgspec

from tabsmith import config
from tabsmith.agents.agent_jobs import (
    Activity,
    AgentJob,
    AgentJobResult,
    CodingAgent,
    CommandWrapper,
    Deadline,
    JobSandbox,
    PermissionAnswer,
    PermissionRequest,
    unwrapped,
    wait_until,
)
from tabsmith.agents.api_keys import redact
from tabsmith.agents.backend import backend
from tabsmith.agents.protocol import AgentName, ModelReply
from tabsmith.agents.server.messages import (
    ActivityReported,
    AgentJobFinished,
    PermissionRequested,
    ReplyReceived,
    ServerMessage,
    shorten,
    valid_reply,
    valid_text,
)
from tabsmith.errors import AgentTimeoutError
from tabsmith.paths import folders
from tabsmith.sandbox.policy import WALLS, NetworkAccess, SandboxPolicy, sandbox_environment
from tabsmith.sandbox.runner import scratch_folder, wrap_command
from tabsmith.text import clean_block

_PROCESSES: Final = 1_024
_MEMORY_MB: Final = 8_192
_ACTIVITY_CHARACTERS: Final = 20_000


class JobRunner:
    """The jobs under way. `send` gets every message to the worker."""

    def __init__(self, send: Callable[[ServerMessage], None]) -> None:
        self._send = send
        self._questions: dict[tuple[str, str], asyncio.Future[PermissionAnswer]] = {}  # by session and request id

    def answer_permission(self, session: str, request_id: str, answer: PermissionAnswer) -> None:
        """Pass the user's answer to the job; nothing happens if the job has ended."""
        question = self._questions.get((session, request_id))
        if question is not None and not question.done():
            question.set_result(answer)

    async def run(self, agent: AgentName, job: AgentJob, grace: float) -> AgentJobFinished:
        """Do the job, which may take `grace` seconds longer than its own time. Raises AgentError."""
        with scratch_folder() as name:
            scratch = Path(name)
            coding_agent = backend(agent).make_coding_agent(config.load().agents, _job_sandbox(job, scratch))
            return await self._run(coding_agent, job, grace)

    async def _run(self, coding_agent: CodingAgent, job: AgentJob, grace: float) -> AgentJobFinished:
        session = job.session
        deadline = Deadline(math.inf, job.seconds + grace)  # the agent itself watches for silence

        def on_reply(reply: ModelReply) -> None:
            self._send(ReplyReceived(session, valid_reply(reply)))

        def on_activity(activity: Activity) -> None:
            text = clean_block(redact(valid_text(activity.text)), _ACTIVITY_CHARACTERS)
            self._send(ActivityReported(session, msgspec.structs.replace(activity, text=text)))

        async def ask_permission(request: PermissionRequest) -> PermissionAnswer:
            key = (session, request.id)
            question: asyncio.Future[PermissionAnswer] = asyncio.get_running_loop().create_future()
            self._questions[key] = question
            try:
                with deadline.paused():
                    self._send(PermissionRequested(session, request))
                    return await question
            finally:
                del self._questions[key]

        work = asyncio.ensure_future(coding_agent.work(job, on_reply, on_activity, ask_permission))
        try:
            if not await wait_until(deadline, work):
                raise AgentTimeoutError(f"The job was not done within {job.seconds:,.0f} s.")
            result = work.result()
        finally:
            work.cancel()
            await asyncio.wait((work,))
            if not work.cancelled():
                work.exception()  # after a missed deadline nobody else looks at it, which asyncio would log
        return AgentJobFinished(session, AgentJobResult(shorten(valid_text(result.text)), result.end))


def _job_sandbox(job: AgentJob, scratch: Path) -> JobSandbox:
    commands = _policy(job, network=job.network)
    variables = sandbox_environment(commands, scratch)
    return JobSandbox(
        temporary=scratch / "tmp",
        command_variables=variables,
        # Below the levels with walls the program finds its login in the user's home.
        program_variables={name: variables[name] for name in ("HOME", "TMPDIR") if job.sandbox in WALLS},
        wrap_command=_wrapper(job, scratch, commands),
        wrap_program=_program_wrapper(job, scratch),
    )


def _policy(job: AgentJob, *, network: NetworkAccess, readable: tuple[Path, ...] = ()) -> SandboxPolicy:
    readable += tuple(Path(path) for path in job.readable)
    return SandboxPolicy(readable=readable, network=network, seconds=None, processes=_PROCESSES, memory_mb=_MEMORY_MB)


def _program_wrapper(job: AgentJob, scratch: Path) -> CommandWrapper:
    """How the agent's whole program is put into the job's sandbox. Its network is open, for its model's server."""

    def wrap(command: list[str]) -> list[str]:
        return _wrapper(job, scratch, _policy(job, network="all", readable=_named_files(command)))(command)

    return wrap


def _wrapper(job: AgentJob, scratch: Path, policy: SandboxPolicy) -> CommandWrapper:
    if job.sandbox == "none":
        return unwrapped

    def wrap(command: list[str]) -> list[str]:
        return list(wrap_command(tuple(command), Path(job.folder), policy, job.sandbox, scratch).argv)

    return wrap


def _named_files(command: list[str]) -> tuple[Path, ...]:
    """The files that a command line names, with their siblings if they lie in a temporary folder; none of tabsmith's
    state."""
    temporary, state = Path(tempfile.gettempdir()).resolve(), folders().state.resolve()
    named = [Path(word).resolve() for word in command[1:] if word.startswith("/") and Path(word).exists()]
    return tuple(
        path.parent if path.is_relative_to(temporary) and path.parent != temporary else path
        for path in named
        if not path.is_relative_to(state)
    )
