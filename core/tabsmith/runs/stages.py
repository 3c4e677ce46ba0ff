"""The stages of a run as functions: import everything, read, detect the schema, prepare, finish. All but `preload` and
`prepare` run in a forked child."""

import asyncio
import atexit
import contextlib
import gc
import os
import threading
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec
from msgspec.structs import replace

from tabsmith.errors import TableChangedError
from tabsmith.families.registry import families
from tabsmith.modeling.large_tables.memory_plan import MemoryPlan, sample_note
from tabsmith.modeling.metric_catalogue import Metric, default_metric, get_metric
from tabsmith.modeling.results import Evaluation, KeptReason, ModelReport, TimeTaken
from tabsmith.runs.pool import Progress
from tabsmith.runs.spec import Deferred, Detect, RunSpec
from tabsmith.storage.files import write_atomic
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.sources import FileSource, FrameSource, Source, describe_source
from tabsmith.tables.schema.types import Schema

if TYPE_CHECKING:
    from tabsmith.modeling.delivery import MeasuredModel
    from tabsmith.modeling.explanation.explain_model import Explained
    from tabsmith.modeling.holdout.table import HoldoutTable
    from tabsmith.modeling.training_data import TrainingData


T = TypeVar("T")


class RunFacts(msgspec.Struct, frozen=True):
    """What the report of a model says of the run itself."""

    run_id: str
    source: Source
    fingerprint: str
    iterations: int
    seconds: float


def read(source: Source, progress: Progress) -> TableInfo:
    """Return the table, read within the sizes that the settings allow, and for the bridge within their folders."""
    from tabsmith import config
    from tabsmith.tables import snapshot_store
    from tabsmith.tables.read.guard import ANYWHERE, folders_for
    from tabsmith.tables.read.reader import read_source as read_table

    if isinstance(source, FrameSource):
        kept = snapshot_store.load_info(source.fingerprint)
        if kept is None:
            raise TableChangedError(
                "The DataFrame's snapshot was cleared away, or is damaged.", next_step="Train on the frame again."
            )
        return replace(kept, source=source)
    paths = config.load().paths
    allowed = folders_for(source.asked_by, paths.readable) if isinstance(source, FileSource) else ANYWHERE
    return read_table(source, allowed=allowed, max_mb=paths.max_mb, progress=progress)


def read_in_child(source: Source, progress: Progress) -> TableInfo:
    """Return the table as `read` does, in a process of its own, which takes only its share of the machine's memory."""
    take_share_of_memory()
    return read(source, progress)


def take_share_of_memory() -> None:
    """Let this process take only its share of the machine's memory, `resources.memory`, from now on. Raises ConfigError."""
    from tabsmith import config
    from tabsmith.processes import limit_memory, machine_memory

    limit_memory(int(config.load().resources.memory * machine_memory()))


class UnderstoodSchema(msgspec.Struct, frozen=True):
    """The schema that a run trains by, and in words what a person had changed in it before; "" for nothing."""

    schema: Schema
    corrections: str = ""


def understand(info: TableInfo, choice: Detect | Deferred) -> UnderstoodSchema:
    """Return the schema that tabsmith detects, with what a person said in words, or changed in it before, laid over it."""
    from tabsmith.tables.schema.corrections import SchemaEdits, apply_edits, load_corrections
    from tabsmith.tables.schema.detect import detect_schema
    from tabsmith.tables.schema.edits import with_event, with_role
    from tabsmith.tables.schema.manual import apply_manual_schema, check_columns

    if isinstance(choice, Deferred):
        manual = choice.manual
        check_columns(manual, tuple(column.name for column in info.profile.columns))
        detected = detect_schema(info, manual.target, problem_type=manual.problem_type, kinds_by_hand=manual.kinds)
        return UnderstoodSchema(apply_manual_schema(manual, detected))
    edits = load_corrections(info, choice.corrected_by) if choice.corrected_by else SchemaEdits()
    if choice.target:
        roles = {name: role for name, role in edits.roles.items() if name != choice.target}
        edits = replace(edits, target="", roles=roles)
    schema, left_out = apply_edits(detect_schema(info, choice.target or edits.target or None), edits)
    if choice.weight:
        schema = with_role(schema, choice.weight, "weight")
    schema = with_event(schema, choice.event) if choice.event else schema
    left = f"; no longer possible: {', '.join(left_out)}" if left_out else ""
    return UnderstoodSchema(schema, edits.describe() + left)


def choose_metric(spec: RunSpec, schema: Schema) -> Metric:
    """The metric asked for, or the task's own. Raises UsageError for one that does not fit the task."""
    name = spec.choice.metric
    return default_metric(schema.problem_type) if name == "default" else get_metric(name, schema.problem_type)


def read_holdout(source: Source, schema: Schema, progress: Progress) -> TableInfo:
    """Return a person's own hold-out, read as new rows of a model with this schema are read."""
    from tabsmith.modeling.holdout.table import needed_columns
    from tabsmith.modeling.row_batches import new_rows_source

    return read(new_rows_source(source, needed_columns(schema)), progress)


def holdout_table(info: TableInfo) -> "HoldoutTable":
    """Return the rows of a person's own hold-out, still to be matched with the training table's columns."""
    from tabsmith.modeling.holdout.table import HoldoutOrigin, HoldoutTable
    from tabsmith.modeling.row_batches import snapshot_rows
    from tabsmith.tables.snapshot import ensure_snapshot

    info = ensure_snapshot(info)
    return HoldoutTable(HoldoutOrigin(describe_source(info.source), info.fingerprint), snapshot_rows(info))


def prepare(
    info: TableInfo,
    schema: Schema,
    metric: Metric,
    spec: RunSpec,
    folds: int,
    holdout: TableInfo | None,
    memory: MemoryPlan,
) -> "TrainingData":
    """Return the rows in memory, or the sample that `memory` plans, hold-out and at most so many `folds` assigned.
    Starts no thread: children are forked from here on.

    `holdout` is the table of a person's own that is measured on, if there is one.
    """
    from tabsmith.modeling.large_tables.whole_table import draw_rows
    from tabsmith.modeling.training_data import WholeTable
    from tabsmith.modeling.training_data import prepare_training_data as prepare_data
    from tabsmith.tables.snapshot import load_frame

    wanted = tuple(column.name for column in schema.columns if column.role != "ignore")
    drawn = None if memory.sample is None else draw_rows(memory.sample)
    data = prepare_data(
        load_frame(info, wanted, drawn),
        schema,
        metric,
        seed=spec.choice.seed,
        goal=spec.choice.goal,
        folds_in_time=folds,
        holdout_table=None if holdout is None else holdout_table(holdout),
    )
    if memory.sample is not None and drawn is not None:
        whole = WholeTable(info, memory.sample, in_batches=memory.batched > 0)
        data = data.sampled(whole, drawn, sample_note(memory))
    gc.collect()
    gc.freeze()  # the children's collector leaves what is here alone, so its pages stay shared
    return data


async def in_thread(work: Callable[[], T]) -> T:
    """Return what `work` returns in a thread that then ends: an idle thread of a pool would be there at the next fork."""
    loop = asyncio.get_running_loop()
    answer: asyncio.Future[T] = loop.create_future()

    def tell(result: T | None, error: BaseException | None) -> None:
        if answer.cancelled():
            return
        if error is not None:
            answer.set_exception(error)
        else:
            answer.set_result(result)  # type: ignore[arg-type] # T may itself be None

    def run() -> None:
        try:
            result = work()
        except BaseException as error:  # noqa: BLE001 - handed on to whoever waits
            loop.call_soon_threadsafe(tell, None, error)
        else:
            loop.call_soon_threadsafe(tell, result, None)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    result = await answer
    thread.join()
    return result


MEASURED: Final = "measured.json"
"""The measured model in the run's folder, until the model is delivered."""


def measure(
    data: "TrainingData",
    evaluations: tuple[Evaluation, ...],
    root: Path,
    facts: RunFacts,
    seconds: float,
    threads: int,
    progress: Progress,
) -> "MeasuredModel":
    """Return the ensemble with its report, once it is put together and scored on the hold-out.

    A run that was killed after that, or between saving its model and saying so, finds the report on disk, and does not
    open the hold-out again.
    """
    from tabsmith.modeling import ensemble, store
    from tabsmith.modeling.delivery import MeasuredModel, ReportHeader, measure_model

    name = model_id(facts, data.schema.target)
    if store.model_folder(name).exists():
        return MeasuredModel(store.read_report(name), store.read_model_file(store.model_folder(name)).decisions)
    with contextlib.suppress(OSError, msgspec.MsgspecError):  # there is none, or it was torn by a power cut
        return msgspec.json.decode((root / MEASURED).read_bytes(), type=MeasuredModel)
    deadline = time.monotonic() + seconds
    chosen = ensemble.build_ensemble(
        data, evaluations, root, enough=lambda: time.monotonic() > deadline - 0.5 * seconds
    )
    progress(0.5, "scoring the test set, once")
    about = ReportHeader(
        model_id=name,
        run_id=facts.run_id,
        created_at=time.time(),
        source=describe_source(facts.source),
        fingerprint=facts.fingerprint,
        iterations=facts.iterations,
        tries=len(evaluations),
        seconds=facts.seconds,
    )
    measured = measure_model(data, evaluations, chosen, root, about, threads=threads, deadline=deadline)
    write_atomic(root / MEASURED, msgspec.json.encode(measured))
    return measured


def explain(
    data: "TrainingData",
    evaluations: tuple[Evaluation, ...],
    root: Path,
    measured: "MeasuredModel",
    seconds: float,
    threads: int,
) -> "Explained":
    """Return what explains the model `measured`, as far as it can be measured in so many seconds."""
    from tabsmith.modeling.delivery import explain_measured

    deadline = time.monotonic() + seconds
    return explain_measured(data, evaluations, measured, root, threads=threads, deadline=deadline)


def deliver(
    data: "TrainingData",
    evaluations: tuple[Evaluation, ...],
    root: Path,
    measured: "MeasuredModel",
    explained: "Explained",
    kept: KeptReason,
    time_taken: TimeTaken,
) -> ModelReport:
    """Save the model `measured`, from what was fitted on all rows as far as that was done; returns its report."""
    from tabsmith.modeling import store
    from tabsmith.modeling.delivery import save_delivered

    name = measured.report.model_id
    if store.model_folder(name).exists():
        return store.read_report(name)
    measured = replace(measured, report=replace(measured.report, time=time_taken))
    return save_delivered(data, evaluations, measured, explained, root, kept=kept)


def model_id(facts: RunFacts, target: str) -> str:
    """Return a readable id, the same for the same run, so that a run that is finished twice saves one model."""
    word = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in target.lower()[:24])
    word = "-".join(part for part in word.split("-") if part) or "model"
    return f"{word}-{facts.run_id.rsplit('-', 1)[-1]}"


def require_same(info: TableInfo, fingerprint: str) -> None:
    """Raise TableChangedError if the table is not the one that was confirmed."""
    if info.fingerprint != fingerprint:
        raise TableChangedError(
            "The table is not the one whose schema was confirmed.",
            where=info.snapshot,
            next_step="Open it again and confirm what has changed.",
        )


def require_same_holdout(info: TableInfo, fingerprint: str) -> None:
    """Raise TableChangedError if the test set is not the one that the run began with."""
    if info.fingerprint != fingerprint:
        raise TableChangedError(
            "The test set has changed since the run began.",
            where=describe_source(info.source),
            next_step="Put it back as it was, or train anew.",
        )


PACKAGES: Final = (
    "tabsmith.tables",
    "tabsmith.families",
    "tabsmith.recipes",
    "tabsmith.modeling",
    "tabsmith.statistics",
    "tabsmith.orchestration",
)
"""Not the agents: the clients of models are imported in the agents' own process (see agents/server/agent_server.py)."""

LIBRARIES: Final = (
    "pandas",
    "pyarrow.parquet",
    "duckdb",
    "skops.io",
    "sklearn.decomposition",
    "sklearn.feature_extraction.text",
    "sklearn.model_selection",
    "sklearn.preprocessing",
)
"""Beside those that each model family names (`FamilySpec.preload`)."""


def one_thread() -> None:
    """Keep libraries from starting threads at their import: a process with threads cannot fork safely.

    Children that fit set their own number of threads.
    """
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.environ["JE_ARROW_MALLOC_CONF"] = "background_thread:false"
    # Arrow's own allocator keeps state for each thread, and has crashed at the end of threads of forked children.
    os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"


def _look_around() -> None:
    """Let libraries find out, once for all children, what else is installed and loaded."""
    import numpy as np
    import pandas as pd
    from sklearn.tree import DecisionTreeClassifier

    from tabsmith.families.threads import limit_threads

    with limit_threads(1):
        DecisionTreeClassifier().fit(pd.DataFrame({"a": [0.0, 1.0]}), np.arange(2))


def preload() -> None:
    """Import everything; this takes a second or two.

    Garbage collection leaves alone what is in memory from then on, so that its pages stay shared with forked children.
    """
    gc.disable()
    for name in dict.fromkeys([*LIBRARIES, *(name for spec in families() for name in spec.preload)]):
        import_module(name)
    for package in PACKAGES:
        for module in walk_packages(import_module(package).__path__, f"{package}."):
            import_module(module.name)
    import_module("tabsmith.agents.search")
    import_module("tabsmith.runs.worker")
    _look_around()
    gc.freeze()
    gc.enable()
    atexit.register(gc.unfreeze)  # so that libraries can free at the end what they hold: nanobind names what is left
