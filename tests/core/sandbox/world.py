"""What lies around a sandbox in these tests: files, a key, a process and ports that a hostile command goes for.

All of it is made for the test, so a command that is not stopped harms nothing.
"""

import contextlib
import ctypes
import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

_LIBC = ctypes.CDLL(None)
_CREATE_NEW, _REMOVE = 0o3600, 0


class World:
    """A folder to work in, and everything outside it that must stay as it is."""

    def __init__(self, base: Path) -> None:
        self.tag = uuid.uuid4().hex
        self.secret = f"secret-{self.tag}"
        self.work, self.outside, self.home = base / "work", base / "outside", base / "home"
        for folder in (self.work, self.outside, self.home / ".ssh"):
            folder.mkdir(parents=True)
        self.target, self.spare = self.outside / "target", self.outside / "spare"
        self.key, self.profile = self.home / ".ssh/id_ed25519", self.home / ".profile"
        for path in (self.target, self.spare, self.profile):
            path.write_text("untouched")
        self.target.chmod(0o640)
        self.key.write_text(self.secret)
        self.key.chmod(0o600)
        self.shared = Path("/dev/shm", self.tag)
        self.lasting = f"30.{int(self.tag[:8], 16)}"
        """Seconds of a `sleep` that nobody else runs."""
        self.bystander = subprocess.Popen(["sleep", "60"], env={"SECRET": self.secret, "PATH": os.environ["PATH"]})
        self.near = self.work / "socket"
        self.key_number = int(self.tag[:7], 16)
        """The key of a piece of System V memory of its own."""
        self._memory = _LIBC.shmget(self.key_number, 4096, _CREATE_NEW)
        self.tcp, self.udp = socket.socket(), socket.socket(type=socket.SOCK_DGRAM)
        self.abstract = socket.socket(socket.AF_UNIX)
        self.tcp.bind(("127.0.0.1", 0))
        self.udp.bind(("127.0.0.1", 0))
        self.abstract.bind(f"\0{self.tag}")
        self.by_path = socket.socket(socket.AF_UNIX)
        self.by_path.bind(str(self.near))
        for each in (self.tcp, self.abstract, self.by_path):
            each.listen()
        for each in (self.tcp, self.udp, self.abstract, self.by_path):
            each.setblocking(False)

    def breaches(self) -> list[str]:
        """What of it was not left alone."""
        found = {
            "the target's contents": not self.target.exists() or self.target.read_text() != "untouched",
            "the target's mode": self.target.exists() and self.target.stat().st_mode & 0o777 != 0o640,
            "a file outside is gone": not self.spare.exists(),
            "a file outside is new": {each.name for each in self.outside.iterdir()} - {"target", "spare"} != set(),
            "the start-up file": self.profile.read_text() != "untouched",
            "shared memory": self.shared.exists(),
            "the bystander": self._bystander() not in "SRD",
            "TCP": _heard(self.tcp),
            "UDP": _heard(self.udp),
            "an abstract socket": _heard(self.abstract),
            "a socket by its path": _heard(self.by_path),
            "a process is left": self._left() != [],
        }
        return [name for name, yes in found.items() if yes]

    def close(self) -> None:
        for pid in self._left():
            os.kill(pid, signal.SIGKILL)
        self.bystander.kill()
        self.bystander.wait()
        self.shared.unlink(missing_ok=True)
        _LIBC.shmctl(self._memory, _REMOVE, None)
        for each in (self.tcp, self.udp, self.abstract, self.by_path):
            each.close()

    def _bystander(self) -> str:
        time.sleep(0)
        return Path(f"/proc/{self.bystander.pid}/stat").read_text().rpartition(")")[2].split()[0]

    def _left(self) -> list[int]:
        found = []
        for folder in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if self.lasting.encode() in (folder / "cmdline").read_bytes().split(b"\0"):
                    found.append(int(folder.name))
        return found


@contextlib.contextmanager
def world(base: Path) -> Iterator[World]:
    made = World(base)
    try:
        yield made
    finally:
        made.close()


def _heard(listening: socket.socket) -> bool:
    try:
        if listening.type == socket.SOCK_DGRAM:
            listening.recv(100)
        else:
            listening.accept()[0].close()
    except BlockingIOError:
        return False
    return True
