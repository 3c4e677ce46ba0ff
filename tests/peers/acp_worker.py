"""An agent of the Agent Client Protocol that works in its folder, in a process of its own: it does what its first
argument says, with its second. `python acp_worker.py BEHAVIOUR [ARGUMENT]`, or forked."""

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import acp
from acp.schema import (
    AgentCapabilities,
    ClientCapabilities,
    Cost,
    Implementation,
    PermissionOption,
    SessionMode,
    SessionModeState,
    ToolCallLocation,
    ToolCallUpdate,
    ToolKind,
    Usage,
    UsageUpdate,
)

BEHAVIOUR = sys.argv[1]
ARGUMENT = sys.argv[2] if len(sys.argv) > 2 else ""
OPTIONS = ("allow_always", "allow_once", "reject_once")


class Worker(acp.Agent):
    """The agent's side."""

    client: acp.Client
    mode = "yolo"

    def on_connect(self, conn: acp.Client) -> None:
        self.client = conn
        self.cancelled = asyncio.Event()

    async def initialize(
        self,
        protocol_version: int,
        client_capabilities: ClientCapabilities | None = None,
        client_info: Implementation | None = None,
        **_: Any,
    ) -> acp.InitializeResponse:
        assert client_capabilities is not None
        assert client_capabilities.fs is not None
        assert client_capabilities.fs.read_text_file
        assert client_capabilities.fs.write_text_file
        assert not client_capabilities.terminal
        keeps = AgentCapabilities(load_session=BEHAVIOUR in ("remembers", "forgets"))
        return acp.InitializeResponse(protocol_version=protocol_version, agent_capabilities=keeps)

    async def new_session(self, cwd: str, **_: Any) -> acp.NewSessionResponse:
        assert cwd == str(Path.cwd())
        names = ("yolo", "default") if BEHAVIOUR == "tells its mode" else ("yolo",)
        modes = [SessionMode(id=name, name=name) for name in names]
        return acp.NewSessionResponse(
            session_id=f"worker-{os.getpid()}", modes=SessionModeState(available_modes=modes, current_mode_id="yolo")
        )

    async def load_session(self, cwd: str, session_id: str, **_: Any) -> acp.LoadSessionResponse:
        if BEHAVIOUR == "forgets":
            raise acp.RequestError.resource_not_found(session_id)
        self.session = session_id
        await self.say("what was said long ago")
        await self.cost(0.5)
        return acp.LoadSessionResponse()

    async def set_session_mode(self, mode_id: str, session_id: str, **_: Any) -> acp.SetSessionModeResponse:
        self.mode = mode_id
        return acp.SetSessionModeResponse()

    async def cancel(self, session_id: str, **_: Any) -> None:
        self.cancelled.set()

    async def prompt(self, prompt: list[Any], session_id: str, **_: Any) -> acp.PromptResponse:
        self.session = session_id
        return await getattr(self, BEHAVIOUR.replace(" ", "_"))() or acp.PromptResponse(stop_reason="end_turn")

    async def say(self, text: str) -> None:
        await self.client.session_update(self.session, acp.update_agent_message_text(text))

    async def cost(self, amount: float) -> None:
        told = UsageUpdate(session_update="usage_update", used=1, size=2, cost=Cost(amount=amount, currency="USD"))
        await self.client.session_update(self.session, told)

    async def call(self, name: str, title: str, kind: ToolKind, **what: Any) -> None:
        await self.client.session_update(self.session, acp.start_tool_call(name, title, kind=kind, **what))

    async def result(self, name: str, output: str) -> None:
        await self.client.session_update(
            self.session, acp.update_tool_call(name, status="completed", raw_output=output)
        )

    async def ask(self, name: str, kind: ToolKind, told: dict[str, str], options: tuple[str, ...] = OPTIONS) -> str:
        """The option that was chosen."""
        places = [ToolCallLocation(path=told["path"])] if "path" in told else None
        given = await self.client.request_permission(
            self.session,
            ToolCallUpdate(tool_call_id=name, title=f"Use {kind}", kind=kind, raw_input=told, locations=places),
            [PermissionOption(option_id=each, name=each, kind=each) for each in options],
        )
        return getattr(given.outcome, "option_id", given.outcome.outcome)

    # What it can do ---------------------------------------------------------------------------------------------------

    async def works(self) -> acp.PromptResponse:
        await self.say("I will ")
        await self.say("write it.")
        await self.cost(0.01)
        await self.call(
            "1", "Write hello.txt", "edit", locations=[ToolCallLocation(path=str(Path("hello.txt").absolute()))]
        )
        path = str(Path("hello.txt").absolute())
        await self.client.write_text_file(session_id=self.session, path=path, content="one\ntwo\nthree\n")
        read = await self.client.read_text_file(session_id=self.session, path=path, line=2, limit=1)
        await self.result("1", f"wrote \x1b[31m{read.content}")
        await self.say("It is done.")
        await self.cost(0.03)
        usage = Usage(input_tokens=100, output_tokens=20, total_tokens=120)
        return acp.PromptResponse(stop_reason="end_turn", usage=usage)

    async def uses_files(self) -> None:
        """Write to each path and read from it, and tell what came of it."""
        if Path("make-link").exists():
            Path("link").symlink_to(Path("make-link").read_text())
        for path in json.loads(ARGUMENT):
            for access in (
                self.client.write_text_file(session_id=self.session, path=path, content="written"),
                self.client.read_text_file(session_id=self.session, path=path),
            ):
                try:
                    await access
                    await self.say("given ")
                except acp.RequestError as error:
                    await self.say(f"refused({(error.data or {}).get('details', error)}) ")

    async def asks(self) -> None:
        """Ask for each of [kind, input], and tell what was chosen."""
        for number, (kind, told) in enumerate(json.loads(ARGUMENT)):
            chosen = await self.ask(str(number), kind, told)
            await self.result(str(number), chosen)
            await self.say(f"{chosen} ")

    async def storms(self) -> None:
        asked = [self.ask(str(each), "execute", {"command": f"{ARGUMENT}{each}"}) for each in range(300)]
        await self.say(json.dumps(Counter(await asyncio.gather(*asked))))

    async def knows_only_always(self) -> None:
        await self.say(await self.ask("1", "execute", {"command": "make"}, ("allow_always",)))

    async def tells_its_mode(self) -> None:
        await self.say(self.mode)

    async def remembers(self) -> None:
        await self.say(f"I remember {self.session}.")
        await self.cost(0.75)

    async def forgets(self) -> None:
        await self.say(f"I am {self.session}.")

    async def stops(self) -> acp.PromptResponse:
        await self.say("enough")
        return acp.PromptResponse(stop_reason=ARGUMENT)  # type: ignore[arg-type]

    async def loops(self) -> acp.PromptResponse:
        number = 0
        while not self.cancelled.is_set():
            number += 1
            await self.call(str(number), "Again", "think")
            await self.result(str(number), "again")
            await self.say(f"turn {number} is over")
            await asyncio.sleep(0)
        await self.cost(0.5)
        return acp.PromptResponse(stop_reason="cancelled")

    async def falls_silent(self) -> acp.PromptResponse:
        """In the middle of a command that is in a session of its own; it ends well when it is told to stop."""
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
        await self.call("1", "Wait", "execute", raw_input={"command": "sleep 1000"}, status="in_progress")
        await self.cancelled.wait()
        await self.cost(0.25)
        return acp.PromptResponse(stop_reason="cancelled")

    async def is_dead(self) -> None:
        subprocess.Popen(["sleep", "1000"])
        await self.say("I will now")
        while True:
            await asyncio.sleep(1_000)

    async def chatters(self) -> None:
        while True:
            await self.say("on and on ")
            await asyncio.sleep(0.05)

    async def crashes(self) -> None:
        await self.say("I will run it.")
        await self.cost(0.125)
        await self.call("1", "Run", "execute", raw_input={"command": "make"}, status="in_progress")
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
        print("Traceback\nMemoryError: with key sk-ant-secret-key-1234\n", file=sys.stderr, flush=True)
        os._exit(3)

    async def floods_stderr(self) -> None:
        for _ in range(1 << 20 >> 10):
            os.write(2, b"x" * 1_023 + b"\n")
        await self.say("said it all")


def main() -> None:
    """Serve until the client is gone."""
    asyncio.run(acp.run_agent(Worker()))


if __name__ == "__main__":
    main()
