"""What a measured model predicted on the rows that were set aside, saved with it, so that two models can be compared on the
same rows: also when the table is gone, and when the delivered model has learned from those rows since."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zipfile import BadZipFile

import numpy as np

from tabsmith.errors import ModelDamagedError
from tabsmith.families.estimator import Floats, Ints
from tabsmith.text import clean

MAX_CELLS: Final = 4_000_000
"""Numbers that are saved at most, 16 MB of them; of more rows, evenly spaced ones are kept."""


@dataclass(frozen=True)
class HoldoutPredictions:
    """The truth (class positions or numbers) of each row, the (rows, classes or 1) predictions, and the groups in which
    rows are drawn; None where they are drawn one by one."""

    truth: Ints | Floats
    prediction: Floats
    groups: Ints | None = None

    def thinned(self) -> "HoldoutPredictions":
        """Evenly spaced rows, the same for every model of the same rows and classes; all, if they are few enough."""
        step = -(-self.prediction.size // MAX_CELLS)
        groups = None if self.groups is None else self.groups[::step]
        return HoldoutPredictions(self.truth[::step], self.prediction[::step], groups)

    def save(self, path: Path) -> None:
        """Write them to `path`, as numpy's own archive of arrays."""
        kept = self.thinned()
        groups = np.empty(0, dtype=np.int64) if kept.groups is None else kept.groups
        with path.open("wb") as file:
            np.savez_compressed(file, truth=kept.truth, prediction=kept.prediction.astype(np.float32), groups=groups)

    @classmethod
    def load(cls, path: Path) -> "HoldoutPredictions":
        """Those in the file at `path`. Raises ModelDamagedError."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                groups = arrays["groups"]
                prediction = arrays["prediction"].astype(np.float64)
                return cls(arrays["truth"], prediction, groups if len(groups) else None)
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise ModelDamagedError(
                f"The saved predictions of the test set cannot be read: {clean(error)}", where=str(path)
            ) from error
