"""A finished model: load it, predict, look at its report, save it elsewhere."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from tabsmith.errors import ModelDamagedError, ModelNotFoundError, PredictionError
from tabsmith.families.estimator import Floats
from tabsmith.modeling import archive, store
from tabsmith.modeling.ensemble import BaggedModel, load_bagged_model
from tabsmith.modeling.model_files import MANIFEST, MODEL_ID
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

    def __init__(self, report: ModelReport, labels: ClassLabels, estimator: BaggedModel, origin: Path) -> None:
        self.report = report
        self._labels = labels
        self._estimator = estimator
        self._origin = origin  # the folder or file it was loaded from

    @classmethod
    def load(cls, folder: Path, origin: Path) -> "Model":
        """The model whose files lie in `folder`, checked against its manifest. Raises ModelDamagedError."""
        manifest = store.verify_model(folder)
        report = store.read_report_file(folder)
        file = store.read_model_file(folder)
        for member in file.members:
            for fold in member.folders:
                if not any(name.startswith(f"{fold}/") for name in manifest.files):
                    raise ModelDamagedError(
                        f"The saved model is damaged: the member {clean(fold)} is missing.", where=str(folder)
                    )
        if not file.members:
            raise ModelDamagedError("The saved model is damaged: it has no members.", where=str(folder))
        members = [
            (member.recipe, member.weight, [folder / fold for fold in member.folders]) for member in file.members
        ]
        return cls(report, ClassLabels(file.classes), load_bagged_model(members), origin)

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
        """The most probable label, or the number, of each row; shape (rows,).

        `rows` is a frame, a table or the path of a file. Columns are found by name; one that is missing counts as
        missing values. Raises PredictionError when `rows` has none of the model's columns, and the errors of reading
        a file.
        """
        return self.decide(self._predict(rows))

    def predict_proba(self, rows: Predictable) -> Floats:
        """The probability of each of `classes_` for each row; shape (rows, classes).

        Raises PredictionError for a regression, and as `predict` does.
        """
        if not self._labels.classes:
            raise PredictionError(
                "A model of numbers has no class probabilities.", next_step="Use predict for its numbers."
            )
        return self._predict(rows)

    def predict_batches(self, batches: Iterable["DataFrame"]) -> Iterator[tuple[CastRows, Floats]]:
        """The rows of each batch as they were read, and their (rows, classes) probabilities or (rows, 1) numbers.

        A batch of more than `BATCH_ROWS` rows comes in pieces, so that memory stays bounded.
        """
        columns = input_columns(self.schema)
        for batch in batches:
            for start in range(0, max(1, len(batch)), BATCH_ROWS):
                cast_rows = read_rows(batch.iloc[start : start + BATCH_ROWS], columns)
                yield cast_rows, self._estimator.predict(cast_rows.rows)

    def decide(self, prediction: Floats) -> npt.NDArray[Any]:
        """Predictions as labels, or as numbers."""
        if not self._labels.classes:
            return prediction[:, 0]
        return self._labels.decode(prediction.argmax(axis=1))

    def save(self, path: str | Path) -> Path:
        """Write the model to `path` as one file that `load_model` takes.

        Raises StorageError, UsageError when the file exists already, and ModelNotFoundError when the model was deleted
        since it was loaded.
        """
        file = Path(path).expanduser()
        if self._origin.is_dir():
            store.verify_model(self._origin)
            archive.pack_model(self._origin, file)
        elif self._origin.is_file():
            archive.copy_archive(self._origin, file)
        else:
            raise ModelNotFoundError(f"The model is gone from {clean(self._origin)}.", next_step="Load it again.")
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
        predictions = [prediction for _, prediction in self.predict_batches([frame])]
        return predictions[0] if len(predictions) == 1 else np.concatenate(predictions)


def load_model(model: str | Path) -> Model:
    """The model with this id, in this folder, or in this exported file.

    Every file is compared with the manifest, and only trusted types are made (see `families.skops_files`). Raises
    ModelNotFoundError, or ModelDamagedError naming the file at fault.
    """
    name = str(model)
    if MODEL_ID.fullmatch(name) and (saved := store.model_folder(name)).is_dir():
        return Model.load(saved, saved)
    path = Path(name).expanduser()
    if (path / MANIFEST).is_file():
        return Model.load(path, path)
    if path.is_file():
        with archive.unpacked_model(path) as folder:
            return Model.load(folder, path)
    raise store.model_not_found(name)


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
