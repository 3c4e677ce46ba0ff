"""The options of every command that reads a table: how the file is written, which sheet or table, and what is joined."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import click

from tabsmith.errors import UsageError
from tabsmith.tables.read.option_texts import OPTION_TEXTS, parse_options
from tabsmith.tables.read.sources import JoinSource, ReadOptions, Source, parse_source

Command: TypeAlias = Callable[..., Any]


def source_options(command: Command) -> Command:
    """Give a command the options of reading and joining; it gets them as `options`, a SourceOptions."""

    @functools.wraps(command)
    def with_options(*arguments: Any, **values: Any) -> Any:
        texts = {name: values.pop(name) for name in OPTION_TEXTS}
        options = SourceOptions(
            parse_options({name: text for name, text in texts.items() if text is not None}),
            values.pop("joined"),
            _keys(values.pop("on")),
            values.pop("matched_only"),
        )
        return command(*arguments, options=options, **values)

    decorated: Command = with_options
    for option in (
        click.option("--matched-only", is_flag=True, help="Keep only rows that have a partner in every table."),
        click.option("--on", metavar="KEYS", default="", help="The columns to join by, with commas between them."),
        click.option("--join", "joined", metavar="PATH", multiple=True, help="A further table to join; up to three."),
        *(
            click.option(f"--{name}", name, metavar=text.metavar, help=text.help)
            for name, text in reversed(list(OPTION_TEXTS.items()))
        ),
    ):
        decorated = option(decorated)
    return decorated


class SourceOptions(NamedTuple):
    """How a table is read, and what is joined to it."""

    read: ReadOptions
    joined: tuple[str, ...]
    on: tuple[str, ...]
    matched_only: bool

    def source(self, path: str, *, as_text: bool = False) -> Source:
        """The source that the word `path` of a command means with these options. Raises UsageError."""
        first = parse_source(path, as_text=as_text, options=self.read)
        if self.joined:
            tables = (first, *(parse_source(other, as_text=as_text) for other in self.joined))
            return JoinSource(tables, self.on, "inner" if self.matched_only else "left")
        if self.on:
            raise UsageError("--on names keys, but no table is joined.", next_step="Name the other table with --join.")
        return first


def _keys(text: str) -> tuple[str, ...]:
    return tuple(key.strip() for key in text.split(",") if key.strip())
