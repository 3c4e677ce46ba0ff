"""The states of the guided conversation, the guided steps they belong to, and the prerequisites of each state."""

from enum import StrEnum
from typing import Final


class State(StrEnum):
    """A state of the conversation."""

    IDLE = "idle"
    CHOOSING_DATA_SOURCE = "choosing data source"
    AWAITING_FILE_PATH = "awaiting file path"
    AWAITING_DATA = "awaiting data"
    CHOOSING_LOAD_OPTION = "choosing load option"
    CONFIRMING_SCHEMA = "confirming schema"
    SELECTING_TARGET = "selecting target"
    SELECTING_FEATURES = "selecting features"
    AWAITING_SCHEMA_INPUT = "awaiting schema input"
    CONFIGURING_MODEL = "configuring model"
    TRAINING = "training"
    TRAINED = "trained"
    PREDICTING = "predicting"
    COMPLETED = "completed"
    ERROR = "error"


class GuidedStep(StrEnum):
    """A line of the step list; several states may belong to one step."""

    SOURCE = "Source"
    TABLE = "Table"
    SCHEMA = "Schema"
    MODEL = "Model"
    TRAIN = "Train"
    RESULT = "Result"


class StepMark(StrEnum):
    """How far a guided step is. `check again`: it was reached before, and an earlier answer may have changed since."""

    OPEN = "open"
    CURRENT = "current"
    DONE = "done"
    CHECK_AGAIN = "check again"


class Prerequisite(StrEnum):
    """What a state may need. The value is its readable name, as in "still missing: a target"."""

    ORIGIN = "a kind of data source"
    SOURCE = "a file or a sample"
    TABLE = "a table that has been read"
    DATA = "a table, read or described in words"
    TARGET = "a target"
    FEATURES = "at least one feature"
    TASK = "a target that can be predicted"
    RUN = "a run"
    MODEL = "a trained model"
    PROBLEM = "something that went wrong"


STEP_OF: Final[dict[State, GuidedStep]] = {
    State.CHOOSING_DATA_SOURCE: GuidedStep.SOURCE,
    State.AWAITING_FILE_PATH: GuidedStep.SOURCE,
    State.AWAITING_DATA: GuidedStep.SOURCE,
    State.CHOOSING_LOAD_OPTION: GuidedStep.TABLE,
    State.CONFIRMING_SCHEMA: GuidedStep.SCHEMA,
    State.SELECTING_TARGET: GuidedStep.SCHEMA,
    State.SELECTING_FEATURES: GuidedStep.SCHEMA,
    State.AWAITING_SCHEMA_INPUT: GuidedStep.SCHEMA,
    State.CONFIGURING_MODEL: GuidedStep.MODEL,
    State.TRAINING: GuidedStep.TRAIN,
    State.TRAINED: GuidedStep.RESULT,
    State.PREDICTING: GuidedStep.RESULT,
    State.COMPLETED: GuidedStep.RESULT,
}
"""IDLE belongs to no step; ERROR belongs to the step of the state that is tried again."""


def place_of(state: State) -> str:
    """Where a session in `state` stands, as people read it: its guided step, such as `Schema`."""
    step = STEP_OF.get(state)
    return step.value if step is not None else state.value


_READY_TO_TRAIN: Final = (Prerequisite.DATA, Prerequisite.TARGET, Prerequisite.FEATURES, Prerequisite.TASK)

PREREQUISITES: Final[dict[State, tuple[Prerequisite, ...]]] = {
    State.IDLE: (),
    State.CHOOSING_DATA_SOURCE: (),
    State.AWAITING_FILE_PATH: (Prerequisite.ORIGIN,),
    State.AWAITING_DATA: (Prerequisite.ORIGIN,),
    State.CHOOSING_LOAD_OPTION: (Prerequisite.SOURCE,),
    State.CONFIRMING_SCHEMA: (Prerequisite.TABLE,),
    State.SELECTING_TARGET: (Prerequisite.TABLE,),
    State.SELECTING_FEATURES: (Prerequisite.TABLE, Prerequisite.TARGET),
    State.AWAITING_SCHEMA_INPUT: (Prerequisite.SOURCE,),
    State.CONFIGURING_MODEL: _READY_TO_TRAIN,
    State.TRAINING: (*_READY_TO_TRAIN, Prerequisite.RUN),
    State.TRAINED: (Prerequisite.MODEL,),
    State.PREDICTING: (Prerequisite.MODEL,),
    State.COMPLETED: (Prerequisite.MODEL,),
    State.ERROR: (Prerequisite.PROBLEM,),
}
