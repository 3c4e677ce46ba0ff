"""What lies on disk, for the screens that list it: runs, models, and the saved session. Read off the UI thread."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tabsmith.errors import StorageError
from tabsmith.paths import folders
from tabsmith.text import clean

if TYPE_CHECKING:
    from tabsmith.modeling.model_files import ModelSummary
    from tabsmith.modeling.results import ModelReport
    from tabsmith.runs.commands import RunCommand
    from tabsmith.runs.watch import RunSummary
    from tabsmith.workflow.session_store import SessionStore


@dataclass(frozen=True, slots=True)
class SessionOwner:
    """The person at a phone whose session it is: the user as `SessionStore` names them, and how they are called."""

    user: str
    name: str

    @property
    def phone(self) -> str:
        """`Ada's phone`, cleaned."""
        return f"{clean(self.name, 40)}'s phone"


@dataclass(frozen=True, slots=True)
class SavedSession:
    """A guided session that can be gone on with: what it is about, where it stands, when it was saved, the run it
    waits for ("" for none), and whose it is when it is not the terminal's own."""

    subject: str
    stands_at: str
    saved_at: float
    run_id: str = ""
    owner: SessionOwner | None = None


class Store:
    """The runs and models of this machine. Tests give one that holds what they say."""

    def session(self) -> SavedSession | None:
        """The saved session, when there is one to go on with. Raises StorageError when it could not be understood;
        the words say where it lies now."""
        from tabsmith.workflow.session_store import SessionStore

        return _saved(SessionStore(), None)

    def other_sessions(self) -> "tuple[SavedSession | StorageError, ...]":
        """The sessions of people at phones that can be gone on with, the latest saved first; an error for each that
        could not be understood."""
        from tabsmith.workflow.session_store import SessionStore

        found: list[SavedSession | StorageError] = []
        for user, number in _users_of_phones():
            try:
                saved = _saved(SessionStore(user), SessionOwner(user, _name_of(number)))
            except StorageError as error:
                found.append(error)
                continue
            found += [saved] if saved else []
        return tuple(sorted(found, key=lambda each: -each.saved_at if isinstance(each, SavedSession) else 0.0))

    def sessions_mark(self) -> int:
        """Another number after any session was saved or removed. Costs one stat."""
        try:
            return folders().sessions.stat().st_mtime_ns
        except OSError:
            return 0

    def runs(self) -> "tuple[RunSummary, ...]":
        """All runs, newest first."""
        from tabsmith.runs.watch import list_runs

        return list_runs()

    def send(self, run_id: str, command: "RunCommand") -> None:
        """Tell a run something."""
        from tabsmith.runs.folder import RunFolder

        RunFolder(run_id).send(command)

    def delete_run(self, run_id: str) -> None:
        """Delete a run's records."""
        from tabsmith.runs.folder import RunFolder

        RunFolder(run_id).delete()

    def models(self) -> "tuple[ModelSummary, ...]":
        """All models, newest first."""
        from tabsmith.modeling.store import list_models

        return list_models()

    def report(self, model_id: str) -> "ModelReport":
        """A model's report."""
        from tabsmith.modeling.store import read_report

        return read_report(model_id)

    def delete_model(self, model_id: str) -> None:
        """Delete a model."""
        from tabsmith.modeling.store import delete_model

        delete_model(model_id)

    def export_model(self, model_id: str, file: Path) -> None:
        """Write a model into one file."""
        from tabsmith.modeling.store import export_model

        export_model(model_id, file)


def _saved(store: "SessionStore", owner: SessionOwner | None) -> SavedSession | None:
    """The session of the store, when there is one to go on with. Raises StorageError."""
    from tabsmith.storage import Damaged, Found
    from tabsmith.tables.read.sources import describe_source
    from tabsmith.workflow.restore import EXPIRES_AFTER
    from tabsmith.workflow.states import STEP_OF, State

    match store.load():
        case Found(session):
            old = time.time() - session.updated_at > EXPIRES_AFTER
            if old or session.state in (State.IDLE, State.COMPLETED):
                return None
            step = STEP_OF.get(session.retry or session.state if session.state is State.ERROR else session.state)
            subject = describe_source(session.source) if session.source else "no table chosen yet"
            stands_at = step.value if step else session.state.value
            run_id = session.run_id if session.state is State.TRAINING else ""
            return SavedSession(subject, stands_at, session.updated_at, run_id, owner)
        case Damaged(moved_to=place, reason=reason):
            whose = f"The saved session of {owner.phone}" if owner else "The saved session"
            raise StorageError(
                f"{whose} could not be understood ({reason}).",
                where=str(place),
                next_step="It was moved there; begin a new one.",
            )
        case _:
            return None


def _users_of_phones() -> list[tuple[str, int]]:
    """The owners of sessions that belong to a phone, with their numbers."""
    users = [path.stem for path in folders().sessions.glob("telegram-*.json")]
    return sorted((user, int(number)) for user in users if (number := user.removeprefix("telegram-")).isdecimal())


def _name_of(number: int) -> str:
    """How the person is called at the bridge where they were seen last; their number when they have no name there."""
    from tabsmith.telegram.chat_state import ChatStates
    from tabsmith.telegram.paths import BridgePaths

    bridges = folders().state / "bridge"
    bots = [BridgePaths(folder) for folder in bridges.iterdir() if folder.is_dir()] if bridges.is_dir() else []
    chats = [chat for paths in bots if paths.chat_state(number).is_file() and (chat := ChatStates(paths).load(number))]
    name = max(chats, key=lambda chat: chat.seen_at).name if chats else ""
    return clean(name, 40).strip() or str(number)
