"""The attributes of a saved object, each checked before a model is made from it: type, range, shape, and that it is finite."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tabsmith.errors import ModelDamagedError
from tabsmith.families.skops_files import SavedObject, read, refused

if TYPE_CHECKING:
    import numpy as np

MOST: Final = 1 << 31  # of any count in a saved model


class SavedAttributes(msgspec.Struct, frozen=True):
    """The attributes of the object `saved` in the file at `path`. Every method raises ModelDamagedError."""

    path: Path
    saved: SavedObject

    @classmethod
    def read(cls, path: Path, *types: str) -> "SavedAttributes":
        """The attributes of the one object in a skops file, which must be of a type whose name is among `types`."""
        return cls.of(path, read(path), *types)

    @classmethod
    def of(cls, path: Path, value: Any, *types: str) -> "SavedAttributes":
        """The attributes of `value`, which must be an object of a type whose name is among `types`."""
        if not isinstance(value, SavedObject) or value.type.rsplit(".", 1)[-1] not in types:
            raise refused(path, f"there is no {' or '.join(types)} where one is expected")
        return cls(path, value)

    @property
    def type(self) -> str:
        """The name of the object's class."""
        return self.saved.type.rsplit(".", 1)[-1]

    def value(self, name: str) -> Any:
        """The attribute as it stands."""
        if name not in self.saved.attributes:
            raise self.wrong(name, "missing")
        return self.saved.attributes[name]

    def integer(self, name: str, low: int, high: int = MOST) -> int:
        """A whole number from `low` to `high`."""
        value = self.value(name)
        if type(value) is not int or not low <= value <= high:
            raise self.wrong(name, f"no whole number from {low} to {high}")
        return value

    def text(self, name: str, among: "tuple[str, ...] | frozenset[str]") -> str:
        """A text that is among the known ones."""
        value = self.value(name)
        if not isinstance(value, str) or value not in among:
            raise self.wrong(name, "none of the values that models use")
        return value

    def expect(self, **values: Any) -> None:
        """Require that these attributes have exactly these values."""
        for name, wanted in values.items():
            value = self.value(name)
            if type(value) is not type(wanted) or value != wanted:
                raise self.wrong(name, "not what models use")

    def numbers(self, name: str, *shape: int | None) -> "np.ndarray[Any, Any]":
        """An array of finite numbers of this shape, where None stands for any length; a number counts as shape ()."""
        return require_numbers(self.path, name, self.value(name), shape)

    def items(self, name: str) -> list[Any]:
        """A list that is not empty."""
        value = self.value(name)
        if not isinstance(value, list) or not value:
            raise self.wrong(name, "no list with anything in it")
        return value

    def wrong(self, name: str, why: str) -> ModelDamagedError:
        """The error for an attribute, and why it is not used."""
        return refused(self.path, f"{name} of the {self.type} is {why}")


def require_numbers(path: Path, name: str, value: Any, shape: tuple[int | None, ...]) -> "np.ndarray[Any, Any]":
    """`value` as an array of its own, if its numbers are finite and its shape is `shape`, where None is any length from 1.

    Raises ModelDamagedError.
    """
    import numpy as np

    if type(value) not in (int, float) and not isinstance(value, np.ndarray):
        raise refused(path, f"{name} holds no numbers")
    array = np.array(value)  # a copy, because libraries want to write to what they are given
    if array.dtype.kind not in "iuf" or not np.isfinite(array).all():
        raise refused(path, f"{name} holds something else than finite numbers")
    if array.ndim != len(shape) or any(
        size < 1 if wanted is None else size != wanted for size, wanted in zip(array.shape, shape, strict=True)
    ):
        raise refused(path, f"{name} has the shape {array.shape}, which does not go with the rest")
    return array
