"""The process of a run: it reads, prepares, searches, finishes, and tells its journal everything.

`python -m tabsmith.runs.worker RUN OFFSET` works on one run; the warm spare forks into `serve` instead. The process
only waits and listens: whatever computes is a forked child of it (see pool.py). It is safe to kill at any moment.
"""

import asyncio
import contextlib
import os
import signal
import sys
import time
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

import tabsmith
from tabsmith.agents.search import Search
from tabsmith.errors import ErrorReport, SchemaError, TrainingError, report_of
from tabsmith.modeling.results import Metric, Report
from tabsmith.orchestration.events import EnsembleBuilt, SearchStarted
from tabsmith.orchestration.loop import Attempt, End, Loop, Past
from tabsmith.runs import stages
from tabsmith.runs.control import ActiveClock, Control, StoppedError
from tabsmith.runs.evaluator import ForkedEvaluator, evaluation_folder
from tabsmith.runs.events import (
    ExitReason,
    Outcome,
    Reading,
    RunEnded,
    RunEvent,
    RunStarted,
    RunState,
    SchemaReady,
    StateChanged,
    TableReady,
)
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.pool import Pool
from tabsmith.runs.snapshot import RunSnapshot, reduce
from tabsmith.runs.spec import Confirmed
from tabsmith.runs.warm import one_thread, warm
from tabsmith.tables.info import TableInfo
from tabsmith.tables.schema import Schema

if TYPE_CHECKING:
    from tabsmith.modeling.data import Data

LEAST_RESERVE: Final = 4.0
MOST_RESERVE: Final = 60.0
RESERVED_SHARE: Final = 0.15
"""Of a time limit, this share (within the two bounds, seconds) is kept for the ensemble, the hold-out and saving."""


def serve(run_id: str, offset: int) -> int:
    """Work on a run to its end; returns the exit status. `offset`: from where in commands.jsonl to listen."""
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
        self._cores = self._spec.choice.cores or _available_cores()
        self._pool = Pool(self._cores)
        self._clock = ActiveClock(self._past.counted_seconds)
        limits = self._past.limits if self._past.attempt else self._spec.choice.limits
        self._control = Control(folder, offset, self._pool, self._record, self._clock, limits)
        self._loop: Loop | None = None

    async def work(self) -> int:
        """Take the run up and bring it to an end that is recorded, whatever happens."""
        self._record(
            RunStarted(spec=self._spec, pid=os.getpid(), attempt=self._past.attempt + 1, version=tabsmith.__version__)
        )
        main = asyncio.create_task(self._work())
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, main.cancel)
        listening = asyncio.create_task(self._control.listen())
        try:
            ended = await main
        except asyncio.CancelledError:
            self._record(StateChanged(state=RunState.INTERRUPTED, message="its worker was told to end"))
            return 128 + signal.SIGTERM
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
        self._record(ended)
        return 0 if ended.outcome in ("success", "partial") else 1

    async def _work(self) -> RunEnded:
        try:
            return await self._stages()
        except StoppedError:
            return self._ended("cancelled", "user")
        except Exception as error:  # noqa: BLE001 - the edge of the process: the journal gets the whole error
            return self._ended("failed", "error", error=report_of(error))

    async def _stages(self) -> RunEnded:
        # All imports before the first fork: a child forked during an import could wait for its lock for ever.
        await self._control.unless_stopped(stages.in_thread(warm))
        info = await self._control.unless_stopped(self._read())
        schema = await self._control.unless_stopped(self._understand(info))
        metric = stages.choose_metric(self._spec, schema)
        self._control.enter(RunState.READING, "preparing the folds")
        data = await self._control.unless_stopped(
            stages.in_thread(lambda: stages.prepare(info, schema, metric, self._spec))
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
        reserve = _reserve(self._control.limits.seconds)
        loop = self._loop = self._new_loop(info, schema, metric, data, reserve)
        try:
            end: End = await self._control.unless_stopped(loop.run())
        except StoppedError:
            end = "user"
        return await self._finish(data, info, loop, end)

    async def _read(self) -> TableInfo:
        past, spec = self._past.info, self._spec
        self._control.enter(RunState.READING, "looking at the table")
        if past is not None:
            stages.verify(past)
        info = await self._pool.run(
            lambda progress: stages.read(spec.source, progress),
            TableInfo,
            progress=lambda share, message: self._record(Reading(share=share, message=message)),
        )
        if past is not None:
            stages.require_same(info, past.fingerprint)
        self._record(TableReady(info=info))
        return info

    async def _understand(self, info: TableInfo) -> Schema:
        if self._past.schema is not None:
            return self._past.schema
        choice = self._spec.schema
        if isinstance(choice, Confirmed):
            stages.require_same(info, choice.fingerprint)
            schema = choice.accepted
        else:
            schema = await self._pool.run(lambda _: stages.understand(info, choice), Schema)
        if schema.task == "none" or not schema.target:
            raise SchemaError(
                "No column of this table could be what you want to predict.",
                next_step="Name it: tabsmith train PATH --target COLUMN",
            )
        self._record(SchemaReady(schema=schema))
        return schema

    def _new_loop(self, info: TableInfo, schema: Schema, metric: Metric, data: "Data", reserve: float) -> Loop:
        choice = self._spec.choice
        evaluator = ForkedEvaluator(
            data, self._pool, self._control, self._folder.root, cores=self._cores, reserve=reserve
        )
        return Loop(
            Search(family=None if choice.family == "any" else choice.family, seed=choice.seed),
            evaluator,
            stages.FittingBudget(self._control, reserve),
            self._record,
            schema=schema,
            profile=info.profile,
            metric=metric,
            past=_past(self._past),
            clock=self._clock.seconds,
        )

    async def _finish(self, data: "Data", info: TableInfo, loop: Loop, end: End) -> RunEnded:
        if not loop.evaluations:
            return self._nothing_scored(end)
        self._control.enter(RunState.FINISHING, "putting the best recipes together")
        facts = stages.Facts(
            run_id=self._spec.id,
            source=self._spec.source,
            fingerprint=info.fingerprint,
            iterations=len(loop.attempts),
            seconds=self._clock.seconds(),
        )
        seconds = max(LEAST_RESERVE, min(MOST_RESERVE, self._control.seconds_left()))
        report = await self._control.unless_stopped(
            self._pool.run(
                lambda progress: stages.finish(
                    data, loop.evaluations, self._folder.root, facts, seconds, self._cores, progress
                ),
                Report,
                progress=lambda _, message: self._control.enter(RunState.FINISHING, message),
            )
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

    def _nothing_scored(self, end: End) -> RunEnded:
        if end == "user":
            return self._ended("cancelled", "user")
        attempts = self._loop.attempts if self._loop else []
        reasons = [attempt.reason for attempt in attempts if attempt.reason]
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
        self, outcome: Outcome, reason: ExitReason, *, report: Report | None = None, error: ErrorReport | None = None
    ) -> RunEnded:
        return RunEnded(
            outcome=outcome, exit_reason=reason, active_seconds=self._clock.seconds(), report=report, error=error
        )

    def _record(self, event: RunEvent) -> None:
        self._journal.append(replace(event, at=time.time()))


def _past(run: RunSnapshot) -> Past:
    """What the loop goes on from. `run` is the journal of the earlier attempts."""
    over = [each for each in run.tries if each.recipe is not None and each.state in ("scored", "refused", "failed")]
    attempts = []
    for each in over:
        if each.recipe is None:
            continue
        evaluation = stages.evaluation_of(each, evaluation_folder(each.iteration, each.recipe))
        attempts.append(Attempt(each.iteration, each.recipe, evaluation, each.message))
    open_tries = [each for each in run.tries if each.state in ("proposed", "evaluating")]
    pending = open_tries[-1] if open_tries else None
    taken = [each.iteration for each in over]
    return Past(
        attempts=tuple(attempts),
        champion=run.champion,
        next_iteration=pending.iteration if pending else max(taken, default=0) + 1,
        pending=pending.recipe if pending else None,
    )


def _reserve(limit: float) -> float:
    """Seconds kept for finishing; never more than a third, so that the shortest limit still fits something."""
    return min(MOST_RESERVE, max(LEAST_RESERVE, RESERVED_SHARE * limit), limit / 3)


def _available_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def main(arguments: list[str]) -> int:
    """The command line of a worker: RUN OFFSET."""
    run_id, offset = arguments
    with contextlib.suppress(KeyboardInterrupt):
        return serve(run_id, int(offset))
    return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
