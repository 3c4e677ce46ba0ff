"""Fitting features: which encoder each column gets, from its kind, the recipe and the family."""

from collections.abc import Mapping, Sequence

import numpy as np

from tabsmith.errors import RecipeError
from tabsmith.modeling.blocks import Block
from tabsmith.modeling.features import Features, TextModel
from tabsmith.modeling.learning import (
    ONE_HOT_LEVELS,
    ORDINAL_LEVELS,
    TARGET_CLASSES,
    Lesson,
    code_block,
    date_block,
    level_block,
    number_block,
    text_block,
)
from tabsmith.modeling.rows import ColumnValues, Flags, Floats, Moments, Numbers
from tabsmith.recipes.recipe import Encoder, Recipe
from tabsmith.tables.schema import ColumnSchema, Kind
from tabsmith.text import clean


def fit_features(
    lesson: Lesson, inputs: Sequence[ColumnSchema], derived: Mapping[str, ColumnValues]
) -> tuple[Features, Floats]:
    """Features fitted on `lesson.rows`, and the matrix of those rows, with target encodings cross-fitted.

    `derived` are the recipe's derived columns, by name; `lesson.rows` holds them too. Raises RecipeError when an
    encoder does not fit its column.
    """
    numbers: list[str] = []
    blocks: list[Block] = []
    texts: dict[str, TextModel] = {}
    crossed: dict[int, Floats] = {}
    for name, kind, timely in _columns(lesson.recipe, inputs, derived):
        encoder = _encoder(lesson, name, kind)
        if timely:
            blocks.append(date_block(lesson, name, timely=True))
        elif encoder == "drop":
            continue
        elif encoder == "tfidf":
            block, texts[name] = text_block(lesson, name)
            blocks.append(block)
        elif kind == "date" and encoder == "auto":
            if not np.isnan(lesson.rows.floats(name)).all():
                blocks.append(date_block(lesson, name, timely=False))
        elif encoder == "auto":
            numbers.append(name)
            if kind == "code" and (extra := code_block(lesson, name)) is not None:
                blocks.append(extra)
        elif (made := level_block(lesson, name, encoder)) is not None:
            if made[1] is not None:
                crossed[len(blocks)] = made[1]
            blocks.append(made[0])
    plain = number_block(lesson, numbers)
    features = Features([*blocks, *([plain] if plain else [])], texts)
    matrix = features.transform(lesson.rows)
    for place, values in crossed.items():
        matrix[:, features.spans[place]] = values
    return features, matrix


def _columns(
    recipe: Recipe, inputs: Sequence[ColumnSchema], derived: Mapping[str, ColumnValues]
) -> list[tuple[str, Kind, bool]]:
    """(name, kind, whether it is the time column) of the columns that become features."""
    found: list[tuple[str, Kind, bool]] = []
    for column in inputs:
        if column.name in recipe.dropped or column.kind == "constant":
            continue
        if column.role == "feature":
            found.append((column.name, column.kind, False))
        elif column.role == "time" and column.kind == "date":
            found.append((column.name, column.kind, True))
    for name, values in derived.items():
        if name in recipe.dropped:
            continue
        match values:
            case Numbers():
                found.append((name, "numeric", False))
            case Flags():
                found.append((name, "boolean", False))
            case Moments():
                found.append((name, "date", False))
            case _:
                found.append((name, "category", False))
    return found


def _encoder(lesson: Lesson, name: str, kind: Kind) -> Encoder:
    """The encoder: as the recipe says, or the family's own for a category; "auto" stays for numbers and dates."""
    asked = lesson.recipe.encoders.get(name, "auto")
    if asked == "native" and kind in ("numeric", "boolean", "date"):
        return "auto"
    if asked == "native" and not lesson.needs.native_levels:
        raise RecipeError(
            f'The family {lesson.recipe.family} takes no native categories, as asked for "{clean(name, 60)}".',
            next_step="Choose one_hot, ordinal, target or frequency.",
        )
    if asked == "target" and lesson.classes > TARGET_CLASSES:
        asked = "frequency"
    if asked != "auto":
        return asked
    if kind == "text":
        return "tfidf"
    if kind not in ("category", "identifier"):
        return "auto"
    levels = len(set(np.unique(lesson.rows.texts(name).codes).tolist()) - {-1})
    return _category_encoder(lesson, levels)


def _category_encoder(lesson: Lesson, levels: int) -> Encoder:
    native = lesson.needs.native_levels
    if native and (levels <= min(native, 100) or native > 10_000):
        return "native"
    if lesson.needs.scaling == "none" and levels <= ORDINAL_LEVELS:
        return "ordinal"
    if lesson.classes > TARGET_CLASSES:
        return "native" if native else "one_hot"
    return "one_hot" if lesson.needs.scaling != "none" and levels <= ONE_HOT_LEVELS else "target"
