"""The records of a trial that are too large for the run's snapshot: transcripts, tool calls, differences, log."""

from msgspec.structs import replace

from tabsmith.orchestration.events import AcceptanceStarted, Acted, IterationStarted
from tabsmith.runs.events import RunEnded, RunStarted, RunState, StateChanged
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.reducers import reduce
from tabsmith.runs.snapshot import LogLine, RunSnapshot
from tabsmith.runs.transcripts import Transcript, TranscriptMessage


def session_messages(run_id: str, session: str) -> tuple[TranscriptMessage, ...]:
    """Return the messages of an agent session, oldest first. Raises RunNotFoundError, StorageError."""
    with Transcript(RunFolder(run_id).root, session) as transcript:
        return transcript.read()


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
    """Return the log of one iteration; the snapshot's own log holds only the newest lines of the run.

    Folds the whole journal. Raises RunNotFoundError.
    """
    lines: list[LogLine] = []
    snapshot, inside = RunSnapshot(), False
    for event in RunFolder(run_id).events().read().values:
        match event:
            case IterationStarted(iteration=begun):
                inside = begun == iteration
            case RunStarted() | RunEnded() | StateChanged(state=RunState.FINISHING):
                inside = False
        snapshot = reduce((event,), replace(snapshot, log=()))
        lines.extend(snapshot.log if inside else ())
    return tuple(lines)
