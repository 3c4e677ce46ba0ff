"""The vectorizer of a text column: scikit-learn's, what it may be told, and how a saved one is made again from its values."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from tabsmith.families import skops_files
from tabsmith.families.estimator import Floats
from tabsmith.families.saved_values import SavedAttributes
from tabsmith.tables.schema.types import ColumnKind

WORD: Final = r"(?u)\b\w\w+\b"  # scikit-learn's own
TOKENS: Final[dict[ColumnKind, str]] = {
    "list": r"""(?u)[^\s;|,\[\]{}()'"](?:[^;|,\[\]{}()'"]*[^\s;|,\[\]{}()'"])?""",
    "url": r"(?u)[^\s/?&=#:]+",
}
"""The patterns of what counts as a word of a list or a web address. A saved model may name these and `WORD` alone: any other
pattern could take for ever."""
PIECES: Final = (3, 5)  # characters


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

    def save(self, path: Path) -> None:
        """Write the vectorizer to the new file `path`; one for a column without words is no file."""
        if self.vectorizer is not None:
            skops_files.dump([self.vectorizer, self.reducer], path)

    @classmethod
    def load(cls, path: Path, components: int) -> "TextVectorizer":
        """The vectorizer saved in `path`, made again from its words and weights; it gives `components` numbers a text.

        Raises ModelDamagedError.
        """
        if not path.exists():
            if components:
                raise skops_files.refused(path, "the words of a column are missing")
            return cls(None, None)
        parts = skops_files.read(path)
        if not isinstance(parts, list) or len(parts) != 2:
            raise skops_files.refused(path, "there is no vectorizer with its reducer")
        vectorizer = _vectorizer(SavedAttributes.of(path, parts[0], "TfidfVectorizer"))
        words = len(vectorizer.vocabulary_)
        if parts[1] is None:
            if words != components:
                raise skops_files.refused(path, "it has another number of words than the column has features")
            return cls(vectorizer, None)
        return cls(vectorizer, _reducer(SavedAttributes.of(path, parts[1], "TruncatedSVD"), components, words))


def new_vectorizer(kind: ColumnKind, *, characters: bool, **options: Any) -> Any:
    """A TfidfVectorizer, not yet fitted, for the words or, if `characters`, the pieces of texts of a column of `kind`."""
    return _tfidf_vectorizer(TOKENS.get(kind, WORD), characters=characters, **options)


def _tfidf_vectorizer(pattern: str, *, characters: bool, **options: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(
        analyzer="char_wb" if characters else "word",
        ngram_range=PIECES if characters else (1, 1),
        sublinear_tf=True,
        strip_accents="unicode",
        token_pattern=None if characters else pattern,
        **options,
    )


def _vectorizer(saved: SavedAttributes) -> Any:
    characters = saved.text("analyzer", ("word", "char_wb")) == "char_wb"
    saved.expect(
        input="content", encoding="utf-8", decode_error="strict", strip_accents="unicode", preprocessor=None,
        tokenizer=None, lowercase=True, stop_words=None, ngram_range=PIECES if characters else (1, 1), binary=False,
        norm="l2", use_idf=True, smooth_idf=True, sublinear_tf=True,
    )  # fmt: skip
    pattern = WORD if characters else saved.text("token_pattern", (WORD, *TOKENS.values()))
    words = saved.value("vocabulary_")
    if not isinstance(words, dict) or sorted(words.values(), key=repr) != sorted(range(len(words)), key=repr):
        raise saved.wrong("vocabulary_", "no numbering of words")
    weights = SavedAttributes.of(saved.path, saved.value("_tfidf"), "TfidfTransformer")
    weights.expect(norm="l2", use_idf=True, smooth_idf=True, sublinear_tf=True)
    vectorizer = _tfidf_vectorizer(pattern, characters=characters, vocabulary=words)
    vectorizer.idf_ = weights.numbers("idf_", len(words)).astype(np.float64)
    return vectorizer


def _reducer(saved: SavedAttributes, components: int, words: int) -> Any:
    from sklearn.decomposition import TruncatedSVD

    reducer: Any = TruncatedSVD(components)
    reducer.components_ = saved.numbers("components_", components, words)
    reducer.n_features_in_ = words
    return reducer
