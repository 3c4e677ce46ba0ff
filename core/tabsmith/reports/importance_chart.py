"""Which columns a model relies on: a bar for each, as long as the score falls without it."""

import math
from typing import Final

from tabsmith import formatting
from tabsmith.modeling.results import ColumnImportance, ModelReport
from tabsmith.presentation.models import importance_heading, useful_columns
from tabsmith.reports import canvas, lettering
from tabsmith.reports.canvas import NothingToDrawError
from tabsmith.text import plural

_ROW: Final = 48  # pixels
_ROOMY: Final = 60  # where there are few
_FEW: Final = 7
_NAMES: Final = 330  # pixels at most
_LARGEST: Final = 8e307  # what an endless importance is drawn as


def importance_chart(report: ModelReport, most: int = 15) -> bytes:
    """The `most` important columns with the deviation of their importance, as a PNG.

    Raises NothingToDrawError where it was not measured.
    """
    if not report.importance:
        raise NothingToDrawError(
            "The importance of the columns was not measured.",
            next_step="Train with more time: it is measured last, in what is left.",
        )
    useful = useful_columns(report.importance)
    shown = useful[: max(1, most)]
    row = _ROOMY if len(shown) <= _FEW else _ROW
    rest = _rest(len(useful) - len(shown), len(report.importance) - len(useful))
    with canvas.drawing():
        sheet = canvas.Sheet(max(380, 150 + row * len(shown) + (86 if rest else 44)))
        target = lettering.fit(lettering.showable(report.schema.target or ""), 400, canvas.TITLE, "bold")
        title = f"What predicts {target}" if report.schema.target else "What the model relies on"
        top = sheet.heading(title, lettering.showable(importance_heading(report.metric))) + 36
        if shown:
            _bars(sheet, top, row, shown)
        else:
            sheet.words((canvas.EDGE, top + 60), "No column alone has a measurable effect.")
        sheet.words(
            (canvas.EDGE, sheet.height - 40), rest, canvas.SMALL, canvas.DIM, room=sheet.width - 2 * canvas.EDGE
        )
        return sheet.png()


def _bars(sheet: canvas.Sheet, top: float, row: float, shown: list[ColumnImportance]) -> None:
    names = [lettering.fit(lettering.showable(each.column), _NAMES, canvas.TEXT) for each in shown]
    values = [formatting.plus_minus(each.drop, each.deviation) for each in shown]
    left = canvas.EDGE + max(lettering.width(name, canvas.TEXT) for name in names) + 18
    right = sheet.width - canvas.EDGE - max(lettering.width(value, canvas.SMALL) for value in values) - 26
    longest = max(min(each.drop + _deviation(each), _LARGEST) for each in shown)
    for place, (each, name, value) in enumerate(zip(shown, names, values, strict=True)):
        y = top + row * (place + 0.5)
        certain = each.drop > _deviation(each)
        sheet.words((left - 18, y), name, side="right")
        end = _along(each.drop, longest, left, right)
        sheet.box(left, y - row * 0.3, max(end, left + 2), y + row * 0.3, canvas.BLUE if certain else canvas.QUIET)
        _whisker(sheet, each, y, (longest, left, right))
        sheet.words((sheet.width - canvas.EDGE, y), value, canvas.SMALL, canvas.DIM, side="right")


def _whisker(sheet: canvas.Sheet, of: ColumnImportance, y: float, scale: tuple[float, float, float]) -> None:
    deviation = _deviation(of)
    if not deviation:
        return
    low, high = (_along(of.drop + way * deviation, *scale) for way in (-1, 1))
    sheet.line([(low, y), (high, y)], canvas.INK, 2.5)
    for x in (low, high):
        sheet.line([(x, y - 6), (x, y + 6)], canvas.INK, 2.5)


def _along(value: float, longest: float, left: float, right: float) -> float:
    """Where a bar of `value` ends."""
    share = min(1.0, max(0.0, min(value, _LARGEST) / longest))
    return left + share * (right - left)


def _deviation(of: ColumnImportance) -> float:
    return of.deviation if math.isfinite(of.deviation) and of.deviation > 0 else 0.0


def _rest(less: int, idle: int) -> str:
    """What has no bar, in words."""
    parts = []
    if less > 0:
        parts.append(f"+{plural(less, 'column')} of less importance")
    if idle > 0:
        parts.append(f"{plural(idle, 'column')}: no measurable effect")
    return " · ".join(parts)
