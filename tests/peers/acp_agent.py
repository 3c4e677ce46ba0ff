"""An agent of the Agent Client Protocol in a process of its own, made with the protocol's package: it does what its
first argument says, and then answers with its second. `python acp_agent.py BEHAVIOUR [ANSWER]`, or forked."""

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import acp
from acp.schema import (
    AgentCapabilities,
    ClientCapabilities,
    Cost,
    Implementation,
    PermissionOption,
    StopReason,
    ToolCallUpdate,
    Usage,
    UsageUpdate,
)

BEHAVIOUR = sys.argv[1]
ANSWER = sys.argv[2] if len(sys.argv) > 2 else '{"done": true, "reason": "scripted"}'
SLEEPER = ["sleep", "1000"]


class Peer(acp.Agent):
    """The agent's side."""

    client: acp.Client

    def on_connect(self, conn: acp.Client) -> None:
        self.client = conn

    async def initialize(
        self,
        protocol_version: int,
        client_capabilities: ClientCapabilities | None = None,
        client_info: Implementation | None = None,
        **_: Any,
    ) -> acp.InitializeResponse:
        assert client_capabilities is not None
        assert not client_capabilities.terminal
        assert client_capabilities.fs is None or not (
            client_capabilities.fs.read_text_file or client_capabilities.fs.write_text_file
        )
        version = 99 if BEHAVIOUR == "another version" else protocol_version
        return acp.InitializeResponse(protocol_version=version, agent_capabilities=AgentCapabilities())

    async def new_session(self, cwd: str, **_: Any) -> acp.NewSessionResponse:
        if BEHAVIOUR == "log in first":
            raise acp.RequestError.auth_required()
        return acp.NewSessionResponse(session_id=f"peer-{os.getpid()}")

    async def prompt(self, prompt: list[Any], session_id: str, **_: Any) -> acp.PromptResponse:
        self.session = session_id
        return await getattr(self, BEHAVIOUR.replace(" ", "_"), self.answer)(prompt)

    async def say(self, text: str) -> None:
        await self.client.session_update(self.session, acp.update_agent_message_text(text))

    async def cost(self, amount: float, currency: str = "USD") -> None:
        told = UsageUpdate(session_update="usage_update", used=1, size=2, cost=Cost(amount=amount, currency=currency))
        await self.client.session_update(self.session, told)

    async def answer(self, prompt: list[Any]) -> acp.PromptResponse:
        await self.say(ANSWER)
        return acp.PromptResponse(stop_reason="end_turn")

    async def echo(self, prompt: list[Any]) -> acp.PromptResponse:
        """The prompt, the folder, what is in it, and the environment's names."""
        await self.say("\n---\n".join([block.text for block in prompt]))
        here = [str(Path.cwd()), str(list(Path.cwd().iterdir())), os.getenv("SOME_API_KEY", ""), str(os.getsid(0))]
        await self.say("\n---\n" + "\n".join([*here, str(os.getpid())]))
        return acp.PromptResponse(stop_reason="end_turn")

    async def thinks_aloud(self, prompt: list[Any]) -> acp.PromptResponse:
        await self.client.session_update(self.session, acp.update_agent_thought_text("not the answer"))
        await self.client.session_update("another session", acp.update_agent_message_text("not this either"))
        for word in ANSWER.split():
            await self.say(f"{word} ")
        return acp.PromptResponse(stop_reason="end_turn")

    async def floods_stderr(self, prompt: list[Any]) -> acp.PromptResponse:
        for _ in range(2 << 20 >> 10):
            os.write(2, b"x" * 1_023 + b"\n")
        return await self.answer(prompt)

    async def asks_permission(self, prompt: list[Any]) -> acp.PromptResponse:
        kinds = ("allow_always", "allow_once", "reject_once") if ANSWER == "with reject" else ("allow_once",)
        given = await self.client.request_permission(
            self.session,
            ToolCallUpdate(tool_call_id="1", title="rm -rf /"),
            [PermissionOption(option_id=f"the-{kind}", name=kind, kind=kind) for kind in kinds],
        )
        await self.say(given.outcome.model_dump_json(by_alias=True, exclude_none=True))
        return acp.PromptResponse(stop_reason="end_turn")

    async def asks_for_a_file(self, prompt: list[Any]) -> acp.PromptResponse:
        for ask in (
            self.client.read_text_file(session_id=self.session, path="/etc/passwd"),
            self.client.write_text_file(session_id=self.session, path="/tmp/x", content="x"),
            self.client.create_terminal(session_id=self.session, command="id"),
        ):
            try:
                await ask
                await self.say("given\n")
            except (acp.RequestError, ValueError) as error:
                await self.say(f"{type(error).__name__}\n")
        return acp.PromptResponse(stop_reason="end_turn")

    async def tells_costs(self, prompt: list[Any]) -> acp.PromptResponse:
        await self.say("first ")
        await self.cost(0.01)
        await self.say("second")
        await self.cost(0.01)
        await self.cost(0.035)
        usage = Usage(input_tokens=100, output_tokens=20, cached_read_tokens=5, cached_write_tokens=3, total_tokens=128)
        return acp.PromptResponse(stop_reason="end_turn", usage=usage)

    async def tells_costs_and_crashes(self, prompt: list[Any]) -> acp.PromptResponse:
        await self.say("first ")
        await self.cost(0.01)
        await self.say("second")
        print("sk-ant-secret-key-1234 was", "\x1b[31mnot\x1b[0m", "accepted", file=sys.stderr, flush=True)
        os._exit(3)

    async def tells_a_cost_and_is_silent(self, prompt: list[Any]) -> acp.PromptResponse:
        await self.say("first")
        await self.cost(0.25)
        return await self.is_silent(prompt)

    async def tells_euros(self, prompt: list[Any]) -> acp.PromptResponse:
        await self.cost(0.5, "EUR")
        return await self.answer(prompt)

    async def overlapping_tokens(self, prompt: list[Any]) -> acp.PromptResponse:
        await self.say(ANSWER)
        usage = Usage(input_tokens=100, output_tokens=20, cached_read_tokens=60, thought_tokens=4, total_tokens=120)
        return acp.PromptResponse(stop_reason="end_turn", usage=usage)

    async def thoughts_on_top(self, prompt: list[Any]) -> acp.PromptResponse:
        await self.say(ANSWER)
        usage = Usage(input_tokens=40, output_tokens=20, cached_read_tokens=60, thought_tokens=4, total_tokens=124)
        return acp.PromptResponse(stop_reason="end_turn", usage=usage)

    async def is_silent(self, prompt: list[Any]) -> acp.PromptResponse:
        await self.say("I will now")
        await asyncio.Event().wait()
        raise AssertionError

    async def leaves_children(self, prompt: list[Any]) -> acp.PromptResponse:
        self.start_children()
        return await self.answer(prompt)

    async def leaves_children_and_crashes(self, prompt: list[Any]) -> acp.PromptResponse:
        self.start_children()
        os._exit(9)

    async def leaves_children_and_is_silent(self, prompt: list[Any]) -> acp.PromptResponse:
        self.start_children()
        return await self.is_silent(prompt)

    def start_children(self) -> None:
        """One in the group, one in a session of its own; both hold the pipes."""
        subprocess.Popen(SLEEPER)
        subprocess.Popen(SLEEPER, start_new_session=True)

    async def refuses(self, prompt: list[Any]) -> acp.PromptResponse:
        reason: StopReason = "refusal"
        return acp.PromptResponse(stop_reason=reason)

    async def is_cut(self, prompt: list[Any]) -> acp.PromptResponse:
        return acp.PromptResponse(stop_reason="max_tokens")

    async def fails(self, prompt: list[Any]) -> acp.PromptResponse:
        raise acp.RequestError(-32_603, ANSWER, {"details": "with key sk-ant-secret-key-1234"})


def main() -> None:
    """Serve until the client is gone."""
    if BEHAVIOUR == "exits at once":
        sys.exit("no model is set\nuse --model")
    if BEHAVIOUR == "prints noise":
        print("Welcome!\n\n[1]\n7", flush=True)
    if BEHAVIOUR == "prints a long line":
        print('{"jsonrpc": "2.0", "method": "_x", "params": {"x": "' + "x" * 3_000_000 + '"}}', flush=True)
    if BEHAVIOUR == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    asyncio.run(acp.run_agent(Peer()))
    if BEHAVIOUR == "stubborn":
        while True:
            signal.pause()


if __name__ == "__main__":
    main()
