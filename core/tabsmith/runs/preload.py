"""Imports everything that a run or a job may need, so that no forked child has to."""

import gc
import os
from importlib import import_module
from pkgutil import walk_packages
from typing import Final

from tabsmith.families.registry import families

PACKAGES: Final = (
    "tabsmith.tables",
    "tabsmith.families",
    "tabsmith.recipes",
    "tabsmith.modeling",
    "tabsmith.orchestration",
)
"""Not the agents: the clients of models are imported in the agents' own process (see agents/server/agent_server.py)."""

LIBRARIES: Final = (
    "pandas",
    "pyarrow.parquet",
    "duckdb",
    "skops.io",
    "sklearn.decomposition",
    "sklearn.feature_extraction.text",
    "sklearn.model_selection",
    "sklearn.preprocessing",
)
"""Beside those that each model family names (`FamilySpec.preload`)."""


def one_thread() -> None:
    """Keep libraries from starting threads at their import: a process with threads cannot fork safely.

    Children that fit set their own number of threads.
    """
    os.environ["OPENBLAS_NUM_THREADS"] = "1"
    os.environ["JE_ARROW_MALLOC_CONF"] = "background_thread:false"


def preload() -> None:
    """Import everything; this takes a second or two.

    Garbage collection leaves alone what is in memory from then on, so that its pages stay shared with forked children.
    """
    gc.disable()
    for name in dict.fromkeys([*LIBRARIES, *(name for spec in families() for name in spec.preload)]):
        import_module(name)
    for package in PACKAGES:
        for module in walk_packages(import_module(package).__path__, f"{package}."):
            import_module(module.name)
    import_module("tabsmith.agents.search")
    import_module("tabsmith.agents.model_agent")
    import_module("tabsmith.runs.worker")
    import_module("tabsmith.runs.job_worker")
    gc.freeze()
    gc.enable()
