"""The quality of an iteration, 0..1: by tabsmith's own rule, part by part, each with its reason."""

import math
from typing import Final

import msgspec

from tabsmith.modeling.results import Evaluation, Metric
from tabsmith.orchestration.champion import compare
from tabsmith.orchestration.decisions import Part, Quality
from tabsmith.recipes.recipe import Recipe, Verdict
from tabsmith.text import clean, figure, plural

# Weighted so that, with the default thresholds, a valid new recipe within noise of the champion is good enough
# unexplained, one far behind is not good enough however well explained, and a repeated or invalid one is not worth it.
_VALID, _NEW, _EXPLAINED, _STANDING, _FOLDS = 0.30, 0.20, 0.10, 0.35, 0.05

_WITHIN_NOISE: Final = 0.7  # what standing is worth at the champion's level
_FAR: Final = 4.0  # noises below that level at which standing is worth nothing
_PROGRESS: Final = 0.1  # share of the way from the first score to the champion that is not far in any case
_WORDS: Final = 4  # of a reason that says something


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """An iteration to be graded. `verdict` is None when no recipe came; `evaluation` is None without a score, and
    `failure` says why; `champion` is that of before, `first` the run's first score; `folds` how many there are to
    score; `repeats` the iteration that had the same recipe, or 0; `reason` and `change` are foreign text."""

    metric: Metric
    folds: int
    recipe: Recipe | None = None
    verdict: Verdict | None = None
    evaluation: Evaluation | None = None
    champion: Evaluation | None = None
    first: Evaluation | None = None
    repeats: int = 0
    reason: str = ""
    change: str = ""
    failure: str = ""


def heuristic(subject: Subject, *, fallback: str = "") -> Quality:
    """The grade by tabsmith's own rule; `fallback` says why it stands in for a model's grade, when it does."""
    parts = (_valid(subject), _new(subject), _explained(subject), _standing(subject), _folds(subject))
    value = round(sum(part.value * part.weight for part in parts), 4)
    words = "; ".join(part.why for part in parts)
    return Quality(value, "heuristic", parts, words=words, fallback=fallback)


def _valid(subject: Subject) -> Part:
    verdict = subject.verdict
    if verdict is None:
        return Part("valid", 0.0, _VALID, "no recipe came")
    if verdict.valid:
        return Part("valid", 1.0, _VALID, "valid")
    first = clean(verdict.problems[0].what, 80) if verdict.problems else "it leaves out what a recipe needs"
    more = f" and {plural(len(verdict.problems) - 1, 'more problem')}" if len(verdict.problems) > 1 else ""
    return Part("valid", 0.0, _VALID, f"not valid: {first}{more}")


def _new(subject: Subject) -> Part:
    if subject.verdict is None:
        return Part("new", 0.0, _NEW, "nothing new")
    if subject.repeats:
        return Part("new", 0.0, _NEW, f"the same recipe as in iteration {subject.repeats}")
    return Part("new", 1.0, _NEW, "not tried before")


def _explained(subject: Subject) -> Part:
    count = len(subject.reason.split())
    if subject.verdict is None or not count:
        return Part("explained", 0.0, _EXPLAINED, "not explained")
    if count < _WORDS:
        return Part("explained", 0.5, _EXPLAINED, f"explained in {plural(count, 'word')}")
    return Part("explained", 1.0, _EXPLAINED, "explained")


def _folds(subject: Subject) -> Part:
    evaluation = _counted(subject)
    scored = len(evaluation.folds) if evaluation else 0
    share = min(1.0, scored / subject.folds) if subject.folds > 0 else 0.0
    return Part("folds", share, _FOLDS, f"{scored} of {plural(subject.folds, 'fold')} scored")


def _standing(subject: Subject) -> Part:
    evaluation = _counted(subject)
    if evaluation is None:
        why = "no score to compare" if not subject.repeats else "nothing new to compare"
        return Part("standing", 0.0, _STANDING, f"{why}: {clean(subject.failure, 80)}" if subject.failure else why)
    if subject.champion is None:
        return Part("standing", 1.0, _STANDING, "the first score")
    found = compare(subject.champion, evaluation, subject.metric)
    if found is None or not math.isfinite(found.gain):
        return Part("standing", 0.0, _STANDING, "not comparable with the champion")
    noise = max(found.error, found.floor)
    if found.gain > noise:
        return Part("standing", 1.0, _STANDING, f"better than the champion by {figure(found.gain)}, beyond noise")
    if found.gain >= -noise:
        return Part("standing", _WITHIN_NOISE, _STANDING, f"within noise of the champion (± {figure(noise, 2)})")
    yardstick = _FAR * max(noise, _progress(subject))
    share = max(0.0, 1.0 - (-found.gain - noise) / yardstick) if yardstick else 0.0
    why = f"worse than the champion by {figure(-found.gain)}, noise {figure(noise, 2)}"
    return Part("standing", round(_WITHIN_NOISE * share, 4), _STANDING, why)


def _progress(subject: Subject) -> float:
    """A tenth of what the run has gained since its first score: on a table with little noise, every other recipe would
    be far behind otherwise."""
    if subject.first is None or subject.champion is None:
        return 0.0
    gained = abs(subject.champion.mean - subject.first.mean)
    return _PROGRESS * gained if math.isfinite(gained) else 0.0


def _counted(subject: Subject) -> Evaluation | None:
    """The score, where it tells something: of a valid recipe that was not tried before."""
    evaluation = subject.evaluation
    if subject.repeats or evaluation is None or subject.verdict is None or not subject.verdict.valid:
        return None
    return evaluation if math.isfinite(evaluation.mean) else None
