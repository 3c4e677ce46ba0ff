"""Pictures of findings from arrays: points with a line, and boxes by group."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from tabsmith.statistics.findings import Boxes, Points
from tabsmith.statistics.selected_rows import Floats
from tabsmith.text import clean

_POINTS: Final = 2_000
_WHISKER: Final = 1.5  # interquartile ranges (Tukey)


def scatter(x_name: str, y_name: str, x: Floats, y: Floats) -> Points:
    """At most 2,000 evenly drawn points, with the line of least squares through all of them."""
    step = max(1, -(-len(x) // _POINTS))
    line: tuple[tuple[float, float], ...] = ()
    if len(x) > 1 and x.min() < x.max():
        centered = x - x.mean()
        slope = float(centered @ (y - y.mean()) / (centered @ centered))
        line = tuple((float(end), float(y.mean() + slope * (end - x.mean()))) for end in (x.min(), x.max()))
    title = f"{clean(y_name)} over {clean(x_name)}"
    return Points(title, clean(x_name), clean(y_name), tuple(x[::step].tolist()), tuple(y[::step].tolist()), line)


def boxes(title: str, labels: Sequence[str], groups: Sequence[Floats]) -> Boxes:
    """A box a group: whiskers reach to the last value within 1.5 interquartile ranges of the quartiles (Tukey 1977)."""
    return Boxes(title, tuple(labels), tuple(_box(values) for values in groups))


def _box(values: Floats) -> tuple[float, float, float, float, float]:
    low, median, high = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
    reach = _WHISKER * (high - low)
    inside = values[(values >= low - reach) & (values <= high + reach)]
    return (float(inside.min()), low, median, high, float(inside.max()))
