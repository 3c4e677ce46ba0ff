"""The store that screens list from: runs, models and saved sessions on this machine, and a watch on a session's file.

Call the store in a thread.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec

from tabsmith.errors import StorageError
from tabsmith.paths import folders
from tabsmith.text import clean
from tabsmith.workflow.states import State

if TYPE_CHECKING:
    from tabsmith.modeling.model_files import ModelSummary
    from tabsmith.modeling.results import ModelComparison, ModelReport
    from tabsmith.runs.events import RunCommand
    from tabsmith.runs.watch import RunSummary
    from tabsmith.tables.read.sources import DatabaseSource, FileSource, RemoteSource
    from tabsmith.workflow.session import SessionStore, WorkflowSession


@dataclass(frozen=True, slots=True)
class SessionOwner:
    """A person on a phone who owns a session: the user id of `SessionStore`, and the display name."""

    user: str
    name: str

    @property
    def phone(self) -> str:
        """`Ada's phone`, cleaned."""
        return f"{clean(self.name, 40)}'s phone"


@dataclass(frozen=True, slots=True)
class SavedSession:
    """A guided session that can be resumed: its table, its step, the time it was saved (seconds since 1970), the run it
    waits for ("" for none), and its owner (None for this terminal's user)."""

    subject: str
    place: str
    saved_at: float
    run_id: str = ""
    owner: SessionOwner | None = None


@dataclass(frozen=True, slots=True)
class RecentTable:
    """A file, folder or database that runs were started on, as it was read then, and when that was last (seconds since
    1970)."""

    source: "FileSource | DatabaseSource | RemoteSource"
    used_at: float

    @property
    def place(self) -> str:
        """Its path or address."""
        from tabsmith.tables.read.sources import FileSource

        return self.source.path if isinstance(self.source, FileSource) else self.source.url


_RUNS_LOOKED_AT: Final = 30  # the newest, for the tables that they were started on


class Store:
    """Runs, models and sessions of this machine. Tests pass a subclass with fixed contents."""

    def session(self) -> SavedSession | None:
        """Return the session of this terminal's user, or None. Raises StorageError if it is damaged; the error says
        where it was moved."""
        from tabsmith.workflow.session import SessionStore

        return _saved(SessionStore(), None)

    def other_sessions(self) -> "tuple[SavedSession | StorageError, ...]":
        """Return the sessions of people on phones, the last saved first, and an error for each damaged one."""
        from tabsmith.workflow.session import SessionStore

        sessions: list[SavedSession | StorageError] = []
        for user, number in _phone_users():
            try:
                saved = _saved(SessionStore(user), SessionOwner(user, _name_of(number)))
            except StorageError as error:
                sessions.append(error)
                continue
            sessions += [saved] if saved else []
        return tuple(sorted(sessions, key=lambda read: -read.saved_at if isinstance(read, SavedSession) else 0.0))

    def sessions_mark(self) -> int:
        """Return a number that changes when any session is saved or removed. Costs one stat."""
        try:
            return folders().sessions.stat().st_mtime_ns
        except OSError:
            return 0

    def runs(self) -> "tuple[RunSummary, ...]":
        """Return all runs, newest first."""
        from tabsmith.runs.watch import list_runs

        return list_runs()

    def recent_tables(self) -> tuple[RecentTable, ...]:
        """Return the tables of this terminal's newest runs, the last used first, each once; files as far as they are
        still there."""
        from tabsmith.errors import TabsmithError
        from tabsmith.runs.folder import RunFolder, run_ids
        from tabsmith.tables.read.sources import DatabaseSource, FileSource, RemoteSource, TasksSource, without_snapshot

        tables: dict[str, RecentTable] = {}
        for run_id in run_ids()[:_RUNS_LOOKED_AT]:
            try:
                spec = RunFolder(run_id).spec()
            except TabsmithError:  # a damaged run is listed with its problem on the runs screen
                continue
            source = spec.source if isinstance(spec.source, TasksSource) else without_snapshot(spec.source)
            match source:
                case FileSource(path=path, asked_by="person") if Path(path).exists():
                    tables.setdefault(path, RecentTable(source, spec.created_at))
                case DatabaseSource(url=url) | RemoteSource(url=url):
                    tables.setdefault(url, RecentTable(source, spec.created_at))
        return tuple(tables.values())

    def send(self, run_id: str, command: "RunCommand") -> None:
        """Send a command to a run."""
        from tabsmith.runs.folder import RunFolder

        RunFolder(run_id).send(command)

    def delete_run(self, run_id: str) -> None:
        """Delete the records of a run; its model stays."""
        from tabsmith.runs.folder import RunFolder

        RunFolder(run_id).delete()

    def models(self) -> "tuple[ModelSummary, ...]":
        """Return all models, newest first."""
        from tabsmith.modeling.store import list_models

        return list_models()

    def report(self, model_id: str) -> "ModelReport":
        """Read the report of a model."""
        from tabsmith.modeling.store import read_report

        return read_report(model_id)

    def delete_model(self, model_id: str) -> None:
        """Delete a model."""
        from tabsmith.modeling.store import delete_model

        delete_model(model_id)

    def rename_model(self, model_id: str, name: str) -> None:
        """Give a model a name for people; an empty one takes it away."""
        from tabsmith.modeling.store import rename_model

        rename_model(model_id, name)

    def note_on_model(self, model_id: str, note: str) -> None:
        """Keep a note on a model; an empty one takes it away."""
        from tabsmith.modeling.store import note_on_model

        note_on_model(model_id, note)

    def promote_model(self, model_id: str, alias: str) -> None:
        """Let `alias` mean this model."""
        from tabsmith.modeling.store import promote_model

        promote_model(model_id, alias)

    def compare_models(self, first: str, second: str) -> "ModelComparison":
        """Compare two models on the test set that both were measured on."""
        from tabsmith.modeling.comparison import compare_on_holdout

        return compare_on_holdout(first, second)

    def export_model(self, model_id: str, file: Path) -> None:
        """Write a model into one file."""
        from tabsmith.modeling.store import export_model

        export_model(model_id, file)


def _saved(store: "SessionStore", owner: SessionOwner | None) -> SavedSession | None:
    """Load the session if it can be resumed. Raises StorageError if it is damaged."""
    from tabsmith.storage import Damaged, Found
    from tabsmith.tables.read.sources import describe_source
    from tabsmith.workflow.restore import EXPIRES_AFTER

    match store.load():
        case Found(session):
            old = time.time() - session.updated_at > EXPIRES_AFTER
            if old or session.state in (State.IDLE, State.COMPLETED):
                return None
            subject = describe_source(session.source) if session.source else "no table chosen yet"
            run_id = session.run_id if session.state is State.TRAINING else ""
            return SavedSession(subject, session.place, session.updated_at, run_id, owner)
        case Damaged(moved_to=path, reason=reason):
            subject = f"The saved session of {owner.phone}" if owner else "The saved session"
            raise StorageError(
                f"{subject} could not be read ({reason}).",
                where=str(path),
                next_step="It was moved there; start a new one.",
            )
        case _:
            return None


def _phone_users() -> list[tuple[str, int]]:
    """The user ids of the sessions on phones, with the numbers of their chats."""
    users = [path.stem for path in folders().sessions.glob("telegram-*.json")]
    return sorted((user, int(number)) for user in users if (number := user.removeprefix("telegram-")).isdecimal())


def _name_of(number: int) -> str:
    """The name of the person at the bridge that saw them last; the number if they have no name there."""
    from tabsmith.telegram.chat_state import ChatStates
    from tabsmith.telegram.status import BridgePaths

    bridges = folders().state / "bridge"
    bots = [BridgePaths(folder) for folder in bridges.iterdir() if folder.is_dir()] if bridges.is_dir() else []
    chats = [chat for paths in bots if paths.chat_state(number).is_file() and (chat := ChatStates(paths).load(number))]
    name = max(chats, key=lambda chat: chat.seen_at).name if chats else ""
    return clean(name, 40).strip() or str(number)


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

    def changed(self, session: "WorkflowSession") -> bool:
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
