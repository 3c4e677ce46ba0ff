"""The records of a trial that are too large for the run's snapshot: transcripts, tool calls, differences, log."""

from tabsmith.orchestration.events import AcceptanceStarted, Acted, IterationStarted
from tabsmith.orchestration.sessions import TranscriptMessage, Transcripts
from tabsmith.presentation.events import LogLine, run_log
from tabsmith.runs.events import RunEnded, RunEvent, RunStarted, RunState, StateChanged
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.reducers import reduce


def session_messages(run_id: str, session: str) -> tuple[TranscriptMessage, ...]:
    """Return the messages of an agent session, oldest first. Raises RunNotFoundError, StorageError."""
    return Transcripts(RunFolder(run_id).root).read(session)


def acts(run_id: str, iteration: int) -> tuple[Acted | AcceptanceStarted, ...]:
    """Return what a coding agent did in an iteration, and its acceptance command. Raises RunNotFoundError."""
    events = RunFolder(run_id).events().read().values
    return tuple(
        event for event in events if isinstance(event, Acted | AcceptanceStarted) and event.iteration == iteration
    )


def difference(run_id: str, task: str, iteration: int) -> str:
    """Return the difference that an iteration made to a task's files. Raises WorkspaceError, StorageError."""
    from tabsmith.workspaces import Workspace

    workspace = Workspace.open(RunFolder(run_id).root / "tasks" / task)
    before = max((mark for mark in workspace.marks() if mark < iteration), default=0)
    return workspace.difference(workspace.tree(before), workspace.tree(iteration))


def log_lines(run_id: str, iteration: int) -> tuple[LogLine, ...]:
    """Return the log of one iteration; the snapshot's own log holds only the newest events of the run.

    Reads the whole journal. Raises RunNotFoundError.
    """
    events: list[RunEvent] = []
    inside = False
    for event in RunFolder(run_id).events().read().values:
        match event:
            case IterationStarted(iteration=begun):
                inside = begun == iteration
            case RunStarted() | RunEnded() | StateChanged(state=RunState.FINISHING):
                inside = False
        if inside:
            events.append(event)
    return run_log(reduce(events))
