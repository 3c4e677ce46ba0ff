"""Asks a program that speaks the Agent Client Protocol for answers: each request is a fresh program and session, whose
usage is tracked as far as the program reports it.

The protocol's package is imported when a session begins.
"""

import math
import tempfile
from decimal import Decimal
from functools import partial
from typing import TYPE_CHECKING, Final, cast

from tabsmith.agents.acp.connection import JsonLines, converse, initialize, program_name
from tabsmith.agents.protocol import AgentName, ModelReply, ModelRequest, OnReply
from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.config.settings import AcpSettings
from tabsmith.errors import AgentReplyError, AgentTimeoutError

if TYPE_CHECKING:
    import acp
    from acp.schema import Cost, PermissionOption, PermissionOptionKind, PromptResponse, RequestPermissionResponse
    from acp.schema import Usage as AcpUsage


class AcpUsageTracker:
    """Passes each reply of the model to `on_reply`.

    If the agent reports its running cost while it works, each rise is passed on at once with the text so far, so that
    it is not lost if the agent dies.
    """

    def __init__(self, on_reply: OnReply) -> None:
        self._on_reply = on_reply
        self._text: list[str] = []  # not passed on yet
        self._used = False  # whether the model was used since something was passed on
        self._counted = False  # whether the current turn was passed on
        self._unpriced = 0  # turns passed on since the cost was reported
        self._has_cost = False  # whether a cost was reported
        self._cost = Decimal(0)  # the running cost that was passed on
        self.foreign = ""

    def add_text(self, text: str) -> None:
        """Add text that the model wrote."""
        self._text.append(text)

    def model_used(self) -> None:
        """Note that the agent used its model."""
        self._used = True

    def next_turn(self) -> None:
        """Begin a turn: the model was called again."""
        if self._used or not self._counted:
            self._pass_on(NO_USAGE)
        self._counted = False

    def set_cost(self, cost: "Cost | None") -> None:
        """Take the session's running cost, and pass on what it has risen by."""
        amount = _dollars(cost)
        if amount is None:
            return  # the price stays unknown
        self._has_cost = True
        if amount > self._cost:
            self._cost, before = amount, self._cost
            self._pass_on(Usage(cost=amount - before))
            self._unpriced = 0

    def resume_at(self, cost: "Cost | None") -> None:
        """Take the running cost of a session that is resumed, which was passed on before."""
        self._cost = _dollars(cost) or self._cost

    def end(self, response: "PromptResponse | None") -> None:
        """Pass on the rest: the text, and the tokens in the response. Without a response, the price of what came since
        the last reported cost is unknown."""
        usage = response.usage if response else None
        if usage or self._used or (response and not self._counted):
            priced = self._has_cost and response is not None
            unpriced = 0 if priced else max(1, self._unpriced + (0 if self._counted else 1))
            self._pass_on(_tokens(usage) + Usage(unpriced=unpriced))

    def _pass_on(self, usage: Usage) -> None:
        text = "".join(self._text)
        self._text.clear()
        self._used = False
        first = 0 if self._counted else 1
        self._counted = True
        self._unpriced += first
        self._on_reply(ModelReply(text, usage + Usage(turns=first), foreign=self.foreign))


def _dollars(cost: "Cost | None") -> Decimal | None:
    if cost is None or cost.currency.upper() != "USD" or not math.isfinite(cost.amount) or cost.amount < 0:
        return None
    return Decimal(str(cost.amount))


def _tokens(usage: "AcpUsage | None") -> Usage:
    """The tokens by kind. Agents count input and output in two ways each; the total shows which kinds overlap."""
    if usage is None:
        return NO_USAGE
    new, out, total = usage.input_tokens, usage.output_tokens, usage.total_tokens
    read, written, thought = usage.cached_read_tokens or 0, usage.cached_write_tokens or 0, usage.thought_tokens or 0
    cached = read + written
    if total not in (new + out, new + out + cached):  # thoughts come on top of the output
        out += thought
    if cached and total == new + out:  # what was cached is counted in the input as well
        new = max(0, new - cached)
    return Usage(new, out, read, written, thought)


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
    """Sends each request to a new process of the settings' command, which gets an empty folder and no permissions."""

    name: AgentName = "acp"
    model = ""  # the program chooses

    def __init__(self, settings: AcpSettings) -> None:
        self._command = settings.command
        self._settings = settings

    async def ask(self, request: ModelRequest, on_reply: OnReply) -> str:
        """Return the text of the whole answer; see `ModelClient`. Raises AgentError."""
        session = AcpAnswerSession(on_reply)
        blocks = (request.prompt.system, f"{request.prompt.text}\n\n{_INSTRUCTION}")
        try:
            with tempfile.TemporaryDirectory(prefix="tabsmith-acp-", ignore_cleanup_errors=True) as folder:
                talk = partial(session.prompt, blocks=blocks, folder=folder)
                await converse(self._settings, mark=request.session, folder=folder, talk=talk, seconds=request.seconds)
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
