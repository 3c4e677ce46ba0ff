"""Sessions on disk: one document per user, which two processes cannot overwrite for each other."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from tabsmith.errors import StepError
from tabsmith.paths import folders
from tabsmith.storage import Damaged, Document, FileLock, Found, Loaded, file_stem
from tabsmith.workflow.session import LOCAL_USER, WorkflowSession

SESSION_VERSION: Final = 1


class SessionMovedOnError(StepError):
    """Another process changed the session; nothing was saved. `current` is its session, None if it was removed."""

    def __init__(self, current: WorkflowSession | None) -> None:
        if current is None:
            what, then = "This session was ended in another window.", "Start a new one."
        else:
            what = f"Changed in another window: this session is at {current.place} now."
            then = "Resume from there. Nothing was overwritten."
        super().__init__(what, next_step=then)
        self.current = current


class SessionStore:
    """The session of `user` in the state folder, `sessions/<user>.json`."""

    def __init__(self, user: str = LOCAL_USER, *, clock: Callable[[], float] = time.time) -> None:
        self.user = user
        self.path: Path = folders().sessions / f"{file_stem(user)}.json"
        self.damaged: Damaged | None = None  # the damaged document that the last save found
        self._document = Document(
            self.path,
            WorkflowSession,
            version=SESSION_VERSION,
            name="workflow session",
            on_damaged=self._note_damaged,
            clock=clock,
        )
        self._lock = FileLock(self.path.with_name(f"{self.path.name}.turn"))

    def load(self) -> Loaded[WorkflowSession]:
        """The saved session, or that there is none, or where a damaged document was moved. Raises StorageError."""
        return self._document.load()

    def save(self, session: WorkflowSession) -> WorkflowSession:
        """Save the session and return it with its revision one higher.

        Raises SessionMovedOnError if the session on disk is not the one that `session` was made from, and StorageError.
        """

        def change(present: WorkflowSession | None) -> WorkflowSession:
            if present is not None or self.damaged is None:  # a damaged document has just been moved away
                _require_present(present, session)
            return replace(session, revision=session.revision + 1)

        with self._lock:
            self.damaged = None
            return self._document.update(change)

    def delete(self, session: WorkflowSession) -> None:
        """Remove the session. Raises SessionMovedOnError and StorageError as `save` does."""
        with self._lock:
            loaded = self._document.load()
            if isinstance(loaded, Found):
                _require_present(loaded.value, session)
                self._document.delete()

    def _note_damaged(self, damaged: Damaged) -> None:
        self.damaged = damaged


def _require_present(present: WorkflowSession | None, session: WorkflowSession) -> None:
    """Raises SessionMovedOnError if another process has saved, started or removed a session meanwhile."""
    if present is None:
        if session.revision > 0:
            raise SessionMovedOnError(None)
    elif (present.id, present.revision) != (session.id, session.revision):
        raise SessionMovedOnError(present)
