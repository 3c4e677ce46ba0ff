"""`tabsmith check`: everything below tabsmith's folders verified, and what can be mended of it."""

import click

from tabsmith.errors import WORK_FAILED
from tabsmith.text import plural
from tabsmith.upkeep.check import HomeCheck, check_home
from tabsmith_tui.commands.output import json_option, print_json, print_text, progress_line


@click.command()
@json_option
def check(as_json: bool) -> int:
    """Verify everything that tabsmith has saved: runs, folds, snapshots, models, sessions, settings.

    Every byte that has a checksum is read; nothing is changed. The status is 1 if anything is damaged.
    """
    with progress_line() as progress:
        found = check_home(lambda what: progress(-1.0, f"checking {what}"))
    if as_json:
        print_json(found)
    else:
        _print(found)
    return WORK_FAILED if found.damages else 0


def _print(found: HomeCheck) -> None:
    for damage in found.damages:
        print_text(f"{damage.kind}: {damage.what}")
        print_text(f"  at {damage.path}")
        print_text(f"  mended {damage.mended}. {damage.next_step}")
    kinds = ", ".join(
        plural(count, kind, "settings" if kind == "settings" else "") for kind, count in found.checked.items()
    )
    print_text(f"Checked: {kinds or 'nothing is saved yet'}.")
    print_text(f"{plural(len(found.damages), 'damage')} found." if found.damages else "All is as it was written.")
