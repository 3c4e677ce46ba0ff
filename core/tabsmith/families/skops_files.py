"""Scikit-learn objects on disk: skops files, read only when every type in them is on the list that stands here.

The list is code. It is never taken from a file, and skops' own wider defaults do not extend it: a file's schema is
checked against it before skops builds anything.
"""

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tabsmith.errors import ModelDamagedError
from tabsmith.text import clean

MAX_UNPACKED_BYTES: Final = 2 << 30  # unpacked, of one file
_MOST_DEPTH: Final = 200

TRUSTED_TYPES: Final[frozenset[str]] = frozenset({
    "builtins.dict",
    "builtins.float",
    "builtins.int",
    "builtins.list",
    "builtins.str",
    "builtins.tuple",
    "builtins.bool",
    "builtins.NoneType",
    "builtins.slice",
    "numpy.bool",
    "numpy.dtype",
    "numpy.float32",
    "numpy.float64",
    "numpy.int32",
    "numpy.int64",
    "numpy.ndarray",
    "numpy.uint32",
    "numpy.random._generator.Generator",
    "numpy.uint64",
    "numpy.uint8",
    "numpy.random.mtrand.RandomState",
    "scipy.sparse._csr.csr_matrix",
    "sklearn._loss.link.IdentityLink",
    "sklearn._loss.link.Interval",
    "sklearn._loss.link.LogLink",
    "sklearn._loss.link.LogitLink",
    "sklearn._loss.link.HalfLogitLink",
    "sklearn._loss.link.MultinomialLogit",
    "sklearn._loss.loss.AbsoluteError",
    "sklearn._loss._loss.CyAbsoluteError",
    "sklearn._loss.loss.HalfBinomialLoss",
    "sklearn._loss.loss.HalfMultinomialLoss",
    "sklearn._loss.loss.HalfSquaredError",
    "sklearn._loss._loss.CyHalfBinomialLoss",
    "sklearn._loss._loss.CyHalfMultinomialLoss",
    "sklearn._loss._loss.CyHalfSquaredError",
    "sklearn.decomposition._truncated_svd.TruncatedSVD",
    "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
    "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.feature_extraction.text.TfidfTransformer",
    "sklearn.feature_extraction.text.TfidfVectorizer",
    "sklearn.linear_model._coordinate_descent.ElasticNet",
    "sklearn.linear_model._coordinate_descent.Lasso",
    "sklearn.linear_model._base.LinearRegression",
    "sklearn.linear_model._logistic.LogisticRegression",
    "sklearn.linear_model._ridge.Ridge",
    "sklearn.neighbors._classification.KNeighborsClassifier",
    "sklearn.neighbors._regression.KNeighborsRegressor",
    "sklearn.neural_network._multilayer_perceptron.MLPClassifier",
    "sklearn.neural_network._multilayer_perceptron.MLPRegressor",
    "sklearn.preprocessing._label.LabelBinarizer",
    "sklearn.preprocessing._label.LabelEncoder",
    "sklearn.tree._tree.Tree",
})  # fmt: skip

_LOADERS: Final[frozenset[str]] = frozenset({
    "DictNode", "ListNode", "TupleNode", "JsonNode", "ObjectNode", "TypeNode", "SliceNode", "NdArrayNode",
    "DTypeNode", "RandomStateNode", "RandomGeneratorNode", "SparseMatrixNode", "TreeNode", "ReduceNode", "LossNode",
    "CachedNode", "ConstructorFromReduceNode", "BytesNode",
})  # fmt: skip


def dump(value: Any, path: Path) -> None:
    """Write `value` to the new skops file `path`; raises ModelDamagedError when it holds a type not on the list."""
    import skops.io

    skops.io.dump(value, path, compression=zipfile.ZIP_DEFLATED, compresslevel=1)
    _check(path)


def load(path: Path) -> Any:
    """The value in the skops file at `path`. Raises ModelDamagedError for a type not on the list, before it is made."""
    import skops.io
    from skops.io.exceptions import UntrustedTypesFoundException

    _check(path)
    try:
        return skops.io.load(path, trusted=sorted(TRUSTED_TYPES))
    except (UntrustedTypesFoundException, ValueError, TypeError, KeyError, AttributeError, OSError) as error:
        raise _damaged(path, f"skops refuses it: {clean(error)}") from error


def types(path: Path) -> frozenset[str]:
    """The types in a skops file that this module would load. Raises ModelDamagedError."""
    return frozenset(name for name, _ in _types(_schema(path), 0, path))


def _check(path: Path) -> None:
    for name, loader in _types(_schema(path), 0, path):
        if name not in TRUSTED_TYPES:
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
    """Every (type, loader) that a skops schema names, at whatever place."""
    if depth > _MOST_DEPTH:
        raise _damaged(path, "it is nested too deeply")
    if isinstance(node, list):
        for each in node:
            yield from _types(each, depth + 1, path)
    elif isinstance(node, dict):
        if "__loader__" in node or "__class__" in node:
            yield f"{node.get('__module__')}.{node.get('__class__')}", str(node.get("__loader__"))
        for each in node.values():
            if isinstance(each, dict | list):
                yield from _types(each, depth + 1, path)


def _damaged(path: Path, why: str) -> ModelDamagedError:
    return ModelDamagedError(
        f"The saved model is refused: in {clean(path.name)}, {why}.",
        where=str(path),
        next_step="Get the model again from where it came from, or train it again.",
    )
