"""Documents: one typed value a file, as JSON, replaced whole, with a version, and moved aside when damaged."""

import json
import logging
import os
import stat
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Generic, TypeAlias, TypeVar

import msgspec

from tabsmith.errors import NotAFileError, StorageError
from tabsmith.storage.files import read_plain_file, storage_error, sync_folder, write_atomic
from tabsmith.storage.locks import FileLock
from tabsmith.text import clean

T = TypeVar("T", bound=msgspec.Struct)
RawFields: TypeAlias = dict[str, object]  # the fields of a document's file, before they are checked

_HEADER: Final = "tabsmith"
_log: Final = logging.getLogger(__name__)


class Found(msgspec.Struct, Generic[T], frozen=True):
    """The document exists and was read."""

    value: T


class Missing(msgspec.Struct, frozen=True):
    """The document does not exist."""


class Damaged(msgspec.Struct, frozen=True):
    """The file could not be understood, and was moved aside to `moved_to`."""

    moved_to: Path
    reason: str


Loaded: TypeAlias = Found[T] | Missing | Damaged


class _DocumentHeader(msgspec.Struct, frozen=True):
    document: str
    version: int


class _Contents(msgspec.Struct, Generic[T], frozen=True):
    """A value, and the fields of its file, among them fields that its type does not know."""

    value: T
    fields: RawFields


class _NotUnderstoodError(Exception):
    """The reason why a file does not hold its document."""


def _warn(damaged: Damaged) -> None:
    _log.warning("A damaged file was moved aside to %s: %s", damaged.moved_to, damaged.reason)


class Document(Generic[T]):
    """The document `name` at `path`, holding one `type_`, a msgspec Struct without a field called "tabsmith".

    The file is a JSON object: the struct's fields beside `"tabsmith": {"document": name, "version": version}`. Fields
    that this version does not know stay in the file when it is saved again, at the top and in nested structs. A damaged
    file is moved aside, never overwritten: `load` returns Damaged; `save` and `update` call `on_damaged` (by default
    a warning in the log) and go on. All methods raise StorageError, and LockedError if another process holds the
    lock beside the file (`<path>.lock`) for over ten seconds.
    """

    def __init__(
        self,
        path: Path,
        type_: type[T],
        *,
        version: int,
        name: str,
        on_damaged: Callable[[Damaged], None] = _warn,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.path = path
        self.version = version
        self.name = name
        self._type = type_
        self._on_damaged = on_damaged
        self._clock = clock
        self._lock = FileLock(path.with_name(f"{path.name}.lock"))

    def load(self) -> Loaded[T]:
        """Found with the value, Missing, or Damaged with the path to which the damaged file was moved.

        Raises StorageError, and leaves the file as it is, if a newer tabsmith wrote it.
        """
        try:
            contents: _Contents[T] | Damaged | None = self._read()
        except _NotUnderstoodError:
            with self._lock:  # the file may have been replaced by a good one meanwhile: read it again under the lock
                contents = self._read_or_move_aside()
        if isinstance(contents, Damaged):
            return contents
        return Missing() if contents is None else Found(contents.value)

    def save(self, value: T) -> None:
        """Replace the document by `value`. Raises StorageError for a NaN, an infinity or a lone surrogate in it."""
        self.update(lambda _: value)

    def update(self, change: Callable[[T | None], T]) -> T:
        """Replace the document by what `change` returns for the present value (None if missing), and return that.

        The lock is held throughout, so that no other process's change is lost; `change` must not use this document.
        """
        with self._lock:
            contents = self._read_or_move_aside()
            if isinstance(contents, Damaged):
                self._on_damaged(contents)
                contents = None
            value = change(None if contents is None else contents.value)
            write_atomic(self.path, self._encode(value, {} if contents is None else contents.fields))
            return value

    def delete(self) -> None:
        """Remove the document, if it exists."""
        with self._lock:
            try:
                self.path.unlink(missing_ok=True)
                sync_folder(self.path.parent)
            except OSError as error:
                raise storage_error(error, self.path, "delete") from error

    # Reading -------------------------------------------------------------------------------------------------------

    def _read_or_move_aside(self) -> _Contents[T] | Damaged | None:
        try:
            return self._read()
        except _NotUnderstoodError as error:
            reason = str(error)
        stamp = datetime.fromtimestamp(self._clock(), UTC).strftime("%Y%m%dT%H%M%SZ")
        number = 1
        while os.path.lexists(aside := self.path.with_name(f"{self.path.name}.damaged-{stamp}-{number}")):
            number += 1
        try:
            self.path.rename(aside)
            sync_folder(self.path.parent)
        except OSError as error:
            raise storage_error(error, self.path, "move aside the damaged") from error
        return Damaged(aside, reason)

    def _read(self) -> _Contents[T] | None:
        data = self._read_bytes()
        if data is None:
            return None
        try:
            raw = msgspec.json.decode(data, type=RawFields)
            header = msgspec.convert(raw.pop(_HEADER, None), _DocumentHeader)
        except RecursionError as error:
            raise _NotUnderstoodError("it is nested too deeply") from error
        except ValueError as error:  # DecodeError, ValidationError, UnicodeDecodeError, a huge integer
            raise _NotUnderstoodError("it is empty" if not data.strip() else clean(error)) from error
        if header.document != self.name:
            raise _NotUnderstoodError(f"it holds the document {clean(header.document)!r}, not {self.name!r}")
        if header.version > self.version:
            raise StorageError(
                f"{clean(self.path.name)} was written by a newer tabsmith (version {header.version} of the document "
                f"{self.name!r}; this one knows {self.version}).",
                where=str(self.path),
                next_step="Update tabsmith. The file was left as it is.",
            )
        if header.version < self.version:
            raise _NotUnderstoodError(f"nothing knows version {header.version} of it")
        try:
            return _Contents(msgspec.convert(raw, self._type, str_keys=True), raw)
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            kind = "" if isinstance(error, msgspec.ValidationError) else f"{type(error).__name__}: "
            raise _NotUnderstoodError(
                f"its fields do not fit version {header.version}: {kind}{clean(error)}"
            ) from error

    def _read_bytes(self) -> bytes | None:
        try:
            # O_NONBLOCK: opening must not wait if a pipe has the document's name.
            descriptor = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(error, self.path, "read") from error
        try:
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                    raise _NotUnderstoodError("it is not a file")
                return file.read()
        except IsADirectoryError as error:
            raise _NotUnderstoodError("it is a folder") from error
        except OSError as error:
            raise storage_error(error, self.path, "read") from error
        finally:
            os.close(descriptor)

    # Writing -------------------------------------------------------------------------------------------------------

    def _encode(self, value: T, previous: RawFields) -> bytes:
        fields = msgspec.to_builtins(value, str_keys=True)
        _keep_unknown(value, fields, previous)
        header = {"document": self.name, "version": self.version}
        try:
            # Not msgspec's own encoder: it writes NaN as null. Nor json's indentation, which takes json's slow encoder.
            text = json.dumps({_HEADER: header, **fields}, allow_nan=False, ensure_ascii=False)
            data = msgspec.json.format(text.encode(), indent=2) + b"\n"
            written = msgspec.json.decode(data, type=RawFields)
            msgspec.convert(written, self._type, str_keys=True)  # a document that cannot be read again is not written
        except (ValueError, RecursionError) as error:
            raise StorageError(
                f"The document {self.name!r} holds a value that cannot be stored: {clean(error)}.",
                where=str(self.path),
                next_step="The saved document was left as it is.",
            ) from error
        return data


def inspect_document(path: Path) -> str:
    """Why the file at `path` is not a document of any name and version, "" if it is one; nothing is moved or locked."""
    try:
        raw = msgspec.json.decode(read_plain_file(path), type=RawFields)
        msgspec.convert(raw.get(_HEADER), _DocumentHeader)
    except FileNotFoundError:
        return "it is missing"
    except OSError as error:
        return f"it cannot be read: {error.strerror or error}"
    except NotAFileError as error:
        return error.what
    except (ValueError, RecursionError) as error:
        return f"it is damaged: {clean(error, 300)}"
    return ""


def _keep_unknown(value: msgspec.Struct, fields: RawFields, previous: RawFields) -> None:
    """Add to `fields`, made from `value`, the fields of `previous` that the struct does not know."""
    config = value.__struct_config__
    if config.tag is not None and previous.get(config.tag_field or "") != config.tag:
        return  # another struct of the union was here: its fields do not belong to this one
    known = {config.tag_field}
    for field in msgspec.structs.fields(value):
        known.add(field.encode_name)
        inner, old, new = getattr(value, field.name), previous.get(field.encode_name), fields.get(field.encode_name)
        if isinstance(inner, msgspec.Struct) and isinstance(old, dict) and isinstance(new, dict):
            _keep_unknown(inner, new, old)
    fields.update({key: item for key, item in previous.items() if key not in known})
