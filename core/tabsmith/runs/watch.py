"""Runs seen from outside: one run as it goes on, or a list of all. Only journals are read."""

import time
from collections.abc import Callable

import msgspec

from tabsmith.agents.protocol import AgentName
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.runs.events import Outcome, RunEvent, RunState
from tabsmith.runs.folder import RunFolder, run_ids
from tabsmith.runs.reducers import reduce
from tabsmith.runs.snapshot import RunSnapshot, interrupted
from tabsmith.storage import Document, Found
from tabsmith.storage.files import disk_trouble
from tabsmith.tables.read.sources import describe_source
from tabsmith.tables.schema.types import ProblemType
from tabsmith.text import clean

_ALIVE_EVERY = 0.5  # seconds between looks at the worker's lock
_START_PATIENCE = 60.0  # seconds that a worker may take from being asked for to its first event


class RunWatch:
    """Follows a run. `refresh` reads only what is new, so it may be called many times a second."""

    def __init__(
        self,
        run_id: str,
        clock: Callable[[], float] = time.time,
        on_event: Callable[[RunEvent], None] | None = None,
    ) -> None:
        self._on_event = on_event
        self.folder = RunFolder(run_id)
        self._journal = self.folder.events()
        self._offset = 0
        self._clock = clock
        self._looked = float("-inf")
        self._folded = RunSnapshot(spec=self.folder.spec())
        self._shown = self._shown_from = self._folded

    def refresh(self) -> RunSnapshot:
        """Return the run now: the same object if nothing happened, an interrupted run if its worker is gone."""
        self._read()
        if self._folded is not self._shown_from:
            self._shown = self._shown_from = self._folded
        if not self._shown.state.ended and self._clock() - self._looked >= _ALIVE_EVERY:
            self._looked = self._clock()
            if self._gone():
                self._read()  # it may have said its last word between the two looks
                self._shown_from = self._folded
                self._shown = interrupted(self._folded, disk_trouble(self.folder.root))
        return self._shown

    def _gone(self) -> bool:
        if self.folder.alive():
            return False
        if self._folded.attempt:
            return True
        spec = self._folded.spec
        return spec is not None and self._clock() - spec.created_at > _START_PATIENCE

    def _read(self) -> None:
        chunk = self._journal.read(self._offset)
        lost = chunk.skipped + chunk.unknown
        folded = reduce(chunk.values, self._folded)
        if lost:
            folded = msgspec.structs.replace(folded, skipped=folded.skipped + lost)
        # Only now is it read: ctrl+c may come at any place, and what it interrupts is read again.
        self._folded, self._offset = folded, chunk.next_offset
        if self._on_event is not None:
            for event in chunk.values:
                self._on_event(event)


class RunSummary(msgspec.Struct, frozen=True):
    """A run in a line of a list."""

    id: str
    state: RunState
    source: str
    target: str = ""
    task: ProblemType = "none"
    metric: Metric | None = None
    score: float | None = None  # the model's, or the champion's while there is none
    tried: int = 0
    started_at: float = 0.0
    active_seconds: float = 0.0
    model_id: str = ""
    problem: str = ""
    planned: AgentName = "search"
    actual: AgentName = "search"  # who proposes; another than planned while that one fails
    tasks: int = 0  # of a task file
    tasks_over: int = 0  # of these, ended in whatever way
    outcome: Outcome | None = None
    damaged_lines: int = 0  # of its journal, that could not be understood


class _Cached(msgspec.Struct, frozen=True):
    """The summary of a journal of `size` bytes, valid while the journal has that size."""

    size: int
    summary: RunSummary


def summarize(run_id: str) -> RunSummary:
    """Return the run in a line. Raises RunNotFoundError, and whatever its files raise."""
    folder = RunFolder(run_id)
    cache = Document(folder.root / "summary.json", _Cached, version=1, name="summary")
    size = _size(folder)
    match cache.load():
        case Found(_Cached(size=known, summary=summary)) if known == size and summary.state.ended:
            if summary.state is not RunState.INTERRUPTED or not folder.alive():
                return summary
        case _:
            pass
    snapshot = RunWatch(run_id).refresh()
    summary = _summary(run_id, snapshot)
    if summary.state.ended:
        cache.save(_Cached(size, summary))
    return summary


def list_runs() -> tuple[RunSummary, ...]:
    """Return every run in a line, newest first; a run whose files cannot be read is listed with its problem."""
    found: list[RunSummary] = []
    for run_id in run_ids():
        try:
            found.append(summarize(run_id))
        except Exception as error:  # noqa: BLE001 - one broken run must not hide the others; it is listed as such
            found.append(RunSummary(run_id, RunState.FAILED, source="?", problem=clean(error, 300)))
    return tuple(found)


def _summary(run_id: str, run: RunSnapshot) -> RunSummary:
    champion = run.champion_trial
    score = run.report.cv_score if run.report else champion.mean if champion else None
    return RunSummary(
        run_id,
        run.state,
        source=describe_source(run.spec.source) if run.spec else "?",
        target=run.schema.target if run.schema else "",
        task=run.schema.problem_type if run.schema else "none",
        metric=run.metric,
        score=score,
        tried=run.tried,
        started_at=run.started_at or (run.spec.created_at if run.spec else 0.0),
        active_seconds=run.active_seconds(time.time()),
        model_id=run.report.model_id if run.report else "",
        problem=run.error.what if run.error else "",
        planned=run.planned,
        actual=run.actual,
        tasks=len(run.tasks),
        tasks_over=sum(each.state == "done" for each in run.tasks),
        outcome=run.outcome,
        damaged_lines=run.skipped,
    )


def _size(folder: RunFolder) -> int:
    try:
        return (folder.root / "events.jsonl").stat().st_size
    except FileNotFoundError:
        return 0
