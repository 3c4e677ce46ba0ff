"""The guided conversation on a phone: every state is drawn, in bounds, and nothing foreign can become a link."""

import re
from pathlib import Path

import pytest
from msgspec.structs import replace

from tabsmith.errors import ErrorReport
from tabsmith.tables.schema import types
from tabsmith.tables.schema.manual import parse_manual_schema
from tabsmith.tables.schema.types import Split
from tabsmith.telegram.chat_state import ChatView
from tabsmith.telegram.render.messages import OutgoingMessage
from tabsmith.telegram.render.settings import COMMANDS, help_text
from tabsmith.telegram.render.steps import step_message, step_tag
from tabsmith.telegram.render.text import line, own, rendered
from tabsmith.text import clean
from tabsmith.workflow import actions
from tabsmith.workflow.session import FieldName, PendingWork, SessionNotice, SessionNoticeKind, WorkflowSession
from tabsmith.workflow.states import State
from tabsmith.workflow.step_forms import step_form
from tests.core.telegram import walks
from tests.core.telegram.walks import Walker

MOST = 3_500
MARKUP = re.compile(r"[<>`*\[\]\u200b\u202e]")
VIEWS = (
    ChatView(),
    ChatView(page=3),
    ChatView("columns"),
    ChatView("columns", page=499),
    ChatView("columns", page=10**9),
    *(ChatView("column", str(number)) for number in (1, 5, 12, 15, 18, 5_000)),
    ChatView("column", "no such"),
    *(ChatView("field", name.value) for name in FieldName),
    ChatView("field", "split"),
    ChatView("models"),
)


@pytest.fixture(scope="module", params=[walks.hostile_table, walks.plain_table, walks.wide_table])
def walker(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Walker:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TABSMITH_HOME", str(tmp_path_factory.mktemp("home")))
        made: Walker = request.param(tmp_path_factory.mktemp("table"))
        return made


@pytest.fixture(scope="module")
def houses(tmp_path_factory: pytest.TempPathFactory) -> Walker:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TABSMITH_HOME", str(tmp_path_factory.mktemp("home")))
        return walks.plain_table(tmp_path_factory.mktemp("table"))


def see(session: WorkflowSession, view: ChatView = ChatView(), allowed: tuple[Path, ...] = ()) -> OutgoingMessage:  # noqa: B008
    return step_message(step_form(session), session, view, allowed=allowed)


def plain_text(session: WorkflowSession, view: ChatView = ChatView(), allowed: tuple[Path, ...] = ()) -> str:  # noqa: B008
    return walks.shown(see(session, view, allowed)).text


def labels(message: OutgoingMessage) -> list[str]:
    return [button.label for row in message.keyboard for button in row]


def test_every_state_and_view_is_in_bounds_and_nothing_foreign_can_become_a_link(walker: Walker) -> None:
    folders = tuple(Path(f"/srv/www.evil.example/{number}") for number in range(40))
    for session in walker.at_every_state().values():
        asked = step_form(session)
        for view in VIEWS:
            message = step_message(asked, session, view, allowed=folders)
            assert 0 < walks.length(message) <= MOST
            outside = walks.outside_code(message)
            assert not walks.LINK.search(outside), outside
            assert not MARKUP.search(outside), outside
            assert all(len(button.data.encode()) <= 64 for row in message.keyboard for button in row)
            assert len([button for row in message.keyboard for button in row]) <= 100
            assert walks.again(message) == message


def test_names_of_columns_stand_in_code_alone(tmp_path: Path) -> None:
    walker = walks.hostile_table(tmp_path)
    names = [name for name in walks.HOSTILE_NAMES if name not in ("3", "Accept")]
    seen = set()
    for session in walker.at_every_state().values():
        for view in VIEWS:
            message = see(session, view)
            whole, outside = walks.shown(message).text, walks.outside_code(message)
            for name in names:
                start = clean(name, 20).removesuffix("…")
                assert start not in outside
                seen |= {name} if start in whole else set()
    assert seen == set(names)


def test_a_split_by_a_column_with_the_name_of_a_link_is_drawn_as_code(tmp_path: Path) -> None:
    walker = walks.hostile_table(tmp_path)
    states = walker.at_every_state()
    split = actions.ChangeSplit(Split("grouped", "https://evil.example/x"))
    session = walker.answer(states[State.CONFIRMING_SCHEMA], split)
    for each in (session, walker.answer(session, actions.AcceptSchema())):
        for view in (ChatView(), ChatView("field", "split"), ChatView("column", "1")):
            message = see(each, view)
            assert not walks.LINK.search(walks.outside_code(message))
    assert "grouped by https://evil.example/x" in plain_text(session)


def test_a_problem_a_notice_and_a_warning_with_a_link_in_it_stand_in_code(houses: Walker) -> None:
    session = houses.at_every_state()[State.CONFIRMING_SCHEMA]
    problem = ErrorReport("X", "See www.evil.example", where="/tmp/x.csv", next_step="Ask @admin_bot.")
    assert session.schema is not None
    first, *others = session.schema.columns
    warned = replace(first, warnings=(types.ColumnWarning("leak suspect", "follows https://evil.example"),))
    session = replace(
        session,
        problem=problem,
        notices=(SessionNotice(SessionNoticeKind.EDITS_LEFT_OUT, "left out: www.evil.example as date"),) * 6,
        schema=replace(session.schema, columns=(warned, *others)),
        waiting=PendingWork("target", target="t.me/evil"),
    )
    for view in (ChatView(), ChatView("columns"), ChatView("column", "1")):
        assert not walks.LINK.search(walks.outside_code(see(session, view)))
    text = plain_text(session)
    assert "✘ See www.evil.example\nat /tmp/x.csv\nAsk @admin_bot." in text
    assert "+2 more" in text
    assert "◔ Looking at the table for the target t.me/evil" in text


def test_a_message_never_grows_over_its_bounds_whatever_stands_in_the_fields(houses: Walker) -> None:
    states = houses.at_every_state()
    for state in (State.AWAITING_FILE_PATH, State.AWAITING_SCHEMA_INPUT, State.CONFIGURING_MODEL, State.PREDICTING):
        typed = states[state]
        for name in FieldName:
            typed = houses.answer(typed, actions.Type(name, "😀 www.evil.example " * 500))
        for view in (ChatView(), *(ChatView("field", name.value) for name in FieldName)):
            for extra in ((), line(own("word " * 5_000))):
                message = step_message(step_form(typed), typed, view, extra=extra)
                assert walks.length(message) <= MOST
                assert not walks.LINK.search(walks.outside_code(message))


def test_a_step_says_where_it_is_and_what_is_asked_with_the_title_in_bold(houses: Walker) -> None:
    session = houses.at_every_state()[State.CONFIRMING_SCHEMA]
    text = walks.shown(see(session))
    assert text.text.startswith("Step 3 of 6 · Schema\nCheck the columns\n")
    assert [entity.type for entity in text.entities[:2]] == ["italic", "bold"]


def test_the_default_choice_is_the_first_button_and_back_and_cancel_are_the_last(houses: Walker) -> None:
    states = houses.at_every_state()
    for state, first in {
        State.IDLE: "Start",
        State.CHOOSING_LOAD_OPTION: "Load now",
        State.CONFIRMING_SCHEMA: "Accept",
        State.CONFIGURING_MODEL: "Train",
        State.TRAINED: "Predict new rows",
        State.ERROR: "Resume the run",
    }.items():
        assert labels(see(states[state]))[0] == first
    assert [button.label for button in see(states[State.CONFIRMING_SCHEMA]).keyboard[-1]] == ["← Back", "Cancel"]
    assert labels(see(states[State.IDLE])) == ["Start"]
    deferred = houses.answer(states[State.CHOOSING_LOAD_OPTION], actions.Defer(), actions.Back())
    assert labels(see(deferred))[0] == "Later"


def test_the_path_is_asked_for_with_the_folders_that_may_be_read(houses: Walker) -> None:
    session = houses.at_every_state()[State.AWAITING_FILE_PATH]
    text = plain_text(replace(session, drafts={}), allowed=(Path("/srv/data"), *(Path(f"/x/{at}") for at in range(20))))
    assert "Send the path as a message, or send the file itself" in text
    assert "   /srv/data\n" in text
    assert "+9 more" in text
    assert "Continue" not in labels(see(replace(session, drafts={})))
    refused = houses.answer(session, actions.Type(FieldName.PATH, "/nowhere.csv"))
    assert "Continue" in labels(see(refused))


def test_a_file_is_asked_for_with_its_limit(houses: Walker) -> None:
    assert "Send the file here, up to 20 MB." in plain_text(houses.at_every_state()[State.AWAITING_DATA])


def test_each_kind_of_source_has_its_words(houses: Walker) -> None:
    text = plain_text(houses.at_every_state()[State.CHOOSING_DATA_SOURCE])
    assert "A file on this machine: CSV, Excel, Parquet, JSON" in text
    assert "Sample: wines: 178 rows, three growers" in text
    assert "passes Telegram's servers" in text


def test_the_three_forms_of_a_schema_are_shown_and_each_is_understood(houses: Walker) -> None:
    message = see(houses.at_every_state()[State.AWAITING_SCHEMA_INPUT])
    block = next(piece.text for piece in message.text if piece.style == "pre")
    forms = block.split("\n\n")
    assert [parse_manual_schema(form).target for form in forms] == ["price"] * 3
    assert [form[0] for form in forms] == ["t", "{", "p"]


def test_the_model_step_has_a_line_and_a_button_for_each_field_and_the_command_as_code(houses: Walker) -> None:
    session = houses.at_every_state()[State.CONFIGURING_MODEL]
    message = see(session)
    assert "Time  60 s\nMetric  Auto: RMSE\n" in walks.shown(message).text
    assert {"Time · 60 s", "Seed · 0", "Budget · —"} <= set(labels(message))
    code = [piece.text for piece in message.text if piece.style == "code"]
    assert step_form(session).command in code
    wrong = houses.answer(session, actions.Type(FieldName.TIME, "soon"))
    assert "'soon' is not a time." in plain_text(wrong)
    assert "Still missing: time that can be understood" in plain_text(wrong)


def test_a_field_to_choose_from_has_its_options_as_buttons_and_the_present_one_ticked(houses: Walker) -> None:
    session = houses.at_every_state()[State.CONFIGURING_MODEL]
    message = see(session, ChatView("field", "metric"))
    assert labels(message)[:2] == ["✔ Auto: RMSE", "RMSE"]
    assert "typical error, large ones count more; lower is better" in walks.shown(message).text


def test_a_field_to_type_into_says_how_with_an_example_and_what_stands_there(houses: Walker) -> None:
    session = houses.answer(houses.at_every_state()[State.CONFIGURING_MODEL], actions.Type(FieldName.BUDGET, "$2"))
    message = see(session, ChatView("field", "budget"))
    text = walks.shown(message).text
    assert "Now  $2" in text
    assert "For example  $2, 100k tokens" in text
    assert "Leave it empty" in labels(message)


def test_a_command_too_long_for_a_phone_is_shown_by_its_beginning(tmp_path: Path) -> None:
    walker = walks.wide_table(tmp_path)
    session = walker.at_every_state()[State.CONFIRMING_SCHEMA]
    assert session.schema is not None
    name = session.schema.columns[0].name
    ready = walker.answer(session, actions.ChangeRole(name, "ignore"), actions.AcceptSchema())
    assert len(step_form(ready).command) > 10_000
    assert f"the beginning of {len(step_form(ready).command):,} characters" in plain_text(ready)


def test_what_is_under_way_is_said(houses: Walker) -> None:
    session = replace(houses.at_every_state()[State.CHOOSING_LOAD_OPTION], waiting=PendingWork("table"))
    assert "◔ Reading the table." in plain_text(session)


def test_what_another_hand_drew_stands_in_the_middle(houses: Walker) -> None:
    session = houses.at_every_state()[State.TRAINING]
    text = rendered(step_message(step_form(session), session, ChatView(), extra=line(own("the run"))).text).text
    assert text.index("You may leave") < text.index("the run\n") < text.index("from a terminal")


def test_a_view_that_the_step_has_left_behind_is_drawn_as_the_prompt(houses: Walker) -> None:
    session = houses.at_every_state()[State.CONFIGURING_MODEL]
    for view in (ChatView("columns"), ChatView("column", "2"), ChatView("field", "path"), ChatView("run", "r1")):
        assert see(session, view) == see(session)


def test_a_tag_names_the_session_and_all_that_its_numbers_count_in(houses: Walker) -> None:
    session = new = walks.b.fresh()
    assert step_tag(new) == "0"
    at = houses.at_every_state()
    schema = replace(at[State.CONFIRMING_SCHEMA], id="20231114-221320-abc123", revision=7)
    assert step_tag(schema).startswith("abc123.")
    assert step_tag(replace(schema, revision=8)) == step_tag(schema), (
        "the same step, shown twice: either button will do"
    )
    assert step_tag(replace(schema, state=State.SELECTING_TARGET)) != step_tag(schema)
    assert schema.table is not None
    assert step_tag(replace(schema, table=replace(schema.table, fingerprint="another"))) != step_tag(schema)
    odd = replace(session, id="😀" * 9, revision=2**63 - 1)
    for button in (button for row in see(odd).keyboard for button in row):
        assert len(button.data.encode()) <= 64


def test_help_names_every_command_as_telegram_takes_them() -> None:
    text = rendered(help_text()).text
    for name, words in COMMANDS:
        assert f"/{name}  {words}" in text
        assert re.fullmatch("[a-z]{1,32}", name)
        assert 3 <= len(words) <= 256
    wanted = "start help train predict models runs status stop pause resume cancel back settings"
    assert [name for name, _ in COMMANDS] == wanted.split()
