"""What every agent is: given a brief, it proposes a recipe or says that it has no more.

`Search` needs nothing else. The others hold a conversation: the brief becomes a `Prompt`, the letter goes to a
`ModelClient` (a model's server, a program), and what comes back is read into a `Proposal`.
"""

from collections.abc import Callable
from typing import Literal, Protocol, TypeAlias

import msgspec

from tabsmith.agents.usage import Usage
from tabsmith.errors import AgentErrorKind as AgentErrorKind
from tabsmith.recipes.recipe import Recipe
from tabsmith.tables.profile.types import TableProfile
from tabsmith.tables.schema.types import Schema

AgentName: TypeAlias = Literal["search", "llm", "claude-code", "acp"]
ModelAgentName: TypeAlias = Literal["llm", "claude-code", "acp"]


class MetricGoal(msgspec.Struct, frozen=True):
    """The metric of the run: its name in words, and which way is better."""

    name: str
    greater_is_better: bool


class TriedRecipe(msgspec.Struct, frozen=True):
    """A recipe of this run and what came of it: its mean score over the folds, or None and the reason why not."""

    recipe: Recipe
    score: float | None
    standard_error: float | None = None
    seconds: float = 0.0
    reason: str = ""
    iteration: int = 0


class RemainingBudget(msgspec.Struct, frozen=True):
    """What is left of the run's limits; None where a limit does not limit."""

    seconds: float | None = None
    iterations: int | None = None
    tokens: int | None = None
    dollars: str | None = None  # a decimal


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """All that an agent is told. `champion` is the best of `tried`, None before the first score."""

    schema: Schema
    profile: TableProfile
    metric: MetricGoal
    champion: TriedRecipe | None = None
    tried: tuple[TriedRecipe, ...] = ()
    left: RemainingBudget = RemainingBudget()
    iteration: int = 1
    samples: bool = True  # whether sample values of the table may be shown
    notes: tuple[str, ...] = ()  # what the person told the agent, oldest first
    feedback: str = ""  # on the last iteration, in words; see orchestration/loop/feedback.py


class Prompt(msgspec.Struct, frozen=True):
    """A brief as the text that is sent. `system` is the same for all iterations of a run, so that prompt caches hit;
    `text` changes; `feedback` is the part of `text` that speaks of the last iteration."""

    system: str
    text: str
    feedback: str = ""


class ModelRequest(msgspec.Struct, frozen=True):
    """A letter on its way. `session` is a fresh UUID that tabsmith made; `shape` the JSON Schema of the answer."""

    session: str
    prompt: Prompt
    shape: msgspec.Raw
    seconds: float  # how long to wait for the answer


class ModelReply(msgspec.Struct, frozen=True):
    """One reply of a model, as it came, with what it alone used. `foreign` is the id by which the other side knows the
    session, where it insists on its own."""

    text: str
    usage: Usage
    model: str = ""
    foreign: str = ""


class ModelClient(Protocol):
    """A model's server or program. It runs in the agents' own process (see host.py)."""

    @property
    def name(self) -> ModelAgentName: ...

    @property
    def model(self) -> str:
        """The model that is asked for; "" where the other side chooses."""
        ...

    async def ask(self, question: ModelRequest, hear: Callable[[ModelReply], None]) -> str:
        """The final text of the answer. Every reply is handed to `hear` as it comes, also when the call fails later, so
        that nothing spent is lost. Raises AgentError; never another exception for what the other side did. Cancelling
        ends the call and every process that it started."""
        ...

    async def close(self) -> None:
        """Let go of connections and programs."""
        ...


class Proposal(msgspec.Struct, frozen=True):
    """A recipe to try next, and why, in a sentence. `confidence` (0..1) is the agent's own, when it gave one."""

    recipe: Recipe
    reason: str = ""
    confidence: float | None = None


class Exhausted(msgspec.Struct, frozen=True):
    """The agent has nothing new to propose, and why."""

    reason: str


class AgentSession(Protocol):
    """A session as the agent sees it: who records what is said."""

    @property
    def session(self) -> str:
        """Its UUID."""
        ...

    @property
    def seconds(self) -> float:
        """How long to wait for the answer."""
        ...

    def on_prompt(self, letter: Prompt) -> None:
        """The letter goes out now."""
        ...

    def on_reply(self, turn: ModelReply) -> None:
        """A reply came in."""
        ...


class Agent(Protocol):
    """Who proposes. An agent may be asked again after any outcome; what it is told is all in the brief."""

    @property
    def name(self) -> AgentName: ...

    @property
    def model(self) -> str:
        """The model behind it; "" for none."""
        ...

    @property
    def uses_llm(self) -> bool:
        """Whether it holds a conversation, which is recorded as an agent session."""
        ...

    async def propose(self, brief: Brief, talk: AgentSession) -> Proposal | Exhausted:
        """The next recipe to evaluate, or `Exhausted`. Raises AgentError."""
        ...
