"""`tabsmith doctor`: what is installed, what works, where things live."""

import os
import platform
import shutil
import sys
import tempfile
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import click
import msgspec

from tabsmith.errors import WORK_FAILED, AgentMissingError, StorageError, TabsmithError
from tabsmith.paths import folders
from tabsmith.text import plural
from tabsmith.version import __version__
from tabsmith_tui.commands.output import json_option, print_json, print_table

if TYPE_CHECKING:
    from tabsmith.agents.availability import Availability
    from tabsmith.config.settings import AgentSettings

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
    found = [_python(), _settings(), *_folders(), *_packages(), *_extras(), *_agents(), *_bridge(), _terminal()]
    if as_json:
        print_json(found)
    else:
        print_table(["", "what", "says"], [[each.state, each.what, each.says] for each in found], widest=300)
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
    from tabsmith.storage.files import make_folder

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


def _extras() -> list[Finding]:
    from tabsmith.agents.registry import AGENTS

    extras = {agent.extra: agent.packages for agent in AGENTS.values() if agent.extra}
    extras["telegram"] = ("httpx", "matplotlib")
    return [_extra(name, extra) for extra, names in extras.items() for name in names]


def _extra(name: str, extra: str) -> Finding:
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        return Finding(name, "ok", f"not installed (extra {extra})")


def _agents() -> list[Finding]:
    from tabsmith import config
    from tabsmith.agents.availability import availability

    try:
        settings = config.load().agents
    except TabsmithError:
        return [Finding("agents", "warning", "not looked at: the settings have a mistake")]
    found = [_agent(each, is_default=each.agent == settings.default) for each in availability(settings)]
    return [*found, *_servers(settings)]


def _agent(found: "Availability", *, is_default: bool) -> Finding:
    unusable_default = is_default and found.usable == "not usable"
    says = ". ".join(part for part in (f"{found.usable}: {found.why}", found.next_step) if part)
    return Finding(f"agent {found.agent}", "warning" if unusable_default else "ok", says)


def _servers(settings: "AgentSettings") -> list[Finding]:
    """Whether the model's server that is set by its address takes connections; nothing is asked of it."""
    from tabsmith_tui.connectivity import connection_problem, server_address

    if settings.llm.base_url is None:
        return []
    try:
        place = server_address(settings.llm)
    except AgentMissingError:
        return []  # the agent's own line says why
    trouble = connection_problem(place)
    if trouble:
        return [Finding("llm server", "warning", f"{place} takes no connection: {trouble}")]
    return [Finding("llm server", "ok", f"{place} takes connections; nothing was asked of it")]


def _bridge() -> list[Finding]:
    """The bridge to a phone, as far as it is told without asking Telegram."""
    from tabsmith import config
    from tabsmith.telegram.health import token_source
    from tabsmith.telegram.service import bridge_paths, running

    try:
        settings = config.load()
        if not settings.telegram.token:
            return [Finding("bridge", "ok", "no token set: tabsmith config set telegram.token -")]
        place = bridge_paths(settings)
        found = running(place)
        token = Finding("bridge token", "ok", f"set, from {token_source()}")
    except TabsmithError as error:
        return [Finding("bridge", "warning", error.what)]
    runs = f"running, process {found.pid}" if found else "not running: tabsmith bridge start"
    allowed = settings.telegram.allowed_users
    people = plural(len(allowed), "person", "people") if allowed else "nobody"
    return [
        Finding("bridge", "ok", runs),
        token,
        Finding("bridge users", "ok" if allowed else "warning", f"{people} may talk to it (telegram.allowed_users)"),
    ]


def _terminal() -> Finding:
    if not sys.stdout.isatty():
        return Finding("terminal", "ok", "none here; `tabsmith` alone runs the sample")
    size = shutil.get_terminal_size()
    small = size.columns < 60 or size.lines < 20
    says = f"{os.environ.get('TERM', '?')}, {size.columns} x {size.lines}"
    return Finding("terminal", "warning" if small else "ok", says + (", under 60 x 20" if small else ""))
