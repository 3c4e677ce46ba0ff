"""Fitting features on a fold's rows: which encoder each column gets, and what that encoder learns.

The encoder follows from the column's kind, the recipe and the family. An encoder that learns from the target is
cross-fitted on these rows alone (scikit-learn's TargetEncoder), so a column of noise looks like noise to the estimator.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import numpy as np

from tabsmith.errors import RecipeError
from tabsmith.families.estimator import Floats, Ints
from tabsmith.families.feature_steps import Lags
from tabsmith.families.spec import FamilyRequirements, FeatureScaling
from tabsmith.modeling.features.blocks import (
    Block,
    DateBlock,
    DatePart,
    LookupBlock,
    NumberBlock,
    OneHotBlock,
    TextBlock,
    date_parts,
    level_positions,
)
from tabsmith.modeling.features.lags import LagBlock, fit_lags
from tabsmith.modeling.features.transformer import FeatureTransformer, TextVectorizer, text_values
from tabsmith.modeling.rows import BooleanColumn, ColumnValues, DateColumn, NumberColumn, RowArrays
from tabsmith.recipes.recipe import Encoder, Recipe
from tabsmith.tables.schema.types import TEXT_KINDS, ColumnKind, ColumnSchema, ProblemType
from tabsmith.text import clean

ONE_HOT_LEVELS: Final = 40
ORDINAL_LEVELS: Final = 30
"""Trees tell so many levels apart by their positions; cross-fitted target means of few levels blur them instead
(price of diamonds: RMSE 706 with means, 560 with positions)."""
TARGET_CLASSES: Final = 10  # beyond, a target encoding has too many columns
_CODE_LEVELS: Final = 30
_TARGET_LEVELS: Final = 5000
_COMPONENTS: Final = 12
_WORDS: Final = 3000

_DATE_PARTS: Final[tuple[DatePart, ...]] = ("year", "month", "day", "weekday", "hour", "elapsed")
_CIRCLE_PARTS: Final[tuple[DatePart, ...]] = (
    "year", "elapsed", "month_sin", "month_cos", "weekday_sin", "weekday_cos", "hour_sin", "hour_cos"
)  # fmt: skip


@dataclass(frozen=True)
class FeatureContext:
    """What features are fitted to: the rows and targets of a fold, and the recipe."""

    rows: RowArrays
    y: Ints | Floats
    task: ProblemType
    classes: int
    recipe: Recipe
    requirements: FamilyRequirements  # of the recipe's family
    seed: int


def fit_number_block(context: FeatureContext, names: Sequence[str]) -> NumberBlock | None:
    """The block of the numeric columns that vary in these rows; None when none does.

    Where the estimator takes no missing values, they are filled with the median and flagged in a column of their own.
    """
    requirements = context.requirements
    kept: list[str] = []
    flagged: list[int] = []
    fill, center, scale = [], [], []
    for name in names:
        values = context.rows.floats(name)
        present = values[~np.isnan(values)]
        gaps = 0 < len(present) < len(values)
        if not len(present) or (not gaps and np.ptp(present) == 0):
            continue
        if gaps and not requirements.missing:
            flagged.append(len(kept))
        median = float(np.median(present))
        kept.append(name)
        fill.append(median)
        middle, width = _center_and_scale(np.where(np.isnan(values), median, values), requirements.scaling)
        center.append(middle)
        scale.append(width)
    if not kept:
        return None
    scaled = requirements.scaling != "none"
    return NumberBlock(
        columns=tuple(kept),
        fill=() if requirements.missing else tuple(fill),
        flagged=tuple(flagged),
        center=tuple(center) if scaled else (),
        scale=tuple(scale) if scaled else (),
        squash=requirements.scaling == "squash",
    )


def _center_and_scale(values: Floats, scaling: FeatureScaling) -> tuple[float, float]:
    """Mean and standard deviation; before squashing, median and quartile range where that is not 0."""
    if scaling == "squash":
        low, median, high = np.percentile(values, [25, 50, 75]).tolist()
        width = (high - low) / 1.349
        if width > 0:
            return median, width
    return float(values.mean()), float(values.std()) or 1.0


def _centers_and_scales(values: Floats, scaling: FeatureScaling) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each column of `values`; empty without scaling."""
    if scaling == "none":
        return (), ()
    spreads = [
        _center_and_scale(column[~np.isnan(column)], "standard") if not np.isnan(column).all() else (0.0, 1.0)
        for column in values.T
    ]
    return tuple(center for center, _ in spreads), tuple(scale for _, scale in spreads)


def fit_date_block(context: FeatureContext, name: str) -> DateBlock:
    """The parts of a date column that vary in these rows.

    The time column of a forward split has its place in time too (`elapsed`): trees carry the latest level on, and linear
    models the trend. Without it, both predict the mean of the past (a trend of 30 over 1,000 days with a season and
    noise of 1: RMSE 12.0 without, 3.6 with LightGBM and 1.4 with ridge).
    """
    seconds = context.rows.floats(name)
    present = seconds[~np.isnan(seconds)]
    scaled = context.requirements.scaling != "none"
    parts = _CIRCLE_PARTS if scaled else _DATE_PARTS
    values = date_parts(present, parts)
    varying = tuple(part for part, column in zip(parts, values.T, strict=True) if len(column) and np.ptp(column) > 1e-9)
    parts = varying or parts[-1:]
    center, scale = _centers_and_scales(date_parts(seconds, parts), context.requirements.scaling)
    return DateBlock(name, parts, center, scale, flagged=scaled and len(present) < len(seconds))


def fit_code_block(context: FeatureContext, name: str) -> Block | None:
    """A code of few levels, as a category beside the number."""
    texts = context.rows.texts(name)
    if not 2 < len(np.unique(texts.codes)) <= _CODE_LEVELS:
        return None
    if context.requirements.scaling == "none" and not context.requirements.native_levels:
        return None  # a few splits of the number do the same
    fitted = fit_level_block(context, name, "native" if context.requirements.native_levels else "one_hot")
    return fitted[0] if fitted else None


def fit_level_block(context: FeatureContext, name: str, encoder: Encoder) -> tuple[Block, Floats | None] | None:
    """The block of a column with levels; None when these rows have only one.

    With it come the cross-fitted values of these rows where the encoder learns from the target, else None.
    """
    texts = context.rows.texts(name)
    counts = np.bincount(texts.codes[texts.codes >= 0], minlength=len(texts.levels))
    gaps = bool((texts.codes < 0).any())
    max_levels, min_rows = {
        "one_hot": (ONE_HOT_LEVELS, 2),
        "native": (context.requirements.native_levels, context.requirements.native_level_rows),
        "target": (_TARGET_LEVELS, 1),
        "frequency": (_TARGET_LEVELS, 1),
        "ordinal": (_TARGET_LEVELS, 1),
    }[encoder]
    order = sorted(np.flatnonzero(counts >= min_rows).tolist(), key=lambda code: (-counts[code], texts.levels[code]))
    order = order[:max_levels]
    if encoder == "ordinal":  # names often carry an order: grades, sizes, years
        order.sort(key=lambda code: texts.levels[code])
    levels = tuple(texts.levels[code] for code in order)
    rare = bool(counts.sum() > counts[order].sum())
    if len(levels) + rare + gaps < 2:
        return None
    if encoder == "one_hot":
        return OneHotBlock(name, levels, other=rare, missing=gaps), None
    if encoder == "target":
        return _target_block(context, name, levels)
    rows = max(1, len(context.rows))
    unseen: float | None
    missing: float | None
    if encoder == "frequency":
        values = [float(counts[code]) / rows for code in order]
        unseen, missing = 0.0, float((texts.codes < 0).sum()) / rows
    else:
        values = [float(position) for position in range(len(levels))]
        unseen = float(len(levels)) if rare or encoder == "ordinal" else None
        missing = -1.0 if not context.requirements.missing or encoder == "ordinal" else None
    table = _scaled_table([*values, unseen, missing], context)
    return LookupBlock(name, levels, table, encoder, category=encoder == "native"), None


def _scaled_table(values: Sequence[float | None], context: FeatureContext) -> tuple[tuple[float | None, ...], ...]:
    if context.requirements.scaling == "none":
        return tuple((value,) for value in values)
    numbers = np.asarray([value for value in values if value is not None])
    center, scale = float(numbers.mean()), float(numbers.std()) or 1.0
    return tuple((None if value is None else (value - center) / scale,) for value in values)


def _target_block(context: FeatureContext, name: str, levels: tuple[str, ...]) -> tuple[Block, Floats]:
    """The target's mean at each level, drawn to the mean of all rows where a level has few (Micci-Barreca 2001)."""
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.preprocessing import TargetEncoder

    codes = level_positions(context.rows, name, {level: position for position, level in enumerate(levels)})
    present, counts = np.unique(context.y, return_counts=True)
    kind = "continuous" if context.task == "regression" else "binary" if len(present) <= 2 else "multiclass"
    parts = max(2, min(5, len(codes)))
    random = kind == "continuous" or counts.max() < parts
    splitter: Any = (KFold if random else StratifiedKFold)(parts, shuffle=True, random_state=context.seed)
    encoder = TargetEncoder(target_type=kind, cv=splitter)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class rarer than the parts
        crossed = np.asarray(encoder.fit_transform(codes.reshape(-1, 1), context.y), dtype=float)
    mean = np.atleast_1d(np.asarray(encoder.target_mean_, dtype=float))
    table = np.tile(mean, (len(levels) + 2, 1))
    for output, values in enumerate(encoder.encodings_):
        table[np.asarray(encoder.categories_[0], dtype=np.int64), output] = values
    center, scale = _centers_and_scales(crossed, context.requirements.scaling)
    if scale:
        table = (table - np.asarray(center)) / np.asarray(scale)
        crossed = (crossed - np.asarray(center)) / np.asarray(scale)
    return LookupBlock(name, levels, tuple(tuple(row) for row in table.tolist()), "target"), crossed


_WORD: Final = r"(?u)\b\w\w+\b"  # scikit-learn's own
_TOKENS: Final[dict[ColumnKind, str]] = {
    "list": r"""(?u)[^\s;|,\[\]{}()'"](?:[^;|,\[\]{}()'"]*[^\s;|,\[\]{}()'"])?""",
    "url": r"(?u)[^\s/?&=#:]+",
}


def fit_text_block(context: FeatureContext, name: str, kind: ColumnKind) -> tuple[TextBlock, TextVectorizer]:
    """The block of a text column, and its fitted vectorizer: tf-idf, reduced to a few components.

    The words are those of a sentence, the items of a list, or the parts of a web address.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = context.rows.strings(name)
    vectorizer = TfidfVectorizer(
        max_features=_WORDS,
        min_df=2 if len(texts) >= 20 else 1,
        sublinear_tf=True,
        strip_accents="unicode",
        token_pattern=_TOKENS.get(kind, _WORD),
    )
    try:
        counts = vectorizer.fit_transform(texts)
    except ValueError:  # no word occurs often enough, so only the length is a feature
        model, components = TextVectorizer(None, None), 0
    else:
        components = min(_COMPONENTS, counts.shape[1], max(1, len(texts) - 1))
        reducer = None
        if components < counts.shape[1]:
            reducer = TruncatedSVD(components, random_state=context.seed).fit(counts)
        else:
            components = counts.shape[1]
        model = TextVectorizer(vectorizer, reducer)
    plain = TextBlock(name, components)
    center, scale = _centers_and_scales(text_values(plain, model, context.rows), context.requirements.scaling)
    return TextBlock(name, components, center, scale), model


def fit_lag_blocks(context: FeatureContext, inputs: Sequence[ColumnSchema]) -> list[tuple[LagBlock, Floats]]:
    """The blocks of the recipe's lags, each with (rows, width) what these rows themselves know of earlier values.

    Raises RecipeError where the rows have no time or the target is no number.
    """
    steps = [step for step in context.recipe.features if isinstance(step, Lags)]
    time = next((column.name for column in inputs if column.role == "time"), "")
    if steps and not time:
        raise RecipeError(
            "Lags need a table that is split by time.",
            next_step="Give the column of times the role time, or leave the lags out.",
        )
    generator = np.random.default_rng(context.seed)
    fitted = []
    for step in steps:
        if not step.columns and context.classes > 2:
            raise RecipeError(
                "Lags of a target with more than two classes are no numbers.",
                next_step="Name numeric columns for the lags.",
            )
        target = {"": np.asarray(context.y, dtype=np.float64)}
        for name, values in ({name: context.rows.floats(name) for name in step.columns} or target).items():
            block, known = fit_lags(step, context.rows, time, name, values, generator)
            fitted.append(_finished_lags(block, known, context.requirements))
    return fitted


def _finished_lags(block: LagBlock, known: Floats, requirements: FamilyRequirements) -> tuple[LagBlock, Floats]:
    """The block that fills and scales as the family's estimator needs it, and the values of these rows so finished."""
    middle = [
        float(np.median(present)) if len(present) else 0.0
        for present in (column[~np.isnan(column)] for column in known.T)
    ]
    center, scale = _centers_and_scales(np.where(np.isnan(known), middle, known), requirements.scaling)
    fill = () if requirements.missing else tuple(middle)
    block = msgspec.structs.replace(block, fill=fill, center=center, scale=scale)
    return block, block.finished(known)


def fit_features(
    context: FeatureContext, inputs: Sequence[ColumnSchema], derived: Mapping[str, ColumnValues]
) -> tuple[FeatureTransformer, Floats]:
    """Features fitted on `context.rows`, and the matrix of those rows, with target encodings cross-fitted.

    `derived` are the recipe's derived columns, by name; `context.rows` holds them too. Raises RecipeError when an
    encoder does not fit its column.
    """
    numbers: list[str] = []
    blocks: list[Block] = []
    texts: dict[str, TextVectorizer] = {}
    crossed: dict[int, Floats] = {}
    for name, kind in _columns(context.recipe, inputs, derived):
        encoder = _encoder(context, name, kind)
        if encoder == "drop":
            continue
        if encoder == "tfidf":
            block, texts[name] = fit_text_block(context, name, kind)
            blocks.append(block)
        elif kind == "date" and encoder == "auto":
            if not np.isnan(context.rows.floats(name)).all():
                blocks.append(fit_date_block(context, name))
        elif encoder == "auto":
            numbers.append(name)
            if kind == "code" and (extra := fit_code_block(context, name)) is not None:
                blocks.append(extra)
        elif (fitted := fit_level_block(context, name, encoder)) is not None:
            if fitted[1] is not None:
                crossed[len(blocks)] = fitted[1]
            blocks.append(fitted[0])
    for lagged, values in fit_lag_blocks(context, inputs):
        crossed[len(blocks)] = values
        blocks.append(lagged)
    number_block = fit_number_block(context, numbers)
    features = FeatureTransformer([*blocks, *([number_block] if number_block else [])], texts)
    matrix = features.transform(context.rows)
    for index, values in crossed.items():
        matrix[:, features.spans[index]] = values
    return features, matrix


def _columns(
    recipe: Recipe, inputs: Sequence[ColumnSchema], derived: Mapping[str, ColumnValues]
) -> list[tuple[str, ColumnKind]]:
    """(name, kind) of the columns that become features."""
    columns: list[tuple[str, ColumnKind]] = []
    for column in inputs:
        if column.name in recipe.dropped or column.kind == "constant":
            continue
        if column.role == "feature":
            columns.append((column.name, column.kind))
        elif column.role == "time":  # later moments are none of the levels of earlier ones: a number
            columns.append((column.name, "date" if column.kind == "date" else "numeric"))
    for name, values in derived.items():
        if name in recipe.dropped:
            continue
        match values:
            case NumberColumn():
                columns.append((name, "numeric"))
            case BooleanColumn():
                columns.append((name, "boolean"))
            case DateColumn():
                columns.append((name, "date"))
            case _:
                columns.append((name, "category"))
    return columns


def _encoder(context: FeatureContext, name: str, kind: ColumnKind) -> Encoder:
    """The encoder of a column: the recipe's, or the family's default for a category; "auto" for numbers and dates."""
    asked = context.recipe.encoders.get(name, "auto")
    if asked == "native" and kind in ("numeric", "embedded number", "boolean", "date"):
        return "auto"
    if asked == "native" and not context.requirements.native_levels:
        raise RecipeError(
            f'The family {context.recipe.family} takes no native categories, as asked for "{clean(name, 60)}".',
            next_step="Choose one_hot, ordinal, target or frequency.",
        )
    if asked == "target" and context.classes > TARGET_CLASSES:
        asked = "frequency"
    if asked != "auto":
        return asked
    if kind in TEXT_KINDS:
        return "tfidf"
    if kind not in ("category", "identifier"):
        return "auto"
    levels = len(set(np.unique(context.rows.texts(name).codes).tolist()) - {-1})
    return _category_encoder(context, levels)


def _category_encoder(context: FeatureContext, levels: int) -> Encoder:
    native = context.requirements.native_levels
    if native and (levels <= min(native, 100) or native > 10_000):
        return "native"
    if context.requirements.scaling == "none" and levels <= ORDINAL_LEVELS:
        return "ordinal"
    if context.classes > TARGET_CLASSES:
        return "native" if native else "one_hot"
    return "one_hot" if context.requirements.scaling != "none" and levels <= ONE_HOT_LEVELS else "target"
