"""What a model gets right and wrong: the confusion matrix, the worst confusions, or residuals.

Predicted numbers against the true ones, and how the errors spread.
"""

import math
from typing import Final, assert_never

from tabsmith import formatting
from tabsmith.modeling.results import Confusion, ModelReport, Residuals
from tabsmith.presentation.models import Confused, confused_classes
from tabsmith.reports import canvas, lettering
from tabsmith.reports.canvas import NothingToDrawError
from tabsmith.reports.scale import Range, range_of, ticks
from tabsmith.text import plural

_HEIGHT: Final = 1080
_CLOUD: Final = (154, 660)  # from the top to the bottom of the cloud
_BARS: Final = (840, 990)  # and of the errors' distribution


def residuals_chart(report: ModelReport, shown: Residuals) -> bytes:
    """A cloud around the diagonal above, the distribution of truth minus prediction below, as a PNG.

    Raises NothingToDrawError where there are no rows.
    """
    pairs = [pair for pair in zip(shown.truth, shown.predicted, strict=False) if all(map(math.isfinite, pair))]
    if not pairs:
        raise NothingToDrawError("No rows were predicted to compare.", next_step="Train with more rows.")
    with canvas.drawing():
        sheet = canvas.Sheet(_HEIGHT)
        target = lettering.fit(lettering.showable(report.schema.target or ""), 420, canvas.TITLE, "bold")
        where = "test rows" if report.holdout else "rows that the model had not seen"
        rows = report.holdout.rows if report.holdout else 0
        drawn = f"{len(pairs):,} of {rows:,}" if rows > len(pairs) else f"{len(pairs):,}"
        sheet.heading(f"{target}: prediction and truth", f"{drawn} {where}")
        _cloud(sheet, pairs)
        _errors(sheet, shown)
        return sheet.png()


def _cloud(sheet: canvas.Sheet, pairs: list[tuple[float, float]]) -> None:
    shown = range_of([value for pair in pairs for value in pair]).padded(0.04)
    marks = ticks(shown, 5)
    top, bottom = _CLOUD
    left = canvas.EDGE + max((lettering.width(each.label, canvas.TEXT) for each in marks), default=0.0) + 14
    right = sheet.width - canvas.EDGE

    def at(truth: float, predicted: float) -> canvas.Point:
        return left + shown.share(truth) * (right - left), bottom - shown.share(predicted) * (bottom - top)

    for each in marks:
        x, y = at(each.value, each.value)
        sheet.line([(left, y), (right, y)], canvas.FAINT, 1.5)
        sheet.line([(x, top), (x, bottom)], canvas.FAINT, 1.5)
        sheet.words((left - 14, y), each.label, color=canvas.DIM, side="right")
    _below(sheet, [(at(each.value, 0.0)[0], each.label) for each in marks], bottom + 28)
    sheet.line([at(shown.low, shown.low), at(shown.high, shown.high)], canvas.INK, 2.5, dashed=True)
    size, solid = (17.0, 0.9) if len(pairs) <= 20 else (13.0, 0.55)
    sheet.marks([at(*pair) for pair in pairs], canvas.BLUE, size, solid=solid)
    sheet.words((left + 14, top + 22), "prediction ↑", canvas.SMALL, canvas.DIM)
    sheet.words((right - 4, bottom - 22), "truth →", canvas.SMALL, canvas.DIM, side="right")


def _errors(sheet: canvas.Sheet, shown: Residuals) -> None:
    top, bottom = _BARS
    low, median, high = (formatting.number(each) for each in shown.quartiles)
    sheet.words((canvas.EDGE, top - 80), "truth minus prediction", 14.0, weight="bold")
    said = f"half of the rows: {low} to {high}, median {median}"
    sheet.words((canvas.EDGE, top - 40), said, canvas.SMALL, canvas.DIM, room=sheet.width - 2 * canvas.EDGE)
    left, right = float(canvas.EDGE), float(sheet.width - canvas.EDGE)
    most = max(shown.bins, default=0)
    if most > 0:
        wide = (right - left) / len(shown.bins)
        for place, count in enumerate(shown.bins):
            high_enough = max(3.0, (bottom - top) * count / most) if count else 0.0
            start = left + wide * place
            sheet.box(start + 1.5, bottom - high_enough, start + wide - 1.5, bottom, canvas.BLUE)
    sheet.line([(left, bottom), (right, bottom)], canvas.QUIET, 1.5)
    across = _across(shown)
    if across is None:
        return
    spots = [(left + across.share(each.value) * (right - left), each.label) for each in ticks(across, 5)]
    _below(sheet, spots, bottom + 28)
    if across.low < 0 < across.high:
        zero = left + across.share(0.0) * (right - left)
        sheet.line([(zero, top - 8), (zero, bottom)], canvas.INK, 2.5, dashed=True)


def _across(shown: Residuals) -> Range | None:
    """The errors' range; None where it has no width or is no number."""
    low, high = shown.minimum, shown.maximum
    return range_of((low, high)) if math.isfinite(low) and math.isfinite(high) and low < high else None


def _below(sheet: canvas.Sheet, labels: list[tuple[float, str]], y: float) -> None:
    """Labels under an axis, those left out that would touch the one before or the sheet's edge."""
    free = 0.0
    for x, label in labels:
        half = lettering.width(label, canvas.TEXT) / 2
        if x - half >= free and x + half <= sheet.width - 6:
            sheet.words((x, y), label, color=canvas.DIM, side="center")
            free = x + half + 16


MOST_CLASSES: Final = 12  # in a matrix
_WORST: Final = 12
_LYING: Final = 120  # pixels of a cell from which on its class is written across, cut where it must be
_ROW: Final = 48
_BAR: Final = 190
_THOUSANDS: Final = ("k", "M", "G", "T", "P", "E")
_NAMES: Final = 230  # pixels at most, beside the matrix and above it


def outcome_chart(report: ModelReport) -> bytes:
    """How the model's predictions compare with the truth, as a PNG. Raises NothingToDrawError where there are none."""
    match report.outcome:
        case Residuals():
            return residuals_chart(report, report.outcome)
        case Confusion():
            return _confusion(report, report.outcome)
        case _:
            assert_never(report.outcome)


def _confusion(report: ModelReport, shown: Confusion) -> bytes:
    size = len(shown.classes)
    counts = [[*row[:size], *[0] * (size - len(row))] for row in shown.counts[:size]]
    total = sum(map(sum, counts))
    if not size or len(counts) < size or not total:
        raise NothingToDrawError("No rows were predicted to compare.", next_step="Train with more rows.")
    right = sum(counts[place][place] for place in range(size))
    title = f"{formatting.count(right)} of {plural(total, 'row')} right"
    with canvas.drawing():
        target = lettering.showable(report.schema.target or "", 40)
        where = "test rows" if report.holdout else "rows that the model had not seen"
        if size <= MOST_CLASSES:
            return _matrix(f"{target}, {where}", title, shown.classes, counts)
        return _worst(
            f"{target}, {plural(size, 'class', 'classes')}, {where}", title, shown.classes, confused_classes(shown)
        )


def _matrix(about: str, title: str, classes: tuple[str, ...], counts: list[list[int]]) -> bytes:
    size = len(classes)
    names = [lettering.fit(lettering.showable(name), _NAMES, canvas.TEXT) for name in classes]
    widest = max(lettering.width(name, canvas.TEXT) for name in names)
    left = canvas.EDGE + 44 + widest + 16
    wide = min(340.0, (canvas.WIDTH - canvas.EDGE - left) / size)
    high = min(150.0, max(wide * 0.62, 70.0))
    upright = widest > wide - 12 and wide < _LYING
    top = 158 + (widest if upright else 26) + 22
    sheet = canvas.Sheet(top + high * size + 84)
    sheet.heading(title, about)
    middle = left + wide * size / 2
    sheet.words((middle, 148), "predicted", canvas.SMALL, canvas.DIM, side="center")
    below = top + high * size / 2 + lettering.width("truth", canvas.SMALL) / 2
    sheet.words((canvas.EDGE + 14, below), "truth", canvas.SMALL, canvas.DIM, upright=True)
    for place, name in enumerate(names):
        sheet.words((left - 16, top + high * (place + 0.5)), name, side="right")
        x = left + wide * (place + 0.5)
        if upright:
            sheet.words((x, top - 12), name, upright=True)
        else:
            sheet.words((x, top - 24), name, side="center", room=wide - 12)
    points = min(_points(counts, wide - 10), high * 0.18)
    for row, line in enumerate(counts):
        whole = sum(line)
        for column, count in enumerate(line):
            corner = (left + wide * column, top + high * row)
            _cell(sheet, corner, (wide, high), count, count / whole if whole else None, points, row == column)
    note = "in each cell: how many rows, and their share of the true class"
    sheet.words((canvas.EDGE, sheet.height - 40), note, canvas.SMALL, canvas.DIM)
    return sheet.png()


def _cell(
    sheet: canvas.Sheet,
    corner: canvas.Point,
    extent: tuple[float, float],
    count: int,
    share: float | None,
    points: float,
    agrees: bool,
) -> None:
    left, top = corner
    wide, high = extent
    strong = (share or 0.0) ** (1.0 if agrees else 0.75)  # a small share of errors is to be seen too
    tint = canvas.blend(canvas.BLUE if agrees else canvas.ORANGE, strong) if count else canvas.BLANK
    sheet.box(left + 2, top + 2, left + wide - 2, top + high - 2, tint)
    color = canvas.PAPER if strong > 0.85 else canvas.INK if count else canvas.QUIET
    middle = left + wide / 2
    if not count or share is None:
        sheet.words((middle, top + high / 2), _short(count), points, color, side="center")
        return
    sheet.words((middle, top + high * 0.36), _short(count), points, color, side="center")
    said = formatting.percent(share) if wide >= 120 else f"{share * 100:.0f}%"
    room = 10.0 * (wide - 10) / lettering.width("100%", 10.0)
    sheet.words((middle, top + high * 0.74), said, min(points * 0.7, room), color, side="center")


def _points(counts: list[list[int]], room: float) -> float:
    """The size of letters in which every count has its room."""
    widest = max(lettering.width(_short(count), 10.0) for line in counts for count in line)
    return min(17.0, 10.0 * room / widest)


def _short(count: int) -> str:
    """A count of at most five characters: 9,876; 54k; 1.2M."""
    if count < 10_000:
        return formatting.count(count)
    value, place = float(count), 0
    while value >= 999.5 and place < len(_THOUSANDS):
        value, place = value / 1000, place + 1
    return f"{value:.1f}{_THOUSANDS[place - 1]}" if value < 9.95 else f"{value:,.0f}{_THOUSANDS[place - 1]}"


def _worst(about: str, title: str, classes: tuple[str, ...], confused: list[Confused]) -> bytes:
    """Of many classes, what was taken for what most often."""
    shown = confused[:_WORST]
    sheet = canvas.Sheet(max(420, 172 + _ROW * len(shown) + 84))
    top = sheet.heading(title, about, "most often confused: truth → prediction, rows, share of the class") + 26
    if not shown:
        sheet.words((canvas.EDGE, top + 40), "No class was taken for another.")
        return sheet.png()
    said = [f"{formatting.count(each.rows)} · {formatting.percent(each.rows / each.class_rows)}" for each in shown]
    right = canvas.WIDTH - canvas.EDGE - max(lettering.width(each, canvas.SMALL) for each in said) - 18
    left = right - _BAR
    arrow = canvas.EDGE + (left - 18 - canvas.EDGE) / 2
    room = arrow - canvas.EDGE - 22
    for row, (each, words) in enumerate(zip(shown, said, strict=True)):
        y = top + _ROW * (row + 0.5)
        sheet.words((arrow - 22, y), lettering.showable(classes[each.truth]), side="right", room=room)
        sheet.words((arrow, y), "→", color=canvas.ORANGE, side="center")
        sheet.words((arrow + 22, y), lettering.showable(classes[each.predicted]), room=room)
        end = left + _BAR * each.rows / shown[0].rows
        sheet.box(left, y - _ROW * 0.3, max(end, left + 2), y + _ROW * 0.3, canvas.ORANGE)
        sheet.words((canvas.WIDTH - canvas.EDGE, y), words, canvas.SMALL, canvas.DIM, side="right")
    if len(confused) > len(shown):
        more = f"+{plural(len(confused) - len(shown), 'confusion')}"
        sheet.words((canvas.EDGE, sheet.height - 40), more, canvas.SMALL, canvas.DIM)
    return sheet.png()
