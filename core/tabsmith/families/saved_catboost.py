"""CatBoost's .cbm file, checked before CatBoost reads it.

CatBoost verifies that the file is a whole flatbuffer, and then follows splits, leaves and the tables of categories without
looking. This module reads the same numbers, each with its bounds, and requires that they go together. The layout is that
of `catboost/libs/model/flatbuffers/model.fbs`, `features.fbs` and `ctr_data.fbs`, version "FlabuffersModel_v1".
"""

import struct
from pathlib import Path
from typing import Any, Final, Self

import msgspec
import numpy as np

from tabsmith.families.skops_files import refused

_MAGIC: Final = b"CBM1"
_MAX_DEPTH: Final = 16
_EMPTY: Final = np.uint64(0xFFFFFFFFFFFFFFFF)  # the hash of a bucket that holds no category
_BUCKET: Final = np.dtype([("hash", "<u8"), ("index", "<u4")])
_BIN: Final = np.dtype([("column", "<u2"), ("mask", "u1"), ("value", "u1")])
_BIN_VALUES: Final = 254  # borders that one column of bins holds
_MEAN_BYTES: Final = 8  # of a category's mean target: its sum and its count
_CTR_KINDS: Final = 6
_CTR_MEANS: Final = (2, 3)  # kinds whose tables hold means
_CTR_CLASSES: Final = (0, 1)  # kinds whose tables hold a count of each class
_PROVIDER: Final = "static_provider_v1"


def require_sound_model(path: Path, numeric: int, categorical: int, outputs: int) -> None:
    """Raise ModelDamagedError unless the .cbm file at `path` is of so many features and outputs, and sound.

    `outputs` is the number of classes, and 1 for numbers.
    """
    try:
        _check(path.read_bytes(), numeric, categorical, 1 if outputs <= 2 else outputs)
    except _ContradictionError as error:
        raise refused(path, str(error)) from error
    except (OSError, struct.error, ValueError, OverflowError, MemoryError) as error:
        raise refused(path, "it is not a whole model of CatBoost") from error


class _ContradictionError(Exception):
    """Something in the file does not go with the rest."""


def _check(data: bytes, numeric: int, categorical: int, dimension: int) -> None:
    if not data.startswith(_MAGIC):
        raise _ContradictionError("it is not a model of CatBoost")
    core_end = 8 + struct.unpack_from("<I", data, 4)[0]
    if core_end > len(data):
        raise _ContradictionError("it is not a whole model of CatBoost")
    core = _Table.root(data[8:core_end])
    trees = core.table(1)
    if core.text(0) != "FlabuffersModel_v1" or trees is None:
        raise _ContradictionError("it is not a model of CatBoost that tabsmith knows")
    if any(trees.length(field) for field in (10, 11, 12, 13, 18)):
        raise _ContradictionError("it has trees or features that models do not have")
    if trees.integer(0) != dimension:
        raise _ContradictionError("it is of other classes than the model")
    _check_features(trees, numeric, categorical)
    _check_trees(trees, _conditions(trees), dimension)
    tables = _check_tables(core, data[core_end:])
    needed = {_ctr_key(ctr) for feature in trees.tables(7) if (ctr := _required(feature.table(0)).table(0)) is not None}
    if not needed <= tables:
        raise _ContradictionError("it lacks a table of categories")


def _check_features(trees: "_Table", numeric: int, categorical: int) -> None:
    for field, count in ((5, numeric), (4, categorical)):
        features = trees.tables(field)
        indices = [feature.integer(1 if field == 5 else 0, -1) for feature in features]
        flat = [feature.integer(2 if field == 5 else 1, -1) for feature in features]
        if indices != list(range(count)) or any(not 0 <= place < numeric + categorical for place in flat):
            raise _ContradictionError("it is of other features than the model")
    for feature in trees.tables(5):
        _require_rising(feature.floats(3))
    for feature in trees.tables(6):
        if not 0 <= feature.integer(0, -1) < categorical or not 0 < len(feature.integers(1)) < 0xFF:
            raise _ContradictionError("it asks for a feature that is not there")
    for feature in trees.tables(7):
        ctr = _required(feature.table(0))
        base = _required(ctr.table(0))
        if not all(np.isfinite(ctr.number(field, usual)) for field, usual in ((2, 0.0), (3, 1.0), (4, 0.0), (5, 1.0))):
            raise _ContradictionError("it holds values that are no numbers")
        combined = _required(base.table(0))
        if not all(0 <= column < categorical for column in combined.integers(0)):
            raise _ContradictionError("it asks for a feature that is not there")
        for splits, limit in ((combined.pairs(1), numeric), (combined.pairs(2), categorical)):
            if not all(0 <= column < limit for column in splits):
                raise _ContradictionError("it asks for a feature that is not there")
        _require_rising(feature.floats(1))


def _require_rising(borders: "np.ndarray[Any, Any]") -> None:
    if len(borders) > 65_535 or not np.isfinite(borders).all() or (np.diff(borders) < 0).any():
        raise _ContradictionError("its borders are no rising numbers")


def _conditions(trees: "_Table") -> "np.ndarray[Any, Any]":
    """The conditions that a tree may choose from, in CatBoost's order, each as the bin that decides it."""
    bins: list[tuple[int, int, int]] = []
    column = 0
    for field, borders in ((5, 3), (6, 1), (7, 1)):
        for feature in trees.tables(field):
            count = feature.length(borders)
            if field == 6:
                bins += [(column, ~(value + 1) & 0xFF, 0xFF) for value in range(count)]
            else:
                bins += [(column + place // _BIN_VALUES, 0, place % _BIN_VALUES + 1) for place in range(count)]
            column += -(-count // _BIN_VALUES)
    if column > 0xFFFF:
        raise _ContradictionError("it has more features than CatBoost can number")
    return np.array(bins, dtype=_BIN)


def _check_trees(trees: "_Table", conditions: "np.ndarray[Any, Any]", dimension: int) -> None:
    splits, sizes, offsets = trees.integers(1), trees.integers(2), trees.integers(3)
    depths = sizes.astype(np.int64)
    if not len(sizes) or ((depths < 0) | (depths > _MAX_DEPTH)).any() or depths.sum() != len(splits):
        raise _ContradictionError("its trees are not as deep as it says")
    if len(offsets) != len(sizes) or (offsets != np.cumsum(depths) - depths).any():
        raise _ContradictionError("its trees do not begin where it says")
    if ((splits < 0) | (splits >= len(conditions))).any():
        raise _ContradictionError("a tree asks for a condition that is not there")
    bins = np.frombuffer(trees.words(17), _BIN)
    if len(bins) and not np.array_equal(bins, conditions[splits]):
        raise _ContradictionError("a tree decides by other bins than its conditions have")
    leaves = int((1 << depths).sum())
    values = trees.doubles(8)
    if len(values) != leaves * dimension or not np.isfinite(values).all():
        raise _ContradictionError("its leaves are not as many finite numbers as its trees have")
    if len(trees.doubles(9)) not in (0, leaves):
        raise _ContradictionError("its leaves have other weights than its trees have leaves")
    bias = trees.doubles(16)
    if not np.isfinite([trees.double(14, 1.0), trees.double(15, 0.0), *bias]).all() or len(bias) not in (0, dimension):
        raise _ContradictionError("its scale or bias is no number")


def _check_tables(core: "_Table", rest: bytes) -> set[Any]:
    """Check the tables of categories that follow the trees, and return what each is of."""
    parts = core.texts(3)
    if not parts:
        if rest:
            raise _ContradictionError("something follows its end")
        return set()
    if parts != [_PROVIDER]:
        raise _ContradictionError("it has parts that models do not have")
    stream = memoryview(rest)
    count, place = struct.unpack_from("<I", stream)[0], 4
    keys = set()
    for _ in range(count):
        size = struct.unpack_from("<I", stream, place)[0]
        begin, place = place + 4, place + 4 + size
        if place > len(stream):
            raise _ContradictionError("a table of categories is not whole")
        table = _Table.root(bytes(stream[begin:place]))
        keys.add(_check_ctr_table(table))
    if place != len(stream):
        raise _ContradictionError("something follows its end")
    return keys


def _check_ctr_table(table: "_Table") -> Any:
    base = _required(table.table(0))
    raw, blob = table.octets(1), table.octets(2)
    kind, classes = base.byte(1), table.integer(4)
    if not 0 <= kind < _CTR_KINDS or not 0 <= classes <= 1 << 20 or len(raw) % _BUCKET.itemsize:
        raise _ContradictionError("a table of categories is of a kind that there is not")
    item = _MEAN_BYTES if kind in _CTR_MEANS else 4 * (classes if kind in _CTR_CLASSES else 1)
    buckets = np.frombuffer(raw, _BUCKET)
    used = buckets["index"][buckets["hash"] != _EMPTY]
    # CatBoost looks for a category by a mask of the number of buckets and ends at the first one that is empty.
    if not len(buckets) or len(buckets) & (len(buckets) - 1) or len(used) == len(buckets):
        raise _ContradictionError("a search in a table of categories would not end")
    if not item or (len(used) and (int(used.max()) + 1) * item > len(blob)):
        raise _ContradictionError("a table of categories points outside itself")
    return _ctr_key(base)


def _ctr_key(base: "_Table") -> Any:
    combined = _required(base.table(0))
    parts = (combined.integers(0).tobytes(), combined.structs(1), combined.structs(2))
    return (*parts, base.byte(1))


def _required(table: "_Table | None") -> "_Table":
    if table is None:
        raise _ContradictionError("a part of it is missing")
    return table


class _Table(msgspec.Struct, frozen=True):
    """A table of a flatbuffer (https://flatbuffers.dev/internals): fields by number, at places that a list names.

    Every place is checked against the buffer: `struct.error` or ValueError for one that lies outside.
    """

    data: bytes
    at: int

    @classmethod
    def root(cls, data: bytes) -> Self:
        """The table that a buffer holds."""
        return cls(data, struct.unpack_from("<I", data)[0])

    def _place(self, field: int) -> int:
        """Where a field's value lies; 0 if it is not there and has its usual value."""
        names = self.at - struct.unpack_from("<i", self.data, self.at)[0]
        if not 0 <= names <= len(self.data) - 4:
            raise ValueError("a table lies outside")
        size = struct.unpack_from("<H", self.data, names)[0]
        if 4 + 2 * field + 2 > size:
            return 0
        offset = struct.unpack_from("<H", self.data, names + 4 + 2 * field)[0]
        return self.at + int(offset) if offset else 0

    def _target(self, field: int) -> int:
        place = self._place(field)
        return place + struct.unpack_from("<I", self.data, place)[0] if place else 0

    def integer(self, field: int, usual: int = 0) -> int:
        """A whole number of 32 bits."""
        place = self._place(field)
        return int(struct.unpack_from("<i", self.data, place)[0]) if place else usual

    def byte(self, field: int) -> int:
        """A whole number of 8 bits."""
        place = self._place(field)
        return int(struct.unpack_from("<b", self.data, place)[0]) if place else 0

    def number(self, field: int, usual: float) -> float:
        """A number of single precision."""
        place = self._place(field)
        return float(struct.unpack_from("<f", self.data, place)[0]) if place else usual

    def double(self, field: int, usual: float) -> float:
        """A number of double precision."""
        place = self._place(field)
        return float(struct.unpack_from("<d", self.data, place)[0]) if place else usual

    def table(self, field: int) -> "_Table | None":
        """A table; None if the field is not there."""
        target = self._target(field)
        return _Table(self.data, target) if target else None

    def length(self, field: int) -> int:
        """How many items a vector has; 0 if the field is not there."""
        target = self._target(field)
        return int(struct.unpack_from("<I", self.data, target)[0]) if target else 0

    def _vector(self, field: int, dtype: str) -> "np.ndarray[Any, Any]":
        count = self.length(field)
        if not count:
            return np.zeros(0, dtype)
        return np.frombuffer(self.data, dtype, count, self._target(field) + 4)  # ValueError for one that is too long

    def integers(self, field: int) -> "np.ndarray[Any, Any]":
        """A vector of whole numbers."""
        return self._vector(field, "<i4")

    def floats(self, field: int) -> "np.ndarray[Any, Any]":
        """A vector of numbers of single precision."""
        return self._vector(field, "<f4")

    def doubles(self, field: int) -> "np.ndarray[Any, Any]":
        """A vector of numbers of double precision."""
        return self._vector(field, "<f8")

    def octets(self, field: int) -> bytes:
        """A vector of bytes."""
        return self._vector(field, "u1").tobytes()

    def words(self, field: int) -> bytes:
        """A vector of structs of 32 bits each, as bytes."""
        return self._vector(field, "<u4").tobytes()

    def structs(self, field: int) -> bytes:
        """A vector of pairs of 32 bits each, as bytes."""
        return self._vector(field, "<u8").tobytes()

    def pairs(self, field: int) -> list[int]:
        """The first numbers of a vector of pairs."""
        return [int(first) for first in np.frombuffer(self.structs(field), "<i4")[::2]]

    def tables(self, field: int) -> "list[_Table]":
        """A vector of tables."""
        offsets = self._vector(field, "<u4").tolist()
        begin = self._target(field) + 4
        return [_Table(self.data, begin + 4 * place + offset) for place, offset in enumerate(offsets)]

    def text(self, field: int) -> str:
        """A text in ASCII; empty if the field is not there."""
        return self.octets(field).decode("ascii")

    def texts(self, field: int) -> list[str]:
        """A vector of texts."""
        offsets = self._vector(field, "<u4").tolist()
        begin = self._target(field) + 4
        return [self._string(begin + 4 * place + offset) for place, offset in enumerate(offsets)]

    def _string(self, at: int) -> str:
        size = struct.unpack_from("<I", self.data, at)[0]
        return bytes(self.data[at + 4 : at + 4 + size]).decode("ascii")
