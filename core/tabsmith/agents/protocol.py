"""What every agent is: given a brief, it proposes a recipe or says that it has no more."""

from typing import Literal, Protocol, TypeAlias

import msgspec

from tabsmith.recipes.recipe import Recipe
from tabsmith.tables.profile import Profile
from tabsmith.tables.schema import Schema

AgentName: TypeAlias = Literal["search", "llm", "claude-code", "acp"]


class Goal(msgspec.Struct, frozen=True):
    """The metric of the run: its name in words, and which way is better."""

    name: str
    greater_is_better: bool


class Tried(msgspec.Struct, frozen=True):
    """A recipe of this run and what came of it: its mean score over the folds, or None and the reason why not."""

    recipe: Recipe
    score: float | None
    standard_error: float | None = None
    seconds: float = 0.0
    reason: str = ""


class Brief(msgspec.Struct, frozen=True, kw_only=True):
    """All that an agent is told. `champion` is the best of `tried`, None before the first score. What is left is
    None where the budget does not limit it."""

    schema: Schema
    profile: Profile
    metric: Goal
    champion: Tried | None = None
    tried: tuple[Tried, ...] = ()
    seconds_left: float | None = None
    iterations_left: int | None = None


class Proposal(msgspec.Struct, frozen=True):
    """A recipe to try next, and why, in a sentence."""

    recipe: Recipe
    reason: str = ""


class Exhausted(msgspec.Struct, frozen=True):
    """The agent has nothing new to propose, and why."""

    reason: str


class Agent(Protocol):
    """Who proposes. An agent may be asked again after any outcome; what it is told is all in the brief."""

    @property
    def name(self) -> AgentName: ...

    async def propose(self, brief: Brief) -> Proposal | Exhausted:
        """The next recipe to evaluate, or `Exhausted`."""
        ...
