"""The look-ahead check: values of the future are changed, column by column, and nothing before it may change with them.

Two things are compared before and after: the features of rows up to a moment, fitted to them anew from a table whose later
rows were changed, and the model's predictions of those rows in the company of the changed ones.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from tabsmith.errors import SchemaError, UsageError
from tabsmith.families.estimator import Floats, Ints
from tabsmith.families.registry import get_family
from tabsmith.formatting import significant
from tabsmith.modeling.cross_validation import compute_derived_columns
from tabsmith.modeling.features.context import FeatureContext
from tabsmith.modeling.features.fitting import fit_features
from tabsmith.modeling.row_batches import snapshot_batches
from tabsmith.modeling.rows import RowArrays, read_rows
from tabsmith.modeling.training_data import TrainingData, input_columns, prepare_training_data
from tabsmith.recipes.recipe import Recipe
from tabsmith.tables import snapshot_store
from tabsmith.tables.info import TableInfo
from tabsmith.tables.schema.edits import unknown_column, with_split
from tabsmith.tables.schema.types import Schema, Split
from tabsmith.tables.snapshot import load_frame
from tabsmith.text import clean

if TYPE_CHECKING:
    from pandas import DataFrame

    from tabsmith.modeling.model import Model

MAX_ROWS: Final = 20_000  # that are compared: of more, evenly spaced ones
_EARLIER_SHARE: Final = 0.5  # of the rows of a file that lie before the moment
_TOLERANCE: Final = 1e-9  # relative, of two predictions that are the same

Mask: TypeAlias = npt.NDArray[np.bool_]
CheckedParts: TypeAlias = Literal["features and predictions", "predictions"]


class ColumnLookahead(msgspec.Struct, frozen=True):
    """How many earlier rows changed as a column's later values were changed: 0 unless something looks ahead."""

    column: str
    features: int  # rows whose features changed; 0 where only predictions were checked
    predictions: int  # rows whose prediction changed


class LookaheadReport(msgspec.Struct, frozen=True):
    """What became of the rows before a moment as the values after it were changed."""

    model_id: str
    time: str  # the column that orders the rows
    moment: str  # the last one that was left as it is
    earlier: int  # rows up to the moment
    later: int
    checked: CheckedParts
    columns: tuple[ColumnLookahead, ...]

    @property
    def looks_ahead(self) -> tuple[str, ...]:
        """The columns whose future changes what lies before it; empty for a sound model."""
        return tuple(each.column for each in self.columns if each.features or each.predictions)


def check_lookahead(model: "Model", *, time: str = "") -> LookaheadReport:
    """Check the model, and the features of its recipes, on the table that it was trained on.

    `time` orders the rows of a model that is not split by time. Raises UsageError if nothing orders them, or if the
    table's snapshot was cleared away.
    """
    schema = _ordered_by(model.schema, time)
    info = snapshot_store.load_info(model.report.fingerprint)
    if info is None:
        raise UsageError(
            "The table that the model was trained on is no longer kept.",
            where=model.id,
            next_step=f"Name a file with rows to check: tabsmith models check-lookahead {model.id} FILE",
        )
    frame = _thinned(load_frame(info, tuple(column.name for column in schema.columns if column.role != "ignore")))
    metric, seed = model.report.metric, model.report.seed
    data = prepare_training_data(frame, schema, metric, seed=seed)
    times = read_rows(frame, [schema.column(schema.split.by)]).rows.floats(schema.split.by)
    assert data.basis.times is not None
    moment = float(data.basis.times[data.folds[0][0]].max())
    recipes = tuple(member.recipe for member in model.report.members)
    names = [column.name for column in data.inputs if column.name != schema.split.by]
    features = features_changed(
        frame,
        times > moment,
        [*names, schema.target],
        lambda changed: _past_features(prepare_training_data(changed, schema, metric, seed=seed), recipes),
    )
    predictions = predictions_changed(model.predict_arrays, data.rows, data.basis.times > moment, names)
    return _report(model, schema, moment, data.basis.times, features, predictions, "features and predictions")


def check_lookahead_in(model: "Model", info: TableInfo, *, time: str = "") -> LookaheadReport:
    """Check the model's predictions of the rows of a table, read as from `predict.source_to_predict`.

    Raises UsageError if nothing orders the rows, and as `Model.predict` does.
    """
    schema = _ordered_by(model.schema, time)
    reader = model.reader(tuple(column.name for column in info.profile.columns))
    rows: RowArrays | None = None
    for _, batch in snapshot_batches(info):
        read = reader.read(batch.cells, batch.count)
        rows = read if rows is None else rows.joined(read)
        if len(rows) >= MAX_ROWS:
            break
    assert rows is not None
    times = rows.floats(schema.split.by)
    present = np.sort(times[~np.isnan(times)])
    if len(present) < 2 or present[0] == present[-1]:
        raise UsageError(
            f'The rows hold no two times in "{clean(schema.split.by, 60)}".', next_step="Name a file with more rows."
        )
    moment = float(present[int(_EARLIER_SHARE * (len(present) - 1))])
    if moment == present[-1]:
        moment = float(present[present < moment][-1])
    names = [column.name for column in input_columns(schema) if column.name != schema.split.by]
    predictions = predictions_changed(model.predict_arrays, rows, times > moment, names)
    return _report(model, schema, moment, times, {}, predictions, "predictions")


def predictions_changed(
    predict: Callable[[RowArrays], Floats], rows: RowArrays, later: Mask, names: Sequence[str]
) -> dict[str, int]:
    """For each column, the number of earlier rows that are predicted differently when its later values are changed."""
    before = predict(rows)[~later]
    counts = {}
    for name in names:
        index = draw_future(rows.comparable(name), later)
        after = predict(rows.replaced({name: rows.columns[name].take(index)}))[~later]
        same = np.isclose(before, after, rtol=_TOLERANCE, atol=0.0, equal_nan=True)
        counts[name] = int((~same).any(axis=1).sum())
    return counts


def features_changed(
    frame: "DataFrame", later: Mask, names: Sequence[str], features_of: Callable[["DataFrame"], Floats]
) -> dict[str, int]:
    """For each column, the number of rows of `features_of` that change when the column's later values in `frame` are changed.

    `features_of` gives a matrix of the same rows, all of them earlier, for each frame.
    """
    import pandas as pd

    before = features_of(frame)
    counts = {}
    for name in names:
        position = [str(each) for each in frame.columns].index(name)
        series = frame.iloc[:, position]
        codes, _ = pd.factorize(series, sort=False)
        order = series.to_numpy(dtype=float, na_value=np.nan) if series.dtype.kind in "iuf" else codes.astype(float)
        changed = frame.copy()
        changed.isetitem(position, series.iloc[draw_future(order, later)].array)
        after = features_of(changed)
        same = after.shape == before.shape and np.isclose(before, after, rtol=_TOLERANCE, atol=0.0, equal_nan=True)
        counts[name] = len(before) if same is False else int((~np.asarray(same)).any(axis=1).sum())
    return counts


def draw_future(values: Floats, later: Mask) -> Ints:
    """Positions of rows: each earlier row's own, and for each later one that of a row drawn among those with large values.

    So the later values stay such as the column holds, and their mean, spread and order change.
    """
    index = np.arange(len(values), dtype=np.int64)
    upper = np.argsort(values, kind="stable")[len(values) // 2 :]
    index[later] = np.random.default_rng(0).choice(upper, int(later.sum()))
    return index


def _past_features(data: TrainingData, recipes: Sequence[Recipe]) -> Floats:
    """The features that each recipe fits to the rows of the first fold, side by side."""
    fitted, _ = data.folds[0]
    parts = []
    for recipe in recipes:
        derived = compute_derived_columns(data.rows, recipe)
        context = FeatureContext(
            data.rows.replaced(derived).take(fitted),
            data.y[fitted],
            data.task,
            data.classes,
            recipe,
            get_family(recipe.family).requirements,
            data.seed,
        )
        parts.append(fit_features(context, data.inputs, derived)[1])
    return np.column_stack(parts)


def _ordered_by(schema: Schema, time: str) -> Schema:
    """`schema` split by time: by its own time column, or by `time`."""
    if time:
        if time not in [column.name for column in schema.columns]:
            raise unknown_column(time, tuple(column.name for column in schema.columns))
        return schema if schema.split.by == time else with_split(schema, Split("forward", time))
    if schema.split.kind == "forward":
        return schema
    dates = [column.name for column in schema.columns if column.kind == "date" and column.role == "feature"]
    if len(dates) == 1:
        return with_split(schema, Split("forward", dates[0]))
    raise SchemaError(
        "Nothing orders the rows of this model in time, so no row comes before another.",
        next_step="Name the column of times with --time.",
    )


def _thinned(frame: "DataFrame") -> "DataFrame":
    return frame.iloc[:: -(-len(frame) // MAX_ROWS)] if len(frame) > MAX_ROWS else frame


def _report(
    model: "Model",
    schema: Schema,
    moment: float,
    times: Floats,
    features: dict[str, int],
    predictions: dict[str, int],
    checked: CheckedParts,
) -> LookaheadReport:
    names = list(dict.fromkeys((*predictions, *features)))
    is_date = schema.column(schema.split.by).kind == "date"
    return LookaheadReport(
        model_id=model.id,
        time=schema.split.by,
        moment=str(np.datetime64(int(moment), "s")).replace("T", " ") if is_date else significant(moment),
        earlier=int((times <= moment).sum()),
        later=int((times > moment).sum()),
        checked=checked,
        columns=tuple(ColumnLookahead(name, features.get(name, 0), predictions.get(name, 0)) for name in names),
    )
