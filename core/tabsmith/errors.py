"""Every error that a user can meet: what happened, where, and what to do next.

Each error is a class of its own, so that a caller can tell them apart. A cause is kept with `raise ... from`.
`report()` returns the value that crosses a process or file boundary.
"""

import traceback
from typing import ClassVar, Literal, TypeAlias

import msgspec

WORK_FAILED = 1
WRONG_USE = 2
INTERRUPTED = 130


class ErrorReport(msgspec.Struct, frozen=True):
    """An error as data: for the journal, for another process, for a screen, for `--json`."""

    name: str
    what: str
    where: str = ""
    next_step: str = ""
    details: str = ""
    exit_code: int = WORK_FAILED

    def __str__(self) -> str:
        return "\n".join(part for part in (self.what, self.where and f"at {self.where}", self.next_step) if part)


class TabsmithError(Exception):
    """The base class of all errors that tabsmith raises on purpose."""

    exit_code: ClassVar[int] = WORK_FAILED

    def __init__(self, what: str, *, where: str = "", next_step: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.where = where
        self.next_step = next_step

    def __str__(self) -> str:
        return str(self.report(details=False))

    def report(self, *, details: bool = True) -> ErrorReport:
        """This error as data; with `details`, its traceback with all causes is added."""
        return ErrorReport(
            name=type(self).__name__,
            what=self.what,
            where=self.where,
            next_step=self.next_step,
            details="".join(traceback.format_exception(self)) if details else "",
            exit_code=self.exit_code,
        )


def report_of(error: BaseException) -> ErrorReport:
    """Any exception as data. An unexpected exception keeps its own name, message and traceback."""
    if isinstance(error, TabsmithError):
        return error.report()
    if isinstance(error, MemoryError):
        return memory_short("The work needed more memory than it may take.").report()
    return ErrorReport(
        name=type(error).__name__,
        what=f"{type(error).__name__}: {error}" if str(error) else type(error).__name__,
        next_step="This is a fault in tabsmith: please report it with the details.",
        details="".join(traceback.format_exception(error)),
    )


class ReportedError(TabsmithError):
    """An error of another process, raised again in this one with its report."""

    def __init__(self, report: ErrorReport) -> None:
        super().__init__(report.what, where=report.where, next_step=report.next_step)
        self.original = report

    def report(self, *, details: bool = True) -> ErrorReport:
        return self.original if details else msgspec.structs.replace(self.original, details="")


# Wrong use ---------------------------------------------------------------------------------------------------------


class UsageError(TabsmithError):
    """A request cannot be carried out as given; nothing was started."""

    exit_code = WRONG_USE


class ConfigError(UsageError):
    """A setting is unknown, of the wrong type or out of range, or the settings file cannot be read."""


# Paths: ten kinds, each with its own message ------------------------------------------------------------------------


class PathError(UsageError):
    """A path was refused before anything was read from it."""


class EmptyPathError(PathError):
    """No path was given, or it holds characters that no path may hold."""


class PathNotFoundError(PathError):
    """There is no file at the path."""


class PathOutsideError(PathError):
    """The path, with links and `..` resolved, lies outside the allowed folders."""


class PathIsFolderError(PathError):
    """The path is a folder where a file was expected."""


class SpecialFileError(PathError):
    """The path is a device, a pipe or a socket."""


class PathUnreadableError(PathError):
    """The file is there, but this user may not read it."""


class EmptyFileError(PathError):
    """The file holds no bytes."""


class FileTooLargeError(PathError):
    """The file, or what it declares to unpack to, is over the size limit."""


class UnsupportedFormatError(PathError):
    """The file's ending and first bytes belong to no format that tabsmith reads."""


class BrokenLinkError(PathError):
    """A symbolic link points to nothing, or in a circle."""


# Tables ----------------------------------------------------------------------------------------------------------


class ReadError(UsageError):
    """A file was opened, but no table could be made of it."""


class SchemaError(UsageError):
    """A schema does not fit its table, or could not be understood."""


class UnknownFormatError(ReadError):
    """A saved schema names a format of a column's texts that this version does not know."""


class TableChangedError(UsageError):
    """The file is no longer the one that was read: changed, or gone."""


# Statistics --------------------------------------------------------------------------------------------------------


class PlanError(UsageError):
    """A question to a table cannot be answered as it is asked."""


class UnknownColumnError(PlanError):
    """A plan names a column that the table does not have; `column` is that name, `nearest` are the most similar ones."""

    def __init__(self, what: str, *, next_step: str = "", column: str = "", nearest: tuple[str, ...] = ()) -> None:
        super().__init__(what, next_step=next_step)
        self.column = column
        self.nearest = nearest


class UnsuitableColumnError(PlanError):
    """A column is of a kind that the operation cannot use, or has too many or too few different values."""


class NoNumericColumnsError(PlanError):
    """The operation needs numeric columns, and the table has none, or fewer than it needs."""


class TooFewColumnsError(PlanError):
    """The plan names fewer columns than the operation needs."""


class EmptyTableError(PlanError):
    """The table has no rows, or none that the plan looks at."""


class TooFewRowsError(PlanError):
    """There are fewer rows than the operation needs."""


class TooMuchMissingError(PlanError):
    """There are rows enough, but too few of them have all the values that the operation needs."""


class FormulaError(PlanError):
    """A formula of a regression cannot be understood, or uses more than names, + - * : **, C(), log() and I()."""


class UnknownTableError(UsageError):
    """Findings have no table of the title that was asked for."""


class NotUnderstoodError(UsageError):
    """A question in words has several meanings or none, or asks for something that is no statistic."""


class FindingsNotKeptError(UsageError):
    """A session of statistics holds no findings with this number."""


class PlanTimeoutError(PlanError):
    """The time limit ended before the answer was there."""


# Recipes and models ------------------------------------------------------------------------------------------------


class RecipeError(UsageError):
    """A recipe was refused before anything was fitted."""


class TrainingError(TabsmithError):
    """Training came to an end without a model."""


class PredictionError(UsageError):
    """The rows given cannot be predicted by this model."""


class MissingColumnError(PredictionError):
    """The rows lack a column that matters to the model, so that its predictions would be much worse."""


class ExplanationError(TabsmithError):
    """What a saved model was measured on is no longer there, so that it cannot be explained further."""


class NewRowsWarning(UserWarning):
    """Something in the rows to predict was not understood as it stands: a warning of Python's, not an error."""


class ModelNotFoundError(UsageError):
    """There is no such model."""


class ModelDamagedError(TabsmithError):
    """A saved model's files are not the ones that were saved, or hold types that are not allowed."""


# Agents ------------------------------------------------------------------------------------------------------------


AgentErrorKind: TypeAlias = Literal["network", "timeout", "rate limit", "access", "data", "missing", "program"]
"""The kinds of reasons why an agent gave no answer."""


class AgentError(TabsmithError):
    """An agent was asked and gave no answer that can be used; `trouble` is the kind of reason."""

    trouble: ClassVar[AgentErrorKind] = "program"


class AgentMissingError(AgentError):
    """Something that the agent needs is missing: its package, its program, the name of its model, its key."""

    trouble = "missing"


class AgentNetworkError(AgentError):
    """The model's server could not be reached, closed the connection, or failed."""

    trouble = "network"


class AgentTimeoutError(AgentError):
    """No answer came within the time allowed."""

    trouble = "timeout"


class AgentRateLimitError(AgentError):
    """The model's server accepts no more requests for now; `retry_after` is the wait that it asked for, in seconds."""

    trouble = "rate limit"

    def __init__(self, what: str, *, where: str = "", next_step: str = "", retry_after: float | None = None) -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.retry_after = retry_after


class AgentAccessError(AgentError):
    """The model's server does not accept the key, the model's name or the request."""

    trouble = "access"


class AgentReplyError(AgentError):
    """The agent answered, but no recipe can be read from its answer."""

    trouble = "data"


# Sandbox -----------------------------------------------------------------------------------------------------------


class SandboxError(TabsmithError):
    """A command could not be put into its sandbox."""


class SandboxProgramError(SandboxError):
    """The program to run is not on this machine."""


# Conditions --------------------------------------------------------------------------------------------------------


class ConditionError(UsageError):
    """A condition cannot be understood, or names an unknown value; `where` says at which character."""


# State on disk -----------------------------------------------------------------------------------------------------


class StorageError(TabsmithError):
    """State could not be written or read: the disk is full, permission is missing, or a file is not understood."""


class LockedError(StorageError):
    """Another living process holds a lock that is needed."""


# Trouble of the machine ----------------------------------------------------------------------------------------------


class MachineError(TabsmithError):
    """Trouble of the machine, not of the table, the recipe or the agent: when it has passed, the same work succeeds."""


class DiskFullError(StorageError, MachineError):
    """The disk is full, the quota is used up, or a file would grow beyond the largest size allowed."""


class ReadOnlyError(StorageError, MachineError):
    """A folder that has to be written to is read-only, or not this user's."""


class DiskTroubleError(StorageError, MachineError):
    """The disk reported an input/output error."""


class TooManyFilesError(StorageError, MachineError):
    """This process, or the machine, has too many files open."""


class NotAFileError(StorageError, MachineError):
    """A pipe, a device or a folder stands where a file of tabsmith should be."""


class ChecksumError(StorageError, MachineError):
    """A file is not as it was written: its checksum differs, or it is missing."""


# Runs and the conversation -----------------------------------------------------------------------------------------


class RunNotFoundError(UsageError):
    """There is no such run."""


class RunStateError(UsageError):
    """The run is not in a state in which this can be done."""


class WorkerError(TabsmithError):
    """A worker process did not start, or died."""


class ChildKilledError(WorkerError, MachineError):
    """The system, or a person, killed a process that was at work."""


class MemoryShortError(WorkerError, MachineError):
    """A process could not go on for want of memory."""


def memory_short(what: str) -> MemoryShortError:
    """The error of a process that reads a table or predicts, and reached its share of the memory; `what` says so."""
    return MemoryShortError(
        what,
        next_step="Give a table with fewer columns or shorter cells, or let it take a larger share of the memory: "
        "tabsmith config set resources.memory 0.9",
    )


class ReportedMachineError(ReportedError, MachineError):
    """Trouble of the machine that another process met, raised again in this one with its report."""


class ClusterError(TabsmithError):
    """The Dask cluster of `engine.address` cannot be used: not reached, without workers, or with another tabsmith."""


class ClusterLostError(ClusterError):
    """The Dask cluster was there, and is gone or holds no worker any more."""


class StepError(UsageError):
    """An answer does not belong to the current step of the conversation, or an earlier step is missing."""


# Task files and workspaces -----------------------------------------------------------------------------------------


class TaskProblem(msgspec.Struct, frozen=True):
    """One mistake in a task file: its place (`task 2 "clean": depends_on`), and what is wrong."""

    place: str
    what: str

    def __str__(self) -> str:
        return f"{self.place}: {self.what}" if self.place else self.what


class TaskFileError(UsageError):
    """A task file was refused before anything ran; `problems` are all of its mistakes."""

    def __init__(
        self, what: str, *, where: str = "", next_step: str = "", problems: tuple[TaskProblem, ...] = ()
    ) -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.problems = problems


class WorkspaceError(TabsmithError):
    """A folder cannot be copied, scanned or merged back."""


class WorkspaceTooLargeError(WorkspaceError):
    """A folder exceeds the limits of a workspace: too many files, too many bytes, too deep."""


class WorkspaceConflictError(WorkspaceError):
    """The folder was changed while an agent worked on its copy; `paths` are the changed files."""

    def __init__(self, what: str, *, where: str = "", next_step: str = "", paths: tuple[str, ...] = ()) -> None:
        super().__init__(what, where=where, next_step=next_step)
        self.paths = paths
