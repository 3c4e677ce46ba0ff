"""Trees of saved models, checked before a library follows them: libraries read where a node points to without looking.

A tree that passes has a node for each step, leads onward only and to every node once, so each row ends in a leaf; it asks
for features that are there, and its values are finite.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tabsmith.families.saved_values import SavedAttributes, require_numbers
from tabsmith.families.skops_files import refused

if TYPE_CHECKING:
    import numpy as np

_TOLERANCE: Final = 1e-6  # of a leaf's probabilities, whose sum is 1


def leads_to_leaves(left: "np.ndarray[Any, Any]", right: "np.ndarray[Any, Any]", inner: "np.ndarray[Any, Any]") -> bool:
    """Whether the nodes that are `inner` (a mask) lead onward, and to every node but the first exactly once."""
    import numpy as np

    nodes = np.flatnonzero(inner)
    children = np.concatenate([left[inner], right[inner]]).astype(np.int64)
    onward = (children > np.concatenate([nodes, nodes])).all()
    return bool(onward) and np.array_equal(np.sort(children), np.arange(1, len(inner)))


def forest_tree(path: Path, value: Any, features: int, outputs: int) -> Any:
    """The scikit-learn tree that a forest's file holds, for so many features; `outputs` is 1 for numbers, else the classes.

    Raises ModelDamagedError.
    """
    import numpy as np
    from sklearn.tree._tree import NODE_DTYPE, Tree

    saved = SavedAttributes.of(path, value, "Tree")
    if len(saved.saved.arguments) != 3:
        raise refused(path, "a tree lacks its counts")
    columns, classes, targets = saved.saved.arguments
    counts = require_numbers(path, "the number of classes of a tree", classes, (1,))
    if (columns, targets, counts[0]) != (features, 1, outputs):
        raise refused(path, "a tree is of other features or classes than the model")
    nodes = saved.value("nodes")
    if not isinstance(nodes, np.ndarray) or nodes.dtype != NODE_DTYPE or nodes.ndim != 1 or not len(nodes):
        raise saved.wrong("nodes", "no array of nodes")
    saved.expect(node_count=len(nodes))
    values = saved.numbers("values", len(nodes), 1, outputs)
    left, right = nodes["left_child"], nodes["right_child"]
    inner = left != -1
    asked = nodes["feature"][inner]
    if (right[~inner] != -1).any() or not leads_to_leaves(left, right, inner):
        raise refused(path, "a tree of it does not lead to leaves")
    if ((asked < 0) | (asked >= features)).any() or np.isnan(nodes["threshold"]).any():
        raise refused(path, "a tree asks for a feature or a threshold that is not there")
    if outputs > 1 and ((values < 0).any() or np.abs(values.sum(axis=2) - 1).max() > _TOLERANCE):
        raise refused(path, "a tree holds probabilities that do not sum to 1")
    tree = Tree(features, np.array([outputs], dtype=np.intp), 1)
    depth = saved.integer("max_depth", 0, len(nodes))
    values = np.ascontiguousarray(values, dtype=np.float64)
    tree.__setstate__({"max_depth": depth, "node_count": len(nodes), "nodes": nodes.copy(), "values": values})
    return tree


def histogram_tree(path: Path, value: Any, features: int) -> Any:
    """The scikit-learn predictor that a file of histogram boosting holds, for so many features.

    Raises ModelDamagedError.
    """
    import numpy as np
    from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE
    from sklearn.ensemble._hist_gradient_boosting.predictor import TreePredictor

    saved = SavedAttributes.of(path, value, "TreePredictor")
    nodes = saved.value("nodes")
    if not isinstance(nodes, np.ndarray) or nodes.dtype != PREDICTOR_RECORD_DTYPE or nodes.ndim != 1 or not len(nodes):
        raise saved.wrong("nodes", "no array of nodes")
    inner = nodes["is_leaf"] == 0
    asked = nodes["feature_idx"][inner]
    if not leads_to_leaves(nodes["left"], nodes["right"], inner):
        raise refused(path, "a tree of it does not lead to leaves")
    if ((asked < 0) | (asked >= features)).any() or np.isnan(nodes["num_threshold"]).any():
        raise refused(path, "a tree asks for a feature or a threshold that is not there")
    if nodes["is_categorical"].any():
        raise refused(path, "a tree splits by categories, which models of this family do not")
    if not np.isfinite(nodes["value"]).all():
        raise refused(path, "a tree holds values that are no numbers")
    none = np.zeros((0, 8), dtype=np.uint32)
    return TreePredictor(nodes.copy(), none, none.copy())
