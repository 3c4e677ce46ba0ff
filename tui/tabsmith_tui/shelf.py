"""What lies on disk, for the screens that list it: runs, models, and the saved session. Read off the UI thread."""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tabsmith.errors import StorageError

if TYPE_CHECKING:
    from tabsmith.modeling.results import Report
    from tabsmith.modeling.stored import ModelSummary
    from tabsmith.runs.commands import RunCommand
    from tabsmith.runs.watch import RunSummary


@dataclass(frozen=True, slots=True)
class SavedSession:
    """A guided session that can be gone on with: what it is about, where it stands, when it was saved, and the run it
    waits for ("" for none)."""

    subject: str
    stands_at: str
    saved_at: float
    run_id: str = ""


class Shelf:
    """The runs and models of this machine. Tests give one that holds what they say."""

    def session(self) -> SavedSession | None:
        """The saved session, when there is one to go on with. Raises StorageError when it could not be understood;
        the words say where it lies now."""
        from tabsmith.storage import Damaged, Found
        from tabsmith.tables.sources import describe
        from tabsmith.workflow.restoring import EXPIRES_AFTER
        from tabsmith.workflow.states import STEP_OF, State
        from tabsmith.workflow.store import SessionStore

        match SessionStore().load():
            case Found(session):
                old = time.time() - session.updated_at > EXPIRES_AFTER
                if old or session.state in (State.IDLE, State.COMPLETED):
                    return None
                step = STEP_OF.get(session.retry or session.state if session.state is State.ERROR else session.state)
                subject = describe(session.source) if session.source else "no table chosen yet"
                stands_at = step.value if step else session.state.value
                run_id = session.run_id if session.state is State.TRAINING else ""
                return SavedSession(subject, stands_at, session.updated_at, run_id)
            case Damaged(moved_to=place, reason=reason):
                raise StorageError(
                    f"The saved session could not be understood ({reason}).",
                    where=str(place),
                    next_step="It was moved there; begin a new one.",
                )
            case _:
                return None

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

    def report(self, model_id: str) -> "Report":
        """A model's report."""
        from tabsmith.modeling.store import read_report

        return read_report(model_id)

    def delete_model(self, model_id: str) -> None:
        """Delete a model."""
        from tabsmith.modeling.store import delete

        delete(model_id)

    def export_model(self, model_id: str, file: Path) -> None:
        """Write a model into one file."""
        from tabsmith.modeling.store import export

        export(model_id, file)
