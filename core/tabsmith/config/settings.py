"""The settings tree: every key with its type, its bounds, its default and its description.

A key's path in the file is the path of its field here. `Meta.extra` marks what a type cannot say: `secret` values are
never shown, `words` lists are split like a shell command when they are given as text, others at commas, the entries of
`conditions` lists have to be conditions, and `default` is how a computed default is written.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from tabsmith.agent_registry import agent_names
from tabsmith.paths import folders

if TYPE_CHECKING:
    AgentName: TypeAlias = str
else:  # decoders refuse an agent that is not registered
    AgentName = Literal[agent_names()]
Mode: TypeAlias = Literal["manual", "confirm", "automatic"]
"""How much a person is asked. `automatic`: never; breakpoints are noted, and a used up limit ends the run. `confirm`: at
breakpoints, used up limits and escalations. `manual`: before every recipe is fitted, too."""


class LlmSettings(msgspec.Struct, frozen=True):
    """The agent that asks a language model through its provider's interface."""

    model: Annotated[
        str | None,
        Meta(description="Model that the llm agent asks, as provider:name, for example openai:NAME or anthropic:NAME."),
    ] = None
    base_url: Annotated[
        str | None, Meta(description="Address to reach the provider at, when it is not the provider's own.")
    ] = None


class ClaudeCodeSettings(msgspec.Struct, frozen=True):
    """The agent that is the Claude Code program."""

    model: Annotated[
        str | None, Meta(description="Model that Claude Code is asked to use; its own choice when not set.")
    ] = None


class AcpSettings(msgspec.Struct, frozen=True):
    """The agent that is any program speaking the Agent Client Protocol."""

    command: Annotated[
        tuple[str, ...],
        Meta(
            description="Command that starts the agent program; a list of words, or one text split as a shell would.",
            extra={"words": True},
        ),
    ] = ()
    variables: Annotated[
        tuple[str, ...],
        Meta(
            description="Environment variables that the program gets besides the plain ones, such as its provider's key.",
            extra={"words": True},
        ),
    ] = ()


class AgentSettings(msgspec.Struct, frozen=True):
    """The agents that propose recipes."""

    default: Annotated[AgentName, Meta(description="Agent that proposes recipes when none is named.")] = "search"
    mode: Annotated[
        Mode,
        Meta(
            description="When a run in front of a person asks: never, at breakpoints and budgets, or before every "
            "recipe as well."
        ),
    ] = "confirm"
    breakpoints: Annotated[
        tuple[str, ...],
        Meta(
            description="Conditions at which a run stops and asks, or names of built-in ones; `tabsmith config "
            "breakpoints` lists both.",
            extra={"conditions": True},
        ),
    ] = ("consecutive failures", "rate limit")
    grader: Annotated[
        Literal["heuristic", "llm"],
        Meta(description="Who grades the quality of an iteration: tabsmith's own rule, or the model of agents.llm."),
    ] = "heuristic"
    timeout: Annotated[
        float, Meta(description="Seconds to wait for an agent's answer before it is asked again.", ge=1, le=3_600)
    ] = 120.0
    dollars: Annotated[
        str | None, Meta(description="Dollars that a run may spend on agents when no budget is given, such as 2.00.")
    ] = None
    llm: LlmSettings = LlmSettings()
    claude_code: ClaudeCodeSettings = ClaudeCodeSettings()
    acp: AcpSettings = AcpSettings()


class PathSettings(msgspec.Struct, frozen=True):
    """Which files may be read. A person at the terminal may read what their account may; others only some folders."""

    allowed: Annotated[
        tuple[Path, ...],
        Meta(
            description="Folders that the Telegram bridge may read tables from and agents may work in, with all below "
            "them, beside the folder of uploads. They do not bound you at the terminal.",
        ),
    ] = ()
    max_mb: Annotated[int, Meta(description="Largest file that is read, in megabytes.", ge=1, le=1_000_000)] = 10_000

    remote: Annotated[
        bool, Meta(description="Whether tables may be read from the web, by http and https addresses.")
    ] = False

    @property
    def readable(self) -> tuple[Path, ...]:
        """The folders that the bridge may read from: those allowed, and the one that keeps files which were sent here."""
        return (*self.allowed, folders().uploads)

    def readable_by(self, user: str) -> tuple[Path, ...]:
        """The folders that a person may read from through the bridge: those allowed, and what that person has sent."""
        return (*self.allowed, folders().uploads / user)


class ProfileSettings(msgspec.Struct, frozen=True):
    """What agents are told about a table."""

    samples: Annotated[
        bool, Meta(description="Whether agents are shown sample values of each column, cleaned and cut.")
    ] = True


class TrainingSettings(msgspec.Struct, frozen=True):
    """The resources of a training."""

    time: Annotated[float, Meta(description="Seconds that a training may take.", ge=1, le=30 * 86_400)] = 60.0
    cores: Annotated[int, Meta(description="Processor cores to use; 0 uses all.", ge=0, le=4_096)] = 0


class ResourceSettings(msgspec.Struct, frozen=True):
    """What reading a table and predicting may take of the machine."""

    memory: Annotated[
        float,
        Meta(
            description="Share of the machine's memory that reading a table, or predicting, may take.", ge=0.05, le=1.0
        ),
    ] = 0.6


class EngineSettings(msgspec.Struct, frozen=True):
    """Where models are fitted."""

    address: Annotated[
        str,
        Meta(
            description="Address of a Dask scheduler whose workers fit the models, such as tcp://host:8786; this machine "
            "fits them when empty."
        ),
    ] = ""


class RunSettings(msgspec.Struct, frozen=True):
    """The runs of this machine together."""

    at_once: Annotated[
        int,
        Meta(
            description="Trainings that run at once, the others queue; 0: as many as there are cores, two at least.",
            ge=0,
            le=1_000,
        ),
    ] = 0


class RetentionSettings(msgspec.Struct, frozen=True):
    """How long what is on the disk is kept: days after its last use; 0 keeps it until it is removed by hand."""

    runs: Annotated[
        int, Meta(description="Days to keep ended runs; their models stay. 0: for ever.", ge=0, le=36_500)
    ] = 0
    snapshots: Annotated[
        int,
        Meta(description="Days to keep the snapshots of tables after their last use. 0: for ever.", ge=0, le=36_500),
    ] = 90
    uploads: Annotated[
        int, Meta(description="Days to keep files that were sent through the bridge. 0: for ever.", ge=0, le=36_500)
    ] = 0
    workspaces: Annotated[
        int,
        Meta(
            description="Days to keep the copies and contents of ended tasks; 0: as long as their runs.",
            ge=0,
            le=36_500,
        ),
    ] = 0


class TaskSettings(msgspec.Struct, frozen=True):
    """How coding agents work in folders."""

    sandbox: Annotated[
        Literal["bubblewrap", "landlock", "rlimits", "none"],
        Meta(description="Weakest sandbox in which commands of a task run without a yes."),
    ] = "landlock"
    turns: Annotated[int, Meta(description="Turns of a conversation, when the task names none.", ge=1, le=10_000)] = 50
    silence: Annotated[
        float, Meta(description="Seconds that an agent may say nothing, when the task names none.", ge=1, le=86_400)
    ] = 180.0


class TelegramSettings(msgspec.Struct, frozen=True):
    """The bridge to a phone."""

    token: Annotated[
        str | None, Meta(description="Token of the bot that the bridge speaks as.", extra={"secret": True})
    ] = None
    allowed_users: Annotated[
        tuple[int, ...],
        Meta(description="Numbers of the Telegram users who may talk to the bridge; none when empty."),
    ] = ()
    base_url: Annotated[
        str | None, Meta(description="Address of the Telegram server, when it is not Telegram's own.")
    ] = None
    timeout: Annotated[
        float, Meta(description="Seconds that the Telegram server may keep the bridge waiting.", ge=1, le=50)
    ] = 25.0

    def __repr__(self) -> str:
        token = "not set" if self.token is None else "set"
        return f"Telegram(token={token}, allowed_users={self.allowed_users!r}, base_url={self.base_url!r})"


class UiSettings(msgspec.Struct, frozen=True):
    """How the screens look and answer."""

    theme: Annotated[str | None, Meta(description="Name of the colour theme; tabsmith's own when not set.")] = None
    keymap: Annotated[
        Mapping[str, str],
        Meta(description="Keys of actions: the action's id, and its key or keys separated by commas."),
    ] = msgspec.field(default_factory=dict)


class Settings(msgspec.Struct, frozen=True):
    """All settings."""

    agents: AgentSettings = AgentSettings()
    paths: PathSettings = msgspec.field(default_factory=PathSettings)
    profile: ProfileSettings = ProfileSettings()
    training: TrainingSettings = TrainingSettings()
    resources: ResourceSettings = ResourceSettings()
    engine: EngineSettings = EngineSettings()

    runs: RunSettings = RunSettings()
    keep: RetentionSettings = RetentionSettings()
    tasks: TaskSettings = TaskSettings()
    telegram: TelegramSettings = TelegramSettings()
    ui: UiSettings = msgspec.field(default_factory=UiSettings)
