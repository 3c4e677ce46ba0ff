"""The target as numbers and back: class labels keep the type they came in."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt

from tabsmith.modeling.rows import Floats, Ints, numbers

if TYPE_CHECKING:
    from pandas import Series

Label: TypeAlias = bool | int | float | str


@dataclass(frozen=True, slots=True)
class Labels:
    """The classes in the order of the probabilities' columns; empty for regression."""

    classes: tuple[Label, ...]

    def decode(self, codes: Ints) -> npt.NDArray[Any]:
        """Class positions as the labels themselves."""
        return self.array()[codes]

    def array(self) -> npt.NDArray[Any]:
        """The classes as a numpy array of their own type; texts as objects."""
        textual = any(isinstance(label, str) for label in self.classes)
        return np.asarray(self.classes, dtype=object if textual else None)

    def words(self) -> tuple[str, ...]:
        """The classes as text."""
        return tuple(str(label) for label in self.classes)


def encode_classes(series: "Series[Any]") -> tuple[Ints, Labels]:
    """Class positions, -1 where the label is missing, and the classes sorted."""
    import pandas as pd

    codes, found = pd.factorize(series.array)
    labels: list[Label] = [_label(value) for value in found.tolist()]
    floats = [label for label in labels if isinstance(label, float)]
    # Integers beside missing cells arrive as floats.
    if len(floats) == len(labels) and (codes < 0).any() and all(label.is_integer() for label in floats):
        labels = [int(label) for label in floats]
    if len({type(label) for label in labels}) > 1:
        labels = [str(label) for label in labels]
    classes = tuple(sorted(set(labels)))  # all of one type by now
    place = {label: position for position, label in enumerate(classes)}
    table = np.asarray([*(place[label] for label in labels), -1], dtype=np.int64)
    return table[codes], Labels(classes)


def encode_numbers(series: "Series[Any]") -> tuple[Floats, int]:
    """The target of a regression, NaN where it is missing, and how many cells are no numbers."""
    return numbers(series)


def _label(value: object) -> Label:
    if isinstance(value, np.generic):
        value = value.item()
    return value if isinstance(value, bool | int | float | str) else str(value)
