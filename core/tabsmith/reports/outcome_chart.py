"""What a model gets right and wrong: the confusion matrix or the worst confusions of classes, the residuals of numbers."""

import math
from typing import TYPE_CHECKING, Final, assert_never

from tabsmith import formatting
from tabsmith.modeling.results import Confusion, ModelReport, Residuals
from tabsmith.presentation.models import confused_classes, residual_spread, rows_right
from tabsmith.reports import figures
from tabsmith.reports.figures import NothingToDrawError
from tabsmith.text import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_CLASSES: Final = 12
"""Classes of a confusion matrix; of more classes, only the worst confusions are drawn."""
_WORST: Final = 12
_NAME: Final = 250  # pixels of a class name
_LYING: Final = 120  # pixels of a cell from which on its class is written across, cut if it must be
_THOUSANDS: Final = ("k", "M", "G", "T", "P", "E")


def outcome_chart(report: ModelReport) -> bytes:
    """How the model's predictions compare with the truth, as a PNG. Raises NothingToDrawError if no rows were predicted."""
    match report.outcome:
        case Residuals():
            return _residuals(report, report.outcome)
        case Confusion():
            return _confusion(report, report.outcome)
        case _:
            assert_never(report.outcome)


def _nothing() -> NothingToDrawError:
    return NothingToDrawError("No rows were predicted to compare.", next_step="Train with more rows.")


def _rows(report: ModelReport) -> str:
    return "test rows" if report.holdout else "rows that the model had not seen"


# Residuals -------------------------------------------------------------------------------------------------------------


def _residuals(report: ModelReport, shown: Residuals) -> bytes:
    """A cloud around the diagonal above, the distribution of truth minus prediction below."""
    pairs = [pair for pair in zip(shown.truth, shown.predicted, strict=False) if all(map(math.isfinite, pair))]
    if not pairs:
        raise _nothing()
    with figures.drawing():
        target = figures.fit(figures.showable(report.schema.target or ""), 420, figures.TITLE, "bold")
        rows = report.holdout.rows if report.holdout else 0
        drawn = f"{len(pairs):,} of {rows:,}" if rows > len(pairs) else f"{len(pairs):,}"
        figure = figures.new_figure(1080, f"{target}: prediction and truth", f"{drawn} {_rows(report)}")
        cloud, errors = figure.subplots(2, height_ratios=(3, 1))
        _draw_cloud(cloud, pairs)
        _draw_errors(errors, shown)
        return figures.to_png(figure)


def _draw_cloud(axes: "Axes", pairs: list[tuple[float, float]]) -> None:
    limits = figures.limits_of([value for pair in pairs for value in pair], 0.04)
    axes.set(xlim=limits, ylim=limits, xlabel="truth", ylabel="prediction")
    axes.grid(visible=True)
    axes.spines.bottom.set_visible(False)
    for across in (True, False):
        figures.label_ticks(axes, across=across)
    axes.plot(limits, limits, color=figures.INK, linestyle="dashed", linewidth=1.2)
    few = len(pairs) <= 20
    truth, predicted = ([figures.plottable(value) for value in values] for values in zip(*pairs, strict=True))
    axes.plot(
        truth,
        predicted,
        "o",
        color=figures.BLUE,
        alpha=0.9 if few else 0.55,
        markersize=7.5 if few else 5.5,
        markeredgecolor=figures.PAPER,
        markeredgewidth=0.5,
    )


def _draw_errors(axes: "Axes", shown: Residuals) -> None:
    axes.set_title(f"truth minus prediction\n{residual_spread(shown)}", color=figures.DIM, size=figures.SMALL)
    axes.yaxis.set_visible(False)
    low, high = figures.limits_of((shown.minimum, shown.maximum))
    axes.set_xlim(low, high)
    figures.label_ticks(axes, across=True)
    if max(shown.bins, default=0) <= 0:
        return
    wide = (high - low) / len(shown.bins)
    starts = [low + wide * place for place in range(len(shown.bins))]
    axes.bar(starts, shown.bins, wide, align="edge", color=figures.BLUE, edgecolor=figures.PAPER)
    if low < 0 < high:
        axes.axvline(0, color=figures.INK, linestyle="dashed", linewidth=1.2)


# Classes ---------------------------------------------------------------------------------------------------------------


def _confusion(report: ModelReport, shown: Confusion) -> bytes:
    size = len(shown.classes)
    counts = [[*row[:size], *[0] * (size - len(row))] for row in shown.counts[:size]]
    right, total = rows_right(shown)
    if not size or len(counts) < size or not total:
        raise _nothing()
    title = f"{formatting.count(right)} of {plural(total, 'row')} right"
    with figures.drawing():
        target = figures.showable(report.schema.target or "", 40)
        if size <= MOST_CLASSES:
            return _matrix(title, f"{target}, {_rows(report)}", shown.classes, counts)
        return _worst(title, f"{target}, {plural(size, 'class', 'classes')}, {_rows(report)}", shown)


def _matrix(title: str, about: str, classes: tuple[str, ...], counts: list[list[int]]) -> bytes:
    from matplotlib.colors import to_rgb

    size = len(classes)
    names = [figures.fit(figures.showable(name), _NAME, figures.TEXT) for name in classes]
    widest = max(figures.width(name, figures.TEXT) for name in names)
    wide = (figures.WIDTH - 2 * figures.EDGE - widest - 70) / size  # pixels of a cell
    high = max(70.0, min(150.0, wide * 0.62))
    upright = widest > wide - 12 and wide < _LYING
    above = widest if upright else 26
    note = "in each cell: how many rows, and their share of the true class"
    figure = figures.new_figure(250 + above + high * size, title, about, note=note)
    axes = figure.subplots()
    axes.imshow(
        [[to_rgb(_cell_color(count, sum(row), column == place)) for column, count in enumerate(row)]
         for place, row in enumerate(counts)],
        aspect="auto",
    )  # fmt: skip
    axes.xaxis.tick_top()
    axes.set_xlabel("predicted")
    axes.xaxis.set_label_position("top")
    axes.set_ylabel("truth")
    across = names if upright else [figures.fit(name, wide - 12, figures.TEXT) for name in names]
    axes.set_xticks(range(size), across, color=figures.INK, rotation="vertical" if upright else "horizontal")
    axes.set_yticks(range(size), names, color=figures.INK)
    for ticks in (axes.set_xticks, axes.set_yticks):  # gaps between the cells
        ticks([place - 0.5 for place in range(size + 1)], minor=True)
    axes.grid(which="minor", color=figures.PAPER, linewidth=2)
    axes.tick_params(which="minor", length=0)
    axes.spines.bottom.set_visible(False)
    points = min(
        figures.TITLE, high * 0.18, 10 * (wide - 10) / max(figures.width(_short(c), 10) for r in counts for c in r)
    )
    for place, row in enumerate(counts):
        for column, count in enumerate(row):
            _write_cell(axes, (column, place), count, sum(row), points, wide)
    return figures.to_png(figure)


def _strength(count: int, total: int, *, agrees: bool) -> float:
    """The strength of a cell's colour, from 0 to 1; a small share of errors can be seen too."""
    share = count / total if total else 0.0
    return share if agrees else math.pow(share, 0.75)


def _cell_color(count: int, total: int, agrees: bool) -> str:
    strength = _strength(count, total, agrees=agrees)
    return figures.blend(figures.BLUE if agrees else figures.ORANGE, strength) if count else figures.BLANK


def _write_cell(axes: "Axes", at: tuple[int, int], count: int, total: int, points: float, wide: float) -> None:
    strong = _strength(count, total, agrees=at[0] == at[1]) > 0.85
    color = figures.PAPER if strong else figures.INK if count else figures.QUIET
    if not count:
        axes.text(*at, _short(count), size=points, color=color, ha="center", va="center")
        return
    share = formatting.percent(count / total) if wide >= _LYING else f"{count / total * 100:.0f}%"
    small = min(points * 0.7, 10 * (wide - 10) / figures.width("100%", 10))
    axes.text(*at, _short(count), size=points, color=color, ha="center", va="bottom")
    axes.annotate(share, at, (0, -3), textcoords="offset points", size=small, color=color, ha="center", va="top")


def _short(count: int) -> str:
    """A count of at most five characters: 9,876; 54k; 1.2M."""
    if count < 10_000:
        return formatting.count(count)
    value, place = float(count), 0
    while value >= 999.5 and place < len(_THOUSANDS):
        value, place = value / 1000, place + 1
    return f"{value:.1f}{_THOUSANDS[place - 1]}" if value < 9.95 else f"{value:,.0f}{_THOUSANDS[place - 1]}"


def _worst(title: str, about: str, shown: Confusion) -> bytes:
    """Of many classes, those that were taken for another one most often."""
    confused = confused_classes(shown)
    worst = confused[:_WORST]
    names = [figures.fit(figures.showable(name), _NAME, figures.TEXT) for name in shown.classes]
    return figures.bar_chart(
        title,
        about,
        "most often confused: truth → prediction, rows, share of the class",
        names=[f"{names[pair.truth]} → {names[pair.predicted]}" for pair in worst],
        shares=[pair.rows / worst[0].rows for pair in worst],
        errors=[math.nan] * len(worst),
        colors=[figures.ORANGE] * len(worst),
        labels=[f"{formatting.count(pair.rows)} · {formatting.percent(pair.rows / pair.class_rows)}" for pair in worst],
        nothing="No class was taken for another.",
        note=f"+{plural(len(confused) - len(worst), 'confusion')}" if len(confused) > len(worst) else "",
    )
