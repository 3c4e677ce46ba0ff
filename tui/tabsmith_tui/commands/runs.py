"""`tabsmith runs`: list, show, attach, resume, stop, delete; the rest is in telling.py and trying.py."""

import time
from datetime import UTC, datetime

import click
import msgspec

from tabsmith import numbers
from tabsmith.runs.folder import find_run
from tabsmith.runs.supervisor import require_resumable
from tabsmith.runs.training import launch_detached, stop_and_wait
from tabsmith.runs.watch import RunWatch, list_runs
from tabsmith_tui.commands.hand_back import handback
from tabsmith_tui.commands.history import history
from tabsmith_tui.commands.output import json_option, print_json, print_table, print_text, say
from tabsmith_tui.commands.telling import answer, mode, note
from tabsmith_tui.commands.train import follow
from tabsmith_tui.commands.train import show as show_run
from tabsmith_tui.commands.trying import try_


class StoppedDocument(msgspec.Struct, frozen=True):
    """`runs stop --json`."""

    run_id: str
    state: str


@click.group(invoke_without_command=True)
@json_option
@click.pass_context
def runs(context: click.Context, as_json: bool) -> None:
    """The runs of this machine. A RUN is its id, the end of it, or `last`."""
    if context.invoked_subcommand is None:
        _list(as_json=as_json)


@runs.command("list")
@json_option
def list_(as_json: bool) -> None:
    """List the runs, newest first."""
    _list(as_json=as_json)


@runs.command()
@click.argument("run")
@json_option
def show(run: str, as_json: bool) -> int:
    """Show what RUN came to, or how far it is."""
    folder = find_run(run)
    return show_run(folder.id, RunWatch(folder.id).refresh(), as_json=as_json)


@runs.command()
@click.argument("run")
@json_option
def attach(run: str, as_json: bool) -> int:
    """Follow RUN to its end. ctrl+c leaves it running."""
    return follow(find_run(run), as_json=as_json, stop_on_interrupt=False)


@runs.command()
@click.argument("run")
@click.option("--detach", is_flag=True, help="Leave it running.")
@json_option
def resume(run: str, detach: bool, as_json: bool) -> int:
    """Take the interrupted RUN up again, where it was."""
    folder = find_run(run)
    require_resumable(folder)
    attempt = RunWatch(folder.id).refresh().attempt
    launch_detached(folder)
    if detach:
        say(f"Resumed. To follow it: tabsmith runs attach {folder.id}")
        return 0
    _wait_for_attempt(folder.id, attempt + 1)
    return follow(folder, as_json=as_json)


@runs.command()
@click.argument("run")
@json_option
def stop(run: str, as_json: bool) -> None:
    """Stop RUN now; the best model so far, or what was accepted, is kept."""
    folder = find_run(run)
    ended = stop_and_wait(folder, RunWatch(folder.id))
    if as_json:
        print_json(StoppedDocument(folder.id, ended.state.value))
    else:
        say(f"{folder.id} is {ended.state.value}.")


@runs.command()
@click.argument("run")
def delete(run: str) -> None:
    """Delete RUN's journal and evaluations; its model stays."""
    folder = find_run(run)
    folder.delete()
    say(f"Deleted {folder.id}.")


for told in (answer, note, mode, try_):
    runs.add_command(told)
runs.add_command(handback)
runs.add_command(history)


def _wait_for_attempt(run_id: str, attempt: int, patience: float = 60.0) -> None:
    """Until the new worker has taken the run up, its journal still ends where the last one left it."""
    watch = RunWatch(run_id)
    deadline = time.monotonic() + patience
    while watch.refresh().attempt < attempt and time.monotonic() < deadline:
        time.sleep(0.02)


def _list(*, as_json: bool) -> None:
    found = list_runs()
    if as_json:
        print_json(found)
    elif not found:
        print_text("No runs yet. To start one: tabsmith train TABLE.csv")
    else:
        print_table(
            ["run", "state", "table", "target", "score", "tries", "seconds", "started"],
            [
                [
                    each.id,
                    each.state.value,
                    each.source,
                    each.target or "—",
                    numbers.number(each.score),
                    str(each.tried),
                    f"{each.active_seconds:,.0f}",
                    datetime.fromtimestamp(each.started_at, UTC).astimezone().strftime("%Y-%m-%d %H:%M"),
                ]
                for each in found
            ],
        )
