"""Questions in people's words are understood, asked back, or handed to another part; none is answered as another one."""

from pathlib import Path

import pytest

from tabsmith.statistics.check import check_plan
from tabsmith.statistics.plan import Compare, Describe, Frequency, Plan, Rows
from tabsmith.statistics.words.examples import example_questions
from tabsmith.statistics.words.grammar import understand
from tabsmith.statistics.words.reading import AskBack, Elsewhere, Reading, Understood
from tabsmith.tables.profile.types import ColumnProfile, StorageType, TableProfile, ValueCount


def column(
    name: str, storage: StorageType = "float", values: tuple[str, ...] = (), distinct: int = 500
) -> ColumnProfile:
    top = tuple(ValueCount(value, 100) for value in values)
    return ColumnProfile(name, storage, rows=1_000, missing=0, distinct=len(values) or distinct, top=top)


HOUSES = TableProfile(
    1_000,
    (
        column("price"), column("area"), column("rooms", "integer", ("3", "4", "2", "5", "1", "6", "7")),
        column("city", "text", ("Bern", "Zurich", "Basel", "Geneva", "St. Gallen")),
        column("sex", "text", ("male", "female")), column("churn", "text", ("no", "yes")),
        column("contract", "text", ("month-to-month", "one year", "two year")), column("partner", "text", ("yes", "no")),
        column("age", "integer", distinct=60), column("income"),
        ColumnProfile("neighborhood", "text", 1_000, 0, 30, (ValueCount("Old Town", 9), ValueCount("North", 8))),
        column("signup_date", "date", distinct=400), column("region", "text", ("north", "south", "east", "west")),
        column("year", "integer", ("2020", "2021", "2022", "2023")), column("Monthly Charges ($)"),
        column("customer_satisfaction", "integer", ("1", "2", "3", "4", "5")), column("fare"),
        column("survived", "boolean", ("true", "false")), column("before"), column("after"),
    ),
)  # fmt: skip


def asked(question: str, profile: TableProfile = HOUSES) -> Reading:
    return understand(question, profile, table_name="houses.csv")


def in_words(reading: Reading) -> str:
    """A reading as `asked_questions.txt` has it: the plan's sentence, `train: ...`, or `?` and the first choice."""
    match reading:
        case Understood(sentence=sentence):
            return sentence
        case Elsewhere(kind=kind, sentence=sentence):
            return f"{kind}: {sentence}"
        case AskBack(choices=choices):
            return f"? {choices[0].sentence if choices else ''}".strip()


def plan_of(question: str) -> Plan:
    reading = asked(question)
    assert isinstance(reading, Understood), reading
    (plan,) = reading.plans
    return plan


def test_people_are_understood_or_asked_back() -> None:
    lines = (Path(__file__).parent / "asked_questions.txt").read_text().splitlines()
    pairs = [line.split(" -> ") for line in lines]
    wrong = {question: read for question, expected in pairs if (read := in_words(asked(question))) != expected}
    assert wrong == {}


def test_every_plan_that_is_understood_or_offered_can_be_checked_against_its_table() -> None:
    for line in (Path(__file__).parent / "asked_questions.txt").read_text().splitlines():
        reading = asked(line.split(" -> ")[0])
        offered = reading.choices if isinstance(reading, AskBack) else (reading,)
        for choice in offered:
            for plan in choice.plans if isinstance(choice, Understood) else ():
                check_plan(plan, HOUSES)


@pytest.mark.parametrize(
    ("question", "plan"),
    [
        ("mean of price where city is Bern", Describe(columns=("price",), aggregates=("mean",), rows=Rows("city", ("Bern",)))),
        ("how many women survived?", Frequency(columns=("survived",), rows=Rows("sex", ("female",)))),
        ("compare income between men and women", Compare(value="income", by="sex", levels=("male", "female"))),
        ('mean of "Monthly Charges ($)" by `churn`', Describe(columns=("Monthly Charges ($)",), by=("churn",), aggregates=("mean",))),
        ("avg age, missing values as zero", Describe(columns=("age",), aggregates=("mean",), missing="zero")),
    ],
)  # fmt: skip
def test_a_question_becomes_exactly_this_plan(question: str, plan: Plan) -> None:
    assert plan_of(question) == plan


def test_what_was_read_differently_from_how_it_was_typed_is_said() -> None:
    reading = asked("averge prise by ctiy")
    assert isinstance(reading, Understood)
    assert [remark.split("” read as ")[1] for remark in reading.remarks] == ["average", "price", "city"]


def test_a_word_that_is_not_known_is_named_and_asks_back() -> None:
    reading = asked("mean of price in Atlantis")
    assert isinstance(reading, AskBack)
    assert "Atlantis" in reading.text
    assert in_words(reading.choices[0]) == "Mean of price."
    assert reading.examples


def test_a_part_of_several_names_asks_which_one_is_meant() -> None:
    profile = TableProfile(1_000, (column("sale_price"), column("list_price"), column("city", "text", ("a", "b"))))
    reading = understand("mean of price by city", profile)
    assert isinstance(reading, AskBack)
    assert [in_words(choice) for choice in reading.choices] == [
        "Mean of sale_price for each city.", "Mean of list_price for each city.",
    ]  # fmt: skip


def test_names_that_are_words_of_the_grammar_are_columns_where_a_column_belongs() -> None:
    profile = TableProfile(
        1_000, (column("count"), column("total"), column("a"), column("b"), column("by", "text", ("x", "y")))
    )
    assert in_words(understand("mean of total", profile)) == "Mean of total."
    assert in_words(understand("total of count", profile)) == "Sum of count."
    assert in_words(understand("relate a and b", profile)) == "How a and b go together."
    assert in_words(understand("mean of a by `by`", profile)) == "Mean of a for each by."


def test_values_beyond_the_frequent_ones_are_found_when_they_are_given() -> None:
    reading = understand("mean of price in Ghost Town", HOUSES, values={"neighborhood": ("Ghost Town",)})
    assert isinstance(reading, Understood)
    assert reading.plans[0].rows == Rows("neighborhood", ("Ghost Town",))


def test_every_example_is_understood() -> None:
    examples = example_questions(HOUSES, most=10)
    assert len(examples) >= 5
    assert [type(asked(example)) for example in examples] == [Understood] * len(examples)


def test_nonsense_of_any_kind_is_asked_back() -> None:
    for question in (
        "",
        "?",
        "the of and",
        "\x1b[31m",
        "😀",
        "a" * 10_000,
        "'; DROP TABLE x; --",
        "(((",
        "price" * 400,
    ):
        assert isinstance(asked(question), AskBack), question
