"""`tabsmith task`: agents work on the tasks of a file, and acceptance commands prove them."""

import os
import time
from pathlib import Path
from typing import get_args

import click

from tabsmith import config, tasks
from tabsmith.config.settings import Mode
from tabsmith.presentation.tasks import task_summary
from tabsmith.runs.spec import new_run_id
from tabsmith.runs.task_spec import task_run_spec
from tabsmith_tui.commands.follow import follow, launch, leave_running, on_a_terminal
from tabsmith_tui.commands.output import json_option, say


@click.command()
@click.argument("file")
@click.option("--mode", type=click.Choice(get_args(Mode)), help="When to pause for you; off a terminal: automatic.")
@click.option(
    "--breakpoint", "breakpoints", metavar="EXPR", multiple=True, help="Pause and ask at this condition; repeatable."
)
@click.option("--detach", is_flag=True, help="Start the run and leave it running.")
@json_option
def task(file: str, mode: Mode | None, breakpoints: tuple[str, ...], detach: bool, as_json: bool) -> int:
    """Have agents do the tasks of FILE, a .toml file; each is proven by its acceptance command.

    FILE is checked before anything runs. Progress goes to stderr; the report, or one JSON document, to stdout.
    """
    settings = config.load()
    asks = on_a_terminal() and not (as_json or detach)
    path = Path(os.path.abspath(Path(file).expanduser()))  # noqa: PTH100 - Path.absolute keeps `..`
    text = tasks.text_of(path)
    task_file = tasks.parse(text, path, allowed=(*settings.paths.allowed, path.parent))
    spec = task_run_spec(
        task_file,
        text,
        settings.agents,
        mode=mode or (settings.agents.mode if asks else "automatic"),
        breakpoints=breakpoints or settings.agents.breakpoints,
        run_id=new_run_id(),
        now=time.time(),
    )
    for each in task_file.tasks:
        say(task_summary(each))
    folder = launch(spec)
    if not detach:
        return follow(folder, as_json=as_json)
    for warning in task_file.warnings:  # a followed run prints them itself
        say(f"Mind: {warning}")
    return leave_running(folder, as_json=as_json)
