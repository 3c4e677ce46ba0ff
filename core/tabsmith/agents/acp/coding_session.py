"""A session of the Agent Client Protocol in which the agent works: what it does is told, what it may not is asked for,
and its folder's files are read and written for it.

The protocol's package is imported when a session begins.
"""

import asyncio
from collections.abc import Awaitable, Callable
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from tabsmith.agents.acp.client import WORK_UPDATES, choose_option
from tabsmith.agents.acp.connection import JsonLines, refusal_text
from tabsmith.agents.acp.tool_calls import PartialToolCall
from tabsmith.agents.acp.usage_tracker import AcpUsageTracker
from tabsmith.agents.agent_jobs import Activity, AgentJob, PermissionAnswer, PermissionRequest
from tabsmith.agents.confined_files import path_inside, read_text, write_text
from tabsmith.agents.deadline import Deadline
from tabsmith.agents.permission_policy import PermissionPolicy, ToolCall, safe_text
from tabsmith.agents.protocol import ModelReply
from tabsmith.text import clean

if TYPE_CHECKING:
    import acp
    from acp.client.connection import ClientSideConnection
    from acp.schema import (
        InitializeResponse,
        PermissionOption,
        PermissionOptionKind,
        PromptResponse,
        ReadTextFileResponse,
        RequestPermissionResponse,
        SessionModeState,
        ToolCallUpdate,
        WriteTextFileResponse,
    )

_LONGEST: Final = 20_000  # characters of a message that is shown
_MOST_TEXT: Final = 4_000_000  # characters of all messages
_KINDS: Final[dict[PermissionAnswer, "tuple[PermissionOptionKind, ...]"]] = {
    "once": ("allow_once",),
    "always": ("allow_always", "allow_once"),
    "no": ("reject_once", "reject_always"),
}
# These are not of the protocol, by which agents pass over what they do not know: Claude's agent then takes no settings
# from the folder it works in, where whoever made the folder could allow it everything.
_OWN_SETTINGS: Final = {"options": {"settingSources": ["user"]}}


class AcpCodingSession:
    """The client's side of one errand. `used_up` is set when the model begins more turns than the errand allows. Files
    outside the folder are never served."""

    def __init__(
        self,
        errand: AgentJob,
        hear: Callable[[ModelReply], None],
        show: Callable[[Activity], None],
        allow: Callable[[PermissionRequest], Awaitable[PermissionAnswer]],
    ) -> None:
        self.patience = Deadline(errand.silence, errand.seconds)
        self.used_up = asyncio.Event()
        self.response: PromptResponse | None = None
        self._ledger = AcpUsageTracker(hear)
        self.last_message = ""
        self._errand = errand
        self._folder = Path(errand.folder).resolve()
        self._show = show
        self._gate = PermissionPolicy(self._folder, errand.rights, errand.asking, allow, self.patience, self._tell)
        self._stops = False
        self._connection: ClientSideConnection | None = None
        self._id = ""  # while it is "", what comes is of the past
        self._message: list[str] = []
        self._said = 0  # characters
        self._calls: dict[str, PartialToolCall] = {}
        self._turns = 1
        self._used_tools = False  # since the model last said something

    async def run(self, lines: JsonLines) -> None:
        """Open the session, send the letter and wait for the end of the work.

        Raises acp.RequestError for what the agent refuses, ConnectionError when it is gone, ValueError for what is not
        the protocol.
        """
        import acp
        from acp.schema import ClientCapabilities, FileSystemCapabilities, Implementation

        # No terminal is offered: what the agent runs is a child of its own program, in whatever sandbox that is.
        able = ClientCapabilities(fs=FileSystemCapabilities(read_text_file=True, write_text_file=True))
        self._connection = acp.connect_to_agent(cast("acp.Client", self), lines)
        try:
            about = Implementation(name="tabsmith", version=version("tabsmith"))
            greeting = await self._connection.initialize(acp.PROTOCOL_VERSION, able, about)
            if greeting.protocol_version != acp.PROTOCOL_VERSION:
                raise ValueError(f"it wants version {greeting.protocol_version} of the protocol")
            self.patience.heard()
            session = await self._open(self._connection, greeting)
            self._id = self._ledger.foreign = session
            self.patience.heard()
            if self._stops:
                return
            letter = self._errand.prompt
            texts = [text for text in (letter.system, letter.text) if text]
            self.response = await self._connection.prompt(session, [acp.text_block(text) for text in texts])
        finally:
            await self._connection.close()

    async def cancel(self) -> None:
        """Ask the agent to stop; it answers by ending `run`. Before it has begun, nothing is begun."""
        self._stops = True
        if self._connection is not None and self._id:
            await self._connection.cancel(self._id)

    def end(self) -> None:
        """Show and hand on what was not yet."""
        self._end_message()
        for call in self._calls.values():
            if not call.over:
                self._show(call.broken_off())
        self._ledger.end(self.response)

    # What the agent tells and asks ------------------------------------------------------------------------------------

    async def session_update(self, session_id: str, update: object, **_: object) -> None:
        """The protocol's notice of anything that happens in a session."""
        from acp.schema import AgentMessageChunk, TextContentBlock, ToolCallProgress, ToolCallStart, UsageUpdate

        self.patience.heard()
        if session_id != self._id:
            if not self._id and session_id == self._errand.continues and isinstance(update, UsageUpdate):
                self._ledger.stood_at(update.cost)
            return
        kind = getattr(update, "session_update", "")
        speaks = kind in ("agent_message_chunk", "agent_thought_chunk")
        if self._used_tools and (speaks or (kind == "tool_call" and all(call.over for call in self._calls.values()))):
            self._next_turn()
        if kind in WORK_UPDATES:
            self._ledger.works()
        if isinstance(update, AgentMessageChunk) and isinstance(update.content, TextContentBlock):
            self._say(update.content.text)
        elif isinstance(update, (ToolCallStart, ToolCallProgress)):
            self._take(update.tool_call_id, update)
        elif isinstance(update, UsageUpdate):
            self._ledger.told(update.cost)

    async def request_permission(
        self, session_id: str, tool_call: "ToolCallUpdate", options: "list[PermissionOption]", **_: object
    ) -> "RequestPermissionResponse":
        """The protocol's request to be allowed to act."""
        self.patience.heard()
        if session_id != self._id:
            return choose_option(options, *_KINDS["no"])
        self._take(tool_call.tool_call_id, tool_call)
        call = self._calls[tool_call.tool_call_id]
        allowed = await self._gate.answer(call.wish)
        # An option of an agent to change how it asks can be to ask no more: that is given once at most.
        kinds = _KINDS["once"] if call.kind == "switch_mode" and allowed == "always" else _KINDS[allowed]
        return choose_option(options, *kinds)

    async def read_text_file(
        self, session_id: str, path: str, line: int | None = None, limit: int | None = None, **_: object
    ) -> "ReadTextFileResponse":
        """The protocol's request for a file's text, or for lines of it."""
        from acp.schema import ReadTextFileResponse

        text = await self._served(session_id, ToolCall("read", "read", path, (path,)), None)
        if line is not None or limit is not None:
            first = max(0, (line or 1) - 1)
            text = "".join(text.splitlines(keepends=True)[first : None if limit is None else first + limit])
        return ReadTextFileResponse(content=text)

    async def write_text_file(self, session_id: str, path: str, content: str, **_: object) -> "WriteTextFileResponse":
        """The protocol's request to write a file."""
        from acp.schema import WriteTextFileResponse

        await self._served(session_id, ToolCall("write", "edit", path, (path,)), content)
        return WriteTextFileResponse()

    # ------------------------------------------------------------------------------------------------------------------

    async def _open(self, connection: "ClientSideConnection", greeting: "InitializeResponse") -> str:
        """The id of the session that is gone on with, or of a new one, in which the agent asks before it acts."""
        import acp

        folder, earlier = str(self._folder), self._errand.continues
        if earlier:
            able = greeting.agent_capabilities
            why = "this agent keeps no sessions"
            if able is not None and able.load_session:
                try:
                    loaded = await connection.load_session(folder, earlier, claudeCode=_OWN_SETTINGS)
                except acp.RequestError as error:
                    why = refusal_text(error)
                else:
                    await self._ask_first(connection, earlier, loaded.modes)
                    return earlier
            self._tell(f"The earlier session cannot be gone on with: {why}. A new one begins.")
        opened = await connection.new_session(folder, claudeCode=_OWN_SETTINGS)
        await self._ask_first(connection, opened.session_id, opened.modes)
        return opened.session_id

    async def _ask_first(
        self, connection: "ClientSideConnection", session: str, modes: "SessionModeState | None"
    ) -> None:
        """Settings of the program can make it act without asking; the mode in which agents ask is called default."""
        if modes and modes.current_mode_id != "default" and any(each.id == "default" for each in modes.available_modes):
            await connection.set_session_mode(mode_id="default", session_id=session)

    async def _served(self, session_id: str, wish: ToolCall, new: str | None) -> str:
        """A file's text, or "" when there was a new one to write. Raises acp.RequestError."""
        import acp

        self.patience.heard()
        (path,) = wish.paths
        place = path_inside(self._folder, path)
        if session_id != self._id or place is None:
            raise acp.RequestError.invalid_params({"details": "Only files in the folder of this session are served."})
        if await self._gate.answer(wish) == "no":
            raise acp.RequestError.invalid_params({"details": "This was not allowed."})
        try:
            if new is None:
                return read_text(self._folder, place)
            write_text(self._folder, place, new)
        except FileNotFoundError:
            raise acp.RequestError.resource_not_found(path) from None
        except OSError as error:
            raise acp.RequestError.internal_error({"details": clean(error.strerror or error)}) from None
        return ""

    def _take(self, name: str, update: "ToolCallUpdate | acp.schema.ToolCall") -> None:
        self._end_message()
        call = self._calls.setdefault(name, PartialToolCall(self._folder))
        for activity in call.told(update):
            self._show(activity)
        self._used_tools = self._used_tools or call.over

    def _say(self, text: str) -> None:
        if self._said > _MOST_TEXT:
            return
        self._said += len(text)
        self._message.append(text)
        self._ledger.said(text)
        if self._said > _MOST_TEXT:
            self._end_message()
            self._tell("The agent says more than anybody reads; the rest of its messages is left out.")

    def _next_turn(self) -> None:
        self._end_message()
        self._ledger.next_turn()
        self._used_tools = False
        self._turns += 1
        if self._turns > self._errand.turns:
            self.used_up.set()

    def _end_message(self) -> None:
        text = safe_text("".join(self._message), _LONGEST).strip()
        self._message.clear()
        if text:
            self.last_message = text
            self._show(Activity("message", text))

    def _tell(self, words: str) -> None:
        self._show(Activity("message", words))
