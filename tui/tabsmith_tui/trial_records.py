"""What the disk knows of a try beyond the snapshot: what was said in its sessions, and its own lines of the log."""

from msgspec.structs import replace

from tabsmith.orchestration.events import IterationStarted
from tabsmith.orchestration.task_events import AcceptanceStarted, Acted
from tabsmith.runs.events import RunEnded, RunStarted, RunState, StateChanged
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.reducers import reduce
from tabsmith.runs.snapshot import LogLine, RunSnapshot
from tabsmith.runs.transcripts import Transcript, TranscriptMessage


def session_messages(run_id: str, session: str) -> tuple[TranscriptMessage, ...]:
    """What was said in a session so far, oldest first. Raises RunNotFoundError, StorageError."""
    with Transcript(RunFolder(run_id).root, session) as transcript:
        return transcript.read()


def acts(run_id: str, iteration: int) -> tuple[Acted | AcceptanceStarted, ...]:
    """What the agent of a task did in an iteration, and the command that proved it. Raises RunNotFoundError."""
    events = RunFolder(run_id).events().read().values
    return tuple(each for each in events if isinstance(each, Acted | AcceptanceStarted) and each.iteration == iteration)


def difference(run_id: str, task: str, iteration: int) -> str:
    """How the files of a task differ from those before the iteration. Raises WorkspaceError, StorageError."""
    from tabsmith.workspaces import Workspace

    workspace = Workspace.open(RunFolder(run_id).root / "tasks" / task)
    before = max((mark for mark in workspace.marks() if mark < iteration), default=0)
    return workspace.difference(workspace.tree(before), workspace.tree(iteration))


def log_lines(run_id: str, iteration: int) -> tuple[LogLine, ...]:
    """The log of one iteration, however long ago: the snapshot's own log holds only the newest lines of the run.

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
