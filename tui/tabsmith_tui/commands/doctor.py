"""`tabsmith doctor`: which packages are installed, what works, and where files are stored."""

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
from tabsmith.families.registry import family_distributions
from tabsmith.formatting import size
from tabsmith.paths import folders
from tabsmith.text import plural
from tabsmith.version import __version__
from tabsmith_tui.commands.output import json_option, print_json, print_table

if TYPE_CHECKING:
    from tabsmith.agents.backend import Availability
    from tabsmith.config.settings import AgentSettings

_PACKAGES: Final = (
    "textual",
    "msgspec",
    "duckdb",
    "pyarrow",
    "pandas",
    *family_distributions(),
    "skops",
    "click",
    "python-calamine",
)
_LITTLE_SPACE: Final = 1_000_000_000


class Finding(msgspec.Struct, frozen=True):
    """The state of one thing."""

    what: str
    state: Literal["ok", "warning", "problem"]
    says: str


@click.command()
@json_option
def doctor(as_json: bool) -> int:
    """Say what is installed, what is reachable, and where files are stored."""
    findings = [
        _python(),
        _settings(),
        *_folders(),
        *_rooms(),
        *(_package(name) for name in _PACKAGES),
        *_extras(),
        *_agents(),
        *_bridge(),
        _terminal(),
    ]
    if as_json:
        print_json(findings)
    else:
        rows = [[finding.state, finding.what, finding.says] for finding in findings]
        print_table(["", "what", "says"], rows, widest=300)
    return WORK_FAILED if any(finding.state == "problem" for finding in findings) else 0


def _python() -> Finding:
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    return Finding("python", "ok", f"{platform.python_version()} on {machine}; tabsmith {__version__}")


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
    paths = folders()
    named = (("state", paths.state), ("models", paths.models), ("cache", paths.cache), ("config", paths.config))
    return [_folder(name, path) for name, path in named]


def _folder(name: str, path: Path) -> Finding:
    from tabsmith.storage.files import make_folder

    try:
        make_folder(path)
        with tempfile.TemporaryFile(dir=path):
            pass
    except (OSError, StorageError) as error:
        return Finding(name, "problem", f"{path} cannot be written: {error}")
    free = shutil.disk_usage(path).free
    says = f"{path}, {free / 1e9:,.0f} GB free"
    return Finding(name, "warning" if free < _LITTLE_SPACE else "ok", says)


def _rooms() -> list[Finding]:
    """What takes room, the largest first."""
    from tabsmith.upkeep.clean import measure_rooms

    rooms = measure_rooms()
    says = ", ".join(f"{room.kind} {size(room.size)}" for room in rooms) or "nothing is saved yet"
    return [Finding("room", "ok", f"{says} (tabsmith clean)")]


def _package(name: str, extra: str = "") -> Finding:
    try:
        return Finding(name, "ok", version(name))
    except PackageNotFoundError:
        if extra:
            return Finding(name, "ok", f"not installed (extra {extra})")
        return Finding(name, "problem", "not installed: install tabsmith again")


def _extras() -> list[Finding]:
    from tabsmith.agent_registry import AGENTS

    extras = {agent.extra: agent.packages for agent in AGENTS.values() if agent.extra}
    extras |= {
        "dask": ("distributed",),
        "formats": ("pyreadstat",),
        "sql": ("sqlalchemy", "psycopg"),
        "telegram": ("httpx", "matplotlib"),
    }
    return [_package(name, extra) for extra, names in extras.items() for name in names]


def _agents() -> list[Finding]:
    from tabsmith import config
    from tabsmith.agents.backend import availability

    try:
        settings = config.load().agents
    except TabsmithError:
        return [Finding("agents", "warning", "not checked: the settings have a mistake")]
    agents = [_agent(agent, is_default=agent.agent == settings.default) for agent in availability(settings)]
    return [*agents, *_servers(settings)]


def _agent(agent: "Availability", *, is_default: bool) -> Finding:
    unusable_default = is_default and agent.usable == "not usable"
    says = ". ".join(part for part in (f"{agent.usable}: {agent.why}", agent.next_step) if part)
    return Finding(f"agent {agent.agent}", "warning" if unusable_default else "ok", says)


def _servers(settings: "AgentSettings") -> list[Finding]:
    """Whether the model's server accepts connections, if its address is set; nothing is sent."""
    from tabsmith_tui.agent_settings import connection_problem, server_address

    if settings.llm.base_url is None:
        return []
    try:
        address = server_address(settings.llm)
    except AgentMissingError:
        return []  # the line of the agent says why
    problem = connection_problem(address)
    if problem:
        return [Finding("llm server", "warning", f"{address} accepts no connection: {problem}")]
    return [Finding("llm server", "ok", f"{address} accepts connections; nothing was sent")]


def _bridge() -> list[Finding]:
    """The Telegram bridge, without asking Telegram."""
    from tabsmith import config
    from tabsmith.telegram.health import token_source
    from tabsmith.telegram.service import bridge_paths, running

    try:
        settings = config.load()
        if not settings.telegram.token:
            return [Finding("bridge", "ok", "no token set: tabsmith config set telegram.token -")]
        owner = running(bridge_paths(settings))
        token = Finding("bridge token", "ok", f"set, from {token_source()}")
    except TabsmithError as error:
        return [Finding("bridge", "warning", error.what)]
    runs = f"running, process {owner.pid}" if owner else "not running: tabsmith bridge start"
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
