"""`tabsmith runs history`: what was tried in all runs, iteration after iteration."""

from typing import Final

import click

from tabsmith import numbers
from tabsmith.errors import RunNotFoundError
from tabsmith.orchestration.history import History, Record
from tabsmith.runs import spending
from tabsmith.text import clean, plural
from tabsmith_tui.commands.output import json_option, print_json, print_table, print_text, say

_SHOWN: Final = 50
_HEADINGS: Final = (
    "run", "iteration", "agent", "recipe", "state", "score", "champion", "tokens", "cost", "seconds"
)  # fmt: skip


@click.command()
@click.option("--run", help="Only the iterations of this run: its id, the end of it, or `last`.")
@click.option(
    "--last", default=_SHOWN, show_default=True, type=click.IntRange(0), help="The newest so many; 0 for all."
)
@json_option
def history(run: str | None, last: int, as_json: bool) -> None:
    """List the iterations of all runs, deleted ones too, oldest first."""
    read = History().read()
    records = read.values if run is None else _of_run(run, read.values)
    shown = records[-last:] if last else records
    if as_json:
        print_json(shown)
    elif not shown:
        print_text("No iterations yet. To start a run: tabsmith train TABLE.csv")
    else:
        print_table(_HEADINGS, [_row(each) for each in shown])
    if len(shown) < len(records):
        say(f"These are the last {len(shown):,} of {plural(len(records), 'iteration')}. For all: --last 0")
    if read.skipped:
        say(f"{plural(read.skipped, 'damaged line')} of the history left out.")


def _of_run(text: str, records: tuple[Record, ...]) -> tuple[Record, ...]:
    """Those of the run whose id is `text`, ends in it, or `last` for the newest. Raises RunNotFoundError."""
    ids = {each.run_id for each in records}
    named = {max(ids)} if text == "last" and ids else {each for each in ids if each == text}
    named = named or {each for each in ids if text and each.endswith(text)}
    if len(named) != 1:
        raise RunNotFoundError(
            f"The history knows {'several runs' if named else 'no run'} {clean(text, 60) or '(no id given)'}.",
            next_step="`tabsmith runs history` lists what it knows.",
        )
    return tuple(each for each in records if each.run_id in named)


def _row(record: Record) -> list[str]:
    return [
        record.run_id,
        str(record.iteration),
        record.actual if record.actual == record.planned else f"{record.actual} for {record.planned}",
        record.recipe_id or numbers.UNKNOWN,
        record.state,
        numbers.uncertain(record.score, record.standard_error),
        {"won": "new champion", "kept": "kept", "none": numbers.UNKNOWN}[record.champion],
        spending.tokens(record.usage.tokens) if record.usage.turns else numbers.UNKNOWN,
        spending.cost_cell(record.usage),
        f"{record.seconds:,.0f}",
    ]
