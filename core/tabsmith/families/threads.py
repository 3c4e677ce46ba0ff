"""How many threads the libraries that fit models may use, set without looking for these libraries each time."""

import sys
from functools import lru_cache
from typing import Any

from threadpoolctl import ThreadpoolController

from tabsmith.families.registry import families


def limit_threads(threads: int) -> Any:
    """A context in which the libraries that are loaded use at most `threads` threads each.

    Which libraries there are is found once for those of the families that are imported (`FamilySpec.preload`), and known
    to forked children of the process: to find them takes as long as to fit a small model.
    """
    return _controller(frozenset(_imported())).limit(limits=threads)


def _imported() -> list[str]:
    return [name for spec in families() for name in spec.preload if name in sys.modules]


@lru_cache(maxsize=8)
def _controller(imported: frozenset[str]) -> ThreadpoolController:  # noqa: ARG001 - the key
    return ThreadpoolController()
