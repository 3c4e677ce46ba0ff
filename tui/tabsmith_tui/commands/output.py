"""How commands print: one JSON document, or text for people; talk goes to stderr."""

import sys
from collections.abc import Sequence

import click
import msgspec

from tabsmith.text import clean

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def say(text: str) -> None:
    """A line of talk, on stderr."""
    sys.stderr.write(clean(text, 2_000) + "\n")
    sys.stderr.flush()


def print_json(value: msgspec.Struct | Sequence[msgspec.Struct]) -> None:
    """One JSON document, on stdout."""
    sys.stdout.write(msgspec.json.format(msgspec.json.encode(value), indent=2).decode() + "\n")


def print_text(text: str = "") -> None:
    """A line of data for people, on stdout."""
    sys.stdout.write(clean(text, 4_000) + "\n")


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], widest: int = 44) -> None:
    """Columns of text, aligned; cells are cleaned and cut."""
    cells = [[clean(cell, widest) for cell in row] for row in rows]
    widths = [max(len(row[place]) for row in [list(headings), *cells]) for place in range(len(headings))]
    for row in [list(headings), *cells]:
        print_text("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def print_facts(facts: Sequence[tuple[str, str]]) -> None:
    """Labels and values, aligned."""
    width = max((len(label) for label, _ in facts), default=0)
    for label, value in facts:
        print_text(f"{label.ljust(width)}  {clean(value, 1_000)}")
