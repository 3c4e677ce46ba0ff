"""The agent that is any program speaking the Agent Client Protocol: a fresh program and session for each question.

One session of the Agent Client Protocol as its client sees it: what is said, what it costs, what is refused.

The protocol's package is imported when a session begins.
"""

import tempfile
from collections.abc import Callable
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, cast

from tabsmith.agents.acp.connection import JsonLines, converse, program_name
from tabsmith.agents.acp.usage_tracker import AcpUsageTracker
from tabsmith.agents.protocol import ModelAgentName, ModelReply, ModelRequest
from tabsmith.config.settings import AgentSettings
from tabsmith.errors import AgentReplyError, AgentTimeoutError

if TYPE_CHECKING:
    import acp
    from acp.schema import PermissionOption, PermissionOptionKind, PromptResponse, RequestPermissionResponse


WORK_UPDATES: Final = frozenset({"agent_message_chunk", "agent_thought_chunk", "tool_call", "tool_call_update", "plan"})


class AcpQuestionSession:
    """What an agent says in one session. The whole prompt counts as one turn."""

    def __init__(self, hear: Callable[[ModelReply], None]) -> None:
        self._ledger = AcpUsageTracker(hear)
        self._id = ""
        self._text: list[str] = []
        self._response: PromptResponse | None = None

    @property
    def text(self) -> str:
        """All text of the agent's messages."""
        return "".join(self._text)

    @property
    def stop_reason(self) -> str:
        """Why the agent stopped, in its words; "" before it did."""
        return self._response.stop_reason.replace("_", " ") if self._response else ""

    async def prompt(self, lines: JsonLines, blocks: tuple[str, ...], folder: str) -> None:
        """Open a session in `folder`, send `blocks` as one prompt and wait for the end of the answer.

        Raises acp.RequestError for what the agent refuses, ConnectionError when it is gone, ValueError for what is not
        the protocol.
        """
        import acp
        from acp.schema import ClientCapabilities, Implementation

        # This object has only a few of a client's methods: whatever else an agent asks of it is refused as unknown.
        connection = acp.connect_to_agent(cast("acp.Client", self), lines)
        try:
            about = Implementation(name="tabsmith", version=version("tabsmith"))
            greeting = await connection.initialize(acp.PROTOCOL_VERSION, ClientCapabilities(), about)
            if greeting.protocol_version != acp.PROTOCOL_VERSION:
                raise ValueError(f"it wants version {greeting.protocol_version} of the protocol")
            # The last is not of the protocol, by which agents pass over what they do not know: Claude's agent then
            # offers its model no tools, which would be most of the prompt.
            self._id = (await connection.new_session(folder, disableBuiltInTools=True)).session_id
            self._ledger.foreign = self._id
            self._response = await connection.prompt(self._id, [acp.text_block(block) for block in blocks])
        finally:
            await connection.close()

    def end(self) -> None:
        """Hand on what was not yet."""
        self._ledger.end(self._response)

    async def session_update(self, session_id: str, update: object, **_: object) -> None:
        """The protocol's notice of anything that happens in a session."""
        from acp.schema import AgentMessageChunk, TextContentBlock, UsageUpdate

        if session_id != self._id:
            return
        if isinstance(update, AgentMessageChunk) and isinstance(update.content, TextContentBlock):
            self._text.append(update.content.text)
            self._ledger.said(update.content.text)
        if getattr(update, "session_update", "") in WORK_UPDATES:
            self._ledger.works()
        if isinstance(update, UsageUpdate):
            self._ledger.told(update.cost)

    async def request_permission(
        self,
        session_id: str,  # noqa: ARG002 - the protocol's parameters
        tool_call: object,  # noqa: ARG002
        options: "list[PermissionOption]",
        **_: object,
    ) -> "RequestPermissionResponse":
        """The protocol's request to be allowed to act: always refused."""
        return choose_option(options, "reject_once", "reject_always")


def choose_option(options: "list[PermissionOption]", *kinds: "PermissionOptionKind") -> "RequestPermissionResponse":
    """The choice of the first of these kinds that is offered; of none when none is."""
    from acp.schema import AllowedOutcome, DeniedOutcome, RequestPermissionResponse

    offered = {option.kind: option.option_id for option in options}
    for kind in kinds:
        if kind in offered:
            return RequestPermissionResponse(outcome=AllowedOutcome(outcome="selected", option_id=offered[kind]))
    return RequestPermissionResponse(outcome=DeniedOutcome(outcome="cancelled"))


_ASK: Final = "Use no tools, open no files and ask nothing: your message itself is the answer."


def make_client(settings: AgentSettings) -> "AcpClient":
    """The speaker behind `agents.acp.command`; nothing is started before it is asked."""
    return AcpClient(settings.acp.command)


class AcpClient:
    """Puts each question to a new process of `command`, which gets an empty folder and no permissions."""

    name: ModelAgentName = "acp"
    model = ""  # the program chooses

    def __init__(self, command: tuple[str, ...]) -> None:
        self._command = command

    async def ask(self, question: ModelRequest, hear: Callable[[ModelReply], None]) -> str:
        """The text of the whole answer. Raises AgentError; see `Speaker`."""
        session = AcpQuestionSession(hear)
        blocks = (question.prompt.system, f"{question.prompt.text}\n\n{_ASK}")
        try:
            with tempfile.TemporaryDirectory(prefix="tabsmith-acp-", ignore_cleanup_errors=True) as folder:
                talk = partial(session.prompt, blocks=blocks, folder=folder)
                await converse(self._command, mark=question.session, folder=folder, talk=talk, seconds=question.seconds)
        except TimeoutError as error:
            what = f"{program_name(self._command)} gave no answer within {question.seconds:g} seconds."
            raise AgentTimeoutError(what, next_step="Raise agents.timeout, or try the program by itself.") from error
        finally:
            session.end()
        if not session.text.strip():
            what = f"{program_name(self._command)} answered with nothing; its reason to stop: {session.stop_reason}."
            raise AgentReplyError(what)
        return session.text

    async def close(self) -> None:
        """Nothing to let go of: no program outlives its question."""
