"""Tables, schemas, reports and walks for the conversation's tests: real values of every room, without a worker."""

from collections.abc import Callable
from pathlib import Path

from tabsmith.config.tree import Paths, Settings
from tabsmith.errors import ErrorReport
from tabsmith.modeling.prediction import Prediction
from tabsmith.modeling.results import Confusion, Evaluation, FoldScore, Holdout, Metric, ModelScore, Report
from tabsmith.recipes.recipe import Recipe
from tabsmith.tables.info import Dialect, TableInfo
from tabsmith.tables.profile import Column, Profile
from tabsmith.tables.schema import ColumnSchema, Schema, Split, TargetCandidate
from tabsmith.tables.sources import Source
from tabsmith.workflow import answers as say
from tabsmith.workflow import effects as do
from tabsmith.workflow.conversation import Conversation
from tabsmith.workflow.drafts import Defaults
from tabsmith.workflow.moved import Moment
from tabsmith.workflow.session import WorkflowSession, new_session
from tabsmith.workflow.steps import Step, step

NOW = 1_700_000_000.0
COLUMNS = ("id", "area", "rooms", "district", "sold", "price")
TROUBLE = ErrorReport("ReadError", "The file holds no table.", where="line 3", next_step="Look at line 3.")


def moment(now: float = NOW) -> Moment:
    """The same time and the same new name, always."""
    return Moment(now, lambda _: "20231114-221320-abc123")


def fresh() -> WorkflowSession:
    return new_session("local", Defaults(), NOW, "the-session")


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
    profile = Profile(100, tuple(Column(name, "float", 100, 0, 50) for name in COLUMNS))
    return TableInfo(source, "f1", "/cache/f1.parquet", "csv", "fast", "utf-8", Dialect(), profile, (), (), 0, 0, size,
                     modified)  # fmt: skip


def loaded(session: WorkflowSession, of: Schema | None = None) -> say.TableLoaded:
    """What reading the session's source gives."""
    assert session.source is not None
    file = session.file
    info = table(session.source) if file is None else table(session.source, file.size, file.modified)
    return say.TableLoaded(info, of or schema())


RMSE = Metric("rmse", "RMSE", False, ("regression",))


def report(run_id: str, score: float = 12.5) -> Report:
    evaluation = Evaluation(Recipe("linear"), (FoldScore(0, score, 0.1, 0.1),), score, 0.3, 0.2, "e1")
    holdout = Holdout(20, (ModelScore(RMSE, score, score - 1, score + 1),))
    return Report(
        model_id="m1", run_id=run_id, created_at=NOW, source="houses.csv", fingerprint="f1", schema=schema(),
        metric=RMSE, members=(), champion=evaluation, cv_score=score, cv_se=0.3, holdout=holdout, importance=(),
        outcome=Confusion((), ()), classes=(), train_rows=80, iterations=3, tries=3, seconds=2.0,
    )  # fmt: skip


def accepted(path: str = "/data/houses.csv", out: str = "") -> say.PathAccepted:
    return say.PathAccepted(path, 1_000, 5.0, out)


def result_of(effect: do.Effect, session: WorkflowSession) -> say.Answer | None:
    """What a willing surrounding answers to an effect."""
    match effect:
        case do.CheckPath(path=path, out=out):
            return accepted(path, out)
        case do.ReadSource():
            return loaded(session)
        case do.DetectTarget(target=target):
            return say.TargetDetected(schema(target))
        case do.PredictFile(model_id=model_id, out=out):
            return say.PredictionDone(Prediction(model_id, 10, ("prediction",), out))
    return None


def say_to(session: WorkflowSession, *answers: say.Answer, results: bool = True) -> Step:
    """The step after the last of `answers`, all work done as it was asked for (unless `results` is false)."""
    taken = Step(session)
    for answer in answers:
        taken = step(taken.session, answer, moment())
        while results and taken.effects and (result := result_of(taken.effects[0], taken.session)) is not None:
            taken = step(taken.session, result, moment())
    return taken


def at(*answers: say.Answer) -> WorkflowSession:
    """The session after `answers` from the very beginning."""
    return say_to(fresh(), *answers).session


TO_PATH: tuple[say.Answer, ...] = (say.Begin(), say.ChooseFile())
TO_LOAD = (*TO_PATH, say.GivePath("/data/houses.csv"))
TO_SCHEMA = (*TO_LOAD, say.LoadNow())
TO_TARGET = (*TO_SCHEMA, say.EditSchema())
TO_FEATURES = (*TO_TARGET, say.ChooseTarget())
TO_WORDS = (*TO_LOAD, say.Defer())
TO_MODEL = (*TO_SCHEMA, say.AcceptSchema())
TO_TRAINING = (*TO_MODEL, say.Train())
TO_TRAINED = (*TO_TRAINING, say.RunFinished(report(moment().new_id(NOW))))
TO_PREDICTING = (*TO_TRAINED, say.PredictRows())
TO_COMPLETED = (*TO_TRAINED, say.Finish())
TO_ERROR = (*TO_TRAINING, say.RunFailed(moment().new_id(NOW), TROUBLE))
TO_UPLOAD: tuple[say.Answer, ...] = (say.Begin(), say.ChooseUpload())
TO_SAMPLE: tuple[say.Answer, ...] = (say.Begin(), say.ChooseSample("iris"))


def settings(*allowed: Path) -> Settings:
    return Settings(paths=Paths(allowed=allowed))


def carry_on(conversation: Conversation, answer: say.Answer, *, willing: Callable[..., object] = result_of) -> None:
    """Answer, and give back the results of what is asked for."""
    effects = conversation.answer(answer).effects
    while effects and (result := result_of(effects[0], conversation.session)) is not None:
        effects = conversation.answer(result).effects
