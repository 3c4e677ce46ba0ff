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
    """The truth (class positions or numbers) of each row, the (rows, classes or 1) predictions, the groups in which rows
    are drawn (None where they are drawn one by one), and how much each row counts (None where all count the same)."""

    truth: Ints | Floats
    prediction: Floats
    groups: Ints | None = None
    weights: Floats | None = None

    def thinned(self) -> "HoldoutPredictions":
        """Evenly spaced rows, the same for every model of the same rows and classes; all, if they are few enough."""
        step = -(-self.prediction.size // MAX_CELLS)
        groups = None if self.groups is None else self.groups[::step]
        weights = None if self.weights is None else self.weights[::step]
        return HoldoutPredictions(self.truth[::step], self.prediction[::step], groups, weights)

    def save(self, path: Path) -> None:
        """Write them to `path`, as numpy's own archive of arrays."""
        kept = self.thinned()
        with path.open("wb") as file:
            np.savez_compressed(
                file,
                truth=kept.truth,
                prediction=kept.prediction.astype(np.float32),
                groups=np.empty(0, dtype=np.int64) if kept.groups is None else kept.groups,
                weights=np.empty(0) if kept.weights is None else kept.weights,
            )

    @classmethod
    def load(cls, path: Path) -> "HoldoutPredictions":
        """Those in the file at `path`. Raises ModelDamagedError."""
        try:
            with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                groups, weights = arrays["groups"], arrays["weights"]
                return cls(
                    arrays["truth"],
                    arrays["prediction"].astype(np.float64),
                    groups if len(groups) else None,
                    weights if len(weights) else None,
                )
        except (OSError, ValueError, KeyError, EOFError, BadZipFile) as error:
            raise ModelDamagedError(
                f"The saved predictions of the test set cannot be read: {clean(error)}", where=str(path)
            ) from error
