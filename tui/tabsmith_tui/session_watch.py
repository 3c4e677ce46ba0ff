"""A watch on a session's file, which a phone or another window may change while a screen shows the session."""

from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from tabsmith.workflow.session import WorkflowSession
from tabsmith.workflow.states import State

_FileStamp: TypeAlias = tuple[int, int, int]
_NO_FILE: Final[_FileStamp] = (0, 0, 0)


class SessionHeader(msgspec.Struct, frozen=True):
    """The first fields of a session's file: its id, how often it was saved, and its state."""

    id: str
    revision: int
    state: State


def read_header(path: Path) -> SessionHeader | None:
    """Read the header of the session at `path`; None if there is no file. Raises OSError, and ValueError if the file is
    no session; only the next save moves such a file aside."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=SessionHeader)
    except FileNotFoundError:
        return None


class SessionWatch:
    """Watches the file of one session. A look costs one stat while nothing changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: _FileStamp | None = None

    def changed(self, session: WorkflowSession) -> bool:
        """Whether another process saved or removed the session since `session` was read."""
        try:
            stamp = self._look()
            if stamp == self._stamp:
                return False
            on_disk = read_header(self._path)
        except (OSError, ValueError):
            return False  # the next save reports a damaged file
        own = (session.id, session.revision) if session.revision and session.state is not State.COMPLETED else None
        changed = (on_disk and (on_disk.id, on_disk.revision)) != own
        self._stamp = None if changed else stamp
        return changed

    def _look(self) -> _FileStamp:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return _NO_FILE
        return status.st_ino, status.st_mtime_ns, status.st_size
