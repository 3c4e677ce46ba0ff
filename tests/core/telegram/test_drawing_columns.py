"""The columns of a table on a phone: summed up, by the page, one by one, and the ways to hold rows out."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from tabsmith.telegram.chat_state import ChatView
from tabsmith.telegram.render.messages import OutgoingMessage
from tabsmith.telegram.render.steps import step_message
from tabsmith.workflow import actions
from tabsmith.workflow.session import WorkflowSession
from tabsmith.workflow.states import State
from tabsmith.workflow.step_forms import step_form
from tests.core.telegram import walks
from tests.core.telegram.walks import Walker


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Walker:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TABSMITH_HOME", str(tmp_path_factory.mktemp("home")))
        return walks.plain_table(tmp_path_factory.mktemp("table"))


def see(session: WorkflowSession, view: ChatView) -> OutgoingMessage:
    return step_message(step_form(session), session, view)


def plain_text(session: WorkflowSession, view: ChatView) -> str:
    return walks.shown(see(session, view)).text


def labels(message: OutgoingMessage) -> list[str]:
    return [button.label for row in message.keyboard for button in row]


@pytest.mark.parametrize("table", [walks.hostile_table, walks.plain_table, walks.wide_table])
def test_the_schema_is_summed_up_with_what_to_look_at(table: Callable[[Path], Walker], tmp_path: Path) -> None:
    walker = table(tmp_path)
    session = walker.at_every_state()[State.CONFIRMING_SCHEMA]
    assert session.schema is not None
    text = plain_text(session, ChatView())
    assert "Target  price" in text
    assert f"Split  {session.schema.split.kind}, " in text
    kinds = Counter(column.kind for column in session.schema.columns)
    counted = next(each for each in text.splitlines() if each.startswith("Kinds  "))
    assert set(counted[7:].split(", ")) == {f"{many:,} {kind}" for kind, many in kinds.items()}
    warned = sum(bool(column.warnings) for column in session.schema.columns)
    if warned > 6:
        assert f"+{warned - 6:,} more" in text
    if walker.info.rejected_count:
        assert "! 12 lines could not be read and were left out." in text
        assert "3 lines repaired." in text


def test_columns_are_paged_ten_by_ten_with_a_button_each(tmp_path: Path) -> None:
    session = walks.wide_table(tmp_path).at_every_state()[State.CONFIRMING_SCHEMA]
    message = see(session, ChatView("columns", page=1))
    assert "Columns 11 to 20 of 5,000" in walks.shown(message).text
    assert labels(message) == [*(str(number) for number in range(11, 21)), "← Page 1", "Page 3 →", "← The schema"]
    last = see(session, ChatView("columns", page=10_000))
    assert "Columns 4,991 to 5,000 of 5,000" in walks.shown(last).text
    assert "Page 501 →" not in labels(last)


def test_a_page_of_columns_says_of_each_what_it_is_and_how_that_is_known(houses: Walker) -> None:
    session = houses.at_every_state()[State.CONFIRMING_SCHEMA]
    assert session.schema is not None
    text = plain_text(session, ChatView("columns"))
    district = session.schema.column("district")
    assert "4  district\n   category · feature · 0 % missing · 3 distinct\n" in text
    assert (district.warnings[0].message if district.warnings else district.evidence)[:60] in text
    mine = houses.answer(session, actions.ChangeRole("district", "ignore"))
    assert "category · ignore (yours)" in plain_text(mine, ChatView("columns"))


def test_a_column_offers_only_changes_that_its_schema_takes(houses: Walker) -> None:
    session = houses.at_every_state()[State.CONFIRMING_SCHEMA]
    district = labels(see(session, ChatView("column", "4")))
    assert "ignore · left out" in district
    assert "target · what is predicted" in district
    assert "time · rows are split along it" not in district  # names have no order
    assert "as constant" not in district
    target = see(session, ChatView("column", "6"))
    assert not any(" · " in label for label in labels(target))
    assert "Another role is free once another column is the target." in walks.shown(target).text
    assert "target · what is predicted" not in labels(see(session, ChatView("column", "5")))  # nobody predicts a date
    dates = plain_text(session, ChatView("column", "5"))
    assert "From 2024-01-01 to 2024-12-01" in dates


def test_the_split_is_shown_with_its_reason_and_what_else_there_is(houses: Walker) -> None:
    session = houses.at_every_state()[State.CONFIRMING_SCHEMA]
    message = see(session, ChatView("field", "split"))
    assert "grouped by district" in labels(message)
    assert "by time (rooms)" in labels(message) or "by time (sold)" in labels(message)
    assert "stratified" not in labels(message)  # the target is a number
    assert "Now  random, 20 % test set, 8 folds" in walks.shown(message).text
    assert not {"random", "20 % test set", "8 folds"} & set(labels(message))  # that is how it is


def test_targets_and_features_are_chosen_from_numbered_columns_in_pages(tmp_path: Path) -> None:
    states = walks.wide_table(tmp_path).at_every_state()
    for state in (State.SELECTING_TARGET, State.SELECTING_FEATURES):
        assert "Columns 1 to 20 of 5,000" in plain_text(states[state], ChatView())
        second = see(states[state], ChatView(page=1))
        assert "Columns 21 to 40 of 5,000" in walks.shown(second).text
        assert "← Page 1" in labels(second)
    assert "1-5, 8, price" in plain_text(states[State.SELECTING_FEATURES], ChatView())
