"""The folder of a run: `run.json`, `events.jsonl`, `commands.jsonl`, `evaluations/`, `worker.log`, and its lock."""

import re
import shutil
import time
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from tabsmith.errors import RunNotFoundError, RunStateError
from tabsmith.paths import folders
from tabsmith.runs.events import RunCommand, RunEvent
from tabsmith.runs.spec import RunSpec
from tabsmith.storage import Document, Found, OwnerLock, TypedJournal, lock_owner
from tabsmith.storage.files import make_folder, storage_error, sync_folder
from tabsmith.storage.wakeup import ring
from tabsmith.text import clean

_RUN_ID: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
SPEC_VERSION: Final = 1


class RunFolder:
    """The folder of the run `run_id`. Raises RunNotFoundError if there is no such run."""

    def __init__(self, run_id: str) -> None:
        if not _RUN_ID.fullmatch(run_id):
            raise _no_such_run(run_id)
        self.id = run_id
        self.root: Path = folders().runs / run_id
        if not self.root.is_dir():
            raise _no_such_run(run_id)

    @classmethod
    def create(cls, spec: RunSpec) -> "RunFolder":
        """Make the folder of a new run, durably. Raises RunStateError if its id is taken, StorageError."""
        root = folders().runs / spec.id
        try:
            make_folder(root.parent)
            root.mkdir(mode=0o700)
            sync_folder(root.parent)
        except FileExistsError:
            raise RunStateError(f"There is a run {spec.id} already.", next_step="Start it under a new id.") from None
        except OSError as error:
            raise storage_error(error, root, "make the folder of the run") from error
        folder = cls(spec.id)
        folder._spec_document().save(spec)
        return folder

    def spec(self) -> RunSpec:
        """Return the specification of the run. Raises RunNotFoundError if it cannot be read."""
        match self._spec_document().load():
            case Found(spec):
                return spec
            case _:
                raise RunNotFoundError(
                    f"The run {self.id} has no readable specification.",
                    where=str(self.root / "run.json"),
                    next_step="Remove it with `tabsmith runs delete`, and train again.",
                )

    def events(self) -> TypedJournal[RunEvent]:
        """Return the journal of events."""
        return TypedJournal(self.root / "events.jsonl", RunEvent)

    def commands(self) -> TypedJournal[RunCommand]:
        """Return the journal of commands to the worker."""
        return TypedJournal(self.root / "commands.jsonl", RunCommand, sync=False)

    def lock(self) -> OwnerLock:
        """Return the lock that a worker holds while it works on this run."""
        return OwnerLock(self.root / "worker.lock")

    @property
    def log(self) -> Path:
        """The file with what the worker process printed."""
        return self.root / "worker.log"

    @property
    def bell(self) -> Path:
        """The pipe by which a worker is woken when it was sent a command."""
        return self.root / "wake"

    def alive(self) -> bool:
        """Whether a worker works on this run now."""
        return lock_owner(self.root / "worker.lock") is not None

    def send(self, command: RunCommand) -> None:
        """Send a command to the worker. Raises RunStateError if no worker listens and the run is not just starting."""
        if not self.alive() and (self.root / "worker.lock").exists():
            raise RunStateError(
                f"The run {self.id} is not running.",
                next_step=f"`tabsmith runs resume {self.id}` takes it up again if it was interrupted.",
            )
        with self.commands() as journal:
            journal.append(replace(command, at=time.time()))
        ring(self.bell)

    def delete(self) -> None:
        """Remove the run with all its files; its model stays. Raises RunStateError if it is running."""
        if self.alive():
            raise RunStateError(
                f"The run {self.id} is running.", next_step=f"Stop it first: tabsmith runs stop {self.id}"
            )
        shutil.rmtree(self.root)

    def _spec_document(self) -> Document[RunSpec]:
        return Document(self.root / "run.json", RunSpec, version=SPEC_VERSION, name="run")


def find_run(text: str) -> RunFolder:
    """Return the run whose id is `text` or ends in it; `last` is the newest. Raises RunNotFoundError."""
    ids = run_ids()
    if text == "last" and ids:
        return RunFolder(ids[0])
    matches = [run_id for run_id in ids if run_id == text] or [run_id for run_id in ids if run_id.endswith(text)]
    if text and len(matches) == 1:
        return RunFolder(matches[0])
    raise _no_such_run(text)


def run_ids() -> tuple[str, ...]:
    """Return the ids of all runs, newest first."""
    root = folders().runs
    if not root.is_dir():
        return ()
    return tuple(sorted((each.name for each in root.iterdir() if (each / "run.json").exists()), reverse=True))


def _no_such_run(text: str) -> RunNotFoundError:
    return RunNotFoundError(
        f"There is no run {clean(text, 60) or '(no id given)'}.", next_step="`tabsmith runs` lists the runs."
    )
