"""Fitted features applied to rows: `FeatureTransformer`, how it is saved, and how it is loaded."""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
import numpy as np

from tabsmith.errors import ModelDamagedError
from tabsmith.families.estimator import Floats
from tabsmith.families.feature_steps import MonotoneDirection
from tabsmith.modeling.features.blocks import (
    DateBlock,
    LookupBlock,
    NumberBlock,
    OneHotBlock,
    TextAnalyzer,
    TextBlock,
)
from tabsmith.modeling.features.generated_blocks import (
    ArithmeticBlock,
    CrossBlock,
    GroupBlock,
    LengthBlock,
    MissingBlock,
)
from tabsmith.modeling.features.lags import LagBlock
from tabsmith.modeling.features.text_vectorizers import TextVectorizer
from tabsmith.modeling.features.trend import TrendBlock
from tabsmith.modeling.rows import RowArrays

FEATURES_FILE: Final = "features.json"

Block: TypeAlias = (
    NumberBlock
    | OneHotBlock
    | LookupBlock
    | DateBlock
    | TextBlock
    | ArithmeticBlock
    | CrossBlock
    | GroupBlock
    | MissingBlock
    | LengthBlock
    | LagBlock
)


class FeaturesFile(msgspec.Struct, frozen=True):
    """`features.json`: the fitted blocks; each text block has a skops file beside it."""

    blocks: tuple[Block, ...]
    kept: tuple[int, ...] | None = None  # the blocks' outputs that the estimator sees; None: all
    trend: TrendBlock | None = None  # of the target, the last column of the matrix; None: the target is fitted itself


class FeatureTransformer:
    """Features fitted on the training rows of one fold: `transform` makes the matrix that an estimator sees."""

    def __init__(
        self,
        blocks: Sequence[Block],
        texts: Mapping[tuple[str, TextAnalyzer], TextVectorizer],
        kept: Sequence[int] | None = None,
        trend: TrendBlock | None = None,
    ) -> None:
        self.blocks = tuple(blocks)
        self.texts = texts
        self.kept = None if kept is None else tuple(kept)
        self.trend = trend
        self._outputs = sum(block.width for block in blocks)
        self.width = self._outputs if kept is None else len(kept)
        starts = np.cumsum([0, *(block.width for block in blocks)]).tolist()
        self.spans = tuple(slice(start, end) for start, end in pairwise(starts))
        categories = {
            span.start
            for block, span in zip(self.blocks, self.spans, strict=True)
            if isinstance(block, LookupBlock) and block.category
        }
        seen = range(self._outputs) if kept is None else kept
        self.categorical = tuple(column for column, place in enumerate(seen) if place in categories)

    def transform(self, rows: RowArrays) -> Floats:
        """(rows, width) in float64; without any feature a single column of zeros. The target's trend follows as the last
        column, where it has one."""
        features = self._features(rows)
        return features if self.trend is None else np.column_stack([features, self.trend.values(rows)])

    def _features(self, rows: RowArrays) -> Floats:
        """(rows, width), without the target's trend."""
        if not self.width:
            return np.zeros((len(rows), 1))
        out = np.empty((len(rows), self._outputs))
        for block, span in zip(self.blocks, self.spans, strict=True):
            if isinstance(block, TextBlock):
                out[:, span] = block.scaled(text_values(block, self.texts[block.key], rows))
            else:
                block.fill_in(rows, out[:, span])
        return out if self.kept is None else out[:, self.kept]

    @property
    def columns(self) -> int:
        """The columns of the matrix, without the target's trend."""
        return self.width or 1

    @property
    def sources(self) -> tuple[tuple[str, ...], ...]:
        """The columns that each column of the matrix is computed from; none where the matrix is a column of zeros."""
        sources = [used for block in self.blocks for used in block.sources]
        kept = sources if self.kept is None else [sources[place] for place in self.kept]
        return tuple(kept) if self.trend is None else (*(kept or [()]), *self.trend.sources)

    def keeping(self, outputs: Sequence[int]) -> "FeatureTransformer":
        """The same features with `outputs` (positions in the matrix) alone; blocks without any of them are left out."""
        wanted = set(outputs)
        blocks: list[Block] = []
        kept: list[int] = []
        width = 0
        for block, span in zip(self.blocks, self.spans, strict=True):
            places = [place for place in range(span.start, span.stop) if place in wanted]
            if places:
                kept += [width + place - span.start for place in places]
                blocks.append(block)
                width += block.width
        keys = {block.key for block in _text_blocks(blocks)}
        return FeatureTransformer(blocks, {key: text for key, text in self.texts.items() if key in keys}, kept)

    def with_trend(self, trend: TrendBlock) -> "FeatureTransformer":
        """The same features, with the target's trend as the last column of the matrix."""
        return FeatureTransformer(self.blocks, self.texts, self.kept, trend)

    def monotone(self, directions: Mapping[str, MonotoneDirection]) -> tuple[int, ...]:
        """For each column of the matrix 1, -1 or 0: what the prediction is to do as it grows; empty without any."""
        signs: dict[int, int] = {}
        for block, span in zip(self.blocks, self.spans, strict=True):
            if isinstance(block, NumberBlock):
                for place, name in enumerate(block.columns):
                    if name in directions:
                        signs[span.start + place] = 1 if directions[name] == "increasing" else -1
        places = range(self._outputs) if self.kept is None else self.kept
        constraints = tuple(signs.get(place, 0) for place in places)
        return constraints if any(constraints) else ()

    def save(self, folder: Path) -> None:
        """Write `features.json`, and a `text-<n>.skops` for each text column."""
        data = msgspec.json.encode(FeaturesFile(self.blocks, self.kept, self.trend))
        (folder / FEATURES_FILE).write_bytes(data)
        for number, block in enumerate(_text_blocks(self.blocks)):
            self.texts[block.key].save(folder / f"text-{number}.skops")

    @classmethod
    def load(cls, folder: Path) -> "FeatureTransformer":
        """The features saved in `folder`. Raises ModelDamagedError."""
        path = folder / FEATURES_FILE
        try:
            file = msgspec.json.decode(path.read_bytes(), type=FeaturesFile)
        except (OSError, ValueError, RecursionError) as error:
            raise ModelDamagedError(
                f"The features of a saved model cannot be read: {error}", where=str(path)
            ) from error
        outputs = sum(block.width for block in file.blocks)
        if not all(0 <= place < outputs for place in file.kept or ()):
            raise ModelDamagedError("The features of a saved model name outputs that there are not.", where=str(path))
        texts = {
            block.key: TextVectorizer.load(folder / f"text-{number}.skops", block.components)
            for number, block in enumerate(_text_blocks(file.blocks))
        }
        return cls(file.blocks, texts, file.kept, file.trend)


def _text_blocks(blocks: Sequence[Block]) -> list[TextBlock]:
    return [block for block in blocks if isinstance(block, TextBlock)]


def text_values(block: TextBlock, model: TextVectorizer, rows: RowArrays) -> Floats:
    """(rows, components + 1): the components and the length in characters, unscaled."""
    texts = rows.strings(block.column)
    values = np.empty((len(texts), block.width))
    values[:, :-1] = model.transform(texts, block.components)
    values[:, -1] = [len(text) for text in texts]
    return values
