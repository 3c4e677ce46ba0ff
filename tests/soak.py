"""How often a test repeats itself: once in `make test`, in full in `make soak`."""

import os
from typing import Final

SOAK: Final = bool(os.environ.get("SOAK"))
"""True in `make soak`: every kill loop and repeated-update test runs all its rounds."""


def rounds(full: int, quick: int = 1) -> int:
    """Rounds of a test that repeats itself: `full` in `make soak`, `quick` in `make test`."""
    return full if SOAK else quick
