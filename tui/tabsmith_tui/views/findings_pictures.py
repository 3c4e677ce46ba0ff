"""The pictures of findings in characters: bars, histograms, a matrix, clouds of points, boxes and lines through time."""

import itertools
import math
import time
from collections.abc import Sequence
from typing import Final, assert_never

from tabsmith import formatting
from tabsmith.presentation.findings import value_text
from tabsmith.presentation.spans import Line, Span, Tone, line
from tabsmith.statistics.findings import Bars, Boxes, Histogram, Lines, Matrix, Picture, Points
from tabsmith.text import clean, plural
from tabsmith_tui.views.lines import fit
from tabsmith_tui.views.result_charts import Canvas

_EIGHTHS: Final = " ▏▎▍▌▋▊▉"
_BLOCKS: Final = " ▁▂▃▄▅▆▇█"
_TONES: Final[tuple[Tone, ...]] = ("accent", "good", "warn", "mark", "bad")


def draw_picture(picture: Picture, width: int, height: int) -> tuple[Line, ...]:
    """The picture in at most `height` lines of `width` cells; what has no room is counted."""
    head = line(clean(picture.title, max(1, width)), "strong")
    room = max(3, height - 1)
    match picture:
        case Bars():
            body = _bars(picture, width, room)
        case Histogram():
            body = _histogram(picture, width, room)
        case Matrix():
            body = _matrix(picture, width, room)
        case Points():
            body = _points(picture, width, room)
        case Boxes():
            body = _boxes(picture, width, room)
        case Lines():
            body = _lines(picture, width, room)
        case _:
            assert_never(picture)
    return (head, *body)[:height]


def _bars(picture: Bars, width: int, height: int) -> list[Line]:
    shown = min(len(picture.labels), height if len(picture.labels) <= height else height - 1)
    texts = [value_text(value) for value in picture.values[:shown]]
    name = _name_width(picture.labels[:shown], width)
    room = max(4, width - name - max(map(len, texts), default=1) - 2)
    longest = max((abs(value) for value in picture.values if math.isfinite(value)), default=0.0)
    lines: list[Line] = []
    for label, value, text in zip(picture.labels, picture.values, texts, strict=False):
        share = abs(value) / longest if longest and math.isfinite(value) else 0.0
        tone: Tone = "accent" if value >= 0 else "warn"
        lines.append((Span(f"{fit(clean(label, 60), name)} "), Span(_bar(share, room), tone), Span(f" {text}", "dim")))
    return [*lines, *_more(len(picture.labels) - shown, "bar")]


def _bar(share: float, width: int) -> str:
    eighths = max(1, round(share * width * 8)) if share > 0 else 0
    return "█" * (eighths // 8) + (_EIGHTHS[eighths % 8] if eighths % 8 else "")


def _histogram(picture: Histogram, width: int, height: int) -> list[Line]:
    groups = list(picture.counts.items())
    if not groups or len(picture.edges) < 2:
        return [line("nothing to draw", "dim")]
    low, high = formatting.number(picture.edges[0]), formatting.number(picture.edges[-1])
    if len(groups) == 1:
        counts = groups[0][1]
        rows = max(2, min(8, height - 1))
        cells = max(1, min(4, width // max(1, len(counts))))
        most = max(counts) or 1
        lines: list[Line] = []
        for row in range(rows, 0, -1):
            levels = [max(0, min(8, math.ceil(count / most * rows * 8) - (row - 1) * 8)) for count in counts]
            lines.append((Span("".join(_BLOCKS[level] * cells for level in levels), "accent"),))
        gap = max(1, len(counts) * cells - len(low) - len(high))
        return [*lines, line(f"{low}{' ' * gap}{high}", "dim")]
    name = _name_width([label for label, _ in groups], width)
    shown = groups[: max(1, height - 1)]
    lines = []
    for index, (label, counts) in enumerate(shown):
        most = max(counts) or 1
        bar = "".join(_BLOCKS[math.ceil(count / most * 8)] for count in counts)
        lines.append((Span(f"{fit(clean(label, 60), name)} "), Span(bar, _TONES[index % len(_TONES)])))
    gap = max(1, len(shown[0][1]) - len(low) - len(high))
    lines.append((Span(" " * (name + 1)), Span(f"{low}{' ' * gap}{high}", "dim")))
    return [*lines, *_more(len(groups) - len(shown), "group")][:height]


def _matrix(picture: Matrix, width: int, height: int) -> list[Line]:
    name = _name_width(picture.labels, width)
    fits = max(1, min(len(picture.labels), (width - name - 1) // 6, max(1, height - 2)))
    heads = "".join(f"{clean(label, 5):>6}" for label in picture.labels[:fits])
    lines: list[Line] = [(Span(" " * name), Span(heads, "dim"))]
    for label, cells in zip(picture.labels[:fits], picture.cells[:fits], strict=True):
        spans = [Span(fit(clean(label, 60), name))]
        for cell in cells[:fits]:
            known = cell is not None and math.isfinite(cell)
            text = f"{cell:+.2f}".replace("-", formatting.MINUS) if known and cell is not None else formatting.UNKNOWN
            strength = abs(cell) if known and cell is not None else 0.0
            tone: Tone = "dim" if strength < 0.3 else "bad" if cell is not None and cell < 0 else "good"
            spans.append(Span(f"{text:>6}", tone))
        lines.append(tuple(spans))
    return [*lines, *_more(len(picture.labels) - fits, "column")]


def _points(picture: Points, width: int, height: int) -> list[Line]:
    pairs = [(x, y) for x, y in zip(picture.x, picture.y, strict=True) if math.isfinite(x) and math.isfinite(y)]
    if not pairs:
        return [line("no points to draw", "dim")]
    plot = _Plot([x for x, _ in pairs], [y for _, y in pairs], width, height - 1)
    for x, y in pairs:
        plot.dot(x, y)
    if len(picture.line) > 1:
        plot.segment(picture.line[0], picture.line[-1])
    below = f"{formatting.number(plot.left)} … {formatting.number(plot.right)}  {clean(picture.x_label, 30)}"
    return plot.lines(below, clean(picture.y_label, 30))


def _lines(picture: Lines, width: int, height: int) -> list[Line]:
    values = [value for series in picture.lines.values() for value in series if math.isfinite(value)]
    if not picture.times or not values:
        return [line("no line to draw", "dim")]
    plot = _Plot(picture.times, values, width, height - 1 - (len(picture.lines) > 1))
    for series in picture.lines.values():
        places = [(x, y) for x, y in zip(picture.times, series, strict=True) if math.isfinite(y)]
        for start, end in itertools.pairwise(places):
            plot.segment(start, end)
        if len(places) == 1:
            plot.dot(*places[0])
    ends = f"{_date(picture.times[0])} … {_date(picture.times[-1])}"
    names = f"{plural(len(picture.lines), 'line')}: {', '.join(clean(name, 20) for name in picture.lines)}"
    return [*plot.lines(ends, ""), *([line(clean(names, width), "dim")] if len(picture.lines) > 1 else [])]


def _date(seconds: float) -> str:
    try:
        return time.strftime("%Y-%m-%d", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return formatting.number(seconds)


def _boxes(picture: Boxes, width: int, height: int) -> list[Line]:
    finite = [value for box in picture.boxes for value in box if math.isfinite(value)]
    if not finite:
        return [line("no boxes to draw", "dim")]
    low, high = min(finite), max(finite)
    name = _name_width(picture.labels, width)
    room = max(8, width - name - 1)

    def place(value: float) -> int:
        return round((value - low) / (high - low) * (room - 1)) if high > low else 0

    shown = max(1, height - 1 - (len(picture.labels) > height - 1))
    lines: list[Line] = []
    for label, box in zip(picture.labels[:shown], picture.boxes[:shown], strict=True):
        if not all(map(math.isfinite, box)):
            lines.append((Span(f"{fit(clean(label, 60), name)} "), Span(formatting.UNKNOWN, "dim")))
            continue
        whisker, first, middle, third, top = map(place, box)
        cells = [" "] * room
        cells[whisker : top + 1] = "─" * (top + 1 - whisker)
        cells[first : third + 1] = "█" * (third + 1 - first)
        cells[whisker], cells[top] = "├", "┤"
        cells[middle] = "┃"
        lines.append((Span(f"{fit(clean(label, 60), name)} "), Span("".join(cells), "accent")))
    start, end = formatting.number(low), formatting.number(high)
    lines.append((Span(" " * (name + 1)), Span(f"{start}{' ' * max(1, room - len(start) - len(end))}{end}", "dim")))
    return [*lines, *_more(len(picture.labels) - shown, "group")]


class _Plot:
    """A canvas with an axis at its left and one below it, and dots at places of the data."""

    def __init__(self, xs: Sequence[float], ys: Sequence[float], width: int, height: int) -> None:
        self.left, self.right, self.low, self.high = min(xs), max(xs), min(ys), max(ys)
        self.labels = (formatting.number(self.high), formatting.number(self.low))
        self.margin = max(map(len, self.labels)) + 1
        self.canvas = Canvas(width - self.margin - 1, max(2, height))

    def dot(self, x: float, y: float) -> None:
        self.canvas.set(*self._place(x, y))

    def _place(self, x: float, y: float) -> tuple[int, int]:
        across = (x - self.left) / (self.right - self.left) if self.right > self.left else 0.5
        up = (y - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return round(across * (self.canvas.columns - 1)), round((1 - up) * (self.canvas.rows - 1))

    def segment(self, start: tuple[float, float], end: tuple[float, float]) -> None:
        (x, y), (to_x, to_y) = self._place(*start), self._place(*end)
        steps = min(2_000, max(abs(to_x - x), abs(to_y - y), 1))
        for step in range(steps + 1):
            self.canvas.set(round(x + (to_x - x) * step / steps), round(y + (to_y - y) * step / steps))

    def lines(self, below: str, beside: str) -> list[Line]:
        rows: list[Line] = []
        for row in range(self.canvas.height):
            label = self.labels[0] if row == 0 else self.labels[1] if row == self.canvas.height - 1 else ""
            dots = "".join(self.canvas.cell(column, row) for column in range(self.canvas.width))
            rows.append((Span(f"{label:>{self.margin - 1}} ┤", "dim"), Span(dots, "accent")))
        axis = f"{below}; upwards {beside}" if beside else below
        return [*rows, (Span(" " * (self.margin + 1)), Span(axis, "dim"))]


def _name_width(labels: Sequence[str], width: int) -> int:
    return min(max((len(clean(label, 60)) for label in labels), default=1), max(6, width // 3))


def _more(count: int, noun: str) -> list[Line]:
    return [line(f"+{plural(count, f'more {noun}')}", "dim")] if count > 0 else []
