"""The output of commands: one JSON document, or text for people, on stdout; messages on stderr."""

import sys
from collections.abc import Sequence

import click
import msgspec

from tabsmith.errors import ErrorReport
from tabsmith.text import clean

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def say(text: str) -> None:
    """Print a message on stderr."""
    sys.stderr.write(clean(text, 2_000) + "\n")
    sys.stderr.flush()


def print_json(value: msgspec.Struct | Sequence[msgspec.Struct]) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def tell(message: str, document: msgspec.Struct, *, as_json: bool) -> None:
    """Print what a command did: its document with `--json`, else a message for people."""
    if as_json:
        print_json(document)
    else:
        say(message)


def say_error(error: ErrorReport) -> None:
    """Print an error on stderr: its name and what happened, where, and what to do next, a line each."""
    for line in (f"{error.name}: {error.what}", error.where, error.next_step):
        if line:
            say(line)


def print_text(text: str = "") -> None:
    """Print a line for people on stdout."""
    sys.stdout.write(clean(text, 4_000) + "\n")


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], widest: int = 44) -> None:
    """Print aligned columns; cells are cleaned and cut to `widest` characters."""
    cells = [[clean(cell, widest) for cell in row] for row in rows]
    widths = [max(len(row[index]) for row in [list(headings), *cells]) for index in range(len(headings))]
    for row in [list(headings), *cells]:
        print_text("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Print aligned labels and values."""
    width = max((len(label) for label, _ in facts), default=0)
    for label, value in facts:
        print_text(f"{label.ljust(width)}  {clean(value, 1_000)}")
