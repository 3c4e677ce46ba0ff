"""Tables that come with R, whose published results the operations are compared with, and the findings of a plan on them."""

from pathlib import Path

import pandas as pd

from tabsmith.statistics.findings import Cell, Findings
from tabsmith.statistics.plan import Plan
from tabsmith.statistics.run import answer
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.frames import from_frame
from tabsmith.tables.table import read_table

SLEEP = pd.DataFrame(
    {
        "extra": [
            0.7,
            -1.6,
            -0.2,
            -1.2,
            -0.1,
            3.4,
            3.7,
            0.8,
            0.0,
            2.0,
            1.9,
            0.8,
            1.1,
            0.1,
            -0.1,
            4.4,
            5.5,
            1.6,
            4.6,
            3.4,
        ],
        "group": ["one"] * 10 + ["two"] * 10,
    }
)
PAIRED_SLEEP = pd.DataFrame({"first": SLEEP["extra"][:10].tolist(), "second": SLEEP["extra"][10:].tolist()})
PLANTS = pd.DataFrame(
    {
        "weight": [
            4.17, 5.58, 5.18, 6.11, 4.50, 4.61, 5.17, 4.53, 5.33, 5.14, 4.81, 4.17, 4.41, 3.59, 5.87, 3.83, 6.03, 4.89,
            4.32, 4.69, 6.31, 5.12, 5.54, 5.50, 5.37, 5.29, 4.92, 6.15, 5.80, 5.26,
        ],
        "group": ["ctrl"] * 10 + ["trt1"] * 10 + ["trt2"] * 10,
    }
)  # fmt: skip
WOMEN = pd.DataFrame(
    {
        "height": list(range(58, 73)),
        "weight": [115, 117, 120, 123, 126, 129, 132, 135, 139, 142, 146, 150, 154, 159, 164],
    }
)
CARS = pd.DataFrame(
    {
        "mpg": [
            21, 21, 22.8, 21.4, 18.7, 18.1, 14.3, 24.4, 22.8, 19.2, 17.8, 16.4, 17.3, 15.2, 10.4, 10.4, 14.7, 32.4, 30.4,
            33.9, 21.5, 15.5, 15.2, 13.3, 19.2, 27.3, 26, 30.4, 15.8, 19.7, 15, 21.4,
        ],
        "cyl": [6, 6, 4, 6, 8, 6, 8, 4, 4, 6, 6, 8, 8, 8, 8, 8, 8, 4, 4, 4, 4, 8, 8, 8, 8, 4, 4, 4, 8, 6, 8, 4],
        "hp": [
            110, 110, 93, 110, 175, 105, 245, 62, 95, 123, 123, 180, 180, 180, 205, 215, 230, 66, 52, 65, 97, 150, 150, 245,
            175, 66, 91, 113, 264, 175, 335, 109,
        ],
        "wt": [
            2.62, 2.875, 2.32, 3.215, 3.44, 3.46, 3.57, 3.19, 3.15, 3.44, 3.44, 4.07, 3.73, 3.78, 5.25, 5.424, 5.345, 2.2,
            1.615, 1.835, 2.465, 3.52, 3.435, 3.84, 3.845, 1.935, 2.14, 1.513, 3.17, 2.77, 3.57, 2.78,
        ],
        "am": [1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1],
        "gear": [4, 4, 4, 3, 3, 3, 3, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 4, 4, 4, 3, 3, 3, 3, 3, 4, 5, 5, 5, 5, 5, 4],
    }
)  # fmt: skip
DOBSON = pd.DataFrame(
    {
        "counts": [18, 17, 15, 20, 10, 20, 25, 13, 12],
        "outcome": ["1", "2", "3"] * 3,
        "treatment": ["a", "a", "a", "b", "b", "b", "c", "c", "c"],
    }
).replace({"outcome": {"1": "o1", "2": "o2", "3": "o3"}})
HAIR_AND_EYES = {
    "Black": (68, 20, 15, 5), "Brown": (119, 84, 54, 29), "Red": (26, 17, 14, 14), "Blond": (7, 94, 10, 16)
}  # fmt: skip
EYES = ("Brown", "Blue", "Hazel", "Green")


def rows_of(counts: dict[tuple[str, str], int], names: tuple[str, str]) -> pd.DataFrame:
    """A table with as many rows of each pair of values as `counts` says."""
    return pd.DataFrame([pair for pair, count in counts.items() for _ in range(count)], columns=list(names))


def hair_and_eyes() -> pd.DataFrame:
    """R's HairEyeColor, men and women together."""
    counts = {(hair, eye): n for hair, line in HAIR_AND_EYES.items() for eye, n in zip(EYES, line, strict=True)}
    return rows_of(counts, ("hair", "eye"))


def ask_of(frame: pd.DataFrame, plan: Plan) -> Findings:
    """The findings of a plan on a frame."""
    return answer(plan, from_frame(frame))


def table_on_disk(frame: pd.DataFrame, folder: Path) -> TableInfo:
    """A frame as a CSV file that was read."""
    path = folder / "table.csv"
    frame.to_csv(path, index=False)
    return read_table(path).info


def cell(findings: Findings, title: str, row: str, column: str) -> Cell:
    """The cell of a table of findings, in the row that has `row` in one of its first two columns."""
    table = next(table for table in findings.tables if table.title.startswith(title))
    line = next(line for line in table.rows if row in [str(value) for value in line[:2]])
    return line[table.columns.index(column)]
