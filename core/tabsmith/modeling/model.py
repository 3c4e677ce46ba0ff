"""A finished model: predict, look at its report, save it elsewhere."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from tabsmith.errors import ModelDamagedError, ModelNotFoundError, PredictionError
from tabsmith.families.estimator import Floats
from tabsmith.modeling import archive, store
from tabsmith.modeling.ensemble import BaggedModel, load_bagged_model
from tabsmith.modeling.results import ModelReport
from tabsmith.modeling.rows import CastRows, read_rows
from tabsmith.modeling.training_data import ClassLabels, input_columns
from tabsmith.tables.schema.types import Schema
from tabsmith.text import clean

if TYPE_CHECKING:
    from pandas import DataFrame

BATCH_ROWS = 50_000  # rows whose features are in memory at once


class TableLike(Protocol):
    """A table once read: anything with `to_pandas()`."""

    def to_pandas(self) -> "DataFrame": ...


Predictable: TypeAlias = "DataFrame | TableLike | str | Path"


class Model:
    """A finished model. Immutable; keeps its fold models in memory, so a second prediction is quick."""

    def __init__(self, report: ModelReport, labels: ClassLabels, bag: BaggedModel, home: Path) -> None:
        self.report = report
        self._labels = labels
        self._bag = bag
        self._home = home  # the folder or file it was loaded from

    @classmethod
    def load(cls, folder: Path, home: Path) -> "Model":
        """The model whose files lie in `folder`, checked against its manifest. Raises ModelDamagedError."""
        manifest = store.verify_model(folder)
        report = store.read_report_file(folder)
        file = store.read_model_file(folder)
        for member in file.members:
            for place in member.folders:
                if not any(name.startswith(f"{place}/") for name in manifest.files):
                    raise ModelDamagedError(
                        f"The saved model is damaged: the member {clean(place)} is missing.", where=str(folder)
                    )
        if not file.members:
            raise ModelDamagedError("The saved model is damaged: it has no members.", where=str(folder))
        bag = load_bagged_model(
            [(each.recipe, each.weight, [folder / place for place in each.folders]) for each in file.members]
        )
        return cls(report, ClassLabels(file.classes), bag, home)

    @property
    def id(self) -> str:
        """The name under which it was saved."""
        return self.report.model_id

    @property
    def schema(self) -> Schema:
        """What the model understood of the table it was trained on."""
        return self.report.schema

    @property
    def classes_(self) -> npt.NDArray[Any]:
        """The class labels in their own type, in the order of `predict_proba`'s columns; empty for regression."""
        return self._labels.array()

    def predict(self, rows: Predictable) -> npt.NDArray[Any]:
        """Per row the most probable label, or the number; shape (rows,).

        `rows` is a frame, a table or the path of a file. Columns are found by name; one that is missing counts as
        missing values. Raises PredictionError when none of the model's columns is there, and what reading a file
        raises.
        """
        return self.decide(self._predict(rows))

    def predict_proba(self, rows: Predictable) -> Floats:
        """Per row the probability of each of `classes_`; shape (rows, classes). Raises PredictionError for numbers."""
        if not self._labels.classes:
            raise PredictionError(
                "A model of numbers has no class probabilities.", next_step="Use predict for its numbers."
            )
        return self._predict(rows)

    def predict_batches(self, batches: Iterable["DataFrame"]) -> Iterator[tuple[CastRows, Floats]]:
        """Per batch what was read of it, and (rows, classes) probabilities or (rows, 1) numbers, in bounded memory."""
        columns = input_columns(self.schema)
        for batch in batches:
            for start in range(0, max(1, len(batch)), BATCH_ROWS):
                read = read_rows(batch.iloc[start : start + BATCH_ROWS], columns)
                yield read, self._bag.predict(read.rows)

    def decide(self, prediction: Floats) -> npt.NDArray[Any]:
        """Predictions as labels, or as numbers."""
        if not self._labels.classes:
            return prediction[:, 0]
        return self._labels.decode(prediction.argmax(axis=1))

    def save(self, path: str | Path) -> Path:
        """Write the model to `path` as one file that `load_model` takes. Raises StorageError, and UsageError when
        something is there already."""
        file = Path(path).expanduser()
        if self._home.is_dir():
            store.verify_model(self._home)
            archive.pack_model(self._home, file)
        elif self._home.is_file():
            archive.copy_archive(self._home, file)
        else:
            raise ModelNotFoundError(f"The model is gone from {clean(self._home)}.", next_step="Load it again.")
        return file

    def __repr__(self) -> str:
        families = ", ".join(dict.fromkeys(member.recipe.family for member in self.report.members))
        return f"<Model {self.id}: {self.schema.target} by {families}>"

    def _predict(self, rows: Predictable) -> Floats:
        frame = _frame(rows)
        columns = input_columns(self.schema)
        if not {str(name) for name in frame.columns} & {column.name for column in columns}:
            raise PredictionError(
                "None of the model's columns is in the rows given.",
                where=clean(", ".join(str(name) for name in frame.columns), 200),
                next_step=f"It was trained on: {clean(', '.join(column.name for column in columns), 300)}.",
            )
        made = [prediction for _, prediction in self.predict_batches([frame])]
        return made[0] if len(made) == 1 else np.concatenate(made)


def _frame(rows: Predictable) -> "DataFrame":
    if isinstance(rows, str | Path):
        from tabsmith.modeling.predict import frame_of_file

        return frame_of_file(Path(rows))
    if hasattr(rows, "columns") and hasattr(rows, "iloc"):
        return cast("DataFrame", rows)
    if hasattr(rows, "to_pandas"):
        return rows.to_pandas()
    raise PredictionError(
        f"Rows cannot be read from a {type(rows).__name__}.", next_step="Give a pandas DataFrame, a table or a path."
    )
