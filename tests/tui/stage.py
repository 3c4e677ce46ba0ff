"""What screens stand on in tests: a fixed time, a store of what the test says, a supervisor that starts nothing."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import replace
from textual.app import App
from textual.notifications import Notification

from tabsmith.errors import StorageError, UsageError
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.model_files import ModelSummary
from tabsmith.modeling.results import (
    ColumnImportance,
    EnsembleMember,
    Evaluation,
    FoldScore,
    Holdout,
    ModelComparison,
    ModelReport,
    ModelScore,
    Residuals,
)
from tabsmith.recipes.recipe import Recipe
from tabsmith.runs.events import RunCommand, RunState
from tabsmith.runs.jobs import Job, JobResult, Progressed
from tabsmith.runs.watch import RunSummary
from tabsmith.tables.schema.types import ColumnSchema, Schema, Split
from tabsmith_tui.store import RecentTable, SavedSession, Store

NOW = 1_795_183_591.0  # 2026-11-20 14:06:31 UTC


async def settle(pilot: Any, seconds: float = 10.0) -> None:
    """Wait until the app has done what it does in the background; workers of the group "job" are not waited for."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds

    def busy() -> list[Any]:
        return [worker for worker in pilot.app.workers if not worker.is_finished and worker.group != "job"]

    quiet = 0
    while quiet < 2:
        await pilot.pause()  # asks every widget of the screen, so it is not done while a worker is waited for
        quiet = 0 if busy() else quiet + 1
        while busy():
            assert loop.time() < deadline, f"still at work: {busy()}"
            await asyncio.sleep(0.002)


def screen_text(app: App[Any]) -> str:
    """All that the screen shows, as text."""
    strips = app.screen._compositor.render_strips()  # noqa: SLF001 - publicly there are only pictures
    return "\n".join("".join(segment.text for segment in strip) for strip in strips)


def notified(app: App[Any]) -> tuple[Notification, ...]:
    """What the app has notified of, which is not shown in tests."""
    return tuple(app._notifications)  # noqa: SLF001 - publicly there are only widgets that are not shown


def notices(app: App[Any]) -> str:
    """The messages of what the app has notified of, one a line."""
    return "\n".join(note.message for note in notified(app))


class FixedStore(Store):
    """Holds the runs, models and reports it is given, and remembers what was asked of it."""

    def __init__(
        self,
        runs: tuple[Any, ...] = (),
        models: tuple[Any, ...] = (),
        reports: dict[str, Any] | None = None,
        saved: SavedSession | None = None,
        others: tuple[SavedSession | StorageError, ...] = (),
        tables: tuple[RecentTable, ...] = (),
    ):
        self.all_runs = list(runs)
        self.all_models = list(models)
        self.reports = reports or {}
        self.saved = saved
        self.others = others
        self.tables = tables
        self.asked: list[tuple[str, ...]] = []

    def session(self) -> SavedSession | None:
        return self.saved

    def other_sessions(self) -> tuple[SavedSession | StorageError, ...]:
        return self.others

    def recent_tables(self) -> tuple[RecentTable, ...]:
        return self.tables

    def runs(self) -> tuple[Any, ...]:
        return tuple(self.all_runs)

    def models(self) -> tuple[Any, ...]:
        return tuple(self.all_models)

    def report(self, model_id: str) -> Any:
        return self.reports.get(model_id) or report(model_id)

    def send(self, run_id: str, command: RunCommand) -> None:
        self.asked.append(("send", run_id, type(command).__name__))

    def delete_run(self, run_id: str) -> None:
        self.asked.append(("delete run", run_id))
        self.all_runs = [run for run in self.all_runs if run.id != run_id]

    def delete_model(self, model_id: str) -> None:
        self.asked.append(("delete model", model_id))
        self.all_models = [model for model in self.all_models if model.id != model_id]

    def rename_model(self, model_id: str, name: str) -> None:
        self.all_models = [replace(each, name=name) if each.id == model_id else each for each in self.all_models]

    def note_on_model(self, model_id: str, note: str) -> None:
        self.all_models = [replace(each, note=note) if each.id == model_id else each for each in self.all_models]

    def promote_model(self, model_id: str, alias: str) -> None:
        if alias == model_id:
            raise UsageError(f"{alias} cannot be an alias.", next_step="Choose another.")
        self.all_models = [replace(each, aliases=(alias,)) if each.id == model_id else each for each in self.all_models]

    def compare_models(self, first: str, second: str) -> ModelComparison:
        metric = Metric("rmse", "RMSE", False, ("regression",))
        return ModelComparison(first, second, metric, "test set", 400, 2.0, 3.0, -1.5, -0.5, "first")

    def export_model(self, model_id: str, file: Path) -> None:
        self.asked.append(("export", model_id, str(file)))
        file.write_text("model")


class IdleSupervisor:
    """Starts nothing. `answer` is given to every job; without one a job never ends, and can be cancelled."""

    def __init__(self, answer: JobResult | None = None, progress: tuple[Progressed, ...] = ()) -> None:
        self.answer = answer
        self.progress = progress
        self.jobs: list[Job] = []
        self.started: list[Any] = []
        self.cancelled = 0

    async def start(self) -> None:
        """No warm worker."""

    async def close(self) -> None:
        """Nothing to close."""

    async def start_run(self, spec: Any) -> Any:
        self.started.append(spec)
        return None

    async def resume_run(self, run_id: str) -> Any:
        self.started.append(run_id)
        return None

    async def job(self, job: Job, on_progress: Callable[[Progressed], None]) -> JobResult:
        self.jobs.append(job)
        for each in self.progress:
            on_progress(each)
        if self.answer is not None:
            return self.answer
        try:
            return await asyncio.Future()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


RMSE = Metric("rmse", "RMSE", greater_is_better=False, tasks=("regression",))
AUC = Metric("roc_auc", "ROC AUC", greater_is_better=True, tasks=("binary", "multiclass"))


def run_summary(number: int = 1, state: RunState = RunState.DONE, **changes: Any) -> RunSummary:
    """A run in a line; `number` tells it from others and makes it older."""
    run = RunSummary(
        f"20261120-1{number:05}-7f3a{number:02x}",
        state,
        source="housing.csv",
        target="Sale_Price",
        task="regression",
        metric=RMSE,
        score=21_480.0,
        tried=12,
        started_at=NOW - 700 * number,
        active_seconds=192.0,
        model_id=f"housing-sale-price-{number:02}" if state is RunState.DONE else "",
    )
    return msgspec.structs.replace(run, **changes)


def model_summary(number: int = 1, **changes: Any) -> ModelSummary:
    """A model in a line."""
    model = ModelSummary(
        id=f"housing-sale-price-{number:02}",
        source="housing.csv",
        target="Sale_Price",
        task="regression",
        metric="RMSE",
        cv_score=21_480.0,
        holdout_score=21_730.0,
        members=("catboost", "lightgbm"),
        size=1_840_000,
        created_at=NOW - 86_400 * number,
    )
    return msgspec.structs.replace(model, **changes)


def report(model_id: str = "housing-sale-price-01") -> ModelReport:
    """The report of a regression model."""
    columns = tuple(ColumnSchema(name, "numeric", "feature", "numbers") for name in ("Lot_Area", "Year_Built"))
    target = ColumnSchema("Sale_Price", "numeric", "target", "price in the name")
    recipe = Recipe(family="catboost")
    return ModelReport(
        model_id=model_id,
        run_id="20261120-100005-7f3a05",
        created_at=NOW - 86_400,
        source="housing.csv",
        fingerprint="f" * 16,
        schema=Schema((*columns, target), "Sale_Price", (), "regression", Split("random"), rows=2_930),
        metric=RMSE,
        members=(EnsembleMember(recipe, 0.7), EnsembleMember(recipe, 0.3)),
        champion=Evaluation(recipe, (FoldScore(0, 21_480.0, 1.0, 0.1),), 21_480.0, 310.0, 12.0, "evaluations/1"),
        cv_score=21_480.0,
        cv_se=310.0,
        holdout=Holdout(586, (ModelScore(RMSE, 21_730.0, 20_900.0, 22_600.0),)),
        importance=(ColumnImportance("Lot_Area", 9_300.0, 200.0), ColumnImportance("Year_Built", 4_100.0, 150.0)),
        outcome=Residuals((1.0,), (1.0,), (-1.0, 0.0, 1.0), (1, 2, 1), -2.0, 2.0),
        classes=(),
        train_rows=2_344,
        iterations=12,
        tries=12,
        seconds=192.0,
    )
