"""Read options as people write them: on the command line, in the forms of a screen, and as the command that is printed."""

import codecs
import csv
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from tabsmith.errors import UsageError
from tabsmith.tables.read.sources import (
    DatabaseSource,
    DateOrder,
    FileSource,
    JoinSource,
    ReadOptions,
    RemoteSource,
    SampleSource,
    Source,
)
from tabsmith.text import clean

_NAMED: Final = {"comma": ",", "semicolon": ";", "tab": "\t", "\\t": "\t", "space": " ", "pipe": "|", "colon": ":"}
_DATE_ORDERS: Final[Mapping[str, DateOrder]] = {"day": "day first", "month": "month first"}
_MOST_CHARACTERS: Final = 4  # of a delimiter
_NAME_OF: Final = {",": "comma", ";": "semicolon", "\t": "tab", " ": "space", "|": "pipe"}


def _delimiter(text: str) -> str:
    found = _NAMED.get(text.lower(), text)
    if not 0 < len(found) <= _MOST_CHARACTERS:
        raise ValueError("one to four characters, or comma, semicolon, tab, space or pipe")
    return found


def _mark(text: str) -> str:
    if text.lower() in {"none", ""}:
        return ""
    if len(text) != 1:
        raise ValueError("one character, or none")
    return text


def _encoding(text: str) -> str:
    try:
        return codecs.lookup(text).name
    except LookupError:
        raise ValueError("the name of an encoding, such as utf-8, cp1252 or shift_jis") from None


def _header(text: str) -> int | None:
    if text.lower() == "auto":
        return None
    if text.lower() == "none":
        return 0
    if not text.isdecimal() or int(text) < 1:
        raise ValueError("auto, none, or the number of the line with the names, from 1")
    return int(text)


def _date_order(text: str) -> DateOrder:
    order = _DATE_ORDERS.get(text.lower().removesuffix(" first"))
    if order is None:
        raise ValueError("day or month: what stands first")
    return order


def _numbers(text: str) -> tuple[str, ...]:
    words = tuple(word.strip() for word in text.split(","))
    if not all(re.fullmatch(r"-?\d{1,15}(?:\.\d{1,9})?", word) for word in words):
        raise ValueError("numbers with commas between them, such as 999,-1")
    return words


def _lines(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("a number of lines")
    return int(text)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in next(csv.reader([text], skipinitialspace=True), []))
    if not all(names) or len(set(names)) < len(names):
        raise ValueError("names with commas between them, each once")
    return names


class OptionText(NamedTuple):
    """A read option as a person gives it."""

    metavar: str
    help: str
    parse: Callable[[str], Any]


OPTION_TEXTS: Final[Mapping[str, OptionText]] = {
    "delimiter": OptionText("C", "What stands between the values: one to four characters, or comma, semicolon, tab, space, pipe.", _delimiter),
    "quote": OptionText("C", "What stands around values that hold the delimiter; none for nothing.", _mark),
    "escape": OptionText("C", "What stands before a quote within a value; none for nothing.", _mark),
    "encoding": OptionText("NAME", "The encoding of the text, such as utf-8 or cp1252.", _encoding),
    "header": OptionText("auto|none|N", "The number of the line with the names, or none.", _header),
    "skip": OptionText("N", "Lines to skip at the top.", _lines),
    "dates": OptionText("day|month", "What stands first in dates such as 03/04/2024, where the file leaves it open.", _date_order),
    "missing": OptionText("N,N", "Numbers that stand for a missing value, such as 999, with commas between them.", _numbers),
    "sheet": OptionText("NAME", "The sheet of a workbook, table of a database, or file in a zip archive.", str),
    "query": OptionText("SQL", "A query to a database, in place of one of its tables.", str),
    "columns": OptionText("NAMES", "Names for all columns, with commas between them.", _names),
}  # fmt: skip
"""By the name of the field of ReadOptions. Whatever is not given is found out."""


def parse_options(texts: Mapping[str, str]) -> ReadOptions:
    """The read options that `texts`, by name, say; a text that is empty says nothing. Raises UsageError."""
    values: dict[str, Any] = {}
    for name, text in texts.items():
        if text == "" and name not in {"quote", "escape"}:
            continue
        try:
            values[name] = OPTION_TEXTS[name].parse(text if name == "delimiter" else text.strip())
        except ValueError as error:
            raise UsageError(f"--{name} cannot be {clean(repr(text), 60)}.", next_step=f"It is {error}.") from None
    return ReadOptions(**values)


def option_texts(options: ReadOptions) -> dict[str, str]:
    """The texts from which `parse_options` makes `options`, without those that say nothing."""
    texts: dict[str, str] = {}
    if options.delimiter is not None:
        texts["delimiter"] = _NAME_OF.get(options.delimiter, options.delimiter)
    for name in ("quote", "escape"):
        mark = getattr(options, name)
        if mark is not None:
            texts[name] = mark or "none"
    if options.header is not None:
        texts["header"] = str(options.header or "none")
    for name in ("encoding", "sheet", "query", "skip"):
        value = getattr(options, name)
        if value is not None:
            texts[name] = str(value)
    if options.dates is not None:
        texts["dates"] = options.dates.removesuffix(" first")
    if options.missing:
        texts["missing"] = ",".join(options.missing)
    if options.columns:
        texts["columns"] = ",".join(f'"{name.replace(chr(34), chr(34) * 2)}"' for name in options.columns)
    return texts


def source_arguments(source: Source) -> list[str]:
    """The words of a command that name `source`: its path, sample or address, and its read options."""
    match source:
        case FileSource(path=path, options=options):
            return [path if not path.startswith("-") else f"./{path}", *_option_words(options)]
        case DatabaseSource(url=url, options=options) | RemoteSource(url=url, options=options):
            return [url, *_option_words(options)]
        case SampleSource(name=name):
            return [f"sample:{name}"]
        case JoinSource(tables=tables, on=on, how=how):
            first, *others = (source_arguments(table) for table in tables)
            joined = [word for words in others for word in ("--join", words[0])]
            kept = ["--matched-only"] if how == "inner" else []
            return [*first, *joined, "--on", ",".join(on), *kept]
        case _:
            return [f"frame:{source.fingerprint}"]


def _option_words(options: ReadOptions) -> list[str]:
    return [word for name, text in option_texts(options).items() for word in (f"--{name}", text)]
