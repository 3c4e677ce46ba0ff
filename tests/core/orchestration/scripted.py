"""The parts of a loop, scripted: a person who answers from a list, agents that propose, an evaluator that knows scores.

Nothing here starts a process, reads a file or waits.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from msgspec.structs import replace

from tabsmith.agents.protocol import AgentName, AgentSession, Brief, Exhausted, ModelReply, Prompt, Proposal
from tabsmith.agents.usage import Usage
from tabsmith.config.settings import Mode
from tabsmith.errors import AgentError
from tabsmith.limits import LimitName, Limits, with_limit
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import Evaluation, FoldScore
from tabsmith.orchestration.decisions import Continue, EndRun, Question, Reply
from tabsmith.orchestration.human_review import LoopEnd
from tabsmith.orchestration.loop.iteration import LoopContext
from tabsmith.orchestration.loop.recipe_loop import RecipeLoop
from tabsmith.orchestration.loop_state import LoopState
from tabsmith.orchestration.sessions import Transcripts
from tabsmith.recipes.recipe import Problem, Recipe, Verdict
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.tables.schema.types import ColumnSchema, Schema, Split

RMSE = Metric("rmse", "RMSE", greater_is_better=False, tasks=("regression",))
SCHEMA = Schema(
    (ColumnSchema("x", "numeric", "feature", ""), ColumnSchema("y", "numeric", "target", "")),
    "y",
    (),
    "regression",
    Split("random", folds=3),
)
CONTEXT = LoopContext(
    run_id="run",
    fingerprint="table",
    schema=SCHEMA,
    profile=TableProfile(100, tuple(ColumnProfile(name, "float", 100, 0, 90) for name in ("x", "y"))),
    metric=RMSE,
    folds=3,
)


class Person:
    """The user interface of a person who replies from a list, and goes on once it is empty."""

    def __init__(
        self,
        replies: Iterable[Reply] = (),
        *,
        mode: Mode = "confirm",
        limits: Limits | None = None,
        recipes: tuple[Recipe, ...] = (),
    ) -> None:
        self.mode: Mode = mode
        self.recipes = recipes
        self.notes: tuple[str, ...] = ()
        self.limits = limits or Limits()
        self.asked: list[Question] = []
        self.paused = 0
        self._replies = list(replies)
        self._ended = False

    def seconds_for_fitting(self) -> float:
        return math.inf

    def asked_to_end(self) -> bool:
        return self._ended

    def waiting(self, message: str) -> None:
        assert message

    async def going(self) -> None:
        return

    async def ask(self, question: Question) -> Reply:
        self.asked.append(question)
        reply = self._replies.pop(0) if self._replies else Continue()
        self._ended = self._ended or (isinstance(reply, EndRun) and question.cause != "budget")
        return reply

    def note(self, text: str) -> None:
        self.notes = (*self.notes, text)

    def set_limit(self, limit: LimitName, to: str) -> None:
        self.limits = with_limit(self.limits, limit, to)

    def pause(self) -> None:
        self.paused += 1


Step = Recipe | AgentError | Exhausted


class Agent:
    """Proposes from a list of steps, and is exhausted once it is empty. One with a model is paid for each answer."""

    def __init__(self, steps: Iterable[Step], *, name: AgentName = "llm") -> None:
        self.name: AgentName = name
        self.model = "" if name == "search" else "m"
        self.uses_llm = name != "search"
        self.briefs: list[Brief] = []
        self._steps = list(steps)

    async def propose(self, brief: Brief, session: AgentSession) -> Proposal | Exhausted:
        self.briefs.append(brief)
        step = self._steps.pop(0) if self._steps else Exhausted("that is all")
        if isinstance(step, AgentError):
            raise step
        if self.uses_llm:
            session.on_prompt(Prompt("system", "text"))
            session.on_reply(ModelReply("text", Usage(input_tokens=10, turns=1)))
        return step if isinstance(step, Exhausted) else Proposal(step, "a reason of some words")


class Evaluator:
    """Scores a ridge by its alpha; refuses a recipe that drops a column; `meanwhile` happens during each fit."""

    def __init__(self, meanwhile: Callable[[], None] = lambda: None) -> None:
        self._meanwhile = meanwhile

    async def check(self, recipe: Recipe) -> Verdict:
        problems = tuple(Problem("dropped", f"there is no column {name}") for name in recipe.dropped)
        return Verdict(not problems, complete=True, problems=problems)

    async def evaluate(self, iteration: int, recipe: Recipe, on_fold: Callable[[FoldScore], None]) -> Evaluation:
        self._meanwhile()
        mean = float(recipe.parameters["alpha"])  # type: ignore[arg-type]
        folds = tuple(FoldScore(fold, mean + 0.01 * fold, 0.1, 0.1) for fold in range(3))
        for score in folds:
            on_fold(score)
        return Evaluation(recipe, folds, mean, 0.01, 0.3, "folder")


class NoTranscripts(Transcripts):
    """Transcripts that keep nothing."""

    def __init__(self) -> None:
        pass

    def sent(self, session: str, prompt: Prompt) -> None:
        assert session
        assert prompt

    def received(self, session: str, reply: ModelReply) -> None:
        assert session
        assert reply

    def replies(self, session: str) -> list[ModelReply]:
        assert session
        return []


class Run:
    """A recipe loop over scripted parts, and all events that it recorded."""

    def __init__(
        self,
        steps: Sequence[Step],
        person: Person | None = None,
        *,
        search: Sequence[Step] = (),
        breakpoints: tuple[str, ...] = (),
        state: LoopState | None = None,
        evaluator: Evaluator | None = None,
        families: tuple[str, ...] = (),
    ) -> None:
        self.events: list[Any] = []
        self.agent = Agent(steps)
        self.person = person or Person(mode="automatic")
        self.loop = RecipeLoop(
            self.agent,
            Agent(search, name="search"),
            evaluator or Evaluator(),
            self.person,
            self.events.append,
            context=replace(CONTEXT, breakpoints=breakpoints, families=families),
            transcripts=NoTranscripts(),
            state=state or LoopState(),
            clock=lambda: 0.0,
            remember=lambda _: None,
        )

    async def end(self) -> LoopEnd:
        """Run to the end."""
        return await self.loop.run()

    def told(self, kind: type) -> list[Any]:
        """The events of one kind, in their order."""
        return [event for event in self.events if isinstance(event, kind)]


def ridge(alpha: float, **more: Any) -> Recipe:
    """A recipe whose mean score will be `alpha`."""
    return Recipe("linear", parameters={"alpha": alpha}, **more)
