"""A regression table of two numbers and a category, in which `price` follows from the others."""

from pathlib import Path
from typing import Final

from msgspec.structs import replace

from tabsmith.runs.spec import Confirmed
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import FileSource
from tabsmith.tables.schema.detect import detect_schema

ROWS = 240
FOLDS: Final = 3
"""Enough for a mean and its error. Of a short run, the eight folds that tabsmith would take are most of the work."""


def written(path: Path) -> Path:
    """The table at `path`, as CSV."""
    lines = ["area,rooms,district,price"]
    for row in range(ROWS):
        area, rooms, district = 40 + row % 97, 1 + row % 5, "abc"[row % 3]
        lines.append(f"{area},{rooms},{district},{area * 31 + rooms * 500 + ord(district) * 20 + row % 7}")
    path.write_text("\n".join(lines) + "\n")
    return path


def confirmed(path: Path) -> Confirmed:
    """The schema of the table at `path` as a person may accept it, with few folds. The table is read here, and not again
    by the run."""
    info = read_source(FileSource(str(path)), allowed=(path.parent,), max_mb=1)
    schema = detect_schema(info, "price")
    return Confirmed(replace(schema, split=replace(schema.split, folds=FOLDS)), info.fingerprint)
