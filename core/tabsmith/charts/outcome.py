"""What a model gets right and wrong: the confusion matrix, the worst confusions, or residuals."""

from typing import Final, assert_never

from tabsmith import numbers
from tabsmith.charts import lettering, style
from tabsmith.charts.failures import NothingToDrawError
from tabsmith.charts.residuals import residuals
from tabsmith.modeling.results import Confusion, Report, Residuals
from tabsmith.text import plural

MOST_CLASSES: Final = 12  # in a matrix
_WORST: Final = 12
_LYING: Final = 120  # pixels of a cell from which on its class is written across, cut where it must be
_ROW: Final = 48
_BAR: Final = 190
_THOUSANDS: Final = ("k", "M", "G", "T", "P", "E")
_NAMES: Final = 230  # pixels at most, beside the matrix and above it


def outcome(report: Report) -> bytes:
    """How the model's predictions compare with the truth, as a PNG. Raises NothingToDrawError where there are none."""
    match report.outcome:
        case Residuals():
            return residuals(report, report.outcome)
        case Confusion():
            return _confusion(report, report.outcome)
        case _:
            assert_never(report.outcome)


def _confusion(report: Report, shown: Confusion) -> bytes:
    size = len(shown.classes)
    counts = [[*row[:size], *[0] * (size - len(row))] for row in shown.counts[:size]]
    total = sum(map(sum, counts))
    if not size or len(counts) < size or not total:
        raise NothingToDrawError("No rows were predicted to compare.", next_step="Train with more rows.")
    right = sum(counts[place][place] for place in range(size))
    title = f"{numbers.count(right)} of {plural(total, 'row')} right"
    with style.drawing():
        target = lettering.showable(report.schema.target or "", 40)
        where = "hold-out rows" if report.holdout else "rows that the model had not seen"
        if size <= MOST_CLASSES:
            return _matrix(f"{target}, {where}", title, shown.classes, counts)
        return _worst(f"{target}, {plural(size, 'class', 'classes')}, {where}", title, shown.classes, counts)


def _matrix(about: str, title: str, classes: tuple[str, ...], counts: list[list[int]]) -> bytes:
    size = len(classes)
    names = [lettering.fit(lettering.showable(name), _NAMES, style.TEXT) for name in classes]
    widest = max(lettering.width(name, style.TEXT) for name in names)
    left = style.EDGE + 44 + widest + 16
    wide = min(340.0, (style.WIDTH - style.EDGE - left) / size)
    high = min(150.0, max(wide * 0.62, 70.0))
    upright = widest > wide - 12 and wide < _LYING
    top = 158 + (widest if upright else 26) + 22
    sheet = style.Sheet(top + high * size + 84)
    sheet.heading(title, about)
    middle = left + wide * size / 2
    sheet.words((middle, 148), "predicted", style.SMALL, style.DIM, side="center")
    below = top + high * size / 2 + lettering.width("truth", style.SMALL) / 2
    sheet.words((style.EDGE + 14, below), "truth", style.SMALL, style.DIM, upright=True)
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
    sheet.words((style.EDGE, sheet.height - 40), note, style.SMALL, style.DIM)
    return sheet.png()


def _cell(
    sheet: style.Sheet,
    corner: style.Point,
    extent: tuple[float, float],
    count: int,
    share: float | None,
    points: float,
    agrees: bool,
) -> None:
    left, top = corner
    wide, high = extent
    strong = (share or 0.0) ** (1.0 if agrees else 0.75)  # a small share of errors is to be seen too
    tint = style.mixed(style.BLUE if agrees else style.ORANGE, strong) if count else style.BLANK
    sheet.box(left + 2, top + 2, left + wide - 2, top + high - 2, tint)
    color = style.PAPER if strong > 0.85 else style.INK if count else style.QUIET
    middle = left + wide / 2
    if not count or share is None:
        sheet.words((middle, top + high / 2), _short(count), points, color, side="center")
        return
    sheet.words((middle, top + high * 0.36), _short(count), points, color, side="center")
    said = numbers.share(share) if wide >= 120 else f"{share * 100:.0f}%"
    room = 10.0 * (wide - 10) / lettering.width("100%", 10.0)
    sheet.words((middle, top + high * 0.74), said, min(points * 0.7, room), color, side="center")


def _points(counts: list[list[int]], room: float) -> float:
    """The size of letters in which every count has its room."""
    widest = max(lettering.width(_short(count), 10.0) for line in counts for count in line)
    return min(17.0, 10.0 * room / widest)


def _short(count: int) -> str:
    """A count of at most five characters: 9,876; 54k; 1.2M."""
    if count < 10_000:
        return numbers.count(count)
    value, place = float(count), 0
    while value >= 999.5 and place < len(_THOUSANDS):
        value, place = value / 1000, place + 1
    return f"{value:.1f}{_THOUSANDS[place - 1]}" if value < 9.95 else f"{value:,.0f}{_THOUSANDS[place - 1]}"


def _worst(about: str, title: str, classes: tuple[str, ...], counts: list[list[int]]) -> bytes:
    """Of many classes, what was taken for what most often."""
    found = [
        (count, place, other, sum(line))
        for place, line in enumerate(counts)
        for other, count in enumerate(line)
        if count and other != place
    ]
    found.sort(key=lambda each: (-each[0], each[1], each[2]))
    shown = found[:_WORST]
    sheet = style.Sheet(max(420, 172 + _ROW * len(shown) + 84))
    top = sheet.heading(title, about, "most often confused: truth → prediction, rows, share of the class") + 26
    if not shown:
        sheet.words((style.EDGE, top + 40), "No class was taken for another.")
        return sheet.png()
    said = [f"{numbers.count(count)} · {numbers.share(count / whole)}" for count, _, _, whole in shown]
    right = style.WIDTH - style.EDGE - max(lettering.width(each, style.SMALL) for each in said) - 18
    left = right - _BAR
    arrow = style.EDGE + (left - 18 - style.EDGE) / 2
    room = arrow - style.EDGE - 22
    for row, ((count, place, other, _), words) in enumerate(zip(shown, said, strict=True)):
        y = top + _ROW * (row + 0.5)
        sheet.words((arrow - 22, y), lettering.showable(classes[place]), side="right", room=room)
        sheet.words((arrow, y), "→", color=style.ORANGE, side="center")
        sheet.words((arrow + 22, y), lettering.showable(classes[other]), room=room)
        end = left + _BAR * count / shown[0][0]
        sheet.box(left, y - _ROW * 0.3, max(end, left + 2), y + _ROW * 0.3, style.ORANGE)
        sheet.words((style.WIDTH - style.EDGE, y), words, style.SMALL, style.DIM, side="right")
    if len(found) > len(shown):
        more = f"+{plural(len(found) - len(shown), 'confusion')}"
        sheet.words((style.EDGE, sheet.height - 40), more, style.SMALL, style.DIM)
    return sheet.png()
