"""Scikit-learn objects on disk: skops files, written by skops and read as data.

No object is made from a file. `read` gives numbers, texts, arrays and, for an object, its type's name and its attributes;
each family checks those and makes its model from them (see `saved_values`). So no code of a library runs on what a stranger
wrote. The types that a file may name are those listed here and those that the registered families name. The lists are
code, never taken from a file.
"""

import io
import json
import math
import tokenize
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from tabsmith.errors import ModelDamagedError
from tabsmith.families.registry import families
from tabsmith.text import clean

if TYPE_CHECKING:
    import numpy as np

MAX_UNPACKED_BYTES: Final = 2 << 30  # unpacked, of one file
_MAX_SCHEMA_BYTES: Final = 200 << 20
_MAX_DEPTH: Final = 200

_COMMON_TYPES: Final = (
    "builtins.NoneType",
    "builtins.bool",
    "builtins.dict",
    "builtins.float",
    "builtins.int",
    "builtins.list",
    "builtins.slice",
    "builtins.str",
    "builtins.tuple",
    "numpy.bool",
    "numpy.dtype",
    "numpy.float32",
    "numpy.float64",
    "numpy.int32",
    "numpy.int64",
    "numpy.ndarray",
    "numpy.uint32",
    "numpy.uint64",
    "numpy.uint8",
)

_TEXT_FEATURE_TYPES: Final = (
    "scipy.sparse._csr.csr_matrix",
    "sklearn.decomposition._truncated_svd.TruncatedSVD",
    "sklearn.feature_extraction.text.TfidfTransformer",
    "sklearn.feature_extraction.text.TfidfVectorizer",
)

_LOADERS: Final[frozenset[str]] = frozenset({
    "DictNode", "ListNode", "TupleNode", "JsonNode", "ObjectNode", "TypeNode", "SliceNode", "NdArrayNode",
    "DTypeNode", "RandomStateNode", "RandomGeneratorNode", "SparseMatrixNode", "TreeNode", "ReduceNode", "LossNode",
    "CachedNode", "ConstructorFromReduceNode", "BytesNode",
})  # fmt: skip


@cache
def trusted_types() -> frozenset[str]:
    """The types that a skops file may hold."""
    of_families = {name for spec in families() for name in spec.trusted_types}
    return frozenset({*_COMMON_TYPES, *_TEXT_FEATURE_TYPES, *of_families})


def dump(value: Any, path: Path) -> None:
    """Write `value` to the new skops file `path`; raises ModelDamagedError when it holds an untrusted type."""
    import skops.io

    skops.io.dump(value, path, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
    _check(path)


class SavedObject(msgspec.Struct, frozen=True):
    """An object of a skops file, not made: the full name of its type, its attributes, and its constructor's arguments."""

    type: str
    attributes: dict[str, Any]
    arguments: tuple[Any, ...] = ()


def read(path: Path) -> Any:
    """The value in the skops file at `path`, with a SavedObject for each object and arrays that cannot be written to.

    Raises ModelDamagedError for a file that is no whole skops file or that names a type or loader that models do not use.
    """
    schema = _check(path)
    try:
        with zipfile.ZipFile(path) as archive:
            return _Reader(archive).value(schema)
    except (*_DAMAGED, TypeError, AttributeError, ArithmeticError, LookupError) as error:
        raise refused(path, f"it is not a skops file ({clean(error, 200)})") from error


class SkopsModel(msgspec.Struct, frozen=True):
    """A fitted scikit-learn model that is saved as a skops file; a family adds `predict` and how it is loaded."""

    model: Any

    @property
    def rounds(self) -> int:
        return 0

    def save(self, path: Path) -> None:
        """Write the model to the new file `path`."""
        dump(self.model, path)


class _Reader:
    """Reads the nodes of one file's schema as values."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._arrays: dict[str, np.ndarray[Any, Any]] = {}
        self._read: dict[str, Callable[[dict[str, Any]], Any]] = {
            "JsonNode": lambda node: json.loads(node["content"]),
            "ListNode": lambda node: [self.value(item) for item in node["content"]],
            "TupleNode": lambda node: tuple(self.value(item) for item in node["content"]),
            "DictNode": lambda node: {str(key): self.value(item) for key, item in node["content"].items()},
            "NdArrayNode": self._array,
            "ObjectNode": self._object,
            "TreeNode": self._reduced,
        }

    def value(self, node: dict[str, Any]) -> Any:
        loader = node["__loader__"]
        if loader in self._read:
            return self._read[loader](node)
        return SavedObject(_type_of(node), {})  # a loss, a random state: nothing that a prediction needs

    def _object(self, node: dict[str, Any]) -> SavedObject:
        content = self.value(node["content"]) if node.get("content") else {}
        return SavedObject(_type_of(node), dict(content or {}))  # an object without attributes has null

    def _reduced(self, node: dict[str, Any]) -> SavedObject:
        return SavedObject(_type_of(node), dict(self.value(node["content"])), self.value(node["__reduce__"]["args"]))

    def _array(self, node: dict[str, Any]) -> Any:
        if node["type"] != "numpy":
            raise ValueError("an array of objects")
        name = node["file"]
        if name not in self._arrays:
            self._arrays[name] = _decoded_array(self._archive.read(name))
        array = self._arrays[name]
        return array if node["__class__"] == "ndarray" else array[()].item()


def _decoded_array(data: bytes) -> "np.ndarray[Any, Any]":
    """The array in the bytes of a .npy file, whose header must declare exactly the bytes that follow it."""
    import numpy as np
    from numpy.lib import format as npy

    stream = io.BytesIO(data)
    read_header = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[npy.read_magic(stream)]
    shape, column_order, dtype = read_header(stream)
    begin = stream.tell()
    if dtype.hasobject or math.prod(shape) * dtype.itemsize != len(data) - begin or any(size < 0 for size in shape):
        raise ValueError("an array is not as large as it declares")
    flat = np.frombuffer(data[begin:], dtype) if len(data) > begin else np.zeros(0, dtype)
    return flat.reshape(shape[::-1]).T if column_order else flat.reshape(shape)


def types(path: Path) -> frozenset[str]:
    """The types in a skops file that this module would load. Raises ModelDamagedError."""
    return frozenset(name for name, _ in _types(_schema(path), 0, path))


_DAMAGED: Final = (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError, KeyError, ValueError,
                   RecursionError, MemoryError, SyntaxError, tokenize.TokenError, zlib.error)  # fmt: skip
"""What zipfile, json and numpy raise for a damaged file."""


def _check(path: Path) -> Any:
    """The schema of the file, all of whose types and loaders are those of models. Raises ModelDamagedError."""
    schema = _schema(path)
    for name, loader in _types(schema, 0, path):
        if name not in trusted_types():
            raise refused(path, f"it holds the type {clean(name)}, which models do not use")
        if loader not in _LOADERS:
            raise refused(path, f"it asks for the loader {clean(loader)}, which models do not use")
    return schema


def _schema(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            items = archive.infolist()
            unpacked = sum(item.file_size for item in items)
            if unpacked > MAX_UNPACKED_BYTES or archive.getinfo("schema.json").file_size > _MAX_SCHEMA_BYTES:
                raise refused(path, f"it unpacks to {unpacked} bytes")
            if len({item.filename for item in items}) < len(items):
                raise refused(path, "it holds the same name twice")
            return json.loads(archive.read("schema.json"))
    except _DAMAGED as error:
        raise refused(path, f"it is not a skops file ({clean(error, 200)})") from error


def _type_of(node: dict[str, Any]) -> str:
    return f"{node.get('__module__')}.{node.get('__class__')}"


def _types(node: Any, depth: int, path: Path) -> Iterator[tuple[str, str]]:
    """Every (type, loader) that a skops schema names, at any depth."""
    if depth > _MAX_DEPTH:
        raise refused(path, "it is nested too deeply")
    if isinstance(node, list):
        for child in node:
            yield from _types(child, depth + 1, path)
    elif isinstance(node, dict):
        if "__loader__" in node or "__class__" in node:
            yield _type_of(node), str(node.get("__loader__"))
        for child in node.values():
            if isinstance(child, dict | list):
                yield from _types(child, depth + 1, path)


def refused(path: Path, why: str) -> ModelDamagedError:
    """The error for a file of a saved model that is not used, and why."""
    return ModelDamagedError(
        f"The saved model is refused: in {clean(path.name)}, {why}.",
        where=str(path),
        next_step="Get the model again from where it came from, or train it again.",
    )
