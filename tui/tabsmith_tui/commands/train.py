"""`tabsmith train`: a model from a table, with plain progress lines."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

import click

from tabsmith import config
from tabsmith.agents.protocol import AgentName
from tabsmith.errors import INTERRUPTED, WORK_FAILED, UsageError
from tabsmith.orchestration.questions import Mode
from tabsmith.recipes.families import family
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.spec import Deferred, Detect, Limits, ModelChoice, RunSpec, SchemaChoice, new_run_id
from tabsmith.runs.training import launch_detached, metric_called, stop_and_wait
from tabsmith.runs.watch import RunWatch
from tabsmith.tables.schema import ManualSchema
from tabsmith.tables.sources import FileSource, Source, source_of
from tabsmith.workflow.inputs import read_budget, show_budget
from tabsmith_tui.commands import tasked
from tabsmith_tui.commands.asking import Asking, on_a_terminal
from tabsmith_tui.commands.output import json_option, print_json, print_text, say
from tabsmith_tui.commands.progress import PlainLines
from tabsmith_tui.commands.trained import agent_facts, document, print_report

LOOK_EVERY = 0.05


@click.command()
@click.argument("path")
@click.option("--target", metavar="COL", help="The column to predict; found when it is not given.")
@click.option("--time", "seconds", metavar="S", type=click.FloatRange(min=1), help="Seconds to train for.")
@click.option("--metric", metavar="M", help="The measure to compare models by, such as roc_auc or rmse.")
@click.option("--model", metavar="FAMILY", help="Only this family, such as lightgbm or linear.")
@click.option(
    "--schema", "words", metavar="TEXT|@FILE", help="A schema in words; the table is read when training starts."
)
@click.option("--agent", type=click.Choice(get_args(AgentName)), help="Who proposes; agents.default if not given.")
@click.option("--budget", metavar="$D", help="The most an agent may cost: '$2', 2.00, '100k tokens', none.")
@click.option("--mode", type=click.Choice(get_args(Mode)), help="When you are asked; off a terminal: automatic.")
@click.option(
    "--breakpoint", "breakpoints", metavar="EXPR", multiple=True, help="Stop and ask at this condition; repeatable."
)
@click.option("--iterations", metavar="N", default=0, type=click.IntRange(min=0), help="At most N recipes.")
@click.option("--seed", metavar="N", default=0, type=int, help="For what is drawn at random.")
@click.option("--detach", is_flag=True, help="Start the run and leave it running.")
@json_option
def train(
    path: str,
    target: str | None,
    seconds: float | None,
    metric: str | None,
    model: str | None,
    words: str | None,
    agent: AgentName | None,
    budget: str | None,
    mode: Mode | None,
    breakpoints: tuple[str, ...],
    iterations: int,
    seed: int,
    detach: bool,
    as_json: bool,
) -> int:
    """Train a model on the table at PATH.

    Progress goes to stderr; the report, or one JSON document, to stdout.
    """
    settings = config.load()
    asks = on_a_terminal() and not (as_json or detach)
    proposer = agent or settings.agents.default
    allowed = read_budget(show_budget(settings.agents.dollars) if budget is None else budget)
    choice = ModelChoice(
        metric=metric_called(metric),
        family="any" if model is None else family(model),
        agent=proposer,
        limits=Limits(
            seconds=settings.training.time if seconds is None else seconds,
            iterations=iterations,
            dollars=allowed.dollars,
            tokens=allowed.tokens,
        ),
        seed=seed,
        cores=settings.training.cores,
        mode=mode or (settings.agents.mode if asks else "automatic"),
        breakpoints=understood(breakpoints or settings.agents.breakpoints),
    )
    if proposer != "search":
        from tabsmith.agents.usable import require_usable

        require_usable(proposer, settings.agents)
    source = _source(path, settings)
    folder = start(source, _schema_choice(target, words), choice)
    if detach:
        say(f"Started. To follow it: tabsmith runs attach {folder.id}")
        if as_json:
            print_json(document(folder.id, RunWatch(folder.id).refresh(), time.time()))
        else:
            print_text(folder.id)
        return 0
    return follow(folder, as_json=as_json)


def start(source: Source, schema: SchemaChoice, choice: ModelChoice) -> RunFolder:
    """Start a run in a process that lives on by itself."""
    return launch(RunSpec(new_run_id(), time.time(), source, schema, choice))


def launch(spec: RunSpec) -> RunFolder:
    """Start the run of this spec in a process that lives on by itself."""
    folder = RunFolder.create(spec)
    launch_detached(folder)
    return folder


def follow(folder: RunFolder, *, as_json: bool, stop_on_interrupt: bool = True) -> int:
    """Print the run's progress and questions to its end, then its report; returns the exit status of the command."""
    watch = RunWatch(folder.id, on_event=PlainLines())
    asking = Asking(folder)
    try:
        while not (run := watch.refresh()).state.ended:
            asking.look(run, LOOK_EVERY)
    except KeyboardInterrupt:
        if not stop_on_interrupt:
            say(f"Left running. To come back: tabsmith runs attach {folder.id}")
            return INTERRUPTED
        kept = "what was accepted" if tasked.of_tasks(watch.refresh()) else "the best model"
        say(f"Stopping; {kept} so far is kept.")
        run = stop_and_wait(folder, watch)
        show(folder.id, run, as_json=as_json)
        return INTERRUPTED
    return show(folder.id, run, as_json=as_json)


def show(run_id: str, run: RunSnapshot, *, as_json: bool) -> int:
    """Print what a run came to; returns the exit status of the command."""
    if tasked.of_tasks(run):
        return tasked.show(run_id, run, time.time(), as_json=as_json)
    if as_json:
        print_json(document(run_id, run, time.time()))
    elif run.report:
        print_report(run.report, agent_facts(run))
    if run.error is not None:
        say(f"{run.error.name}: {run.error.what}")
        for line in (run.error.where, run.error.next_step):
            if line:
                say(line)
        return run.error.exit_code
    if run.report is None:
        say(f"The run {run_id} is {run.state.value}: there is no model yet.")
        return WORK_FAILED
    if not as_json:
        print_text()
        print_text(f"To predict: tabsmith predict {run.report.model_id} NEW_ROWS.csv")
    return 0


def understood(breakpoints: Sequence[str]) -> tuple[str, ...]:
    """The conditions, each of them looked at: ConditionError for one that is none, or has a name that is not known."""
    from tabsmith.conditions.built_in import named

    for each in breakpoints:
        named(each)
    return tuple(breakpoints)


def _schema_choice(target: str | None, words: str | None) -> SchemaChoice:
    if words is None:
        return Detect(target or "")
    from tabsmith.tables.manual import parse

    manual: ManualSchema = parse(_text(words))
    if target is not None and target != manual.target:
        raise UsageError(
            f"--target says {target}, --schema says {manual.target}.", next_step="Leave one of the two out."
        )
    return Deferred(manual)


def _text(words: str) -> str:
    if words == "-":
        return sys.stdin.read()
    if not words.startswith("@"):
        return words
    try:
        return Path(words[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The schema file could not be read: {error}", where=words[1:], next_step="Name a text file after the @."
        ) from error


def _source(path: str, settings: config.Settings) -> Source:
    """The table, looked at by the guard now, so that a wrong path is told before a run is made of it."""
    from tabsmith.tables.guard import check

    source = source_of(path)
    if isinstance(source, FileSource):
        guarded = check(source.path, allowed=settings.paths.readable, max_mb=settings.paths.max_mb)
        return FileSource(str(guarded.path))
    return source
