"""What an iteration costs beside its agent and its evaluator: brief, check, champion."""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from msgspec.structs import replace

from benchmarks.rows import Row, print_rows
from tabsmith.agents.protocol import AgentName, AgentSession, Brief, Proposal
from tabsmith.config.settings import Mode
from tabsmith.limits import LimitName, Limits
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import Evaluation, FoldScore
from tabsmith.orchestration.decisions import Question, Reply
from tabsmith.orchestration.events import LoopEvent
from tabsmith.orchestration.history import history_record, open_history
from tabsmith.orchestration.loop.iteration import LoopContext
from tabsmith.orchestration.loop.recipe_loop import RecipeLoop
from tabsmith.orchestration.loop_state import LoopState
from tabsmith.orchestration.sessions import Transcripts
from tabsmith.recipes.recipe import Recipe, Verdict
from tabsmith.recipes.validation import validate_recipe
from tabsmith.runs.events import RunEvent
from tabsmith.storage import TypedJournal
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.tables.schema.types import ColumnSchema, Schema, Split

ITERATIONS = 1_000
FOLDS = 8
BUDGET = 5.0  # milliseconds
SCHEMA = Schema(
    (*(ColumnSchema(f"x{n}", "numeric", "feature", "") for n in range(30)), ColumnSchema("y", "numeric", "target", "")),
    "y",
    (),
    "regression",
    Split("random", folds=FOLDS),
)
PROFILE = TableProfile(1_000, tuple(ColumnProfile(column.name, "float", 1_000, 0, 900) for column in SCHEMA.columns))
RMSE = Metric("rmse", "RMSE", greater_is_better=False, tasks=("regression",))


class Instant:
    """An agent that always has another recipe at hand."""

    name: AgentName = "search"
    model = ""
    uses_llm = False

    def __init__(self) -> None:
        self._number = 0
        self.marks: list[float] = []

    async def propose(self, brief: Brief, talk: AgentSession) -> Proposal:  # noqa: ARG002 - it needs neither
        """Another ridge."""
        self.marks.append(time.perf_counter())
        self._number += 1
        return Proposal(Recipe("linear", parameters={"alpha": 0.001 * self._number}))


class Known:
    """An evaluator that has the scores already."""

    async def check(self, recipe: Recipe) -> Verdict:
        """The real check."""
        return validate_recipe(recipe, SCHEMA)

    async def evaluate(self, iteration: int, recipe: Recipe, on_fold: Callable[[FoldScore], None]) -> Evaluation:
        """Scores that fall from one iteration to the next."""
        folds = tuple(FoldScore(fold, 100.0 / iteration + fold, 0.0, 0.0) for fold in range(FOLDS))
        for score in folds:
            on_fold(score)
        return Evaluation(recipe, folds, 100.0 / iteration + 3.5, 1.0, 0.0, "evaluations/none")


class Nobody:
    """A person who is not there, with a budget of so many iterations."""

    mode: Mode = "automatic"
    notes: tuple[str, ...] = ()
    recipes: tuple[Recipe, ...] = ()
    limits = Limits(seconds=0.0, iterations=ITERATIONS)

    def seconds_for_fitting(self) -> float:
        return float("inf")

    def asked_to_end(self) -> bool:
        return False

    def waiting(self, message: str) -> None:
        raise AssertionError(message)

    async def going(self) -> None:
        return

    async def ask(self, question: Question) -> Reply:
        raise AssertionError(question)

    def note(self, text: str) -> None:
        raise AssertionError(text)

    def set_limit(self, limit: LimitName, to: str) -> None:
        raise AssertionError(limit, to)

    def pause(self) -> None:
        raise AssertionError("nobody pauses")


def main() -> list[Row]:
    """The row of the loop, in milliseconds an iteration."""
    with tempfile.TemporaryDirectory() as folder:
        journal: TypedJournal[RunEvent] = TypedJournal(Path(folder, "events.jsonl"), RunEvent)

        def record(event: LoopEvent) -> None:
            journal.append(replace(event, at=time.time()))

        history = open_history(Path(folder, "history.jsonl"))
        agent = Instant()
        loop = RecipeLoop(
            agent,
            agent,
            Known(),
            Nobody(),
            record,
            context=LoopContext(
                run_id="run", fingerprint="table", schema=SCHEMA, profile=PROFILE, metric=RMSE, folds=FOLDS
            ),
            transcripts=Transcripts(Path(folder)),  # an agent without a model says nothing
            state=LoopState(),
            clock=time.monotonic,
            remember=lambda iteration: history.append(
                history_record(iteration, loop.context, "search", loop.usage, loop.fallback_reason, time.monotonic())
            ),
        )
        asyncio.run(loop.run())
        journal.close()
        history.close()
    gaps = [1e3 * (after - before) for before, after in zip(agent.marks, agent.marks[1:], strict=False)]
    figure = statistics.median(gaps)
    return [Row("loop overhead per iteration, p50, vs 5 ms", figure, "ms", BUDGET, figure / BUDGET, 1.0)]


if __name__ == "__main__":
    print_rows(main())
