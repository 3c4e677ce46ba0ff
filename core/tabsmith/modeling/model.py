"""A finished model: load it, predict, look at its report, save it elsewhere."""

import contextlib
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tabsmith import config, formatting
from tabsmith.errors import (
    MissingColumnError,
    ModelDamagedError,
    ModelNotFoundError,
    NewRowsWarning,
    PredictionError,
)
from tabsmith.families.estimator import Floats, Ints
from tabsmith.modeling import archive, store
from tabsmith.modeling.confined.model import ConfinedExplainer, ConfinedModel
from tabsmith.modeling.decisions.calibration import calibrate
from tabsmith.modeling.decisions.conformal import intervals_of
from tabsmith.modeling.decisions.labels import choose_labels
from tabsmith.modeling.decisions.types import LEVEL, Conformal, IntervalRule, NoIntervals
from tabsmith.modeling.ensemble import BaggedModel, load_bagged_model
from tabsmith.modeling.explanation.background import background_rows
from tabsmith.modeling.explanation.contributions import RowExplainer
from tabsmith.modeling.model_files import FORMAT_WITH_COLUMN_FORMATS, MANIFEST, MODEL_ID, ModelFile
from tabsmith.modeling.new_rows import NewRowsReader
from tabsmith.modeling.results import ModelReport
from tabsmith.modeling.row_batches import Predictable, open_rows
from tabsmith.modeling.rows import RowArrays
from tabsmith.modeling.training_data import ClassLabels, input_columns
from tabsmith.processes import machine_memory
from tabsmith.tables.schema.types import Schema
from tabsmith.text import clean, plural

if TYPE_CHECKING:
    from pandas import DataFrame

_NAMED = 5  # columns named in an error
_LOW = 0.01  # a level that even a model of few rows knows
_TOLERANCE = 1e-6  # of the sum of the members' weights


class Model:
    """A finished model. Immutable; keeps its fold models in memory, so a second prediction is quick."""

    def __init__(
        self,
        report: ModelReport,
        file: ModelFile,
        estimator: BaggedModel | ConfinedModel,
        origin: Path,
        *,
        knows_formats: bool,
    ) -> None:
        self.report = report
        self.labels = ClassLabels(file.classes)
        self.knows_formats = knows_formats  # False for a model saved before models kept how their columns are read
        self.decisions = file.decisions
        self._levels = file.levels
        self._background = file.background
        self._estimator = estimator
        self._origin = origin  # the folder or file it was loaded from

    @classmethod
    def load(cls, folder: Path, origin: Path, *, confined: bool = False) -> "Model":
        """The model whose files lie in `folder`, checked against its manifest. Raises ModelDamagedError.

        A `confined` one is loaded and asked in a process of its own behind walls (see `confined.model`).
        """
        manifest = store.verify_model(folder)
        report = store.read_report_file(folder)
        file = store.read_model_file(folder)
        for member in file.members:
            for fold in member.folders:
                if not any(name.startswith(f"{fold}/") for name in manifest.files):
                    raise ModelDamagedError(
                        f"The saved model is damaged: the member {clean(fold)} is missing.", where=str(folder)
                    )
        weights = [member.weight for member in file.members]
        if not weights or min(weights) < 0 or abs(sum(weights) - 1) > _TOLERANCE:
            raise ModelDamagedError(
                "The saved model is damaged: the weights of its members do not sum to 1.", where=str(folder)
            )
        try:
            _try_decisions(report, file)
        except (ArithmeticError, LookupError, TypeError, ValueError) as error:
            raise ModelDamagedError(
                f"The saved model is damaged: what it decides about predictions contradicts itself ({clean(error)}).",
                where=str(folder),
                next_step="Get the model again from where it came from, or train it again.",
            ) from error
        knows_formats = manifest.format >= FORMAT_WITH_COLUMN_FORMATS
        estimator = _confined_model(folder, file) if confined else _plain_model(folder, file)
        return cls(report, file, estimator, origin, knows_formats=knows_formats)

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
        return self.labels.array()

    def predict(self, rows: Predictable, *, allow_missing: bool = False) -> npt.NDArray[Any]:
        """The label, or the number, of each row; shape (rows,). A label is the most probable one, or that of the model's
        threshold (`report.decisions`).

        `rows` is a frame, a table or the path of a file. Each row is read by itself, as the training table was; columns
        are found by name, and a column that is missing counts as missing values. What is not understood is treated as
        missing, and warned of with NewRowsWarning. A line of a file that cannot be read gets NaN, or None for a label.

        Raises MissingColumnError if an important column is missing, unless `allow_missing`; PredictionError if `rows`
        has none of the model's columns; and the errors of reading a file.
        """
        return self.decide(self._compute(rows, allow_missing, self.predict_arrays))

    def predict_proba(self, rows: Predictable, *, allow_missing: bool = False) -> Floats:
        """The probability of each of `classes_` for each row; shape (rows, classes).

        Raises PredictionError for a regression, and as `predict` does.
        """
        if not self.labels.classes:
            raise PredictionError(
                "A model of numbers has no class probabilities.", next_step="Use predict for its numbers."
            )
        return self._compute(rows, allow_missing, self.predict_arrays)

    def explain(self, rows: Predictable, *, label: object = None, allow_missing: bool = False) -> "DataFrame":
        """What each column adds to each row's prediction: Shapley values (see `modeling.explanation.contributions`).

        The frame has a row for each of `rows` and a column for each of `column_names`, then `base`, the prediction for a
        row of which nothing is known; a row's sum is the prediction. For classes, that is the probability of `label`;
        without one, of the event class of two, or of the class that is predicted for the row.

        Raises PredictionError for a `label` that is no class, and for a model that was saved by an earlier version; and
        as `predict` does.
        """
        from pandas import DataFrame

        position = self._class_position(label)
        explainer = self.row_explainer

        def compute(batch: RowArrays) -> Floats:
            explained = np.empty((len(batch), len(explainer.columns) + 1))
            for part, found in explainer.pieces(batch):
                outputs = self.explained_outputs(found.prediction) if position is None else np.int64(position)
                explained[part, :-1] = found.of_outputs(outputs)
                explained[part, -1] = found.base[outputs]
            return explained

        names = [*explainer.columns, "base" if "base" not in explainer.columns else "base value"]
        return DataFrame(self._compute(rows, allow_missing, compute), columns=names)

    @cached_property
    def row_explainer(self) -> RowExplainer:
        """What explains predictions of this model. Raises PredictionError for one saved by an earlier version."""
        if not self._background:
            raise PredictionError(
                "The model was saved by an earlier tabsmith, which kept no rows to compare others with.",
                next_step=f"`tabsmith models explain {self.id}` adds them while the run's table is there; or train it again.",
            )
        columns = input_columns(self.schema)
        background = background_rows(self._background, columns)
        calibration = self.decisions.calibration
        if isinstance(self._estimator, ConfinedModel):
            return ConfinedExplainer(self._estimator, background, calibration)
        return RowExplainer(self._estimator, background, calibration=calibration)

    def explained_outputs(self, prediction: Floats) -> Ints | np.int64:
        """Which output of each row's prediction an explanation is about: the number, the probability of the event class
        of two, or that of the predicted class."""
        count = len(self.labels.classes)
        return (
            np.int64(self.report.metric.event if count == 2 else 0) if count <= 2 else self.label_positions(prediction)
        )

    def _class_position(self, label: object) -> int | None:
        if label is None:
            return None
        classes = list(self.labels.classes)
        if label not in classes:
            raise PredictionError(
                f'"{clean(label, 60)}" is none of the classes that the model predicts.',
                next_step=f"Choose one of: {clean(', '.join(map(str, classes)), 200)}."
                if classes
                else "Leave out the label.",
            )
        return classes.index(label)

    def predict_interval(self, rows: Predictable, level: float = LEVEL, *, allow_missing: bool = False) -> Floats:
        """The lower and the upper end of an interval that holds the number of a row with probability `level`.

        Shape (rows, 2). The intervals are conformal: of rows drawn as the training rows were, about `level` have their
        number inside (`report.decisions.intervals` has it checked on the test set). Raises PredictionError for a model
        of classes and for a level that it cannot know, and as `predict` does.
        """
        return self.intervals(self._compute(rows, allow_missing, self.predict_arrays), level)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The columns that the model reads."""
        return tuple(column.name for column in input_columns(self.schema))

    def reader(self, names: Sequence[str], *, allow_missing: bool = False) -> NewRowsReader:
        """A reader of rows with the columns `names`. Raises MissingColumnError and PredictionError as `predict` does."""
        columns = input_columns(self.schema)
        reader = NewRowsReader(columns, names, self._levels, knows_formats=self.knows_formats)
        if not reader.match.positions:
            raise PredictionError(
                "None of the model's columns is in the rows given.",
                where=clean(", ".join(names), 200),
                next_step=f"It was trained on: {clean(', '.join(self.column_names), 300)}.",
            )
        lost = [each for each in self.report.important_columns if each.column in reader.match.missing]
        if lost and not allow_missing:
            metric = self.report.metric
            verb = "falls" if metric.greater_is_better else "rises"
            named = ", ".join(
                f'"{clean(each.column, 60)}" (without it, {metric.label} {verb} by {formatting.number(each.drop)})'
                for each in lost[:_NAMED]
            )
            raise MissingColumnError(
                f"The rows lack {'a column' if len(lost) == 1 else f'{len(lost)} columns'} that the model relies on: {named}.",
                where=clean(", ".join(names), 200),
                next_step="Add what is missing, or predict all the same with --allow-missing (allow_missing=True in Python).",
            )
        return reader

    def predict_arrays(self, rows: RowArrays) -> Floats:
        """(rows, classes) probabilities, or (rows, 1) numbers, of rows once read.

        Raises PredictionError if a prediction is not finite, and ModelDamagedError from a stranger's model that fails.
        """
        prediction = self._estimator.predict(rows)
        if self.labels.classes:
            prediction = calibrate(self.decisions.calibration, prediction)
        if not (finite := np.isfinite(prediction).all(axis=1)).all():
            raise PredictionError(
                f"The model predicts no number for {plural(int((~finite).sum()), 'row')} of these.",
                next_step="Look for numbers in them that are far too large; without such rows the others are predicted.",
            )
        return prediction

    def label_positions(self, probabilities: Floats) -> Ints:
        """The positions among `classes_` of the labels that the model gives `probabilities` (rows, classes)."""
        return choose_labels(self.decisions.rule, probabilities)

    def intervals(self, prediction: Floats, level: float) -> Floats:
        """(rows, 2): the ends of the interval of each predicted number, (rows, 1); NaN where the prediction is NaN.

        Raises PredictionError for a model of classes, one saved before models had intervals, and a level that the model
        cannot know.
        """
        match self.decisions.intervals:
            case Conformal() as rule:
                return intervals_of(rule, prediction[:, 0], level)
            case NoIntervals() if self.labels.classes:
                raise PredictionError(
                    "A model of classes has no intervals of numbers.",
                    next_step="Use predict_proba for its probabilities.",
                )
            case NoIntervals():
                raise PredictionError(
                    "The model was saved before models had prediction intervals.", next_step="Train it again."
                )

    def decide(self, prediction: Floats) -> npt.NDArray[Any]:
        """Predictions as labels, or as numbers; None for a label where the prediction is NaN."""
        if not self.labels.classes:
            return prediction[:, 0]
        without = np.isnan(prediction).any(axis=1)
        labels = self.labels.decode(np.where(without, 0, self.label_positions(prediction)))
        if without.any():
            labels = labels.astype(object)
            labels[without] = None
        return labels

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

    def _compute(self, rows: Predictable, allow_missing: bool, compute: Callable[[RowArrays], Floats]) -> Floats:
        """What `compute` makes of the rows, batch by batch, a row for each; NaN for rows that cannot be read."""
        new_rows = open_rows(rows, self.column_names, as_text=self.knows_formats)
        reader = self.reader(new_rows.names, allow_missing=allow_missing)
        predictions: list[Floats] = []
        unread_rows = 0
        for batch in new_rows.batches:
            prediction = compute(reader.read(batch.cells, batch.count))
            prediction[batch.bad] = np.nan
            unread_rows += len(batch.bad)
            predictions.append(prediction)
        notes = [str(note) for note in (*reader.match.matched, *reader.unread, *reader.unseen, *reader.assumed)]
        if unread_rows:
            notes.append(f"rows that cannot be read have no prediction: {unread_rows:,}")
        if notes:
            warnings.warn("; ".join(notes), NewRowsWarning, stacklevel=3)
        return np.concatenate(predictions)


def _try_decisions(report: ModelReport, file: ModelFile) -> None:
    """Decide about made up predictions. Raises ValueError, or what numpy raises, if the decisions do not go together with
    the classes, or make something else than probabilities and numbers."""
    count = len(file.classes)
    if not count:
        _require_finite_intervals(file.decisions.intervals)
        return
    if len(set(map(repr, file.classes))) < count or not 0 <= report.metric.event < count:
        raise ValueError("classes that are not told apart")
    made_up = np.vstack([np.eye(count), np.full(count, 1 / count)])
    calibrated = calibrate(file.decisions.calibration, made_up)
    sums = calibrated.sum(axis=1)
    if calibrated.shape != made_up.shape or not np.allclose(sums, 1.0) or (calibrated < 0).any():
        raise ValueError("probabilities that do not sum to 1")
    labels = choose_labels(file.decisions.rule, calibrated)
    if labels.min() < 0 or labels.max() >= count:
        raise ValueError("labels that are no classes")


def _require_finite_intervals(rule: IntervalRule) -> None:
    if not isinstance(rule, Conformal):
        return
    ends = [*rule.residuals, *rule.difficulty.predicted, *rule.difficulty.scale]
    with contextlib.suppress(PredictionError):  # of too few residuals to know any level
        ends += intervals_of(rule, np.zeros(1), _LOW)[0].tolist()
    if not np.isfinite(ends).all():
        raise ValueError("intervals without ends")


def _plain_model(folder: Path, file: ModelFile) -> BaggedModel:
    return load_bagged_model([
        (member.recipe, member.weight, [folder / fold for fold in member.folders]) for member in file.members
    ])  # fmt: skip


def _confined_model(folder: Path, file: ModelFile) -> ConfinedModel:
    memory = int(config.load().resources.memory * machine_memory())
    return ConfinedModel(folder, file.members, len(file.classes) or 1, memory)


def load_model(model: str | Path) -> Model:
    """The model with this id or alias, in this folder, or in this exported file.

    Every file is compared with the manifest, and nothing in it is taken on trust (see `families.saved_values`). A folder or
    a file that is none of this home's models may be anybody's: it is loaded and asked in a process of its own, with limits.
    Raises ModelNotFoundError, or ModelDamagedError naming the file at fault.
    """
    name = str(model)
    path = Path(name).expanduser()
    if not MODEL_ID.fullmatch(name) or not store.has_model(name):
        if (path / MANIFEST).is_file():
            return Model.load(path, path, confined=True)
        if path.is_file():
            with archive.unpacked_model(path) as folder:
                return Model.load(folder, path, confined=True)
    saved = store.model_folder(store.find_model(name))
    return Model.load(saved, saved)
