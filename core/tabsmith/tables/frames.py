"""A pandas frame that a user has becomes Arrow columns, whatever stands in it."""

import datetime as dt
import decimal
from typing import TYPE_CHECKING, Any

from tabsmith.errors import SchemaError
from tabsmith.tables.arrow import column_array
from tabsmith.text import clean

if TYPE_CHECKING:
    import pandas as pd


def frame_columns(frame: "pd.DataFrame") -> tuple[tuple[str, ...], list[Any]]:
    """The column names as text and the columns as Arrow arrays. Raises SchemaError."""
    names = tuple(_name(column) for column in frame.columns)
    if not names:
        raise SchemaError("The frame has no columns.", next_step="Give a frame with at least one column.")
    twice = next((name for place, name in enumerate(names) if name in names[:place]), None)
    if twice is not None:
        raise SchemaError(
            f"Two columns of the frame are called {clean(twice)}.", next_step="Give every column a name of its own."
        )
    return names, [_array(frame.iloc[:, place]) for place in range(len(names))]


def _name(column: object) -> str:
    if isinstance(column, tuple):
        return "_".join(str(part) for part in column if str(part))
    return str(column).encode("utf-8", "replace").decode()


def _array(series: "pd.Series[Any]") -> Any:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    if isinstance(series.dtype, pd.SparseDtype):
        series = pd.Series(np.asarray(series))
    if isinstance(series.dtype, pd.CategoricalDtype):
        series = series.astype(series.cat.categories.dtype if series.notna().all() else object)
    if isinstance(series.dtype, pd.PeriodDtype | pd.IntervalDtype) or series.dtype.kind in "mc":
        return pa.array([None if missing else str(value) for value, missing in _pairs(series)], pa.large_string())
    if series.dtype == object:
        return column_array([None if missing else _python(value) for value, missing in _pairs(series)])
    if str(series.dtype) in {"float16", "float128"}:
        series = series.astype("float64")
    return pa.Array.from_pandas(series)


def _pairs(series: "pd.Series[Any]") -> list[tuple[Any, bool]]:
    return list(zip(series.tolist(), series.isna().tolist(), strict=True))


def _python(value: Any) -> Any:
    """A value from an object column as a plain Python one; what is none becomes its text."""
    import numpy as np

    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).replace(tzinfo=None) if value.tzinfo else value
    if isinstance(value, bool | int | float | str | dt.date | dict | list):
        return value
    return float(value) if isinstance(value, decimal.Decimal) else str(value)
