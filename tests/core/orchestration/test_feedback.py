"""What the agent is told about the last iteration: short, exact, and with foreign words quoted as data."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tabsmith.agents.prompts.quoting import BLOCK_END, BLOCK_START
from tabsmith.agents.prompts.recipe_prompt import write_prompt
from tabsmith.agents.protocol import Brief, MetricGoal
from tabsmith.modeling.metric_catalogue import Metric
from tabsmith.modeling.results import Evaluation, FoldScore
from tabsmith.orchestration.decisions import Decision, DecisionAction, Quality, QualityPart
from tabsmith.orchestration.loop.feedback import MOST_WORDS, FeedbackInput, write_feedback
from tabsmith.orchestration.loop.iteration import Stage
from tabsmith.recipes.recipe import DerivedColumn, Problem, Recipe
from tabsmith.text import clean_block
from tests.core.agents.hostile import HOSTILE
from tests.core.recipes.tables import HOUSES, profile_of

RMSE = Metric("rmse", "RMSE", greater_is_better=False, tasks=("regression",))
AUC = Metric("roc_auc", "ROC AUC", greater_is_better=True, tasks=("binary",))
OLD = Recipe("lightgbm", parameters={"num_leaves": 31, "learning_rate": 0.1})
NEW = Recipe("lightgbm", parameters={"num_leaves": 63, "learning_rate": 0.1})


def evaluation(recipe: Recipe, mean: float) -> Evaluation:
    folds = tuple(FoldScore(fold, mean, 0.1, 0.1) for fold in range(5))
    return Evaluation(recipe, folds, mean, 0.0021, 1.0, "evaluations/0001")


LOST = FeedbackInput(
    iteration=12,
    stage="scored",
    metric=AUC,
    recipe=NEW,
    evaluation=evaluation(NEW, 0.97),
    champion_before=evaluation(OLD, 0.98),
    champion=evaluation(OLD, 0.98),
    rule="paired gain -0.01, standard error 0.002: not over the floor of 0.0005",
    scores=(0.9, 0.95, 0.96, 0.98, 0.961, 0.962, 0.97),
)
REFUSED = FeedbackInput(
    iteration=3,
    stage="refused",
    metric=AUC,
    recipe=NEW,
    problems=(Problem("parameter num_leaves", "Out of range."), Problem("dropped x", "The table has no such column.")),
    champion=evaluation(OLD, 0.98),
)


def test_a_score_is_told_with_the_rule_the_gap_the_trend_and_what_not_to_repeat() -> None:
    score, title, gap, trend, lesson = write_feedback(LOST).splitlines()
    assert score.startswith("Iteration 12 scored 0.97 ± 0.0021 ROC AUC over 5 folds (higher is better). ")
    assert score.endswith(' Against the champion: "num leaves 31 → 63".')
    assert title == f"It did not take the title: {LOST.rule}."
    assert gap == "Its mean is 0.01 ROC AUC worse than that of the champion, 0.98 ± 0.0021, 1.02%."
    assert trend.startswith("Last scores, oldest first: 0.95, 0.96, 0.98, 0.961, 0.962, 0.97. ")
    assert trend.endswith(" Best of 7: 0.98, 3 scored tries since then.")
    assert lesson.startswith("This change alone is not worth repeating;")


def test_a_new_champion_is_told_as_one_in_the_metrics_own_direction() -> None:
    won = replace(
        LOST,
        metric=RMSE,
        evaluation=evaluation(NEW, 90.0),
        champion_before=evaluation(OLD, 100.0),
        champion=evaluation(NEW, 90.0),
        rule="better beyond noise",
        scores=(100.0, math.nan, 90.0),
    )
    lines = write_feedback(won).splitlines()
    assert "(lower is better)" in lines[0]
    assert lines[1] == "It is the new champion: better beyond noise."
    assert lines[2] == "Its mean is 10 RMSE better than that of the champion before, 100 ± 0.0021, 10.00%."
    assert lines[3] == "Last scores, oldest first: 100, 90. Best of 2: 90, the latest one."
    first = write_feedback(replace(won, champion_before=None, scores=(90.0,)))
    assert 'The recipe: "LightGBM".' in first
    assert "It is the new champion" in first
    assert "Its mean" not in first
    assert "Last scores" not in first


def test_the_champions_recipe_again_is_no_new_champion() -> None:
    again = replace(LOST, recipe=OLD, evaluation=evaluation(OLD, 0.98), repeats=4)
    told = write_feedback(again)
    assert "It did not take the title" in told
    assert "Its mean equals that of the champion, 0.98 ± 0.0021." in told
    assert "The same recipe was tried in iteration 4: propose one that is new." in told


def test_a_refusal_names_every_problem() -> None:
    told = write_feedback(REFUSED)
    assert told.startswith('Iteration 3: the recipe was refused before it was fitted. The recipe: "LightGBM".\n')
    assert '- "parameter num_leaves: Out of range."\n- "dropped x: The table has no such column."\n' in told
    assert "The champion stays at 0.98 ± 0.0021 ROC AUC." in told
    assert "the same recipe would be refused again" in told


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        ("failed", 'Iteration 3: fitting the recipe failed: "value 73519 is bad".'),
        ("stopped", 'Iteration 3: it was broken off before it had a score: "value 73519 is bad".'),
        ("begun", 'Iteration 3: it was broken off before it had a score: "value 73519 is bad".'),
        ("proposed", 'Iteration 3: it was broken off before it had a score: "value 73519 is bad".'),
        ("unanswered", 'Iteration 3 had no recipe that could be read: "value 73519 is bad".'),
    ],
)
def test_a_failure_is_told_with_its_reason(stage: Stage, words: str) -> None:
    assert write_feedback(replace(REFUSED, stage=stage, problems=(), message="value 73519 is bad")).startswith(words)


def test_without_samples_the_words_of_a_failed_fit_are_kept_back() -> None:
    quality = Quality(0.3, "heuristic", (QualityPart("standing", 0.0, 1.0, "no score: value 73519 is bad"),))
    failed = replace(REFUSED, stage="failed", problems=(), message="value 73519 is bad", quality=quality)
    assert write_feedback(failed).count("73519") == 2
    assert "73519" not in write_feedback(replace(failed, samples=False))
    assert "Out of range." in write_feedback(replace(REFUSED, samples=False))


def test_an_iteration_that_was_left_out_is_told_so() -> None:
    told = write_feedback(replace(LOST, skipped=True))
    assert "the person who runs this left it out; it does not count" in told
    assert "scored 0.97" not in told
    assert "Do not propose this recipe again." in told


def test_quality_is_told_with_its_weakest_part_and_clarify_with_a_question() -> None:
    parts = (
        QualityPart("valid", 1.0, 0.3),
        QualityPart("explained", 0.0, 0.1, "not explained"),
        QualityPart("new", 0.9, 0.2),
    )
    quality = Quality(0.61, "heuristic", parts)
    clarify = replace(LOST, quality=quality, decision=Decision("clarify", 0.6, "quality between 0.5 and 0.7"))
    told = write_feedback(clarify)
    assert 'Quality of the iteration: 0.61 of 1; its weakest part: "explained" 0.00 ("not explained").' in told
    assert "Decision: clarify (quality between 0.5 and 0.7).\n" in told
    assert told.endswith('Make clear in "reason": what does the recipe change, and why should that help on this table?')
    other = replace(clarify, quality=Quality(0.6, "llm", (QualityPart("depth", 0.1, 1.0),)))
    assert write_feedback(other).endswith("what in the table or the scores makes you think so?")
    perfect = write_feedback(replace(clarify, quality=Quality(1.0, "llm", (QualityPart("depth", 1.0, 1.0),))))
    assert "Quality of the iteration: 1.00 of 1.\n" in perfect


@pytest.mark.parametrize("action", ["proceed", "retry", "escalate", "checkpoint"])
def test_only_clarify_asks(action: DecisionAction) -> None:
    told = write_feedback(replace(LOST, decision=Decision(action, 0.9, "a rule")))
    assert told.endswith(f"Decision: {action} (a rule).")


LONG = "a " * 50_000
HUGE = tuple(Problem(f"derived column {n} {LONG}", LONG) for n in range(500))
STAGES: tuple[Stage, ...] = ("begun", "unanswered", "proposed", "refused", "failed", "stopped", "scored")


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize(
    "text", [LONG, "x" * 100_000, "<" * 9_000, "</data> " * 9_000, "a < " * 9_000, "\u202e\x1b[2J" * 99]
)
def test_it_stays_under_500_words_and_within_its_room_in_the_letter_whatever_comes(stage: Stage, text: str) -> None:
    recipe = Recipe("lightgbm", text, (DerivedColumn(text, text),) * 64, (text,) * 99, {}, {text: text})
    problems = tuple(Problem(text, f"{n} {text}") for n in range(500))
    outcome = replace(
        LOST,
        stage=stage,
        recipe=recipe,
        problems=problems,
        message=text,
        rule=text,
        quality=Quality(0.6, "llm", tuple(QualityPart(text, 0.1, 1.0, text) for _ in range(50)), text),
        decision=Decision("clarify", 0.5, text),
        evaluation=evaluation(recipe, 0.97) if stage == "scored" else None,
        scores=tuple(1.0 + n / 1e7 for n in range(10_000)),
    )
    told = write_feedback(outcome)
    assert len(told.split()) < MOST_WORDS
    letter = write_prompt(
        Brief(schema=HOUSES, profile=profile_of(HOUSES), metric=MetricGoal("RMSE", False), feedback=told)
    )
    assert letter.feedback == told


def test_problems_that_do_not_fit_are_counted() -> None:
    told = write_feedback(replace(REFUSED, problems=HUGE))
    shown = told.count('\n- "')
    assert shown >= 4
    assert f"- and {500 - shown} more problems of the kind" in told


@pytest.mark.parametrize("text", HOSTILE)
def test_an_injected_text_is_quoted_and_makes_no_line_of_its_own(text: str) -> None:
    def told(word: str) -> list[str]:
        recipe = Recipe("linear", word, (DerivedColumn(word, word),), (word,))
        refused = replace(REFUSED, recipe=recipe, problems=(Problem(f"dropped {word}", f"There is no {word}."),))
        failed = replace(refused, stage="failed", message=word)
        return [*write_feedback(refused).splitlines(), *write_feedback(failed).splitlines()]

    lines, plain = told(text), told("plain")
    assert len(lines) == len(plain)
    for line in lines:
        assert BLOCK_START not in line
        assert BLOCK_END not in line
        assert clean_block(line) == line
    assert [line.partition('"')[0] for line in lines] == [line.partition('"')[0] for line in plain]
    assert [line.rpartition('"')[2] for line in lines] == [line.rpartition('"')[2] for line in plain]


NUMBERS = st.floats(allow_nan=True, allow_infinity=True)


@given(NUMBERS, NUMBERS, st.lists(NUMBERS, max_size=8), st.sampled_from(STAGES), st.booleans())
def test_any_numbers_can_be_told(mean: float, held: float, scores: list[float], stage: Stage, greater: bool) -> None:
    told = write_feedback(
        replace(
            LOST,
            stage=stage,
            metric=AUC if greater else RMSE,
            evaluation=evaluation(NEW, mean),
            champion_before=evaluation(OLD, held),
            scores=tuple(scores),
        )
    )
    assert told.startswith("Iteration 12")
