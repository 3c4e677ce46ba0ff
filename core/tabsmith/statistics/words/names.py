"""How people name the columns and values of a table: in any case, as one or many, in part, or with a typing error."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Final

from tabsmith.statistics.selected_rows import is_number, is_time
from tabsmith.statistics.words.lexicon import MEANINGS_OF_VALUES, WORDS
from tabsmith.statistics.words.tokens import Token, fold, name_words, singular, stem
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.text import clean, similar

_LIKE: Final = 0.8  # least similarity of a word and the name that it is taken for
_SHORTEST_MISSPELT: Final = 4
_FEW_VALUES: Final = 20
_LONGEST_NAME: Final = 8  # words of a column's name or of a value that are looked for


def is_group(column: ColumnProfile) -> bool:
    """Whether the column parts the rows into groups: texts, truth, or a few different numbers."""
    return not is_time(column) and (not is_number(column) or column.distinct <= _FEW_VALUES)


class TableNames:
    """The names of a table's columns and of their frequent values, to be found in what a person types.

    `values` are further values of columns, beside the frequent ones of the profile.
    """

    def __init__(self, profile: TableProfile, values: Mapping[str, Sequence[str]] | None = None) -> None:
        self.profile = profile
        self._exact: dict[str, list[str]] = defaultdict(list)
        self._stems: dict[str, list[str]] = defaultdict(list)
        self._parts: dict[tuple[str, ...], list[str]] = defaultdict(list)
        self._values: dict[tuple[str, ...], list[tuple[str, str]]] = defaultdict(list)
        for column in profile.columns:
            self._add_column(column.name)
            if not is_time(column) and not is_number(column):
                for text in dict.fromkeys(
                    [*(value.text for value in column.top), *(values or {}).get(column.name, ())]
                ):
                    self._add_value(column.name, text)

    @property
    def texts(self) -> frozenset[str]:
        """The columns that hold neither numbers nor times."""
        return frozenset(
            column.name for column in self.profile.columns if not is_number(column) and not is_time(column)
        )

    def column(self, name: str) -> ColumnProfile:
        """The profile of the column called `name`."""
        return self.profile.column(name)

    def _add_column(self, name: str) -> None:
        words = name_words(name) or (fold(name),)
        self._exact[_key(words)].append(name)
        self._stems["".join(stem(word) for word in words)].append(name)
        singulars = tuple(singular(word) for word in words)
        for start in range(len(words)):
            for end in range(start + 1, len(words) + 1):
                if end - start < len(words):
                    self._parts[singulars[start:end]].append(name)

    def _add_value(self, column: str, text: str) -> None:
        words = tuple(singular(word) for word in name_words(text))
        if words and len(words) <= _LONGEST_NAME:
            self._values[words].append((column, text))

    def quoted(self, token: Token) -> tuple[str, ...]:
        """The columns that a quoted text names: the exact name, or the name in another case or form."""
        exact = [column.name for column in self.profile.columns if column.name == token.text]
        return tuple(exact or self._exact.get(_key(name_words(token.text) or (token.word,)), ()))

    def columns_at(self, tokens: Sequence[Token], start: int) -> tuple[int, tuple[str, ...]]:
        """How many tokens from `start` on are a column's whole name, and the columns that it names; 0 if none is."""
        found: tuple[int, tuple[str, ...]] = (0, ())
        for count, words in _runs(tokens, start):
            if names := self._exact.get(_key(words)):
                found = (count, self._as_typed(names, tokens[start : start + count]))
        return found

    def _as_typed(self, names: Sequence[str], tokens: Sequence[Token]) -> tuple[str, ...]:
        typed = " ".join(token.text for token in tokens)
        exact = [name for name in names if name == typed]
        return tuple(exact or names)

    def stems_at(self, tokens: Sequence[Token], start: int) -> tuple[int, tuple[str, ...]]:
        """As `columns_at`, for words of the same family (churned, churn) and for parts of names (price of house_price)."""
        found: tuple[int, tuple[str, ...]] = (0, ())
        for count, words in _runs(tokens, start):
            names = self._stems.get("".join(stem(word) for word in words)) or self._parts.get(
                tuple(singular(word) for word in words)
            )
            if names and not all(word in WORDS for word in words):
                found = (count, tuple(dict.fromkeys(names)))
        return found

    def values_at(self, tokens: Sequence[Token], start: int) -> tuple[int, tuple[tuple[str, str], ...]]:
        """How many tokens from `start` on are a value, and the columns that hold it with the value as it stands there."""
        found: tuple[int, tuple[tuple[str, str], ...]] = (0, ())
        for count, words in _runs(tokens, start, numbers=True):
            key = tuple(singular(word) for word in words)
            meant = self._values.get(key, [])
            if not meant and count == 1:
                meant = [
                    pair for other in MEANINGS_OF_VALUES.get(key[0], ()) for pair in self._values.get((other,), ())
                ]
            if meant:
                found = (count, tuple(dict.fromkeys(meant)))
        return found

    def misspelt(self, word: str) -> tuple[str, tuple[str, ...]]:
        """The columns whose name is most like `word`, and the name that was compared; none if nothing is like it."""
        if len(word) < _SHORTEST_MISSPELT or word in WORDS:
            return "", ()
        known = {_key(name_words(column.name)): column.name for column in self.profile.columns}
        choices = [*known, *self._words()]
        swapped = [name for name in choices if name[:1] == word[:1] and sorted(name) == sorted(singular(word))]
        nearest = swapped[:1] or similar(singular(word), choices, count=1, cutoff=_LIKE)
        if not nearest:
            return "", ()
        names = (known[nearest[0]],) if nearest[0] in known else tuple(self._parts[(nearest[0],)])
        return nearest[0], tuple(dict.fromkeys(names))

    def _words(self) -> list[str]:
        return [key[0] for key in self._parts if len(key) == 1 and len(key[0]) >= _SHORTEST_MISSPELT]

    def misspelt_value(self, word: str) -> tuple[tuple[str, str], ...]:
        """The values whose one word is most like `word`, with their columns."""
        if len(word) < _SHORTEST_MISSPELT or word in WORDS:
            return ()
        nearest = similar(singular(word), [key[0] for key in self._values if len(key) == 1], count=1, cutoff=_LIKE)
        return tuple(self._values[(nearest[0],)]) if nearest else ()

    def value_of(self, column: str, text: str) -> str:
        """The value of `column` that `text` means, as it stands in the table; "" if no known one is meant."""
        key = tuple(singular(word) for word in name_words(text))
        for name, value in self._values.get(key, ()):
            if name == column:
                return value
        for value_count in self.column(column).top:
            if fold(value_count.text) == fold(text) or _same_number(value_count.text, text):
                return value_count.text
        return ""

    def knows_all_values(self, column: str) -> bool:
        """Whether the profile lists every value of the column."""
        profile = self.column(column)
        return len(profile.top) >= profile.distinct

    def shown(self, names: Sequence[str]) -> str:
        """Names of columns, cleaned, with commas between them."""
        return ", ".join(clean(name, 40) for name in names)


def _key(words: Sequence[str]) -> str:
    return "".join(singular(word) for word in words)


def _runs(tokens: Sequence[Token], start: int, *, numbers: bool = False) -> list[tuple[int, tuple[str, ...]]]:
    """The words of the first one, two ... tokens from `start` on, as far as they are words."""
    runs: list[tuple[int, tuple[str, ...]]] = []
    words: tuple[str, ...] = ()
    for count, token in enumerate(tokens[start : start + _LONGEST_NAME], 1):
        if token.kind == "number" and (count > 1 or numbers):
            words += (token.word,)
        elif token.kind == "word":
            words += name_words(token.text)
        elif token.text == "/" and words:
            continue
        else:
            break
        runs.append((count, words))
    return runs


def _same_number(left: str, right: str) -> bool:
    try:
        return float(left) == float(right)
    except ValueError:
        return False
