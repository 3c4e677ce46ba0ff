"""Formats that tabsmith recognises in order to refuse them by name: databases, documents, programs, archives."""

from typing import Final

from tabsmith.tables.read.encoding import is_binary
from tabsmith.tables.read.formats.base import FileHead

OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # the container of old Office documents
ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")

_SIGNATURES: Final = (
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
    (b"RDX", "an R data file"),
)
_PICKLES: Final = (b"\x80\x02", b"\x80\x03", b"\x80\x04\x95", b"\x80\x05\x95")
_TEXT_OPENINGS: Final = (("<!doctype html", "a web page"), ("<html", "a web page"), ("<?xml", "an XML document"))
_SUFFIXES: Final = {
    ".py": "a program", ".js": "a program", ".sh": "a program", ".md": "a document", ".rst": "a document",
    ".html": "a web page", ".htm": "a web page", ".xml": "an XML document", ".toml": "settings",
    ".yaml": "settings", ".yml": "settings", ".ini": "settings", ".ipynb": "a notebook", ".tex": "a document",
}  # fmt: skip


def describe_foreign(head: FileHead) -> str:
    """What a file is that no binary format of the registry recognises, in words; "" if it may be a text table."""
    if head.data.startswith(OLE):
        return "an old Office document"
    if head.data.startswith(ZIP):
        return _describe_zip(head.zip_members)
    for signature, description in _SIGNATURES:
        if head.data.startswith(signature):
            return description
    if head.data.startswith(_PICKLES) or (head.data[:1] == b"\x80" and head.suffix in {".pkl", ".pickle"}):
        return "a Python pickle, which can run programs when it is opened"
    if is_binary(head.data):
        return "not text, and in no format that is known here"
    opening = head.text[:200].lower()
    for start, description in _TEXT_OPENINGS:
        if opening.startswith(start):
            return description
    return _SUFFIXES.get(head.suffix, "")


def _describe_zip(members: tuple[str, ...]) -> str:
    if any(member.startswith("word/") for member in members):
        return "a Word document"
    if "content.xml" in members:
        return "an OpenDocument file (save it as xlsx or CSV)"
    if any(member.endswith(".npy") for member in members):
        return "a NumPy archive"
    return "a zip archive (unpack it first)"
