"""The distributions of many columns of numbers at once are those of each column by itself."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tabsmith.tables.profile.number_columns import BINS, Moments, profile_numbers

FLOATS = st.lists(st.floats(-1e6, 1e6) | st.sampled_from([0.0, 1.5, math.inf, -math.inf]), min_size=1, max_size=30)
WHOLE = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(0, 3), min_size=1, max_size=30)


@settings(max_examples=60, deadline=None)
@given(
    columns=st.lists(FLOATS.map(np.array) | WHOLE.map(lambda cells: np.array(cells, np.int64)), min_size=1, max_size=6)
)
def test_each_column_is_profiled_as_if_it_were_alone(columns: list[np.ndarray]) -> None:
    columns = [column.astype(np.float64) if column.dtype.kind == "f" else column for column in columns]
    for column, found in zip(columns, profile_numbers(columns, 1, [None] * len(columns), 3), strict=True):
        values, counts = np.unique(column, return_counts=True)
        order = np.argsort(-counts, kind="stable")[:3]
        assert found.distinct == len(values)
        assert found.values.tolist() == values[order].tolist()
        assert found.counts.tolist() == counts[order].tolist()
        finite = column.astype(np.float64)[np.isfinite(column.astype(np.float64))]
        if not len(finite):
            assert found.summary is None
            continue
        assert found.summary is not None
        assert (found.summary.minimum, found.summary.maximum) == (finite.min(), finite.max())
        assert found.summary.mean == pytest.approx(finite.mean())
        assert found.summary.deviation == pytest.approx(finite.std(), abs=1e-9 * np.abs(finite).max())
        assert found.summary.quartiles == pytest.approx(np.quantile(finite, [0.25, 0.5, 0.75]))
        assert sum(found.summary.bins) == len(finite)


def test_moments_of_all_rows_stand_over_those_of_the_sample() -> None:
    (column,) = profile_numbers([np.array([1.0, 2.0, 3.0])], 10, [Moments(0.0, 16.0, math.nan, None)], 2)
    assert column.summary is not None
    assert (column.summary.minimum, column.summary.maximum, column.summary.mean) == (0.0, 16.0, 8.0)
    assert column.summary.bins == (0, 10, 10, 10, *[0] * (BINS - 4))
