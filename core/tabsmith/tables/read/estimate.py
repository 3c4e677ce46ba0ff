"""What loading a table will cost, from its size and its beginning, in milliseconds."""

from typing import Final

from tabsmith.errors import TableChangedError
from tabsmith.tables.info import Estimate
from tabsmith.tables.read.encoding import HEAD, unpack_head
from tabsmith.tables.read.formats.registry import format_named
from tabsmith.tables.read.opened_file import GuardedFile
from tabsmith.tables.read.sources import SAMPLE_SIZES, SampleSource

_CELL_BYTES: Final = 24  # of a cell in memory, about


def estimate_file(file: GuardedFile) -> Estimate:
    """About how many rows, columns and bytes of memory a file needs, without reading it.

    Raises TableChangedError if the file is gone.
    """
    try:
        with file.path.open("rb") as stream:
            head = unpack_head(stream.read(HEAD), file.compression)
    except OSError as error:
        raise TableChangedError(
            f"The file cannot be opened any more: {error.strerror}.",
            where=file.display_path,
            next_step="Choose it again.",
        ) from error
    rows, columns = format_named(file.format).estimate(file, head)
    return Estimate(file.size, rows, columns, rows * columns * _CELL_BYTES, file.format)


def estimate_sample(source: SampleSource) -> Estimate:
    """What loading a sample costs, which is known beforehand."""
    rows, columns = SAMPLE_SIZES[source.name]
    return Estimate(size=0, rows=rows, columns=columns, memory=rows * columns * 8, format="sample")
