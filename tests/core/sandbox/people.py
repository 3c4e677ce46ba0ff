"""Who runs the commands of a test: the person who runs the tests, and as root an ordinary user too."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

_NOBODY = 65534
_ROOT = Path(__file__).resolve().parents[3]


def ordinary_user(place: Path) -> list[str]:
    """How to start a Python that has tabsmith as somebody who is not root; empty where that cannot be.

    Root's own Python often lies in root's home. Then the system's is taken, in an environment made in `place`.
    """
    if os.getuid() != 0:
        return [sys.executable]
    become = ["setpriv", f"--reuid={_NOBODY}", f"--regid={_NOBODY}", "--clear-groups", "env", f"HOME={place}"]
    if shutil.which("setpriv") is None:
        return []
    if _has_tabsmith([*become, sys.executable]):
        return [*become, sys.executable]
    made = place / "python"
    system = ["/usr/bin/python3", "-m", "venv", "--without-pip", str(made)]
    if not Path(system[0]).exists() or subprocess.run(system, check=False, capture_output=True).returncode != 0:
        return []
    packages = next(made.glob("lib/python*/site-packages"))
    paths = [path for path in (str(_ROOT / "core"), *sys.path) if path.endswith(("core", "site-packages"))]
    (packages / "tabsmith.pth").write_text("\n".join(paths))
    found = [*become, str(made / "bin/python")]
    return found if _has_tabsmith(found) else []


def _has_tabsmith(python: list[str]) -> bool:
    line = [*python, "-I", "-c", "import tabsmith.sandbox.runner"]
    return subprocess.run(line, cwd="/", check=False, capture_output=True).returncode == 0
