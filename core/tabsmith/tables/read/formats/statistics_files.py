"""Files of Stata, SPSS and SAS, read in batches by pyreadstat; codes that all have a label are read as their labels."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tabsmith.errors import ReadError
from tabsmith.tables.info import Dialect
from tabsmith.tables.read.arrow_columns import unique_names
from tabsmith.tables.read.formats.base import FileFormat, FileHead, ReadRequest, ReadResult, RowsAndColumns
from tabsmith.tables.read.frames import arrow_array
from tabsmith.tables.read.opened_file import GuardedFile
from tabsmith.tables.read.row_parts import BATCH_CELLS, RowParts
from tabsmith.tables.read.table_limits import require_columns
from tabsmith.text import clean

if TYPE_CHECKING:
    import pandas as pd

_CELL_BYTES: Final = 8
_SAS: Final = bytes.fromhex("000000000000000000000000c2ea8160b31411cfbd92080009c7318c181f1011")
_XPORT: Final = b"HEADER RECORD*******LIB"
_OLD_STATA: Final = b"\x71\x72\x73"  # versions 8 to 12 begin with their number


class FormatExtraError(ReadError):
    """The library that reads this format is not installed."""


@dataclass(slots=True)
class _Codes:
    """What the values of a column are: whether all are whole numbers, and which codes occur in a labelled one."""

    whole: bool = True
    codes: set[object] = field(default_factory=set)


def _statistics_format(
    name: str, label: str, suffixes: tuple[str, ...], recognises: Callable[[FileHead], bool], function: str
) -> FileFormat:
    def read(request: ReadRequest) -> ReadResult:
        return _read(request, function)

    def estimate(file: GuardedFile, _head: bytes) -> RowsAndColumns:
        try:
            _, meta = getattr(_library(file.display_path), function)(str(file.path), metadataonly=True)
        except ReadError:
            raise
        except Exception:  # noqa: BLE001 - a damaged file: reading it says how
            return max(1, file.size // (10 * _CELL_BYTES)), 10
        columns = max(1, meta.number_columns)
        return meta.number_rows or max(1, file.size // (columns * _CELL_BYTES)), columns

    return FileFormat(name, label, suffixes, recognises, read, estimate)


def _library(display_path: str) -> Any:
    try:
        import pyreadstat
    except ModuleNotFoundError as error:
        raise FormatExtraError(
            "Files of Stata, SPSS and SAS need a part of tabsmith that is not installed.",
            where=display_path,
            next_step="Install it: pip install 'tabsmith[formats]'",
        ) from error
    return pyreadstat


def _read(request: ReadRequest, function: str) -> ReadResult:
    """Look at all values once for the types and labels of the columns, and write them once."""
    display_path = request.opened.file.display_path
    library = _library(display_path)
    read = getattr(library, function)
    options: dict[str, Any] = {"encoding": request.options.encoding} if request.options.encoding else {}
    try:
        _, meta = read(request.opened.name, metadataonly=True, **options)
        names = unique_names(list(meta.column_names))
        require_columns(len(names), request.opened.file.display_path)
        labels = dict(meta.variable_value_labels)
        size = max(1, BATCH_CELLS // max(1, len(names)))

        def batches() -> "Iterator[pd.DataFrame]":
            for frame, _ in library.read_file_in_chunks(read, request.opened.name, chunksize=size, **options):
                yield frame

        found = _look(batches(), list(meta.column_names), labels)
        parts = RowParts(request.scratch)
        for frame in batches():
            arrays = {}
            for name, column in zip(names, meta.column_names, strict=True):
                known = labels.get(column, {})
                arrays[name] = _array(frame[column], found[column], known if found[column].codes <= set(known) else {})
            parts.add_arrays(arrays)
            request.progress(-1.0, f"reading, {parts.rows:,} rows so far")
    except (library.ReadstatError, library.PyreadstatError, UnicodeDecodeError, ValueError, OverflowError) as error:
        raise ReadError(
            f"The file is damaged or in a version that cannot be read: {clean(error, 200)}",
            where=display_path,
            next_step="Save it again from its program, or export it as CSV.",
        ) from error
    if not parts.rows:
        raise ReadError("The file has columns but no rows.", where=display_path, next_step="Choose another file.")
    return ReadResult(
        parts.names,
        request.write_parts(parts),
        encoding=str(meta.file_encoding or ""),
        dialect=Dialect(delimiter="", quote=""),
    )


def _look(
    frames: "Iterator[pd.DataFrame]", columns: list[str], labels: dict[str, dict[object, str]]
) -> dict[str, _Codes]:
    found = {column: _Codes() for column in columns}
    for frame in frames:
        for column, codes in found.items():
            series = frame[column]
            if series.dtype.kind == "f":
                present = series.dropna()
                codes.whole = codes.whole and bool(((present % 1 == 0) & (present.abs() < 2**53)).all())
            if column in labels:
                codes.codes |= set(series.dropna().unique().tolist())
    return found


def _array(series: "pd.Series[Any]", found: _Codes, labels: dict[object, str]) -> Any:
    if labels and found.codes:
        return arrow_array(series.map(labels).astype("object"))
    if series.dtype.kind == "f" and found.whole:
        return arrow_array(series.astype("Int64"))
    return arrow_array(series)


STATA: Final = _statistics_format(
    "stata", "Stata", (".dta",),
    lambda head: head.data.startswith(b"<stata_dta>") or (head.suffix == ".dta" and head.data[:1] in _OLD_STATA),
    "read_dta",
)  # fmt: skip
SPSS: Final = _statistics_format(
    "spss", "SPSS", (".sav", ".zsav"), lambda head: head.data.startswith((b"$FL2", b"$FL3")), "read_sav"
)
SPSS_PORTABLE: Final = _statistics_format(
    "por", "SPSS", (".por",), lambda head: b"SPSS PORT FILE" in head.data[:500] and head.suffix == ".por", "read_por"
)
SAS: Final = _statistics_format(
    "sas7bdat", "SAS", (".sas7bdat",), lambda head: head.data.startswith(_SAS), "read_sas7bdat"
)
SAS_TRANSPORT: Final = _statistics_format(
    "xport", "SAS", (".xpt", ".xport"), lambda head: head.data.startswith(_XPORT), "read_xport"
)
