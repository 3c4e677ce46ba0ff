"""A program: prepares a table in one thread, then fits every family in a forked child with two threads.

In a process of its own, as a worker is: one that has used OpenMP itself cannot fork safely. Prints what was fitted.
"""

import os
import sys
from pathlib import Path

from tabsmith.families.registry import family_names
from tabsmith.modeling import cross_validation
from tabsmith.runs.stages import one_thread, preload


def main(folder: Path) -> None:
    """Fit each family below `folder`."""
    one_thread()
    preload()
    from tests.core.modeling.shapes import prepared, quick

    data = prepared("level", "multiclass")
    for family in family_names():
        child = os.fork()
        if child == 0:
            status = 1
            try:
                cross_validation.fit_fold(data, quick(family), 0, folder / family, threads=2, seconds_left=lambda: 60.0)
                status = 0
            finally:
                os._exit(status)
        _, status = os.waitpid(child, 0)
        if status == 0 and cross_validation.finished_folds(folder / family):
            print(family, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
