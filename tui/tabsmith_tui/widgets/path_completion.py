"""What a half-typed path may become: the files and folders that fit it, best first. Knows no terminal."""

import os
import re
from pathlib import Path
from typing import Final, NamedTuple
from urllib.parse import unquote, urlsplit

from tabsmith.text import clean

ENDINGS: Final = (".csv", ".tsv", ".txt", ".parquet", ".json", ".jsonl", ".ndjson", ".xlsx", ".xls")
PACKED: Final = (".gz", ".zst")
MOST_LOOKED_AT: Final = 5_000
MOST_SHOWN: Final = 50
LONGEST: Final = 4_096


class Suggestion(NamedTuple):
    """A path that the typed text may become; `path` replaces what is typed."""

    path: str
    name: str
    folder: bool
    fuzzy: bool  # its letters are in the name in this order, but it does not begin with them


def pasted(text: str) -> str:
    """The path that a person meant: without the quotes, the `file://` or the backslashes it was pasted with."""
    path = text.strip()
    if len(path) > 1 and path[0] == path[-1] and path[0] in "'\"":
        path = path[1:-1]
    if path.lower().startswith("file:"):
        parts = urlsplit(path)
        return unquote(parts.path) if parts.netloc in ("", "localhost") else path
    if "\\" in path and not os.path.lexists(os.path.expanduser(path)):  # noqa: PTH111 - "~nobody" must not raise
        return re.sub(r"\\(.)", r"\1", path)
    return path


def suggestions(typed: str) -> tuple[Suggestion, ...]:
    """The tables and folders that `typed` may become, those that begin with it first, then those that hold its
    letters in order. Empty when the folder cannot be listed; names that cannot be typed or shown are left out."""
    path = pasted(typed)
    head, tail = os.path.split(path)
    begin: list[Suggestion] = []
    loose: list[Suggestion] = []
    wanted = tail.casefold()
    for name, is_folder in _entries(os.path.expanduser(head) or "."):  # noqa: PTH111
        if name.startswith(".") and not tail.startswith("."):
            continue
        full = os.path.join(head, name) + ("/" if is_folder else "")  # noqa: PTH118 - keeps the "~/" as typed
        folded = name.casefold()
        if folded.startswith(wanted):
            begin.append(Suggestion(full, name, is_folder, fuzzy=False))
        elif len(wanted) > 1 and _in_order(wanted, folded):
            loose.append(Suggestion(full, name, is_folder, fuzzy=True))
    for found in (begin, loose):
        found.sort(key=lambda each: (each.folder, each.name.casefold()))
    return (*begin, *loose)[:MOST_SHOWN]


def common_beginning(found: tuple[Suggestion, ...]) -> str:
    """How far all suggestions that begin with the typed text agree; "" when there is none."""
    paths = sorted(each.path for each in found if not each.fuzzy)
    if not paths:
        return ""
    first, last = paths[0], paths[-1]  # what these two share, all between them share
    same = next((at for at, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    return first[:same]


def is_table(name: str) -> bool:
    """Whether a file's ending is one that tabsmith reads."""
    lower = name.lower()
    for ending in PACKED:
        lower = lower.removesuffix(ending)
    return lower.endswith(ENDINGS)


def _entries(folder: str) -> list[tuple[str, bool]]:
    found: list[tuple[str, bool]] = []
    try:
        with os.scandir(Path(folder)) as entries:
            for looked_at, entry in enumerate(entries):
                if looked_at >= MOST_LOOKED_AT:
                    break
                if clean(entry.name, LONGEST) != entry.name:
                    continue
                is_folder = entry.is_dir()
                if is_folder or is_table(entry.name):
                    found.append((entry.name, is_folder))
    except (OSError, ValueError):  # typed halfway: there is no such folder yet, or it is not for this user
        return []
    return found


def _in_order(letters: str, name: str) -> bool:
    rest = iter(name)
    return all(letter in rest for letter in letters)
