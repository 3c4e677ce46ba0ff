"""A scripted model behind real runs: the server in a process of its own, and what it said and counted."""

import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from tabsmith.agents.usage import Usage
from tests.peers.model_server import Request, Script, Step, Tokens, read_log, reply

Asked = Callable[[Sequence[Step]], "Model"]
"""The fixture `model`: starts a server that says these steps."""

HERE = Path(__file__).resolve().parents[3]


def recipe(family: str, **parameters: float | int | str | bool) -> dict[str, object]:
    """An answer of a model: a recipe, and why."""
    reason = f"{family} with these values has not been tried and suits such a table"
    return {"recipe": {"family": family, "parameters": parameters}, "reason": reason, "confidence": 0.7}


def ridge(count: int, tokens: Tokens | None = None) -> list[Step]:
    """So many different ridges, each of which uses tokens of its own."""
    return [
        reply(
            recipe("linear", alpha=round(0.01 * 1.7**step, 6)),
            tokens or Tokens(input=1_000 + step, output=40 + step, cache_read=7 * step, reasoning=step),
        )
        for step in range(count)
    ]


class Model:
    """The server's process. It may be stopped and started again on the same port; its log lives on."""

    def __init__(self, folder: Path, steps: Sequence[Step]) -> None:
        self._script = folder / "script.json"
        self.log = folder / "requests.jsonl"
        self._process: subprocess.Popen[str] | None = None
        self.port = 0
        self.say(steps)

    def say(self, steps: Sequence[Step]) -> None:
        """What it says from its next start on."""
        self._script.write_bytes(msgspec.json.encode(Script(tuple(steps))))

    def start(self) -> "Model":
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.peers.model_server", str(self.port), str(self._script), str(self.log)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=HERE,
        )
        assert self._process.stdout is not None
        self.port = int(self._process.stdout.readline())
        return self

    def stop(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            self._process.wait(20)
            assert self._process.stdout is not None
            self._process.stdout.close()
            self._process = None

    @property
    def requests(self) -> list[Request]:
        return read_log(self.log) if self.log.exists() else []

    @property
    def handed_out(self) -> Tokens:
        return sum((each.tokens for each in self.requests), Tokens())


def as_told(usage: Usage) -> Tokens:
    """A run's own count, in the server's words."""
    return Tokens(
        usage.input_tokens,
        usage.output_tokens,
        usage.cache_read_tokens,
        usage.cache_write_tokens,
        usage.reasoning_tokens,
        usage.turns,
    )
