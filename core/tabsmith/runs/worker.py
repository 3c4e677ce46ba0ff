"""The process of a run: it reads, prepares, searches, finishes, and records everything in its journal.

`python -m tabsmith.runs.worker RUN OFFSET` works on one run; the fork server forks into `serve` instead. The process only
waits and listens: whatever computes is a forked child of it (see pool.py). It is safe to kill at any moment.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from importlib import import_module
from typing import TYPE_CHECKING

from msgspec.structs import replace

from tabsmith import config
from tabsmith.errors import WORK_FAILED, ErrorReport, MachineError, SchemaError, TrainingError, report_of
from tabsmith.machine_trouble import machine_error_of
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import KeptReason, ModelReport
from tabsmith.orchestration.events import EnsembleBuilt, Noted, SearchStarted
from tabsmith.orchestration.history import history_record, holds, open_history
from tabsmith.orchestration.human_review import LoopEnd
from tabsmith.orchestration.loop.iteration import LoopContext, RecipeIteration
from tabsmith.orchestration.loop.recipe_loop import RecipeLoop
from tabsmith.orchestration.loop.resume import close_lost_sessions
from tabsmith.orchestration.sessions import Transcripts
from tabsmith.paths import folders
from tabsmith.processes import available_cores
from tabsmith.recipes.portfolio import measure_table
from tabsmith.runs import stages
from tabsmith.runs.agent_factory import AgentFactory
from tabsmith.runs.controller import ActiveClock, RunController, StoppedError
from tabsmith.runs.earlier import recipes_to_start_from, starting_note
from tabsmith.runs.evaluator import FoldEvaluator
from tabsmith.runs.events import (
    ExitReason,
    HoldoutTableReady,
    Outcome,
    ReadingProgress,
    RunEnded,
    RunEvent,
    RunStarted,
    RunState,
    SchemaReady,
    StateChanged,
    TableReady,
)
from tabsmith.runs.finishing import explain_in_time, fit_on_all_rows, measuring_seconds
from tabsmith.runs.fits.cluster_client import measure_cluster
from tabsmith.runs.fits.cluster_fits import ClusterFits
from tabsmith.runs.fits.executor import FitExecutor, ForkedFits
from tabsmith.runs.fits.messages import ClusterSize
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.folds import mend_folds, trim_finished_run
from tabsmith.runs.pool import Pool
from tabsmith.runs.reducers import reduce
from tabsmith.runs.spec import Confirmed
from tabsmith.runs.stages import one_thread, preload
from tabsmith.runs.task_worker import TaskRun
from tabsmith.storage.queue import QueuePlace
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.sources import Source, TasksSource
from tabsmith.tables.schema.readiness import require_trainable
from tabsmith.tables.schema.types import Schema
from tabsmith.text import clean, plural
from tabsmith.version import __version__

if TYPE_CHECKING:
    from tabsmith.modeling.training_data import TrainingData


LEAST_AT_ONCE = 2
"""So many trainings run at once at least, where `runs.at_once` does not say how many: one that waits for a slow fold
leaves cores to the other."""


def serve(run_id: str, offset: int) -> int:
    """Work on a run to its end; returns the exit status. Commands count from `offset` (bytes) of commands.jsonl on."""
    one_thread()
    folder = RunFolder(run_id)
    with folder.lock():
        return asyncio.run(Worker(folder, offset).work())


class Worker:
    """One attempt at a run."""

    def __init__(self, folder: RunFolder, offset: int) -> None:
        self._folder = folder
        self._journal = folder.events()
        self._spec = folder.spec()
        self._past = reduce(self._journal.read().values)
        self._cores = self._spec.choice.cores or available_cores()
        self._pool = Pool(self._cores)
        self._clock = ActiveClock(self._past.counted_seconds)
        self._clock.hold()  # until there is something to try
        choice = self._spec.choice
        self._control = RunController(
            folder, offset, self._pool, self._record, self._clock, choice=choice, past=self._past
        )
        self._settings = config.load()
        self._agents = AgentFactory(choice, self._settings.agents, self._cores)
        self._history = open_history()
        self._transcripts = Transcripts(folder.root)
        self._loop: RecipeLoop | None = None
        self._place = QueuePlace(folders().queue, folder.id)

    async def work(self) -> int:
        """Bring the run to an end that is recorded, whatever happens; returns the exit status."""
        self._record(RunStarted(spec=self._spec, pid=os.getpid(), attempt=self._past.attempt + 1, version=__version__))
        for event in close_lost_sessions(self._past, self._transcripts, self._past.updated_at):
            self._record(event)
            self._past = reduce((event,), self._past)
        main = asyncio.create_task(self._work())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main.cancel)
        listening = asyncio.create_task(self._control.listen())
        try:
            await asyncio.wait({main, listening}, return_when=asyncio.FIRST_COMPLETED)
            if listening.done():  # it ends only with an error, and a run that takes no commands must not go on
                main.cancel()
                await asyncio.gather(main, return_exceptions=True)
                await listening
            ended = await main
        except asyncio.CancelledError:
            self._record(StateChanged(state=RunState.INTERRUPTED, message="its worker was told to end"))
            return 128 + signal.SIGTERM
        except MachineError as error:
            return self._interrupted(error)
        finally:
            listening.cancel()
            await asyncio.gather(main, listening, return_exceptions=True)
            await self._agents.client.close()
            self._place.leave()
        self._record(ended)
        if ended.report is not None:
            trim_finished_run(self._folder.root, ended.report)
        return 0 if ended.outcome in ("success", "success with limits", "partial") else 1

    def _interrupted(self, error: MachineError) -> int:
        """Record that trouble of the machine has interrupted the run, if that can be written; returns the exit status.

        Whoever watches a run whose worker is gone looks for trouble of the disk anew.
        """
        sys.stderr.write(f"{error.report().details}\n")
        with contextlib.suppress(MachineError):  # a full disk takes no line; the log, and the lock that is free, tell
            self._record(StateChanged(state=RunState.INTERRUPTED, message=f"{error.what} {error.next_step}".strip()))
        return WORK_FAILED

    async def _work(self) -> RunEnded:
        try:
            return await self._stages()
        except StoppedError:
            return self._ended("cancelled", "user")
        except Exception as error:
            trouble = machine_error_of(error)
            if trouble is not None:
                raise trouble from error
            return self._ended("failed", "error", error=report_of(error))

    async def _stages(self) -> RunEnded:
        source = self._spec.source
        return await (self._tasks(source) if isinstance(source, TasksSource) else self._model(source))

    async def _tasks(self, source: TasksSource) -> RunEnded:
        """Do the tasks of a task file."""
        run = TaskRun(
            source,
            self._folder.root,
            self._control,
            self._pool,
            self._agents,
            self._record,
            transcripts=self._transcripts,
            past=self._past,
            settings=self._settings,
            breakpoints=self._spec.choice.breakpoints,
        )
        self._control.enter(RunState.RUNNING)
        try:
            return await self._control.unless_stopped(run.run())
        except StoppedError:
            return run.stopped()

    async def _model(self, source: Source) -> RunEnded:
        """Train a model on a table."""
        await self._control.unless_stopped(self._wait_in_queue())
        # Arrow's allocator must be loaded by a thread that stays (apache/arrow#50908: later threads crash otherwise).
        import_module("pyarrow")
        # All imports before the first fork: a child forked during an import could wait for its lock for ever.
        await self._control.unless_stopped(stages.in_thread(preload))
        cluster = await self._control.unless_stopped(self._measure_cluster())
        fit_cores = cluster.threads if cluster else self._cores
        self._agents.plan_for(fit_cores)
        info = await self._control.unless_stopped(self._read(source))
        schema = await self._control.unless_stopped(self._understand(info))
        metric = stages.choose_metric(self._spec, schema)
        holdout = await self._control.unless_stopped(self._read_holdout(schema))
        self._control.enter(RunState.READING, "preparing the folds")
        size = measure_table(schema, info.profile, seconds=self._spec.choice.limits.seconds, cores=fit_cores)
        data = await self._control.unless_stopped(
            stages.in_thread(lambda: stages.prepare(info, schema, metric, self._spec, size.folds, holdout))
        )
        self._record(
            SearchStarted(
                metric=metric,
                folds=len(data.folds),
                train_rows=data.train_rows,
                holdout_rows=data.holdout_rows,
                notes=data.notes,
            )
        )
        self._control.enter(RunState.RUNNING)
        fits = await self._executor(data, cluster)
        try:
            return await self._search(source, data, info, metric, fits, fit_cores)
        finally:
            await fits.close()

    async def _search(
        self,
        source: Source,
        data: "TrainingData",
        info: TableInfo,
        metric: Metric,
        fits: FitExecutor,
        cores: int,
    ) -> RunEnded:
        evaluator = self._new_evaluator(data, fits, cores)
        loop = self._loop = self._new_loop(info, metric, data, evaluator)
        if loop.trials:
            mending = mend_folds(loop.trials, evaluator, self._pool, self._folder.root, self._record)
            await self._control.unless_stopped(mending)
        evaluator.keep_time_for(loop.evaluations)
        try:
            end: LoopEnd = await self._control.unless_stopped(loop.run())
        except StoppedError:
            end = "user"
        return await self._finish(source, data, info, loop, end, fits, cores)

    async def _measure_cluster(self) -> ClusterSize | None:
        """What the cluster of the settings has to fit with; None if this machine fits. Raises ClusterError."""
        address = self._settings.engine.address
        if not address:
            return None
        self._control.enter(RunState.READING, "looking at the Dask cluster")
        return await self._pool.run(lambda _: measure_cluster(address), ClusterSize)

    async def _executor(self, data: "TrainingData", cluster: ClusterSize | None) -> FitExecutor:
        """Who fits: this machine, or the cluster that the settings name."""
        forked = ForkedFits(data, self._pool, self._clock, self._folder.root)
        if cluster is None:
            return forked
        address = self._settings.engine.address
        on_cluster = ClusterFits(
            address,
            cluster,
            forked,
            cores=self._cores,
            on_lost=lambda what: self._record(Noted(message=what, level="warning")),
        )
        self._control.also_pause(on_cluster)
        await on_cluster.start(data, self._folder.root)
        workers = f"{plural(cluster.workers, 'worker')} with {plural(cluster.threads, 'thread')}"
        self._record(Noted(message=f"models are fitted on the Dask cluster at {clean(address, 80)}: {workers}"))
        return on_cluster

    async def _wait_in_queue(self) -> None:
        """Wait until it is this run's turn; the clock stands meanwhile."""
        self._place.take()

        def tell(before: int) -> None:
            self._control.enter(RunState.QUEUED, f"waiting for {plural(before, 'other run')}")

        await self._place.wait(self._settings.runs.at_once or max(LEAST_AT_ONCE, available_cores()), tell)

    async def _read(self, source: Source) -> TableInfo:
        from tabsmith.tables.snapshot import check_unchanged

        past = self._past.info
        self._control.enter(RunState.READING, "looking at the table")
        if past is not None:
            check_unchanged(past)
        info = await self._pool.run(
            lambda progress: stages.read_in_child(source, progress),
            TableInfo,
            progress=lambda share, message: self._record(ReadingProgress(share=share, message=message)),
        )
        if past is not None:
            stages.require_same(info, past.fingerprint)
        self._record(TableReady(info=info))
        return info

    async def _read_holdout(self, schema: Schema) -> TableInfo | None:
        """The person's own table to measure on, if they gave one; the same as before for a run that is resumed."""
        source, past = self._spec.test, self._past.holdout_info
        if source is None:
            return None
        from tabsmith.tables.snapshot import check_unchanged

        self._control.enter(RunState.READING, "looking at the test set")
        if past is not None:
            check_unchanged(past)
        info = await self._pool.run(
            lambda progress: stages.read_holdout(source, schema, progress),
            TableInfo,
            progress=lambda share, message: self._record(ReadingProgress(share=share, message=message)),
        )
        if past is not None:
            stages.require_same_holdout(info, past.fingerprint)
        self._record(HoldoutTableReady(info=info))
        return info

    async def _understand(self, info: TableInfo) -> Schema:
        if self._past.schema is not None:
            return self._past.schema
        choice = self._spec.schema
        if isinstance(choice, Confirmed):
            stages.require_same(info, choice.fingerprint)
            understood = stages.UnderstoodSchema(choice.accepted)
        else:
            understood = await self._pool.run(lambda _: stages.understand(info, choice), stages.UnderstoodSchema)
        schema = understood.schema
        if schema.problem_type == "none" or not schema.target:
            raise SchemaError(
                "No column of this table could be what you want to predict.",
                next_step="Name it: tabsmith train PATH --target COLUMN",
            )
        if self._spec.test is not None:  # no rows of the table are set aside then
            schema = replace(schema, split=replace(schema.split, holdout=0.0))
        require_trainable(schema, info.profile)
        self._record(SchemaReady(schema=schema, corrections=understood.corrections))
        return schema

    def _new_evaluator(self, data: "TrainingData", fits: FitExecutor, cores: int) -> FoldEvaluator:
        return FoldEvaluator(
            data,
            self._pool,
            fits,
            self._control,
            self._folder.root,
            cores=cores,
            keep_measured=self._spec.choice.keep_measured,
        )

    def _new_loop(self, info: TableInfo, metric: Metric, data: "TrainingData", evaluator: FoldEvaluator) -> RecipeLoop:
        schema = data.schema
        earlier = recipes_to_start_from(self._spec, self._history, info.fingerprint, schema.target, metric)
        if (note := starting_note(self._spec, earlier)) and not self._past.trials:
            self._record(Noted(message=note))
        context = LoopContext(
            run_id=self._spec.id,
            fingerprint=info.fingerprint,
            schema=schema,
            profile=info.profile,
            metric=metric,
            folds=len(data.folds),
            samples=self._settings.profile.samples,
            patience=self._settings.agents.timeout,
            breakpoints=self._spec.choice.breakpoints,
            earlier=earlier,
            families=self._spec.choice.allowed_families,
        )
        return RecipeLoop(
            self._agents.planned,
            self._agents.search,
            evaluator,
            self._control,
            self._record,
            context=context,
            transcripts=self._transcripts,
            state=self._past,
            clock=self._clock.seconds,
            remember=self._remember,
            grader=self._agents.grader if self._agents.planned.uses_llm else None,
        )

    async def _finish(
        self,
        source: Source,
        data: "TrainingData",
        info: TableInfo,
        loop: RecipeLoop,
        end: LoopEnd,
        fits: FitExecutor,
        cores: int,
    ) -> RunEnded:
        from tabsmith.modeling.delivery import MeasuredModel

        if not loop.evaluations and end == "time":
            await self._control.unless_stopped(loop.try_search_once())
        if not loop.evaluations:
            return self._nothing_scored(end)
        self._control.enter(RunState.FINISHING, "putting the best recipes together")
        facts = stages.RunFacts(
            run_id=self._spec.id,
            source=source,
            fingerprint=info.fingerprint,
            iterations=len(loop.trials),
            seconds=self._clock.seconds(),
        )
        seconds = measuring_seconds(self._control.limits.seconds)
        evaluations, root = loop.evaluations, self._folder.root
        measured = await self._control.unless_stopped(
            self._pool.run(
                lambda progress: stages.measure(data, evaluations, root, facts, seconds, self._cores, progress),
                MeasuredModel,
                progress=lambda _, message: self._control.enter(RunState.FINISHING, message),
            )
        )
        if self._spec.choice.keep_measured:
            kept: KeptReason = "asked for"
        else:
            kept = "stopped" if end == "user" else "no time"
            refits = fit_on_all_rows(data, measured.report, evaluations, root, fits, self._control, cores, kept)
            await self._control.unless_stopped(refits)
        explained = await self._control.unless_stopped(
            explain_in_time(data, evaluations, root, measured, self._pool, self._control, self._cores)
        )
        report = await self._control.unless_stopped(
            self._pool.run(lambda _: stages.deliver(data, evaluations, root, measured, explained, kept), ModelReport)
        )
        self._record(
            EnsembleBuilt(
                recipes=tuple(member.recipe.id for member in report.members),
                weights=tuple(member.weight for member in report.members),
                score=report.cv_score,
                standard_error=report.cv_se,
            )
        )
        return self._ended("partial" if end == "user" else "success", end, report=report)

    def _nothing_scored(self, end: LoopEnd) -> RunEnded:
        if end == "user":
            return self._ended("cancelled", "user")
        trials = self._loop.trials if self._loop else []
        reasons = [trial.message for trial in trials if trial.message]
        if end == "time":
            error: Exception = TrainingError(
                f"The time limit of {self._control.limits.seconds:,.0f} s was over before one model was done.",
                next_step="Give it more time (--time), or fewer columns.",
            )
        else:
            error = TrainingError(
                f"No recipe could be fitted. The last one: {reasons[-1] if reasons else 'nothing was proposed'}",
                next_step=f"The log tells more: {self._folder.log}",
            )
        return self._ended("failed", "time" if end == "time" else "error", error=report_of(error))

    def _ended(
        self,
        outcome: Outcome,
        reason: ExitReason,
        *,
        report: ModelReport | None = None,
        error: ErrorReport | None = None,
    ) -> RunEnded:
        return RunEnded(
            outcome=outcome, exit_reason=reason, active_seconds=self._clock.seconds(), report=report, error=error
        )

    def _remember(self, iteration: RecipeIteration) -> None:
        """Add the iteration to the history of all runs."""
        loop = self._loop
        assert loop is not None
        if iteration.resumed and holds(self._history, self._spec.id, iteration.number):
            return
        self._history.append(
            history_record(
                iteration,
                loop.context,
                self._agents.planned.name,
                loop.usage,
                loop.fallback_reason,
                self._clock.seconds(),
            )
        )

    def _record(self, event: RunEvent) -> None:
        self._journal.append(replace(event, at=time.time()))
        if isinstance(event, StateChanged) and not isinstance(self._spec.source, TasksSource):
            if event.state in (RunState.PAUSED, RunState.ASKING):
                self._place.leave()
            elif not event.state.ended:
                self._place.take()


def main(arguments: list[str]) -> int:
    """The command line of a worker: RUN OFFSET."""
    run_id, offset = arguments
    with contextlib.suppress(KeyboardInterrupt):
        return serve(run_id, int(offset))
    return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
