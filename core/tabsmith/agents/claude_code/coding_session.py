"""One coding job of a running Claude Code, through claude-agent-sdk: its activities are reported, its tool calls decided
and its usage tracked until it ends."""

import asyncio
import contextlib
import json
from pathlib import Path
from typing import Any, Final

from claude_agent_sdk import (
    AssistantMessage,
    ClaudeAgentOptions,
    HookContext,
    HookInput,
    HookJSONOutput,
    HookMatcher,
    Message,
    PermissionResultAllow,
    PermissionResultDeny,
    ResultMessage,
    StreamEvent,
    TextBlock,
    ToolPermissionContext,
    ToolResultBlock,
    ToolUseBlock,
    UserMessage,
    query,
)

from tabsmith.agents.agent_jobs import AgentJob, AgentJobEnd, AgentJobResult, Deadline, DeadlineMissed, OnActivity
from tabsmith.agents.agent_program import AgentProgram
from tabsmith.agents.api_keys import redact
from tabsmith.agents.claude_code import tools
from tabsmith.agents.claude_code.conversation import (
    ProgramTransport,
    broken_off_error,
    check_session,
    require_success,
    retry_error,
)
from tabsmith.agents.claude_code.usage_tracker import SYNTHETIC_MODEL, ClaudeUsageTracker
from tabsmith.agents.confined_files import path_inside
from tabsmith.agents.permission_policy import PermissionPolicy, ToolCall
from tabsmith.errors import AgentError, AgentTimeoutError
from tabsmith.text import clean_block

_EXIT_SECONDS: Final = 2.0  # for the program to save its own state
_CANCEL_SECONDS: Final = 0.3  # for the program to report its usage when the job is cancelled
_TEXT_CHARACTERS: Final = 20_000
_REFUSAL: Final = (
    "This is not permitted here. Do the task inside the folder with what you may use, or say what you lack."
)


async def run_session(
    program: AgentProgram,
    job: AgentJob,
    tracker: ClaudeUsageTracker,
    on_activity: OnActivity,
    policy: PermissionPolicy,
    deadline: Deadline,
) -> AgentJobResult:
    """Have the program do the job. Raises AgentError."""
    session = _CodingSession(program, job, tracker, on_activity, policy, deadline)
    working = asyncio.ensure_future(session.listen())
    missed = asyncio.ensure_future(deadline.missed())
    try:
        await asyncio.wait((working, missed, session.failed), return_when=asyncio.FIRST_COMPLETED)
        result = working.result() if working.done() else None
        limit = missed.result() if missed.done() and result is None else None
        if not working.done():
            await session.sum_up(working, _EXIT_SECONDS)
        elif result is not None:
            program.stdin.close()
            with contextlib.suppress(TimeoutError):  # it stores its counters
                await asyncio.wait_for(program.exited(), _EXIT_SECONDS)
    except asyncio.CancelledError:
        await session.sum_up(working, _CANCEL_SECONDS)
        raise
    finally:
        working.cancel()
        missed.cancel()
        await asyncio.wait((working, missed))
        if not working.cancelled():
            working.exception()  # after a missed deadline nobody else looks at it, which asyncio would log
        tracker.close()
    if session.failed.done():
        raise session.failed.result()
    if limit is not None:
        return session.missed(limit)
    if result is None:
        raise await broken_off_error(program, None)
    return session.end(result)


class _CodingSession:
    """The messages from the program and to it."""

    def __init__(
        self,
        program: AgentProgram,
        job: AgentJob,
        tracker: ClaudeUsageTracker,
        on_activity: OnActivity,
        policy: PermissionPolicy,
        deadline: Deadline,
    ) -> None:
        self.failed: asyncio.Future[AgentError] = asyncio.get_running_loop().create_future()
        self._program = program
        self._job = job
        self._folder = Path(job.folder)
        self._tracker = tracker
        self._on_activity = on_activity
        self._policy = policy
        self._deadline = deadline
        self._text = ""  # the last message
        self._server_error = ""  # the program's word for it
        self._tools: dict[str, str] = {}  # names by call id

    async def listen(self) -> ResultMessage | None:
        """Handle messages until the program's result, and return that; None if the program ended before. Raises AgentError."""
        options = ClaudeAgentOptions(
            verbatim_prompts=True,  # an @path in a task must not become the content of that file
            can_use_tool=self._decide,
            hooks={"PreToolUse": [HookMatcher(matcher=None, hooks=[_always_ask], on_failure="block")]},
        )
        replies = query(prompt=self._job.prompt.text, options=options, transport=ProgramTransport(self._program))
        try:
            async with contextlib.aclosing(replies) as messages:  # type: ignore[type-var]  # it is an async generator
                async for message in messages:
                    self._deadline.restart_silence()
                    self._check(message)
                    if isinstance(message, ResultMessage):
                        self._tracker.settle(message)
                        return message
                    self._handle(message)
        except AgentError:
            raise
        except Exception as error:
            raise await broken_off_error(self._program, error) from error
        return None

    async def sum_up(self, working: "asyncio.Future[ResultMessage | None]", seconds: float) -> None:
        """Have the program stop and report its usage, for at most `seconds`."""
        stop = {"type": "control_request", "request_id": "stop", "request": {"subtype": "interrupt"}}
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(seconds):
                self._program.stdin.write(json.dumps(stop).encode() + b"\n")
                await self._program.stdin.drain()
                await asyncio.wait((working,))
                self._program.stdin.close()
                await self._program.exited()

    def end(self, result: ResultMessage) -> AgentJobResult:
        """Return how the job ended by the program's own account. Raises AgentError."""
        if result.subtype == "error_max_turns":
            return self._finished("turn limit")
        if result.subtype == "error_max_budget_usd":
            return self._finished("budget")
        if result.stop_reason == "refusal":
            return self._finished("refused")
        require_success(result, self._server_error)
        self._text = result.result or self._text
        return self._finished("done")

    def missed(self, limit: DeadlineMissed) -> AgentJobResult:
        """Return how the job ended at a missed deadline. Raises AgentTimeoutError."""
        if limit == "silence":
            return self._finished("silence")
        raise AgentTimeoutError(f"Claude Code was not done within {self._job.seconds:g} seconds.")

    def _finished(self, end: AgentJobEnd) -> AgentJobResult:
        return AgentJobResult(clean_block(redact(self._text), _TEXT_CHARACTERS), end)

    def _check(self, message: Message) -> None:
        """Require tabsmith's session and tools. A retry by the program itself fails the job: tabsmith itself retries."""
        check_session(message, self._job.session, tools.TOOL_KINDS)
        error = retry_error(message)
        if error is not None and not self.failed.done():
            self.failed.set_result(error)

    def _handle(self, message: Message) -> None:
        match message:
            case StreamEvent():
                self._tracker.event(message.event)
            case AssistantMessage(model=model) if model == SYNTHETIC_MODEL:
                self._server_error = message.error or self._server_error
            case AssistantMessage():
                self._tracker.message(message)
                for block in message.content:
                    if isinstance(block, TextBlock) and block.text.strip():
                        self._text = block.text
                        self._on_activity(tools.message_activity(block.text))
                    elif isinstance(block, ToolUseBlock):
                        self._tools[block.id] = block.name
                        self._on_activity(tools.tool_activity(block, self._folder))
            case UserMessage(content=[*blocks]):
                for block in blocks:
                    if isinstance(block, ToolResultBlock):
                        self._on_activity(tools.result_activity(block, self._tools.get(block.tool_use_id, "")))

    async def _decide(
        self, tool: str, arguments: dict[str, Any], _: ToolPermissionContext
    ) -> PermissionResultAllow | PermissionResultDeny:
        self._deadline.restart_silence()
        call = tools.read_tool_call(tool, arguments, self._folder)
        if self._needs_user(call) and self._job.mode == "allow":
            return PermissionResultDeny(message=_REFUSAL)
        if await self._policy.decide(call) == "no":
            return PermissionResultDeny(message=_REFUSAL)
        return PermissionResultAllow()

    def _needs_user(self, call: ToolCall) -> bool:
        """Whether the mode alone must not allow the call: it touches files outside the folder, or files that programs obey."""
        outside = any(path_inside(self._folder, path) is None for path in call.paths)
        return call.use in ("read", "write", "other") and (outside or call.use == "other")


async def _always_ask(_given: HookInput, _call: str | None, _context: HookContext) -> HookJSONOutput:
    """Make the program ask about every tool call, also those that it takes for harmless."""
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "ask"}}
