"""A measured row: one figure beside the one it is held against, and their ratio beside its budget."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """What was measured: `figure` and `against` in `unit`, their `ratio`, and the largest ratio that is in budget."""

    name: str
    figure: float
    unit: str
    against: float
    ratio: float
    budget: float

    @property
    def within(self) -> bool:
        return self.ratio <= self.budget


def print_rows(rows: Iterable[Row]) -> None:
    """The rows as aligned text on stdout, one a line."""
    for row in rows:
        verdict = "within" if row.within else "OVER"
        print(
            f"{row.name:<52} {row.figure:>10.3f} {row.unit:<3} against {row.against:>10.3f} {row.unit:<3}"
            f"  ratio {row.ratio:>6.2f}  {verdict} {row.budget:.2f}"
        )
