"""A model fitted to a whole table that is larger than memory, from its snapshot in batches.

The search of such a run sees a sample; this is how a chosen recipe then learns from all rows. Features are those that the
sample fits, hold-out included; of the table, its targets are in memory, and of its rows what the family's library keeps.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt

from tabsmith.families.estimator import (
    BatchedFitRequest,
    Floats,
    Ints,
    ParameterValues,
    fit_estimator_in_batches,
)
from tabsmith.families.registry import get_family
from tabsmith.modeling.cross_validation import Fit, FoldModel, compute_derived_columns
from tabsmith.modeling.features.context import FeatureContext
from tabsmith.modeling.features.fitting import fit_features
from tabsmith.modeling.features.transformer import FeatureTransformer
from tabsmith.modeling.metric_losses import loss_for
from tabsmith.modeling.results import TableSample
from tabsmith.modeling.rows import cell_text, distinct_values, read_rows, to_floats
from tabsmith.modeling.training_data import TrainingData
from tabsmith.recipes.recipe import Recipe
from tabsmith.tables.schema.embedded_numbers import embedded_number
from tabsmith.tables.snapshot import iterate_frames

if TYPE_CHECKING:
    from pandas import DataFrame, Series

BATCH_ROWS: Final = 122_880
"""Rows in memory at once, as numbers: a row group of DuckDB's."""

BIN_ROWS: Final = 200_000
"""Rows of the sample by which bins are found: as many as LightGBM takes by itself."""


def draw_rows(sample: TableSample) -> Ints:
    """The positions of the sample's rows in the table, rising."""
    drawn = np.random.default_rng(sample.seed).choice(sample.of, sample.rows, replace=False, shuffle=False)
    return np.sort(drawn)


def learns_in_batches(data: TrainingData, recipe: Recipe) -> bool:
    """Whether `recipe` is fitted to the whole table, and not to the sample that `data` holds.

    Steps and target transformations learn from rows in memory, so a recipe with any is not.
    """
    if data.whole is None or not data.whole.in_batches:
        return False
    return get_family(recipe.family).fit_batches is not None and not recipe.features and recipe.target == "none"


def rows_to_learn(data: TrainingData, recipe: Recipe) -> int:
    """The number of rows that a model of `recipe` of all rows learns from."""
    if data.whole is not None and learns_in_batches(data, recipe):
        return data.whole.sample.of
    return data.all_rows


def fit_whole_table(
    data: TrainingData,
    recipe: Recipe,
    *,
    rounds: int,
    seed: int,
    threads: int,
    seconds_left: Callable[[], float],
) -> Fit:
    """`recipe` fitted to all rows of the table that `data` is a sample of, those without a target left out.

    `rounds` of boosting are grown. Raises RecipeError for a recipe that cannot be fitted, TableChangedError if the table is gone.
    """
    family = get_family(recipe.family)
    features, some_rows = _fit_to_sample(data, recipe, seed)
    targets = _read_targets(data)
    request = BatchedFitRequest(
        family=family,
        parameters=ParameterValues(family, recipe.parameters),
        task=data.task,
        X=some_rows,
        y=targets.y,
        outputs=data.outputs,
        loss=loss_for(data.metric),
        categorical=features.categorical,
        inner=_no_inner_rows,
        threads=threads,
        seed=seed,
        seconds_left=seconds_left,
        rounds=rounds,
        sample_weights=targets.weights,
        monotone=features.monotone(recipe.monotone),
        batches=lambda: _matrices(data, recipe, features, targets.known),
    )
    estimator = fit_estimator_in_batches(request, data.classes)
    return Fit(FoldModel(features, estimator), cut=request.out_of_time())


def _fit_to_sample(data: TrainingData, recipe: Recipe, seed: int) -> tuple[FeatureTransformer, Floats]:
    """The features as the sample fits them, and some rows of its matrix, drawn at random."""
    every = data.with_holdout()
    derived = compute_derived_columns(every.rows, recipe)
    rows = every.rows.replaced(derived)
    requirements = get_family(recipe.family).requirements
    context = FeatureContext(rows, every.y, every.task, every.classes, recipe, requirements, seed)
    features, matrix = fit_features(context, every.inputs, derived)
    if len(matrix) > BIN_ROWS:
        matrix = matrix[np.sort(np.random.default_rng(seed).choice(len(matrix), BIN_ROWS, replace=False))]
    return features, matrix


def _no_inner_rows() -> tuple[Ints, Ints]:
    raise AssertionError("the rounds of a fit in batches are known")


@dataclass(frozen=True)
class _Targets:
    """The targets of a whole table, in single precision, as boosters keep them."""

    known: npt.NDArray[np.bool_]  # of every row of the table, whether it has a target
    y: Floats  # class positions or numbers, of those rows
    weights: Floats | None  # of those rows, with mean 1


def _read_targets(data: TrainingData) -> _Targets:
    assert data.whole is not None
    schema = data.schema
    columns = (schema.target, *((schema.weight,) if schema.weight else ()))
    parts: list[npt.NDArray[np.float32]] = []
    weights: list[npt.NDArray[np.float32]] = []
    for frame in iterate_frames(data.whole.info, columns, BATCH_ROWS):
        parts.append(_targets_of(frame[schema.target], data).astype(np.float32))
        if schema.weight:
            given = read_rows(frame, [schema.column(schema.weight)]).rows.floats(schema.weight)
            weights.append(given.astype(np.float32))
    y = np.concatenate(parts)
    known = ~np.isnan(y)
    if weights:
        known &= np.concatenate(weights) > 0
    kept = np.concatenate(weights)[known] if weights else None
    # The library takes single precision as it is; in double, targets and weights would be half a gigabyte more.
    return _Targets(known, y[known], None if kept is None else kept / kept.mean())  # type: ignore[arg-type]


def _targets_of(series: "Series[float]", data: TrainingData) -> Floats:
    """The targets of some rows: numbers, or positions of classes; NaN where there is none, or a class that the sample lacks."""
    schema = data.schema
    if data.task == "regression":
        embedded = schema.column(schema.target).kind == "embedded number"
        return to_floats(series, embedded_number if embedded else None)[0]
    places = {cell_text(label): float(place) for place, label in enumerate(data.labels.classes)}
    codes, levels = distinct_values(series)
    return np.asarray([*(places.get(cell_text(level), np.nan) for level in levels), np.nan])[codes]


def _matrices(
    data: TrainingData, recipe: Recipe, features: FeatureTransformer, known: npt.NDArray[np.bool_]
) -> Iterator[Floats]:
    """The matrix of the rows with a target, a batch at a time."""
    assert data.whole is not None
    start = 0
    columns = tuple(column.name for column in data.inputs)
    for frame in iterate_frames(data.whole.info, columns, BATCH_ROWS):
        end = start + len(frame)
        if known[start:end].any():
            yield _matrix(frame, data, recipe, features)[known[start:end]]
        start = end


def _matrix(frame: "DataFrame", data: TrainingData, recipe: Recipe, features: FeatureTransformer) -> Floats:
    rows = read_rows(frame, data.inputs).rows
    return features.transform(rows.replaced(compute_derived_columns(rows, recipe)))
