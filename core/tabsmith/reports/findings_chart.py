"""The picture of findings as a PNG: bars, histograms, a matrix, points, boxes, lines through time."""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, assert_never

from tabsmith import formatting
from tabsmith.presentation.findings import value_text
from tabsmith.reports import figures
from tabsmith.reports.figures import NothingToDrawError
from tabsmith.statistics.findings import Bars, Boxes, Findings, Histogram, Lines, Matrix, Points
from tabsmith.statistics.words.plan_sentences import plans_sentence
from tabsmith.text import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_HEIGHT: Final = 760
_MOST_BARS: Final = 25
_MOST_GROUPS: Final = 8
_COLORS: Final = (figures.BLUE, "#c8641e", "#3a8f4d", "#8b4fa8", "#b03a4a", "#7d6b2f", "#2f8f95", "#555555")


def findings_chart(findings: Findings) -> bytes:
    """The picture of `findings` as a PNG; may be called from any thread.

    Raises NothingToDrawError if there is no picture, MatplotlibMissingError where matplotlib is not installed.
    """
    picture = findings.picture
    if picture is None:
        raise NothingToDrawError(
            "There is no picture of this answer.", next_step="Ask for a distribution, a relation or a comparison."
        )
    with figures.drawing():
        title = figures.showable(picture.title or plans_sentence((findings.plan,)))
        about = f"{plural(findings.rows_used, 'row')}"
        match picture:
            case Bars():
                return _bars(picture, title, about)
            case Histogram():
                return _plot(title, about, lambda axes: _histogram(axes, picture))
            case Matrix():
                return _plot(title, about, lambda axes: _matrix(axes, picture))
            case Points():
                return _plot(title, about, lambda axes: _points(axes, picture))
            case Boxes():
                return _plot(title, about, lambda axes: _boxes(axes, picture))
            case Lines():
                return _plot(title, about, lambda axes: _lines(axes, picture))
            case _:
                assert_never(picture)


def _plot(title: str, about: str, draw: Callable[["Axes"], None]) -> bytes:
    figure = figures.new_figure(_HEIGHT, title, about)
    draw(figure.subplots())
    return figures.to_png(figure)


def _bars(picture: Bars, title: str, about: str) -> bytes:
    values = [figures.plottable(value) if math.isfinite(value) else 0.0 for value in picture.values[:_MOST_BARS]]
    longest = max(map(abs, values), default=0.0) or 1.0
    intervals = picture.intervals[:_MOST_BARS]
    errors = [(high - low) / 2 / longest for low, high in intervals] if intervals else [math.nan] * len(values)
    less = len(picture.labels) - len(values)
    return figures.bar_chart(
        title,
        about,
        names=[figures.fit(figures.showable(label), 330, figures.TEXT) for label in picture.labels[:_MOST_BARS]],
        shares=[abs(value) / longest for value in values],
        errors=errors,
        colors=[figures.BLUE if value >= 0 else figures.QUIET for value in values],
        labels=[value_text(value) for value in values],
        nothing="There are no values.",
        note=f"+{plural(less, 'more bar')}" if less > 0 else "",
    )


def _histogram(axes: "Axes", picture: Histogram) -> None:
    for index, (label, counts) in enumerate(list(picture.counts.items())[:_MOST_GROUPS]):
        alone = len(picture.counts) == 1
        axes.stairs(
            counts, picture.edges, fill=alone, color=_COLORS[index], linewidth=2, label=figures.showable(label, 40)
        )
    axes.set_xlim(*figures.limits_of(picture.edges))
    axes.set_ylim(bottom=0)
    _finish(axes, "", "rows", legend=len(picture.counts) > 1)


def _matrix(axes: "Axes", picture: Matrix) -> None:
    size = len(picture.labels)
    names = [figures.fit(figures.showable(label), 200, figures.SMALL) for label in picture.labels]
    cells = [[math.nan if cell is None else cell for cell in row] for row in picture.cells]
    axes.imshow(cells, cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
    axes.set_xticks(range(size), names, rotation=45, ha="right", size=figures.SMALL)
    axes.set_yticks(range(size), names, size=figures.SMALL)
    if size > 12:
        return
    for row, line in enumerate(cells):
        for column, cell in enumerate(line):
            text = formatting.UNKNOWN if math.isnan(cell) else f"{cell:.2f}".replace("-", formatting.MINUS)
            color = figures.PAPER if abs(cell) > 0.6 else figures.INK
            axes.text(column, row, text, ha="center", va="center", size=figures.SMALL, color=color)


def _points(axes: "Axes", picture: Points) -> None:
    axes.scatter(_drawn(picture.x), _drawn(picture.y), s=14, alpha=0.5, color=figures.BLUE, linewidths=0)
    if picture.line:
        axes.plot(
            _drawn([x for x, _ in picture.line]), _drawn([y for _, y in picture.line]), color=_COLORS[1], linewidth=2
        )
    axes.set_xlim(*figures.limits_of(picture.x, 0.03))
    axes.set_ylim(*figures.limits_of(picture.y, 0.03))
    figures.label_ticks(axes, across=True)
    _finish(axes, picture.x_label, picture.y_label)


def _boxes(axes: "Axes", picture: Boxes) -> None:
    shown = [
        {"whislo": low, "q1": first, "med": middle, "q3": third, "whishi": high, "fliers": []}
        for low, first, middle, third, high in picture.boxes[:_MOST_BARS]
    ]
    axes.bxp(
        shown, showfliers=False, patch_artist=True,
        boxprops={"facecolor": figures.blend(figures.BLUE, 0.3)}, medianprops={"color": figures.INK},
    )  # fmt: skip
    names = [figures.fit(figures.showable(label), 160, figures.SMALL) for label in picture.labels[:_MOST_BARS]]
    axes.set_xticks(range(1, len(names) + 1), names, rotation=30 if len(names) > 6 else 0, size=figures.SMALL)
    _finish(axes, "", "")


def _lines(axes: "Axes", picture: Lines) -> None:
    import datetime as dt

    start = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    try:
        times: list[object] = [start + dt.timedelta(seconds=time) for time in picture.times]
    except OverflowError:
        times = list(picture.times)
    for index, (label, values) in enumerate(list(picture.lines.items())[:_MOST_GROUPS]):
        axes.plot(times, values, color=_COLORS[index], linewidth=2, label=figures.showable(label, 40))  # type: ignore[arg-type] # dates
    axes.tick_params(axis="x", rotation=30)
    _finish(axes, "", "", legend=len(picture.lines) > 1)


def _drawn(values: Sequence[float]) -> list[float]:
    return [figures.plottable(value) for value in values]


def _finish(axes: "Axes", across: str, up: str, *, legend: bool = False) -> None:
    axes.set_xlabel(figures.showable(across, 60))
    axes.set_ylabel(figures.showable(up, 60))
    if legend:
        axes.legend(frameon=False, fontsize=figures.SMALL)
