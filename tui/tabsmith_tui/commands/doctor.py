"""`tabsmith doctor`: what is installed, what works, where things live."""

import os
import platform
import shutil
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final, Literal

import click
import msgspec

from tabsmith import __version__
from tabsmith.errors import WORK_FAILED, StorageError, TabsmithError
from tabsmith.paths import folders
from tabsmith_tui.commands.output import json_option, print_json, print_table

_PACKAGES: Final = (
    "textual",
    "msgspec",
    "duckdb",
    "pyarrow",
    "pandas",
    "scikit-learn",
    "lightgbm",
    "catboost",
    "skops",
    "click",
    "python-calamine",
)
_LITTLE_SPACE: Final = 1_000_000_000


class Finding(msgspec.Struct, frozen=True):
    """One thing looked at."""

    what: str
    state: Literal["ok", "warning", "problem"]
    says: str


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """Say what is installed, what is reachable, where things live."""
    found = [_python(), _settings(), *_folders(), *_packages(), _terminal()]
    if as_json:
        print_json(found)
    else:
        print_table(["", "what", "says"], [[each.state, each.what, each.says] for each in found], widest=100)
    return WORK_FAILED if any(each.state == "problem" for each in found) else 0


def _python() -> Finding:
    words = f"{platform.python_version()} on {platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return Finding("python", "ok", f"{words}; tabsmith {__version__}")


def _settings() -> Finding:
    from tabsmith import config

    try:
        problems = config.check()
    except TabsmithError as error:
        return Finding("settings", "problem", str(error))
    if problems:
        return Finding("settings", "problem", problems[0].what)
    return Finding("settings", "ok", str(folders().settings_file))


def _folders() -> list[Finding]:
    here = folders()
    places = (("state", here.state), ("models", here.models), ("cache", here.cache), ("config", here.config))
    return [_folder(name, place) for name, place in places]


def _folder(name: str, place: Path) -> Finding:
    from tabsmith.storage.atomic import make_folder

    try:
        make_folder(place)
        with tempfile.TemporaryFile(dir=place):
            pass
    except (OSError, StorageError) as error:
        return Finding(name, "problem", f"{place} cannot be written: {error}")
    free = shutil.disk_usage(place).free
    says = f"{place}, {free / 1e9:,.0f} GB free"
    return Finding(name, "warning" if free < _LITTLE_SPACE else "ok", says)


def _packages() -> list[Finding]:
    return [_package(name) for name in _PACKAGES]


def _package(name: str) -> Finding:
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        return Finding(name, "problem", "not installed: install tabsmith again")


def _terminal() -> Finding:
    if not sys.stdout.isatty():
        return Finding("terminal", "ok", "none here; `tabsmith` alone runs the sample")
    size = shutil.get_terminal_size()
    small = size.columns < 60 or size.lines < 20
    says = f"{os.environ.get('TERM', '?')}, {size.columns} x {size.lines}"
    return Finding("terminal", "warning" if small else "ok", says + (", under 60 x 20" if small else ""))
