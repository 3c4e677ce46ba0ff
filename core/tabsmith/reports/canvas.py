"""How pictures look: a sheet of paper that is drawn on in pixels, a few colours, words that are never taken for markup.

The colours are Okabe and Ito's, which people who see colours differently can tell apart. The paper is opaque, so that a
picture reads the same in a light and in a dark chat. matplotlib is used as a canvas, through its objects alone: no
pyplot, and no setting of the process outlives a drawing. Where nothing can be drawn, an error says why.
"""

import io
import logging
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import ModuleType
from typing import Final, Literal, TypeAlias

from tabsmith.errors import TabsmithError
from tabsmith.reports import lettering


class ChartError(TabsmithError):
    """A picture cannot be drawn."""


class NothingToDrawError(ChartError):
    """What the picture would show is not known yet, or was never measured."""


class MatplotlibMissingError(ChartError):
    """The library that draws is not installed."""


Point: TypeAlias = tuple[float, float]  # pixels from the left and from the top
Weight = lettering.Weight
Side = Literal["left", "center", "right"]
Mark = Literal["dot", "cross", "above", "below"]

WIDTH: Final = 1000
HEIGHT: Final = 700
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

_MARKS: Final[dict[Mark, str]] = {"dot": "o", "cross": "x", "above": "^", "below": "v"}
_ALONE = threading.Lock()  # matplotlib is not made for two threads at once


@contextmanager
def drawing() -> Iterator[None]:
    """Everything that draws or measures happens in here: one thread at a time, with matplotlib's own defaults instead
    of the person's settings. Raises DrawingMissingError where matplotlib is not installed."""
    with _ALONE:
        try:
            style = _style()
        except ImportError as error:
            raise MatplotlibMissingError(
                "Pictures cannot be drawn: matplotlib is not installed.",
                where=str(error),
                next_step="Install it with `pip install 'tabsmith[telegram]'`.",
            ) from error
        with style.context("default"):
            yield


class Sheet:
    """A picture being drawn. Lengths are pixels; (0, 0) is at the top on the left. Made within `drawing()`."""

    def __init__(self, height: float = HEIGHT, width: float = WIDTH) -> None:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure

        self.width, self.height = round(width), round(height)
        figure = Figure(figsize=(self.width / lettering.DPI, self.height / lettering.DPI), dpi=lettering.DPI)
        figure.set_facecolor(PAPER)
        FigureCanvasAgg(figure)  # which the figure keeps
        self._figure = figure
        self._drawn = 0
        self._axes = figure.add_axes((0, 0, 1, 1))
        self._axes.set_axis_off()
        self._axes.set(xlim=(0, self.width), ylim=(self.height, 0), autoscale_on=False)

    def heading(self, title: str, *lines: str) -> float:
        """The title with quiet lines under it; where what follows may begin."""
        room = self.width - 2 * EDGE
        self.words((EDGE, 52), title, TITLE, weight="bold", room=room)
        for place, line in enumerate(lines):
            self.words((EDGE, 100 + 34 * place), line, SMALL, DIM, room=room)
        return 70 + 34 * len(lines)

    def words(
        self,
        at: Point,
        text: str,
        points: float = TEXT,
        color: str = INK,
        *,
        side: Side = "left",
        weight: Weight = "plain",
        room: float | None = None,
        upright: bool = False,
    ) -> None:
        """`text` at the height of its middle, cut to `room`; `upright` reads from the bottom to the top."""
        from matplotlib.font_manager import FontProperties

        self._axes.text(
            *at,
            text if room is None else lettering.fit(text, room, points, weight),
            color=color,
            fontproperties=FontProperties(fname=str(lettering.path_of(weight)), size=points),
            horizontalalignment="center" if upright else side,
            verticalalignment="bottom" if upright else "center_baseline",
            rotation=90 if upright else 0,
            zorder=self._above(),
            parse_math=False,
            usetex=False,
        )

    def line(self, points: Sequence[Point], color: str, thick: float = 2.0, *, dashed: bool = False) -> None:
        """A line through `points`."""
        from matplotlib.lines import Line2D

        across, down = zip(*points, strict=True)
        drawn = Line2D(across, down, color=color, linewidth=_points(thick), zorder=self._above(), clip_on=False)
        drawn.set_solid_capstyle("round")
        drawn.set_solid_joinstyle("round")
        if dashed:
            drawn.set_dashes((4.0, 2.4))
        self._axes.add_artist(drawn)

    def box(self, left: float, top: float, right: float, bottom: float, color: str) -> None:
        """A filled rectangle."""
        from matplotlib.patches import Rectangle

        drawn = Rectangle((left, top), right - left, bottom - top, facecolor=color, linewidth=0, zorder=self._above())
        self._axes.add_artist(drawn)

    def marks(
        self, points: Sequence[Point], color: str, size: float, mark: Mark = "dot", *, solid: float = 1.0
    ) -> None:
        """A mark of `size` pixels at each point; `solid` below 1 lets what is under it shine through."""
        from matplotlib.lines import Line2D

        if not points:
            return
        across, down = zip(*points, strict=True)
        rim = color if mark == "cross" else PAPER
        drawn = Line2D(across, down, linestyle="none", color=color, alpha=solid, zorder=self._above(), clip_on=False)
        drawn.set_marker(_MARKS[mark])
        drawn.set_markersize(_points(size))
        drawn.set_markeredgecolor(rim)
        drawn.set_markeredgewidth(_points(3.0 if mark == "cross" else 1.2))
        self._axes.add_artist(drawn)

    def png(self) -> bytes:
        """The picture. It says nothing of the machine, of the time or of the library's version."""
        buffer = io.BytesIO()
        self._figure.savefig(buffer, format="png", metadata={"Software": None})
        return buffer.getvalue()

    def _above(self) -> int:
        """What is drawn later lies above what was drawn before, whatever it is."""
        self._drawn += 1
        return self._drawn


def blend(color: str, share: float) -> str:
    """`share` of the colour on paper."""
    parts = zip(_channels(PAPER), _channels(color), strict=True)
    return "#" + "".join(f"{round(paper + (ink - paper) * share):02x}" for paper, ink in parts)


def _channels(color: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(color[1:]))


def _points(pixels: float) -> float:
    return pixels * 72 / lettering.DPI


def _style() -> ModuleType:
    """matplotlib's styles, imported without its talk of building a font cache, which happens once on a machine."""
    talk = logging.getLogger("matplotlib")
    level = talk.level
    talk.setLevel(logging.ERROR)
    try:
        import matplotlib.figure
        import matplotlib.style
    finally:
        talk.setLevel(level)
    return matplotlib.style
