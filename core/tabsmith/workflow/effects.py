"""What the conversation asks its surroundings to do; each is answered with a value of `answers`.

CheckPath is carried out by `Conversation` itself. All others belong to the screen or the bridge, by way of the
supervisor. Going back or cancelling means: end the work that is under way.
"""

from typing import TypeAlias

import msgspec

from tabsmith.runs.spec import RunSpec
from tabsmith.tables.info import TableInfo
from tabsmith.tables.sources import Source


class CheckPath(msgspec.Struct, frozen=True, tag="check_path", tag_field="effect"):
    """May this file be read? `path`, and `out` where given, are as typed. -> PathAccepted | PathRefused"""

    path: str
    as_text: bool = False
    out: str = ""


class ReadSource(msgspec.Struct, frozen=True, tag="read_source", tag_field="effect"):
    """Read and understand the table (job ReadTable) -> TableLoaded | LoadFailed"""

    source: Source


class DetectTarget(msgspec.Struct, frozen=True, tag="detect_target", tag_field="effect"):
    """Understand the table for another target (job DetectSchema) -> TargetDetected | DetectFailed"""

    info: TableInfo
    target: str


class StartTraining(msgspec.Struct, frozen=True, tag="start_training", tag_field="effect"):
    """Start the run -> RunFailed when it does not start; later RunFinished | RunStopped | RunFailed | RunInterrupted"""

    spec: RunSpec


class ResumeTraining(msgspec.Struct, frozen=True, tag="resume_training", tag_field="effect"):
    """Resume an interrupted run -> as StartTraining"""

    run_id: str


class PredictFile(msgspec.Struct, frozen=True, tag="predict_file", tag_field="effect"):
    """Predict new rows (job Predict) -> PredictionDone | PredictionFailed"""

    model_id: str
    source: Source
    out: str


class RemoveSession(msgspec.Struct, frozen=True, tag="remove_session", tag_field="effect"):
    """The session's document is removed; carried out by `Conversation` itself."""


Effect: TypeAlias = CheckPath | ReadSource | DetectTarget | StartTraining | ResumeTraining | PredictFile | RemoveSession
JobEffect: TypeAlias = ReadSource | DetectTarget | PredictFile
"""Work that takes a while and is answered with a result; cancelled by ending it."""
RunEffect: TypeAlias = StartTraining | ResumeTraining
"""Runs live on; their journal tells the rest."""
