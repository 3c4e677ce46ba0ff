"""`tabsmith clean`: what takes room, and the removal of what is no longer needed."""

import sys
import time

import click
import msgspec
from msgspec.structs import replace

from tabsmith import config
from tabsmith.formatting import size
from tabsmith.storage.leftovers import sweep_temporary_folders
from tabsmith.text import plural
from tabsmith.upkeep.clean import Removable, Room, measure_rooms, plan_cleaning, remove
from tabsmith_tui.commands.output import json_option, print_json, print_table, print_text, say


class CleanDocument(msgspec.Struct, frozen=True):
    """The document of `clean --json`: what takes room, what may go, and whether it was removed. Sizes are in bytes."""

    rooms: tuple[Room, ...]
    removable: tuple[Removable, ...]
    removed: bool
    freed: int


@click.command()
@click.option("--yes", is_flag=True, help="Remove without asking.")
@click.option("--runs", type=click.IntRange(1), metavar="DAYS", help="Runs that ended more than DAYS ago; models stay.")
@click.option("--snapshots", type=click.IntRange(1), metavar="DAYS", help="Snapshots of tables not used for DAYS.")
@click.option("--uploads", type=click.IntRange(1), metavar="DAYS", help="Files sent through the bridge DAYS ago.")
@click.option("--workspaces", type=click.IntRange(1), metavar="DAYS", help="Copies of tasks that ended DAYS ago.")
@json_option
def clean(
    yes: bool,
    runs: int | None,
    snapshots: int | None,
    uploads: int | None,
    workspaces: int | None,
    as_json: bool,
) -> None:
    """Show what takes room and what may go, and remove that once you agree.

    What may go: temporary files of dead processes, what ended runs no longer need, and what is older than the settings
    below `keep` say, or the options here. Models stay. With --json nothing is removed unless --yes is given.
    """
    keep = config.load().keep
    given = {"runs": runs, "snapshots": snapshots, "uploads": uploads, "workspaces": workspaces}
    keep = replace(keep, **{kind: days for kind, days in given.items() if days is not None})
    rooms = measure_rooms()
    removable = plan_cleaning(keep, time.time())
    if not as_json:
        _print(rooms, removable)
    agreed = bool(removable) and (yes or (not as_json and _agreed(removable)))
    freed = 0
    if agreed:
        sweep_temporary_folders()
        freed = remove(removable)
    if as_json:
        print_json(CleanDocument(rooms, removable, agreed, freed))
    elif agreed:
        say(f"{size(freed)} free again.")


def _print(rooms: tuple[Room, ...], removable: tuple[Removable, ...]) -> None:
    if not rooms:
        print_text("Nothing is saved yet.")
        return
    print_table(
        ["takes room", "files", "size", "at"],
        [[room.kind, f"{room.files:,}", size(room.size), room.path] for room in rooms],
        widest=200,
    )
    print_text()
    if not removable:
        print_text("Nothing of it may go. For more: tabsmith clean --runs DAYS, --snapshots DAYS, --uploads DAYS")
        return
    print_table(
        ["may go", "size", "why", "at"],
        [[each.kind, size(each.size), each.why, each.path] for each in removable],
        widest=200,
    )


def _agreed(removable: tuple[Removable, ...]) -> bool:
    total = size(sum(each.size for each in removable))
    if not sys.stdin.isatty():
        say(f"Nothing was removed. To remove these {plural(len(removable), 'thing')}, {total}: tabsmith clean --yes")
        return False
    return click.confirm(f"Remove these {plural(len(removable), 'thing')}, {total}?", err=True)
