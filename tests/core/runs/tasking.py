"""Task files in tests: what the scripted agent does, the folders it does it in, and what must be true of every run."""

from pathlib import Path

from tabsmith.agents.usage import NO_USAGE
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.tasks import Task
from tests.core.runs.scripted import Model, as_told
from tests.peers.model_server import Reply, Tokens, Use

TOKENS = Tokens(input=1_000, output=50, cache_read=300, cache_write=70)
DONE = Reply(text="It is done.", tokens=TOKENS)


def write(path: str, content: str) -> Use:
    """The agent writes a file."""
    return Use("Write", {"file_path": path, "content": content}, "I write it.", TOKENS)


def bash(command: str) -> Use:
    """The agent runs a command."""
    return Use("Bash", {"command": command}, tokens=TOKENS)


def task(folder: Path, accept: str, **others: object) -> Task:
    """A task in `folder`, which is made."""
    folder.mkdir(exist_ok=True)
    given = {"name": folder.name, "goal": "Reach the goal.", **others}
    return Task(folder=str(folder), accept=accept, **given)  # type: ignore[arg-type]


def books_balance(run: RunSnapshot, *servers: Model) -> None:
    """Every session is closed and has an id of its own, and what was used is what the servers handed out."""
    ids = [each.id for each in run.sessions]
    assert len(set(ids)) == len(ids)
    assert all(each.closed_at for each in run.sessions)
    assert run.usage == sum((each.usage for each in run.sessions), NO_USAGE)
    assert as_told(run.usage) == sum((server.handed_out for server in servers), Tokens())
    lost = any(each.outcome == "lost" or (each.usage.turns and each.message) for each in run.sessions)
    assert run.usage.price or lost  # the program tells its prices when it sums up
