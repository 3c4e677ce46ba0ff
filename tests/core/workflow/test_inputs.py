"""Typed words: times, whole numbers, columns by name, number and range; and the command line that asks for the same."""

import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tabsmith.errors import UsageError
from tabsmith.limits import Limits
from tabsmith.modeling.decisions.goals import LeastCost
from tabsmith.orchestration.limits import read_budget
from tabsmith.runs.spec import Confirmed
from tabsmith.runs.supervisor import Supervisor
from tabsmith.tables.profile.types import ValueCount
from tabsmith.tables.read.sources import FileSource
from tabsmith.tables.schema.manual import parse_manual_schema
from tabsmith.workflow import actions
from tabsmith.workflow.effects import StartTraining, start_run
from tabsmith.workflow.form import ChoiceField, TextField
from tabsmith.workflow.inputs import (
    read_column,
    read_columns,
    read_count,
    read_duration,
    read_iterations,
    show_columns,
    show_duration,
)
from tabsmith.workflow.session import FieldDefaults, FieldName, WorkflowSession
from tabsmith.workflow.step_forms import step_form
from tabsmith.workflow.training_settings import equivalent_command, event_of, read_choice, run_spec

from . import builders as b

NAMES = ("id", "area", "price, net", "3", "1-2", 'say "x"')


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("2 min", 120), ("1:30", 90), ("1:30:00", 5_400), ("1h 30m", 5_400), (" 1.5 MIN ", 90),
     ("2 hours", 7_200), ("0:05", 5), ("30 days", 2_592_000)],
)  # fmt: skip
def test_a_time_is_read_as_people_write_it(text: str, seconds: float) -> None:
    assert read_duration(text) == seconds


@pytest.mark.parametrize(
    "text", ["", "soon", "-5", "0", "0.5", "1:99", "5 5", "1e9", "nan", "inf", "31 days", "٣", "2 min x", "1h 5"]
)
def test_what_is_no_time_says_how_to_write_one(text: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_duration(text)
    assert "1:30" in caught.value.next_step


@given(st.one_of(st.integers(1, 2_592_000), st.floats(1, 10_000).map(lambda value: round(value, 2))))
def test_a_time_that_is_shown_reads_back_as_itself(seconds: float) -> None:
    assert read_duration(show_duration(seconds)) == pytest.approx(seconds, rel=1e-5)


def test_whole_numbers_have_bounds() -> None:
    assert read_count(" 1,000 ", "It") == 1_000
    for text in ("", "-1", "1.5", "²", "9" * 5_000, "4294967296"):
        with pytest.raises(UsageError, match="It must"):
            read_count(text, "It")


def test_a_column_is_meant_by_name_before_it_is_meant_by_number() -> None:
    assert read_column("3", NAMES) == "3"
    assert read_column("2", NAMES) == "area"
    assert read_column(" AREA ", NAMES) == "area"
    with pytest.raises(UsageError, match="no column 7"):
        read_column("7", NAMES)
    with pytest.raises(UsageError) as caught:
        read_column("aera", NAMES)
    assert "area" in caught.value.next_step


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("1-5, 8, price", ("a", "b", "c", "d", "e", "h", "price")),
        ("all", ("a", "b", "c", "d", "e", "f", "g", "h")),
        ("ALL but 3", ("a", "b", "d", "e", "f", "g", "h")),
        ("all except 2-8", ("a",)),
        ("price; a\nb", ("a", "b", "price")),
        ("a, a, 1", ("a",)),
    ],
)
def test_columns_are_named_numbered_and_ranged(text: str, chosen: tuple[str, ...]) -> None:
    names = (*"abcdefgh", "price")
    assert read_columns(text, names, names[:-1]) == chosen


def test_a_name_with_a_comma_goes_in_quotes() -> None:
    assert read_columns('"price, net", 1', NAMES, NAMES) == ("id", "price, net")
    assert read_columns('"say ""x"""', NAMES, NAMES) == ('say "x"',)
    assert read_columns("1-2", NAMES, NAMES) == ("1-2",)


@pytest.mark.parametrize("text", ["", ",", "5-2", "0-3", "1-99", "nope", "all but nope", "1-99999999999"])
def test_columns_that_are_not_there_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        read_columns(text, NAMES, NAMES)


_NAME = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6).filter(
    lambda name: name == name.strip() and not name.lower().startswith("all")
)


@given(st.lists(_NAME, min_size=1, max_size=8, unique=True), st.data())
def test_columns_that_are_shown_read_back_as_themselves(names: list[str], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.sampled_from(names), min_size=1, unique=True))
    again = read_columns(show_columns(chosen, names), names, names)
    assert set(again) == set(chosen)


# The command -------------------------------------------------------------------------------------------------------


def test_the_command_asks_for_the_same() -> None:
    assert equivalent_command(b.at(*b.TO_MODEL)) == "tabsmith train /data/houses.csv --target price --time 60"
    typed = [
        actions.Type(FieldName.TIME, "2 min"),
        actions.Type(FieldName.METRIC, "mae"),
        actions.Type(FieldName.FAMILY, "catboost"),
        actions.Type(FieldName.ITERATIONS, "20"),
        actions.Type(FieldName.SEED, "7"),
    ]
    assert equivalent_command(b.at(*b.TO_MODEL, *typed)) == (
        "tabsmith train /data/houses.csv --target price --time 120"
        " --metric mae --model catboost --iterations 20 --seed 7"
    )
    assert equivalent_command(b.at(*b.TO_SAMPLE)) == "tabsmith train sample:iris --time 60"


def test_the_command_names_an_agent_that_costs_with_its_budget_and_when_it_asks() -> None:
    defaults = FieldDefaults(agents=("search", "llm"), budget="$2.00")
    session = replace(b.at(*b.TO_MODEL), defaults=defaults)
    assert "--budget" not in equivalent_command(session)
    by_llm = b.say_to(session, actions.Type(FieldName.AGENT, "llm")).session
    assert shlex.split(equivalent_command(by_llm))[-6:] == ["--agent", "llm", "--budget", "$2.00", "--mode", "confirm"]
    unlimited = b.say_to(by_llm, actions.Type(FieldName.BUDGET, "")).session
    assert shlex.split(equivalent_command(unlimited))[-3:] == ["none", "--mode", "confirm"]


@pytest.mark.parametrize(
    ("typed", "dollars", "tokens"),
    [
        ("", "", 0),
        ("none", "", 0),
        ("0", "", 0),
        ("$2", "2.00", 0),
        ("2.00", "2.00", 0),
        ("2 dollars", "2.00", 0),
        ("$1,000", "1000.00", 0),
        ("100k tokens", "", 100_000),
        ("1.5M tokens", "", 1_500_000),
        ("100,000 tokens", "", 100_000),
        ("$2.50, 100k tokens", "2.50", 100_000),
    ],
)
def test_a_budget_is_understood_as_people_write_it(typed: str, dollars: str, tokens: int) -> None:
    assert read_budget(typed) == Limits(dollars=dollars, tokens=tokens)


@pytest.mark.parametrize("typed", ["much", "-2", "$2 tokens", "2k", "$", "9" * 40, "$2 $3", "1e5 tokens", "\x1b[2J"])
def test_what_is_no_budget_is_refused_with_examples(typed: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_budget(typed)
    assert "$2" in refused.value.next_step


def test_a_changed_schema_is_in_the_command_in_words_that_parse() -> None:
    session = b.at(*b.TO_SCHEMA, actions.ChangeKind("rooms", "category"), actions.ChangeRole("area", "ignore"))
    words = shlex.split(equivalent_command(session))
    manual = parse_manual_schema(words[words.index("--schema") + 1])
    assert (manual.target, manual.kinds) == ("price", {"rooms": "category"})
    assert manual.features == ("rooms", "district", "sold")


@pytest.mark.parametrize(
    "path",
    ["/data/my houses.csv", "/data/it's; rm -rf $HOME `x`.csv", "/data/new\nline'\\\x1b[2J.csv", "/data/ü\u202e.csv"],
)
def test_the_command_goes_through_a_shell_and_shows_no_hidden_character(path: str) -> None:
    waiting = b.say_to(b.at(*b.TO_PATH), actions.GivePath("x"), results=False).session
    command = equivalent_command(b.say_to(waiting, b.accepted(path)).session)
    assert command.isprintable()
    out = subprocess.run(
        ["bash", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"}
    ).stdout
    assert out.decode().split("\0")[2] == path


@pytest.mark.parametrize(("text", "most"), [("", 0), ("0", 0), (" No limit ", 0), ("none", 0), ("1,000", 1_000)])
def test_no_limit_of_iterations_can_be_said_in_words(text: str, most: int) -> None:
    assert read_iterations(text) == most


def test_what_is_left_out_and_what_is_delivered_are_in_the_run_and_in_the_command() -> None:
    session = b.at(*b.TO_MODEL)
    drafts = {FieldName.EXCLUDE: "CatBoost, knn", FieldName.DELIVER: "measured"}
    session = replace(session, drafts={**session.drafts, **drafts})
    choice = read_choice(session).choice
    assert choice.exclude == ("catboost", "nearest_neighbors")
    assert choice.keep_measured
    words = shlex.split(equivalent_command(session))
    assert words[words.index("--exclude") + 1] == "catboost,nearest_neighbors"
    assert "--keep-measured" in words
    session = replace(session, drafts={**drafts, FieldName.FAMILY: "catboost"})
    assert [problem.field for problem in read_choice(session).problems] == [FieldName.EXCLUDE]
    session = replace(session, drafts={FieldName.FAMILY: "catboost"})
    assert read_choice(session).choice.families == ("catboost",)
    assert "--model catboost" in equivalent_command(session)


def _of_two_classes() -> WorkflowSession:
    """A session at the model step whose target `sold` is yes or no, with yes as the event that was found."""
    session = b.at(*b.TO_MODEL)
    assert session.schema is not None
    assert session.table is not None
    columns = tuple(
        replace(each, top=(ValueCount("yes", 30), ValueCount("no", 70))) if each.name == "price" else each
        for each in session.table.profile.columns
    )
    return replace(
        session,
        schema=replace(session.schema, problem_type="binary", event="yes"),
        table=replace(session.table, profile=replace(session.table.profile, columns=columns)),
    )


def test_the_event_and_what_labels_are_for_are_in_the_run_and_in_the_command() -> None:
    session = _of_two_classes()
    fields = {field.name: field for field in step_form(session).fields if isinstance(field, TextField | ChoiceField)}
    event = fields[FieldName.EVENT]
    assert isinstance(event, ChoiceField)
    assert (event.value, [option.value for option in event.options]) == ("yes", ["no", "yes"])
    assert "--event" not in equivalent_command(session)
    session = replace(session, drafts={FieldName.EVENT: "no", FieldName.LABELS: "miss=5, alarm=1"})
    accepted = run_spec(session, "r", 0.0).schema
    assert isinstance(accepted, Confirmed)
    assert accepted.accepted.event == "no"
    assert read_choice(session).choice.goal == LeastCost(5.0, 1.0)
    assert "--event no --cost miss=5,alarm=1" in equivalent_command(session)
    session = replace(session, drafts={FieldName.EVENT: "another target's class", FieldName.LABELS: "measles=2"})
    assert event_of(session) == "yes"
    assert [problem.field for problem in read_choice(session).problems] == [FieldName.LABELS]
    session = replace(session, drafts={FieldName.LABELS: "f1"})
    assert "--threshold f1" in equivalent_command(session)


def test_files_and_models_are_named_at_this_machine_and_not_from_a_phone() -> None:
    drafts = {FieldName.RECIPE: "~/mine.json", FieldName.RESUME_FROM: "price-1", FieldName.TEST: "later.csv"}
    drafts[FieldName.FAMILIES] = "linear, knn"
    session = replace(b.at(*b.TO_MODEL), drafts=drafts)
    command = equivalent_command(session)
    assert "--families linear,nearest_neighbors" in command
    assert "--recipe '~/mine.json' --resume-from price-1 --test later.csv" in command
    spec = run_spec(session, "r", 0.0)
    assert (spec.test, spec.choice.resume_from) == (FileSource("later.csv"), "price-1")
    phone = replace(session, user="telegram-7")
    spec = run_spec(phone, "r", 0.0)
    assert (spec.test, spec.choice.resume_from) == (None, "")
    assert "--recipe" not in equivalent_command(phone)
    names = {field.name for field in step_form(phone).fields if isinstance(field, TextField)}
    assert not names & {FieldName.RECIPE, FieldName.RESUME_FROM, FieldName.TEST}


async def test_a_recipe_file_that_is_not_there_ends_the_start_in_words(tmp_path: Path) -> None:
    spec = run_spec(b.at(*b.TO_MODEL), "r", 0.0)
    failed = await start_run(StartTraining(spec, str(tmp_path / "gone.json")), Supervisor())
    assert failed is not None
    assert failed.error.name == "RecipeError"
    assert failed.error.next_step
