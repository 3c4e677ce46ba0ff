"""What loading a file will cost, from its size and its beginning, in milliseconds. Light."""

from typing import Final

from tabsmith.errors import TableChangedError
from tabsmith.tables.info import Estimate
from tabsmith.tables.read.formats.recognition import HEAD, unpack_head
from tabsmith.tables.read.guard import GuardedFile
from tabsmith.tables.read.samples import estimate_sample

_CELL_BYTES: Final = 24  # of a cell in memory, about
_PACKED: Final = 5  # how much smaller text gets when it is packed, about
_WORKBOOK_CELL: Final = 8  # packed bytes of a cell in a workbook, about


def estimate_file(guarded: GuardedFile) -> Estimate:
    """Rows, columns and memory, about, without reading the file. Raises TableChangedError when it is gone."""
    try:
        with guarded.path.open("rb") as stream:
            head = stream.read(HEAD)
            if guarded.format == "parquet":
                return _parquet(guarded)
    except OSError as error:
        raise TableChangedError(
            f"The file cannot be opened any more: {error.strerror}.", where=guarded.shown, next_step="Choose it again."
        ) from error
    if guarded.format in {"xlsx", "xls"}:
        columns = 10
        return _made(guarded, max(1, guarded.size // (_WORKBOOK_CELL * columns)), columns)
    text = unpack_head(head, guarded.compression)
    size = guarded.size
    if guarded.compression != "none":
        size = round(size * max(len(text) / max(1, len(head)), _PACKED))
    return _text(guarded, text, size)


def _text(guarded: GuardedFile, head: bytes, size: int) -> Estimate:
    from tabsmith.tables.read.encoding import detect_encoding

    encoding = detect_encoding(head)
    text = head.decode("utf-8-sig" if encoding == "utf-8" else encoding, "replace")
    if guarded.format in {"json", "jsonl"}:
        rows = max(1, text.count("{") - (guarded.format == "json" and text.lstrip()[:1] == "{"))
        columns = max(1, round(text.count('":') / rows))
        return _made(guarded, max(1, round(rows * size / max(1, len(head)))), columns)
    from tabsmith.tables.read.csv_dialect import sniff_dialect

    sniffed = sniff_dialect(text, tabs=guarded.format == "tsv")
    lines = max(1, text.count("\n") or text.count("\r"))
    rows = max(1, round(lines * size / max(1, len(head))) - sniffed.first + 1)
    return _made(guarded, rows, max(1, sniffed.width))


def _parquet(guarded: GuardedFile) -> Estimate:
    """A Parquet file's footer tells: its length stands in the last eight bytes, and pyarrow reads only that."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        footer = pq.read_metadata(guarded.path)
    except (pa.ArrowException, OSError, ValueError):
        return _made(guarded, max(1, guarded.size // (8 * 10)), 10)  # damaged: reading says how
    return _made(guarded, footer.num_rows, footer.num_columns)


def _made(guarded: GuardedFile, rows: int, columns: int) -> Estimate:
    return Estimate(guarded.size, rows, columns, rows * columns * _CELL_BYTES, guarded.format)


__all__ = ["estimate_file", "estimate_sample"]
