"""A saved model as one file: a plain zip, packed in order, unpacked with suspicion."""

import errno
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from tabsmith.errors import ModelDamagedError, UsageError
from tabsmith.modeling.model_files import MANIFEST, Manifest, is_model_file
from tabsmith.storage.files import storage_error
from tabsmith.text import clean

MAX_FILES: Final = 10_000
MAX_UNPACKED_BYTES: Final = 4 << 30
_MAX_RATIO: Final = 200  # of unpacked to packed bytes, above a megabyte
_CHUNK_BYTES: Final = 1 << 20
_MAX_MANIFEST_BYTES: Final = 16 << 20


def pack_model(folder: Path, file: Path) -> None:
    """Write the files of `folder` into the new zip `file`. Raises UsageError when `file` exists, StorageError."""
    with _new_file(file) as partial, zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            archive.write(path, path.relative_to(folder).as_posix())


def copy_archive(source: Path, file: Path) -> None:
    """Copy an exported model to the new `file`. Raises UsageError when `file` exists, StorageError."""
    with _new_file(file) as partial:
        shutil.copyfile(source, partial)


@contextmanager
def _new_file(file: Path) -> Iterator[Path]:
    """A temporary path to write to, renamed to `file` at the end, or removed after an error."""
    if file.exists():
        raise UsageError(
            f"{clean(file.name)} exists already.",
            where=str(file),
            next_step="Choose another name, or remove it first.",
        )
    partial = file.with_name(f".{file.name}.partial")
    try:
        try:
            yield partial
            partial.rename(file)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise storage_error(error, file, "export the model to") from error


@contextmanager
def unpacked_model(file: Path) -> Iterator[Path]:
    """A temporary folder with the files of an exported model, removed afterwards.

    Raises ModelDamagedError, before anything is written, for a file that is no zip, or that holds names that no
    model has (absolute, with `..`, twice the same), links, more bytes than a model may have or the disk has room for, or
    other names and sizes than its manifest.
    """
    with tempfile.TemporaryDirectory(prefix="tabsmith-model-") as name:
        folder = Path(name)
        try:
            with zipfile.ZipFile(file) as archive:
                items = archive.infolist()
                _check_items(items, file)
                _check_manifest(_manifest(archive, file), items, file)
                _require_room(sum(item.file_size for item in items), folder, file)
                for item in items:
                    _unpack_item(archive, item, folder / item.filename, file)
        except (
            zipfile.BadZipFile,
            zipfile.LargeZipFile,
            NotImplementedError,
            RuntimeError,
            EOFError,
            zlib.error,
        ) as error:
            raise _refused(file, f"it is not a whole zip file ({clean(error)})") from error
        except OSError as error:
            raise storage_error(error, file, "read the model from") from error
        yield folder


def _check_items(items: list[zipfile.ZipInfo], file: Path) -> None:
    if len(items) > MAX_FILES:
        raise _refused(file, f"it holds {len(items)} files")
    if sum(item.file_size for item in items) > MAX_UNPACKED_BYTES:
        raise _refused(file, "it unpacks to more than 4 GB")
    seen = set()
    for item in items:
        mode = item.external_attr >> 16
        if item.filename != MANIFEST and not is_model_file(item.filename):
            raise _refused(file, f'models have no file "{clean(item.filename)}"')
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise _refused(file, f'"{clean(item.filename)}" is not a plain file')
        if item.filename in seen:
            raise _refused(file, f'"{clean(item.filename)}" is in it twice')
        if item.file_size > _CHUNK_BYTES and item.file_size > _MAX_RATIO * max(1, item.compress_size):
            raise _refused(file, f'"{clean(item.filename)}" unpacks to {item.file_size} bytes')
        seen.add(item.filename)


def _manifest(archive: zipfile.ZipFile, file: Path) -> Manifest:
    """The manifest, which is read before anything else of the archive is."""
    try:
        item = archive.getinfo(MANIFEST)
        if item.file_size > _MAX_MANIFEST_BYTES:
            raise _refused(file, "its manifest is too large")
        return msgspec.json.decode(archive.read(item), type=Manifest)
    except (KeyError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError, zlib.error) as error:
        raise _refused(file, "it has no manifest that can be read") from error


def _check_manifest(manifest: Manifest, items: list[zipfile.ZipInfo], file: Path) -> None:
    sizes = {item.filename: item.file_size for item in items if item.filename != MANIFEST}
    declared = {name: fingerprint.size for name, fingerprint in manifest.files.items()}
    for name in sorted(sizes.keys() ^ declared.keys()):
        raise _refused(file, f'"{clean(name)}" is in {"it" if name in sizes else "its manifest"} alone')
    for name, size in sizes.items():
        if size != declared[name]:
            raise _refused(file, f'"{clean(name)}" has another size than its manifest says')


def _require_room(size: int, folder: Path, file: Path) -> None:
    """Raise StorageError unless the disk has room for `size` bytes and as much again for everything else."""
    if shutil.disk_usage(folder).free < 2 * size:
        raise storage_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), file, "unpack the model from")


def _unpack_item(archive: zipfile.ZipFile, item: zipfile.ZipInfo, path: Path, file: Path) -> None:
    """Write one file of the zip to `path`. Its bytes are counted, because a zip may hold more than it declares."""
    path.parent.mkdir(parents=True, exist_ok=True)
    bytes_left = item.file_size
    with archive.open(item) as source, path.open("xb") as target:
        while chunk := source.read(_CHUNK_BYTES):
            bytes_left -= len(chunk)
            if bytes_left < 0:
                raise _refused(file, f'"{clean(item.filename)}" is longer than declared')
            target.write(chunk)


def _refused(file: Path, why: str) -> ModelDamagedError:
    return ModelDamagedError(
        f"{clean(file.name)} cannot be loaded as a model: {why}.",
        where=str(file),
        next_step="Give the id of a saved model, or a file written by `tabsmith models export`.",
    )
