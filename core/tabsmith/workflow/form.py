"""What a prompt is made of: fields with their values and evidence, choices, facts. Drawn alike by every surface.

All words in a prompt are cleaned (`tabsmith.text.clean`), except what goes back into an answer: `TextField.value`,
`Option.value`, `ColumnLine.name` and the answers themselves. A surface cleans those when it draws them.
"""

from typing import TypeAlias

import msgspec

from tabsmith.errors import ErrorReport
from tabsmith.modeling.results import PredictedFile
from tabsmith.tables.profile.types import ColumnProfile
from tabsmith.tables.schema import types
from tabsmith.tables.schema.types import ColumnKind, ColumnRole, ProblemType, Split, TargetCandidate
from tabsmith.workflow.actions import UserAction
from tabsmith.workflow.session import FieldName, SessionNotice, TrainedModel
from tabsmith.workflow.states import GuidedStep, State, StepMark


class TextField(msgspec.Struct, frozen=True, tag="text", tag_field="field"):
    """A text to type. `value` is what was typed, or the default. `example` shows the form; `problem` stands beside."""

    name: FieldName
    label: str
    value: str = ""
    help: str = ""
    example: str = ""
    problem: ErrorReport | None = None
    lines: int = 1  # how many lines it may well take


class Option(msgspec.Struct, frozen=True):
    """One of a choice field's options; `value` is the text to keep as the field's draft."""

    value: str
    label: str
    detail: str = ""


class ChoiceField(msgspec.Struct, frozen=True, tag="choice", tag_field="field"):
    """One of several options; `value` is the chosen one. Set with `Type(name, option.value)`."""

    name: FieldName
    label: str
    value: str
    options: tuple[Option, ...]
    help: str = ""
    problem: ErrorReport | None = None


class ColumnLine(msgspec.Struct, frozen=True):
    """A column as understood, with its evidence. `number` counts from 1; `profile` has missing, distinct and bins."""

    number: int
    name: str
    kind: ColumnKind
    role: ColumnRole
    evidence: str
    warnings: tuple[types.ColumnWarning, ...]
    profile: ColumnProfile | None
    edited: bool  # its kind or role is the person's own


class ColumnsField(msgspec.Struct, frozen=True, tag="columns", tag_field="field"):
    """The columns, to be looked over. Changed with ChangeRole, ChangeKind, ChangeTarget."""

    columns: tuple[ColumnLine, ...]
    target: str
    candidates: tuple[TargetCandidate, ...]
    task: ProblemType
    split: Split
    rejected: int  # lines of the source that could not be read
    repaired: int


class ResultField(msgspec.Struct, frozen=True, tag="result", tag_field="field"):
    """A trained model, and the last prediction made with it."""

    model: TrainedModel
    prediction: PredictedFile | None = None


class RunField(msgspec.Struct, frozen=True, tag="run", tag_field="field"):
    """The run to watch."""

    run_id: str


FormField: TypeAlias = TextField | ChoiceField | ColumnsField | ResultField | RunField


class Fact(msgspec.Struct, frozen=True):
    """Something known, to be read: a label, a value, and how it is known."""

    label: str
    value: str
    evidence: str = ""


class StepChoice(msgspec.Struct, frozen=True):
    """A way on.

    `answer` is the whole answer with the values that the fields show. `reads` names the fields whose text it takes:
    a surface whose person has typed meanwhile builds the answer with `prompts.filled(choice, texts)`.
    """

    label: str
    answer: UserAction
    detail: str = ""
    reads: tuple[FieldName, ...] = ()


class StepLine(msgspec.Struct, frozen=True):
    """A line of the step list; `word` says in a word what was chosen there, or is empty."""

    step: GuidedStep
    mark: StepMark
    word: str = ""


class StepForm(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a surface needs to show a state and take its answer."""

    state: State
    step: GuidedStep | None
    title: str
    words: str
    fields: tuple[FormField, ...] = ()
    facts: tuple[Fact, ...] = ()
    choices: tuple[StepChoice, ...] = ()
    default: int = 0  # the choice that enter takes
    missing: tuple[str, ...] = ()  # what the default choice still needs, in readable names
    notices: tuple[SessionNotice, ...] = ()
    problem: ErrorReport | None = None  # what went wrong last, as it was
    command: str = ""  # the equivalent command line, where there is one
    steps: tuple[StepLine, ...] = ()
    back_to: State | None = None  # where Back leads
