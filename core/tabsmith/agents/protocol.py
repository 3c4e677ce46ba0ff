"""The values and protocols of an agent that proposes recipes.

`SearchAgent` proposes by itself. `ModelAgent` turns a `Brief` into a `Prompt`, sends it to a `ModelClient` (a model's
server or a program) and parses the reply into a `Proposal`. Agents that work in a folder: see `agent_jobs.py`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Literal, Protocol, TypeAlias

import msgspec

from tabsmith.agent_registry import agent_names
from tabsmith.agents.usage import Usage
from tabsmith.config.settings import AgentName as AgentName
from tabsmith.errors import AgentErrorKind as AgentErrorKind
from tabsmith.recipes.recipe import Family, Recipe
from tabsmith.tables.profile.types import TableProfile
from tabsmith.tables.schema.types import Schema

PERSON: Final = "person"
"""Proposes in place of an agent where a recipe is a person's own."""

if TYPE_CHECKING:
    ProposerName: TypeAlias = str
else:  # whoever may have proposed a recipe: an agent, or the person
    ProposerName = Literal[(*agent_names(), PERSON)]


class MetricGoal(msgspec.Struct, frozen=True):
    """The metric of the run: its name in words, and which direction is better."""

    name: str
    greater_is_better: bool


class TriedRecipe(msgspec.Struct, frozen=True):
    """A recipe that the run has evaluated. `score` is its mean over the folds; without a score, `reason` says why."""

    recipe: Recipe
    score: float | None
    standard_error: float | None = None
    seconds: float = 0.0
    reason: str = ""
    iteration: int = 0


class EarlierRecipe(msgspec.Struct, frozen=True):
    """A recipe that did well before: in an earlier run on the same table, or as a member of a model.

    `reason` says where, in words; `score` is its mean over that run's folds, None if it is not known.
    """

    recipe: Recipe
    reason: str
    score: float | None = None


class RemainingBudget(msgspec.Struct, frozen=True):
    """What is left of each of the run's limits; None for a limit that is not set. `dollars` is a decimal."""

    seconds: float | None = None
    iterations: int | None = None
    tokens: int | None = None
    dollars: str | None = None


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that an agent is told. `champion` is the best of `tried`, None before the first score."""

    schema: Schema
    profile: TableProfile
    metric: MetricGoal
    champion: TriedRecipe | None = None
    tried: tuple[TriedRecipe, ...] = ()
    left: RemainingBudget = RemainingBudget()
    iteration: int = 1
    samples: bool = True  # whether sample values of the table may be shown
    notes: tuple[str, ...] = ()  # what the user told the agent, oldest first
    feedback: str = ""  # on the last iteration, in words; see orchestration/loop/feedback.py
    earlier: tuple[EarlierRecipe, ...] = ()  # the best first; their scores are of other folds, perhaps
    families: tuple[Family, ...] = ()  # the only ones that may be proposed; empty for all


class Prompt(msgspec.Struct, frozen=True):
    """The text sent to a model. `system` is the same for all iterations of a run, so that prompt caches hit; `text`
    changes; `feedback` is the part of `text` about the last iteration."""

    system: str
    text: str
    feedback: str = ""


class ModelRequest(msgspec.Struct, frozen=True):
    """A prompt to be answered. `session` is a fresh UUID made by tabsmith, `response_schema` the JSON Schema of
    the answer, `seconds` how long to wait for it."""

    session: str
    prompt: Prompt
    response_schema: msgspec.Raw
    seconds: float


class ModelReply(msgspec.Struct, frozen=True):
    """One reply of a model, unchanged, with the usage of this reply alone. `foreign` is the session id of the other
    side, if that insists on an id of its own."""

    text: str
    usage: Usage
    model: str = ""
    foreign: str = ""


OnReply: TypeAlias = Callable[[ModelReply], None]


class ModelClient(Protocol):
    """Asks a model's server or program. Clients run in the agent server's process."""

    @property
    def name(self) -> AgentName: ...

    @property
    def model(self) -> str:
        """The model that is asked; "" if the other side chooses."""
        ...

    async def ask(self, request: ModelRequest, on_reply: OnReply) -> str:
        """Return the final text of the answer.

        Every reply is passed to `on_reply` as it arrives, also if the call fails later, so that its cost is never lost.
        Cancelling ends the call and every process that it started. Raises AgentError for whatever the other side did.
        """
        ...

    async def close(self) -> None:
        """Close connections and programs."""
        ...


class Proposal(msgspec.Struct, frozen=True):
    """A recipe to try next, with a sentence of reason. `confidence` (0..1) is the agent's own, if it gave one."""

    recipe: Recipe
    reason: str = ""
    confidence: float | None = None


class Exhausted(msgspec.Struct, frozen=True):
    """The agent has nothing new to propose; `reason` says why."""

    reason: str


class AgentSession(Protocol):
    """The session of one proposal, as the agent sees it. The loop records what is reported to it."""

    @property
    def session(self) -> str:
        """The session's UUID."""
        ...

    @property
    def seconds(self) -> float:
        """How long the agent may wait for the answer."""
        ...

    def on_prompt(self, prompt: Prompt) -> None:
        """Record the prompt; called before it is sent."""
        ...

    def on_reply(self, reply: ModelReply) -> None:
        """Record a reply; called as it arrives."""
        ...


class Agent(Protocol):
    """Proposes recipes. An agent may be asked again after any outcome: the brief holds all that it needs to know."""

    @property
    def name(self) -> ProposerName: ...

    @property
    def model(self) -> str:
        """The model behind the agent; "" for none."""
        ...

    @property
    def uses_llm(self) -> bool:
        """Whether the agent asks a language model, which is recorded as an agent session."""
        ...

    async def propose(self, brief: Brief, session: AgentSession) -> Proposal | Exhausted:
        """Return the next recipe to evaluate. Raises AgentError."""
        ...
