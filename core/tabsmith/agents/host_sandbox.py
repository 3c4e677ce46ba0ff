"""The sandbox of an errand: of the commands that Claude Code runs, and of an ACP agent's whole program."""

import tempfile
from pathlib import Path

from tabsmith.agents.acp_program import Wrap
from tabsmith.agents.errands import Errand
from tabsmith.paths import folders
from tabsmith.sandbox.policy import Policy
from tabsmith.sandbox.running import wrap

_PROCESSES = 1_024
_MEMORY_MB = 8_192


def around_commands(errand: Errand, own: Path) -> Wrap:
    """How a command of the agent's is put into its sandbox. `own` is a scratch folder that lives as long as the
    errand. The program itself stays outside, as it needs its login and its model's server; its file tools pass the
    gate."""
    policy = Policy(network=errand.network, seconds=None, processes=_PROCESSES, memory_mb=_MEMORY_MB)
    return _wrapping(errand, own, policy)


def around_program(errand: Errand, own: Path) -> Wrap:
    """How a program whose commands cannot be told apart is put into the sandbox as a whole. Its network is open, so
    that it reaches its model's server."""

    def inside(command: list[str]) -> list[str]:
        policy = Policy(
            readable=_given(command), network="all", seconds=None, processes=_PROCESSES, memory_mb=_MEMORY_MB
        )
        return _wrapping(errand, own, policy)(command)

    return inside


def _wrapping(errand: Errand, own: Path, policy: Policy) -> Wrap:
    def inside(command: list[str]) -> list[str]:
        if errand.sandbox == "none":
            return command
        return list(wrap(tuple(command), Path(errand.folder), policy, errand.sandbox, own).argv)

    return inside


def _given(command: list[str]) -> tuple[Path, ...]:
    """Files that the command line names, with what lies beside them in a temporary folder; none of tabsmith's own."""
    temporary, state = Path(tempfile.gettempdir()).resolve(), folders().state.resolve()
    named = [Path(word).resolve() for word in command[1:] if word.startswith("/") and Path(word).exists()]
    return tuple(
        path.parent if path.is_relative_to(temporary) and path.parent != temporary else path
        for path in named
        if not path.is_relative_to(state)
    )
