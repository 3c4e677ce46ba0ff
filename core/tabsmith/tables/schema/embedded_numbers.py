"""Numbers written with a unit: `12 kg`, `$3.5K`, `10+ years`. One cell is read the same way whatever stands beside it."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

_NUMBER: Final = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:[.,]\d+)?|\.\d+"
_CELL: Final = re.compile(
    rf"(?P<before>[<>~≈≤≥]?\s?(?:[A-Z]{{0,3}}[$€£¥₹]|[A-Z]{{3}}\s|Rs\.?\s?)?)\s?"
    rf"(?P<sign>[-+\u2212]?)(?P<number>{_NUMBER})\s?(?P<scale>[kKMB](?![A-Za-z]))?\s?"
    r"(?P<after>\+?\s?(?:[^\W\d_][^\W_0-9,'\"]{0,14}(?:/[^\W\d_]{1,6})?(?:\s[^\W\d_]{1,8}){0,2}|[%°'\"\u2032\u2033]\s?[CFKm]?)?)",
)
_SCALES: Final = {"k": 1e3, "K": 1e3, "M": 1e6, "B": 1e9}
_ORDINALS: Final = frozenset({"st", "nd", "rd", "th"})
_MATCHING: Final = 0.95  # of the values
_LEAST_VALUES: Final = 5  # fewer different values are categories, such as `36 months` and `60 months`


def embedded_number(text: str) -> float | None:
    """The number in a cell that holds exactly one, with or without a unit; None for any other text.

    A comma before three digits groups thousands; any other comma is a decimal comma. `K`, `M` and `B` right after the
    number stand for thousands, millions and billions.
    """
    cell = _CELL.fullmatch(text.strip())
    if cell is None:
        return None
    number = cell["number"]
    number = number.replace(",", "") if re.search(r"\d,\d{3}(?!\d)", number) else number.replace(",", ".")
    value = float(number) * _SCALES.get(cell["scale"] or "", 1.0)
    return -value if cell["sign"] in ("-", "\u2212") else value


def common_unit(texts: Sequence[str]) -> str:
    """The unit of a column whose different texts are numbers with a unit, such as `kg`; "" if it is no such column.

    At least 95 % of the texts hold one number, and all of those that have a unit have the same one.
    """
    if len(texts) < _LEAST_VALUES:
        return ""
    cells = [cell for text in texts if (cell := _CELL.fullmatch(text.strip()))]
    if len(cells) < _MATCHING * len(texts):
        return ""
    units = Counter(unit for cell in cells if (unit := _unit(cell)))
    if not units:
        return ""
    unit, count = units.most_common(1)[0]
    if count < _MATCHING * units.total() or units.total() < 0.5 * len(cells) or unit in _ORDINALS:
        return ""
    return unit


def _unit(cell: re.Match[str]) -> str:
    """What stands around the number, in the singular: `year` for `10+ years`, `K` for a scale alone."""
    before = cell["before"].strip("<>~≈≤≥ ")
    after = cell["after"].strip("+ ").removesuffix(".")
    unit = f"{before} {after.removesuffix('s')}".strip() or ("K, M" if cell["scale"] else "")
    return unit.lower() if len(unit) > 3 else unit
