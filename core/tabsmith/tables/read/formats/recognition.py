"""Which format a file is in: by its first bytes, then by its ending. Light: reads only the bytes it is given."""

import io
import json
import re
import zipfile
import zlib
from typing import Final, Literal, NamedTuple, TypeAlias

from tabsmith.tables.info import FileFormat

Compression: TypeAlias = Literal["none", "gzip", "zstd"]

READABLE: Final = "CSV, TSV and other delimited text, JSON, JSONL, Parquet, Excel (xlsx, xls), also as .gz or .zst text"
HEAD: Final = 65_536  # bytes that are looked at

_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_BOMS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")

_FOREIGN: Final = (
    (b"SQLite format 3\x00", "a SQLite database"),
    (b"%PDF", "a PDF document"),
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"\x89HDF", "an HDF5 file"),
    (b"CDF\x01", "a NetCDF file"),
    (b"CDF\x02", "a NetCDF file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"ARROW1", "an Arrow (Feather) file"),
    (b"ORC", "an ORC file"),
    (b"Obj\x01", "an Avro file"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 file"),
    (b"\xfd7zXZ\x00", "an xz file"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"$FL2", "an SPSS file"),
    (b"<stata_dta>", "a Stata file"),
    (b"RDX", "an R data file"),
)
_PICKLE: Final = (b"\x80\x02", b"\x80\x03", b"\x80\x04\x95", b"\x80\x05\x95")
_FOREIGN_TEXT: Final = (("<!doctype html", "a web page"), ("<html", "a web page"), ("<?xml", "an XML document"))
_FOREIGN_ENDINGS: Final = {
    ".py": "a program", ".js": "a program", ".sh": "a program", ".md": "a document", ".rst": "a document",
    ".html": "a web page", ".htm": "a web page", ".xml": "an XML document", ".toml": "settings",
    ".yaml": "settings", ".yml": "settings", ".ini": "settings", ".ipynb": "a notebook", ".tex": "a document",
}  # fmt: skip
_JSON_ENDINGS: Final = (".json", ".jsonl", ".ndjson", ".geojson")
_TABLE_ENDINGS: Final = (".csv", ".tsv", ".tab", ".psv", ".txt", ".dat", ".data")


class RecognisedFormat(NamedTuple):
    """A format that can be read."""

    format: FileFormat
    compression: Compression


class ForeignFormat(NamedTuple):
    """What the file is instead, in words."""

    what: str


def recognise_format(head: bytes, name: str, *, zip_names: tuple[str, ...] = ()) -> RecognisedFormat | ForeignFormat:
    """The format of a file called `name` that begins with `head`; `zip_names` are its members when it is a zip."""
    lower = name.lower()
    if head.startswith(_GZIP):
        return _inside(unpack_head(head, "gzip"), lower.removesuffix(".gz"), "gzip")
    if head.startswith(_ZSTD):
        return _inside(unpack_head(head, "zstd"), lower.removesuffix(".zst").removesuffix(".zstd"), "zstd")
    return _plain(head, lower, zip_names)


def unpack_head(head: bytes, compression: Compression) -> bytes:
    """As many unpacked bytes (at most 64 KiB) as the first packed bytes give; damage shows later, when all is read."""
    if compression == "none":
        return head
    if compression == "gzip":
        try:
            return zlib.decompressobj(wbits=31).decompress(head, HEAD)
        except zlib.error:
            return b""
    import zstandard

    try:
        with zstandard.ZstdDecompressor().stream_reader(io.BytesIO(head)) as stream:
            return stream.read(HEAD)
    except zstandard.ZstdError:
        return b""


def zip_members(data: io.BufferedIOBase) -> tuple[zipfile.ZipInfo, ...]:
    """The members a zip declares; empty when its directory cannot be read."""
    try:
        with zipfile.ZipFile(data) as archive:
            return tuple(archive.infolist())
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return ()


def is_zip(head: bytes) -> bool:
    return head.startswith(_ZIP)


def _inside(head: bytes, name: str, compression: Compression) -> RecognisedFormat | ForeignFormat:
    found = _plain(head, name, ())
    if isinstance(found, ForeignFormat):
        return ForeignFormat(f"{found.what} packed with {compression}")
    if found.format in {"parquet", "xlsx", "xls"}:
        return ForeignFormat(f"{found.format} packed with {compression} (unpack it first)")
    return RecognisedFormat(found.format, compression)


def _plain(head: bytes, name: str, zip_names: tuple[str, ...]) -> RecognisedFormat | ForeignFormat:
    if head.startswith(b"PAR1"):
        return RecognisedFormat("parquet", "none")
    if head.startswith(_OLE):
        if name.endswith((".doc", ".ppt", ".msi", ".msg")):
            return ForeignFormat("an old Office document")
        return RecognisedFormat("xls", "none")
    if is_zip(head):
        return _zipped(zip_names, name)
    for magic, what in _FOREIGN:
        if head.startswith(magic):
            return ForeignFormat(what)
    if head[8:12] == b"DUCK":
        return ForeignFormat("a DuckDB database")
    if head.startswith(_PICKLE) or (head[:1] == b"\x80" and name.endswith((".pkl", ".pickle"))):
        return ForeignFormat("a Python pickle, which can run programs when it is opened")
    return _text(head, name)


def _zipped(names: tuple[str, ...], name: str) -> RecognisedFormat | ForeignFormat:
    if any(member.startswith("xl/workbook") for member in names):
        return RecognisedFormat("xlsx", "none")
    if not names and name.endswith((".xlsx", ".xlsm", ".xlsb")):
        return RecognisedFormat("xlsx", "none")  # damaged: the reader says how
    if any(member.startswith("word/") for member in names):
        return ForeignFormat("a Word document")
    if "content.xml" in names:
        return ForeignFormat("an OpenDocument file (save it as xlsx or CSV)")
    if any(member.endswith(".npy") for member in names):
        return ForeignFormat("a NumPy archive")
    return ForeignFormat("a zip archive (unpack it first)")


def _text(head: bytes, name: str) -> RecognisedFormat | ForeignFormat:
    if b"\x00" in head and not head.startswith(_BOMS) and not _looks_utf16(head) and not _mostly_text(head):
        return ForeignFormat("not text, and in no format that is known here")
    text = decode_head(head).lstrip("\ufeff \t\r\n")
    opening = text[:200].lower()
    for start, what in _FOREIGN_TEXT:
        if opening.startswith(start):
            return ForeignFormat(what)
    ending = name[name.rfind(".") :] if "." in name else ""
    if ending in _FOREIGN_ENDINGS:
        return ForeignFormat(_FOREIGN_ENDINGS[ending])
    if text[:1] in {"{", "["} and (ending not in _TABLE_ENDINGS or _opens_json(text)):
        return RecognisedFormat("jsonl" if _is_lines(text, ending) else "json", "none")
    if ending in _JSON_ENDINGS:
        return RecognisedFormat("jsonl" if ending in {".jsonl", ".ndjson"} else "json", "none")
    if ending in {".tsv", ".tab"}:
        return RecognisedFormat("tsv", "none")
    return RecognisedFormat("csv", "none")


def _opens_json(text: str) -> bool:
    return re.match(r'\{\s*("(?:[^"\\]|\\.)*"\s*:|\})|\[\s*[\[{]', text) is not None


def _is_lines(text: str, ending: str) -> bool:
    first, newline, rest = text.partition("\n")
    if not newline:
        return ending in {".jsonl", ".ndjson"}
    try:
        json.loads(first)
    except (ValueError, RecursionError):
        return ending in {".jsonl", ".ndjson"}
    return rest.lstrip()[:1] in {"{", "["} or (ending in {".jsonl", ".ndjson"})


def _looks_utf16(head: bytes) -> bool:
    sample = head[:2_000]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    return max(even, odd) > 0.3 * len(sample) / 2 and min(even, odd) < 0.05 * len(sample) / 2


def _mostly_text(head: bytes) -> bool:
    """A stray null byte in text is damage of a text file, not a binary one."""
    odd = sum(1 for byte in head if byte < 9 or 13 < byte < 32)
    return odd <= max(3, 0.02 * len(head))


def decode_head(head: bytes) -> str:
    """The first bytes as text, only to look at."""
    if head.startswith((b"\xff\xfe\x00\x00", b"\x00\x00\xfe\xff")):
        return head.decode("utf-32", "replace")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return head.decode("utf-16", "replace")
    if _looks_utf16(head):
        return head.decode("utf-16-le" if head[1:2] == b"\x00" else "utf-16-be", "replace")
    return head.decode("utf-8-sig", "replace")


def gzip_size(tail: bytes) -> int:
    """The unpacked size, modulo 2**32, that the last four bytes of a gzip file declare."""
    return int.from_bytes(tail[-4:], "little") if len(tail) >= 4 else 0
