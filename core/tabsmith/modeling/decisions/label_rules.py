"""How a label is chosen by the probabilities of the classes, as data. Imports no numerical library."""

from typing import TypeAlias

import msgspec


class MostProbable(msgspec.Struct, frozen=True, tag="most probable", tag_field="rule"):
    """The label is the class with the highest probability, the first of equal ones."""


class EventThreshold(msgspec.Struct, frozen=True, tag="threshold", tag_field="rule"):
    """The label is the event class if its probability is at least `threshold`, and otherwise the other class.

    It fits two classes only. `event` is the position of the event class.
    """

    event: int
    threshold: float


class ClassWeights(msgspec.Struct, frozen=True, tag="class weights", tag_field="rule"):
    """The label is the class whose probability times its weight is highest, the first of equal ones; for several classes.

    `weights` are in the order of the classes, and positive.
    """

    weights: tuple[float, ...]


LabelRule: TypeAlias = MostProbable | EventThreshold | ClassWeights
