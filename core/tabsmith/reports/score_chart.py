"""The score over the iterations: tries as dots, the champion as a line with its error, the hold-out beside it."""

import math
from typing import Final, Literal, NamedTuple

from tabsmith import formatting
from tabsmith.modeling.results import Metric
from tabsmith.orchestration.loop_state import Trial
from tabsmith.reports import canvas, lettering
from tabsmith.reports.canvas import NothingToDrawError
from tabsmith.reports.scale import Range, Tick, range_of, ticks, whole_ticks
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import plural

_BOTTOM: Final = canvas.HEIGHT - 150
_STRIP: Final = 40  # pixels for the crosses of what has no score
_APART: Final = 32  # pixels between two labels


class _Scored(NamedTuple):
    iteration: int
    score: float
    error: float
    won: bool


class _Story(NamedTuple):
    """What the picture tells of a run."""

    metric: Metric
    scored: tuple[_Scored, ...]
    unscored: tuple[int, ...]  # iterations
    champions: tuple[_Scored, ...]  # one after the other
    holdout: float | None
    over: bool
    last: int

    @property
    def champion(self) -> _Scored:
        return self.champions[-1]


class _Plot(NamedTuple):
    """Where the axes lie, and what they show."""

    left: float
    top: float
    right: float
    bottom: float
    across: Range
    down: Range

    def at(self, iteration: float, score: float) -> canvas.Point:
        return self.x(iteration), self.y(score)

    def x(self, iteration: float) -> float:
        return self.left + self.across.share(iteration) * (self.right - self.left)

    def y(self, score: float) -> float:
        return self.bottom - self.down.share(score) * (self.bottom - self.top)


class _Entry(NamedTuple):
    """What a mark means."""

    kind: canvas.Mark | Literal["band", "dashes"]
    color: str
    text: str
    wide: float  # pixels of the mark


def score_chart(run: RunSnapshot) -> bytes:
    """The scores of a run so far, as a PNG. Raises NothingToDrawError while no recipe has one."""
    told = _story(run)
    with canvas.drawing():
        sheet = canvas.Sheet()
        top = _heading(sheet, told)
        shown = _range(told)
        marks = ticks(shown, 5)
        names = _named(told)
        plot = _Plot(
            left=canvas.EDGE + max(lettering.width(each.label, canvas.TEXT) for each in marks) + 14,
            top=top,
            right=sheet.width
            - canvas.EDGE
            - 12
            - max(lettering.width(name, canvas.TEXT, "bold") for name, _, _ in names),
            bottom=_BOTTOM - (_STRIP if told.unscored else 0),
            across=_iterations(told.last),
            down=shown,
        )
        _axes(sheet, plot, marks)
        _band(sheet, plot, told)
        _lines(sheet, plot, told)
        _dots(sheet, plot, told)
        _labels(sheet, plot, names)
        _key(sheet, told, plot)
        return sheet.png()


def _story(run: RunSnapshot) -> _Story:
    scored: list[_Scored] = []
    unscored: list[int] = []
    for each in run.trials:
        if each.skipped:
            continue
        if each.mean is not None and math.isfinite(each.mean):
            scored.append(_Scored(each.iteration, each.mean, _error(each), each.won))
        elif each.state in ("scored", "refused", "failed", "unanswered"):
            unscored.append(each.iteration)
    if run.metric is None or not scored:
        raise NothingToDrawError(
            "There is no score to draw yet.", next_step="Ask again once the first recipe has its score."
        )
    champions = [each for each in scored if each.won]
    if not champions or champions[0] is not scored[0]:
        champions.insert(0, scored[0])
    last = max(each.iteration for each in run.trials)
    return _Story(run.metric, tuple(scored), tuple(unscored), tuple(champions), _holdout(run), run.state.ended, last)


def _error(of: Trial) -> float:
    known = of.standard_error
    return known if known is not None and math.isfinite(known) and known > 0 else 0.0


def _holdout(run: RunSnapshot) -> float | None:
    if run.report is None or run.report.holdout is None or run.metric is None:
        return None
    for each in run.report.holdout.scores:
        if each.metric.name == run.metric.name and math.isfinite(each.score):
            return each.score
    return None


def _range(told: _Story) -> Range:
    """All champions with the latest one's error, and the hold-out; of the others what is not far worse."""
    means = [each.score for each in told.champions]
    scores = sorted(each.score for each in told.scored)
    champion = told.champion
    reach = max(max(means) - min(means), 2 * abs(scores[len(scores) // 2] - champion.score), 3 * champion.error)
    low, high = max(scores[0], min(means) - reach), min(scores[-1], max(means) + reach)
    seen = [low, high, champion.score - 2 * champion.error, champion.score + 2 * champion.error]
    return range_of(seen if told.holdout is None else [*seen, told.holdout]).padded(0.06)


def _iterations(last: int) -> Range:
    room = max(0.35, last * 0.025)
    return Range(1 - room, last + room)


def _heading(sheet: canvas.Sheet, told: _Story) -> float:
    way = "higher" if told.metric.greater_is_better else "lower"
    title = f"{lettering.showable(told.metric.label, 40)}, {way} is better"
    far = "" if told.over else " so far"
    best = formatting.plus_minus(told.champion.score, told.champion.error)
    among = plural(len(told.scored), "scored recipe")
    return sheet.heading(title, f"the best of {among}{far}: {best}") + 30


def _axes(sheet: canvas.Sheet, plot: _Plot, marks: tuple[Tick, ...]) -> None:
    for each in marks:
        y = plot.y(each.value)
        sheet.line([(plot.left, y), (plot.right, y)], canvas.FAINT, 1.5)
        sheet.words((plot.left - 14, y), each.label, color=canvas.DIM, side="right")
    for each in whole_ticks(Range(1.0, plot.across.high), 7):
        sheet.words((plot.x(each.value), _BOTTOM + 26), each.label, color=canvas.DIM, side="center")
    sheet.line([(plot.left, _BOTTOM), (plot.right, _BOTTOM)], canvas.QUIET, 1.5)
    sheet.words(((plot.left + plot.right) / 2, _BOTTOM + 60), "iteration", canvas.SMALL, canvas.DIM, side="center")


def _reigns(plot: _Plot, told: _Story) -> list[tuple[_Scored, float, float]]:
    """Each champion with where its time begins and ends."""
    starts = [plot.x(each.iteration) for each in told.champions]
    return list(zip(told.champions, starts, [*starts[1:], plot.right], strict=True))


def _band(sheet: canvas.Sheet, plot: _Plot, told: _Story) -> None:
    for each, begins, ends in _reigns(plot, told):
        if each.error:
            sheet.box(begins, plot.y(each.score + each.error), ends, plot.y(each.score - each.error), canvas.PALE)


def _lines(sheet: canvas.Sheet, plot: _Plot, told: _Story) -> None:
    if told.holdout is not None:
        y = plot.y(told.holdout)
        sheet.line([(plot.left, y), (plot.right, y)], canvas.GREEN, 3.5, dashed=True)
    steps: list[canvas.Point] = []
    for each, begins, ends in _reigns(plot, told):
        steps += [(begins, plot.y(each.score)), (ends, plot.y(each.score))]
    sheet.line(steps, canvas.BLUE, 4.5)


def _dots(sheet: canvas.Sheet, plot: _Plot, told: _Story) -> None:
    size = 17.0 if told.last <= 40 else 12.0 if told.last <= 150 else 8.0
    others = [each for each in told.scored if each not in told.champions]
    within = [each for each in others if plot.down.low <= each.score <= plot.down.high]
    above = [each for each in others if each.score > plot.down.high]
    below = [each for each in others if each.score < plot.down.low]
    solid = 1.0 if told.last <= 150 else 0.6
    sheet.marks([plot.at(each.iteration, each.score) for each in within], canvas.QUIET, size, solid=solid)
    sheet.marks([plot.at(each.iteration, each.score) for each in above], canvas.QUIET, size, "above", solid=solid)
    sheet.marks([plot.at(each.iteration, each.score) for each in below], canvas.QUIET, size, "below", solid=solid)
    sheet.marks([plot.at(each.iteration, each.score) for each in told.champions], canvas.BLUE, size + 5)
    crosses = [(plot.x(each), _BOTTOM - _STRIP / 2 + 2) for each in told.unscored]
    sheet.marks(crosses, canvas.ORANGE, min(size, 14.0), "cross", solid=solid)


def _named(told: _Story) -> list[tuple[str, float, str]]:
    """The lines' values, with where they lie and their colour."""
    best, _ = formatting.plus_minus_parts(told.champion.score, told.champion.error)
    names = [(best, told.champion.score, canvas.BLUE)]
    if told.holdout is not None:
        names.append((formatting.number(told.holdout), told.holdout, canvas.GREEN))
    return names


def _labels(sheet: canvas.Sheet, plot: _Plot, names: list[tuple[str, float, str]]) -> None:
    """The lines' values at their right ends, moved apart where they would lie on each other."""
    places = [plot.y(value) for _, value, _ in names]
    if len(places) == 2 and abs(places[0] - places[1]) < _APART:
        middle, up = sum(places) / 2, 1 if places[0] <= places[1] else -1
        places = [middle - up * _APART / 2, middle + up * _APART / 2]
    for (text, _, color), y in zip(names, places, strict=True):
        sheet.words((plot.right + 12, y), text, color=color, weight="bold")


def _key(sheet: canvas.Sheet, told: _Story, plot: _Plot) -> None:
    """What the marks mean: of those that are in the picture."""
    off = [each for each in told.scored if not plot.down.low <= each.score <= plot.down.high]
    entries = [_Entry("band", canvas.BLUE, "champion ± SE", 44)]
    if len(told.scored) > len(told.champions) + len(off):
        entries.append(_Entry("dot", canvas.QUIET, "not better", 17))
    if off:
        worse: canvas.Mark = "below" if told.metric.greater_is_better else "above"
        entries.append(_Entry(worse, canvas.QUIET, "far worse", 17))
    if told.unscored:
        entries.append(_Entry("cross", canvas.ORANGE, "no score", 15))
    if told.holdout is not None:
        entries.append(_Entry("dashes", canvas.GREEN, "test set", 40))
    widths = [each.wide + 10 + lettering.width(each.text, canvas.SMALL) for each in entries]
    gap = min(32.0, (sheet.width - 2 * canvas.EDGE - sum(widths)) / max(1, len(entries) - 1))
    x, y = float(canvas.EDGE), canvas.HEIGHT - 36.0
    for each, wide in zip(entries, widths, strict=True):
        _entry(sheet, (x, y), each)
        x += wide + gap


def _entry(sheet: canvas.Sheet, at: canvas.Point, entry: _Entry) -> None:
    x, y = at
    if entry.kind == "band":
        sheet.box(x, y - 13, x + entry.wide, y + 13, canvas.PALE)
        sheet.line([at, (x + entry.wide, y)], entry.color, 4.5)
        sheet.marks([(x + entry.wide / 2, y)], entry.color, 18)
    elif entry.kind == "dashes":
        sheet.line([at, (x + entry.wide, y)], entry.color, 3.5, dashed=True)
    else:
        sheet.marks([(x + entry.wide / 2, y)], entry.color, entry.wide, entry.kind)
    sheet.words((x + entry.wide + 10, y), entry.text, canvas.SMALL, canvas.DIM)
