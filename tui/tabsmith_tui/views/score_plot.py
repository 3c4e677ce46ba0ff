"""The score over the iterations: the champion as a line, each challenger as a dot, in plain characters of any size."""

import math
from typing import Final

import msgspec

from tabsmith import formatting
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.presentation.scores import metric_direction
from tabsmith.presentation.spans import Line, Span, line
from tabsmith.runs.snapshot import RunSnapshot

_DOT: Final = "•"
_STAR: Final = "★"
_SMALLEST: Final = (24, 4)  # columns and rows below which a sparkline says more


class ScoredPoint(msgspec.Struct, frozen=True):
    """A scored try: its iteration, its score, and the champion's score from then on."""

    iteration: int
    score: float
    champion: float
    won: bool


class Curve(msgspec.Struct, frozen=True):
    """The data of the plot; there are no points while nothing is scored."""

    metric: Metric | None = None
    points: tuple[ScoredPoint, ...] = ()


def curve(snapshot: RunSnapshot) -> Curve:
    """The scored tries in their order; those that were refused, or left out by a person, are no points."""
    points: list[ScoredPoint] = []
    champion = math.nan
    for trial in snapshot.trials:
        if trial.mean is None or not math.isfinite(trial.mean) or trial.skipped:
            continue
        if trial.won or math.isnan(champion):
            champion = trial.mean
        points.append(ScoredPoint(trial.iteration, trial.mean, champion, trial.won))
    return Curve(snapshot.metric, tuple(points))


def draw_curve(shown: Curve, width: int, height: int) -> tuple[Line, ...]:
    """The plot in `height` lines of `width` cells; a sparkline of the champion where there is no room for axes."""
    if shown.metric is None or not shown.points:
        return (line("no score yet", "dim"),)
    if width < _SMALLEST[0] or height < _SMALLEST[1]:
        return _spark(shown, width)
    return _Plot(shown, width, height).lines()


def _spark(shown: Curve, width: int) -> tuple[Line, ...]:
    first, last = shown.points[0], shown.points[-1]
    head, tail = f"{formatting.number(first.champion)} ", f" {formatting.number(last.champion)}"
    room = max(1, width - len(head) - len(tail))
    bars = formatting.sparkline([point.champion for point in shown.points], min(room, 24))
    assert shown.metric is not None
    way = f"  {metric_direction(shown.metric)}"
    return ((Span(head, "dim"), Span(bars, "good"), Span(tail, "strong"), Span(way, "dim")),)


class _Plot:
    """A drawing with axes on the left and below, and between them the champion's line and the trials."""

    def __init__(self, shown: Curve, width: int, height: int) -> None:
        self.points = shown.points
        self.low, self.high = _range(shown)
        self.last = max(2, shown.points[-1].iteration)
        labels = [
            formatting.number(self.high),
            formatting.number(self.low),
            formatting.number(shown.points[-1].champion),
        ]
        self.margin = max(map(len, labels)) + 2
        self.columns = max(1, width - self.margin)
        self.rows = max(1, height - 1)

    def lines(self) -> tuple[Line, ...]:
        """From top to bottom."""
        cells = self._champion()
        for point in self.points:
            cell = (self._y(point.score), self._x(point.iteration))
            if point.won:
                cells[cell] = Span(_STAR, "good")
            elif cells.get(cell, Span("")).text != _STAR:
                cells[cell] = Span(_DOT, "accent")
        labels = self._labels()
        body = [(*self._axis(labels.get(row, "")), *self._row(row, cells)) for row in range(self.rows)]
        return (*body, self._below())

    def _champion(self) -> dict[tuple[int, int], Span]:
        """The title's way through the cells, as a line with corners."""
        cells: dict[tuple[int, int], Span] = {}
        row, column = self._y(self.points[0].champion), self._x(self.points[0].iteration)
        for point in self.points[1:]:
            to, at = self._y(point.champion), self._x(point.iteration)
            cells.update({(row, x): Span("─", "good") for x in range(column, at)})
            if to != row:
                cells[row, at] = Span("╮" if to > row else "╯", "good")
                cells.update({(y, at): Span("│", "good") for y in range(min(row, to) + 1, max(row, to))})
                cells[to, at] = Span("╰" if to > row else "╭", "good")
                row, column = to, at + 1
            else:
                column = at
        cells.update({(row, x): Span("─", "good") for x in range(column, self.columns)})
        return cells

    def _labels(self) -> dict[int, str]:
        labels = {0: formatting.number(self.high), self.rows - 1: formatting.number(self.low)}
        champion = self.points[-1].champion
        labels[self._y(champion)] = formatting.number(champion)
        return labels

    def _axis(self, label: str) -> Line:
        return (Span(label.rjust(self.margin - 2), "dim"), Span(" ┤" if label else " │", "dim"))

    def _row(self, row: int, cells: dict[tuple[int, int], Span]) -> list[Span]:
        spans: list[Span] = []
        for column in range(self.columns):
            piece = cells.get((row, column), Span(" "))
            if spans and spans[-1].tone == piece.tone:
                spans[-1] = Span(spans[-1].text + piece.text, piece.tone)
            else:
                spans.append(piece)
        return spans

    def _below(self) -> Line:
        left, right = "#1", f"#{self.last:,}"
        room = self.columns - len(left) - len(right)
        words = f"  {_STAR} champion  {_DOT} not better  over the iterations  "
        middle = words.center(room) if room >= len(words) else " " * max(0, room)
        return (Span(" " * self.margin), Span(f"{left}{middle}{right}", "dim"))

    def _x(self, iteration: int) -> int:
        return round((iteration - 1) / (self.last - 1) * (self.columns - 1))

    def _y(self, score: float) -> int:
        share = (self.high - min(self.high, max(self.low, score))) / (self.high - self.low)
        return round(share * (self.rows - 1))


def _range(shown: Curve) -> tuple[float, float]:
    """Lowest and highest score to show: all champions; a try that is far worse is drawn on the edge."""
    champions = [point.champion for point in shown.points]
    scores = sorted(point.score for point in shown.points)
    best, worst = min(champions), max(champions)
    middle = scores[len(scores) // 2]
    reach = max(worst - best, 2 * abs(middle - champions[-1]))
    low, high = max(scores[0], best - reach), min(scores[-1], worst + reach)
    if high == low:
        room = abs(high) * 0.05 or 1.0
        return low - room, high + room
    return low, high
