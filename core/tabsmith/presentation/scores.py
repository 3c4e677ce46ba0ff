"""Two tries compared: by how much, in which direction, and whether beyond the noise of the folds."""

import math
import statistics

import msgspec

from tabsmith import formatting
from tabsmith.modeling.results import FoldScore, Metric
from tabsmith.orchestration.loop_state import Trial
from tabsmith.presentation.spans import Tone
from tabsmith.runs.snapshot import RunSnapshot


class PairedDifference(msgspec.Struct, frozen=True):
    """The mean of a challenger's differences to the champion fold by fold, and its standard error; a positive
    `gain` is a better challenger. `folds` is how many both were scored on."""

    gain: float
    error: float
    folds: int

    @property
    def noise(self) -> bool:
        """Whether the difference is within one standard error."""
        return abs(self.gain) <= self.error


def paired_difference(
    challenger: tuple[FoldScore, ...], champion: tuple[FoldScore, ...], metric: Metric
) -> PairedDifference | None:
    """Both on the folds they share; None with fewer than two of them."""
    theirs = {each.fold: each.score for each in champion}
    sign = 1.0 if metric.greater_is_better else -1.0
    gains = [sign * (each.score - theirs[each.fold]) for each in challenger if each.fold in theirs]
    gains = [gain for gain in gains if math.isfinite(gain)]
    if len(gains) < 2:
        return None
    return PairedDifference(statistics.fmean(gains), statistics.stdev(gains) / math.sqrt(len(gains)), len(gains))


def better_way(metric: Metric) -> str:
    """`lower is better`."""
    return f"{'higher' if metric.greater_is_better else 'lower'} is better"


def metric_direction(metric: Metric) -> str:
    """`RMSE, lower is better`: a score is never shown without saying which way is up."""
    return f"{metric.label}, {better_way(metric)}"


def gain(mean: float | None, base: float | None, metric: Metric) -> float | None:
    """By which share of `base` the score `mean` is better (below 0: worse); None when it cannot be said."""
    if mean is None or base is None or not base or not math.isfinite(mean) or not math.isfinite(base):
        return None
    better = mean - base if metric.greater_is_better else base - mean
    return better / abs(base)


def gain_text(value: float | None) -> str:
    """`4.1 % better`, `0.8 % worse`, `the same`: no sign that one has to turn around for an error metric."""
    if value is None:
        return formatting.UNKNOWN
    if abs(value) < 5e-6:
        return "the same"
    return f"{formatting.percent(abs(value))} {'better' if value > 0 else 'worse'}"


def gain_arrow(value: float | None) -> str:
    """`gain_text` in eight cells: `▲ 4.1 %` is better, `▼ 0.8 %` worse, whichever way the metric goes."""
    if value is None:
        return formatting.UNKNOWN
    if abs(value) < 5e-6:
        return "same"
    return f"{'▲' if value > 0 else '▼'} {formatting.percent(abs(value))}"


def gain_tone(value: float | None) -> Tone:
    """The tone of `gain_text`."""
    if value is None or abs(value) < 5e-6:
        return "dim"
    return "good" if value > 0 else "bad"


def first_scored(snapshot: RunSnapshot) -> Trial | None:
    """The first try that got a score; what the champion is compared with."""
    return next((each for each in snapshot.trials if each.mean is not None and math.isfinite(each.mean)), None)
