"""What a model makes of web addresses, lists and numbers with a unit: their parts, their items, their number."""

import numpy as np
import pandas as pd

from tabsmith.modeling.metric_catalogue import default_metric
from tabsmith.modeling.rows import NumberColumn, read_column
from tabsmith.modeling.training_data import prepare_training_data
from tests.core.modeling.shapes import evaluated, quick, schema

ROWS = 200


def test_hosts_items_and_amounts_are_features(tmp_path) -> None:
    draw = np.random.default_rng(0)
    hosts, amounts = draw.choice(["a.example", "b.example"], ROWS), draw.uniform(1, 50, ROWS).round(1)
    chosen = draw.random((ROWS, 4)) < 0.4
    frame = pd.DataFrame(
        {
            "site": [f"https://{host}/{row}" for row, host in enumerate(hosts)],
            "answers": [";".join(str(item + 1) for item in np.flatnonzero(row)) or "9" for row in chosen],
            "weight": [f"{amount} kg" for amount in amounts],
            "y": 4.0 * (hosts == "a.example") + 3 * chosen[:, 0] - 2 * chosen[:, 3] + 0.1 * amounts,
        }
    )
    plan = schema("y", "regression", columns={"site": "url", "answers": "list", "weight": "embedded number"})
    data = prepare_training_data(frame, plan, default_metric("regression"), seed=0)
    error = evaluated(data, tmp_path, quick("linear")).mean
    assert error < 0.35 * frame["y"].std()


def test_a_number_with_a_unit_is_read_cell_by_cell() -> None:
    cells = ["12 kg", "3.5K", None, "heavy", "7"]
    column, unreadable = read_column(pd.Series(cells, dtype=object), "embedded number")
    assert isinstance(column, NumberColumn)
    np.testing.assert_array_equal(column.values, [12, 3500, np.nan, np.nan, 7])
    assert unreadable == 1
    alone = [read_column(pd.Series([cell], dtype=object), "embedded number")[0] for cell in cells]
    np.testing.assert_array_equal([each.values[0] for each in alone], column.values)
