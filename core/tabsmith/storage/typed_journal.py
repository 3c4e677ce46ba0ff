"""A journal of typed values: any of several tagged structs, one a line."""

import math
from pathlib import Path
from types import TracebackType, UnionType
from typing import Final, Generic, Self, TypeVar

import msgspec

from tabsmith.errors import StorageError
from tabsmith.storage.journal import Journal
from tabsmith.text import clean

T = TypeVar("T")
_BAD_LINE: Final = (ValueError, RecursionError)


class TypedChunk(msgspec.Struct, Generic[T], frozen=True):
    """What was read from an offset on: the values, where to go on, and how many lines gave none.

    `skipped` lines are damaged; `unknown` ones are whole, but of a kind (tag) that this version does not know.
    """

    values: tuple[T, ...]
    next_offset: int
    skipped: int
    unknown: int


class TypedJournal(Generic[T]):
    """The journal at `path` holding `type_`: a msgspec Struct, or a union of tagged ones.

    >>> journal: TypedJournal[Event] = TypedJournal(path, Event)

    `sync` and what append and read promise are as in Journal.
    """

    def __init__(self, path: Path, type_: type[T] | UnionType, *, sync: bool = True) -> None:
        self.journal = Journal(path, sync=sync)
        self._encoder = msgspec.json.Encoder()
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(type_)
        self._tags = _tags_of(type_)

    @property
    def path(self) -> Path:
        return self.journal.path

    def append(self, value: T) -> int:
        """Append `value` and return the offset behind its line.

        Raises StorageError when it was not stored; also for a value that would not come back as it went: one with a
        NaN, an infinity, or a field of the wrong type.
        """
        try:
            line = self._encoder.encode(value)
            if b"null" in line:
                _refuse_non_finite(msgspec.to_builtins(value))  # msgspec writes a NaN as null
            self._decoder.decode(line)
        except _BAD_LINE as error:
            raise StorageError(
                f"A {type(value).__name__} holds a value that cannot be stored: {clean(error)}.",
                where=str(self.path),
                next_step="This is a fault in tabsmith: please report it.",
            ) from error
        return self.journal.append(line) if b"\n" in line else self.journal.append_checked(line)

    def read(self, offset: int = 0) -> TypedChunk[T]:
        """The values of the complete lines from `offset` (0, or an earlier `next_offset`) on. Raises StorageError."""
        lines, next_offset, skipped = self.journal.read_raw(offset)
        values: list[T] = []
        unknown = 0
        decode = self._decoder.decode
        for line in lines:
            try:
                values.append(decode(line))
            except _BAD_LINE:
                if self._is_unknown(line):
                    unknown += 1
                else:
                    skipped += 1
        return TypedChunk(tuple(values), next_offset, skipped, unknown)

    def close(self) -> None:
        """Close the file; a later append opens it again."""
        self.journal.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _is_unknown(self, line: bytes) -> bool:
        """Whether a line that did not decode is a whole object with a tag that no struct of this journal has."""
        if not self._tags:
            return False
        try:
            fields = msgspec.json.decode(line, type=dict[str, object])
        except _BAD_LINE:
            return False
        field, tags = self._tags
        return isinstance(fields.get(field), (str, int)) and fields[field] not in tags


def _tags_of(type_: object) -> tuple[str, frozenset[str | int]] | None:
    """The tag field and the known tags of a tagged struct or a union of them; None when nothing is tagged."""
    info = msgspec.inspect.type_info(type_)
    structs = info.types if isinstance(info, msgspec.inspect.UnionType) else (info,)
    tagged = [each for each in structs if isinstance(each, msgspec.inspect.StructType) and each.tag is not None]
    if not tagged:
        return None
    return tagged[0].tag_field or "type", frozenset(each.tag for each in tagged if each.tag is not None)


def _refuse_non_finite(value: object) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} has no place in JSON")
    if isinstance(value, dict):
        for item in value.values():
            _refuse_non_finite(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _refuse_non_finite(item)
