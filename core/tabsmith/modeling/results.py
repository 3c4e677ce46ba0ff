"""Results as data: fold scores, evaluations, reports, predicted files. Imports no numerical library."""

from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.modeling.decisions.types import DecisionReport, IntervalsReport
from tabsmith.modeling.explanation.types import Explanation
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.recipes.recipe import Recipe
from tabsmith.tables.schema.types import Schema
from tabsmith.text import clean, plural

TIME_TOLERANCE: Final = 0.05
"""Share of a time limit by which a run may be late without a word."""


class FoldScore(msgspec.Struct, frozen=True):
    """One recipe on one fold: fitted without it, scored on it."""

    fold: int
    score: float
    fit_seconds: float
    predict_seconds: float
    rounds: int = 0  # of boosting; 0 for families that know none
    cut: bool = False  # whether the fit had to end before it was done, for want of time


class Evaluation(msgspec.Struct, frozen=True):
    """A recipe on all of the run's fixed folds. Its out-of-fold predictions and fitted models lie in `folder`,
    relative to the run's folder."""

    recipe: Recipe
    folds: tuple[FoldScore, ...]
    mean: float
    standard_error: float  # of the mean over folds
    seconds: float
    folder: str


class EnsembleMember(msgspec.Struct, frozen=True):
    """A recipe in an ensemble; weights sum to 1."""

    recipe: Recipe
    weight: float
    rounds: int = 0  # of boosting, as the folds have found them; 0 for families that know none


class ModelScore(msgspec.Struct, frozen=True):
    """A score under one metric, with the 95 % bootstrap interval where there is one."""

    metric: Metric
    score: float
    low: float | None = None
    high: float | None = None


class ColumnImportance(msgspec.Struct, frozen=True):
    """How much the score falls when a column's values are shuffled; in the metric's unit, more is more important."""

    column: str
    drop: float
    deviation: float


class Confusion(msgspec.Struct, frozen=True, tag="confusion", tag_field="outcome"):
    """Counts of rows: `counts[i][j]` were `classes[i]` and were predicted `classes[j]`."""

    classes: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]


class Residuals(msgspec.Struct, frozen=True, tag="residuals", tag_field="outcome"):
    """Truth and prediction of up to 400 rows drawn at random, and the distribution of truth minus prediction."""

    truth: tuple[float, ...]
    predicted: tuple[float, ...]
    quartiles: tuple[float, float, float]
    bins: tuple[int, ...]
    minimum: float
    maximum: float


class Baseline(msgspec.Struct, frozen=True):
    """The score of the best constant prediction on the hold-out, under the run's metric; whether the model is better
    beyond doubt; and the share of bootstrap draws in which the model is better."""

    score: float
    beaten: Literal["yes", "not shown"]
    share: float


class Holdout(msgspec.Struct, frozen=True):
    """The model on the rows set aside before anything else, or on a table of a person's own; scored once."""

    rows: int
    scores: tuple[ModelScore, ...]  # the run's own metric first
    baseline: Baseline | None = msgspec.field(
        default=None, name="chance"
    )  # None where the metric is undefined for a constant answer
    source: str = ""  # the person's own table in a few words; "" for rows of the training table
    fingerprint: str = ""  # of that table


KeptReason: TypeAlias = Literal["", "asked for", "no time", "stopped"]
"""Why recipes were delivered as they were measured: a person wanted it, there was no time to fit them again, or a person
stopped the run."""


class Refit(msgspec.Struct, frozen=True):
    """One fit of a chosen recipe on all rows."""

    member: int  # its position among the ensemble's members
    recipe: Recipe
    number: int  # of the model among those of this recipe, from 0
    rounds: int  # of boosting, as the folds have found them; 0 for families that know none
    seconds: float  # that it is expected to take

    @property
    def folder(self) -> str:
        """The folder of the fitted model, relative to the run's."""
        return f"refits/{self.recipe.id}/all-{self.number}"


class RefitFile(msgspec.Struct, frozen=True):
    """`refit.json`, written last: how long the fit took, and whether it was whole."""

    seconds: float
    whole: bool = True


class Delivery(msgspec.Struct, frozen=True):
    """What the delivered model has learned from, where that differs from the measured one."""

    rows: int  # that recipes were fitted to again, hold-out included unless it is a table of a person's own
    refitted: int  # recipes of the ensemble that were; the others are delivered as they were measured
    recipes: int  # of the ensemble
    kept: KeptReason = ""  # why not all were fitted again; "" if all were


class TimeTaken(msgspec.Struct, frozen=True):
    """The time limit of a run, and what it took, both in seconds from when its data was ready; pauses are left out."""

    limit: float  # 0 for none
    used: float

    @property
    def over(self) -> float:
        """Seconds beyond the limit; 0 where there is none, or where the run kept it within its tolerance."""
        return self.used - self.limit if self.limit and self.used > (1 + TIME_TOLERANCE) * self.limit else 0.0


class TableSample(msgspec.Struct, frozen=True):
    """Rows drawn at random from a table that is larger than memory: the same ones for the same seed."""

    rows: int
    of: int  # rows of the table
    seed: int


class Cost(msgspec.Struct, frozen=True):
    """What a model takes beside its score: bytes on disk, and seconds for 1,000 rows on one core, as its folds took them."""

    size: int
    seconds: float


class SimpleModel(msgspec.Struct, frozen=True):
    """One recipe of an ensemble, kept beside it, and what it would mean to use that alone.

    `score` is that of the recipe's model on the rows that the ensemble was measured on, under the same metric; None where
    it is undefined.
    """

    recipe: Recipe
    score: float | None
    cost: Cost
    ensemble: Cost


class ModelReport(msgspec.Struct, frozen=True, kw_only=True):
    """Everything about a finished model; shown by screens and `tabsmith models show`, saved with the model."""

    model_id: str
    run_id: str
    created_at: float
    source: str  # the table in a few words
    fingerprint: str
    schema: Schema
    metric: Metric
    members: tuple[EnsembleMember, ...]
    champion: Evaluation  # the best single recipe
    cv_score: float  # of the delivered model, on out-of-fold predictions
    cv_se: float
    holdout: Holdout | None  # None only where the table was too small to spare a hold-out
    importance: tuple[ColumnImportance, ...]
    outcome: Confusion | Residuals  # on the hold-out, or out-of-fold where there is none
    classes: tuple[str, ...]  # as text, in the order of the probabilities; empty for regression
    train_rows: int
    iterations: int
    tries: int
    seconds: float
    seed: int = 0
    folds: int = 0  # of the validation; 0 in reports of earlier versions
    sample: TableSample | None = None  # that was searched and measured; None for all rows
    time: TimeTaken | None = None  # None in reports of earlier versions
    delivery: Delivery | None = None  # None where the model is the measured one, as it was before there was a choice
    notes: tuple[str, ...] = ()  # what a reader should know: folds made fewer, work cut short
    decisions: DecisionReport = DecisionReport()
    explanation: Explanation = Explanation()
    simple: SimpleModel | None = None  # None where the model is of one recipe

    @property
    def measured_score(self) -> float:
        """The score under the model's own metric on the hold-out, or the cross-validated one where there is none."""
        return self.holdout.scores[0].score if self.holdout is not None and self.holdout.scores else self.cv_score

    @property
    def typical_error(self) -> float:
        """The error of a predicted number, in the target's unit: that of the hold-out, else of validation; NaN if unknown."""
        scores = self.holdout.scores if self.holdout is not None else (ModelScore(self.metric, self.cv_score),)
        for name in ("rmse", "mae", "median_ae"):
            for each in scores:
                if each.metric.name == name:
                    return each.score
        return float("nan")

    @property
    def important_columns(self) -> tuple[ColumnImportance, ...]:
        """The columns without which the model's error would rise by a tenth or more, the most important first.

        The error is the cross-validated score itself where lower is better, and its distance from 1 elsewhere.
        """
        error = abs(1 - self.cv_score if self.metric.greater_is_better else self.cv_score)
        important = [each for each in self.importance if each.drop > max(each.deviation, 0.1 * error)]
        return tuple(sorted(important, key=lambda each: -each.drop))


class MatchedColumn(msgspec.Struct, frozen=True):
    """A column that the model knows as `column`, and that the rows hold under the similar name `found`."""

    column: str
    found: str

    def __str__(self) -> str:
        return f'{clean(self.column, 60)} is read from the column "{clean(self.found, 60)}"'


class UnreadCell(msgspec.Struct, frozen=True):
    """A cell that the model cannot read as its column is read; it is treated as missing."""

    row: int  # of the new rows, counted from 1
    text: str  # cleaned, at most 80 characters


class UnreadCells(msgspec.Struct, frozen=True):
    """The cells of a column that could not be read; they are treated as missing."""

    column: str
    count: int
    examples: tuple[UnreadCell, ...]  # the first few

    def __str__(self) -> str:
        examples = ", ".join(f'"{each.text}" in row {each.row:,}' for each in self.examples)
        verb = "is" if self.count == 1 else "are"
        return f"{clean(self.column, 60)}: {plural(self.count, 'cell')} not understood {verb} treated as missing ({examples})"


class UnseenLevels(msgspec.Struct, frozen=True):
    """The cells of a column whose level does not occur in the rows that the model was trained on."""

    column: str
    count: int
    levels: tuple[str, ...]  # the first few, cleaned

    def __str__(self) -> str:
        levels = ", ".join(f'"{level}"' for level in self.levels)
        return f"{clean(self.column, 60)}: {plural(self.count, 'cell')} with values never seen in training ({levels})"


class UnreadRow(msgspec.Struct, frozen=True):
    """A row that could not be read, and that has an empty prediction or is left out."""

    row: int  # counted from 1; 0 if the row is not in the written file either
    reason: str

    def __str__(self) -> str:
        if self.row == 0:
            return f"a row is left out: {clean(self.reason, 200)}"
        return f"row {self.row:,} has no prediction: {clean(self.reason, 200)}"


ReadingAssumption: TypeAlias = Literal["day first", "formats unknown"]
"""What had to be assumed about a column's texts. `day first`: the model was trained on dates, not on texts, and dates
such as 02/09/2023 were read with the day first. `formats unknown`: the model was saved before models kept how their
columns are read, so texts are read by what the rows themselves look like."""


class AssumedReading(msgspec.Struct, frozen=True):
    """An assumption by which a column was read; `column` is empty where it holds for all columns."""

    column: str
    assumption: ReadingAssumption

    def __str__(self) -> str:
        if self.assumption == "day first":
            return f"{clean(self.column, 60)}: dates such as 02/09/2023 were read with the day first"
        return "The model was saved before models kept how their columns are read: texts are read anew from these rows"


class RowsScore(msgspec.Struct, frozen=True):
    """The model's scores on new rows that hold the target."""

    rows: int  # that were scored: those with a target that the model knows, at most `modeling.scoring.MAX_ROWS`
    scores: tuple[ModelScore, ...]  # the model's own metric first
    holdout: tuple[ModelScore, ...]  # the scores on the hold-out, to compare with; empty where there was none
    intervals: IntervalsReport | None = None  # None where no intervals were asked for
    weight: str = ""  # the column by which the rows count, as they did in training; "" if all count the same


class ModelComparison(msgspec.Struct, frozen=True):
    """Two models on the same rows, under the first one's metric. `low` and `high` bound the difference of the scores, first
    less second, with 95 % confidence (paired bootstrap); None where it could not be drawn."""

    first: str  # ids
    second: str
    metric: Metric
    on: Literal["test set", "table"]
    rows: int
    first_score: float
    second_score: float
    low: float | None
    high: float | None
    better: Literal["first", "second", "not shown"]  # not shown: the interval holds 0


class PredictedFile(msgspec.Struct, frozen=True):
    """The rows of a source predicted and written to `out`."""

    model_id: str
    rows: int
    columns: tuple[str, ...]  # of the written file
    out: str
    missing: tuple[str, ...] = ()  # columns the model knows and the source lacks; treated as missing
    extra: tuple[str, ...] = ()  # columns the source has and the model does not use
    unparsable: int = 0  # cells that could not be read as their column's kind; treated as missing
    added: tuple[str, ...] = ()  # columns that the predictions stand in, the prediction itself first
    matched: tuple[MatchedColumn, ...] = ()  # columns found under a similar name
    unread: tuple[UnreadCells, ...] = ()  # the cells of `unparsable`, by column
    unseen: tuple[UnseenLevels, ...] = ()
    assumed: tuple[AssumedReading, ...] = ()
    bad_rows: tuple[UnreadRow, ...] = ()  # the first hundred
    bad_row_count: int = 0
    score: RowsScore | None = None  # None where the source does not hold the target
    explained: tuple[str, ...] = ()  # columns that the columns that moved each prediction stand in, with their sizes
    explains: str = ""  # what these sizes, with a base, add up to: the target, or a probability
