"""Real processes for the storage tests: started from a few lines of Python, spoken to through their pipes."""

import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

PATIENCE = 30.0


class Program:
    """A running Python program: `line()` waits for its next line of output (then `last`), `kill()` is kill -9."""

    last = ""

    def __init__(self, code: str, arguments: tuple[object, ...], before: tuple[str, ...]) -> None:
        command = [*before, sys.executable, "-c", textwrap.dedent(code), *map(str, arguments)]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    @property
    def out(self) -> IO[str]:
        assert self.process.stdout is not None
        return self.process.stdout

    def line(self) -> str:
        self.last = self.out.readline().strip()
        return self.last

    def kill(self) -> None:
        self.process.kill()

    def finish(self) -> str:
        """What it still wrote, once it has ended well."""
        out, error = self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0, error
        return out.strip()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=PATIENCE)


StartProgram = Callable[..., Program]


@pytest.fixture
def start() -> Iterator[StartProgram]:
    """Starts a program: `start(code, *arguments, before=(...))`; every one has ended when the test has."""
    programs: list[Program] = []

    def start_program(code: str, *arguments: object, before: tuple[str, ...] = ()) -> Program:
        programs.append(Program(code, arguments, before))
        return programs[-1]

    yield start_program
    for program in programs:
        program.close()


@pytest.fixture
def strace(tmp_path: Path) -> Callable[[str], tuple[str, ...]]:
    """The words before a command that inject a fault into a system call; skips where that is not possible."""
    program = shutil.which("strace")
    if program is None:
        pytest.skip("strace is not installed")
    tried = subprocess.run([program, "-o", tmp_path / "strace.try", "true"], capture_output=True, text=True, timeout=30)
    if tried.returncode != 0:
        pytest.skip(f"strace may not trace here: {tried.stderr.strip()}")

    def inject(fault: str) -> tuple[str, ...]:
        call = fault.split(":", 1)[0]
        return (program, "-f", "-o", str(tmp_path / "strace.log"), "-e", f"trace={call}", "-e", f"inject={fault}")

    return inject
