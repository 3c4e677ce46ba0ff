"""Parses a model's answer, which is free text, into a proposal, or into an error that tells the model what to change.

JSON objects are found in running text with a real JSON decoder: in fences or prose, and also in text that is cut off.
Forms with one possible reading are accepted: fences, prose around the JSON, wrapper objects, a recipe as text, null for
a field left out, `63.0` for 63, the everyday name of a family. Everything else is refused with a reason. If an answer
holds several recipes the last one counts, because models think first and answer last.
"""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Final, TypeAlias, cast, get_args

import msgspec

from tabsmith.agents.prompts.recipe_prompt import ANSWER_FORMAT
from tabsmith.agents.protocol import Exhausted, Proposal
from tabsmith.errors import AgentReplyError, UsageError
from tabsmith.families.registry import family_parameter, find_family
from tabsmith.recipes import validation
from tabsmith.recipes.recipe import Encoder, Family, Recipe
from tabsmith.text import clean, nearest

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


MAX_CHARACTERS: Final = 2_000_000  # characters

_WRAPPERS: Final = ("answer", "response", "result", "output", "final", "final_answer", "proposal", "arguments", "input")
_MAX_LAYERS: Final = 5  # of wrapper objects
_MAX_RECIPES: Final = 20  # of an answer, from its end, are looked at
_REASON_CHARACTERS: Final = 600
_NAME_CHARACTERS: Final = 80
_MAX_EXACT: Final = 2**53  # floats up to this are exact integers

_FIELDS: Final = tuple(field.name for field in msgspec.structs.fields(Recipe))
_ENCODERS: Final[tuple[str, ...]] = get_args(Encoder)


class _Answer(msgspec.Struct, frozen=True):
    """A JSON object that is an answer: its recipe as it came, or None if the answer is that the agent is done."""

    recipe: dict[str, Json] | None
    reason: Json
    confidence: Json
    faults: tuple[str, ...]


def parse_reply(text: str) -> Proposal | Exhausted:
    """Return the last readable recipe of the answer as a proposal, or `Exhausted` if it only says "done".

    A confidence that is not a number from 0 to 1 is left out, and the reason says so. Raises AgentReplyError, and
    nothing else, with what is wrong and how to answer.
    """
    if not text.strip():
        raise _error("The answer is empty.")
    if len(text) > MAX_CHARACTERS:
        raise _error(f"The answer has {len(text):,} characters; at most {MAX_CHARACTERS:,} are read.")
    json_objects, broken = find_objects(text)
    answers = [answer for json_object in json_objects for answer in _answers(json_object.value, json_object)]
    first_problem = ""
    for answer in [answer for answer in reversed(answers) if answer.recipe is not None][:_MAX_RECIPES]:
        recipe = _recipe(answer)
        if isinstance(recipe, Recipe):
            return _proposal(recipe, answer)
        first_problem = first_problem or recipe
    if first_problem:
        raise _error(f"The recipe cannot be read: {first_problem}")
    if answers:
        return Exhausted(_reason(answers[-1].reason) or "it has nothing more to propose")
    if broken is not None:
        raise _error(f"The answer is not valid JSON: {clean(broken.what, 200)}.")
    if json_objects:
        keys = ", ".join(f'"{clean(key, 40)}"' for key in list(json_objects[-1].value)[:8])
        raise _error(f'The answer holds no recipe: its JSON has {keys or "no keys"}, but neither "recipe" nor "done".')
    raise _error("The answer holds no JSON object, only text.")


def _error(what: str) -> AgentReplyError:
    return AgentReplyError(what, next_step=ANSWER_FORMAT)


def _answers(value: Json, json_object: JsonObject, layers: int = _MAX_LAYERS) -> Iterator[_Answer]:
    """The answers in `value`: the value itself, or the answers within its wrappers, lists and texts."""
    if layers == 0:
        return
    if isinstance(value, str):
        if "{" in value:
            for inner in find_objects(value[:MAX_CHARACTERS])[0]:
                yield from _answers(inner.value, inner, layers - 1)
    elif isinstance(value, list):
        for item in value[:100]:
            yield from _answers(item, json_object, layers - 1)
    elif isinstance(value, dict):
        yield from _of_object(cast("dict[str, Json]", value), json_object, layers)


def _of_object(value: dict[str, Json], json_object: JsonObject, layers: int) -> Iterator[_Answer]:
    reason, confidence = value.get("reason"), value.get("confidence")
    inner = value.get("recipe")
    if value.get("done") is True and not inner and "family" not in value:
        yield _Answer(None, reason, confidence, json_object.faults)
    elif "family" in value:
        bare = {key: part for key, part in value.items() if key not in ("reason", "confidence", "done")}
        yield _Answer(bare, reason, confidence, json_object.faults)
    elif isinstance(inner, dict) and "recipe" not in inner:
        yield _Answer(inner, reason, confidence, json_object.faults)
    elif inner is not None:
        nested = list(_answers(inner, json_object, layers - 1))
        for answer in nested:
            own = msgspec.structs.replace(answer, faults=(*json_object.faults, *answer.faults))
            yield msgspec.structs.replace(
                own,
                reason=reason if answer.reason is None else answer.reason,
                confidence=confidence if answer.confidence is None else answer.confidence,
            )
        if not nested:
            fault = f'"recipe" must be an object, not {_kind(inner)}'
            yield _Answer({}, reason, confidence, (*json_object.faults, fault))
    else:
        for key in _WRAPPERS:
            yield from _answers(value.get(key), json_object, layers - 1)


def _recipe(answer: _Answer) -> Recipe | str:
    """Return the recipe, or the problem that makes it unreadable."""
    if answer.faults:
        return f"{clean(answer.faults[0], 200)}."
    fields = {key: value for key, value in (answer.recipe or {}).items() if value is not None}
    problem = _unknown_field(fields) or _settle_family(fields) or _unknown_encoder(fields)
    if problem:
        return problem
    _settle_values(fields)
    try:
        parsed = validation.parse_recipe(msgspec.json.encode(fields))
    except (ValueError, TypeError, OverflowError, RecursionError):
        return "it holds text or numbers that JSON cannot hold."
    if isinstance(parsed, Recipe):
        return msgspec.structs.replace(parsed, name=clean(parsed.name, _NAME_CHARACTERS))
    return "; ".join(f"{problem.where}: {problem.what}" for problem in parsed)


def _unknown_field(fields: dict[str, Json]) -> str:
    for key in fields:
        if key not in _FIELDS:
            guess = nearest(key, _FIELDS)
            hint = f'Did you mean "{guess}"?' if guess else f"It has: {', '.join(_FIELDS)}."
            return f'a recipe has no field "{clean(key, 60)}". {hint}'
    return ""


def _settle_family(fields: dict[str, Json]) -> str:
    """Replace an everyday name of a family with its own name; return the problem if there is one."""
    name = fields.get("family")
    if name is None:
        return 'it has no "family".'
    if not isinstance(name, str):
        return f'"family" must be text, not {_kind(name)}.'
    try:
        fields["family"] = find_family(name)
    except UsageError as error:
        return f"{error.what} {error.next_step}"
    return ""


def _unknown_encoder(fields: dict[str, Json]) -> str:
    encoders = fields.get("encoders")
    for column, encoder in encoders.items() if isinstance(encoders, dict) else ():
        if isinstance(encoder, str) and encoder not in _ENCODERS:
            guess = nearest(encoder, _ENCODERS)
            hint = f'Did you mean "{guess}"?' if guess else f"Use one of: {', '.join(_ENCODERS)}."
            return f'encoder of "{clean(column, 60)}": there is no encoder "{clean(encoder, 40)}". {hint}'
    return ""


def _settle_values(fields: dict[str, Json]) -> None:
    """Remove nulls, which mean "left out", and convert numbers to their parameter's kind: 63.0 to 63, 1 to 1.0."""
    for part in ("encoders", "parameters"):
        values = fields.get(part)
        if isinstance(values, dict):
            fields[part] = {key: value for key, value in values.items() if value is not None}
    settings = fields.get("parameters")
    if not isinstance(settings, dict):
        return
    for name, value in settings.items():
        spec = family_parameter(cast("Family", fields["family"]), name)
        if spec is None or isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > _MAX_EXACT:
            continue
        if spec.kind == "integer" and isinstance(value, float) and value.is_integer():
            settings[name] = int(value)
        elif spec.kind == "number":
            settings[name] = float(value)


def _proposal(recipe: Recipe, answer: _Answer) -> Proposal:
    reason, confidence = _reason(answer.reason), answer.confidence
    if confidence is None:
        return Proposal(recipe, reason)
    if isinstance(confidence, int | float) and not isinstance(confidence, bool) and 0 <= confidence <= 1:
        return Proposal(recipe, reason, float(confidence))
    note = f"(its confidence, {clean(confidence, 40)}, is no number from 0 to 1 and was left out)"
    return Proposal(recipe, f"{reason} {note}".strip())


def _reason(value: Json) -> str:
    return clean(value, _REASON_CHARACTERS).strip() if isinstance(value, str) else ""


def _kind(value: Json) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), "null")
