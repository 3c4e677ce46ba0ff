"""Fitting features on a fold's rows: which encoder each column gets, and what that encoder learns.

The encoder follows from the column's kind, the recipe and the family. An encoder that learns from the target is
cross-fitted on these rows alone (scikit-learn's TargetEncoder), so a column of noise looks like noise to the estimator.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from tabsmith.errors import RecipeError
from tabsmith.families.estimator import Floats
from tabsmith.families.feature_steps import Clip
from tabsmith.modeling.features.blocks import LookupBlock, NumberBlock, OneHotBlock, level_positions
from tabsmith.modeling.features.context import TARGET_CLASSES, FeatureContext, StepColumns, chosen_columns
from tabsmith.modeling.features.dates import fit_date_block, usual_parts
from tabsmith.modeling.features.scaling import centers_and_scales, fit_scaling
from tabsmith.modeling.features.steps import FittedBlocks, fit_steps, select_outputs
from tabsmith.modeling.features.texts import fit_text_block
from tabsmith.modeling.features.transformer import Block, FeatureTransformer
from tabsmith.modeling.features.trend import fit_trend
from tabsmith.modeling.rows import BooleanColumn, ColumnValues, DateColumn, NumberColumn
from tabsmith.recipes.recipe import Encoder
from tabsmith.tables.schema.types import TEXT_KINDS, ColumnKind, ColumnSchema
from tabsmith.text import clean

ONE_HOT_LEVELS: Final = 40
ORDINAL_LEVELS: Final = 30
"""Trees tell so many levels apart by their positions; cross-fitted target means of few levels blur them instead
(price of diamonds: RMSE 706 with means, 560 with positions)."""
_CODE_LEVELS: Final = 30
_TARGET_LEVELS: Final = 5000


def fit_number_block(context: FeatureContext, names: Sequence[str], clipped: Sequence[str]) -> NumberBlock | None:
    """The block of the numeric columns that vary in these rows; None when none does. A step `clip` may bound those that
    are in `clipped`.

    Where the estimator takes no missing values, they are filled with the median and flagged in a column of their own.
    """
    kept: list[str] = []
    flagged: list[int] = []
    columns: list[Floats] = []
    for name in names:
        values = context.rows.floats(name)
        present = values[~np.isnan(values)]
        gaps = 0 < len(present) < len(values)
        if not len(present) or (not gaps and np.ptp(present) == 0):
            continue
        if gaps and not context.requirements.missing:
            flagged.append(len(kept))
        kept.append(name)
        columns.append(values)
    if not kept:
        return None
    matrix = np.column_stack(columns)
    low, high = _clip_bounds(context, kept, clipped, matrix)
    scaling = fit_scaling(matrix, context.requirements, low=low, high=high)
    return NumberBlock(
        columns=tuple(kept),
        fill=scaling.fill,
        flagged=tuple(flagged),
        center=scaling.center,
        scale=scaling.scale,
        squash=scaling.squash,
        low=scaling.low,
        high=scaling.high,
    )


def _clip_bounds(
    context: FeatureContext, names: Sequence[str], clipped: Sequence[str], matrix: Floats
) -> tuple[Floats | None, Floats | None]:
    """The bounds that the recipe's steps `clip` set on the columns `clipped`, none in effect for the others of `names`;
    None without such a step."""
    steps = [step for step in context.recipe.features if isinstance(step, Clip)]
    if not steps:
        return None, None
    largest = np.finfo(np.float64).max  # JSON has no infinity
    low, high = np.full(len(names), -largest), np.full(len(names), largest)
    for step in steps:
        for name in chosen_columns(step.columns, clipped):
            if name in names:
                place = names.index(name)
                low[place], high[place] = np.nanquantile(matrix[:, place], [step.low, step.high])
    return low, high


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
    center, scale = centers_and_scales(crossed, context.requirements.scaling)
    if scale:
        table = (table - np.asarray(center)) / np.asarray(scale)
        crossed = (crossed - np.asarray(center)) / np.asarray(scale)
    return LookupBlock(name, levels, tuple(tuple(row) for row in table.tolist()), "target"), crossed


def fit_features(
    context: FeatureContext, inputs: Sequence[ColumnSchema], derived: Mapping[str, ColumnValues]
) -> tuple[FeatureTransformer, Floats]:
    """Features fitted on `context.rows`, and the matrix of those rows, with target encodings cross-fitted.

    `derived` are the recipe's derived columns, by name; `context.rows` holds them too. Raises RecipeError when an
    encoder does not fit its column.
    """
    if context.recipe.monotone and not context.requirements.monotone:
        raise RecipeError(
            f"The family {context.recipe.family} cannot be made to rise or fall with a column.",
            next_step="Choose another family, or leave out the monotone columns.",
        )
    columns = _columns(context, inputs, derived)
    fitted = FittedBlocks()
    numbers: list[str] = []
    for column in columns:
        if column.encoder == "auto" and column.kind != "date":
            numbers.append(column.name)
        _fit_column(fitted, context, column)
    steps = _step_columns(context, inputs, columns)
    if (number_block := fit_number_block(context, numbers, steps.numbers)) is not None:
        fitted.add(number_block)
    features, matrix = fitted.applied(context)
    if context.recipe.features:
        fit_steps(fitted, context, steps, matrix)
        features, matrix = fitted.applied(context)
    kept = select_outputs(context, matrix)
    if kept is not None:
        features, matrix = features.keeping(kept.tolist()), matrix[:, kept]
    if context.recipe.target == "detrend":
        trend = fit_trend(context, steps.time)
        features, matrix = features.with_trend(trend), np.column_stack([matrix, trend.values(context.rows)])
    return features, matrix


def _fit_column(fitted: FittedBlocks, context: FeatureContext, column: "_Column") -> None:
    """Add the blocks of a column, but for the one of all numbers."""
    name = column.name
    if column.kind == "date" and column.encoder == "auto":
        if not np.isnan(context.rows.floats(name)).all():
            fitted.add(fit_date_block(context, name, usual_parts(context.requirements)))
    elif column.encoder == "auto":
        code = column.kind == "code" and name not in context.recipe.monotone
        if code and (extra := fit_code_block(context, name)) is not None:
            fitted.add(extra)
    elif column.encoder == "tfidf":
        block, vectorizer = fit_text_block(context, name, column.kind)
        fitted.add(block)
        fitted.texts[block.key] = vectorizer
    elif column.encoder != "drop" and (level_block := fit_level_block(context, name, column.encoder)) is not None:
        fitted.add(*level_block)


@dataclass(frozen=True, slots=True)
class _Column:
    """A column that becomes features, and how."""

    name: str
    kind: ColumnKind
    encoder: Encoder


def _step_columns(context: FeatureContext, inputs: Sequence[ColumnSchema], columns: Sequence[_Column]) -> StepColumns:
    """The columns that steps may read: all but those that are dropped or are to be monotone."""
    free = [column for column in columns if column.encoder != "drop" and column.name not in context.recipe.monotone]
    time = next((column.name for column in inputs if column.role == "time"), "")
    numbers = [column.name for column in free if column.kind in ("numeric", "embedded number", "code")]
    return StepColumns(
        numbers=tuple(name for name in numbers if name != time),
        levels=tuple(column.name for column in free if column.kind in ("category", "code", "boolean", "identifier")),
        dates=tuple(column.name for column in free if column.kind == "date"),
        time=time,
        texts=tuple((column.name, column.kind) for column in free if column.kind in TEXT_KINDS),
        vectorized=frozenset((column.name, "words") for column in free if column.encoder == "tfidf"),
        everything=tuple(column.name for column in free),
    )


def _columns(
    context: FeatureContext, inputs: Sequence[ColumnSchema], derived: Mapping[str, ColumnValues]
) -> list[_Column]:
    """The columns that become features, the derived ones last."""
    kinds: list[tuple[str, ColumnKind]] = []
    for column in inputs:
        if column.role == "feature" and column.kind != "constant":
            kinds.append((column.name, column.kind))
        elif column.role == "time" and column.kind != "constant":
            # Later moments are none of the levels of earlier ones: a number.
            kinds.append((column.name, "date" if column.kind == "date" else "numeric"))
    for name, values in derived.items():
        match values:
            case NumberColumn():
                kinds.append((name, "numeric"))
            case BooleanColumn():
                kinds.append((name, "boolean"))
            case DateColumn():
                kinds.append((name, "date"))
            case _:
                kinds.append((name, "category"))
    return [
        _Column(name, kind, _encoder(context, name, kind)) for name, kind in kinds if name not in context.recipe.dropped
    ]


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
