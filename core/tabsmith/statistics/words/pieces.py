"""A question as pieces: columns, values, concepts of the grammar, numbers, and words that mean nothing here."""

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.statistics.words.lexicon import LONGEST, PHRASES, WORDS, Concept
from tabsmith.statistics.words.names import TableNames
from tabsmith.statistics.words.tokens import Token, singular
from tabsmith.text import clean, similar

PieceKind: TypeAlias = Literal["column", "value", "concept", "number", "unknown"]

_LIKE: Final = 0.84
_SHORTEST_MISSPELT: Final = 5
_VALUE_PLACES: Final = frozenset({"role:between", "versus", "is", "role:where", "not"})
_LINKS: Final = frozenset(
    {"and", "versus", "is", "role:by", "role:between", "role:to", "role:on", "role:with", "role:where"}
)


class QuestionPiece(msgspec.Struct, frozen=True):
    """A piece of a question. A name that fits several columns has them all; so does a value."""

    kind: PieceKind
    text: str
    concept: Concept = ""
    columns: tuple[str, ...] = ()
    values: tuple[tuple[str, str], ...] = ()  # a column, and the value as it stands there
    remark: str = ""
    whole: bool = True  # the column's whole name was typed


def pieces_of(tokens: Sequence[Token], names: TableNames) -> tuple[QuestionPiece, ...]:
    """The pieces of a question, each as long as it can be; names of columns win over words of the grammar."""
    pieces: list[QuestionPiece] = []
    at = 0
    while at < len(tokens):
        count, piece = _piece_at(tokens, at, names, pieces[-1] if pieces else None)
        if piece is not None:
            pieces.append(piece)
        at += count
    return tuple(pieces)


def phrase_at(tokens: Sequence[Token], start: int) -> tuple[int, Concept]:
    """How many tokens from `start` on are the longest phrase of the grammar there, and its concept; 0 if none is."""
    for count in range(min(LONGEST, len(tokens) - start), 0, -1):
        words = tuple(token.word for token in tokens[start : start + count])
        if any(token.kind == "quoted" for token in tokens[start : start + count]):
            continue
        if concept := PHRASES.get(words):
            return count, concept
    return 0, ""


def _piece_at(
    tokens: Sequence[Token], at: int, names: TableNames, before: QuestionPiece | None
) -> tuple[int, QuestionPiece | None]:
    token = tokens[at]
    if token.kind == "quoted":
        return 1, _quoted(tokens, at, names)
    phrase_length, concept = phrase_at(tokens, at)
    column_length, columns = names.columns_at(tokens, at)
    value_length, values = names.values_at(tokens, at)
    text = " ".join(piece.text for piece in tokens[at : at + max(phrase_length, column_length, value_length, 1)])
    wants_value = before is not None and (before.concept in _VALUE_PLACES or before.kind in {"value", "column"})
    placed = (
        wants_value and before is not None and before.kind != "column"
        and not (column_length and before.concept == "role:between")
    )  # fmt: skip
    longest = max(column_length, phrase_length)
    if (value_length > longest or (value_length and value_length == longest and placed)) and (
        len(text) > 1 or wants_value or token.text.isupper()
    ):
        return value_length, QuestionPiece("value", text, values=values)
    if column_length and (
        column_length > phrase_length
        or (column_length == phrase_length and not _is_grammar(tokens, at, column_length, concept, names))
    ):
        return column_length, QuestionPiece("column", text, columns=columns)
    if phrase_length:
        return phrase_length, None if concept == "filler" and not _means_something(token) else QuestionPiece(
            "concept", text, concept=concept
        )
    if token.kind == "number":
        return 1, QuestionPiece("number", token.text)
    if token.kind == "sign":
        return 1, QuestionPiece("unknown", token.text) if token.text in {"*", "/", "!="} else None
    return _guess(tokens, at, names)


def _means_something(token: Token) -> bool:
    return token.word in {"which", "both"}


def _is_grammar(tokens: Sequence[Token], at: int, length: int, concept: Concept, names: TableNames) -> bool:
    """Whether words that are both a column's name and a phrase of the grammar are the phrase here."""
    after = at + length
    if concept in {"greater", "smaller"}:
        return after < len(tokens) and tokens[after].kind == "number"
    if concept == "filler" or concept.startswith("role:") or concept in {"and", "is", "versus", "not"}:
        if after >= len(tokens):
            return False
        _, following = phrase_at(tokens, after)
        return following not in _LINKS and tokens[after].word not in {"?", "."}
    while after < len(tokens) and tokens[after].word in {"of", "the", "for", "in"}:
        after += 1
    return after < len(tokens) and (
        names.columns_at(tokens, after)[0] > 0 or (names.quoted(tokens[after]) != () and tokens[after].kind == "quoted")
    )


def _quoted(tokens: Sequence[Token], at: int, names: TableNames) -> QuestionPiece:
    token = tokens[at]
    if columns := names.quoted(token):
        return QuestionPiece("column", token.text, columns=columns)
    length, values = names.values_at([Token(word, "word") for word in token.text.split()], 0)
    if values and length == len(token.text.split()):
        return QuestionPiece("value", token.text, values=values)
    nearest, columns = names.misspelt(token.word)
    if columns:
        return QuestionPiece("column", token.text, columns=columns, remark=_taken(token.text, nearest))
    return QuestionPiece("unknown", token.text)


def _guess(tokens: Sequence[Token], at: int, names: TableNames) -> tuple[int, QuestionPiece]:
    """A piece for a word that is no whole name and no phrase: part of a name, or a typing error, else unknown."""
    token = tokens[at]
    length, columns = names.stems_at(tokens, at)
    if length:
        text = " ".join(piece.text for piece in tokens[at : at + length])
        remark = _taken(text, columns[0]) if len(columns) == 1 else ""
        return length, QuestionPiece("column", text, columns=columns, remark=remark, whole=False)
    if (phrase := PHRASES.get((singular(token.word),))) is not None:
        return 1, QuestionPiece("concept", token.text, concept=phrase)
    _, columns = names.misspelt(token.word)
    if columns:
        remark = _taken(token.text, columns[0]) if len(columns) == 1 else ""
        return 1, QuestionPiece("column", token.text, columns=columns, remark=remark, whole=False)
    if values := names.misspelt_value(token.word):
        return 1, QuestionPiece("value", token.text, values=values, remark=_taken(token.text, values[0][1]))
    if len(token.word) >= _SHORTEST_MISSPELT:
        for word in similar(token.word, [word for word in WORDS if len(word) > 3], count=1, cutoff=_LIKE):
            if (concept := PHRASES.get((word,))) is not None and concept != "filler":
                return 1, QuestionPiece("concept", token.text, concept=concept, remark=_taken(token.text, word))
    return 1, QuestionPiece("unknown", token.text)


def _taken(typed: str, meant: str) -> str:
    return f"“{clean(typed, 40)}” read as {clean(meant, 40)}"
