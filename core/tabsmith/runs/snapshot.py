"""A run as its journal tells it: `reduce` folds events into a `RunSnapshot`, and every screen draws that."""

from collections.abc import Callable, Iterable
from functools import singledispatch
from typing import Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from tabsmith.errors import ErrorReport
from tabsmith.modeling.results import FoldScore, Metric, Report
from tabsmith.orchestration import events as loop
from tabsmith.recipes.recipe import Recipe
from tabsmith.runs import events as run
from tabsmith.runs.events import ExitReason, Outcome, RunEvent, RunState
from tabsmith.runs.spec import Limits, RunSpec
from tabsmith.tables.info import TableInfo
from tabsmith.tables.schema import Schema
from tabsmith.text import figure

LOG_LINES = 500

TryState: TypeAlias = Literal["asking", "proposed", "evaluating", "scored", "refused", "failed"]


class Try(msgspec.Struct, frozen=True):
    """One iteration as far as it has come."""

    iteration: int
    agent: str
    state: TryState = "asking"
    recipe: Recipe | None = None
    change: str = ""
    folds: tuple[FoldScore, ...] = ()
    mean: float | None = None
    standard_error: float | None = None
    delta: float | None = None  # share by which it beats (+) or misses (-) the champion of its time
    seconds: float = 0.0
    won: bool = False  # it became the champion
    message: str = ""
    started_at: float = 0.0


class LogLine(msgspec.Struct, frozen=True):
    """A line of the run's log; `word` is the kind of event."""

    at: float
    word: str
    text: str
    level: Literal["info", "warning", "error"] = "info"


class RunSnapshot(msgspec.Struct, frozen=True):
    """Everything known of a run. What is not known yet is None or empty."""

    spec: RunSpec | None = None
    state: RunState = RunState.QUEUED
    message: str = ""
    pid: int = 0
    attempt: int = 0
    started_at: float = 0.0
    updated_at: float = 0.0
    ended_at: float = 0.0
    limits: Limits = Limits()
    read_share: float = 0.0
    info: TableInfo | None = None
    schema: Schema | None = None
    metric: Metric | None = None
    folds: int = 0
    train_rows: int = 0
    holdout_rows: int = 0
    settled: tuple[Try, ...] = ()  # the tries before the latest
    latest: Try | None = None
    champion_try: Try | None = None  # the try that holds the title
    ensemble: loop.EnsembleBuilt | None = None
    log: tuple[LogLine, ...] = ()
    outcome: Outcome | None = None
    exit_reason: ExitReason | None = None
    report: Report | None = None
    error: ErrorReport | None = None
    skipped: int = 0  # journal lines that could not be understood
    counted_seconds: float = 0.0  # active time up to `counting_from`
    counting_from: float = 0.0  # 0 while the clock stands still

    def active_seconds(self, now: float) -> float:
        """Seconds spent working up to `now`: pauses, and gaps in which no worker lived, are left out."""
        running = max(0.0, now - self.counting_from) if self.counting_from else 0.0
        return self.counted_seconds + running

    @property
    def tries(self) -> tuple[Try, ...]:
        """Every try, in the order of the iterations."""
        return self.settled if self.latest is None else (*self.settled, self.latest)

    @property
    def champion(self) -> int:
        """The champion's iteration; 0 while there is none."""
        return self.champion_try.iteration if self.champion_try else 0

    @property
    def leaderboard(self) -> tuple[Try, ...]:
        """The scored tries, best first."""
        if self.metric is None:
            return ()
        scored = [each for each in self.tries if each.mean is not None and each.mean == each.mean]
        return tuple(sorted(scored, key=lambda each: each.mean or 0.0, reverse=self.metric.greater_is_better))

    @property
    def tried(self) -> int:
        """How many recipes were scored; shown beside every best score."""
        return sum(each.state == "scored" for each in self.tries)


def reduce(events: Iterable[RunEvent], start: RunSnapshot | None = None) -> RunSnapshot:
    """The run after `events`; `start` is the run before them. Pure: the same events give the same run."""
    snapshot = start or RunSnapshot()
    for event in events:
        snapshot = replace(_apply(event, snapshot), updated_at=event.at)
    return snapshot


def interrupted(snapshot: RunSnapshot) -> RunSnapshot:
    """The same run when its worker is gone without having said so."""
    if snapshot.state.ended:
        return snapshot
    return replace(
        _clock(snapshot, snapshot.updated_at, running=False),
        state=RunState.INTERRUPTED,
        message="its worker is gone; it can be resumed",
    )


@singledispatch
def _apply(event: RunEvent, _snapshot: RunSnapshot) -> RunSnapshot:
    raise TypeError(f"no rule for {type(event).__name__}")


_on: Callable[..., Callable[..., object]] = _apply.register


@_on
def _(event: run.RunStarted, snapshot: RunSnapshot) -> RunSnapshot:
    begun = replace(
        _clock(snapshot, snapshot.updated_at, running=False),
        spec=event.spec,
        pid=event.pid,
        attempt=event.attempt,
        state=RunState.QUEUED,
        message="",
        started_at=snapshot.started_at or event.at,
        ended_at=0.0,
        limits=snapshot.limits if snapshot.attempt else event.spec.choice.limits,
        settled=tuple(each for each in snapshot.tries if each.state in ("scored", "refused", "failed")),
        latest=None,
        outcome=None,
        exit_reason=None,
        error=None,
        report=None,
    )
    text = f"tabsmith {event.version}, process {event.pid}"
    return _log(_clock(begun, event.at, running=True), event, "resume" if event.attempt > 1 else "start", text)


@_on
def _(event: run.StateChanged, snapshot: RunSnapshot) -> RunSnapshot:
    still = event.state in (RunState.PAUSED, RunState.ASKING) or event.state.ended
    changed = replace(_clock(snapshot, event.at, running=not still), state=event.state, message=event.message)
    if event.state == snapshot.state and not event.message:
        return changed
    if event.state in (RunState.RUNNING, RunState.EVALUATING, RunState.WAITING) and not event.message:
        return changed
    return _log(changed, event, event.state.value, event.message)


@_on
def _(event: run.Reading, snapshot: RunSnapshot) -> RunSnapshot:
    return replace(snapshot, read_share=event.share, message=event.message)


@_on
def _(event: run.TableReady, snapshot: RunSnapshot) -> RunSnapshot:
    profile = event.info.profile
    text = f"{profile.rows:,} rows, {len(profile.columns):,} columns, {event.info.route} path"
    return _log(replace(snapshot, info=event.info, read_share=1.0), event, "table", text)


@_on
def _(event: run.SchemaReady, snapshot: RunSnapshot) -> RunSnapshot:
    schema = event.schema
    text = f"{schema.task}, target {schema.target}, {len(schema.features)} features, {schema.split.kind} split"
    return _log(replace(snapshot, schema=schema), event, "schema", text)


@_on
def _(event: run.LimitChanged, snapshot: RunSnapshot) -> RunSnapshot:
    limits = replace(snapshot.limits, seconds=event.seconds, iterations=event.iterations)
    return _log(replace(snapshot, limits=limits), event, "limit", f"{event.seconds:,.0f} s from now on")


@_on
def _(event: run.RunEnded, snapshot: RunSnapshot) -> RunSnapshot:
    ended = replace(
        _clock(snapshot, event.at, running=False),
        state=RunState.FAILED if event.outcome == "failed" else RunState.DONE,
        message="",
        ended_at=event.at,
        outcome=event.outcome,
        exit_reason=event.exit_reason,
        report=event.report,
        error=event.error,
        counted_seconds=event.active_seconds,
    )
    text = str(event.error) if event.error else f"{event.outcome}, {event.exit_reason}"
    return _log(ended, event, "end", text, "error" if event.error else "info")


@_on
def _(event: loop.SearchStarted, snapshot: RunSnapshot) -> RunSnapshot:
    ready = replace(
        snapshot,
        metric=event.metric,
        folds=event.folds,
        train_rows=event.train_rows,
        holdout_rows=event.holdout_rows,
    )
    text = f"{event.metric.label} over {event.folds} folds, {event.holdout_rows:,} rows held out"
    for note in event.notes:
        ready = _log(ready, event, "note", note, "warning")
    return _log(ready, event, "search", text)


@_on
def _(event: loop.IterationStarted, snapshot: RunSnapshot) -> RunSnapshot:
    return replace(snapshot, settled=snapshot.tries, latest=Try(event.iteration, event.agent, started_at=event.at))


@_on
def _(event: loop.Proposed, snapshot: RunSnapshot) -> RunSnapshot:
    return _change(snapshot, event.iteration, state="proposed", recipe=event.recipe, change=event.change)


@_on
def _(event: loop.Refused, snapshot: RunSnapshot) -> RunSnapshot:
    words = "; ".join(f"{problem.where}: {problem.what}" for problem in event.problems)
    refused = _change(snapshot, event.iteration, state="refused", message=words)
    return _log(refused, event, "refused", f"#{event.iteration} {words}", "warning")


@_on
def _(event: loop.FoldScored, snapshot: RunSnapshot) -> RunSnapshot:
    current = _try(snapshot, event.iteration)
    folds = tuple(sorted((*current.folds, event.score), key=lambda score: score.fold))
    return _change(snapshot, event.iteration, state="evaluating", folds=folds)


@_on
def _(event: loop.Evaluated, snapshot: RunSnapshot) -> RunSnapshot:
    evaluation = event.evaluation
    scored = _change(
        snapshot,
        event.iteration,
        state="scored",
        folds=evaluation.folds,
        mean=evaluation.mean,
        standard_error=evaluation.standard_error,
        seconds=evaluation.seconds,
        delta=_delta(snapshot, evaluation.mean),
    )
    change = _try(scored, event.iteration).change
    text = f"#{event.iteration} {change}: {figure(evaluation.mean)} ± {figure(evaluation.standard_error, 2)}"
    return _log(scored, event, "scored", text)


@_on
def _(event: loop.Failed, snapshot: RunSnapshot) -> RunSnapshot:
    failed = _change(snapshot, event.iteration, state="failed", message=event.message, seconds=event.seconds)
    return _log(failed, event, "failed", f"#{event.iteration} {event.message}", "warning")


@_on
def _(event: loop.ChampionChanged, snapshot: RunSnapshot) -> RunSnapshot:
    crowned = _change(snapshot, event.iteration, won=True)
    return _log(replace(crowned, champion_try=crowned.latest), event, "champion", f"#{event.iteration} {event.rule}")


@_on
def _(event: loop.EnsembleBuilt, snapshot: RunSnapshot) -> RunSnapshot:
    text = f"{len(event.recipes)} of the recipes together: {figure(event.score)}"
    return _log(replace(snapshot, ensemble=event), event, "ensemble", text)


@_on
def _(event: loop.Noted, snapshot: RunSnapshot) -> RunSnapshot:
    return _log(snapshot, event, "note", event.message, event.level)


def _try(snapshot: RunSnapshot, iteration: int) -> Try:
    latest = snapshot.latest
    return latest if latest is not None and latest.iteration == iteration else Try(iteration, "")


def _change(snapshot: RunSnapshot, iteration: int, **changes: object) -> RunSnapshot:
    """The snapshot with its latest try changed: only that one ever changes, so a long run folds in linear time."""
    changed = replace(_try(snapshot, iteration), **changes)
    if snapshot.latest is None or snapshot.latest.iteration == iteration:
        return replace(snapshot, latest=changed)
    return replace(snapshot, settled=snapshot.tries, latest=changed)


def _delta(snapshot: RunSnapshot, mean: float) -> float | None:
    champion, metric = snapshot.champion_try, snapshot.metric
    if champion is None or metric is None or not champion.mean:
        return None
    gain = mean - champion.mean if metric.greater_is_better else champion.mean - mean
    return gain / abs(champion.mean)


def _clock(snapshot: RunSnapshot, at: float, *, running: bool) -> RunSnapshot:
    counted = snapshot.active_seconds(at)
    return replace(snapshot, counted_seconds=counted, counting_from=at if running else 0.0)


def _log(
    snapshot: RunSnapshot,
    event: loop.Event,
    word: str,
    text: str,
    level: Literal["info", "warning", "error"] = "info",
) -> RunSnapshot:
    return replace(snapshot, log=(*snapshot.log[-LOG_LINES + 1 :], LogLine(event.at, word, text, level)))
