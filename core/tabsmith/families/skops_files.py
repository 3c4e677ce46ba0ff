"""Scikit-learn objects on disk: skops files, read only when every type in them is trusted.

The trusted types are those listed here and those that the registered families name. The lists are code. They are never
taken from a file, and skops' own wider defaults do not extend them: a file's schema is checked against them before skops
builds anything.
"""

import json
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from tabsmith.errors import ModelDamagedError
from tabsmith.families.registry import families
from tabsmith.text import clean

if TYPE_CHECKING:
    from tabsmith.families.estimator import EstimatorFile

MAX_UNPACKED_BYTES: Final = 2 << 30  # unpacked, of one file
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


def load(path: Path) -> Any:
    """The value in the skops file at `path`. Raises ModelDamagedError for an untrusted type, before it is made."""
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    _check(path)
    try:
        return skops.io.load(path, trusted=sorted(trusted_types()))
    except (UntrustedTypesFoundException, ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        raise _damaged(path, f"skops refuses it: {clean(error)}") from error


class SkopsModel(msgspec.Struct, frozen=True):
    """A fitted scikit-learn model that is saved as a skops file; a family adds `predict`."""

    model: Any

    @property
    def rounds(self) -> int:
        return 0

    def save(self, path: Path) -> None:
        """Write the model to the new file `path`."""
        dump(self.model, path)

    @classmethod
    def load(cls, path: Path, _: "EstimatorFile") -> Self:
        """The model saved in `path`. Raises ModelDamagedError."""
        return cls(load(path))


def types(path: Path) -> frozenset[str]:
    """The types in a skops file that this module would load. Raises ModelDamagedError."""
    return frozenset(name for name, _ in _types(_schema(path), 0, path))


def _check(path: Path) -> None:
    for name, loader in _types(_schema(path), 0, path):
        if name not in trusted_types():
            raise _damaged(path, f"it holds the type {clean(name)}, which models do not use")
        if loader not in _LOADERS:
            raise _damaged(path, f"it asks for the loader {clean(loader)}, which models do not use")


def _schema(path: Path) -> Any:
    try:
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(item.file_size for item in archive.infolist())
            if unpacked > MAX_UNPACKED_BYTES:
                raise _damaged(path, f"it unpacks to {unpacked} bytes")
            return json.loads(archive.read("schema.json"))
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, RecursionError) as error:
        raise _damaged(path, f"it is not a skops file ({clean(error)})") from error


def _types(node: Any, depth: int, path: Path) -> Iterator[tuple[str, str]]:
    """Every (type, loader) that a skops schema names, at any depth."""
    if depth > _MAX_DEPTH:
        raise _damaged(path, "it is nested too deeply")
    if isinstance(node, list):
        for child in node:
            yield from _types(child, depth + 1, path)
    elif isinstance(node, dict):
        if "__loader__" in node or "__class__" in node:
            yield f"{node.get('__module__')}.{node.get('__class__')}", str(node.get("__loader__"))
        for child in node.values():
            if isinstance(child, dict | list):
                yield from _types(child, depth + 1, path)


def _damaged(path: Path, why: str) -> ModelDamagedError:
    return ModelDamagedError(
        f"The saved model is refused: in {clean(path.name)}, {why}.",
        where=str(path),
        next_step="Get the model again from where it came from, or train it again.",
    )
