"""A table that needs more memory than training may use: a sample is searched, and LightGBM learns from all rows, in batches."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import tabsmith
from tabsmith.modeling import store
from tabsmith.modeling.large_tables.memory_plan import plan_memory

MB = 1_000_000


def _table(path: Path, rows: int) -> Path:
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({f"x{place}": generator.normal(size=rows) for place in range(4)})
    frame["kind"] = generator.choice(["a", "b", "c"], rows)
    frame["y"] = np.where(frame.x0 + (frame.kind == "a") + generator.normal(size=rows) > 0, "yes", "no")
    frame.loc[::1000, "y"] = None
    frame.to_parquet(path)
    return path


def test_a_table_that_fits_is_used_whole_and_a_larger_one_is_sampled_with_room_for_all_rows_in_batches() -> None:
    assert plan_memory(1_000_000, 20, 1, cores=2, limit=4_500 * MB, seed=0).sample is None
    plan = plan_memory(50_000_000, 20, 1, cores=2, limit=4_500 * MB, seed=0)
    assert plan.needed > 50_000 * MB
    assert plan.sample is not None
    assert 100_000 < plan.sample.rows < 2_000_000
    assert 0 < plan.batched <= plan.limit
    too_much = plan_memory(500_000_000, 20, 1, cores=2, limit=4_500 * MB, seed=0)
    assert too_much.sample is not None
    assert too_much.batched == 0


def test_a_model_of_a_table_larger_than_memory_learns_from_all_rows_and_is_measured_on_a_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = 150_000
    monkeypatch.setenv("TABSMITH_TRAINING__MEMORY", "620")  # 20 beside what the libraries take
    recipe = {"family": "lightgbm", "parameters": {"n_estimators": 10}}
    path = _table(tmp_path / "large.parquet", rows)
    model = tabsmith.train(path, "y", time_limit=0, iterations=1, families=["lightgbm"], recipes=[recipe])
    report = model.report
    assert report.sample is not None
    assert report.sample.of == rows
    assert report.train_rows < report.sample.rows < rows / 2
    assert report.delivery is not None
    assert report.delivery.rows == rows
    assert any(f"of its {rows:,} rows, drawn with seed 0" in note for note in report.notes)
    assert report.holdout is not None
    booster = next(store.model_folder(report.model_id).glob("members/*/all-0/booster.txt")).read_text()
    counts = [
        sum(map(int, line.split("=")[1].split())) for line in booster.splitlines() if line.startswith("leaf_count")
    ]
    assert max(counts) == rows - rows // 1000  # rows without a target left out
