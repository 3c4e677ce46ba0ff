"""The kind of a column of texts: categories, free text, keys, addresses on the web, lists, numbers with a unit."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from tabsmith.tables.profile.row_sample import RowSample
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.tables.schema.embedded_numbers import common_unit
from tabsmith.tables.schema.lexicon import is_key_name
from tabsmith.tables.schema.types import ColumnKind
from tabsmith.text import clean, plural

_BOOLEAN_WORDS: Final = (
    {"yes", "no"}, {"y", "n"}, {"true", "false"}, {"t", "f"}, {"on", "off"}, {"0", "1"},
)  # fmt: skip
_FEW_VALUES: Final = 20
_FEW_ROWS: Final = 20
_MANY_WORDS: Final = 2.75  # on average: more is free text
_SENTENCE: Final = 5.0  # words on average, which are free text also in a table of a few rows
_NEARLY_UNIQUE: Final = 0.98
_MATCHING: Final = 0.8  # of the values

_URL: Final = re.compile(
    r"(?:https?|ftps?|s3|gs|file)://\S+|www\.\S+\.\S+|(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,6}(?:/\S*)?",
    re.IGNORECASE,
)
_BRACKETED: Final = re.compile(r"\s*(?:\[.*\]|\{.*\}|\(.*,.*\))\s*", re.DOTALL)
_SEPARATORS: Final = (";", "|", ",")
_SURE_SEPARATORS: Final = frozenset({";", "|"})  # seldom found in a text that is no list
_ITEM_WORDS: Final = 3.0  # most words of an item on average
_REPEATED: Final = 2.0  # how often the average item of a list with commas occurs
_NUMBER_ITEM: Final = re.compile(r"[+-]?\d+(?:\.\d+)?")


def detect_text_kind(column: ColumnProfile, present: int, sample: RowSample) -> tuple[ColumnKind, str]:
    """The kind of a text column of which `present` rows have a value, and the evidence for it in words."""
    if column.distinct == 2:
        values = {value.text.strip().lower() for value in column.top}
        if values in _BOOLEAN_WORDS:
            return "boolean", " and ".join(sorted(value.text for value in column.top))
        return "category", "two categories"
    texts = sample.texts(column.name)
    if matching_share(texts, _URL) >= _MATCHING:
        return "url", "addresses on the web; their words are features"
    if separator := _list_separator(texts):
        return "list", f"lists, {separator}; their items are features"
    if (unit := common_unit(texts)) and column.distinct > 2:
        return "embedded number", f"numbers with the unit {clean(unit, 20)}"
    return _plain_kind(column, present)


def _plain_kind(column: ColumnProfile, present: int) -> tuple[ColumnKind, str]:
    """Free text, a key or categories."""
    words = column.lengths.words if column.lengths else 1.0
    is_key = is_key_name(column.name)
    share = column.distinct / present
    if words >= _SENTENCE and share >= _MATCHING and not is_key:
        return "text", f"free text, {words:.0f} words on average"
    if share >= 0.9 and present > _FEW_ROWS:
        if words >= _MANY_WORDS and not is_key:
            return "text", f"free text, {words:.0f} words on average"
        if share >= _NEARLY_UNIQUE or is_key:
            return "identifier", "a different text in nearly every row"
    if words >= _MANY_WORDS and share > 0.2 and column.distinct > _FEW_VALUES:
        return "text", f"free text, {words:.0f} words on average"
    return "category", plural(column.distinct, "category", "categories")


def matching_share(texts: Sequence[str], pattern: re.Pattern[str]) -> float:
    """The share of `texts` that match `pattern` as a whole, blanks around them aside; 0 without texts."""
    return sum(pattern.fullmatch(text.strip()) is not None for text in texts) / len(texts) if texts else 0.0


def _list_separator(texts: Sequence[str]) -> str:
    """How the items of a column of lists are told apart, in words; "" if the texts are no lists."""
    if matching_share(texts, _BRACKETED) >= _MATCHING:
        return "in brackets"
    for separator in _SEPARATORS:
        split = [[item.strip() for item in text.split(separator) if item.strip()] for text in texts]
        several = [items for items in split if len(items) > 1]
        if len(several) < 0.3 * len(texts) or not several:
            continue
        items = Counter(item for entry in split for item in entry)
        words = sum(len(item.split()) * count for item, count in items.items()) / items.total()
        if words > _ITEM_WORDS:
            continue
        if all(_NUMBER_ITEM.fullmatch(item) for item in items) and len(several) >= _MATCHING * len(texts):
            return f"separated by {separator}"
        if separator in _SURE_SEPARATORS:
            return f"separated by {separator}"
        # `Rome, Italy` and `Doe, Jane` have one comma each; the items of lists come back, in lists of other lengths.
        lengths = {len(entry) for entry in split}
        if len(lengths) >= 3 and items.total() >= _REPEATED * len(items) and 2 * len(items) <= 3 * len(texts):
            return f"separated by {separator}"
    return ""
