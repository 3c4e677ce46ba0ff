"""The step `group_statistics`: numbers compared with the group of their row, the strongest statistics kept."""

from typing import Final

import msgspec
import numpy as np

from tabsmith.families.estimator import Floats, Ints
from tabsmith.families.feature_steps import GroupStatistics
from tabsmith.modeling.features.blocks import level_positions
from tabsmith.modeling.features.context import FeatureContext
from tabsmith.modeling.features.generated_blocks import RANK_POINTS, GroupBlock, GroupOutput
from tabsmith.modeling.features.relevance import Relevance, rank_features
from tabsmith.modeling.features.scaling import fit_robust_scaling
from tabsmith.modeling.rows import RowArrays

MIN_DISTINCT: Final = 10  # values of a number, for its place in a group to say something
MIN_ROWS: Final = 5  # rows that a group needs to be one of its own
MAX_GROUPS: Final = 500
MAX_NUMBERS: Final = 50  # strongest numbers that are compared with their groups
MAX_PAIRS: Final = 200  # pairs of a group column and a number that are tried


def fit_group_statistics(
    context: FeatureContext,
    step: GroupStatistics,
    by: tuple[str, ...],
    numbers: tuple[str, ...],
    relevance: Relevance,
) -> list[GroupBlock]:
    """The strongest statistics of the columns `numbers` within the groups of the columns `by`, a block for each of
    those."""
    screened = context.rows.take(relevance.screen(len(context.rows), context.seed))
    sample = context.rows.take(relevance.sample)
    numbers = tuple(name for name in numbers if _distinct(sample.floats(name)) >= MIN_DISTINCT)
    strength = relevance.strength(
        rank_features(np.asarray([sample.floats(name) for name in numbers]).reshape(-1, len(sample)))
    )
    own = {
        numbers[index]: float(strength[index]) for index in np.argsort(-strength, kind="stable")[:MAX_NUMBERS].tolist()
    }
    numbers = tuple(own)
    tried = by[: max(1, MAX_PAIRS // max(1, len(numbers)))]
    blocks = [block for name in tried if (block := _fit_groups(screened, name, numbers, step)) is not None]
    if not blocks:
        return []
    matrix = np.empty((len(sample), sum(block.width for block in blocks)))
    start = 0
    for block in blocks:
        block.fill_in(sample, matrix[:, start : start + block.width])
        start += block.width
    ranked = rank_features(np.ascontiguousarray(matrix.T))
    outputs = [(block.by, output) for block in blocks for output in block.outputs]
    above = np.asarray([own[output.column] if output.statistic in ("ratio", "rank") else 0.0 for _, output in outputs])
    kept = {outputs[index] for index in relevance.choose(ranked, step.most, above=above)}
    chosen = [(block.by, tuple(output for output in block.outputs if (block.by, output) in kept)) for block in blocks]
    return [_fit_chosen(context, name, wanted, step) for name, wanted in chosen if wanted]


def _distinct(values: Floats) -> int:
    return len(np.unique(values[~np.isnan(values)]))


def _fit_groups(rows: RowArrays, by: str, numbers: tuple[str, ...], step: GroupStatistics) -> GroupBlock | None:
    """All statistics of the step within the groups of `by`, not scaled; None where there are fewer than two groups or
    no statistics."""
    texts = rows.texts(by)
    counts = np.bincount(texts.codes[texts.codes >= 0], minlength=len(texts.levels))
    order = np.argsort(-counts, kind="stable")[:MAX_GROUPS]
    levels = tuple(texts.levels[code] for code in order.tolist() if counts[code] >= MIN_ROWS)
    columns = [name for name in numbers if name != by]
    outputs = tuple(_outputs(step, columns))
    if len(levels) < 2 or not outputs:
        return None
    positions = level_positions(rows, by, {level: position for position, level in enumerate(levels)})
    means, quantiles = [], []
    for name in columns:
        mean, points = _by_group(rows.floats(name), positions, len(levels) + 2)
        means.append(mean)
        quantiles.append(points)
    return GroupBlock(
        by=by,
        levels=levels,
        outputs=outputs,
        columns=tuple(columns),
        counts=tuple(np.bincount(positions, minlength=len(levels) + 2).astype(float).tolist()),
        means=tuple(zip(*means, strict=True)),
        quantiles=tuple(zip(*quantiles, strict=True)),
    )


def _by_group(values: Floats, groups: Ints, count: int) -> tuple[list[float], list[tuple[float, ...]]]:
    """The mean and the quantiles of `values` in each of `count` groups; those of all rows where a group has fewer than
    `MIN_ROWS` numbers. `values` hold `MIN_DISTINCT` numbers at the least."""
    present = ~np.isnan(values)
    numbers, places = values[present], groups[present]
    sizes = np.bincount(places, minlength=count)
    ordered = numbers[np.lexsort((numbers, places))]
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    at = starts[:, None] + np.linspace(0, 1, RANK_POINTS) * (np.maximum(sizes, 1) - 1)[:, None]
    low = np.minimum(np.floor(at).astype(np.int64), len(ordered) - 1)
    high = np.minimum(low + 1, len(ordered) - 1)
    share = at - np.floor(at)
    quantiles = ordered[low] * (1 - share) + ordered[high] * share
    means = np.bincount(places, weights=numbers, minlength=count) / np.maximum(sizes, 1)
    small = sizes < MIN_ROWS
    quantiles[small] = np.quantile(numbers, np.linspace(0, 1, RANK_POINTS))
    means[small] = numbers.mean()
    return means.tolist(), [tuple(row) for row in quantiles.tolist()]


def _outputs(step: GroupStatistics, columns: list[str]) -> list[GroupOutput]:
    outputs = [
        GroupOutput(statistic, name) for statistic in step.statistics if statistic != "count" for name in columns
    ]
    return [*outputs, GroupOutput("count")] if "count" in step.statistics else outputs


def _fit_chosen(
    context: FeatureContext, by: str, outputs: tuple[GroupOutput, ...], step: GroupStatistics
) -> GroupBlock:
    """The block with `outputs` alone, fitted to all rows and scaled for the family."""
    columns = tuple(dict.fromkeys(output.column for output in outputs if output.column))
    whole = _fit_groups(context.rows, by, columns, step)
    assert whole is not None  # all rows hold the groups that some of them do
    ranked = any(output.statistic == "rank" for output in outputs)
    plain = msgspec.structs.replace(whole, outputs=outputs, quantiles=whole.quantiles if ranked else ())
    matrix = np.empty((len(context.rows), plain.width))
    plain.fill_in(context.rows, matrix)
    return msgspec.structs.replace(plain, scaling=fit_robust_scaling(matrix, context.requirements))
