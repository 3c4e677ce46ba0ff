"""Journals: files of JSON objects, one a line, only ever appended, by any number of processes at once.

An append is one write of one line under a lock; its cost does not grow with the journal. Reading takes no lock: it
stops at the last complete line and goes on from there at the next call. A line torn by a crash is closed by the next
append, so that no other line is damaged; readers skip and count it.
"""

import math
import os
from pathlib import Path
from types import TracebackType, UnionType
from typing import Final, Generic, Self, TypeVar

import msgspec

from tabsmith.errors import StorageError
from tabsmith.storage.files import make_folder, require_plain_file, storage_error, sync_folder
from tabsmith.storage.locks import FileLock
from tabsmith.text import clean

T = TypeVar("T")

_LOCK_TIMEOUT: Final = 30.0  # seconds: a slow disk may take long to sync the appends of other processes
_DECODE_ERRORS: Final = (ValueError, RecursionError)  # of msgspec for a damaged line; ValueError includes its own


class JournalChunk(msgspec.Struct, Generic[T], frozen=True):
    """The values from an offset on, the next offset, and the number of lines without a value.

    `skipped` lines are damaged; `unknown` lines are whole, but have a tag that this version does not know.
    """

    values: tuple[T, ...]
    next_offset: int
    skipped: int
    unknown: int


class TypedJournal(Generic[T]):
    """The journal at `path` holding `type_`: a msgspec Struct, or a union of tagged ones. Beside it lies `<path>.lock`, which
    is never deleted.

    >>> journal: TypedJournal[Event] = TypedJournal(path, Event)

    With `sync` (the default) a line is on the disk when `append` returns, after about 3 ms on an ordinary disk, and
    outlives a power cut. Without `sync` a line is with the kernel: it outlives this process, also after kill -9, but
    not the machine, and an append takes microseconds. A journal may be shared by threads, and works in a forked child.
    """

    def __init__(self, path: Path, type_: type[T] | UnionType, *, sync: bool = True) -> None:
        self._descriptor = -1
        self.path = path
        self.sync = sync
        self._lock = FileLock(path.with_name(f"{path.name}.lock"), timeout=_LOCK_TIMEOUT)
        self._encoder = msgspec.json.Encoder()
        self._decoder: msgspec.json.Decoder[T] = msgspec.json.Decoder(type_)
        self._tags = _tags_of(type_)

    def append(self, value: T) -> int:
        """Append `value` and return the offset behind its line.

        Raises StorageError (LockedError after half a minute) if the value was not stored, also for a value that could
        not be read again: with a NaN, an infinity, or a field of the wrong type. Then no part of it is in the journal.
        """
        try:
            line = self._encoder.encode(value)
            if b"null" in line:
                # msgspec writes a NaN as null; raw parts are JSON already.
                _refuse_non_finite(msgspec.to_builtins(value, enc_hook=lambda _: None))
            if b"\n" in line:
                raise ValueError("a raw part has a line break")
            self._decoder.decode(line)
        except _DECODE_ERRORS as error:
            raise StorageError(
                f"A {type(value).__name__} holds a value that cannot be stored: {clean(error)}.",
                where=str(self.path),
                next_step="This is a fault in tabsmith: please report it.",
            ) from error
        with self._lock:
            try:
                descriptor = self._open()
                end = os.fstat(descriptor).st_size
                torn = end > 0 and os.pread(descriptor, 1, end - 1) != b"\n"
                data = b"\n" + line + b"\n" if torn else line + b"\n"
                try:
                    _write_all(descriptor, data)
                    if self.sync:
                        _sync_data(descriptor)
                except BaseException:
                    os.ftruncate(descriptor, end)  # a line that was not stored leaves nothing behind
                    raise
            except OSError as error:
                raise storage_error(error, self.path, "write to") from error
            return end + len(data)

    def read(self, offset: int = 0, *, containing: bytes = b"") -> JournalChunk[T]:
        """The values of the complete lines from `offset` (0, or the `next_offset` of an earlier read) on; only of those
        with the bytes `containing` in them, which is quicker than to read them all.

        Lines that hold no value are skipped and counted. A missing journal is empty. If there are no new lines, only the
        file's size is read. Raises StorageError.
        """
        lines, next_offset, skipped = self._lines(offset)
        values: list[T] = []
        unknown = 0
        decode = self._decoder.decode
        for line in lines:
            if containing not in line:
                continue
            try:
                values.append(decode(line))
            except _DECODE_ERRORS:
                if self._is_unknown(line):
                    unknown += 1
                else:
                    skipped += 1
        return JournalChunk(tuple(values), next_offset, skipped, unknown)

    def close(self) -> None:
        """Close the file; a later append opens it again."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        self.close()

    def _lines(self, offset: int) -> tuple[list[bytes], int, int]:
        """The complete lines from `offset` on, the next offset, and the number of partial lines left out."""
        if offset < 0:
            raise ValueError("an offset is 0 or more")
        try:
            size = self.path.stat().st_size
            if size <= offset:
                return [], size, 0  # smaller: a failed append was taken back, or the file was replaced
            data, before = self._read_from(offset)
        except FileNotFoundError:
            return [], 0, 0
        except OSError as error:
            raise storage_error(error, self.path, "read") from error
        lines = data[: data.rfind(b"\n") + 1].split(b"\n")[:-1]
        complete = sum(len(line) + 1 for line in lines)
        if lines and before != b"\n":  # `offset` is within a line, whose beginning was not read
            return lines[1:], offset + complete, 1
        return lines, offset + complete, 0

    def _is_unknown(self, line: bytes) -> bool:
        """Whether a line that could not be decoded is a whole object with a tag unknown to this journal."""
        if not self._tags:
            return False
        try:
            fields = msgspec.json.decode(line, type=dict[str, object])
        except _DECODE_ERRORS:
            return False
        field, tags = self._tags
        return isinstance(fields.get(field), (str, int)) and fields[field] not in tags

    def _open(self) -> int:
        """The file, kept open from append to append, and opened again if another file now has its name."""
        if self._descriptor >= 0:
            try:
                if os.path.samestat(self.path.stat(), os.fstat(self._descriptor)):
                    return self._descriptor
            except FileNotFoundError:
                pass  # the file was removed: a new one is made below
            self.close()
        make_folder(self.path.parent)
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, 0o600)
        try:
            status = os.fstat(descriptor)
            require_plain_file(status, self.path)
            if self.sync and status.st_size == 0:
                sync_folder(self.path.parent)  # the name of a new file must be as durable as its lines
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor = descriptor
        return descriptor

    def _read_from(self, offset: int) -> tuple[bytes, bytes]:
        """The data behind `offset`, and the one byte before it (a newline at the start of the file)."""
        # O_NONBLOCK: opening must not wait if a pipe has the journal's name.
        descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            require_plain_file(os.fstat(descriptor), self.path)
            if offset == 0:
                return file.read(), b"\n"
            file.seek(offset - 1)
            data = file.read()
            return data[1:], data[:1]


def _tags_of(type_: object) -> tuple[str, frozenset[str | int]] | None:
    """The tag field and the known tags of a tagged struct or a union of tagged structs; None without tags."""
    info = msgspec.inspect.type_info(type_)
    structs = info.types if isinstance(info, msgspec.inspect.UnionType) else (info,)
    tagged = [struct for struct in structs if isinstance(struct, msgspec.inspect.StructType) and struct.tag is not None]
    if not tagged:
        return None
    return tagged[0].tag_field or "type", frozenset(struct.tag for struct in tagged if struct.tag is not None)


def _refuse_non_finite(value: object) -> None:
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} has no place in JSON")
    if isinstance(value, dict):
        for item in value.values():
            _refuse_non_finite(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            _refuse_non_finite(item)


def _write_all(descriptor: int, data: bytes) -> None:
    # One call writes all, unless the disk is about to be full: then the next call raises the reason.
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _sync_data(descriptor: int) -> None:
    # fdatasync is not there on every POSIX system (macOS).
    (os.fdatasync if hasattr(os, "fdatasync") else os.fsync)(descriptor)
