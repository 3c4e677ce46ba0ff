"""The encoding of a text file, and the file as plain UTF-8 when it is packed or written otherwise. Light."""

import codecs
import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Final, cast

from tabsmith.errors import ReadError
from tabsmith.tables.read.formats.recognition import Compression, decode_head
from tabsmith.tables.read.guard import MEGABYTE, refuse_unpacked

_CHUNK: Final = 1 << 20
_BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins with the mark of UTF-16
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_IN_CP1252: Final = b"\x81\x8d\x8f\x90\x9d"


def detect_encoding(head: bytes) -> str:
    """The encoding of a text by its first bytes: utf-8, -16, -32, cp1252, latin-1.

    With a mark utf-8-sig, utf-16, utf-32; without one utf-16-le, utf-16-be.

    UTF-8 is certain when it fits; what does not fit is taken for the one-byte encoding of Western Windows, or for
    Latin-1 where that has no character.
    """
    for mark, name in _BOMS:
        if head.startswith(mark):
            return name
    if b"\x00" in head and decode_head(head).count("\x00") < head.count(0) / 2:
        return "utf-16-le" if head[1:2] == b"\x00" else "utf-16-be"
    if fits_utf8(head):
        return "utf-8"
    return one_byte_encoding(head)


def fits_utf8(data: bytes) -> bool:
    """Whether `data`, perhaps cut within its last character, is UTF-8."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def one_byte_encoding(data: bytes) -> str:
    return "latin-1" if any(byte in data for byte in _NOT_IN_CP1252) else "cp1252"


def unpacked(stream: BinaryIO, compression: Compression, shown: str) -> Iterator[bytes]:
    """The unpacked content of `stream`, in pieces. Raises ReadError when it is damaged."""
    if compression == "zstd":
        import zstandard

        damage: tuple[type[Exception], ...] = (zstandard.ZstdError,)
        opened = cast(BinaryIO, zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True))
    else:
        damage = (gzip.BadGzipFile, zlib.error, EOFError)
        opened = cast(BinaryIO, gzip.open(stream)) if compression == "gzip" else stream  # noqa: SIM115
    try:
        while piece := opened.read(_CHUNK):
            yield piece
    except damage as error:
        raise ReadError(
            f"The {compression} file is damaged or cut off: {error}.",
            where=shown,
            next_step=f"Get the file again; test it with `{'gzip' if compression == 'gzip' else 'zstd'} -t`.",
        ) from error


def write_utf8(
    stream: BinaryIO,
    out: Path,
    *,
    compression: Compression,
    encoding: str,
    max_mb: float,
    shown: str,
    advance: Callable[[int], None],
) -> None:
    """Write the text in `stream` to `out` as plain UTF-8 without a mark, counting what is unpacked.

    `advance` is called with the number of packed bytes read. Raises ReadError, and FileTooLargeError over `max_mb`.
    """
    errors = "replace" if encoding.startswith(("utf-16", "utf-32")) else "strict"
    keep = encoding in {"utf-8", "utf-8-sig"}  # what is not UTF-8 after all is repaired line by line later
    decoder = None if keep else codecs.getincrementaldecoder(encoding)(errors)
    total = 0
    with out.open("wb") as target:
        for piece in unpacked(stream, compression, shown):
            if total == 0:
                piece = piece.removeprefix(codecs.BOM_UTF8) if keep else piece
            total += len(piece)
            if total > max_mb * MEGABYTE:
                refuse_unpacked(max_mb, shown)
            target.write(piece if decoder is None else decoder.decode(piece).encode("utf-8", "replace"))
            advance(stream.tell())
        if decoder is not None:
            target.write(decoder.decode(b"", final=True).encode("utf-8", "replace"))
