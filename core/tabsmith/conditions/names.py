"""The names that a condition may use: the fields of `Facts`, with what each is and means."""

from typing import Final, Literal, TypeAlias, get_args, get_type_hints

import msgspec

from tabsmith.conditions.facts import Facts

Kind: TypeAlias = Literal["number", "truth"]


class Name(msgspec.Struct, frozen=True):
    """A name of the language. `running`: it only grows over a run."""

    name: str
    kind: Kind
    running: bool
    description: str


def _of(field: str, annotation: object) -> Name:
    inner, meta = get_args(annotation)[:2]
    kind: Kind = "truth" if inner is bool else "number"
    return Name(field, kind, bool((meta.extra or {}).get("running")), meta.description or "")


NAMES: Final = {field: _of(field, each) for field, each in get_type_hints(Facts, include_extras=True).items()}
"""Every name, in the order of `Facts`."""
