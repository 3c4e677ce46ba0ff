"""Predicted numbers against the true ones, and how the errors spread."""

import math
from typing import Final

from tabsmith import numbers
from tabsmith.charts import lettering, style
from tabsmith.charts.failures import NothingToDrawError
from tabsmith.charts.scale import Range, range_of, ticks
from tabsmith.modeling.results import Report, Residuals

_HEIGHT: Final = 1080
_CLOUD: Final = (154, 660)  # from the top to the bottom of the cloud
_BARS: Final = (840, 990)  # and of the errors' distribution


def residuals(report: Report, shown: Residuals) -> bytes:
    """A cloud around the diagonal above, the distribution of truth minus prediction below, as a PNG.

    Raises NothingToDrawError where there are no rows.
    """
    pairs = [pair for pair in zip(shown.truth, shown.predicted, strict=False) if all(map(math.isfinite, pair))]
    if not pairs:
        raise NothingToDrawError("No rows were predicted to compare.", next_step="Train with more rows.")
    with style.drawing():
        sheet = style.Sheet(_HEIGHT)
        target = lettering.fit(lettering.showable(report.schema.target or ""), 420, style.TITLE, "bold")
        where = "hold-out rows" if report.holdout else "rows that the model had not seen"
        rows = report.holdout.rows if report.holdout else 0
        drawn = f"{len(pairs):,} of {rows:,}" if rows > len(pairs) else f"{len(pairs):,}"
        sheet.heading(f"{target}: prediction and truth", f"{drawn} {where}")
        _cloud(sheet, pairs)
        _errors(sheet, shown)
        return sheet.png()


def _cloud(sheet: style.Sheet, pairs: list[tuple[float, float]]) -> None:
    shown = range_of([value for pair in pairs for value in pair]).padded(0.04)
    marks = ticks(shown, 5)
    top, bottom = _CLOUD
    left = style.EDGE + max((lettering.width(each.label, style.TEXT) for each in marks), default=0.0) + 14
    right = sheet.width - style.EDGE

    def at(truth: float, predicted: float) -> style.Point:
        return left + shown.share(truth) * (right - left), bottom - shown.share(predicted) * (bottom - top)

    for each in marks:
        x, y = at(each.value, each.value)
        sheet.line([(left, y), (right, y)], style.FAINT, 1.5)
        sheet.line([(x, top), (x, bottom)], style.FAINT, 1.5)
        sheet.words((left - 14, y), each.label, color=style.DIM, side="right")
    _below(sheet, [(at(each.value, 0.0)[0], each.label) for each in marks], bottom + 28)
    sheet.line([at(shown.low, shown.low), at(shown.high, shown.high)], style.INK, 2.5, dashed=True)
    size, solid = (17.0, 0.9) if len(pairs) <= 20 else (13.0, 0.55)
    sheet.marks([at(*pair) for pair in pairs], style.BLUE, size, solid=solid)
    sheet.words((left + 14, top + 22), "prediction ↑", style.SMALL, style.DIM)
    sheet.words((right - 4, bottom - 22), "truth →", style.SMALL, style.DIM, side="right")


def _errors(sheet: style.Sheet, shown: Residuals) -> None:
    top, bottom = _BARS
    low, middle, high = (numbers.number(each) for each in shown.quartiles)
    sheet.words((style.EDGE, top - 80), "truth minus prediction", 14.0, weight="bold")
    said = f"half of the rows: {low} to {high}, middle {middle}"
    sheet.words((style.EDGE, top - 40), said, style.SMALL, style.DIM, room=sheet.width - 2 * style.EDGE)
    left, right = float(style.EDGE), float(sheet.width - style.EDGE)
    most = max(shown.bins, default=0)
    if most > 0:
        wide = (right - left) / len(shown.bins)
        for place, count in enumerate(shown.bins):
            high_enough = max(3.0, (bottom - top) * count / most) if count else 0.0
            start = left + wide * place
            sheet.box(start + 1.5, bottom - high_enough, start + wide - 1.5, bottom, style.BLUE)
    sheet.line([(left, bottom), (right, bottom)], style.QUIET, 1.5)
    across = _across(shown)
    if across is None:
        return
    spots = [(left + across.share(each.value) * (right - left), each.label) for each in ticks(across, 5)]
    _below(sheet, spots, bottom + 28)
    if across.low < 0 < across.high:
        zero = left + across.share(0.0) * (right - left)
        sheet.line([(zero, top - 8), (zero, bottom)], style.INK, 2.5, dashed=True)


def _across(shown: Residuals) -> Range | None:
    """The errors' range; None where it has no width or is no number."""
    low, high = shown.minimum, shown.maximum
    return range_of((low, high)) if math.isfinite(low) and math.isfinite(high) and low < high else None


def _below(sheet: style.Sheet, labels: list[tuple[float, str]], y: float) -> None:
    """Labels under an axis, those left out that would touch the one before or the sheet's edge."""
    free = 0.0
    for x, label in labels:
        half = lettering.width(label, style.TEXT) / 2
        if x - half >= free and x + half <= sheet.width - 6:
            sheet.words((x, y), label, color=style.DIM, side="center")
            free = x + half + 16
