"""Pictures looked at as pixels."""

import io
import struct

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.int16]

SIGNATURE = b"\x89PNG\r\n\x1a\n"


def pixels(picture: bytes) -> Pixels:
    """Rows of pixels, each red, green and blue."""
    with Image.open(io.BytesIO(picture)) as image:
        return np.asarray(image.convert("RGB"), dtype=np.int16)


def near(picture: bytes, color: str) -> NDArray[np.bool_]:
    """Where the picture has about this colour."""
    wanted = np.array(tuple(bytes.fromhex(color[1:])))
    close: NDArray[np.bool_] = np.abs(pixels(picture) - wanted).max(axis=2) < 12
    return close


def ink(picture: bytes, color: str) -> int:
    """How many pixels have about this colour."""
    return int(near(picture, color).sum())


def rows_of(picture: bytes, color: str) -> list[int]:
    """The rows of the picture in which there is this colour, from the top."""
    rows: list[int] = np.flatnonzero(near(picture, color).any(axis=1)).tolist()
    return rows


def size(picture: bytes) -> tuple[int, int]:
    """Width and height as the file says them."""
    assert picture.startswith(SIGNATURE)
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


def chunks(picture: bytes) -> list[bytes]:
    """The kinds of the file's parts."""
    kinds, at = [], len(SIGNATURE)
    while at < len(picture):
        length = struct.unpack(">I", picture[at : at + 4])[0]
        kinds.append(picture[at + 4 : at + 8])
        at += length + 12
    return kinds
