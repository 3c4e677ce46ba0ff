"""Labels without any signal, a hundred recipes (twenty in `make test`): the report claims no more than a guess. With
signal, it does."""

import random
from pathlib import Path
from typing import Final, Literal

import pytest

from tabsmith.modeling.results import ModelReport
from tabsmith.runs.spec import Limits, ModelChoice
from tabsmith.tables.read.reader import read_source
from tabsmith.tables.read.sources import FileSource
from tabsmith.tables.schema.detect import detect_schema
from tabsmith.tables.schema.types import Schema, Split
from tests.core.runs.conftest import Start, ended
from tests.core.runs.scripted import Asked, recipe
from tests.peers.model_server import Step, Tokens, reply
from tests.soak import rounds

ROWS: Final = 150
RECIPES: Final = rounds(100, 20)
Kind = Literal["classes", "numbers"]


def write(path: Path, kind: Kind, *, signal: bool) -> None:
    """Five columns drawn at random, and a target that follows from them, or the same one shuffled."""
    draw = random.Random(11)
    features = [[round(draw.gauss(0, 1), 4) for _ in range(5)] for _ in range(ROWS)]
    totals = [row[0] + row[1] - row[2] + draw.gauss(0, 0.3) for row in features]
    targets = [f"{total:.4f}" if kind == "numbers" else "high" if total > 0 else "low" for total in totals]
    if not signal:
        draw.shuffle(targets)
    lines = [",".join([*map(str, row), target]) for row, target in zip(features, targets, strict=True)]
    path.write_text("\n".join(["a,b,c,d,e,price", *lines]) + "\n")


def recipes(count: int) -> list[Step]:
    """So many quick recipes that differ in what they look at and how."""
    tokens, made = Tokens(input=10, output=1), list[Step]()
    for number in range(count):
        said = recipe("linear", alpha=round(0.001 * 1.13**number, 6))
        if number % 2:
            said = recipe("nearest_neighbors", n_neighbors=1 + number // 2)
        made.append(reply({**said, "recipe": {**said["recipe"], "dropped": ["abcde"[number // 4 % 5]]}}, tokens))  # type: ignore[dict-item]
    return made


def trained(start: Start, model: Asked, table: Path, iterations: int) -> ModelReport:
    model(recipes(iterations))
    info = read_source(FileSource(str(table)), allowed=(table.parent,), max_mb=10)
    schema = few_folds(detect_schema(info, "price"))
    limits = Limits(seconds=240, iterations=iterations)
    run = ended(start(ModelChoice(agent="llm", limits=limits, cores=1), schema, info.fingerprint), 180)
    assert (run.exit_reason, run.tried) == ("iterations", iterations)
    assert run.actual == "llm"
    assert run.report is not None
    return run.report


def few_folds(schema: Schema) -> Schema:
    from msgspec.structs import replace

    split = replace(schema.split, folds=2)
    assert isinstance(split, Split)
    return replace(schema, split=split)


@pytest.mark.soak
@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_many_recipes_for_shuffled_labels_are_reported_as_no_better_than_a_guess(
    start: Start, model: Asked, table: Path, kind: Kind
) -> None:
    write(table, kind, signal=False)
    report = trained(start, model, table, RECIPES)

    assert report.holdout is not None
    score, chance = report.holdout.scores[0], report.holdout.baseline
    assert chance is not None
    assert score.metric == report.metric
    assert chance.beaten == "not shown"
    assert chance.share < 0.99
    assert score.low is not None
    assert score.high is not None
    assert score.low <= chance.score <= score.high
    assert any("does not show the model to beat" in note for note in report.notes)
    assert report.tries == RECIPES


@pytest.mark.parametrize("kind", ["classes", "numbers"])
def test_a_table_with_signal_is_reported_as_better_than_a_guess(
    start: Start, model: Asked, table: Path, kind: Kind
) -> None:
    write(table, kind, signal=True)
    report = trained(start, model, table, 4)

    assert report.holdout is not None
    assert report.holdout.baseline is not None
    assert report.holdout.baseline.beaten == "yes"
    assert report.holdout.baseline.share >= 0.99
    assert not [note for note in report.notes if "guess" in note]
