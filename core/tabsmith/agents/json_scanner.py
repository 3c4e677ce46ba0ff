"""Finds JSON objects in running text with a real JSON decoder: in fences or prose, and also in text that is cut off."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final, TypeAlias, cast

import msgspec

Json: TypeAlias = object
"""A decoded value: dict, list, str, int, float, bool or None."""

_START: Final = re.compile(r'\{(?=\s{0,200}")')
_IN_A_STRING: Final = re.compile(r'"(?=\s{0,20}\{\s{0,20}\\+")')
_MAX_EFFORT: Final = 20_000_000  # characters decoded in vain, after which the scan gives up
_STRIDE: Final = 8_192  # a failure costs the length of the text before it, so that is cut off at this distance
_NESTING_EFFORT: Final = 100_000  # the effort that a nesting too deep to decode counts as
_MAX_DIGITS: Final = 300


class JsonObject(msgspec.Struct, frozen=True):
    """An object in the text. `faults` names what JSON does not allow or leaves open: repeated keys, NaN, huge numbers."""

    value: dict[str, Json]
    faults: tuple[str, ...] = ()


class BrokenJson(msgspec.Struct, frozen=True):
    """Why the first piece of text that begins like an object could not be decoded."""

    what: str


class _Faults(list[str]):
    """Collects the faults of one object while it is decoded: its methods are the decoder's hooks."""

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
        value = float(text) if len(text) <= _MAX_DIGITS else math.inf
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
    """Return the outermost JSON objects of `text` in order, and the first broken one.

    A broken object is searched for complete ones inside it. Line breaks within strings are accepted, but nothing else
    that is not JSON. Never raises.
    """
    json_objects = list[JsonObject]()
    broken: BrokenJson | None = None
    faults = _Faults()
    decoder = json.JSONDecoder(
        object_pairs_hook=faults.pairs,
        parse_constant=faults.constant,
        parse_float=faults.real,
        parse_int=faults.whole,
        strict=False,
    )
    effort = position = base = 0
    tail = text
    while (match := _START.search(text, position)) is not None:
        start = match.start()
        if start - base > _STRIDE:
            base, tail = start, text[start:]
        faults.clear()
        position = start + 1
        try:
            value, end = decoder.raw_decode(tail, start - base)
        except json.JSONDecodeError as error:
            broken = broken or BrokenJson(_explain(text, base + error.pos, error.msg))
            effort += base + error.pos - start
        except RecursionError:
            broken = broken or BrokenJson("it is nested too deeply")
            effort += _NESTING_EFFORT
        else:
            json_objects.append(JsonObject(cast("dict[str, Json]", value), tuple(faults)))
            position = base + end
        if effort > _MAX_EFFORT:
            return json_objects, broken
    if not json_objects:
        json_objects = [inner for whole in _strings(text) for inner in find_objects(whole)[0]]
    return json_objects, broken


def _explain(text: str, position: int, message: str) -> str:
    before = text[max(0, position - 200) : position].rstrip()
    if position >= len(text.rstrip()) or message.startswith("Unterminated"):
        return "it ends before the object is complete"
    line = text.count("\n", 0, position) + 1
    where = f"line {line}, column {position - text.rfind(chr(10), 0, position)}"
    if before.endswith(",") and text[position] in "}]":
        return f"a comma stands before {text[position]} ({where})"
    return f"{message} ({where})"


def _strings(text: str) -> Iterator[str]:
    """The JSON strings that hold an object: some replies are encoded twice."""
    position = 0
    while (start := _IN_A_STRING.search(text, position)) is not None:
        try:
            value, position = json.JSONDecoder(strict=False).raw_decode(text, start.start())
        except json.JSONDecodeError:
            return
        yield value
