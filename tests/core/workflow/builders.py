"""Tables, schemas, reports and walks for the conversation's tests: real values of every room, without a worker."""

from collections.abc import Callable
from pathlib import Path

from tabsmith.config.settings import PathSettings, Settings
from tabsmith.errors import ErrorReport
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import Confusion, Evaluation, FoldScore, Holdout, ModelReport, ModelScore, PredictedFile
from tabsmith.recipes.recipe import Recipe
from tabsmith.runs.jobs import DetectSchema, Predict, Predicted, ReadTable, SchemaDetected, TableRead
from tabsmith.tables.info import Dialect, Preview, TableInfo
from tabsmith.tables.profile.types import ColumnProfile, TableProfile
from tabsmith.tables.read.sources import FileSource, ReadOptions, Source
from tabsmith.tables.schema.types import ColumnSchema, Schema, Split, TargetCandidate
from tabsmith.workflow import actions
from tabsmith.workflow.conversation import Conversation
from tabsmith.workflow.effects import CheckPath, Effect
from tabsmith.workflow.machine import step
from tabsmith.workflow.session import FieldDefaults, WorkflowSession, new_session
from tabsmith.workflow.transitions import Clock, StepResult

NOW = 1_700_000_000.0
COLUMNS = ("id", "area", "rooms", "district", "sold", "price")
TROUBLE = ErrorReport("ReadError", "The file holds no table.", where="line 3", next_step="Look at line 3.")


NO_ROWS = Preview((), ())


def moment(now: float = NOW) -> Clock:
    """The same time and the same new name, always."""
    return Clock(now, lambda _: "20231114-221320-abc123")


def fresh() -> WorkflowSession:
    return new_session("local", FieldDefaults(), NOW, "the-session")


def schema(target: str = "price") -> Schema:
    """Six columns as a detector might see them; `district` as a target makes the task one of classes."""
    kinds = {"id": "identifier", "district": "category", "sold": "date"}
    columns = tuple(
        ColumnSchema(
            name,
            kinds.get(name, "numeric"),
            "target" if name == target else "ignore" if name == "id" else "feature",
            "as it looks",
        )
        for name in COLUMNS
    )
    task = "multiclass" if target == "district" else "regression" if target else "none"
    split = Split("stratified" if task == "multiclass" else "random", reason="no date, no group")
    candidates = (TargetCandidate("price", 0.8, "last column"), TargetCandidate("district", 0.2, "few values"))
    return Schema(columns, target, candidates, task, split, rows=100)


def table(source: Source, size: int = 0, modified: float = 0.0) -> TableInfo:
    profile = TableProfile(100, tuple(ColumnProfile(name, "float", 100, 0, 50) for name in COLUMNS))
    return TableInfo(source, "f1", "/cache/f1.parquet", "csv", "fast", "utf-8", Dialect(), profile, (), (), 0, 0, size,
                     modified)  # fmt: skip


def loaded(session: WorkflowSession, of: Schema | None = None) -> TableRead:
    """What reading the session's source gives."""
    assert session.source is not None
    file = session.file
    info = table(session.source) if file is None else table(session.source, file.size, file.modified)
    return TableRead(info, of or schema(), NO_ROWS)


RMSE = Metric("rmse", "RMSE", False, ("regression",))


def report(run_id: str, score: float = 12.5) -> ModelReport:
    evaluation = Evaluation(Recipe("linear"), (FoldScore(0, score, 0.1, 0.1),), score, 0.3, 0.2, "e1")
    holdout = Holdout(20, (ModelScore(RMSE, score, score - 1, score + 1),))
    return ModelReport(
        model_id="m1", run_id=run_id, created_at=NOW, source="houses.csv", fingerprint="f1", schema=schema(),
        metric=RMSE, members=(), champion=evaluation, cv_score=score, cv_se=0.3, holdout=holdout, importance=(),
        outcome=Confusion((), ()), classes=(), train_rows=80, iterations=3, tries=3, seconds=2.0,
    )  # fmt: skip


def accepted(path: str = "/data/houses.csv", out: str = "") -> actions.PathAccepted:
    return actions.PathAccepted(FileSource(path), 1_000, 5.0, out)


def result_of(effect: Effect, session: WorkflowSession) -> actions.WorkflowAction | None:
    """What a willing surrounding answers to an effect."""
    match effect:
        case CheckPath(path=path, out=out):
            return accepted(path, out)
        case ReadTable():
            return loaded(session)
        case DetectSchema(target=target):
            return SchemaDetected(schema(target))
        case Predict(model_id=model_id, out=out):
            return Predicted(PredictedFile(model_id, 10, ("prediction",), out), NO_ROWS)
    return None


def say_to(session: WorkflowSession, *answers: actions.WorkflowAction, results: bool = True) -> StepResult:
    """The step after the last of `answers`, all work done as it was asked for (unless `results` is false)."""
    taken = StepResult(session)
    for answer in answers:
        taken = step(taken.session, answer, moment())
        while results and taken.effect and (result := result_of(taken.effect, taken.session)) is not None:
            taken = step(taken.session, result, moment())
    return taken


def at(*answers: actions.WorkflowAction) -> WorkflowSession:
    """The session after `answers` from the very beginning."""
    return say_to(fresh(), *answers).session


OTHER_WAY = FileSource("/data/houses.csv", options=ReadOptions(delimiter=";"))
TO_PATH: tuple[actions.WorkflowAction, ...] = (actions.Begin(), actions.ChooseFile())
TO_LOAD = (*TO_PATH, actions.GivePath("/data/houses.csv"))
TO_SCHEMA = (*TO_LOAD, actions.LoadNow())
TO_TARGET = (*TO_SCHEMA, actions.EditSchema())
TO_FEATURES = (*TO_TARGET, actions.ChooseTarget())
TO_WORDS = (*TO_LOAD, actions.Defer())
TO_MODEL = (*TO_SCHEMA, actions.AcceptSchema())
TO_TRAINING = (*TO_MODEL, actions.Train())
TO_TRAINED = (*TO_TRAINING, actions.RunFinished(report(moment().new_id(NOW))))
TO_PREDICTING = (*TO_TRAINED, actions.PredictRows())
TO_COMPLETED = (*TO_TRAINED, actions.Finish())
TO_ERROR = (*TO_TRAINING, actions.RunFailed(moment().new_id(NOW), TROUBLE))
TO_UPLOAD: tuple[actions.WorkflowAction, ...] = (actions.Begin(), actions.ChooseUpload())
TO_SAMPLE: tuple[actions.WorkflowAction, ...] = (actions.Begin(), actions.ChooseSample("iris"))


def settings(*allowed: Path) -> Settings:
    return Settings(paths=PathSettings(allowed=allowed))


def carry_on(
    conversation: Conversation,
    answer: actions.WorkflowAction,
    *,
    willing: Callable[[Effect, WorkflowSession], actions.WorkflowAction | None] = result_of,
) -> None:
    """Answer, and give back the results of what is asked for."""
    effect = conversation.answer(answer).effect
    while effect and (result := willing(effect, conversation.session)) is not None:
        effect = conversation.answer(result).effect
