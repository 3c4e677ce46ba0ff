"""The event: which of the two classes of a target the person cares about, by the words or else by the rarer one."""

from collections.abc import Sequence
from typing import Final

import msgspec

from tabsmith.errors import SchemaError
from tabsmith.text import clean

_YES: Final = frozenset(
    {"yes", "y", "true", "t", "1", "positive", "pos", "+", "present", "event", "ja", "oui", "si", "sí", "sim"}
)
_SHOWN: Final = 60  # characters of a value in a profile
_NO: Final = frozenset(
    {"no", "n", "false", "f", "0", "-1", "negative", "neg", "-", "absent", "none", "nein", "non", "não"}
)


class EventChoice(msgspec.Struct, frozen=True):
    """The position of the event among two classes, and why it is that one."""

    position: int
    reason: str


def choose_event(labels: Sequence[str], counts: Sequence[int]) -> EventChoice:
    """The event of two classes with these labels and numbers of rows: the one that says yes, else the rarer one.

    Of two classes with as many rows, it is the second.
    """
    words = [label.strip().lower() for label in labels]
    for position in (1, 0):
        if words[position] in _YES and words[1 - position] in _NO:
            return EventChoice(position, "its label says yes")
    if counts[0] == counts[1]:
        return EventChoice(1, "the second of two classes with as many rows")
    return EventChoice(0 if counts[0] < counts[1] else 1, "the rarer class")


def find_event(event: str, labels: Sequence[str], target: str) -> int:
    """The position of the label `event` among the two `labels` of the column `target`, as `find_class` finds it.

    Raises SchemaError, which names the labels.
    """
    return find_class(event, labels, target, "Choose the event among its classes")


def find_class(name: str, labels: Sequence[str], target: str, advice: str = "Choose among its classes") -> int:
    """The position of the label `name` among the `labels` of the column `target`, in any case if need be.

    Raises SchemaError with `advice` and the labels.
    """
    wanted = name.strip()
    for same in (str, str.lower, lambda text: clean(text, _SHOWN)):
        found = [position for position, label in enumerate(labels) if same(label.strip()) == same(wanted)]
        if len(found) == 1:
            return found[0]
    names = ", ".join(clean(label, 40) for label in labels[:5])
    raise SchemaError(
        f'The target "{clean(target, 60)}" has no class "{clean(name, 60)}".',
        next_step=f"{advice}: {names}.",
    )
