"""Whether a session on disk is still the one that is shown here: a phone may have gone on with it."""

from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from tabsmith.workflow.session import WorkflowSession
from tabsmith.workflow.states import State

_Mark: TypeAlias = tuple[int, int, int]
_NO_FILE: Final[_Mark] = (0, 0, 0)


class SessionHeader(msgspec.Struct, frozen=True):
    """Which session lies on disk, how often it was saved, and where it stands; all else in the file is passed over."""

    id: str
    revision: int
    state: State


def read_header(path: Path) -> SessionHeader | None:
    """What lies at `path`, or None. Raises OSError, and ValueError for what is no session: it is not moved aside here,
    the next save does that and says so."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=SessionHeader)
    except FileNotFoundError:
        return None


class SessionWatch:
    """Looks at one session's file. A look costs one stat while nothing changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._mark: _Mark | None = None

    def changed(self, session: WorkflowSession) -> bool:
        """Whether another process has saved or removed the session since `session` was taken from disk."""
        try:
            mark = self._look()
            if mark == self._mark:
                return False
            on_disk = read_header(self._path)
        except (OSError, ValueError):
            return False  # what cannot be read now is told by whoever saves next
        own = (session.id, session.revision) if session.revision and session.state is not State.COMPLETED else None
        moved = (on_disk and (on_disk.id, on_disk.revision)) != own
        self._mark = None if moved else mark
        return moved

    def _look(self) -> _Mark:
        try:
            found = self._path.stat()
        except FileNotFoundError:
            return _NO_FILE
        return found.st_ino, found.st_mtime_ns, found.st_size
