"""The leaderboard and the iterations of a run, as tables."""

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Final

from tabsmith import formatting
from tabsmith.orchestration.loop_state import Trial
from tabsmith.presentation import budgets, recipes, scores
from tabsmith.presentation.models import ensemble_label
from tabsmith.presentation.spans import Span, Tone, span
from tabsmith.presentation.trials import NO_ANSWER, NOT_BETTER, WAS_CHAMPION, change_words, trial_result, trial_status
from tabsmith.runs import replies
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.text import clean
from tabsmith_tui.views.lines import LineColumn

ENSEMBLE: Final = "ensemble"
_SHORT: Final = MappingProxyType(
    {WAS_CHAMPION.text: "☆ was best", NOT_BETTER.text: "· behind", NO_ANSWER.text: "✘ silent"}
)
"""Labels that do not fit a column of ten cells, in fewer letters."""

LEADERBOARD_COLUMNS: Final = (
    LineColumn("rank", 4, right=True),
    LineColumn("model", 15, grow=1),
    LineColumn("score", 15, right=True),
    LineColumn("Δ champion", 13, right=True, drop=2),
    LineColumn("time", 9, right=True, drop=3),
    LineColumn("verdict", 12, drop=1),
)
ITERATION_COLUMNS: Final = (
    LineColumn("#", 4, right=True),
    LineColumn("change tried", 15, grow=1),
    LineColumn("score", 15, right=True),
    LineColumn("Δ champion", 13, right=True, drop=2),
    LineColumn("time", 9, right=True, drop=3),
    LineColumn("result", 14, drop=1),
)
ASKED_COLUMNS: Final = (  # of a run whose agent holds conversations; on 80 cells, all of them
    LineColumn("#", 2, right=True),
    LineColumn("change tried", 15, grow=1),
    LineColumn("score", 14, right=True),
    LineColumn("Δ champ", 8, right=True, drop=2),
    LineColumn("cost", 6, right=True, drop=3),
    LineColumn("time", 5, right=True, drop=4),
    LineColumn("result", 11, drop=1),
)


class Leaderboard:
    """The scored tries that hold `words`, best first; the ensemble, where there is one, above them."""

    def __init__(self, snapshot: RunSnapshot, words: str = "") -> None:
        self._snapshot = snapshot
        ranked = enumerate(snapshot.leaderboard, start=1)
        self._ranked: list[tuple[int, Trial | None]] = [
            (rank, trial) for rank, trial in ranked if trial_matches(trial, words)
        ]
        if snapshot.ensemble is not None and words.lower() in ENSEMBLE:
            self._ranked.insert(0, (0, None))

    def __len__(self) -> int:
        return len(self._ranked)

    def key(self, index: int) -> str:
        """The iteration of the row, or "ensemble"."""
        trial = self._ranked[index][1]
        return str(trial.iteration) if trial is not None else ENSEMBLE

    @property
    def columns(self) -> Sequence[LineColumn]:
        """The columns of `cells`."""
        return LEADERBOARD_COLUMNS

    def cells(self, index: int) -> Sequence[Span]:
        """Rank, model, score, difference to the champion, seconds, verdict."""
        rank, trial = self._ranked[index]
        if trial is None:
            return self._ensemble()
        best, metric = self._snapshot.champion_trial, self._snapshot.metric
        title = recipes.recipe_title(trial.recipe) if trial.recipe else f"iteration {trial.iteration}"
        is_best = best is not None and trial.iteration == best.iteration
        value = _difference(trial.mean, best) if not is_best else None
        return (
            Span(str(rank), "dim"),
            span(title, "strong" if is_best else "plain"),
            Span(formatting.plus_minus(trial.mean, trial.standard_error)),
            Span(scores.difference_text(value), scores.difference_tone(value, metric)),
            Span(formatting.duration(trial.seconds), "dim"),
            self._verdict(trial, best),
        )

    def _verdict(self, trial: Trial, best: Trial | None) -> Span:
        if best is None or self._snapshot.metric is None:
            return Span("scored", "dim")
        if trial.iteration == best.iteration:
            return Span("★ champion", "good")
        if trial.skipped:
            return Span("↷ skipped", "dim")
        difference = scores.paired_difference(trial.folds, best.folds)
        if difference is not None and difference.noise:
            return Span("within noise", "plain")
        return Span("was champion" if trial.won else "behind", "dim")

    def _ensemble(self) -> Sequence[Span]:
        snapshot = self._snapshot
        together, best, metric = snapshot.ensemble, snapshot.champion_trial, snapshot.metric
        assert together is not None
        value = _difference(together.score, best)
        return (
            Span("Σ", "accent"),
            Span(ensemble_label(len(together.recipes)), "strong"),
            Span(formatting.plus_minus(together.score, together.standard_error)),
            Span(scores.difference_text(value), scores.difference_tone(value, metric)),
            Span(formatting.UNKNOWN, "dim"),
            Span("delivered" if snapshot.report is not None else "built", "good"),
        )


class TrialRows:
    """The iterations, the latest first, a row each."""

    def __init__(self, snapshot: RunSnapshot, trials: Iterable[Trial], columns: Sequence[LineColumn]) -> None:
        self.snapshot = snapshot
        self.trials = tuple(trials)
        self._columns = columns

    def __len__(self) -> int:
        return len(self.trials)

    def key(self, index: int) -> str:
        """The iteration of the row."""
        return str(self.trials[index].iteration)

    @property
    def columns(self) -> Sequence[LineColumn]:
        """The columns; that of the number is as wide as the latest one."""
        number = self._columns[0]
        return (number._replace(width=max(number.width, len(self.key(0)) if self.trials else 0)), *self._columns[1:])


class Iterations(TrialRows):
    """The iterations that hold `words`; with the cost where there can be one."""

    def __init__(self, snapshot: RunSnapshot, words: str = "") -> None:
        self._asked = replies.uses_llm(snapshot)
        trials = (trial for trial in reversed(snapshot.trials) if trial_matches(trial, words))
        super().__init__(snapshot, trials, ASKED_COLUMNS if self._asked else ITERATION_COLUMNS)

    def cells(self, index: int) -> Sequence[Span]:
        """Number, what was tried, score, difference to the champion of its time, cost, seconds, what became of it."""
        trial = self.trials[index]
        number = Span(str(trial.iteration), "dim")
        tried = span(
            change_words(trial)
            or (recipes.recipe_title(trial.recipe) if trial.recipe else trial.message or formatting.UNKNOWN)
        )
        tone: Tone = "plain" if trial.mean is not None else "dim"
        toward = scores.difference_tone(trial.delta, self.snapshot.metric)
        difference = Span(scores.difference_text(trial.delta), toward)
        if self._asked:
            seconds = trial.facts.iteration_seconds if trial.facts else None
            return (
                number,
                tried,
                Span(_score(trial), tone),
                difference,
                Span(budgets.usage_cost_cell(trial.usage), "warn" if trial.usage.unpriced else "dim"),
                Span(formatting.clock(seconds), "dim"),
                short_trial_result(trial, self.snapshot),
            )
        return (
            number,
            tried,
            Span(formatting.plus_minus(trial.mean, trial.standard_error), tone),
            difference,
            Span(formatting.duration(trial.seconds) if trial.seconds else formatting.UNKNOWN, "dim"),
            trial_result(trial, self.snapshot),
        )


def _difference(mean: float | None, best: Trial | None) -> float | None:
    """The score minus that of the champion of now; None if one of them is not known."""
    return mean - best.mean if mean is not None and best is not None and best.mean is not None else None


def _score(trial: Trial) -> str:
    """The score in few cells, or why there is none."""
    if trial.mean is None:
        return {"refused": "refused", "failed": "failed", "unanswered": "no answer"}.get(
            trial.state, formatting.UNKNOWN
        )
    value, error = formatting.plus_minus_parts(trial.mean, trial.standard_error)
    return f"{value} {formatting.PLUS_MINUS}{error}" if error else value


def short_trial_result(trial: Trial, snapshot: RunSnapshot) -> Span:
    """`work_result` in ten cells: the glyph of what became of it, and the decision where that was not to go on."""
    result = trial_status(trial, snapshot)
    if trial.decision is not None and trial.decision.action != "proceed" and not trial.skipped:
        return Span(f"{result.text[0]} {trial.decision.label}", result.tone)
    return Span(_SHORT.get(result.text, result.text), result.tone)


def trial_matches(trial: Trial, words: str) -> bool:
    """Whether a trial holds `words`, in whatever letters: in its recipe, its change, its messages, its decision; in a
    task also in its files and in the verdict."""
    wanted = words.strip().lower()
    if not wanted:
        return True
    held: list[str] = [change_words(trial), trial.reason, trial.message, trial.agent, trial.state]
    if trial.recipe is not None:
        held += [trial.recipe.name, trial.recipe.family]
    if trial.decision is not None:
        held += [trial.decision.action, trial.decision.label]
    if trial.work is not None:
        held += [trial.work.task, trial.work.words, *(change.path for change in trial.work.changes)]
        held += [trial.work.acceptance.verdict] if trial.work.acceptance else []
    return any(wanted in part[:2_000].lower() for part in held) or wanted == f"#{trial.iteration}"


def table_title(name: str, shown: int, all_of_them: int, words: str) -> str:
    """The heading of a table, with the filter in force: `Iterations  3 of 12 with "boost"`."""
    return f'{name}  {shown:,} of {all_of_them:,} with "{clean(words, 20)}"' if words else f"{name}  {all_of_them:,}"
