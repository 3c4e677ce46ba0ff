"""Fitted features applied to rows: `FeatureTransformer`, how it is saved, and how it is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np

from tabsmith.errors import ModelDamagedError
from tabsmith.families import skops_files
from tabsmith.families.estimator import Floats
from tabsmith.modeling.features.blocks import Block, LookupBlock, TextBlock
from tabsmith.modeling.rows import RowArrays

FEATURES_FILE: Final = "features.json"


class FeaturesFile(msgspec.Struct, frozen=True):
    """`features.json`: the fitted blocks; each text column has a skops file beside it."""

    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class TextVectorizer:
    """scikit-learn's TfidfVectorizer and TruncatedSVD, fitted to a text column; both None for a column without words."""

    vectorizer: Any
    reducer: Any

    def transform(self, texts: Sequence[str], components: int) -> Floats:
        """(rows, components)."""
        if self.vectorizer is None:
            return np.zeros((len(texts), components))
        counts = self.vectorizer.transform(texts)
        return np.asarray(self.reducer.transform(counts) if self.reducer is not None else counts.toarray(), dtype=float)


class FeatureTransformer:
    """Features fitted on the training rows of one fold: `transform` makes the matrix that an estimator sees."""

    def __init__(self, blocks: Sequence[Block], texts: dict[str, TextVectorizer]) -> None:
        self.blocks = tuple(blocks)
        self.texts = texts
        self.width = sum(block.width for block in blocks)
        starts = np.cumsum([0, *(block.width for block in blocks)]).tolist()
        self.spans = tuple(slice(start, end) for start, end in pairwise(starts))
        self.sources = tuple(columns for block in blocks for columns in block.sources)  # of each output
        self.categorical = tuple(
            span.start
            for block, span in zip(self.blocks, self.spans, strict=True)
            if isinstance(block, LookupBlock) and block.category
        )

    def transform(self, rows: RowArrays) -> Floats:
        """(rows, width) in float64; without any feature a single column of zeros."""
        if not self.width:
            return np.zeros((len(rows), 1))
        out = np.empty((len(rows), self.width))
        for block, span in zip(self.blocks, self.spans, strict=True):
            if isinstance(block, TextBlock):
                out[:, span] = block.scaled(text_values(block, self.texts[block.column], rows))
            else:
                block.fill_in(rows, out[:, span])
        return out

    def save(self, folder: Path) -> None:
        """Write `features.json`, and a `text-<n>.skops` for each text column."""
        data = msgspec.json.encode(FeaturesFile(self.blocks))
        (folder / FEATURES_FILE).write_bytes(data)
        for number, block in enumerate(_text_blocks(self.blocks)):
            text = self.texts[block.column]
            if text.vectorizer is not None:
                skops_files.dump([text.vectorizer, text.reducer], folder / f"text-{number}.skops")

    @classmethod
    def load(cls, folder: Path) -> "FeatureTransformer":
        """The features saved in `folder`. Raises ModelDamagedError."""
        path = folder / FEATURES_FILE
        try:
            blocks = msgspec.json.decode(path.read_bytes(), type=FeaturesFile).blocks
        except (OSError, ValueError, RecursionError) as error:
            raise ModelDamagedError(
                f"The features of a saved model cannot be read: {error}", where=str(path)
            ) from error
        texts = {}
        for number, block in enumerate(_text_blocks(blocks)):
            file = folder / f"text-{number}.skops"
            texts[block.column] = TextVectorizer(*(skops_files.load(file) if file.exists() else [None, None]))
        return cls(blocks, texts)


def _text_blocks(blocks: Sequence[Block]) -> list[TextBlock]:
    return [block for block in blocks if isinstance(block, TextBlock)]


def text_values(block: TextBlock, model: TextVectorizer, rows: RowArrays) -> Floats:
    """(rows, components + 1): the components and the length in characters, unscaled."""
    texts = rows.strings(block.column)
    values = np.empty((len(texts), block.width))
    values[:, :-1] = model.transform(texts, block.components)
    values[:, -1] = [len(text) for text in texts]
    return values
