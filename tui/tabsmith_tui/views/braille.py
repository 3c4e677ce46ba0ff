"""A canvas of braille dots, two by four to a cell: clouds of points in plain text."""

from typing import Final

_DOTS: Final = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


class Canvas:
    """`width` x `height` cells, that is `2 * width` x `4 * height` dots; (0, 0) is the upper left dot."""

    def __init__(self, width: int, height: int) -> None:
        self.width = max(1, width)
        self.height = max(1, height)
        self._cells = [[0] * self.width for _ in range(self.height)]

    @property
    def columns(self) -> int:
        return 2 * self.width

    @property
    def rows(self) -> int:
        return 4 * self.height

    def set(self, x: int, y: int) -> None:
        """Set one dot; outside of the canvas nothing happens."""
        if 0 <= x < self.columns and 0 <= y < self.rows:
            self._cells[y // 4][x // 2] |= _DOTS[y % 4][x % 2]

    def cell(self, column: int, row: int) -> str:
        """The character of a cell, a space where no dot is set."""
        dots = self._cells[row][column]
        return chr(0x2800 + dots) if dots else " "
