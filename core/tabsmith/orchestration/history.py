"""The history of all runs: one record for every iteration, `history.jsonl` in the state folder.

Any number of threads and processes append at once, each in one locked write whose cost does not grow with the history.
"""

from pathlib import Path
from types import TracebackType
from typing import Literal, Self

import msgspec

from tabsmith.agents.protocol import AgentName
from tabsmith.agents.usage import NO_USAGE, Usage
from tabsmith.modeling.results import MetricName
from tabsmith.paths import folders
from tabsmith.recipes.recipe import Recipe
from tabsmith.storage import TypedJournal, TypedJournalChunk


class HistoryRecord(msgspec.Struct, frozen=True, kw_only=True):
    """An iteration that is over. `planned` was to propose, `actual` did, and `reason` says why where they differ.
    `score` is the mean over the folds, None if there is none; `champion` says whether the recipe became the champion,
    lost against it, or could not compete."""

    at: float  # seconds since 1970
    run_id: str
    iteration: int
    table: str  # fingerprint
    target: str
    metric: MetricName
    planned: AgentName
    actual: AgentName
    reason: str = ""
    sessions: tuple[str, ...] = ()  # ids
    recipe: Recipe | None = None
    recipe_id: str = ""
    state: Literal["scored", "refused", "failed", "unanswered", "skipped"]
    score: float | None = None
    standard_error: float | None = None
    champion: Literal["won", "kept", "none"] = "none"
    usage: Usage = NO_USAGE
    seconds: float = 0.0
    version: str = ""  # of tabsmith


class History:
    """The history at `path`, by default the one in the state folder. May be shared by threads.

    With `sync` a record is on the disk when `append` returns. Without it, a record outlives the death of this process,
    kill -9 too, but not that of the machine.
    """

    def __init__(self, path: Path | None = None, *, sync: bool = True) -> None:
        self._journal: TypedJournal[HistoryRecord] = TypedJournal(
            path or folders().history_file, HistoryRecord, sync=sync
        )

    @property
    def path(self) -> Path:
        return self._journal.path

    def append(self, record: HistoryRecord) -> None:
        """Add the record. Raises StorageError if it was not stored, for example because it holds a NaN."""
        self._journal.append(record)

    def read(self, offset: int = 0) -> TypedJournalChunk[HistoryRecord]:
        """Return the records from `offset` (0, or the `next_offset` of an earlier read) on. Raises StorageError."""
        return self._journal.read(offset)

    def holds(self, run_id: str, iteration: int) -> bool:
        """Whether the iteration of that run is in the history. It reads the whole file, so only a resumed run asks."""
        return any(each.iteration == iteration and each.run_id == run_id for each in self.read().values)

    def close(self) -> None:
        """Close the file; a later append opens it again."""
        self._journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
