"""Every row that we hold numbers for: `make bench`, or `python -m benchmarks NAME ...` for some of them."""

import sys
from importlib import import_module

from benchmarks.rows import print_rows

ALL = (
    "startup",
    "runs",
    "keys",
    "loop",
    "journal",
    "sessions",
    "prediction",
    "quality",
    "budget",
    "large",
    "reading",
    "explore",
    "tokens",
    "sandbox",
    "bridge",
)


def main(names: list[str]) -> None:
    """Print the rows of the benchmarks called `names`, all of them when there is none."""
    for name in names or ALL:
        print_rows(import_module(f"benchmarks.{name}").main())


if __name__ == "__main__":
    main(sys.argv[1:])
