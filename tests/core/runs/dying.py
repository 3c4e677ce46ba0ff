"""A run in this process whose worker dies at a chosen write: nothing of it, and nothing after it, reaches the disk.

Everything between two writes is in memory and lost with the process, so the writes are all the moments there are. The
loop, the letters, the folding, the resuming and the files are the real ones; agents, fits and the person are scripted.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import msgspec
from msgspec.structs import replace

from tabsmith.agents.protocol import ModelReply, ModelRequest, Prompt
from tabsmith.agents.search import SearchAgent
from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.config.settings import AgentSettings
from tabsmith.errors import AgentError, ErrorReport, ReportedError
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import Evaluation, FoldScore
from tabsmith.orchestration import events as loop
from tabsmith.orchestration.decisions import Continue, Reply
from tabsmith.orchestration.decisions import Question as Asks
from tabsmith.orchestration.history import HistoryRecord, history_record, holds, open_history
from tabsmith.orchestration.human_review import LoopEnd
from tabsmith.orchestration.loop.iteration import LoopContext, RecipeIteration
from tabsmith.orchestration.loop.recipe_loop import RecipeLoop
from tabsmith.orchestration.loop.resume import close_lost_sessions
from tabsmith.orchestration.loop_state import evaluation_folder
from tabsmith.orchestration.sessions import Transcripts
from tabsmith.recipes.recipe import Recipe, Verdict
from tabsmith.recipes.validation import validate_recipe
from tabsmith.runs.agent_factory import LlmGrader, ModelAgent
from tabsmith.runs.controller import ActiveClock, RunController
from tabsmith.runs.events import Answer, RunCommand, RunEvent, RunStarted
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.pool import Pool
from tabsmith.runs.reducers import reduce
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.spec import Detect, ModelChoice, RunSpec, new_run_id
from tabsmith.storage import TypedJournal
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.tables.read.sources import SampleSource
from tabsmith.tables.schema.types import ColumnSchema, Schema, Split

FOLDS = 3
SCHEMA = Schema(
    (*(ColumnSchema(f"x{n}", "numeric", "feature", "") for n in range(3)), ColumnSchema("y", "numeric", "target", "")),
    "y",
    (),
    "regression",
    Split("random", folds=FOLDS),
)
PROFILE = TableProfile(1_000, tuple(ColumnProfile(column.name, "float", 1_000, 0, 900) for column in SCHEMA.columns))
RMSE = Metric("rmse", "RMSE", greater_is_better=False, tasks=("regression",))

Step = str | AgentError
"""What the model says when it is asked: a text, or it fails."""


class Killed(BaseException):
    """The worker is dead."""


class Story(msgspec.Struct, frozen=True):
    """A scripted run. `says` are the model's steps, by iteration; `grades` the same for its grades; `scores` the means
    by the ridge's alpha, where an alpha that is missing fails; `replies` what the person answers, by iteration and
    cause (anything else is `Continue`); `command` what the person sends as soon as an event is written."""

    choice: ModelChoice
    says: Mapping[int, Sequence[Step]]
    scores: Mapping[float, float]
    grades: Mapping[int, Sequence[Step]] = {}
    replies: Mapping[tuple[int, str], Reply] = {}
    command: tuple[int, type, RunCommand] | None = None
    same: bool = True  # every resumed run is to be the same as one that was never killed


class Disk:
    """What outlives the worker, which dies at the write number `dies`."""

    def __init__(self) -> None:
        spec = RunSpec(new_run_id(), 0.0, SampleSource("diabetes"), Detect(), ModelChoice())
        self.folder = RunFolder.create(spec)
        self.journal: TypedJournal[RunEvent] = TypedJournal(self.folder.root / "events.jsonl", RunEvent, sync=False)
        self.history = open_history(self.folder.root / "history.jsonl", sync=False)
        self.folds: dict[str, list[FoldScore]] = {}
        self.fits: Counter[tuple[int, int]] = Counter()
        self.heard: Counter[tuple[str, int]] = Counter()  # steps by purpose and iteration
        self.used = NO_USAGE  # by replies that were heard
        self.lost = 0  # replies that were on their way when the worker died
        self.writes: list[str] = []
        self.dies: int | None = None

    def write(self, what: str, do: Callable[[], object]) -> None:
        if self.dies is not None and len(self.writes) >= self.dies:
            raise Killed
        self.writes.append(what)
        do()

    def tear(self) -> None:
        """The last line of the journal is cut off in its middle."""
        data = self.journal.path.read_bytes()
        last = data.rstrip(b"\n").rfind(b"\n") + 1
        self.journal.close()
        self.journal.path.write_bytes(data[: last + (len(data) - last) // 2])

    @property
    def events(self) -> tuple[RunEvent, ...]:
        return self.journal.read().values

    @property
    def run(self) -> RunSnapshot:
        return reduce(self.events)

    @property
    def records(self) -> tuple[HistoryRecord, ...]:
        return self.history.read().values


class DyingTranscripts(Transcripts):
    """Transcripts each of whose writes may be the worker's last."""

    def __init__(self, disk: Disk, places: Mapping[str, tuple[str, int]]) -> None:
        super().__init__(disk.folder.root)
        self.disk = disk
        self.places = places

    def sent(self, session: str, prompt: Prompt) -> None:
        self.disk.write("Sent", lambda: super(DyingTranscripts, self).sent(session, prompt))

    def received(self, session: str, reply: ModelReply) -> None:
        self.disk.lost += 1
        self.disk.write("Received", lambda: super(DyingTranscripts, self).received(session, reply))
        self.disk.lost -= 1
        self.disk.used += reply.usage
        self.disk.heard[self.places[session]] += 1


class Worker:
    """One attempt at the run on `disk`."""

    def __init__(self, disk: Disk, story: Story) -> None:
        self.disk = disk
        self.story = story
        self.places: dict[str, tuple[str, int]] = {}  # purpose and iteration of each session
        self.at = 1_000.0 + len(disk.writes)
        past = disk.run
        choice = story.choice
        clock = ActiveClock(0.0, clock=lambda: 0.0)
        self.control = RunController(
            disk.folder,
            0,
            Pool(1),
            self.record,
            clock,
            choice=choice,
            past=past,
        )
        spec = replace(disk.folder.spec(), choice=choice)
        self.record(RunStarted(spec=spec, pid=1, attempt=past.attempt + 1, version="0"))
        transcripts = DyingTranscripts(disk, self.places)
        for event in close_lost_sessions(past, transcripts, past.updated_at):
            self.record(event)
            past = reduce((event,), past)
        self.record(loop.SearchStarted(metric=RMSE, folds=FOLDS, train_rows=80, holdout_rows=20))
        planned = ModelAgent("llm", self, AgentSettings())  # type: ignore[arg-type] # the host is scripted
        grader = LlmGrader(self, "judge") if story.grades else None  # type: ignore[arg-type]
        self.planned = planned
        self.loop = RecipeLoop(
            planned,
            SearchAgent(),
            self,
            self.control,
            self.record,
            context=LoopContext(
                run_id=disk.folder.id,
                fingerprint="table",
                schema=SCHEMA,
                profile=PROFILE,
                metric=RMSE,
                folds=FOLDS,
                breakpoints=choice.breakpoints,
            ),
            transcripts=transcripts,
            state=past,
            clock=lambda: 0.0,
            remember=self.remember,
            grader=grader,
        )

    # The disk ---------------------------------------------------------------------------------------------------------

    def record(self, event: RunEvent) -> None:
        self.at += 0.001
        stamped = replace(event, at=self.at)
        self.disk.write(type(event).__name__, lambda: self.disk.journal.append(stamped))
        match event:
            case loop.SessionOpened():
                self.places[event.session] = (event.purpose, event.iteration)
            case loop.SessionClosed(outcome="failed") if event.trouble != "data":
                self.disk.heard[self.places[event.session]] += 1
            case loop.QuestionAsked():
                asyncio.get_running_loop().call_soon(self._answer, event.question)
        if self.story.command is not None:
            iteration, kind, command = self.story.command
            if isinstance(event, kind) and getattr(event, "iteration", 0) == iteration:
                self.control.obey(command)

    def _answer(self, question: Asks) -> None:
        reply = self.story.replies.get((question.iteration, question.cause), Continue())
        self.control.obey(Answer(id=question.id, reply=reply))

    def remember(self, iteration: RecipeIteration) -> None:
        if iteration.resumed and holds(self.disk.history, self.disk.folder.id, iteration.number):
            return
        line = history_record(
            iteration, self.loop.context, self.planned.name, self.loop.usage, self.loop.fallback_reason, 0.0
        )
        self.disk.write("Record", lambda: self.disk.history.append(line))

    # The agents' process ----------------------------------------------------------------------------------------------

    async def ask(self, speaker: str, question: ModelRequest, hear: Callable[[ModelReply], None]) -> str:
        await asyncio.sleep(0)
        purpose, iteration = place = self.places[question.session]
        steps = (self.story.says if purpose == "propose" else self.story.grades)[iteration]
        number = self.disk.heard[place]
        step = steps[min(number, len(steps) - 1)]
        if isinstance(step, AgentError):
            raise step
        usage = Usage(1_000 + iteration, 10 * iteration + number, 3, 0, 1, 1, Decimal("0.01"))
        hear(ModelReply(step, usage, model="m-1", foreign="f"))
        await asyncio.sleep(0)
        return step

    # The fits ---------------------------------------------------------------------------------------------------------

    async def check(self, recipe: Recipe) -> Verdict:
        return validate_recipe(recipe, SCHEMA)

    async def evaluate(self, iteration: int, recipe: Recipe, on_fold: Callable[[FoldScore], None]) -> Evaluation:
        folder = evaluation_folder(iteration, recipe)
        done = self.disk.folds.setdefault(folder, [])
        for score in done:
            on_fold(score)
        mean = self.story.scores.get(float(recipe.parameters.get("alpha", 1.0)))  # type: ignore[arg-type]
        if mean is None:
            raise ReportedError(ErrorReport("ValueError", "it did not converge"))
        for fold in range(len(done), FOLDS):
            await asyncio.sleep(0)
            score = FoldScore(fold, mean + (fold - 1) * (0.5 if fold else 0.5 + mean % 1), 0.5, 0.1)
            self.disk.write("Fold", lambda score=score: done.append(score))  # type: ignore[misc]
            self.disk.fits[iteration, fold] += 1
            on_fold(score)
        return Evaluation(recipe, tuple(done), sum(each.score for each in done) / FOLDS, 0.5, 1.2, folder)


def live(disk: Disk, story: Story, dies: int | None = None) -> LoopEnd | None:
    """One attempt at the run; None when its worker died, before the write number `dies` of the whole run."""
    disk.dies = dies

    async def attempt() -> LoopEnd:
        return await Worker(disk, story).loop.run()

    try:
        return asyncio.run(attempt())
    except (Killed, asyncio.CancelledError):
        return None
    finally:
        disk.journal.close()
