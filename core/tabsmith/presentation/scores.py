"""Two tries compared: by how much, in which direction, and whether beyond the noise of the folds."""

import math
import statistics

import msgspec

from tabsmith import formatting
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import FoldScore, ModelScore
from tabsmith.orchestration.loop_state import Trial
from tabsmith.presentation.spans import Tone
from tabsmith.runs.snapshot import RunSnapshot


class PairedDifference(msgspec.Struct, frozen=True):
    """The mean of a challenger's score minus the champion's, fold by fold, in the units of the metric, and its standard
    error. `folds` is how many both were scored on."""

    mean: float
    error: float
    folds: int

    @property
    def noise(self) -> bool:
        """Whether the difference is within one standard error."""
        return abs(self.mean) <= self.error


def paired_difference(challenger: tuple[FoldScore, ...], champion: tuple[FoldScore, ...]) -> PairedDifference | None:
    """Both on the folds they share; None with fewer than two of them."""
    theirs = {fold.fold: fold.score for fold in champion}
    differences = [fold.score - theirs[fold.fold] for fold in challenger if fold.fold in theirs]
    differences = [difference for difference in differences if math.isfinite(difference)]
    if len(differences) < 2:
        return None
    error = statistics.stdev(differences) / math.sqrt(len(differences))
    return PairedDifference(statistics.fmean(differences), error, len(differences))


def interval_text(score: ModelScore) -> str:
    """`20,100 to 21,900`, the 95 % interval of a score; empty if it has none."""
    if score.low is None or score.high is None or not (math.isfinite(score.low) and math.isfinite(score.high)):
        return ""
    return f"{formatting.number(score.low)} to {formatting.number(score.high)}"


def better_way(metric: Metric) -> str:
    """`lower is better`."""
    return f"{'higher' if metric.greater_is_better else 'lower'} is better"


def metric_direction(metric: Metric) -> str:
    """`RMSE, lower is better`: a score is never shown without saying which way is up."""
    return f"{metric.label}, {better_way(metric)}"


def difference_text(difference: float | None) -> str:
    """`+0.27`, `-2,360`: a score minus another one, in the units of the metric; `same`; a dash if it is not known."""
    if difference is None or not math.isfinite(difference):
        return formatting.UNKNOWN
    return formatting.difference(difference) if difference else "same"


def difference_tone(difference: float | None, metric: Metric | None) -> Tone:
    """Good for a difference towards a better score, bad for one towards a worse score."""
    if not difference or metric is None:
        return "dim"
    return "good" if (difference > 0) == metric.greater_is_better else "bad"


def first_scored(snapshot: RunSnapshot) -> Trial | None:
    """The first try that got a score; what the champion is compared with."""
    return next((trial for trial in snapshot.trials if trial.mean is not None and math.isfinite(trial.mean)), None)
