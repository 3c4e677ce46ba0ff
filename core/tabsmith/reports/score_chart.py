"""The score over the iterations: tries as dots, the champion as a line with its error, the test set beside it."""

import math
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tabsmith import formatting
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.orchestration.loop_state import Trial
from tabsmith.presentation.scores import metric_direction
from tabsmith.reports import figures
from tabsmith.reports.figures import NothingToDrawError
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import plural

if TYPE_CHECKING:
    from matplotlib.axes import Axes

HEIGHT: Final = 700
_LEGEND: Final = 66  # pixels


class _Scored(NamedTuple):
    iteration: int
    score: float
    error: float
    won: bool


class _Scores(NamedTuple):
    """The data that the chart shows of a run."""

    metric: Metric
    scored: tuple[_Scored, ...]
    unscored: tuple[int, ...]  # iterations
    champions: tuple[_Scored, ...]  # one after the other
    holdout: float | None
    ended: bool
    last: int  # iteration

    @property
    def champion(self) -> _Scored:
        return self.champions[-1]


def score_chart(run: RunSnapshot) -> bytes:
    """The scores of a run so far, as a PNG. Raises NothingToDrawError while no recipe has one."""
    scores = _scores(run)
    so_far = "" if scores.ended else " so far"
    best = formatting.plus_minus(scores.champion.score, scores.champion.error)
    with figures.drawing():
        figure = figures.new_figure(
            HEIGHT,
            figures.showable(metric_direction(scores.metric)),
            f"the best of {plural(len(scores.scored), 'scored recipe')}{so_far}: {best}",
            below=_LEGEND,
        )
        axes = figure.subplots()
        _set_axes(axes, scores)
        handles = {**_draw_champions(axes, scores), **_draw_others(axes, scores)}
        figure.legend(
            list(handles.values()),
            list(handles),
            loc="lower left",
            bbox_to_anchor=(figures.EDGE / figures.WIDTH, 10 / HEIGHT),
            ncols=len(handles),
            borderpad=0,
            borderaxespad=0,
            handlelength=1.4,
            handletextpad=0.5,
            columnspacing=1.2,
        )
        return figures.to_png(figure)


def _scores(run: RunSnapshot) -> _Scores:
    scored: list[_Scored] = []
    unscored: list[int] = []
    for trial in run.trials:
        if trial.skipped:
            continue
        if trial.mean is not None and math.isfinite(trial.mean):
            scored.append(_Scored(trial.iteration, figures.plottable(trial.mean), _error(trial), trial.won))
        elif trial.state in ("scored", "refused", "failed", "unanswered"):
            unscored.append(trial.iteration)
    if run.metric is None or not scored:
        raise NothingToDrawError(
            "There is no score to draw yet.", next_step="Ask again once the first recipe has its score."
        )
    champions = [entry for entry in scored if entry.won]
    if not champions or champions[0] is not scored[0]:
        champions.insert(0, scored[0])
    last = max(trial.iteration for trial in run.trials)
    return _Scores(run.metric, tuple(scored), tuple(unscored), tuple(champions), _holdout(run), run.state.ended, last)


def _error(trial: Trial) -> float:
    error = trial.standard_error
    return figures.plottable(error) if error is not None and math.isfinite(error) and error > 0 else 0.0


def _holdout(run: RunSnapshot) -> float | None:
    if run.report is None or run.report.holdout is None or run.metric is None:
        return None
    for score in run.report.holdout.scores:
        if score.metric.name == run.metric.name and math.isfinite(score.score):
            return figures.plottable(score.score)
    return None


def _set_axes(axes: "Axes", scores: _Scores) -> None:
    """Show all champions with the latest one's error, and the test set; of the others those that are not far worse."""
    from matplotlib.ticker import MaxNLocator

    means = [entry.score for entry in scores.champions]
    ordered = sorted(entry.score for entry in scores.scored)
    champion = scores.champion
    reach = max(max(means) - min(means), 2 * abs(ordered[len(ordered) // 2] - champion.score), 3 * champion.error)
    low, high = max(ordered[0], min(means) - reach), min(ordered[-1], max(means) + reach)
    seen = [low, high, champion.score - 2 * champion.error, champion.score + 2 * champion.error]
    bottom, top = figures.limits_of(seen if scores.holdout is None else [*seen, scores.holdout], 0.06)
    room = max(0.35, scores.last * 0.025)
    axes.set(xlim=(1 - room, scores.last + room), xlabel="iteration")
    axes.set_ylim(bottom - (top - bottom) * (0.1 if scores.unscored else 0), top)  # crosses stand below the scores
    axes.grid(visible=True, axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=True))
    figures.label_ticks(axes, across=False)


def _draw_champions(axes: "Axes", scores: _Scores) -> dict[str, Any]:
    """Draw the champions with their errors, and the test set; the latest values stand at the right. Returns the handles
    of the legend by their labels."""
    starts = [entry.iteration for entry in scores.champions]
    steps = [*scores.champions, scores.champion]
    across = [*starts, axes.get_xlim()[1]]
    band = axes.fill_between(
        across,
        [entry.score - entry.error for entry in steps],
        [entry.score + entry.error for entry in steps],
        step="post",
        color=figures.PALE,
        linewidth=0,
    )
    (line,) = axes.step(across, [entry.score for entry in steps], where="post", color=figures.BLUE, linewidth=2)
    size = _size(scores) + 2
    (dots,) = axes.plot(starts, [entry.score for entry in scores.champions], "o", color=figures.BLUE, markersize=size)
    dots.set(markeredgecolor=figures.PAPER, markeredgewidth=0.5)
    handles: dict[str, Any] = {"champion ± SE": (band, line, dots)}
    best, _ = formatting.plus_minus_parts(scores.champion.score, scores.champion.error)
    if scores.holdout is None:
        _write_value(axes, best, scores.champion.score, figures.BLUE, "center")
        return handles
    handles["test set"] = axes.axhline(scores.holdout, color=figures.GREEN, linewidth=1.6, linestyle="dashed")
    above = scores.champion.score >= scores.holdout  # two values that are close do not lie on each other
    _write_value(axes, best, scores.champion.score, figures.BLUE, "bottom" if above else "top")
    _write_value(axes, formatting.number(scores.holdout), scores.holdout, figures.GREEN, "top" if above else "bottom")
    return handles


def _write_value(axes: "Axes", text: str, value: float, color: str, align: str) -> None:
    axes.annotate(
        text,
        (1, value),
        (6, 0),
        xycoords=axes.get_yaxis_transform(),
        textcoords="offset points",
        color=color,
        weight="bold",
        va=align,
        annotation_clip=False,
    )


def _draw_others(axes: "Axes", scores: _Scores) -> dict[str, Any]:
    """Draw the tries that are no champions: scored, far worse (on the edge), without a score. Returns the handles of the
    legend by their labels."""
    low, high = axes.get_ylim()
    others = [entry for entry in scores.scored if entry not in scores.champions]
    groups = (
        ("not better", "o", [entry for entry in others if low <= entry.score <= high]),
        ("far worse", "^", [entry for entry in others if entry.score > high]),
        ("far worse", "v", [entry for entry in others if entry.score < low]),
    )
    solid = 1.0 if scores.last <= 150 else 0.6
    handles: dict[str, Any] = {}
    for label, marker, entries in groups:
        if entries:
            inside = [max(low, min(high, entry.score)) for entry in entries]
            (handles[label],) = axes.plot(
                [entry.iteration for entry in entries],
                inside,
                marker,
                color=figures.QUIET,
                markersize=_size(scores),
                markeredgecolor=figures.PAPER,
                markeredgewidth=0.5,
                alpha=solid,
                clip_on=False,
            )
    if scores.unscored:
        (handles["no score"],) = axes.plot(
            scores.unscored,
            [0.05] * len(scores.unscored),
            "x",
            transform=axes.get_xaxis_transform(),
            color=figures.ORANGE,
            markersize=min(_size(scores), 6.0),
            markeredgewidth=1.4,
            alpha=solid,
        )
    return handles


def _size(scores: _Scores) -> float:
    """The size of a dot in points."""
    return 7.5 if scores.last <= 40 else 5.4 if scores.last <= 150 else 3.6
