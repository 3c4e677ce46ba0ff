"""For tests of the Claude Code agent: its key, its usage in the scripted server's terms, and its living processes."""

from pathlib import Path

from tabsmith.agents.usage import Usage
from tests.peers.model_server import Tokens

KEY = "sk-ant-nobody-may-see-this-one"


def tokens_of(usage: Usage) -> Tokens:
    return Tokens(
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
        usage.turns,
    )


def processes_of(session: str) -> list[Path]:
    """The living processes with this session on their command line or in their environment."""
    living = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            texts = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if session.encode() in texts:
            living.append(folder)
    return living
