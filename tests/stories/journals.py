"""Runs as their journals tell them, with a fixed clock: real events, written by the real journal into a run folder.

`Story` writes one event after another, each some seconds after the last; `house_prices()` and `flowers()` are whole
runs to begin with. `write(story.events, folder)` puts one on disk.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from tabsmith.errors import ErrorReport, RunStateError
from tabsmith.modeling.explanation.types import (
    CalibrationCurve,
    ClassCurves,
    ClassScores,
    DependencePoint,
    Explanation,
    LearningCurve,
    LearningPoint,
    PartialDependence,
    PrecisionRecallCurve,
    RocCurve,
    WorstRow,
    WorstSlice,
)
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import (
    ColumnImportance,
    Confusion,
    EnsembleMember,
    Evaluation,
    FoldScore,
    Holdout,
    ModelReport,
    ModelScore,
    Residuals,
)
from tabsmith.orchestration import events as loop
from tabsmith.recipes.recipe import DerivedColumn, Problem, Recipe
from tabsmith.runs import events as run
from tabsmith.runs.events import RunEvent, RunState
from tabsmith.runs.folder import RunFolder
from tabsmith.runs.reducers import reduce
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.spec import Detect, Limits, ModelChoice, RunSpec
from tabsmith.tables.read.sources import FileSource
from tabsmith.tables.schema.types import ColumnSchema, ColumnWarning, Schema, Split
from tests.stories.hostile import HOSTILE

START = 1_795_183_200.0  # 2026-11-20 14:00:00 UTC
RUN_ID = "20261120-140000-7f3a9c"
FOLDS = 5

RMSE = Metric("rmse", "RMSE", greater_is_better=False, tasks=("regression",))
MAE = Metric("mae", "MAE", greater_is_better=False, tasks=("regression",))
R2 = Metric("r2", "R²", greater_is_better=True, tasks=("regression",))
AUC = Metric("roc_auc", "ROC AUC", greater_is_better=True, tasks=("binary",))
LOG_LOSS = Metric("log_loss", "log loss", greater_is_better=False, tasks=("binary", "multiclass"))
ACCURACY = Metric("accuracy", "accuracy", greater_is_better=True, tasks=("binary", "multiclass"))


def spec(run_id: str = RUN_ID, *, path: str = "data/housing.csv", limits: Limits | None = None) -> RunSpec:
    """A run asked for, ten minutes long."""
    choice = ModelChoice(limits=limits or Limits(seconds=600.0))
    return RunSpec(run_id, START, FileSource(path), Detect(), choice)


def schema(target: str = "Sale_Price", names: Sequence[str] = ("Lot_Area", "Overall_Qual", "Street")) -> Schema:
    """A table with numeric columns; the last one draws a warning."""
    columns = [ColumnSchema(name, "numeric", "feature", "numbers", ()) for name in names]
    columns[-1] = msgspec.structs.replace(
        columns[-1], warnings=(ColumnWarning("mostly missing", "96.2 % of it is missing"),)
    )
    columns.append(ColumnSchema(target, "numeric", "target", "price in the name"))
    split = Split("random", holdout=0.2, folds=FOLDS, reason="rows are independent")
    return Schema(tuple(columns), target, (), "regression", split, rows=2_930)


class Story:
    """A run told event by event; every one takes some seconds, so that the same story is the same to the byte."""

    def __init__(self, asked: RunSpec | None = None, metric: Metric = RMSE) -> None:
        self.spec = asked or spec()
        self.metric = metric
        self.at = START
        self.events: list[RunEvent] = []
        self.iteration = 0

    @property
    def snapshot(self) -> RunSnapshot:
        """The run as told so far."""
        return reduce(self.events)

    def tell(self, event: Any, seconds: float = 0.0) -> "Story":
        """`event`, `seconds` after the last one."""
        self.at += seconds
        self.events.append(msgspec.structs.replace(event, at=self.at))
        return self

    def begin(self, table: Schema | None = None, *, attempt: int = 1) -> "Story":
        """A worker takes the run up and the search starts."""
        self.tell(run.RunStarted(spec=self.spec, pid=4_711, attempt=attempt, version="0.1.0"), 0.4)
        self.tell(run.StateChanged(state=RunState.READING, message="reading data/housing.csv"), 0.1)
        self.tell(run.ReadingProgress(share=0.4, message="1,172 of 2,930 rows"), 0.2)
        self.tell(run.SchemaReady(schema=table or schema()), 0.5)
        self.tell(run.StateChanged(state=RunState.RUNNING), 0.1)
        return self.tell(loop.SearchStarted(metric=self.metric, folds=FOLDS, train_rows=2_344, holdout_rows=586), 0.3)

    def ask(self, agent: str = "search") -> "Story":
        """The next recipe is asked for."""
        self.iteration += 1
        return self.tell(loop.IterationStarted(iteration=self.iteration, agent=agent), 0.1)

    def propose(self, recipe: Recipe, change: str, agent: str = "search") -> "Story":
        """The next recipe is there."""
        self.ask(agent)
        return self.tell(loop.Proposed(iteration=self.iteration, recipe=recipe, change=change), 0.2)

    def folds(self, scores: Sequence[float], seconds: float = 4.0) -> "Story":
        """Some folds of the recipe are done."""
        for fold, score in enumerate(scores):
            each = FoldScore(fold, score, seconds / FOLDS, 0.02)
            self.tell(loop.FoldScored(iteration=self.iteration, score=each), seconds / FOLDS)
        return self

    def score(
        self, recipe: Recipe, change: str, mean: float, error: float, *, seconds: float = 4.0, wins: bool = False
    ) -> "Story":
        """The next recipe is proposed and scored on all folds."""
        self.propose(recipe, change)
        spread = error * FOLDS**0.5
        scores = [mean + spread * step for step in (-1.2, -0.5, 0.1, 0.5, 1.1)]
        self.folds(scores, seconds)
        folds = tuple(FoldScore(fold, score, seconds / FOLDS, 0.02) for fold, score in enumerate(scores))
        evaluation = Evaluation(recipe, folds, mean, error, seconds, f"evaluations/{self.iteration}")
        self.tell(loop.Evaluated(iteration=self.iteration, evaluation=evaluation), 0.05)
        if wins:
            rule = "first scored" if self.iteration == 1 else "better by 2.1 standard errors of the paired folds"
            self.tell(
                loop.ChampionChanged(
                    iteration=self.iteration, recipe=recipe, mean=mean, standard_error=error, rule=rule
                )
            )
        return self

    def refuse(self, recipe: Recipe, change: str, *problems: Problem) -> "Story":
        """The next recipe is refused."""
        self.propose(recipe, change)
        return self.tell(loop.RecipeRefused(iteration=self.iteration, problems=problems), 0.05)

    def fail(self, recipe: Recipe, change: str, message: str) -> "Story":
        """The next recipe cannot be fitted."""
        self.propose(recipe, change)
        return self.tell(
            loop.EvaluationFailed(iteration=self.iteration, reason="error", message=message, seconds=1.3), 1.3
        )

    def pause(self) -> "Story":
        """A person pauses the run."""
        return self.tell(run.StateChanged(state=RunState.PAUSED, message="paused by you"), 1.0)

    def end(self, report: ModelReport | None = None, error: ErrorReport | None = None) -> "Story":
        """The run ends, with a model or with an error."""
        outcome: run.Outcome = "failed" if error else "success" if report else "cancelled"
        reason: run.ExitReason = "error" if error else "done" if report else "user"
        active = self.snapshot.active_seconds(self.at + 1.0)
        return self.tell(
            run.RunEnded(outcome=outcome, exit_reason=reason, active_seconds=active, report=report, error=error), 1.0
        )


LINEAR = Recipe("linear", "ridge")
FOREST = Recipe("random_forest", parameters={"n_estimators": 300, "max_features": 0.5})
BOOST = Recipe("lightgbm", parameters={"learning_rate": 0.05, "num_leaves": 63})
CAT = Recipe(
    "catboost",
    derived=(
        DerivedColumn("log_area", "ln(Lot_Area + 1)"),
        DerivedColumn("age", "Year_Sold - Year_Built"),
        DerivedColumn("quality_area", "Overall_Qual * Gr_Liv_Area"),
    ),
    dropped=("Street",),
    parameters={"depth": 6, "learning_rate": 0.03},
)
TREES = Recipe("extra_trees", "extra trees, deep")
NEAR = Recipe("nearest_neighbors")


def house_prices(asked: RunSpec | None = None) -> Story:
    """A regression in the middle of its twelfth recipe: seven scored, one refused, one failed."""
    story = Story(asked).begin()
    story.score(LINEAR, "the first: ridge regression", 31_900, 820, seconds=1.1, wins=True)
    story.score(NEAR, "nearest neighbours", 41_050, 990, seconds=2.4)
    story.score(FOREST, "random forest", 26_300, 510, seconds=14.0, wins=True)
    story.score(TREES, "extra trees, deep", 25_980, 560, seconds=11.0)
    story.refuse(
        CAT, "price per pool area", Problem("derived.pool", "unknown column Pool_Area; did you mean Lot_Area?")
    )
    story.score(BOOST, "LightGBM, 63 leaves", 23_840, 410, seconds=9.0, wins=True)
    story.fail(NEAR, "nearest neighbours, 5,000 of them", "ValueError: n_neighbors is larger than the number of rows")
    story.score(msgspec.structs.replace(BOOST, parameters={"num_leaves": 15}), "fewer leaves", 23_910, 420, seconds=7.0)
    story.score(CAT, "CatBoost with three derived columns", 21_480, 310, seconds=24.0, wins=True)
    story.score(msgspec.structs.replace(CAT, dropped=()), "keep Street", 21_500, 330, seconds=25.0)
    story.score(msgspec.structs.replace(FOREST, parameters={}), "random forest, deeper", 22_910, 420, seconds=21.0)
    story.propose(msgspec.structs.replace(CAT, encoders={"Street": "target"}), "target encoding of Street")
    return story.folds((21_900.0, 20_700.0), 9.0)


def explanation(name: str = "tenure", label: str = "Yes") -> Explanation:
    """What explains a classifier of two classes, each part once; the column and the class may have any name."""
    points = tuple(DependencePoint(float(place), (0.5 - 0.02 * place,), 0.05) for place in range(20))
    return Explanation(
        columns=19,
        dependence=(PartialDependence(name, "number", points, (label,)),),
        curves=(
            ClassCurves(
                label,
                RocCurve((0.0, 0.2, 1.0), (0.0, 0.8, 1.0), 0.857),
                PrecisionRecallCurve((1.0, 0.5, 0.0), (0.3, 0.7, 1.0), 0.664),
                CalibrationCurve((0.1, 0.5), (0.08, 0.52), (100, 100)),
            ),
        ),
        classes=(ClassScores("No", 0.843, 0.913, 0.877, 1_035, 1_120), ClassScores(label, None, 0.0, 0.0, 375, 0)),
        worst_rows=(WorstRow(3_972, label, "No", 0.974),),
        worst_slices=(WorstSlice(name, "0 to 9", 280, 0.569, 0.223, "log loss", 1e-6, 0.41),),
        learning_curve=LearningCurve(
            (LearningPoint(1_000, 0.88), LearningPoint(2_000, 0.895), LearningPoint(4_000, 0.905)), 0.9144, 0.909, 0.921
        ),
    )


def price_report(names: Sequence[str] = ("Lot_Area", "Overall_Qual", "Street"), **changes: Any) -> ModelReport:
    """What came out of `house_prices`."""
    table = schema(names=names)
    truth = tuple(90_000.0 + 1_700 * ((37 * place) % 200) for place in range(200))
    noise = [((place * 7_919) % 4_001 - 2_000) * 12.0 for place in range(200)]
    scores = (
        ModelScore(RMSE, 21_020, 19_480, 22_640),
        ModelScore(MAE, 14_310, 13_390, 15_250),
        ModelScore(R2, 0.9268, 0.9103, 0.9401),
    )
    folds = tuple(FoldScore(fold, 21_000.0 + 200 * fold, 4.8, 0.02) for fold in range(FOLDS))
    drops = [(name, 9_800.0 / (1 + place) ** 1.3, 420.0 / (1 + place)) for place, name in enumerate(names)]
    report = ModelReport(
        model_id="sale-price-7f3a9c",
        run_id=RUN_ID,
        created_at=START + 180,
        source="housing.csv",
        fingerprint="0" * 16,
        schema=table,
        metric=RMSE,
        members=(EnsembleMember(CAT, 0.64), EnsembleMember(BOOST, 0.24), EnsembleMember(FOREST, 0.12)),
        champion=Evaluation(CAT, folds, 21_480, 310, 24.0, "evaluations/9"),
        cv_score=21_190,
        cv_se=305,
        holdout=Holdout(586, scores),
        importance=tuple(ColumnImportance(name, drop, deviation) for name, drop, deviation in drops),
        outcome=Residuals(
            truth,
            tuple(value + error for value, error in zip(truth, noise, strict=True)),
            (-9_800.0, 210.0, 10_400.0),
            (2, 5, 14, 38, 97, 160, 143, 79, 31, 12, 4, 1),
            -62_000.0,
            71_000.0,
        ),
        classes=(),
        train_rows=2_344,
        iterations=12,
        tries=9,
        seconds=142.0,
    )
    return msgspec.structs.replace(report, **changes) if changes else report


def class_report(classes: Sequence[str] = ("died", "survived"), **changes: Any) -> ModelReport:
    """A classifier's report with a confusion matrix."""
    size = len(classes)
    counts = tuple(
        tuple(92 - 3 * row if row == column else (7 * row + 3 * column) % 11 for column in range(size))
        for row in range(size)
    )
    table = schema("Survived", ("Sex", "Age", "Fare"))
    table = msgspec.structs.replace(table, problem_type="binary" if size == 2 else "multiclass")
    metric = AUC if size == 2 else LOG_LOSS
    scores = (ModelScore(metric, 0.8731, 0.8214, 0.9167), ModelScore(ACCURACY, 0.8268, None, None))
    report = price_report(
        schema=table,
        metric=metric,
        cv_score=0.8794,
        cv_se=0.0121,
        holdout=Holdout(sum(map(sum, counts)), scores),
        outcome=Confusion(tuple(classes), counts),
        classes=tuple(classes),
        importance=(
            ColumnImportance("Sex", 0.1420, 0.0110),
            ColumnImportance("Fare", 0.0312, 0.0071),
            ColumnImportance("Age", -0.0004, 0.0031),
        ),
        source="titanic.csv",
        model_id="survived-81b2d0",
    )
    return msgspec.structs.replace(report, **changes) if changes else report


FAILURE = ErrorReport(
    name="TableChangedError",
    what="The file data/housing.csv is no longer the one that was confirmed: it has 2,931 rows, not 2,930.",
    where="/home/ada/data/housing.csv",
    next_step="Read it again and confirm its schema, then train.",
    details="Traceback (most recent call last):\n  ...\nTableChangedError: the file has changed",
)


def run_state_error(run_id: str) -> RunStateError:
    """What a supervisor raises for a run that it cannot take up."""
    return RunStateError(f"The run {run_id} cannot go on: somebody else works on it.", next_step="Wait for them.")


def hostile() -> Story:
    """A run in which everything foreign is hostile: names, changes, expressions, messages, agents."""
    table = schema(HOSTILE[0], HOSTILE)
    story = Story(spec(path="/tmp/" + HOSTILE[3])).begin(table)
    for place, name in enumerate(HOSTILE):
        recipe = Recipe(
            "lightgbm",
            name,
            derived=(DerivedColumn(name, name),),
            dropped=(name,),
            encoders={name: "target"},
            parameters={name: name},
        )
        story.score(recipe, name, 30_000 - 900 * place, 300, seconds=2.0, wins=True)
    words = "\n".join(HOSTILE)
    story.refuse(Recipe("linear", words), words, Problem(words, words))
    story.fail(Recipe("linear", words), words, words)
    story.ask()
    return story.tell(loop.Noted(message=words, level="warning"), 0.1)


def write(events: Iterable[RunEvent], asked: RunSpec | None = None) -> RunFolder:
    """The run on disk under TABSMITH_HOME: its folder, its spec, its journal."""
    folder = RunFolder.create(asked or spec())
    journal = folder.events()
    journal.sync = False  # a test's journal need not outlive a power cut
    with journal:
        for event in events:
            journal.append(event)
    return folder
