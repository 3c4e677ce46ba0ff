"""A table as the reader would give it, and a supervisor that replays such answers, for the guided steps."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from tabsmith.errors import ErrorReport
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import (
    EnsembleMember,
    Evaluation,
    FoldScore,
    Holdout,
    ModelReport,
    ModelScore,
    PredictedFile,
    Residuals,
)
from tabsmith.recipes.recipe import Recipe
from tabsmith.runs import jobs
from tabsmith.runs.events import RunEnded, RunEvent, RunStarted
from tabsmith.runs.folder import RunFolder
from tabsmith.tables.info import Dialect, Estimate, LineNote, Preview, TableInfo
from tabsmith.tables.profile.types import ColumnProfile, NumericSummary, TableProfile, ValueCount
from tabsmith.tables.read.sources import FileSource, Source
from tabsmith.tables.schema import types as understood
from tabsmith.tables.schema.types import ColumnSchema, Schema, Split, TargetCandidate
from tests.tui.stage import NOW

ROWS = 2_930


def numbers(minimum: float, maximum: float, *bins: int) -> NumericSummary:
    """A distribution over bins."""
    middle = (minimum + maximum) / 2
    return NumericSummary(minimum, maximum, middle, 1.0, (minimum, middle, maximum), bins)


def column(name: str, storage: Any = "float", missing: int = 0, distinct: int = 100, **more: Any) -> ColumnProfile:
    """A column in numbers."""
    return ColumnProfile(name, storage, ROWS, missing, distinct, **more)


COLUMNS = (
    column("Order", "integer", distinct=ROWS, numbers=numbers(1, 2930, 10, 10, 10, 10, 10, 10, 10, 10)),
    column(
        "MS_Zoning",
        "text",
        distinct=7,
        top=(ValueCount("RL", 2273), ValueCount("RM", 462), ValueCount("FV", 139), ValueCount("RH", 27)),
    ),
    column("Lot_Frontage", missing=490, distinct=128, numbers=numbers(21, 313, 20, 90, 250, 160, 60, 20, 8, 4)),
    column("Year_Sold", "integer", distinct=5, numbers=numbers(2006, 2010, 625, 694, 622, 648, 341, 0, 0, 0)),
    column("Street", "text", distinct=2, top=(ValueCount("Pave", 2918), ValueCount("Grvl", 12))),
    column("Sale_Price", distinct=1_032, numbers=numbers(12_789, 755_000, 90, 800, 1200, 500, 200, 90, 30, 8)),
)
SCHEMAS = (
    ColumnSchema("Order", "identifier", "ignore", "every row has its own value"),
    ColumnSchema("MS_Zoning", "category", "feature", "7 names"),
    ColumnSchema(
        "Lot_Frontage",
        "numeric",
        "feature",
        "128 numbers",
        (understood.ColumnWarning("mostly missing", "16.7 % is missing"),),
    ),
    ColumnSchema(
        "Year_Sold",
        "code",
        "feature",
        "5 whole numbers",
        (understood.ColumnWarning("date", "a date? a forward split may fit"),),
    ),
    ColumnSchema("Street", "boolean", "feature", "two values"),
    ColumnSchema("Sale_Price", "numeric", "target", '"price" in the name'),
)
CANDIDATES = (
    TargetCandidate("Sale_Price", 0.93, '"price" in the name, no missing, 1,032 values'),
    TargetCandidate("Street", 0.11, "two values"),
)
NO_SCHEMA = Schema((), "", (), "none", Split("random"))


def schema(target: str = "Sale_Price", columns: tuple[ColumnSchema, ...] = SCHEMAS) -> Schema:
    """The columns as understood when `target` is predicted."""
    roles = tuple(
        replace(each, role="target")
        if each.name == target
        else replace(each, role="feature")
        if each.role == "target"
        else each
        for each in columns
    )
    task = "binary" if target == "Street" else "regression" if target else "none"
    split = Split("stratified" if task == "binary" else "random", reason="no group or date stands out")
    return Schema(roles, target, CANDIDATES if target else (), task, split, ROWS)  # type: ignore[arg-type]


def table(source: Source, **changes: Any) -> TableInfo:
    """A table once read; a file's size and time are the ones on disk."""
    size, modified = 0, 0.0
    if isinstance(source, FileSource) and Path(source.path).exists():
        stat = Path(source.path).stat()
        size, modified = stat.st_size, stat.st_mtime
    info = TableInfo(
        source,
        "f" * 64,
        "/nowhere/f.parquet",
        "csv",
        "careful",
        "utf-8",
        Dialect(),
        TableProfile(ROWS, COLUMNS),
        rejected=(
            LineNote(17, "2 cells more than the header has", "1,2,3,4,5,6,7,8"),
            LineNote(902, "no closing quote", '"abc'),
        ),
        repaired=(LineNote(44, "a stray quote was taken as text", 'a "b c'),),
        rejected_count=2,
        repaired_count=1,
        size=size,
        modified=modified,
    )
    return replace(info, **changes)


PREVIEW = Preview(
    tuple(each.name for each in COLUMNS),
    tuple((str(n), "RL", str(60 + n), "2010", "Pave", f"{150_000 + 731 * n}") for n in range(1, 41)),
)


SCORE = Metric("rmse", "RMSE", greater_is_better=False, tasks=("regression",))


def report(spec: Any) -> ModelReport:
    """What a run of `spec` came to."""
    recipe = Recipe("catboost", "catboost")
    evaluation = Evaluation(
        recipe, tuple(FoldScore(n, 21_400.0 + 40 * n, 0.5, 0.1) for n in range(5)), 21_480.0, 310.0, 3.0, "e1"
    )
    return ModelReport(
        model_id="housing-sale-price-01",
        run_id=spec.id,
        created_at=NOW,
        source="housing.csv",
        fingerprint="f" * 64,
        schema=schema(),
        metric=SCORE,
        members=(EnsembleMember(recipe, 1.0),),
        champion=evaluation,
        cv_score=21_480.0,
        cv_se=310.0,
        holdout=Holdout(586, (ModelScore(SCORE, 21_930.0, 20_100.0, 23_800.0),)),
        importance=(),
        outcome=Residuals((1.0,), (1.1,), (-1.0, 0.0, 1.0), (1,), -1.0, 1.0),
        classes=(),
        train_rows=2_344,
        iterations=4,
        tries=4,
        seconds=31.0,
    )


def finished(spec: Any) -> tuple[RunEvent, ...]:
    """A run that ended with a model at once."""
    return (
        RunStarted(at=NOW, spec=spec, pid=1, attempt=1, version="0.1.0"),
        RunEnded(at=NOW + 31, outcome="success", exit_reason="done", active_seconds=31.0, report=report(spec)),
    )


class Replay:
    """A supervisor that answers jobs as recorded. Jobs of a kind in `hold` get no answer until they are cancelled."""

    def __init__(
        self, table_of: Callable[[Source], TableInfo] = table, schema_of: Callable[[str], Schema] = schema
    ) -> None:
        self.table_of = table_of
        self.schema_of = schema_of
        self.fail: dict[type, ErrorReport] = {}
        self.hold: set[type] = set()
        self.jobs: list[jobs.Job] = []
        self.started: list[Any] = []
        self.cancelled: list[jobs.Job] = []
        self.preview = PREVIEW
        self.run_events: Callable[[Any], tuple[RunEvent, ...]] = finished
        self.run_fails: Exception | None = None

    async def start(self) -> None:
        """No warm worker."""

    async def close(self) -> None:
        """Nothing to close."""

    async def start_run(self, spec: Any) -> None:
        self.started.append(spec)
        if self.run_fails is not None:
            raise self.run_fails
        folder = RunFolder.create(spec)
        with folder.events() as journal:
            for event in self.run_events(spec):
                journal.append(event)

    async def resume_run(self, run_id: str) -> None:
        self.started.append(run_id)

    async def job(self, job: jobs.Job, on_progress: Callable[[jobs.Progressed], None]) -> jobs.JobResult:
        self.jobs.append(job)
        if type(job) in self.hold:
            on_progress(jobs.Progressed(0.43, "row 1,260"))
            try:
                await asyncio.Future()
            except asyncio.CancelledError:
                self.cancelled.append(job)
                raise
        if type(job) in self.fail:
            return jobs.JobFailed(self.fail[type(job)])
        match job:
            case jobs.EstimateTable():
                return jobs.Estimated(Estimate(1_284_472, 2_930, 74, 9_400_000, "csv"))
            case jobs.PreviewSource(source=source):
                return jobs.SourcePreviewed(self.table_of(source), self.preview)
            case jobs.ReadTable(source=source, target=target):
                return jobs.TableRead(self.table_of(source), self.schema_of(target or "Sale_Price"), self.preview)
            case jobs.DetectSchema(target=target):
                return jobs.SchemaDetected(self.schema_of(target))
            case jobs.Predict(model_id=model_id, out=out):
                done = PredictedFile(
                    model_id, 40, ("Order", "Sale_Price"), out, missing=("Street",), extra=("note",), unparsable=3
                )
                return jobs.Predicted(done, self.preview)
