"""Which sandbox levels really work on this machine, by trying them."""

import functools
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from tabsmith.sandbox.policy import LEVELS, SandboxLevel, SandboxPolicy
from tabsmith.sandbox.runner import scratch_folder, wrap_command

_TRIAL_SECONDS: Final = 10.0


@functools.cache
def detect_level() -> SandboxLevel:
    """Return the strongest level at which a command really runs and really cannot write outside. Tried once per process.

    "none" if not even limits can be set, which the user should be told.
    """
    return next((level for level in LEVELS[:-1] if level_works(level)), "none")


@functools.cache
def level_works(level: SandboxLevel) -> bool:
    """Whether a command starts at this level, and is confined as far as this level goes. Tried once per process."""
    with tempfile.TemporaryDirectory(prefix="tabsmith-trial-") as outside, scratch_folder() as scratch:
        folder, mark = Path(scratch, "tmp"), Path(outside, "written")
        line = ("/bin/sh", "-c", 'echo in > here && echo started; echo out > "$1"', "sh", str(mark))
        wrapped = wrap_command(line, folder, SandboxPolicy(seconds=_TRIAL_SECONDS), level, Path(scratch))
        try:
            tried = subprocess.run(
                wrapped.argv,
                env=wrapped.environment,
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                timeout=_TRIAL_SECONDS + 2,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return False
        started = tried.stdout == b"started\n"
        return started and (mark.exists() if level in ("rlimits", "none") else not mark.exists())
