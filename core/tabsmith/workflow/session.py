"""The session of a guided conversation: its state and everything the user entered. One JSON document per user, which two
processes cannot overwrite for each other."""

import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Final, Literal, TypeAlias

import msgspec
from msgspec.structs import replace

from tabsmith.agents.protocol import AgentName
from tabsmith.config.settings import Mode
from tabsmith.errors import ErrorReport, StepError
from tabsmith.modeling.metric_catalogue import MetricChoice
from tabsmith.modeling.results import ModelScore, PredictedFile
from tabsmith.paths import folders
from tabsmith.recipes.recipe import Family
from tabsmith.storage import Damaged, Document, FileLock, Found, Loaded, file_stem
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.sources import Asker, Source
from tabsmith.tables.schema.corrections import SchemaEdits
from tabsmith.tables.schema.types import ManualSchema, ProblemType, Schema
from tabsmith.workflow.states import STEP_OF, GuidedStep, State, place_of


class FieldName(StrEnum):
    """A field of a form. Its draft is a text, also where the field offers choices."""

    PATH = "path"
    DATA = "data"
    TARGET = "target"
    FEATURES = "features"
    SCHEMA = "schema"
    METRIC = "metric"
    EVENT = "event"
    LABELS = "labels"
    FAMILY = "family"
    FAMILIES = "families"
    EXCLUDE = "exclude"
    AGENT = "agent"
    TIME = "time"
    BUDGET = "budget"
    MODE = "mode"
    ITERATIONS = "iterations"
    SEED = "seed"
    DELIVER = "deliver"
    RECIPE = "recipe"
    RESUME_FROM = "resume from"
    TEST = "test"
    NEW_ROWS = "new rows"
    OUT = "out"


FamilyChoice: TypeAlias = Family | Literal["any"]
DeliverChoice: TypeAlias = Literal["all rows", "measured"]
"""Whether the model that was measured is fitted again on all rows, or delivered as it was measured."""


class FieldDefaults(msgspec.Struct, frozen=True):
    """The values of the fields before the user types any."""

    metric: MetricChoice = "default"
    family: FamilyChoice = "any"
    exclude: str = ""  # families to leave out, with commas between them
    agent: AgentName = "search"
    time: str = "60 s"
    iterations: int = 0  # 0 is no limit
    seed: int = 0
    deliver: DeliverChoice = "all rows"
    cores: int = 0  # 0 takes all
    memory: int = 0  # bytes that training may use; 0: not known
    agents: tuple[AgentName, ...] = ("search",)  # the agents that are ready here
    why_not: dict[AgentName, str] = {}  # of other agents: why they are not ready, and what to do about it
    budget: str = ""  # as its field takes it; "" is no limit
    mode: Mode = "confirm"
    breakpoints: tuple[str, ...] = ()


class FieldProblem(msgspec.Struct, frozen=True):
    """Why the text of a field cannot be used; shown beside the field."""

    field: FieldName
    error: ErrorReport


LOCAL_USER: Final = "local"
HISTORY_LIMIT: Final = 10
SOURCES_LIMIT: Final = 8
"""The sources that a session remembers."""

Origin: TypeAlias = Literal["none", "file", "upload", "sample"]
LoadOption: TypeAlias = Literal["undecided", "now", "defer"]


class SessionNoticeKind(StrEnum):
    """What changed a session since the user left it."""

    EXPIRED = "expired"
    DAMAGED = "damaged"
    FILE_CHANGED = "file changed"
    FILE_GONE = "file gone"
    RUN_ENDED = "run ended"
    RUN_INTERRUPTED = "run interrupted"
    RUN_GONE = "run gone"
    RUN_STOPPED = "run stopped"
    EDITS_LEFT_OUT = "edits left out"
    CORRECTED_BEFORE = "corrected before"
    INCOMPLETE = "incomplete"


class SessionNotice(msgspec.Struct, frozen=True):
    """Something that the user should know before they go on; their next action removes it."""

    kind: SessionNoticeKind
    text: str


class SeenFile(msgspec.Struct, frozen=True):
    """A file when it was last checked: its absolute path, its bytes, and its modification time (seconds since 1970)."""

    path: str
    size: int
    modified: float


class PendingWork(msgspec.Struct, frozen=True):
    """The work that the session waits for. A result is refused once the session no longer waits for it."""

    work: Literal["path", "table", "target", "prediction"]
    target: str = ""  # the column that is examined as a target
    path: str = ""  # of a prediction: the new rows, and the file for the predictions
    out: str = ""
    asked_by: Asker = "person"  # of a prediction
    allow_missing: bool = False  # of a prediction


class TrainedModel(msgspec.Struct, frozen=True):
    """A summary of the model of the session's run; the model's folder has the whole report."""

    model_id: str
    run_id: str
    target: str
    task: ProblemType
    cv_score: ModelScore | None = None  # None, as below, if the score is not finite
    holdout: ModelScore | None = None


class WorkflowSession(msgspec.Struct, frozen=True, kw_only=True):
    """The state of a user's conversation: the accepted values, and every text that was typed (`drafts`)."""

    id: str
    user: str = LOCAL_USER
    revision: int = 0  # counts the saves; 0 if it was never saved
    created_at: float
    updated_at: float
    defaults: FieldDefaults = FieldDefaults()

    state: State = State.IDLE
    history: tuple[State, ...] = ()  # Back leads to the last one
    reached: GuidedStep | None = None  # the furthest step that was shown

    origin: Origin = "none"
    source: Source | None = None
    sources: tuple[Source, ...] = ()  # all that were chosen in this session, the last one first
    file: SeenFile | None = None
    load: LoadOption = "undecided"
    table: TableInfo | None = None
    detected: Schema | None = None  # without the edits
    schema: Schema | None = None  # with the edits
    edits: SchemaEdits = SchemaEdits()
    manual: ManualSchema | None = None
    run_id: str = ""
    model: TrainedModel | None = None
    prediction: PredictedFile | None = None

    drafts: dict[FieldName, str] = {}
    problems: tuple[FieldProblem, ...] = ()
    problem: ErrorReport | None = None
    waiting: PendingWork | None = None  # None after a restart
    retry: State | None = None  # in ERROR: the state to try again from
    notices: tuple[SessionNotice, ...] = ()
    taken: tuple[str, ...] = ()  # keys of the last actions that had one

    @property
    def step(self) -> GuidedStep | None:
        """The guided step that the session is at; None before the first step."""
        return STEP_OF.get(self._shown_state)

    @property
    def place(self) -> str:
        """Where the session stands, as people read it: its guided step, such as `Schema`."""
        return place_of(self._shown_state)

    @property
    def _shown_state(self) -> State:
        """The state; after an error the one that is tried again."""
        return self.retry if self.state is State.ERROR and self.retry is not None else self.state

    def draft(self, field: FieldName) -> str:
        """The text of `field`: as it was typed, or the default."""
        if field in self.drafts:
            return self.drafts[field]
        return str(getattr(self.defaults, field.value, ""))

    def problem_of(self, field: FieldName) -> ErrorReport | None:
        """Why the text of `field` cannot be used; None if it can."""
        return next((problem.error for problem in self.problems if problem.field == field), None)


def new_session(user: str, defaults: FieldDefaults, now: float, session_id: str) -> WorkflowSession:
    """An empty session in the state IDLE."""
    return WorkflowSession(id=session_id, user=user, created_at=now, updated_at=now, defaults=defaults)


SESSION_VERSION: Final = 1


class SessionMovedOnError(StepError):
    """Another process changed the session; nothing was saved. `current` is its session, None if it was removed."""

    def __init__(self, current: WorkflowSession | None) -> None:
        if current is None:
            what, then = "This session was ended in another window.", "Start a new one."
        else:
            what = f"Changed in another window: this session is now at “{current.state.value}”."
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
