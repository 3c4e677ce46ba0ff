"""Words in a picture: what the font can show, how wide it is, cut to the room there is.

The font comes with matplotlib and is opened by its path: no other font is looked for, and the same words look the same
on every machine.
"""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from tabsmith.text import clean

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

Weight = Literal["plain", "bold"]

DPI: Final = 160
ABSENT: Final = "□"  # stands for a character that the font lacks
NAMELESS: Final = "(empty)"
_FILES: Final[dict[Weight, str]] = {"plain": "DejaVuSans.ttf", "bold": "DejaVuSans-Bold.ttf"}
_LONGEST: Final = 200


def path_of(weight: Weight) -> Path:
    """The font's file."""
    from matplotlib import get_data_path

    return Path(get_data_path()) / "fonts" / "ttf" / _FILES[weight]


def showable(text: str, limit: int = _LONGEST) -> str:
    """Text from outside as one line that the font can show: cleaned, cut, with a box for each character it lacks."""
    known = _characters()
    cleaned = clean(text, limit).strip()
    return "".join(each if ord(each) in known else ABSENT for each in cleaned) or NAMELESS


def width(text: str, points: float, weight: Weight = "plain") -> float:
    """How many pixels `text` takes."""
    font = _font(weight)
    font.set_size(points, DPI)
    font.set_text(text, 0.0)
    return float(font.get_width_height()[0]) / 64  # the library counts in 64ths


def fit(text: str, room: float, points: float, weight: Weight = "plain") -> str:
    """`text`, with "…" in it where it is wider than `room` pixels. Its end stays: names often differ there alone."""
    if width(text, points, weight) <= room:
        return text
    fits, over = 0, len(text)
    while over - fits > 1:
        middle = (fits + over) // 2
        if width(_shortened(text, middle), points, weight) <= room:
            fits = middle
        else:
            over = middle
    return _shortened(text, fits)


def _shortened(text: str, kept: int) -> str:
    tail = kept // 3
    return text[: kept - tail].rstrip() + "…" + text[len(text) - tail :].lstrip()


def _font(weight: Weight) -> "FT2Font":
    from matplotlib.font_manager import get_font

    return get_font(str(path_of(weight)))


@cache
def _characters() -> frozenset[int]:
    """What both weights can show."""
    return frozenset(_font("plain").get_charmap()) & frozenset(_font("bold").get_charmap())
