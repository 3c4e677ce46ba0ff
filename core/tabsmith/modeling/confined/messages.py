"""What a stranger's model and its process say to each other: requests, the answer, and how a message is framed."""

import struct
from typing import IO, Final, TypeAlias

import msgspec

from tabsmith.errors import ErrorReport
from tabsmith.modeling.decisions.types import Calibration
from tabsmith.modeling.model_files import StoredMember
from tabsmith.modeling.rows import RowArrays

LENGTH: Final = struct.Struct("<Q")


class MembersToLoad(msgspec.Struct, frozen=True):
    """Load the members whose folders lie in `folder`, and from then on touch nothing else; `memory` is in bytes."""

    folder: str
    members: tuple[StoredMember, ...]
    memory: int


class RowsToPredict(msgspec.Struct, frozen=True):
    """Predict the rows."""

    rows: RowArrays


class RowsToExplain(msgspec.Struct, frozen=True):
    """Explain the predictions of the rows by comparing them with a background."""

    rows: RowArrays
    background: RowArrays
    calibration: Calibration


ConfinedRequest: TypeAlias = MembersToLoad | RowsToPredict | RowsToExplain


class Answered(msgspec.Struct, frozen=True):
    """The shapes of the arrays of float64 that follow this line, in their order; or what went wrong."""

    shapes: tuple[tuple[int, ...], ...] = ()
    exact: bool = True
    error: ErrorReport | None = None


def write_message(stream: IO[bytes], data: bytes) -> None:
    """Write the length of `data` and `data`."""
    stream.write(LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()
