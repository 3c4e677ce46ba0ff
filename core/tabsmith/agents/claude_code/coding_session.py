"""An errand of a running Claude Code, through claude-agent-sdk: what it does is shown, what it wishes is answered, what
it uses is booked, and its end is told."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

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
    SystemMessage,
    TextBlock,
    ToolPermissionContext,
    ToolResultBlock,
    ToolUseBlock,
    UserMessage,
    query,
)

from tabsmith.agents.agent_jobs import Activity, AgentJob, AgentJobEnd, AgentJobResult
from tabsmith.agents.agent_program import AgentProgram
from tabsmith.agents.api_keys import redact
from tabsmith.agents.claude_code import tools
from tabsmith.agents.claude_code.conversation import ProgramTransport, broken_off_error, retry_error, server_error
from tabsmith.agents.claude_code.usage_tracker import SYNTHETIC_MODEL, ClaudeUsageTracker
from tabsmith.agents.confined_files import path_inside
from tabsmith.agents.deadline import Deadline
from tabsmith.agents.permission_policy import PermissionPolicy, ToolCall
from tabsmith.errors import AgentError, AgentReplyError, AgentTimeoutError
from tabsmith.text import clean, clean_block

_FAREWELL: Final = 2.0  # seconds that the program has to put its own things away
_LAST_SUM: Final = 0.3  # seconds that it has to sum up when nobody wants to wait
_LONGEST_TEXT: Final = 20_000  # characters of its last words
_NO: Final = "This is not permitted here. Do the errand inside the folder with what you may use, or say what you lack."


async def run_session(
    program: AgentProgram,
    errand: AgentJob,
    ledger: ClaudeUsageTracker,
    show: Callable[[Activity], None],
    gate: PermissionPolicy,
    patience: Deadline,
) -> AgentJobResult:
    """Have it done. Raises AgentError."""
    work = _CodingSession(program, errand, ledger, show, gate, patience)
    working = asyncio.ensure_future(work.listen())
    lost = asyncio.ensure_future(patience.lost())
    try:
        await asyncio.wait((working, lost, work.troubled), return_when=asyncio.FIRST_COMPLETED)
        result = working.result() if working.done() else None
        over = lost.result() if lost.done() and result is None else None
        if not working.done():
            await work.sum_up(working, _FAREWELL)
        elif result is not None:
            program.stdin.close()
            with contextlib.suppress(TimeoutError):  # it writes down where its counters stand
                await asyncio.wait_for(program.exited(), _FAREWELL)
    except asyncio.CancelledError:
        await work.sum_up(working, _LAST_SUM)
        raise
    finally:
        working.cancel()
        lost.cancel()
        await asyncio.wait((working, lost))
        if not working.cancelled():
            working.exception()  # when it was given up, nobody looks at it
        ledger.close()
    if work.troubled.done():
        raise work.troubled.result()
    if over is not None:
        return work.given_up(over)
    if result is None:
        raise await broken_off_error(program, None)
    return work.end(result)


class _CodingSession:
    """What is heard of the program, and said to it."""

    def __init__(
        self,
        program: AgentProgram,
        errand: AgentJob,
        ledger: ClaudeUsageTracker,
        show: Callable[[Activity], None],
        gate: PermissionPolicy,
        patience: Deadline,
    ) -> None:
        self.troubled: asyncio.Future[AgentError] = asyncio.get_running_loop().create_future()
        self._program = program
        self._errand = errand
        self._folder = Path(errand.folder)
        self._ledger = ledger
        self._show = show
        self._gate = gate
        self._patience = patience
        self._words = ""  # its last
        self._fault = ""  # the program's word for what the server did
        self._tools: dict[str, str] = {}  # names by the ids of their calls

    async def listen(self) -> ResultMessage | None:
        """Listen until it sums up; None when it ended before. Raises AgentError."""
        options = ClaudeAgentOptions(
            verbatim_prompts=True,  # in what a task says, an @path must not become the content of that file
            can_use_tool=self._answer,
            hooks={"PreToolUse": [HookMatcher(matcher=None, hooks=[_always_ask], on_failure="block")]},
        )
        replies = query(prompt=self._errand.prompt.text, options=options, transport=ProgramTransport(self._program))
        try:
            async with contextlib.aclosing(replies) as messages:  # type: ignore[type-var]  # it is an async generator
                async for message in messages:
                    self._patience.heard()
                    self._check(message)
                    if isinstance(message, ResultMessage):
                        self._ledger.settle(message)
                        return message
                    self._take(message)
        except AgentError:
            raise
        except Exception as error:
            raise await broken_off_error(self._program, error) from error
        return None

    async def sum_up(self, working: "asyncio.Future[ResultMessage | None]", seconds: float) -> None:
        """Have the program stop, and say what it used."""
        stop = {"type": "control_request", "request_id": "stop", "request": {"subtype": "interrupt"}}
        with contextlib.suppress(OSError, TimeoutError):
            async with asyncio.timeout(seconds):
                self._program.stdin.write(json.dumps(stop).encode() + b"\n")
                await self._program.stdin.drain()
                await asyncio.wait((working,))
                self._program.stdin.close()
                await self._program.exited()

    def end(self, result: ResultMessage) -> AgentJobResult:
        """How it ended, by its own account. Raises AgentError."""
        said = clean(redact(result.result or ", ".join(result.errors or ())), 300)
        if result.subtype == "error_max_turns":
            return self._finished("turn limit")
        if result.subtype == "error_max_budget_usd":
            return self._finished("budget")
        if result.stop_reason == "refusal":
            return self._finished("refused")
        if result.is_error and (result.terminal_reason == "api_error" or result.api_error_status):
            raise server_error(result.api_error_status, self._fault, said, 0.0)
        if result.is_error:
            raise AgentReplyError(f"Claude Code gave up: {said or result.subtype}.")
        self._words = result.result or self._words
        return self._finished("done")

    def given_up(self, over: Literal["silence", "seconds"]) -> AgentJobResult:
        """How it ended when patience was lost. Raises AgentTimeoutError."""
        if over == "silence":
            return self._finished("silence")
        raise AgentTimeoutError(f"Claude Code was not done within {self._errand.seconds:g} seconds.")

    def _finished(self, end: AgentJobEnd) -> AgentJobResult:
        return AgentJobResult(clean_block(redact(self._words), _LONGEST_TEXT), end)

    def _check(self, message: Message) -> None:
        """That it is our session with our tools. When the server fails, tabsmith's own retries are what counts."""
        data: dict[str, Any] = message.data if isinstance(message, SystemMessage) else {}
        said = data.get("session_id") or getattr(message, "session_id", None) or self._errand.session
        if said != self._errand.session:
            raise AgentReplyError(f"Claude Code works in the session {clean(said)}, not in {self._errand.session}.")
        match data:
            case {"subtype": "init", "tools": [*found]} if set(found) - set(tools.TOOL_KINDS):
                raise AgentError(f"Claude Code came with tools that it must not have: {clean(', '.join(found))}.")
        trouble = retry_error(message)
        if trouble is not None and not self.troubled.done():
            self.troubled.set_result(trouble)

    def _take(self, message: Message) -> None:
        match message:
            case StreamEvent():
                self._ledger.event(message.event)
            case AssistantMessage(model=model) if model == SYNTHETIC_MODEL:
                self._fault = message.error or self._fault
            case AssistantMessage():
                self._ledger.message(message)
                for block in message.content:
                    if isinstance(block, TextBlock) and block.text.strip():
                        self._words = block.text
                        self._show(tools.message_activity(block.text))
                    elif isinstance(block, ToolUseBlock):
                        self._tools[block.id] = block.name
                        self._show(tools.tool_activity(block, self._folder))
            case UserMessage(content=[*blocks]):
                for block in blocks:
                    if isinstance(block, ToolResultBlock):
                        self._show(tools.result_activity(block, self._tools.get(block.tool_use_id, "")))

    async def _answer(
        self, tool: str, given: dict[str, Any], _: ToolPermissionContext
    ) -> PermissionResultAllow | PermissionResultDeny:
        self._patience.heard()
        wish = tools.read_tool_call(tool, given, self._folder)
        if self._needs_a_person(wish) and self._errand.asking == "allow":
            return PermissionResultDeny(message=_NO)
        if await self._gate.answer(wish) == "no":
            return PermissionResultDeny(message=_NO)
        return PermissionResultAllow()

    def _needs_a_person(self, wish: ToolCall) -> bool:
        """Files outside of the folder, and those that programs obey, are not the mode's to allow."""
        outside = any(path_inside(self._folder, path) is None for path in wish.paths)
        return wish.use in ("read", "write", "other") and (outside or wish.use == "other")


async def _always_ask(_given: HookInput, _call: str | None, _context: HookContext) -> HookJSONOutput:
    """The program has its own idea of what is harmless; here every call is answered by the gate."""
    return {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "ask"}}
