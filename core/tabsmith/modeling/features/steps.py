"""A recipe's feature steps fitted on a fold's rows: the blocks that they add to those of the columns."""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from tabsmith.families.estimator import Floats, Ints
from tabsmith.families.feature_steps import (
    Arithmetic,
    Crosses,
    DateFeature,
    DateParts,
    FeatureStep,
    GroupStatistics,
    Lags,
    MissingFlags,
    Select,
    SubsetHashes,
    TargetEncoding,
    TextParts,
)
from tabsmith.modeling.features.arithmetic import fit_arithmetic
from tabsmith.modeling.features.blocks import DatePart, TextAnalyzer
from tabsmith.modeling.features.context import FeatureContext, StepColumns, chosen_columns
from tabsmith.modeling.features.crosses import fit_crosses, fit_subset_hashes, fit_target_encoding
from tabsmith.modeling.features.dates import fit_date_block, usual_parts
from tabsmith.modeling.features.generated_blocks import LengthBlock, MissingBlock, is_missing_cell
from tabsmith.modeling.features.group_statistics import fit_group_statistics
from tabsmith.modeling.features.lags import fit_lag_blocks
from tabsmith.modeling.features.relevance import Relevance, measure_relevance
from tabsmith.modeling.features.scaling import fit_scaling
from tabsmith.modeling.features.text_vectorizers import TextVectorizer
from tabsmith.modeling.features.texts import fit_text_block
from tabsmith.modeling.features.transformer import Block, FeatureTransformer

_DATE_PARTS: Final[dict[DateFeature, tuple[DatePart, ...]]] = {
    "cycles": (
        "month_sin", "month_cos", "weekday_sin", "weekday_cos", "hour_sin", "hour_cos", "year_sin", "year_cos",
    ),
    "trend": ("elapsed",),
    "week": ("week",),
    "quarter": ("quarter",),
    "weekend": ("weekend",),
}  # fmt: skip
_SELECTION_ROWS: Final = 5_000
_SELECTION_TREES: Final = 40


@dataclass
class FittedBlocks:
    """Blocks as they are fitted one after the other, and what belongs to them."""

    blocks: list[Block] = field(default_factory=list)
    crossed: dict[int, Floats] = field(
        default_factory=dict
    )  # by position in `blocks`: values of the rows, cross-fitted
    texts: dict[tuple[str, TextAnalyzer], TextVectorizer] = field(default_factory=dict)

    def add(self, block: Block, crossed: Floats | None = None) -> None:
        """Add a block; one that learned from the target comes with the cross-fitted values of the rows."""
        if crossed is not None:
            self.crossed[len(self.blocks)] = crossed
        self.blocks.append(block)

    def applied(self, context: FeatureContext) -> tuple[FeatureTransformer, Floats]:
        """The features so far, and the matrix of the context's rows, with target encodings cross-fitted."""
        features = FeatureTransformer(self.blocks, self.texts)
        matrix = features.transform(context.rows)
        for index, values in self.crossed.items():
            matrix[:, features.spans[index]] = values
        return features, matrix


def fit_steps(fitted: FittedBlocks, context: FeatureContext, columns: StepColumns, matrix: Floats) -> None:
    """Add the blocks of the recipe's steps. `Clip` and `Select` have none: they change those of others."""
    relevance = measure_relevance(context, matrix) if any(map(_chooses, context.recipe.features)) else None
    for step in context.recipe.features:
        if relevance is not None and _chooses(step):
            _fit_choosing_step(fitted, context, step, columns, relevance)
        else:
            _fit_plain_step(fitted, context, step, columns)


def _chooses(step: FeatureStep) -> bool:
    """Whether a step tries more than it keeps, and measures what it tries."""
    return isinstance(step, Arithmetic | Crosses | GroupStatistics | SubsetHashes)


def _fit_choosing_step(
    fitted: FittedBlocks, context: FeatureContext, step: FeatureStep, columns: StepColumns, relevance: Relevance
) -> None:
    match step:
        case Arithmetic():
            names = chosen_columns(step.columns, columns.numbers)
            if (block := fit_arithmetic(context, step, names, relevance)) is not None:
                fitted.add(block)
        case GroupStatistics():
            numbers = chosen_columns(step.columns, columns.numbers)
            for group in fit_group_statistics(context, step, columns.named_levels(step.by), numbers, relevance):
                fitted.add(group)
        case Crosses():
            if (crosses := fit_crosses(context, step, columns.named_levels(step.columns), relevance)) is not None:
                fitted.add(*crosses)
        case SubsetHashes():
            names = tuple(dict.fromkeys((*columns.numbers, *columns.levels)))
            if (hashes := fit_subset_hashes(context, step, names, relevance)) is not None:
                fitted.add(*hashes)


def _fit_plain_step(fitted: FittedBlocks, context: FeatureContext, step: FeatureStep, columns: StepColumns) -> None:
    match step:
        case TargetEncoding():
            names = columns.named_levels(step.columns)
            if (encoded := fit_target_encoding(context, step, names)) is not None:
                fitted.add(*encoded)
        case Lags():
            for lagged in fit_lag_blocks(context, step, columns.time):
                fitted.add(*lagged)
        case DateParts():
            _fit_dates(fitted, context, step, columns)
        case TextParts():
            _fit_texts(fitted, context, step, columns)
        case MissingFlags():
            if (flags := _fit_missing_flags(context, chosen_columns(step.columns, columns.everything))) is not None:
                fitted.add(flags)


def _fit_dates(fitted: FittedBlocks, context: FeatureContext, step: DateParts, columns: StepColumns) -> None:
    usual = usual_parts(context.requirements)
    wanted = [part for feature in step.features for part in _DATE_PARTS[feature]]
    parts = tuple(part for part in wanted if part not in usual)
    for name in chosen_columns(step.columns, columns.dates):
        if parts and not np.isnan(context.rows.floats(name)).all():
            fitted.add(fit_date_block(context, name, parts))


def _fit_texts(fitted: FittedBlocks, context: FeatureContext, step: TextParts, columns: StepColumns) -> None:
    kinds = dict(columns.texts)
    names = chosen_columns(step.columns, columns.everything if step.columns else tuple(kinds))
    for name in names:
        for analyzer in ("words", "characters"):
            if analyzer not in step.features or (name, analyzer) in columns.vectorized:
                continue
            block, vectorizer = fit_text_block(context, name, kinds.get(name, "text"), analyzer)
            if block.key not in fitted.texts:
                fitted.texts[block.key] = vectorizer
                fitted.add(block)
        if "lengths" in step.features:
            plain = LengthBlock(name)
            values = np.empty((len(context.rows), plain.width))
            plain.fill_in(context.rows, values)
            fitted.add(LengthBlock(name, fit_scaling(values, context.requirements)))


def _fit_missing_flags(context: FeatureContext, names: tuple[str, ...]) -> MissingBlock | None:
    """The flags of the columns that have both missing and other cells in these rows; None when there is none."""
    share = {name: float(is_missing_cell(context.rows, name).mean()) for name in names}
    flagged = tuple(name for name in names if 0 < share[name] < 1)
    if not flagged:
        return None
    plain = MissingBlock(flagged, names)
    values = np.empty((len(context.rows), plain.width))
    plain.fill_in(context.rows, values)
    return MissingBlock(flagged, names, fit_scaling(values, context.requirements))


def select_outputs(context: FeatureContext, matrix: Floats) -> Ints | None:
    """The columns of `matrix` that the recipe's step `select` keeps, ascending; None where it keeps them all.

    The importance is the mean decrease of impurity in extremely randomized trees (Geurts, Ernst and Wehenkel 2006) on
    at most 5,000 rows. In `matrix` target encodings are cross-fitted, so they look no better than they are.
    """
    most = min((step.most for step in context.recipe.features if isinstance(step, Select)), default=matrix.shape[1])
    if most >= matrix.shape[1]:
        return None
    from sklearn.ensemble import ExtraTreesClassifier, ExtraTreesRegressor

    rows = np.arange(len(matrix))
    if len(rows) > _SELECTION_ROWS:
        rows = np.random.default_rng(context.seed).choice(len(rows), _SELECTION_ROWS, replace=False)
    forest = (ExtraTreesRegressor if context.task == "regression" else ExtraTreesClassifier)(
        n_estimators=_SELECTION_TREES, min_samples_leaf=5, max_features=0.3, random_state=context.seed
    )
    importance = forest.fit(matrix[rows], context.y[rows]).feature_importances_
    return np.sort(np.argsort(-importance, kind="stable")[:most])
