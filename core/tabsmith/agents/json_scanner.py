"""JSON objects found in running text by a real JSON scanner: in fences or without, among prose, in what is cut off."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final, TypeAlias, cast

import msgspec

Json: TypeAlias = object
"""What `json` makes of a text: dict, list, str, int, float, bool or None."""

_START: Final = re.compile(r'\{(?=\s{0,200}")')
_IN_A_STRING: Final = re.compile(r'"(?=\s{0,20}\{\s{0,20}\\+")')
_EFFORT: Final = 20_000_000  # characters read in vain, after which the search is given up
_STRIDE: Final = 8_192  # a failure costs the length of the text before it, which is cut off every so often
_DEEP: Final = 100_000  # what a nesting too deep to read counts as
_LONGEST_NUMBER: Final = 300  # digits


class JsonObject(msgspec.Struct, frozen=True):
    """An object of the text. `faults` are what JSON does not allow or leaves open: keys that stand twice, NaN,
    numbers beyond all measure; in words."""

    value: dict[str, Json]
    faults: tuple[str, ...] = ()


class BrokenJson(msgspec.Struct, frozen=True):
    """What kept the first piece of text that begins like an object from being one, in words."""

    what: str


class _Faults(list[str]):
    """The faults met while one object is read."""

    def pairs(self, pairs: list[tuple[str, Json]]) -> dict[str, Json]:
        made = dict(pairs)
        if len(made) < len(pairs):
            twice = Counter(name for name, _ in pairs).most_common(1)[0][0]
            self.append(f"the key {json.dumps(twice[:60])} stands twice in one object")
        return made

    def constant(self, name: str) -> float:
        self.append(f"{name} is no number of JSON")
        return 0.0

    def real(self, text: str) -> float:
        value = float(text) if len(text) <= _LONGEST_NUMBER else math.inf
        if math.isinf(value):
            self.append("a number is too large")
            return 0.0
        return value

    def whole(self, text: str) -> int:
        if len(text) > 18:
            self.append("a number is too large")
            return 0
        return int(text)


def find_objects(text: str) -> tuple[list[JsonObject], BrokenJson | None]:
    """The outermost JSON objects of `text` in their order. An object that is broken or cut off is looked into for whole
    ones. Line breaks within strings are let pass; nothing else that is not JSON is. Never raises."""
    found = list[JsonObject]()
    broken: BrokenJson | None = None
    faults = _Faults()
    decoder = json.JSONDecoder(
        object_pairs_hook=faults.pairs,
        parse_constant=faults.constant,
        parse_float=faults.real,
        parse_int=faults.whole,
        strict=False,
    )
    effort = place = base = 0
    tail = text
    while (match := _START.search(text, place)) is not None:
        start = match.start()
        if start - base > _STRIDE:
            base, tail = start, text[start:]
        faults.clear()
        place = start + 1
        try:
            value, end = decoder.raw_decode(tail, start - base)
        except json.JSONDecodeError as error:
            broken = broken or BrokenJson(_words(text, base + error.pos, error.msg))
            effort += base + error.pos - start
        except RecursionError:
            broken = broken or BrokenJson("it is nested too deeply")
            effort += _DEEP
        else:
            found.append(JsonObject(cast("dict[str, Json]", value), tuple(faults)))
            place = base + end
        if effort > _EFFORT:
            return found, broken
    if not found:
        found = [inner for whole in _strings(text) for inner in find_objects(whole)[0]]
    return found, broken


def _words(text: str, place: int, message: str) -> str:
    before = text[max(0, place - 200) : place].rstrip()
    if place >= len(text.rstrip()) or message.startswith("Unterminated"):
        return "it ends before the object is complete"
    line = text.count("\n", 0, place) + 1
    where = f"line {line}, column {place - text.rfind(chr(10), 0, place)}"
    if before.endswith(",") and text[place] in "}]":
        return f"a comma stands before {text[place]} ({where})"
    return f"{message} ({where})"


def _strings(text: str) -> Iterator[str]:
    """JSON strings that hold an object, for replies that were encoded twice."""
    place = 0
    while (start := _IN_A_STRING.search(text, place)) is not None:
        try:
            value, place = json.JSONDecoder(strict=False).raw_decode(text, start.start())
        except json.JSONDecodeError:
            return
        yield value
