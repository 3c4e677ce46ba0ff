"""The output of commands: one JSON document, or text for people, on stdout; messages on stderr."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import click
import msgspec

from tabsmith.errors import ErrorReport, StorageError
from tabsmith.text import clean, escaped_json

if TYPE_CHECKING:
    from tabsmith.config.settings import Settings

_PROGRESS_SECONDS: Final = 0.2  # between two changes of the line of progress

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


def say(text: str) -> None:
    """Print a message on stderr."""
    sys.stderr.write(clean(text, 2_000) + "\n")
    sys.stderr.flush()


@contextmanager
def progress_line() -> Iterator[Callable[[float, str], None]]:
    """How far a long work is, in one line on stderr that is taken away at its end; nothing off a terminal.

    The function takes the share that is done (0 to 1, negative if unknown) and what is being done.
    """
    if not sys.stderr.isatty():
        yield lambda _share, _message: None
        return
    last_time = time.monotonic()

    def show(share: float, message: str) -> None:
        nonlocal last_time
        if time.monotonic() - last_time < _PROGRESS_SECONDS:
            return
        last_time = time.monotonic()
        percent = f" {share:.0%}" if share >= 0 else ""
        sys.stderr.write(f"\r\x1b[K{clean(message, 60)}{percent}")
        sys.stderr.flush()

    try:
        yield show
    finally:
        sys.stderr.write("\r\x1b[K")
        sys.stderr.flush()


def clean_when_due(settings: "Settings") -> None:
    """Remove what may go by the settings below `keep`, once a day; what keeps that from being done is said on stderr."""
    from tabsmith.upkeep import clean

    try:
        clean.clean_when_due(settings.keep, time.time())
    except StorageError as error:
        say(f"Nothing more was cleaned up: {error.what} {error.next_step}")


def print_json(value: msgspec.Struct | Sequence[msgspec.Struct]) -> None:
    """Print one JSON document on stdout."""
    document = msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
    sys.stdout.write(escaped_json(document) + "\n")


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
