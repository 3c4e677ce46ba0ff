"""A session of the Agent Client Protocol in which the agent works: its activities are reported, its permission requests
answered, and its folder's files read and written for it. It reports each of its tool calls piece by piece.

The protocol's package is imported when a session begins.
"""

import asyncio
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from tabsmith.agents.acp.client import WORK_UPDATES, AcpUsageTracker, choose_option
from tabsmith.agents.acp.connection import JsonLines, initialize, refusal_text
from tabsmith.agents.agent_jobs import (
    Activity,
    AgentJob,
    AskPermission,
    Deadline,
    OnActivity,
    PermissionAnswer,
    ToolKind,
)
from tabsmith.agents.confined_files import path_inside, read_text, write_text
from tabsmith.agents.permission_policy import PermissionPolicy, ToolCall, safe_text
from tabsmith.agents.protocol import OnReply
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
    from acp.schema import ToolCall as AcpToolCall


_RESULT_CHARACTERS: Final = 4_000
_USES: Final[dict[str, ToolKind]] = {
    "read": "read",
    "search": "read",
    "edit": "write",
    "delete": "write",
    "move": "write",
    "execute": "run",
    "fetch": "fetch",
    "think": "think",
}
_PATH_FIELDS: Final = ("path", "file_path", "notebook_path", "filePath", "source", "destination")
_SUBJECT_FIELDS: Final = ("command", "cmd", "url")


class PartialToolCall:
    """One call, as far as it was reported."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._title = ""
        self._input: object = None
        self._output: object = None
        self._paths: tuple[str, ...] = ()
        self._content = ""
        self._shown = False
        self.kind = "other"
        self.over = False

    def update(self, update: "AcpToolCall | ToolCallUpdate") -> list[Activity]:
        """Take in an update. Return the activities to report: the call, once its purpose is known, and its result."""
        self.kind = update.kind or self.kind
        self._title = update.title or self._title
        self._input = update.raw_input or self._input
        self._output = update.raw_output or self._output
        if update.locations:
            self._paths = tuple(item.path for item in update.locations)
        if update.content:
            self._content = "\n".join(_text_of(item) for item in update.content)
        ends = update.status in ("completed", "failed") and not self.over
        activities: list[Activity] = []
        if not self._shown and (self._input or self._paths or ends or update.status == "in_progress"):
            self._shown = True
            activities.append(Activity("tool", safe_text(self.call.what, _RESULT_CHARACTERS), tool=self._tool))
        if ends:
            self.over = True
            text = self._output if isinstance(self._output, str) else self._content
            failed = update.status == "failed"
            activities.append(Activity("result", safe_text(text, _RESULT_CHARACTERS), tool=self._tool, failed=failed))
            self._input = self._output = None  # they can be whole files
            self._content = ""
        return activities

    def broken_off(self) -> Activity:
        """Return the result of a call that was broken off."""
        self.over = True
        return Activity("result", "broken off", tool=self._tool, failed=True)

    @property
    def call(self) -> ToolCall:
        """The call, for the permission policy."""
        use = _USES.get(self.kind, "other")
        fields = self._input if isinstance(self._input, dict) else {}
        paths = (*self._paths, *(item for name in _PATH_FIELDS if isinstance(item := fields.get(name), str) and item))
        paths = tuple(dict.fromkeys(paths))
        what = self._title
        for subject in (fields.get(name) for name in _SUBJECT_FIELDS) if use in ("run", "fetch") else ():
            if isinstance(subject, list):
                subject = shlex.join(str(item) for item in subject)
            if isinstance(subject, str) and subject:
                what = subject
                break
        else:
            if paths and use in ("read", "write"):
                what = " ".join(self._seen(path) for path in paths)
        return ToolCall(use, self._tool, what, paths)

    @property
    def _tool(self) -> str:
        return clean(self.kind.replace("_", " "), 40)

    def _seen(self, path: str) -> str:
        inside = path_inside(self._folder, path)
        return path if inside is None else str(inside)


def _text_of(content: object) -> str:
    from acp.schema import ContentToolCallContent, FileEditToolCallContent, TextContentBlock

    if isinstance(content, ContentToolCallContent) and isinstance(content.content, TextContentBlock):
        return content.content.text
    if isinstance(content, FileEditToolCallContent):
        return content.path
    return ""


_MESSAGE_CHARACTERS: Final = 20_000  # of a message that is reported
_MAX_CHARACTERS: Final = 4_000_000  # of all messages
_OPTION_KINDS: Final[dict[PermissionAnswer, "tuple[PermissionOptionKind, ...]"]] = {
    "once": ("allow_once",),
    "always": ("allow_always", "allow_once"),
    "no": ("reject_once", "reject_always"),
}
# These are not part of the protocol, whose agents ignore what they do not know: Claude's agent then takes no settings
# from the folder, whose maker could allow the agent everything in them.
_OWN_SETTINGS: Final = {"options": {"settingSources": ["user"]}}


class AcpCodingSession:
    """The client's side of one job. `used_up` is set when the model begins more turns than the job allows. Files outside
    the folder are never served."""

    def __init__(
        self,
        job: AgentJob,
        on_reply: OnReply,
        on_activity: OnActivity,
        ask_permission: AskPermission,
    ) -> None:
        self.deadline = Deadline(job.silence, job.seconds)
        self.used_up = asyncio.Event()
        self.response: PromptResponse | None = None
        self._tracker = AcpUsageTracker(on_reply)
        self.last_message = ""
        self._job = job
        self._folder = Path(job.folder).resolve()
        self._on_activity = on_activity
        self._policy = PermissionPolicy(self._folder, job.rules, job.mode, ask_permission, self.deadline, self._notify)
        self._cancelled = False
        self._connection: ClientSideConnection | None = None
        self._id = ""  # while it is "", updates are about the resumed session's past
        self._message: list[str] = []
        self._characters = 0  # of all messages
        self._calls: dict[str, PartialToolCall] = {}
        self._turns = 1
        self._used_tools = False  # since the model last wrote something

    async def run(self, lines: JsonLines) -> None:
        """Open the session, send the prompt and wait for the end of the work.

        Raises acp.RequestError if the agent refuses, ConnectionError if it is gone, ValueError if it breaks the protocol.
        """
        import acp
        from acp.schema import ClientCapabilities, FileSystemCapabilities

        # No terminal is offered: what the agent runs is a child of its own program, in the same sandbox.
        capabilities = ClientCapabilities(fs=FileSystemCapabilities(read_text_file=True, write_text_file=True))
        self._connection = acp.connect_to_agent(cast("acp.Client", self), lines)
        try:
            greeting = await initialize(self._connection, capabilities)
            self.deadline.restart_silence()
            session = await self._open(self._connection, greeting)
            self._id = self._tracker.foreign = session
            self.deadline.restart_silence()
            if self._cancelled:
                return
            prompt = self._job.prompt
            texts = [text for text in (prompt.system, prompt.text) if text]
            self.response = await self._connection.prompt(session, [acp.text_block(text) for text in texts])
        finally:
            await self._connection.close()

    async def cancel(self) -> None:
        """Ask the agent to stop; it answers by ending `run`. If the prompt was not sent yet, it is never sent."""
        self._cancelled = True
        if self._connection is not None and self._id:
            await self._connection.cancel(self._id)

    def end(self) -> None:
        """Report what was not reported yet."""
        self._end_message()
        for call in self._calls.values():
            if not call.over:
                self._on_activity(call.broken_off())
        self._tracker.end(self.response)

    # The protocol's notices and requests ------------------------------------------------------------------------------------

    async def session_update(self, session_id: str, update: object, **_: object) -> None:
        """Handle the protocol's notice of anything that happens in a session."""
        from acp.schema import AgentMessageChunk, TextContentBlock, ToolCallProgress, ToolCallStart, UsageUpdate

        self.deadline.restart_silence()
        if session_id != self._id:
            if not self._id and session_id == self._job.resumes and isinstance(update, UsageUpdate):
                self._tracker.resume_at(update.cost)
            return
        kind = getattr(update, "session_update", "")
        writes = kind in ("agent_message_chunk", "agent_thought_chunk")
        if self._used_tools and (writes or (kind == "tool_call" and all(call.over for call in self._calls.values()))):
            self._next_turn()
        if kind in WORK_UPDATES:
            self._tracker.model_used()
        if isinstance(update, AgentMessageChunk) and isinstance(update.content, TextContentBlock):
            self._add_text(update.content.text)
        elif isinstance(update, (ToolCallStart, ToolCallProgress)):
            self._update_call(update.tool_call_id, update)
        elif isinstance(update, UsageUpdate):
            self._tracker.set_cost(update.cost)

    async def request_permission(
        self, session_id: str, tool_call: "ToolCallUpdate", options: "list[PermissionOption]", **_: object
    ) -> "RequestPermissionResponse":
        """Answer the protocol's request for a permission."""
        self.deadline.restart_silence()
        if session_id != self._id:
            return choose_option(options, *_OPTION_KINDS["no"])
        self._update_call(tool_call.tool_call_id, tool_call)
        call = self._calls[tool_call.tool_call_id]
        answer = await self._policy.decide(call.call)
        # A permission to change how the agent asks may mean that it never asks again: it is given once at most.
        kinds = _OPTION_KINDS["once"] if call.kind == "switch_mode" and answer == "always" else _OPTION_KINDS[answer]
        return choose_option(options, *kinds)

    async def read_text_file(
        self, session_id: str, path: str, line: int | None = None, limit: int | None = None, **_: object
    ) -> "ReadTextFileResponse":
        """Answer the protocol's request for a file's text, or for lines of it."""
        from acp.schema import ReadTextFileResponse

        text = await self._served(session_id, ToolCall("read", "read", path, (path,)), None)
        if line is not None or limit is not None:
            first = max(0, (line or 1) - 1)
            text = "".join(text.splitlines(keepends=True)[first : None if limit is None else first + limit])
        return ReadTextFileResponse(content=text)

    async def write_text_file(self, session_id: str, path: str, content: str, **_: object) -> "WriteTextFileResponse":
        """Answer the protocol's request to write a file."""
        from acp.schema import WriteTextFileResponse

        await self._served(session_id, ToolCall("write", "edit", path, (path,)), content)
        return WriteTextFileResponse()

    # ------------------------------------------------------------------------------------------------------------------

    async def _open(self, connection: "ClientSideConnection", greeting: "InitializeResponse") -> str:
        """Resume the job's earlier session or open a new one, in which the agent asks before it acts; return its id."""
        import acp

        folder, earlier = str(self._folder), self._job.resumes
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
            self._notify(f"The earlier session cannot be resumed: {why}. A new one begins.")
        opened = await connection.new_session(folder, claudeCode=_OWN_SETTINGS)
        await self._ask_first(connection, opened.session_id, opened.modes)
        return opened.session_id

    async def _ask_first(
        self, connection: "ClientSideConnection", session: str, modes: "SessionModeState | None"
    ) -> None:
        """Choose the mode in which agents ask, called default: the program's own settings can make it act without asking."""
        if modes and modes.current_mode_id != "default" and any(mode.id == "default" for mode in modes.available_modes):
            await connection.set_session_mode(mode_id="default", session_id=session)

    async def _served(self, session_id: str, call: ToolCall, new: str | None) -> str:
        """Return a file's text, or write its `new` text and return "". Raises acp.RequestError."""
        import acp

        self.deadline.restart_silence()
        (path,) = call.paths
        inside = path_inside(self._folder, path)
        if session_id != self._id or inside is None:
            raise acp.RequestError.invalid_params({"details": "Only files in the folder of this session are served."})
        if await self._policy.decide(call) == "no":
            raise acp.RequestError.invalid_params({"details": "This was not allowed."})
        try:
            if new is None:
                return read_text(self._folder, inside)
            write_text(self._folder, inside, new)
        except FileNotFoundError:
            raise acp.RequestError.resource_not_found(path) from None
        except OSError as error:
            raise acp.RequestError.internal_error({"details": clean(error.strerror or error)}) from None
        return ""

    def _update_call(self, name: str, update: "ToolCallUpdate | acp.schema.ToolCall") -> None:
        self._end_message()
        call = self._calls.setdefault(name, PartialToolCall(self._folder))
        for activity in call.update(update):
            self._on_activity(activity)
        self._used_tools = self._used_tools or call.over

    def _add_text(self, text: str) -> None:
        if self._characters > _MAX_CHARACTERS:
            return
        self._characters += len(text)
        self._message.append(text)
        self._tracker.add_text(text)
        if self._characters > _MAX_CHARACTERS:
            self._end_message()
            self._notify("The agent writes too much to be read; the rest of its messages is left out.")

    def _next_turn(self) -> None:
        self._end_message()
        self._tracker.next_turn()
        self._used_tools = False
        self._turns += 1
        if self._turns > self._job.turns:
            self.used_up.set()

    def _end_message(self) -> None:
        text = safe_text("".join(self._message), _MESSAGE_CHARACTERS).strip()
        self._message.clear()
        if text:
            self.last_message = text
            self._on_activity(Activity("message", text))

    def _notify(self, text: str) -> None:
        self._on_activity(Activity("message", text))
