"""The columns of new rows matched by name with those a model knows, whatever the case, spaces and Unicode form."""

import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple

from tabsmith.modeling.results import MatchedColumn

_INVISIBLE: Final = "\ufeff\u200b\u200c\u200d\u2060"
_GAPS: Final = re.compile(r"(?P<digits>(?<=\d)[\s_\-.]+(?=\d))|(?<!^)[\s_\-.]+|^[\s_]+")


class ColumnMatch(NamedTuple):
    """Which of the given columns is which of the wanted ones."""

    positions: dict[str, int]  # of the wanted columns that were found, among the given ones
    matched: tuple[MatchedColumn, ...]  # those found under a similar name
    missing: tuple[str, ...]  # wanted columns that were not found
    extra: tuple[str, ...]  # given columns that are none of the wanted ones


def match_columns(wanted: Sequence[str], given: Sequence[str]) -> ColumnMatch:
    """Match the names `wanted` with the names `given`.

    The same name comes first; then names that differ in their Unicode form or in invisible and surrounding characters;
    then in upper and lower case; then in spaces, underscores, hyphens, points and line breaks. A similar name counts
    only where exactly one wanted and one given column are left with it: what is ambiguous stays missing.
    """
    positions: dict[str, int] = {}
    first: dict[str, int] = {}
    for position, name in enumerate(given):
        first.setdefault(name, position)
    for name in wanted:
        if name in first:
            positions[name] = first[name]
    matched: list[MatchedColumn] = []
    for form in (_visible, _without_case, _without_gaps):
        taken = set(positions.values())
        open_names = _by_form((name for name in wanted if name not in positions), form)
        open_positions = _by_form((name for place, name in enumerate(given) if place not in taken), form)
        for key, names in open_names.items():
            found = open_positions.get(key, [])
            if key and len(names) == len(found) == 1:
                positions[names[0]] = first[found[0]]
                matched.append(MatchedColumn(names[0], found[0]))
    taken = set(positions.values())
    return ColumnMatch(
        positions,
        tuple(matched),
        tuple(name for name in wanted if name not in positions),
        tuple(name for place, name in enumerate(given) if place not in taken),
    )


def _by_form(names: Iterable[str], form: Callable[[str], str]) -> dict[str, list[str]]:
    grouped: dict[str, list[str]] = {}
    for name in names:
        grouped.setdefault(form(name), []).append(name)
    return grouped


def _visible(name: str) -> str:
    """The name in its composed Unicode form, without invisible characters, spaces around it and quotes around it."""
    return (
        unicodedata.normalize("NFC", name.translate(dict.fromkeys(map(ord, _INVISIBLE)))).strip().strip("\"'").strip()
    )


def _without_case(name: str) -> str:
    return _visible(name).casefold()


def _without_gaps(name: str) -> str:
    """The name without gaps; one between two digits stays, because 400.5 and 4005 are two names, and so does a sign."""
    return _GAPS.sub(lambda gap: " " if gap["digits"] else "", _without_case(name))
