"""Asks a program that speaks the Agent Client Protocol for answers: each request is a fresh program and session.

The protocol's package is imported when a session begins.
"""

import tempfile
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from tabsmith.agents.acp.connection import JsonLines, converse, initialize, program_name
from tabsmith.agents.acp.usage_tracker import AcpUsageTracker
from tabsmith.agents.protocol import AgentName, ModelRequest, OnReply
from tabsmith.errors import AgentReplyError, AgentTimeoutError

if TYPE_CHECKING:
    import acp
    from acp.schema import PermissionOption, PermissionOptionKind, PromptResponse, RequestPermissionResponse


WORK_UPDATES: Final = frozenset({"agent_message_chunk", "agent_thought_chunk", "tool_call", "tool_call_update", "plan"})


class AcpAnswerSession:
    """The client's side of one session that only answers. The whole prompt counts as one turn."""

    def __init__(self, on_reply: OnReply) -> None:
        self._tracker = AcpUsageTracker(on_reply)
        self._id = ""
        self._text: list[str] = []
        self._response: PromptResponse | None = None

    @property
    def text(self) -> str:
        """The text of all messages of the agent."""
        return "".join(self._text)

    @property
    def stop_reason(self) -> str:
        """Why the agent stopped, in the protocol's words; "" before it did."""
        return self._response.stop_reason.replace("_", " ") if self._response else ""

    async def prompt(self, lines: JsonLines, blocks: tuple[str, ...], folder: str) -> None:
        """Open a session in `folder`, send `blocks` as one prompt and wait for the end of the answer.

        Raises acp.RequestError if the agent refuses, ConnectionError if it is gone, ValueError if it breaks the protocol.
        """
        import acp
        from acp.schema import ClientCapabilities

        # This object has only a few of a client's methods: the package refuses all other requests as unknown.
        connection = acp.connect_to_agent(cast("acp.Client", self), lines)
        try:
            await initialize(connection, ClientCapabilities())
            # disableBuiltInTools is not part of the protocol, whose agents ignore what they do not know: Claude's agent
            # then gives its model no tools, which would be most of the prompt.
            self._id = (await connection.new_session(folder, disableBuiltInTools=True)).session_id
            self._tracker.foreign = self._id
            self._response = await connection.prompt(self._id, [acp.text_block(block) for block in blocks])
        finally:
            await connection.close()

    def end(self) -> None:
        """Pass on the usage that was not yet."""
        self._tracker.end(self._response)

    async def session_update(self, session_id: str, update: object, **_: object) -> None:
        """Handle the protocol's notice of anything that happens in a session."""
        from acp.schema import AgentMessageChunk, TextContentBlock, UsageUpdate

        if session_id != self._id:
            return
        if isinstance(update, AgentMessageChunk) and isinstance(update.content, TextContentBlock):
            self._text.append(update.content.text)
            self._tracker.add_text(update.content.text)
        if getattr(update, "session_update", "") in WORK_UPDATES:
            self._tracker.model_used()
        if isinstance(update, UsageUpdate):
            self._tracker.set_cost(update.cost)

    async def request_permission(
        self,
        session_id: str,  # noqa: ARG002 - the protocol's parameters
        tool_call: object,  # noqa: ARG002
        options: "list[PermissionOption]",
        **_: object,
    ) -> "RequestPermissionResponse":
        """Refuse the protocol's request for a permission."""
        return choose_option(options, "reject_once", "reject_always")


def choose_option(options: "list[PermissionOption]", *kinds: "PermissionOptionKind") -> "RequestPermissionResponse":
    """Choose the first of these kinds that is offered; refuse if none is."""
    from acp.schema import AllowedOutcome, DeniedOutcome, RequestPermissionResponse

    offered = {option.kind: option.option_id for option in options}
    for kind in kinds:
        if kind in offered:
            return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=offered[kind]))
    return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))


_INSTRUCTION: Final = "Use no tools, open no files and ask nothing: your message itself is the answer."


class AcpClient:
    """Sends each request to a new process of `command`, which gets an empty folder and no permissions."""

    name: AgentName = "acp"
    model = ""  # the program chooses

    def __init__(self, command: tuple[str, ...]) -> None:
        self._command = command

    async def ask(self, request: ModelRequest, on_reply: OnReply) -> str:
        """Return the text of the whole answer; see `ModelClient`. Raises AgentError."""
        session = AcpAnswerSession(on_reply)
        blocks = (request.prompt.system, f"{request.prompt.text}\n\n{_INSTRUCTION}")
        try:
            with tempfile.TemporaryDirectory(prefix="tabsmith-acp-", ignore_cleanup_errors=True) as folder:
                talk = partial(session.prompt, blocks=blocks, folder=folder)
                await converse(self._command, mark=request.session, folder=folder, talk=talk, seconds=request.seconds)
        except TimeoutError as error:
            what = f"{program_name(self._command)} gave no answer within {request.seconds:g} seconds."
            raise AgentTimeoutError(what, next_step="Raise agents.timeout, or try the program by itself.") from error
        finally:
            session.end()
        if not session.text.strip():
            what = f"{program_name(self._command)} answered with nothing; its reason to stop: {session.stop_reason}."
            raise AgentReplyError(what)
        return session.text

    async def close(self) -> None:
        """Do nothing: no program outlives its request."""
