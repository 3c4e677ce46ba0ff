"""The feature steps of a recipe as data: columns made from the table's columns, fitted inside each fold.

A step says what to make and how much of it at most; which columns come of it is decided on a fold's own rows, so the
rows that score a recipe never help to choose its features. Steps stand below the families so that a known-good recipe
of a family can hold them.
"""

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

ArithmeticOperation: TypeAlias = Literal["add", "subtract", "multiply", "divide"]
GroupStatistic: TypeAlias = Literal["mean", "ratio", "rank", "count"]
DateFeature: TypeAlias = Literal["cycles", "trend", "week", "quarter", "weekend"]
TextFeature: TypeAlias = Literal["words", "characters", "lengths"]
MonotoneDirection: TypeAlias = Literal["increasing", "decreasing"]

TargetTransformation: TypeAlias = Literal["none", "log", "yeo_johnson", "detrend"]
"""What a regression's target is put through before the fit; predictions are put back, without bias of their mean.
`detrend` takes off its line through time with the seasons, in tables that are split by time."""

NewColumns: TypeAlias = Annotated[int, Meta(ge=1, le=500)]
Smoothing: TypeAlias = Annotated[float, Meta(ge=0, le=1000)]


class FeatureStepBase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True, tag_field="step"):
    """What all steps share: the field `step` tells them apart, and a field at its default is not written."""


class Arithmetic(FeatureStepBase, frozen=True, tag="arithmetic"):
    """Sums, differences, products and ratios of pairs (order 2) or triples (order 3) of numeric columns."""

    columns: tuple[str, ...] = ()  # empty: every numeric column
    operations: Annotated[tuple[ArithmeticOperation, ...], Meta(min_length=1)] = (
        "add",
        "subtract",
        "multiply",
        "divide",
    )
    order: Annotated[int, Meta(ge=2, le=3)] = 2
    most: NewColumns = 30  # new columns


class Crosses(FeatureStepBase, frozen=True, tag="crosses"):
    """Combinations of two or three categories, each encoded by the target's mean at it, cross-fitted."""

    columns: tuple[str, ...] = ()  # empty: every category, code and boolean
    order: Annotated[int, Meta(ge=2, le=3)] = 2
    most: NewColumns = 20  # combinations
    smoothing: Smoothing = 10.0  # rows that the mean of all rows counts for at each combination


class TargetEncoding(FeatureStepBase, frozen=True, tag="target_encoding"):
    """The target's mean at each level of a category, cross-fitted, beside the category's own encoder."""

    columns: tuple[str, ...] = ()  # empty: every category, code and boolean
    smoothing: Smoothing = 10.0


class GroupStatistics(FeatureStepBase, frozen=True, tag="group_statistics"):
    """A number compared with its group: the group's mean, the ratio to it, the rank within it, the group's size."""

    by: tuple[str, ...] = ()  # empty: every category, code and boolean
    columns: tuple[str, ...] = ()  # empty: every numeric column
    statistics: Annotated[tuple[GroupStatistic, ...], Meta(min_length=1)] = ("mean", "ratio", "rank", "count")
    most: NewColumns = 30  # new columns


class DateParts(FeatureStepBase, frozen=True, tag="dates"):
    """Parts of dates: points on the circles of year, week and day, days since 1970, week, quarter, weekend."""

    columns: tuple[str, ...] = ()  # empty: every date
    features: Annotated[tuple[DateFeature, ...], Meta(min_length=1)] = ("cycles", "trend", "week", "quarter", "weekend")


class TextParts(FeatureStepBase, frozen=True, tag="text"):
    """Texts as words, as pieces of three to five characters, and as counts of characters, words, digits, capitals."""

    columns: tuple[str, ...] = ()  # empty: every text
    features: Annotated[tuple[TextFeature, ...], Meta(min_length=1)] = ("characters", "lengths")


class MissingFlags(FeatureStepBase, frozen=True, tag="missing_flags"):
    """1 where a column is missing, for each column with missing cells, and the number of missing cells of the row."""

    columns: tuple[str, ...] = ()  # empty: every column


class SubsetHashes(FeatureStepBase, frozen=True, tag="subset_hashes"):
    """Random subsets of the columns, numbers rounded; each distinct combination is encoded by the target's mean."""

    most: NewColumns = 50  # subsets
    decimals: Annotated[int, Meta(ge=0, le=10)] = 2
    smoothing: Smoothing = 10.0


class Clip(FeatureStepBase, frozen=True, tag="clip"):
    """Numbers drawn to two quantiles of the fold's rows, so that outliers weigh no more than those."""

    columns: tuple[str, ...] = ()  # empty: every numeric column
    low: Annotated[float, Meta(ge=0, lt=0.5)] = 0.01
    high: Annotated[float, Meta(gt=0.5, le=1)] = 0.99


class Select(FeatureStepBase, frozen=True, tag="select"):
    """The strongest features alone, by the importance that a quick forest gives them."""

    most: Annotated[int, Meta(ge=1, le=20_000)] = 100


Moments: TypeAlias = Annotated[int, Meta(ge=1, le=400)]


class Lags(FeatureStepBase, frozen=True, tag="lags"):
    """Earlier values of a column in the row's own series, as far as they are known when the row is predicted.

    For tables that are split by time. New rows get them from the history that the model keeps.
    """

    columns: tuple[str, ...] = ()  # numbers; empty: the target itself, a number or two classes
    entity: tuple[str, ...] = ()  # the columns that name each row's series; empty: all rows are one series
    lags: tuple[Moments, ...] = (1, 2, 7)  # a lag of 7: the latest known value a multiple of 7 moments before
    windows: tuple[Moments, ...] = (3, 7)  # means of so many latest known values
    horizon: Annotated[int, Meta(ge=0, le=100_000)] = 0  # moments ahead, at most; 0: a fifth of those fitted on


FeatureStep: TypeAlias = (
    Arithmetic
    | Crosses
    | TargetEncoding
    | GroupStatistics
    | DateParts
    | TextParts
    | MissingFlags
    | SubsetHashes
    | Clip
    | Select
    | Lags
)


def step_name(step: FeatureStep) -> str:
    """The step's name, as in a recipe's JSON."""
    return str(type(step).__struct_config__.tag)


def describe_step(step: FeatureStep) -> str:
    """The step in words, with what differs from its defaults: `arithmetic, order 3`."""
    words = [step_name(step).replace("_", " ")]
    for field in msgspec.structs.fields(type(step)):
        value = getattr(step, field.name)
        if value != field.default:
            shown = ", ".join(map(str, value)) if isinstance(value, tuple) else f"{value:g}"
            words.append(f"{field.name} {shown or 'none'}")
    return ", ".join(words)
