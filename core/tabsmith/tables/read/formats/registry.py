"""The registry of file formats. To add a format, write a file beside this one and list its FileFormat in `FORMATS`."""

from typing import Final, NamedTuple

from tabsmith.tables.read.encoding import detect_compression, unpack_head
from tabsmith.tables.read.formats.base import FileFormat, FileHead
from tabsmith.tables.read.formats.delimited import CSV, TSV
from tabsmith.tables.read.formats.duckdb_file import DUCKDB
from tabsmith.tables.read.formats.excel import ODS, XLS, XLSX
from tabsmith.tables.read.formats.foreign import describe_foreign
from tabsmith.tables.read.formats.json import JSON, JSONL
from tabsmith.tables.read.formats.parquet import PARQUET
from tabsmith.tables.read.formats.sqlite import SQLITE
from tabsmith.tables.read.formats.statistics_files import SAS, SAS_TRANSPORT, SPSS, SPSS_PORTABLE, STATA
from tabsmith.tables.read.formats.zipped import zip_format
from tabsmith.tables.read.opened_file import Compression

_COMPRESSED_SUFFIXES: Final = {"gzip": (".gz",), "zstd": (".zst", ".zstd")}


class Recognised(NamedTuple):
    """The format and compression of a file that can be read."""

    format: FileFormat
    compression: Compression


class Unsupported(NamedTuple):
    """A file that cannot be read, and what it is, in words."""

    description: str


def recognise_format(data: bytes, name: str, *, zip_members: tuple[str, ...] = ()) -> Recognised | Unsupported:
    """The format of a file called `name` that begins with the bytes `data`: by its content, then by its suffix.

    `zip_members` are the names in the archive if the file is a zip.
    """
    name = name.lower()
    compression = detect_compression(data)
    for suffix in _COMPRESSED_SUFFIXES.get(compression, ()):
        name = name.removesuffix(suffix)
    head = FileHead(unpack_head(data, compression), name, zip_members)
    found = _binary_format(head) or describe_foreign(head) or _text_format(head)
    if compression == "none":
        return Unsupported(found) if isinstance(found, str) else Recognised(found, compression)
    if isinstance(found, str):
        return Unsupported(f"{found} packed with {compression}")
    if not found.is_text:
        return Unsupported(f"{found.name} packed with {compression} (unpack it first)")
    return Recognised(found, compression)


def _binary_format(head: FileHead) -> FileFormat | None:
    return next((entry for entry in FORMATS if not entry.is_text and entry.recognises(head)), None)


def _text_format(head: FileHead) -> FileFormat:
    return next((entry for entry in FORMATS if entry.is_text and entry.recognises(head)), CSV)


def format_named(name: str) -> FileFormat:
    """The registered format called `name`. Raises KeyError."""
    return {entry.name: entry for entry in FORMATS}[name]


def holds_texts(format_name: str) -> bool:
    """Whether the cells of a format are texts; False for a name that is no format's, such as "frame"."""
    return any(entry.name == format_name and entry.holds_texts for entry in FORMATS)


def readable_formats() -> str:
    """The formats that can be read, listed for a person."""
    labels = dict.fromkeys(entry.label for entry in reversed(FORMATS))
    return f"{', '.join(labels)}, also as .gz or .zst text"


def is_table_name(name: str) -> bool:
    """Whether a file called `name` is known as a table by its suffix, also if it is packed."""
    name = name.lower()
    for suffixes in _COMPRESSED_SUFFIXES.values():
        for suffix in suffixes:
            name = name.removesuffix(suffix)
    return name.endswith(tuple(suffix for entry in FORMATS for suffix in entry.suffixes))


def table_suffixes() -> tuple[str, ...]:
    """The suffixes by which files with tables are known, those of packed text among them."""
    packed = tuple(suffix for suffixes in _COMPRESSED_SUFFIXES.values() for suffix in suffixes)
    return (*(suffix for entry in FORMATS for suffix in entry.suffixes), *packed)


def _format_of(data: bytes, name: str) -> FileFormat | None:
    recognised = recognise_format(data, name)
    return recognised.format if isinstance(recognised, Recognised) else None


FORMATS: list[FileFormat] = [
    XLSX, XLS, ODS, PARQUET, SQLITE, DUCKDB, STATA, SPSS, SPSS_PORTABLE,
    SAS, SAS_TRANSPORT, zip_format(table_suffixes, _format_of), JSONL, JSON, TSV, CSV,
]  # fmt: skip
"""In the order in which they are tried; any text that no other format recognises is CSV."""
