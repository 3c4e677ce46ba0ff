"""What is shown: defaults as values, what is missing by name, words for a newcomer, and nothing heavy imported."""

import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
from msgspec.structs import replace

from tabsmith.agents.protocol import AgentName
from tabsmith.config.settings import AgentSettings, Settings
from tabsmith.families.registry import family_names
from tabsmith.modeling.metric_catalogue import METRIC_DESCRIPTIONS, METRICS
from tabsmith.tables.read.sources import SampleName
from tabsmith.workflow import actions
from tabsmith.workflow.conversation import default_values
from tabsmith.workflow.form import ChoiceField, ColumnsField, StepForm, TextField
from tabsmith.workflow.session import FieldName
from tabsmith.workflow.states import State, StepMark
from tabsmith.workflow.step_forms import filled, step_form, step_lines
from tabsmith.workflow.training_settings import read_choice

from . import builders as b

CORE = Path(__file__).parents[3] / "core"


def _text(shown: StepForm, name: FieldName) -> TextField | ChoiceField:
    return next(field for field in shown.fields if isinstance(field, TextField | ChoiceField) and field.name == name)


def test_the_model_step_shows_its_defaults_as_values() -> None:
    shown = step_form(b.at(*b.TO_MODEL))
    values = {field.name: field.value for field in shown.fields if isinstance(field, TextField | ChoiceField)}
    assert values == {
        FieldName.TIME: "60 s",
        FieldName.METRIC: "default",
        FieldName.FAMILY: "any",
        FieldName.FAMILIES: "",
        FieldName.EXCLUDE: "",
        FieldName.AGENT: "search",
        FieldName.BUDGET: "",
        FieldName.MODE: "confirm",
        FieldName.ITERATIONS: "no limit",
        FieldName.SEED: "0",
        FieldName.DELIVER: "all rows",
        FieldName.RECIPE: "",
        FieldName.RESUME_FROM: "",
        FieldName.TEST: "",
    }
    assert shown.command.startswith("tabsmith train")
    assert shown.missing == ()


def test_only_metrics_that_fit_the_task_are_offered() -> None:
    metric = _text(step_form(b.at(*b.TO_MODEL)), FieldName.METRIC)
    assert isinstance(metric, ChoiceField)
    assert [option.value for option in metric.options] == ["default", "rmse", "mae", "median_ae", "r2", "mape", "rmsle"]


def test_every_sample_family_and_metric_can_be_chosen() -> None:
    assert {metric.name for metric in METRICS} == set(METRIC_DESCRIPTIONS)
    family = _text(step_form(b.at(*b.TO_MODEL)), FieldName.FAMILY)
    assert isinstance(family, ChoiceField)
    assert [option.value for option in family.options] == ["any", *family_names()]
    samples = {
        each.answer.name
        for each in step_form(b.at(actions.Begin())).choices
        if isinstance(each.answer, actions.ChooseSample)
    }
    assert samples == set(get_args(SampleName))


def test_a_default_agent_that_cannot_be_chosen_here_is_shown_as_a_problem() -> None:
    agents: tuple[AgentName, ...] = ("search",)
    defaults = default_values(Settings(agents=AgentSettings(default="llm")), agents)
    field = _text(step_form(replace(b.at(*b.TO_MODEL), defaults=defaults)), FieldName.AGENT)
    assert field.problem is not None
    assert "search" in field.problem.next_step


def test_an_agent_that_can_be_used_is_marked_and_another_says_why_not() -> None:
    agents: tuple[AgentName, ...] = ("search", "llm")
    defaults = default_values(Settings(), agents, {"acp": "no command is set; set agents.acp.command"})
    session = replace(b.at(*b.TO_MODEL), defaults=defaults)
    field = _text(step_form(session), FieldName.AGENT)
    assert isinstance(field, ChoiceField)
    assert {option.value: option.detail[:1] for option in field.options} == {"search": "✔", "llm": "✔", "acp": "✘"}
    assert "agents.acp.command" in field.options[-1].detail
    chosen = _text(step_form(b.say_to(session, actions.Type(FieldName.AGENT, "acp")).session), FieldName.AGENT)
    assert chosen.problem is not None
    assert "no command is set" in chosen.problem.what


def test_budget_and_mode_begin_as_the_settings_say() -> None:
    settings = Settings(agents=AgentSettings(dollars="2.00", mode="manual", breakpoints=("quality < 0.4",)))
    session = replace(b.at(*b.TO_MODEL), defaults=default_values(settings))
    assert _text(step_form(session), FieldName.BUDGET).value == "$2.00"
    assert _text(step_form(session), FieldName.MODE).value == "manual"
    choice = read_choice(session).choice
    assert (choice.limits.dollars, choice.mode, choice.breakpoints) == ("2.00", "manual", ("quality < 0.4",))


@pytest.mark.parametrize(
    ("walk", "name"),
    [(b.TO_PATH, "the path of a file"), (b.TO_WORDS, "a schema in words"), (b.TO_PREDICTING, "a table of new rows")],
)
def test_an_empty_field_is_named_as_missing(walk: tuple[actions.WorkflowAction, ...], name: str) -> None:
    assert step_form(b.at(*walk)).missing == (name,)


def test_columns_are_shown_with_number_evidence_and_what_is_the_persons_own() -> None:
    field = step_form(b.at(*b.TO_SCHEMA, actions.ChangeRole("area", "ignore"))).fields[0]
    assert isinstance(field, ColumnsField)
    assert [(line.number, line.name, line.edited) for line in field.columns[:3]] == [
        (1, "id", False), (2, "area", True), (3, "rooms", False),
    ]  # fmt: skip
    assert field.columns[2].evidence == "as it looks"
    assert field.columns[2].profile is not None


def test_a_choice_takes_the_texts_that_stand_in_the_fields_now() -> None:
    shown = step_form(b.at(*b.TO_PATH))
    assert shown.choices[0].reads == (FieldName.PATH,)
    assert filled(shown.choices[0], {FieldName.PATH: "x.csv"}) == actions.GivePath("x.csv")
    assert filled(step_form(b.at(*b.TO_MODEL)).choices[0], {FieldName.TIME: "9"}) == actions.Train()


def test_a_choice_names_exactly_the_fields_that_its_answer_holds() -> None:
    for walk in (b.TO_PATH, b.TO_UPLOAD, b.TO_TARGET, b.TO_FEATURES, b.TO_WORDS, b.TO_PREDICTING, b.TO_TRAINED):
        for choice in step_form(b.at(*walk)).choices:
            assert set(choice.reads) == set(actions.TEXT_FIELDS.get(type(choice.answer), {}))


def test_the_step_list_says_in_a_word_what_was_chosen() -> None:
    lines = step_lines(b.at(*b.TO_MODEL))
    assert [(line.mark, line.word) for line in lines] == [
        (StepMark.DONE, "file"), (StepMark.DONE, "read"), (StepMark.DONE, "price"), (StepMark.CURRENT, "any family"),
        (StepMark.OPEN, ""), (StepMark.OPEN, ""),
    ]  # fmt: skip


def test_the_words_are_short_and_calm() -> None:
    source = ((), b.TO_PATH[:1], b.TO_PATH, b.TO_UPLOAD, b.TO_LOAD)
    schema = (b.TO_SCHEMA, b.TO_TARGET, b.TO_FEATURES, b.TO_WORDS)
    run = (b.TO_MODEL, b.TO_TRAINING, b.TO_TRAINED, b.TO_PREDICTING, b.TO_COMPLETED, b.TO_ERROR)
    for walk in (*source, *schema, *run):
        shown = step_form(b.at(*walk))
        assert 0 < len(shown.title) <= 40
        assert 0 < len(shown.words) <= 110
        assert "!" not in shown.title + shown.words


def test_where_back_leads_is_shown() -> None:
    assert step_form(b.at(*b.TO_SCHEMA)).back_to == State.CHOOSING_LOAD_OPTION
    assert step_form(b.fresh()).back_to is None


def test_a_conversation_imports_no_table_library() -> None:
    heavy = "pandas numpy duckdb pyarrow sklearn lightgbm catboost scipy textual rich"
    code = (
        f"import sys; import tabsmith.workflow.conversation; print(*[m for m in {heavy.split()} if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=CORE)
    assert out.stdout.strip() == ""


def test_a_breakpoint_of_the_settings_that_cannot_be_understood_is_told_before_training() -> None:
    settings = Settings(agents=AgentSettings(breakpoints=("qualty < 0.4",)))
    shown = step_form(replace(b.at(*b.TO_MODEL), defaults=default_values(settings)))
    problem = _text(shown, FieldName.MODE).problem
    assert problem is not None
    assert "quality" in str(problem)
    assert shown.missing


def test_the_page_names_the_breakpoints_of_a_run_with_an_agent() -> None:
    defaults = default_values(Settings(), ("search", "llm"))
    session = replace(b.at(*b.TO_MODEL), defaults=defaults)
    assert not any(fact.label == "Breakpoints" for fact in step_form(session).facts)
    by_llm = b.say_to(session, actions.Type(FieldName.AGENT, "llm")).session
    assert any("consecutive failures" in fact.value for fact in step_form(by_llm).facts)
