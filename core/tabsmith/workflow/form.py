"""The form of a step as data: fields with their values and evidence, choices and facts, rendered by every surface.

All texts of a form are cleaned (`tabsmith.text.clean`), except what goes back into an answer: `TextField.value`,
`Option.value`, `ColumnLine.name` and the answers themselves. A surface cleans those when it renders them.
"""

from typing import TypeAlias

import msgspec

from tabsmith.errors import ErrorReport
from tabsmith.modeling.results import PredictedFile
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.tables.schema import types
from tabsmith.tables.schema.readiness import Obstacle
from tabsmith.tables.schema.types import ColumnKind, ColumnRole, ProblemType, Split, TableWarning, TargetCandidate
from tabsmith.workflow.actions import UserAction
from tabsmith.workflow.session import FieldName, SessionNotice, TrainedModel
from tabsmith.workflow.states import GuidedStep, State, StepMark


class TextField(msgspec.Struct, frozen=True, tag="text", tag_field="field"):
    """A text to type.

    `value` is the typed text or the default, `example` a text that would be accepted, `problem` why this one is not, and
    `empty` what an empty one means.
    """

    name: FieldName
    label: str
    value: str = ""
    help: str = ""
    example: str = ""
    problem: ErrorReport | None = None
    lines: int = 1  # height that suits the text
    empty: str = "no limit"


class Option(msgspec.Struct, frozen=True):
    """An option of a choice field. `value` is the text that becomes the field's draft."""

    value: str
    label: str
    detail: str = ""


class ChoiceField(msgspec.Struct, frozen=True, tag="choice", tag_field="field"):
    """A choice of one option; `value` is that of the chosen one. It is changed with `Type(name, option.value)`."""

    name: FieldName
    label: str
    value: str
    options: tuple[Option, ...]
    help: str = ""
    problem: ErrorReport | None = None


class ColumnLine(msgspec.Struct, frozen=True):
    """A column of the schema with the evidence for it. `number` counts from 1; `profile` holds its statistics."""

    number: int
    name: str
    kind: ColumnKind
    role: ColumnRole
    evidence: str
    warnings: tuple[types.ColumnWarning, ...]
    profile: ColumnProfile | None
    edited: bool  # the user changed its kind or role


class ColumnsField(msgspec.Struct, frozen=True, tag="columns", tag_field="field"):
    """The columns to check. They are changed with ChangeRole, ChangeKind and ChangeTarget."""

    columns: tuple[ColumnLine, ...]
    target: str
    candidates: tuple[TargetCandidate, ...]
    task: ProblemType
    split: Split
    rejected: int  # lines of the source that could not be read
    repaired: int
    warnings: tuple[TableWarning, ...] = ()  # of the rows, beside those of the columns
    obstacle: Obstacle | None = None  # what keeps a model from being trained with this schema


class ResultField(msgspec.Struct, frozen=True, tag="result", tag_field="field"):
    """A trained model, and the last predictions made with it."""

    model: TrainedModel
    prediction: PredictedFile | None = None


class RunField(msgspec.Struct, frozen=True, tag="run", tag_field="field"):
    """The run to watch."""

    run_id: str


FormField: TypeAlias = TextField | ChoiceField | ColumnsField | ResultField | RunField


class Fact(msgspec.Struct, frozen=True):
    """A label, its value, and the evidence for the value."""

    label: str
    value: str
    evidence: str = ""


class StepChoice(msgspec.Struct, frozen=True):
    """An action that the user may choose.

    `answer` is the action with the values that the fields show. `reads` names the fields whose texts it takes: if the
    user has typed meanwhile, the surface builds the action with `step_forms.filled(choice, texts)`.
    """

    label: str
    answer: UserAction
    detail: str = ""
    reads: tuple[FieldName, ...] = ()


class StepLine(msgspec.Struct, frozen=True):
    """A line of the step list. `word` summarises what was chosen at the step; it may be empty."""

    step: GuidedStep
    mark: StepMark
    word: str = ""


class StepForm(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that a surface needs to show a state and to take an action."""

    state: State
    step: GuidedStep | None
    title: str
    words: str
    fields: tuple[FormField, ...] = ()
    facts: tuple[Fact, ...] = ()
    choices: tuple[StepChoice, ...] = ()
    default: int = 0  # the choice that enter takes
    missing: tuple[str, ...] = ()  # names of what the default choice still needs
    notices: tuple[SessionNotice, ...] = ()
    problem: ErrorReport | None = None  # the last error
    command: str = ""  # the equivalent command line, where there is one
    steps: tuple[StepLine, ...] = ()
    back_to: State | None = None  # where Back leads
