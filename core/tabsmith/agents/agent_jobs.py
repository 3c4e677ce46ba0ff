"""Work with hands: an agent is sent into a folder with a goal, and what it does there is told as it happens."""

from collections.abc import Awaitable, Callable
from typing import Literal, Protocol, TypeAlias

import msgspec

from tabsmith.agents.protocol import ModelAgentName, ModelReply, Prompt
from tabsmith.sandbox.policy import SandboxLevel

PermissionMode: TypeAlias = Literal["ask", "allow", "refuse"]
"""What becomes of a permission that the agent asks for beyond what it may do: a person is asked, or it follows the
mode."""

RiskLevel: TypeAlias = Literal["low", "medium", "high"]
"""`low` reads, `medium` writes inside the folder or runs a command there, `high` reaches outside or the network."""

AgentJobEnd: TypeAlias = Literal["done", "turn limit", "refused", "silence", "budget"]
"""How an errand ended: the agent said that it was done (which proves nothing), its turns were used up, the model
refused, nothing was heard for too long, or whoever sent it had no money left for it."""


ToolKind: TypeAlias = Literal["read", "write", "run", "fetch", "think", "other"]
"""What a tool does; `run` is a command, which the sandbox bounds."""


class PermissionRules(msgspec.Struct, frozen=True):
    """What the agent may do in the folder without asking. `run` are patterns of commands such as `python *`; empty
    allows none."""

    read: bool = True
    write: bool = True
    run: tuple[str, ...] = ()


class AgentJob(msgspec.Struct, frozen=True, kw_only=True):
    """A letter and the folder to work in. `session` is a fresh UUID that tabsmith made; `continues` the session whose
    conversation goes on, "" for a new one. `silence`: seconds without any sign of life after which it is ended."""

    session: str
    prompt: Prompt
    folder: str
    rights: PermissionRules
    asking: PermissionMode = "ask"
    continues: str = ""
    seconds: float = 600.0
    silence: float = 120.0
    turns: int = 50
    dollars: str = ""  # after which it is ended, by an agent that knows its prices; "" for no limit
    sandbox: SandboxLevel = "none"  # that the agent's commands run in
    network: Literal["none", "all"] = "none"  # what they may reach


class Activity(msgspec.Struct, frozen=True):
    """Something that the agent does: it says `text`, uses the tool `tool` on `text`, or a tool gave `text`."""

    kind: Literal["message", "tool", "result"]
    text: str
    tool: str = ""
    failed: bool = False


class PermissionRequest(msgspec.Struct, frozen=True):
    """The agent wants to do what it may not without asking: `what` is the command, the path or the address."""

    id: str
    tool: str
    what: str
    risk: RiskLevel
    use: ToolKind = "other"


PermissionAnswer: TypeAlias = Literal["once", "always", "no"]
"""`always`: whatever uses the same tool in the same way, for the rest of this errand."""


class AgentJobResult(msgspec.Struct, frozen=True):
    """The errand is over: the agent's last words, and how it ended."""

    text: str
    end: AgentJobEnd


class CodingAgent(Protocol):
    """A coding agent's program. It runs in the agents' own process (see host.py)."""

    @property
    def name(self) -> ModelAgentName: ...

    async def work(
        self,
        errand: AgentJob,
        hear: Callable[[ModelReply], None],
        show: Callable[[Activity], None],
        allow: Callable[[PermissionRequest], Awaitable[PermissionAnswer]],
    ) -> AgentJobResult:
        """Carry the errand out. Replies of the model go to `hear` as they come, with what they used; what the agent
        does to `show`; what it may not do by itself to `allow`, which may wait for a person (that is no silence).
        Raises AgentError. Cancelling ends every process that it started."""
        ...
