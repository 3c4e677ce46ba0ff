"""`tabsmith train`: train a model on a table, with plain progress lines; and training on the sample off a terminal."""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, get_args

import click
from msgspec.structs import replace

from tabsmith import config
from tabsmith.agents.protocol import AgentName
from tabsmith.config.settings import Mode
from tabsmith.errors import UsageError
from tabsmith.families.registry import choose_families
from tabsmith.limits import Limits
from tabsmith.modeling.decisions.goals import parse_goal
from tabsmith.orchestration.limits import read_budget, show_budget
from tabsmith.presentation.tables import join_sentence
from tabsmith.recipes.recipe import Recipe
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.spec import Deferred, Detect, ModelChoice, RunSpec, SchemaChoice, new_run_id
from tabsmith.runs.training import metric_by_name
from tabsmith.tables.read.sources import DatabaseSource, JoinSource, SampleSource, Source, parse_source
from tabsmith.tables.schema.types import ManualSchema
from tabsmith.workflow.inputs import read_names
from tabsmith.workflow.session import LOCAL_USER
from tabsmith_tui.commands.follow import follow, launch, leave_running, on_a_terminal
from tabsmith_tui.commands.output import clean_when_due, json_option, say
from tabsmith_tui.commands.read_options import SourceOptions, source_options


@click.command()
@click.argument("path")
@click.option("--target", metavar="COL", help="The column to predict; found when it is not given.")
@click.option("--time", "seconds", metavar="S", type=click.FloatRange(min=1), help="Seconds to train for.")
@click.option("--metric", metavar="M", help="The measure to compare models by, such as auc, f1, rmse or quantile:0.9.")
@click.option("--event", metavar="CLASS", help="The class of two that counts as the event; found when not given.")
@click.option("--threshold", metavar="T", help="Predict the event from this probability on, or tune it: f1, mcc.")
@click.option("--cost", metavar="COSTS", help="Predict the event where that costs least: 'miss=5,alarm=1'.")
@click.option("--model", metavar="FAMILY", help="Only this family, such as lightgbm or linear.")
@click.option("--families", metavar="A,B", default="", help="Only these families.")
@click.option("--exclude", metavar="A,B", default="", help="Not these families.")
@click.option(
    "--recipe",
    "recipe_files",
    metavar="FILE",
    multiple=True,
    help="Your own recipes, as JSON, tried first; repeatable.",
)
@click.option(
    "--resume-from", metavar="MODEL", help="Go on from this model: its recipes and those of earlier runs first."
)
@click.option("--test", "test_path", metavar="PATH", help="A table of its own to measure the model on.")
@click.option("--keep-measured", is_flag=True, help="Deliver the measured model, not one fitted again on all rows.")
@click.option(
    "--schema", "schema", metavar="TEXT|@FILE", help="A schema in words; the table is read when training starts."
)
@click.option(
    "--detected", is_flag=True, help="The schema as it is detected, without what you corrected in it on the screen."
)
@click.option("--weight", metavar="COL", default="", help="The column that says how much each row counts.")
@click.option("--agent", type=click.Choice(get_args(AgentName)), help="Who proposes; agents.default if not given.")
@click.option("--budget", metavar="$D", help="The most an agent may cost: '$2', 2.00, '100k tokens', none.")
@click.option("--mode", type=click.Choice(get_args(Mode)), help="When to pause for you; off a terminal: automatic.")
@click.option(
    "--breakpoint", "breakpoints", metavar="EXPR", multiple=True, help="Pause and ask at this condition; repeatable."
)
@click.option("--iterations", metavar="N", default=0, type=click.IntRange(min=0), help="At most N recipes.")
@click.option("--seed", metavar="N", default=0, type=int, help="The seed of random numbers.")
@click.option("--detach", is_flag=True, help="Start the run and leave it running.")
@source_options
@json_option
def train(
    path: str,
    target: str | None,
    seconds: float | None,
    metric: str | None,
    event: str | None,
    threshold: str | None,
    cost: str | None,
    model: str | None,
    families: str,
    exclude: str,
    recipe_files: tuple[str, ...],
    resume_from: str | None,
    test_path: str | None,
    keep_measured: bool,
    schema: str | None,
    detected: bool,
    weight: str,
    agent: AgentName | None,
    budget: str | None,
    mode: Mode | None,
    breakpoints: tuple[str, ...],
    iterations: int,
    seed: int,
    detach: bool,
    options: SourceOptions,
    as_json: bool,
) -> int:
    """Train a model on the table at PATH, which is what `tabsmith read` takes.

    Progress goes to stderr; the report, or one JSON document, to stdout.
    """
    settings = config.load()
    asks = on_a_terminal() and not (as_json or detach)
    proposer = agent or settings.agents.default
    allowed = read_budget(show_budget(settings.agents.dollars) if budget is None else budget)
    only, left_out = choose_families(read_names(f"{families},{model or ''}"), read_names(exclude))
    choice = ModelChoice(
        metric=metric_by_name(metric),
        agent=proposer,
        limits=Limits(
            seconds=settings.training.time if seconds is None else seconds,
            iterations=iterations,
            dollars=allowed.dollars,
            tokens=allowed.tokens,
        ),
        seed=seed,
        cores=settings.training.cores,
        goal=parse_goal(threshold, cost),
        mode=mode or (settings.agents.mode if asks else "automatic"),
        breakpoints=checked_breakpoints(breakpoints or settings.agents.breakpoints),
        families=only,
        exclude=left_out,
        recipes=tuple(recipe for file in recipe_files for recipe in _recipes(file)),
        resume_from=_model_id(resume_from),
        keep_measured=keep_measured,
    )
    if proposer != "search":
        from tabsmith.agents.backend import require_available

        require_available(proposer, settings.agents)
    source = _checked(options.source(path), settings)
    test = None if test_path is None else _checked(parse_source(test_path), settings)
    folder = start(
        source, _schema_choice(target, schema, weight, event or "", "" if detected else LOCAL_USER), choice, test=test
    )
    if detach:
        return leave_running(folder, as_json=as_json)
    status = follow(folder, as_json=as_json)
    clean_when_due(settings)
    return status


def start(source: Source, schema: SchemaChoice, choice: ModelChoice, *, test: Source | None = None) -> RunFolder:
    """Start a run in a process of its own."""
    return launch(RunSpec(new_run_id(), time.time(), source, schema, choice, test))


def _recipes(file: str) -> tuple[Recipe, ...]:
    from tabsmith.recipes.own_recipes import read_recipe_file

    return read_recipe_file(Path(file))


def _model_id(name: str | None) -> str:
    if name is None:
        return ""
    from tabsmith.modeling.store import find_model

    return find_model(name)


def checked_breakpoints(breakpoints: Sequence[str]) -> tuple[str, ...]:
    """Check the conditions. Raises ConditionError for a wrong one."""
    from tabsmith.conditions import parse_condition

    for condition in breakpoints:
        parse_condition(condition)
    return tuple(breakpoints)


def _schema_choice(target: str | None, schema: str | None, weight: str, event: str, user: str) -> SchemaChoice:
    """The schema in words, or the detected one as `user` corrected it on the screen ("": as it is detected)."""
    if schema is None:
        return Detect(target or "", weight, event, user)
    from tabsmith.tables.schema.manual import parse_manual_schema

    manual: ManualSchema = parse_manual_schema(_read_text(schema))
    if target is not None and target != manual.target:
        raise UsageError(
            f"--target says {target}, --schema says {manual.target}.", next_step="Leave one of the two out."
        )
    for option, given, described in (("weight", weight, manual.weight), ("event", event, manual.event)):
        if given and described not in ("", given):
            raise UsageError(
                f"--{option} says {given}, --schema says {described}.", next_step="Leave one of the two out."
            )
    return Deferred(replace(manual, weight=weight or manual.weight, event=event or manual.event))


def _read_text(value: str) -> str:
    """The text of an option: `-` is stdin, `@FILE` a file, anything else the text itself."""
    if value == "-":
        return sys.stdin.read()
    if not value.startswith("@"):
        return value
    try:
        return Path(value[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"The schema file could not be read: {error}", where=value[1:], next_step="Name a text file after the @."
        ) from error


def _checked(source: Source, settings: config.Settings) -> Source:
    """The source, with what is wrong with it told now, before a run is made.

    A file is looked at by the guard. The rows of a database are read here, because no other process has its password,
    and those of a join, because what it did to the rows is told before training.
    """
    from tabsmith.tables.read.file_sets import with_absolute_paths
    from tabsmith.tables.table import read_table

    source = with_absolute_paths(source, settings.paths.max_mb)
    if not isinstance(source, DatabaseSource | JoinSource):
        return source
    info = read_table(source).info
    for step in info.joins:
        say(join_sentence(step))
    return info.source


SAMPLE_SECONDS: Final = 20.0
"""The longest training on the sample off a terminal."""


def run_sample() -> int:
    """Train on the built-in sample and print the report: what `tabsmith` does off a terminal. Returns the exit status."""
    say("No terminal here: training on the built-in sample `breast_cancer`. `tabsmith --help` lists the commands.")
    training = config.load().training
    choice = ModelChoice(limits=Limits(seconds=min(SAMPLE_SECONDS, training.time)), cores=training.cores)
    return follow(start(SampleSource("breast_cancer"), Detect(), choice), as_json=False)
