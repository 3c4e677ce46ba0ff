"""A workflow session: where a user stands, and everything said so far. One JSON document per user.

What a person typed, as typed: one text per field, kept whether or not it can be understood.
"""

from enum import StrEnum
from typing import Final, Literal, TypeAlias

import msgspec

from tabsmith.agents.protocol import AgentName
from tabsmith.errors import ErrorReport
from tabsmith.modeling.results import MetricName, ModelScore, PredictedFile
from tabsmith.orchestration.questions import Mode
from tabsmith.recipes.recipe import Family
from tabsmith.tables.info import TableInfo
from tabsmith.tables.read.sources import Source
from tabsmith.tables.schema.types import ColumnKind, ColumnRole, ManualSchema, ProblemType, Schema, Split
from tabsmith.workflow.states import GuidedStep, State


class FieldName(StrEnum):
    """A field that can be typed into or chosen from; its draft is a text also where choices are offered."""

    PATH = "path"
    DATA = "data"
    TARGET = "target"
    FEATURES = "features"
    SCHEMA = "schema"
    METRIC = "metric"
    FAMILY = "family"
    AGENT = "agent"
    TIME = "time"
    BUDGET = "budget"
    MODE = "mode"
    ITERATIONS = "iterations"
    SEED = "seed"
    NEW_ROWS = "new rows"
    OUT = "out"


MetricChoice: TypeAlias = MetricName | Literal["default"]
FamilyChoice: TypeAlias = Family | Literal["any"]


class FieldDefaults(msgspec.Struct, frozen=True):
    """What the fields show before anything is typed."""

    metric: MetricChoice = "default"
    family: FamilyChoice = "any"
    agent: AgentName = "search"
    time: str = "60 s"
    iterations: int = 0  # 0 does not limit
    seed: int = 0
    cores: int = 0  # 0 takes all
    agents: tuple[AgentName, ...] = ("search",)  # those that can be used here
    why_not: dict[AgentName, str] = {}  # of the others: why they cannot, and what to do about it
    budget: str = ""  # in the words of its field; empty does not limit
    mode: Mode = "confirm"
    breakpoints: tuple[str, ...] = ()


class FieldProblem(msgspec.Struct, frozen=True):
    """Why a field's text cannot be used, to be shown beside it."""

    field: FieldName
    error: ErrorReport


LOCAL_USER: Final = "local"
HISTORY_LIMIT: Final = 10

Origin: TypeAlias = Literal["none", "file", "upload", "sample"]
LoadOption: TypeAlias = Literal["undecided", "now", "defer"]


class SessionNoticeKind(StrEnum):
    """Why a session is not as it was left."""

    EXPIRED = "expired"
    DAMAGED = "damaged"
    FILE_CHANGED = "file changed"
    FILE_GONE = "file gone"
    RUN_ENDED = "run ended"
    RUN_INTERRUPTED = "run interrupted"
    RUN_GONE = "run gone"
    RUN_STOPPED = "run stopped"
    EDITS_LEFT_OUT = "edits left out"
    INCOMPLETE = "incomplete"


class SessionNotice(msgspec.Struct, frozen=True):
    """Something a person should know before going on; it goes with the next move."""

    kind: SessionNoticeKind
    text: str


class SeenFile(msgspec.Struct, frozen=True):
    """A file as it was last seen: its absolute path, bytes, and modification time (seconds since 1970)."""

    path: str
    size: int
    modified: float


class PendingWork(msgspec.Struct, frozen=True):
    """Which work the session waits for; its result is refused when it comes after the person has moved on."""

    work: Literal["path", "table", "target", "prediction"]
    target: str = ""  # the column that is looked at as a target
    as_text: bool = False  # of the path: every value is kept as text
    path: str = ""  # of the prediction: the new rows, and where the predictions go
    out: str = ""


class SchemaEdits(msgspec.Struct, frozen=True):
    """What a person changed in the detected schema, by column name; laid over every later detection.

    `target` is the one they chose, "" while they took the detected one.
    """

    target: str = ""
    roles: dict[str, ColumnRole] = {}
    kinds: dict[str, ColumnKind] = {}
    split: Split | None = None

    def __bool__(self) -> bool:
        return bool(self.target or self.roles or self.kinds or self.split)


class TrainedModel(msgspec.Struct, frozen=True):
    """The model of this session's run, in short; its report lies with the model."""

    model_id: str
    run_id: str
    target: str
    task: ProblemType
    cv_score: ModelScore | None = None  # None, as below, where the score is no number
    holdout: ModelScore | None = None


class WorkflowSession(msgspec.Struct, frozen=True, kw_only=True):
    """Where a user stands. Values that were accepted, and beside them everything typed (`drafts`)."""

    id: str
    user: str = LOCAL_USER
    revision: int = 0  # counts the saves; 0 was never saved
    created_at: float
    updated_at: float
    defaults: FieldDefaults = FieldDefaults()

    state: State = State.IDLE
    history: tuple[State, ...] = ()  # the last one is where `back` goes
    reached: GuidedStep | None = None  # the furthest step ever shown

    origin: Origin = "none"
    source: Source | None = None
    file: SeenFile | None = None
    load: LoadOption = "undecided"
    table: TableInfo | None = None
    detected: Schema | None = None  # as the program understood the table
    schema: Schema | None = None  # with the person's edits
    edits: SchemaEdits = SchemaEdits()
    manual: ManualSchema | None = None
    run_id: str = ""
    model: TrainedModel | None = None
    prediction: PredictedFile | None = None

    drafts: dict[FieldName, str] = {}
    problems: tuple[FieldProblem, ...] = ()
    problem: ErrorReport | None = None
    waiting: PendingWork | None = None  # for work asked for and not yet answered; for none after a restart
    retry: State | None = None  # in ERROR: the state to try again from
    notices: tuple[SessionNotice, ...] = ()
    taken: tuple[str, ...] = ()  # keys of the last answers that came with one

    def draft(self, field: FieldName) -> str:
        """What stands in `field`: as typed, or the default."""
        if field in self.drafts:
            return self.drafts[field]
        chosen = self.defaults
        match field:
            case FieldName.METRIC:
                return chosen.metric
            case FieldName.FAMILY:
                return chosen.family
            case FieldName.AGENT:
                return chosen.agent
            case FieldName.TIME:
                return chosen.time
            case FieldName.BUDGET:
                return chosen.budget
            case FieldName.MODE:
                return chosen.mode
            case FieldName.ITERATIONS:
                return str(chosen.iterations)
            case FieldName.SEED:
                return str(chosen.seed)
            case _:
                return ""

    def problem_of(self, field: FieldName) -> ErrorReport | None:
        """Why the text in `field` cannot be used, or None."""
        return next((each.error for each in self.problems if each.field == field), None)


def new_session(user: str, defaults: FieldDefaults, now: float, session_id: str) -> WorkflowSession:
    """A session at its very beginning: IDLE, nothing said yet."""
    return WorkflowSession(id=session_id, user=user, created_at=now, updated_at=now, defaults=defaults)
