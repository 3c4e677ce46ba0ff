"""A question as tokens: words, numbers, quoted texts and the few signs that mean something; and the stem of a word."""

import re
import unicodedata
from typing import Final, Literal, TypeAlias

import msgspec

TokenKind: TypeAlias = Literal["word", "number", "quoted", "sign"]

_PATTERN: Final = re.compile(
    r"\"(?P<double>[^\"]+)\"|`(?P<back>[^`]+)`|“(?P<curly>[^”]+)”|«(?P<angle>[^»]+)»|\[(?P<square>[^\]]+)\]"
    r"|(?<!\w)'(?P<single>[^']+)'(?!\w)|(?<!\w)\u2018(?P<typed>[^\u2019]+)\u2019(?!\w)"
    r"|(?P<number>(?<![\w.])[-+]?\d+(?:[.,]\d+)*(?![\w]))"
    r"|(?P<word>\w+(?:['\u2019]\w+)?)"
    r"|(?P<sign>[<>]=?|≥|≤|!=|==?|~|,|%|&|\+|\*|/|:|;|\?|!|\.)"
)
_QUOTES: Final = ("double", "back", "curly", "angle", "square", "single", "typed")
_MOST: Final = 2_000  # characters of a question that are read


class Token(msgspec.Struct, frozen=True):
    """A piece of a question as it was typed; `word` is what it is compared by."""

    text: str
    kind: TokenKind

    @property
    def word(self) -> str:
        return fold(self.text)


def tokens_of(text: str) -> tuple[Token, ...]:
    """The tokens of `text`, of which the first 2,000 characters are read."""
    tokens: list[Token] = []
    for match in _PATTERN.finditer(text[:_MOST]):
        quoted = next((match[name] for name in _QUOTES if match[name]), None)
        if quoted is not None:
            tokens.append(Token(quoted.strip(), "quoted"))
        elif match["number"]:
            tokens.append(Token(match["number"], "number"))
        elif match["word"]:
            word = re.sub(r"['\u2019]s$", "", match["word"])
            tokens.append(Token(word, "word"))
        else:
            tokens.append(Token(match["sign"], "sign"))
    return tuple(tokens)


def fold(text: str) -> str:
    """`text` in the case and form in which words are compared: lower case, without accents."""
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(letter for letter in decomposed if not unicodedata.combining(letter))


_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def name_words(name: str) -> tuple[str, ...]:
    """The words of a column's name: `houseSize_m2` is house, size, m2."""
    return tuple(fold(word) for word in re.findall(r"\w+", _CAMEL.sub(" ", name).replace("_", " ")))


_IRREGULAR: Final = {
    "people": "person", "persons": "person", "children": "child", "men": "man", "women": "woman", "feet": "foot",
    "wives": "wife", "lives": "life", "criteria": "criterion", "indices": "index", "data": "data", "species": "species",
    "series": "series", "status": "status", "bus": "bus", "gas": "gas", "news": "news", "means": "mean",
}  # fmt: skip


def singular(word: str) -> str:
    """The singular of an English noun, by its ending: cities is city, boxes is box, prices is price."""
    if word in _IRREGULAR:
        return _IRREGULAR[word]
    if len(word) > 4 and word.endswith("ies"):
        return word[:-3] + "y"
    if len(word) > 4 and word.endswith(("sses", "xes", "ches", "shes", "zes")):
        return word[:-2]
    if len(word) > 3 and word.endswith("s") and not word.endswith(("ss", "us", "is")):
        return word[:-1]
    return word


def stem(word: str) -> str:
    """What words of one family share, roughly: churn, churned, churning and churns are churn."""
    word = singular(word)
    for ending in ("ing", "ed"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            word = word[: -len(ending)]
            return word[:-1] if len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls" else word.rstrip("e")
    return word.rstrip("e") if len(word) > 3 else word
