"""`tabsmith runs handback`: bring a task's folder to what its agent left, accepted or not, because a person says so."""

import click
import msgspec

from tabsmith.errors import RunStateError, UsageError
from tabsmith.runs.folder import find_run
from tabsmith.text import clean, plural
from tabsmith_tui.commands.output import json_option, print_json, print_text


class HandedBackDocument(msgspec.Struct, frozen=True):
    """`runs handback --json`."""

    run_id: str
    task: str
    folder: str
    files: int
    stayed: tuple[str, ...]


@click.command()
@click.argument("run")
@click.argument("task", required=False)
@json_option
def handback(run: str, task: str | None, as_json: bool) -> None:
    """Bring TASK's folder to what RUN left in its copy; refused where others changed the same meanwhile.

    Without TASK, that of the only one there is.
    """
    from tabsmith.workspaces import Workspace

    folder = find_run(run)
    if folder.alive():
        raise RunStateError(
            f"The run {folder.id} is running.", next_step=f"Stop it first: tabsmith runs stop {folder.id}"
        )
    place = folder.root / "tasks"
    names = sorted(each.name for each in place.iterdir()) if place.is_dir() else []
    chosen = task or (names[0] if len(names) == 1 else "")
    if chosen not in names:
        known = ", ".join(clean(name, 40) for name in names) or "none"
        raise UsageError(
            f"The run {folder.id} has no task {clean(chosen or '(none named)', 40)}.", next_step=f"Known: {known}."
        )
    workspace = Workspace.open(place / chosen)
    done = workspace.hand_back(max(workspace.marks()))
    stayed = tuple(clean(str(each), 200) for each in done.stayed)
    if as_json:
        print_json(HandedBackDocument(folder.id, chosen, str(workspace.origin), len(done.changed), stayed))
        return
    print_text(f"{plural(len(done.changed), 'file')} handed back to {clean(workspace.origin, 300)}")
    for each in stayed:
        print_text(f"stayed behind: {each}")
