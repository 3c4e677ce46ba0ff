"""`tabsmith runs try`: a condition on the stored iterations of a run, before it is made a breakpoint."""

import click
import msgspec

from tabsmith.conditions.built_in import named
from tabsmith.errors import UsageError
from tabsmith.runs.folder import find_run
from tabsmith.text import plural
from tabsmith_tui.commands.output import json_option, print_json, print_table, say
from tabsmith_tui.trials import TriedIteration, stored_facts, tried


class TriedDocument(msgspec.Struct, frozen=True):
    """`runs try --json`. `once`: it fires only when it becomes true, for it speaks of what grows over the run."""

    run_id: str
    condition: str
    name: str
    once: bool
    iterations: tuple[TriedIteration, ...]


@click.command("try")
@click.argument("run")
@click.argument("condition")
@click.option("--iteration", type=click.IntRange(min=1), help="Only this iteration.")
@json_option
def try_(run: str, condition: str, iteration: int | None, as_json: bool) -> None:
    """Try CONDITION on the iterations of RUN: where it would stop, and why."""
    wanted = named(condition)
    folder = find_run(run)
    stored = stored_facts(folder.id)
    if not stored:
        raise UsageError(
            f"The run {folder.id} has no finished iteration with its numbers.", next_step="Try it on another run."
        )
    if iteration is not None and iteration not in stored:
        raise UsageError(
            f"The run {folder.id} has no finished iteration {iteration}.",
            next_step=f"It has {min(stored)} to {max(stored)}.",
        )
    shown = tuple(each for each in tried(wanted, stored) if iteration in (None, each.iteration))
    if as_json:
        print_json(TriedDocument(folder.id, wanted.text, wanted.name, wanted.running, shown))
        return
    listed = [each for each in shown if each.fires or not each.computed or iteration is not None]
    if listed:
        rows = [[f"#{each.iteration}", "stops" if each.fires else "goes on", each.why] for each in listed]
        print_table(["iteration", "run", "values"], rows, widest=400)
    stops = sum(each.fires for each in shown)
    say(f"It would have stopped the run at {stops} of {plural(len(shown), 'iteration')}.")
