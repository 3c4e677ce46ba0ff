"""What a model gets right and wrong, drawn: importance bars, the confusion matrix, residuals.

A canvas of braille dots, two by four to a cell: clouds of points in plain text.
"""

import math
from typing import Final

from rich.cells import cell_len

from tabsmith import formatting
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import ColumnImportance, Confusion, Residuals
from tabsmith.presentation.models import (
    confused_classes,
    importance_heading,
    residual_spread,
    rows_right,
    useful_columns,
)
from tabsmith.presentation.spans import Line, Span, Tone, line
from tabsmith.text import clean, plural
from tabsmith_tui.views.lines import fit

_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


class Canvas:
    """`width` x `height` cells, that is `2 * width` x `4 * height` dots; (0, 0) is the upper left dot."""

    def __init__(self, width: int, height: int) -> None:
        self.width = max(1, width)
        self.height = max(1, height)
        self._cells = [[0] * self.width for _ in range(self.height)]

    @property
    def columns(self) -> int:
        return 2 * self.width

    @property
    def rows(self) -> int:
        return 4 * self.height

    def set(self, x: int, y: int) -> None:
        """Set one dot; outside of the canvas nothing happens."""
        if 0 <= x < self.columns and 0 <= y < self.rows:
            self._cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]

    def cell(self, column: int, row: int) -> str:
        """The character of a cell, a space where no dot is set."""
        dots = self._cells[row][column]
        return chr(0x2800 + dots) if dots else " "


MOST_CLASSES: Final = 8
_WORST: Final = 12
_BLOCKS: Final = "▁▂▃▄▅▆▇█"
_EIGHTHS: Final = " ▏▎▍▌▋▊▉"


def importance(shown: tuple[ColumnImportance, ...], metric: Metric, width: int, most: int = 20) -> tuple[Line, ...]:
    """Columns by how much the score falls without them, as bars; those that do not help are counted."""
    if not shown:
        return (line("The importance of the columns was not measured.", "warn"),)
    useful = useful_columns(shown)
    head = line(importance_heading(metric), "dim")
    if not useful:
        return (head, line("No column alone has a measurable effect.", "warn"))
    name_width = min(max(len(clean(each.column, 200)) for each in useful[:most]), max(8, width // 3))
    labels = [formatting.plus_minus(column.drop, column.deviation) for column in useful[:most]]
    bar = max(4, width - name_width - max(map(len, labels)) - 3)
    lines: list[Line] = [head]
    for each, label in zip(useful[:most], labels, strict=True):
        tone: Tone = "accent" if each.drop > each.deviation else "dim"
        lines.append(
            (
                Span(fit(each.column, name_width) + " "),
                Span(_bar(each.drop / useful[0].drop, bar), tone),
                Span(f" {label}", "dim"),
            )
        )
    rest = len(useful) - most
    if rest > 0:
        lines.append(line(f"+{plural(rest, 'column')} of less importance", "dim"))
    idle = len(shown) - len(useful)
    if idle:
        lines.append(line(f"{plural(idle, 'column')}: no measurable effect", "dim"))
    return tuple(lines)


def confusion(shown: Confusion, width: int) -> tuple[Line, ...]:
    """The matrix where it fits; of many classes the worst confusions, so that it stays readable."""
    right, total = rows_right(shown)
    wrong = total - right
    head = line(f"{formatting.count(right)} of {plural(total, 'row')} right, {formatting.count(wrong)} wrong", "dim")
    widest = max((len(formatting.count(count)) for row in shown.counts for count in row), default=1)
    names = [clean(name, 60) for name in shown.classes]
    longest = max((cell_len(name) for name in names), default=1)
    label = min(longest, max(6, width // 4))
    room = (width - label - 10) // max(1, len(names))
    cell = max(6, widest + 2, min(longest + 2, room))
    if len(names) <= MOST_CLASSES and label + 8 + cell * len(names) <= width:
        return (head, *_matrix(shown, names, label, cell))
    return (head, *_worst(shown, names, width))


def residuals(shown: Residuals, width: int, height: int) -> tuple[Line, ...]:
    """Prediction against truth as a cloud around the diagonal, and the distribution of the errors."""
    pairs = [pair for pair in zip(shown.truth, shown.predicted, strict=False) if all(map(math.isfinite, pair))]
    errors = _errors(shown, width)
    if not pairs:
        return (line("no rows to draw", "warn"), *errors)
    return (*_cloud(pairs, width, max(4, height - len(errors) - 2)), *errors)


def _matrix(shown: Confusion, names: list[str], label: int, cell: int) -> list[Line]:
    lines: list[Line] = [(Span(" " * (label + 2)), Span("predicted", "dim"))]
    lines.append(
        (
            Span(fit("truth", label + 2), "dim"),
            *(Span(fit(name, cell - 1, "right") + " ", "dim") for name in names),
            Span("  right", "dim"),
        )
    )
    for place, (name, row) in enumerate(zip(names, shown.counts, strict=False)):
        total = sum(row)
        worst = max((count for other, count in enumerate(row) if other != place), default=0)
        spans = [Span(fit(name, label) + "  ")]
        for other, count in enumerate(row):
            tone: Tone = "good" if other == place else "dim" if count == 0 else "bad" if count == worst else "plain"
            spans.append(Span(f"{formatting.count(count):>{cell - 1}} ", tone))
        right = row[place] / total if total and place < len(row) else None
        lines.append((*spans, Span(f"{formatting.percent(right):>7}", "plain")))
    return lines


def _worst(shown: Confusion, names: list[str], width: int) -> list[Line]:
    found = confused_classes(shown)
    if not found:
        return [line("No class was taken for another.", "good")]
    lines: list[Line] = [line(f"{plural(len(names), 'class', 'classes')}; what was taken for what most often", "dim")]
    room = max(6, (width - 38) // 2)
    for count, place, other, total in found[:_WORST]:
        lines.append(
            (
                Span(fit(names[place], room, "right"), "plain"),
                Span(" taken for ", "dim"),
                Span(fit(names[other], room), "bad"),
                Span(f" {plural(count, 'row'):>9}, {formatting.percent(count / total)} of them", "dim"),
            )
        )
    if len(found) > _WORST:
        lines.append(line(f"+{plural(len(found) - _WORST, 'confusion')}", "dim"))
    return lines


def _cloud(pairs: list[tuple[float, float]], width: int, height: int) -> list[Line]:
    low, high = min(map(min, pairs)), max(map(max, pairs))
    if high == low:
        low, high = low - 1, high + 1
    labels = (formatting.number(high), formatting.number(low))
    margin = max(map(len, labels)) + 2
    canvas, diagonal = Canvas(width - margin, height), Canvas(width - margin, height)
    for place in range(canvas.columns):
        diagonal.set(place, round((1 - place / max(1, canvas.columns - 1)) * (canvas.rows - 1)))
    for truth, predicted in pairs:
        x = round((truth - low) / (high - low) * (canvas.columns - 1))
        y = round((high - predicted) / (high - low) * (canvas.rows - 1))
        canvas.set(x, y)
    lines: list[Line] = [line(f"prediction (up) against truth (right), {plural(len(pairs), 'row')}", "dim")]
    for row in range(canvas.height):
        label = labels[0] if row == 0 else labels[1] if row == canvas.height - 1 else ""
        spans = [Span(f"{label:>{margin - 2}} {'┤' if label else '│'}", "dim")]
        for column in range(canvas.width):
            dot, guide = canvas.cell(column, row), diagonal.cell(column, row)
            spans.append(Span(dot, "accent") if dot != " " else Span(guide, "dim"))
        lines.append(tuple(spans))
    left, right = formatting.number(low), formatting.number(high)
    gap = max(1, canvas.width - len(left) - len(right))
    lines.append((Span(" " * margin), Span(f"{left}{' ' * gap}{right}", "dim")))
    return lines


def _errors(shown: Residuals, width: int) -> list[Line]:
    said = line(residual_spread(shown), "dim")
    head = line("truth minus prediction", "dim")
    top = max(shown.bins, default=0)
    if top <= 0:
        return [head, said]
    left, right = formatting.number(shown.minimum), formatting.number(shown.maximum)
    wide = max(1, min(3, (width - len(left) - len(right) - 2) // len(shown.bins)))
    bars = "".join((" " if count == 0 else _BLOCKS[min(7, count * 8 // (top + 1))]) * wide for count in shown.bins)
    return [head, (Span(f"{left} ", "dim"), Span(bars, "accent"), Span(f" {right}", "dim")), said]


def _bar(share: float, width: int) -> str:
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    full, rest = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[rest] if rest else "")).ljust(width)
