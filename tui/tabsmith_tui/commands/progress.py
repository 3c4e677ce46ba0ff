"""A run as plain lines on stderr: one line for each thing worth knowing, nothing that needs a terminal."""

import time
from collections.abc import Callable

from tabsmith.modeling.results import Metric
from tabsmith.orchestration import events as loop
from tabsmith.runs import events as run
from tabsmith.runs.events import RunEvent, RunState
from tabsmith.text import clean
from tabsmith_tui import numbers
from tabsmith_tui.commands.output import say

_SILENT = (RunState.RUNNING, RunState.EVALUATING, RunState.WAITING, RunState.QUEUED)


class PlainLines:
    """Prints the events that it is given."""

    def __init__(self, write: Callable[[str], None] = say) -> None:
        self._write = write
        self._changes: dict[int, str] = {}
        self._started = 0.0
        self._read_told = 0.0

    def __call__(self, event: RunEvent) -> None:
        """Print what `event` tells, if it is worth a line."""
        text = self._line(event)
        if text:
            self._write(f"{numbers.clock(event.at - self._started):>6}  {text}")

    def _line(self, event: RunEvent) -> str:
        match event:
            case run.RunStarted(at=at):
                self._started = self._started or at
                return f"run       {event.spec.id}" + (f", attempt {event.attempt}" if event.attempt > 1 else "")
            case run.StateChanged(state=state, message=message):
                return "" if state in _SILENT or not message else f"{state.value:9s} {message}"
            case run.Reading(share=share, message=message):
                return self._reading(share, message)
            case run.TableReady(info=info):
                columns = len(info.profile.columns)
                return f"table     {numbers.count(info.rows)} rows, {columns:,} columns, {info.route} path"
            case run.SchemaReady(schema=schema):
                words = f"{schema.task}, {len(schema.features)} features, {schema.split.kind} split"
                return f"schema    target {clean(schema.target, 60)}, {words}"
            case run.LimitChanged(seconds=seconds):
                return f"limit     {numbers.duration(seconds)} from now on"
            case run.RunEnded():
                return ""
            case _:
                return self._loop_line(event)

    def _loop_line(self, event: loop.LoopEvent) -> str:
        match event:
            case loop.SearchStarted(metric=metric, folds=folds):
                held = f"{numbers.count(event.holdout_rows)} rows held out"
                return f"search    {in_words(metric)}, {folds} folds, {held}"
            case loop.Proposed(iteration=iteration, recipe=recipe, change=change):
                self._changes[iteration] = clean(recipe.name or change, 40)
                return ""
            case loop.Evaluated(iteration=iteration, evaluation=evaluation):
                score = numbers.uncertain(evaluation.mean, evaluation.standard_error)
                seconds = numbers.duration(evaluation.seconds)
                return f"#{iteration:<3}      {self._changes.get(iteration, ''):40s} {score:>22s}  {seconds}"
            case loop.ChampionChanged(iteration=iteration):
                return f"champion  #{iteration}"
            case loop.Refused(iteration=iteration, problems=problems):
                return f"refused   #{iteration} {problems[0].what if problems else ''}"
            case loop.Failed(iteration=iteration, message=message):
                return f"failed    #{iteration} {self._changes.get(iteration, '')}: {message}"
            case loop.EnsembleBuilt(recipes=recipes, score=score, standard_error=error):
                return f"ensemble  {len(recipes)} recipes, {numbers.uncertain(score, error)}"
            case loop.Noted(message=message):
                return f"note      {message}"
            case _:
                return ""

    def _reading(self, share: float, message: str) -> str:
        now = time.monotonic()
        if now - self._read_told < 2.0:
            return ""
        self._read_told = now
        return f"reading   {message}" + (f" {numbers.share(share)}" if share >= 0 else "")


def in_words(metric: Metric) -> str:
    """The metric and which way is better."""
    return f"{metric.label} ({'higher' if metric.greater_is_better else 'lower'} is better)"
