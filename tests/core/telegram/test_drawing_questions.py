"""A run's question on a phone: its words, its answers as buttons and as words, and that an old one answers nothing."""

from decimal import Decimal
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from tabsmith.orchestration.decisions import (
    AllowTool,
    ChangeBrief,
    Continue,
    Decide,
    DecisionAction,
    EndRun,
    Extend,
    Reply,
    Skip,
)
from tabsmith.presentation import budgets
from tabsmith.runs import replies
from tabsmith.runs.events import Answer
from tabsmith.runs.snapshot import RunSnapshot
from tabsmith.runs.spec import Limits
from tabsmith.telegram.actions import ChatAction, InvalidInput, SendRunCommand, ShowView, StaleButton
from tabsmith.telegram.chat_state import ChatView
from tabsmith.telegram.render import questions
from tabsmith.telegram.render.messages import OutgoingMessage
from tabsmith.telegram.render.text import rendered
from tests.core.telegram.drawn import buttons, data, hostile_agent, hostile_tasks, labels, plain, require_harmless
from tests.stories import agent_journals, task_story
from tests.stories.agent_story import AgentStory, asked_for
from tests.stories.journals import RUN_ID

UUID = "5f0c8f9e-1111-4222-8333-944455556666"


def permission() -> AgentStory:
    """An agent wants to run a command."""
    return task_story.calculator().question("permission", "Bash: make report", details="risk medium")


def out_of(limit: str, spent: str = "it is spent", **limits: object) -> AgentStory:
    """A limit is spent."""
    story = agent_journals.improving(asked_for(limits=Limits(**{"seconds": 600.0, **limits})))
    return story.question("budget", spent, limit=limit)


BREAKPOINT, BUDGET = agent_journals.at_breakpoint(), agent_journals.out_of_money()
PROPOSAL, PERMISSION = agent_journals.proposing(), permission()
ESCALATION = agent_journals.improving().question("escalation", "quality 0.40 < 0.50", details="too many neighbours")
EVERY = {
    "breakpoint": BREAKPOINT,
    "budget": BUDGET,
    "proposal": PROPOSAL,
    "permission": PERMISSION,
    "escalation": ESCALATION,
    "time": out_of("seconds"),
    "iterations": out_of("iterations", iterations=8),
    "tokens": out_of("tokens", tokens=50_000),
    "failures": out_of("failures", failures=3),
}


def asked(story: AgentStory) -> OutgoingMessage:
    """The question as it is sent."""
    return questions.question_message(story.snapshot, RUN_ID, story.at)


def press(story: AgentStory, label: str) -> ChatAction:
    """What the button with this label means."""
    return questions.parse_press(data(asked(story), label), story.snapshot)


def reply(story: AgentStory, meaning: ChatAction) -> Reply:
    """The reply that is told to the run; it answers the open question."""
    assert isinstance(meaning, SendRunCommand)
    assert isinstance(meaning.command, Answer)
    assert story.snapshot.question is not None
    assert (meaning.run_id, meaning.command.id) == (RUN_ID, story.snapshot.question.id)
    return meaning.command.reply


# What is asked -----------------------------------------------------------------------------------------------------


def test_a_question_says_what_happened_when_and_what_it_cost_so_far():
    shown = plain(asked(BREAKPOINT)).splitlines()
    assert shown == [
        "? The run asks: breakpoint",
        "housing.csv → Sale_Price  run 7f3a9c",
        "the decision is not sure: confidence 0.42 is under 0.50",
        "when confidence < 0.5",
        budgets.used_so_far(BREAKPOINT.snapshot, BREAKPOINT.at),
    ]


def test_the_details_of_a_question_are_shown():
    assert "too many neighbours" in plain(asked(ESCALATION))
    assert "risk medium" in plain(asked(PERMISSION))


def test_a_run_that_asks_nothing_says_so():
    story = agent_journals.improving()
    assert "asks nothing any more" in plain(asked(story))
    assert labels(asked(story)) == ["Show the run"]


# Answers as buttons ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "label", "wanted", "said"),
    [
        ("breakpoint", "Continue", Continue(), "It continues."),
        ("breakpoint", "Skip this one", Skip(), "Left out; it continues."),
        ("breakpoint", "■ Stop the run", EndRun(), "It stops; the best so far is kept."),
        *(("escalation", f"Decide: {each}", Decide(each), f"Decided: {each}.") for each in get_args(DecisionAction)),
        ("proposal", "Fit it", Continue(), "It continues."),
        ("permission", "Yes, once", AllowTool("once"), "Allowed, once."),
        ("permission", "Always", AllowTool("always"), "Allowed, from now on."),
        ("permission", "No", AllowTool("no"), "Refused."),
        ("budget", "Without this limit", Continue(), "It continues without this limit."),
        ("budget", "+$0.30", Extend("dollars", "0.55"), "It continues, up to $0.55 in all."),
        ("time", "+10 min (double)", Extend("seconds", "1200"), "It continues, up to 1,200 s in all."),
        ("iterations", "+4 iterations", Extend("iterations", "12"), "It continues, up to 12 iterations in all."),
        ("failures", "+2 failures", Extend("failures", "5"), "It continues, up to 5 failures in all."),
    ],
)
def test_a_button_gives_the_answer_that_it_shows(name, label, wanted, said):
    story = EVERY[name]
    meaning = press(story, label)
    assert reply(story, meaning) == wanted
    assert isinstance(meaning, SendRunCommand)
    assert meaning.reply == said


@pytest.mark.parametrize(
    ("name", "label"),
    [("breakpoint", "Change the brief…"), ("budget", "Another amount…"), ("permission", "No, and say why…")],
)
def test_an_answer_in_words_is_asked_for_by_a_button(name, label):
    assert press(EVERY[name], label) == ShowView(ChatView("answer", RUN_ID))


@pytest.mark.parametrize("name", EVERY)
def test_the_buttons_are_the_answers_that_the_run_takes_and_no_others(name):
    story = EVERY[name]
    taken = replies.accepted_actions(story.snapshot)
    shown = labels(asked(story))
    assert ("Skip this one" in shown) == taken["skip"]
    assert ("Decide: retry" in shown) == taken["decide"]
    assert ("Yes, once" in shown) == taken["allow_once"]
    assert bool({"Continue", "Fit it", "Without this limit"} & set(shown)) == taken["continue"]
    assert "■ Stop the run" in shown
    for button in buttons(asked(story)):
        if button.label != "Show the run":
            assert isinstance(questions.parse_press(button.data, story.snapshot), SendRunCommand | ShowView), button


@pytest.mark.parametrize(
    "limits",
    [
        {"dollars": "2.00"},
        {"dollars": "0.01"},
        {"tokens": 50_000},
        {"tokens": 1},
        {"iterations": 1},
        {"iterations": 10_000},
        {"seconds": 1.0},
        {"seconds": 5_400.0},
        {"failures": 1},
    ],
)
def test_every_amount_on_a_button_lets_the_run_go_on_by_as_much_as_it_says(limits):
    (limit,) = limits
    story = out_of(limit, **limits)
    run = story.snapshot
    amounts = [each for each in buttons(asked(story)) if each.label.startswith("+")]
    assert 1 <= len(amounts) <= 3
    assert len({each.label for each in amounts}) == len(amounts)
    for each in amounts:
        answer = reply(story, questions.parse_press(each.data, run))
        assert isinstance(answer, Extend)
        assert answer.limit == limit
        more = Decimal(each.data.rpartition("+")[2])
        assert Decimal(answer.to) == run.limits.value(limit) + more
        assert Decimal(answer.to) > run.budget(run.updated_at).used(limit)


@pytest.mark.parametrize(
    "limits", [{"dollars": "1000000"}, {"iterations": 999_999}, {"tokens": 10**12}, {"seconds": 365 * 86_400.0}]
)
def test_of_a_limit_that_can_be_no_higher_no_more_is_offered(limits):
    (limit,) = limits
    assert not [label for label in labels(asked(out_of(limit, **limits))) if label.startswith("+")]


def test_twice_a_limit_is_called_double():
    assert "+$2.00 (double)" in labels(asked(out_of("dollars", dollars="2.00")))


def test_where_no_limit_is_in_force_any_more_no_amount_is_offered():
    run = replace(BUDGET.snapshot, limits=Limits(seconds=600.0))
    assert not [label for label in labels(questions.question_message(run, RUN_ID, BUDGET.at)) if label.startswith("+")]


# Old buttons -------------------------------------------------------------------------------------------------------


def test_a_button_of_an_answered_question_is_stale():
    pressed = data(asked(BREAKPOINT), "Continue")
    answered = agent_journals.at_breakpoint().replied(Continue()).snapshot
    assert questions.parse_press(pressed, answered) == StaleButton()
    assert questions.parse_press(pressed, None) == StaleButton()


def test_a_button_of_an_earlier_question_does_not_answer_the_next():
    pressed = data(asked(BREAKPOINT), "■ Stop the run")
    later = agent_journals.at_breakpoint().replied(Continue()).question("escalation", "it is stuck")
    assert questions.parse_press(pressed, later.snapshot) == StaleButton()


def test_a_question_with_an_id_of_the_real_kind_is_answered():
    question = BREAKPOINT.snapshot.question
    assert question is not None
    run = replace(BREAKPOINT.snapshot, question=replace(question, id=UUID))
    message = questions.question_message(run, RUN_ID, BREAKPOINT.at)
    assert data(message, "Decide: checkpoint") == f"q:{RUN_ID}:5f0c8f9e:checkpoint"
    meaning = questions.parse_press(data(message, "Decide: checkpoint"), run)
    assert meaning == SendRunCommand(RUN_ID, Answer(id=UUID, reply=Decide("checkpoint")), "Decided: checkpoint.")


def test_an_answer_that_the_question_does_not_take_is_stale():
    pressed = data(asked(BUDGET), "Without this limit")
    assert questions.parse_press(pressed.replace("continue", "skip"), BUDGET.snapshot) == StaleButton()
    permitted = data(asked(PERMISSION), "No")
    assert questions.parse_press(permitted.replace(":no", ":continue"), PERMISSION.snapshot) == StaleButton()


def test_a_run_with_too_long_an_id_is_to_be_answered_in_the_terminal():
    message = questions.question_message(BREAKPOINT.snapshot, "2" * 64, BREAKPOINT.at)
    assert labels(message) == []
    assert "answer it in the terminal" in plain(message)


# Answers in words --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "typed", "wanted"),
    [
        ("breakpoint", "Go on", Continue()),
        ("breakpoint", "y", Continue()),
        ("breakpoint", "retry", Decide("retry")),
        ("breakpoint", "brief: use the area", ChangeBrief("use the area")),
        ("budget", "+2", Extend("dollars", "2.25")),
        ("budget", "$5", Extend("dollars", "5.00")),
        ("time", "20 more", Extend("seconds", "620")),
        ("permission", "yes", AllowTool("once")),
        ("permission", "stop", EndRun()),
    ],
)
def test_an_answer_is_typed_as_in_the_plain_terminal(name, typed, wanted):
    assert reply(EVERY[name], questions.parse_text(typed, EVERY[name].snapshot, RUN_ID)) == wanted


def test_words_that_are_no_answer_are_not_told_to_the_agent_by_mistake():
    meaning = questions.parse_text("hello there", BREAKPOINT.snapshot, RUN_ID)
    assert isinstance(meaning, InvalidInput)
    assert "continue, brief TEXT, skip" in plain(meaning.text)


@pytest.mark.parametrize(
    ("name", "typed", "wanted"),
    [
        ("breakpoint", "hello there", ChangeBrief("hello there")),
        ("breakpoint", "skip", Skip()),
        ("budget", "to 3", Extend("dollars", "3.00")),
        ("permission", "not in that folder", ChangeBrief("not in that folder")),
        ("permission", "always", AllowTool("always")),
    ],
)
def test_where_an_answer_is_awaited_words_are_told_to_the_agent(name, typed, wanted):
    assert reply(EVERY[name], questions.parse_answer(typed, EVERY[name].snapshot, RUN_ID)) == wanted


@pytest.mark.parametrize(
    ("name", "typed"), [("breakpoint", "  "), ("budget", "soon"), ("budget", "skip"), ("permission", "retry")]
)
def test_what_cannot_be_an_answer_is_refused_with_what_can(name, typed):
    meaning = questions.parse_answer(typed, EVERY[name].snapshot, RUN_ID)
    assert isinstance(meaning, InvalidInput)
    require_harmless(meaning.text)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("breakpoint", "Write what the agent is to know from now on."),
        ("budget", "Write an amount such as $5, 5.00, +2."),
        ("permission", "Write why not: it is refused, and the agent is told."),
    ],
)
def test_while_an_answer_is_awaited_it_is_said_what_to_write(name, words):
    story = EVERY[name]
    message = questions.answer_message(story.snapshot, RUN_ID, story.at)
    assert words in plain(message).splitlines()
    assert "■ Stop the run" in labels(message)
    assert not any(label.endswith("…") for label in labels(message))


def test_an_answer_to_nothing_is_stale():
    run = agent_journals.improving().snapshot
    assert questions.parse_text("yes", run, RUN_ID) == StaleButton()
    assert questions.parse_answer("yes", run, RUN_ID) == StaleButton()
    assert questions.parse_answer("yes", None, RUN_ID) == StaleButton()


# From outside ------------------------------------------------------------------------------------------------------


def test_what_an_agent_wants_to_do_stands_as_its_own_word():
    shown = rendered(asked(PERMISSION).text)
    at = shown.text.index("Bash: make report")
    assert any((each.type, each.offset, each.length) == ("code", at, 17) for each in shown.entities)


CAUSES = ("breakpoint", "escalation", "checkpoint", "proposal", "permission")


@pytest.mark.parametrize("story", [*EVERY.values(), hostile_tasks(), *(hostile_agent(cause) for cause in CAUSES)])
def test_nothing_in_a_question_can_be_pressed_but_its_buttons(story):
    require_harmless(asked(story))
    require_harmless(questions.answer_message(story.snapshot, RUN_ID, story.at))


SOME_RUNS: list[RunSnapshot] = [each.snapshot for each in EVERY.values()]
WHATS = st.sampled_from(["words", "continue", "skip", "end", "once", "retry", "+", "+1", "+9.5", "+0", "brief", ""])
AMOUNT = st.from_regex(r"\+[0-9.]{1,20}")


@settings(max_examples=300, deadline=None)
@given(run=st.sampled_from(SOME_RUNS), what=WHATS | AMOUNT | st.text(max_size=20), known=st.booleans())
def test_no_data_raises_and_only_an_answer_that_is_taken_answers(run, what, known):
    assert run.question is not None
    mark = run.question.id[:8] if known else "00000000"
    meaning = questions.parse_press(f"q:{RUN_ID}:{mark}:{what}", run)
    assert isinstance(meaning, SendRunCommand | ShowView | InvalidInput | StaleButton)
    if not known:
        assert meaning == StaleButton()
    if isinstance(meaning, SendRunCommand):
        assert isinstance(meaning.command, Answer)
        assert not isinstance(meaning.command.reply, Extend) or run.question.limit
