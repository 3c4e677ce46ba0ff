"""How charts look: matplotlib figures of one width, a few colours, and text that is never taken for markup.

The colours are Okabe and Ito's, which people who see colours differently can tell apart. The paper is opaque, so that a
chart reads the same in a light and in a dark chat. Figures are made without pyplot, and no setting of the process
outlives a drawing. Where nothing can be drawn, an error says why.
"""

import io
import logging
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from tabsmith.errors import TabsmithError
from tabsmith.formatting import MINUS
from tabsmith.text import clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class ChartError(TabsmithError):
    """A chart cannot be drawn."""


class NothingToDrawError(ChartError):
    """The data of the chart is not known yet, or was never measured."""


class MatplotlibMissingError(ChartError):
    """The library that draws is not installed."""


WIDTH: Final = 1000  # pixels
EDGE: Final = 44  # pixels kept free on the left and on the right

PAPER: Final = "#fbfaf7"
INK: Final = "#20262e"
DIM: Final = "#5d6670"
QUIET: Final = "#98a1ab"
FAINT: Final = "#e4e3de"
BLANK: Final = "#f1f0eb"
BLUE: Final = "#0072b2"
PALE: Final = "#cfe2ee"  # the blue on paper
ORANGE: Final = "#d55e00"
GREEN: Final = "#00795a"

TITLE: Final = 17.0  # points
TEXT: Final = 12.5
SMALL: Final = 11.5
ABSENT: Final = "□"  # stands for a character that the font lacks

_DPI: Final = 160
_FONT: Final = "DejaVu Sans"  # comes with matplotlib, so that the same text looks the same on every machine
_STYLE: Final = MappingProxyType(
    {
        "figure.dpi": _DPI,
        "figure.facecolor": PAPER,
        "figure.constrained_layout.use": True,
        "font.family": _FONT,
        "font.size": TEXT,
        "text.color": INK,
        "text.parse_math": False,
        "axes.facecolor": PAPER,
        "axes.edgecolor": QUIET,
        "axes.labelcolor": DIM,
        "axes.labelsize": SMALL,
        "axes.titlelocation": "left",
        "axes.titlesize": TEXT,
        "axes.axisbelow": True,
        "axes.spines.left": False,
        "axes.spines.right": False,
        "axes.spines.top": False,
        "grid.color": FAINT,
        "xtick.color": DIM,
        "ytick.color": DIM,
        "xtick.major.size": 0,
        "ytick.major.size": 0,
        "legend.frameon": False,
        "legend.fontsize": SMALL,
        "legend.labelcolor": DIM,
    }
)
_HEADING: Final = 70  # pixels of the title; each line below it takes _LINE
_LINE: Final = 34
_ROW: Final = 50  # pixels of a bar with the space around it
_FEWEST_ROWS: Final = 4
_LONGEST: Final = 200  # characters
_LARGEST: Final = 1e300  # beyond it the width of an axis is no number any more
_SMALLEST: Final = 1e-280  # of an axis; matplotlib shows no smaller one
_ONE_AT_A_TIME: Final = threading.Lock()  # matplotlib is not made for two threads at once


@contextmanager
def drawing() -> Iterator[None]:
    """Everything that draws or measures happens in here: one thread at a time, in the style of this module instead of
    the person's. Raises MatplotlibMissingError if matplotlib is not installed."""
    with _ONE_AT_A_TIME:
        loggers = logging.getLogger("matplotlib")
        level = loggers.level
        loggers.setLevel(logging.ERROR)  # building the font cache, once on a machine, is worth no line
        try:
            import matplotlib.style
        except ImportError as error:
            raise MatplotlibMissingError(
                "Pictures cannot be drawn: matplotlib is not installed.",
                where=str(error),
                next_step="Install it with `pip install 'tabsmith[telegram]'`.",
            ) from error
        finally:
            loggers.setLevel(level)
        with matplotlib.style.context(["default", dict(_STYLE)]):
            yield


def new_figure(height: float, title: str, *lines: str, note: str = "", below: float = 0.0) -> "Figure":
    """A figure of `height` pixels with a title, lines under it and a note at its bottom; axes take the room between.

    `below` is the room in pixels to keep free at the bottom for something other than a note. Call it within `drawing()`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / _DPI, height / _DPI))
    room = WIDTH - 2 * EDGE

    def write(text: str, down: float, points: float, color: str, weight: str = "normal") -> None:
        shown = fit(text, room, points, weight)
        figure.text(
            EDGE / WIDTH, 1 - down / height, shown, size=points, color=color, weight=weight, va="center_baseline"
        )

    write(title, 52, TITLE, INK, "bold")
    for place, line in enumerate(lines):
        write(line, 100 + _LINE * place, SMALL, DIM)
    if note:
        write(note, height - 40, SMALL, DIM)
    top, bottom = _HEADING + 30 + _LINE * len(lines), below or (76 if note else 28)
    engine = figure.get_layout_engine()
    assert engine is not None
    engine.set(rect=(EDGE / WIDTH, bottom / height, room / WIDTH, 1 - (top + bottom) / height))  # type: ignore[call-arg]
    return figure


def to_png(figure: "Figure") -> bytes:
    """The figure as a PNG, which says nothing of the machine, of the time or of the library's version."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def bar_chart(
    title: str,
    *lines: str,
    names: Sequence[str],
    shares: Sequence[float],
    errors: Sequence[float],
    colors: Sequence[str],
    labels: Sequence[str],
    nothing: str,
    note: str = "",
) -> bytes:
    """Horizontal bars as a PNG: a name at the left, a label at the right; `nothing` is said where there are no bars.

    Lengths are shares of the longest one, so that numbers of any size can be drawn; an error of NaN has no whisker.
    """
    rows = max(len(names), _FEWEST_ROWS)
    figure = new_figure(_HEADING + _LINE * len(lines) + _ROW * rows + (106 if note else 58), title, *lines, note=note)
    axes = figure.subplots()
    axes.set(xlim=(0, 1), ylim=(rows - 0.5, -0.5))
    axes.xaxis.set_visible(False)
    axes.spines.bottom.set_visible(False)
    if not names:
        axes.yaxis.set_visible(False)
        axes.text(0, 0, nothing, va="center")
        return to_png(figure)
    bars = [max(share, 0.003) for share in shares]  # the shortest one can still be seen
    axes.barh(range(len(names)), bars, 0.6, color=colors)
    axes.errorbar(shares, range(len(names)), xerr=errors, fmt="none", ecolor=INK, elinewidth=1.2, capsize=3)
    axes.set_yticks(range(len(names)), names, color=INK)
    right = axes.secondary_yaxis("right")
    right.set_yticks(range(len(names)), labels, size=SMALL)
    for side in (axes, right):
        side.tick_params(axis="y", pad=8)
    right.spines.right.set_visible(False)
    return to_png(figure)


def limits_of(values: Iterable[float], padding: float = 0.0) -> tuple[float, float]:
    """Limits of an axis that shows the finite ones of `values`, with `padding` of its length more at both ends."""
    finite = [plottable(value) for value in values if math.isfinite(value)] or [0.0]
    low, high = min(finite), max(finite)
    size = max(abs(low), abs(high))
    if high - low <= max(size * 1e-12, _SMALLEST):  # all but equal: an axis needs a length
        low, high = low - max(size * 0.05, _SMALLEST), high + max(size * 0.05, _SMALLEST)
    if not size:
        low, high = -1.0, 1.0
    room = (high - low) * padding
    return low - room, high + room


def plottable(value: float) -> float:
    """`value`, brought to the largest number that an axis can show."""
    return max(-_LARGEST, min(_LARGEST, value))


def label_ticks(axes: "Axes", *, across: bool, ticks: int = 5) -> None:
    """Put about `ticks` ticks on the horizontal (`across`) or vertical axis, with as many digits as tell them apart."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axis = axes.xaxis if across else axes.yaxis
    axis.set_major_locator(MaxNLocator(ticks))
    axis.set_major_formatter(FuncFormatter(_tick_label(*(axes.get_xlim() if across else axes.get_ylim()))))


def _tick_label(low: float, high: float) -> Callable[[float, int | None], str]:
    digits = max(9, 3 + math.ceil(math.log10(max(abs(low), abs(high)) / (high - low))))

    def label(value: float, _place: int | None) -> str:
        return f"{value or 0.0:,.{digits}g}".replace("e+", "e").replace("-", MINUS)

    return label


def blend(color: str, share: float) -> str:
    """`share` of the colour on paper."""
    parts = zip(bytes.fromhex(PAPER[1:]), bytes.fromhex(color[1:]), strict=True)
    return "#" + "".join(f"{round(paper + (ink - paper) * share):02x}" for paper, ink in parts)


# Text from outside -----------------------------------------------------------------------------------------------------


def showable(text: str, limit: int = _LONGEST) -> str:
    """Text from outside as one line that the font can show: cleaned, cut, with a box for each character it lacks."""
    known = _characters()
    cleaned = clean(text, limit).strip()
    return "".join(letter if ord(letter) in known else ABSENT for letter in cleaned) or "(empty)"


def width(text: str, points: float, weight: str = "normal") -> float:
    """The width of `text` in pixels."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    font = get_font(findfont(FontProperties(family=_FONT, weight=weight)))
    font.set_size(points, _DPI)
    font.set_text(text, 0.0)
    return float(font.get_width_height()[0]) / 64  # the library counts in 64ths


def fit(text: str, room: float, points: float, weight: str = "normal") -> str:
    """`text`, with "…" in it if it is wider than `room` pixels. Its end stays: names often differ there alone."""
    kept = len(text)
    shown = text
    while kept and width(shown, points, weight) > room:
        kept = min(kept - 1, int(kept * room / width(shown, points, weight)) + 1)
        tail = kept // 3
        shown = text[: kept - tail].rstrip() + "…" + text[len(text) - tail :].lstrip()
    return shown


@cache
def _characters() -> frozenset[int]:
    """The characters that both weights of the font can show."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    fonts = (get_font(findfont(FontProperties(family=_FONT, weight=weight))) for weight in ("normal", "bold"))
    return frozenset.intersection(*(frozenset(font.get_charmap()) for font in fonts))
