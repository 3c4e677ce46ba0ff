"""What a run with an agent asks its person and how it is answered, and its plain lines, without a terminal."""

import pytest
from rich.cells import cell_len

from tabsmith.conditions import IterationMetrics
from tabsmith.errors import UsageError
from tabsmith.orchestration import events as loop
from tabsmith.orchestration.decisions import ChangeBrief, Continue, Decide, Decision, EndRun, Extend, Skip
from tabsmith.presentation.events import EventPrinter
from tabsmith.presentation.spans import plain_text
from tabsmith.runs import events as run
from tabsmith.runs import replies
from tabsmith.runs.events import Answer, Note, SetLimit, SetMode
from tabsmith.runs.spec import Limits
from tabsmith_tui.actions import ACTIONS
from tabsmith_tui.views import question, run_actions
from tabsmith_tui.views.run_actions import Pending
from tests.stories import agent_journals
from tests.stories.agent_journals import improving
from tests.stories.journals import house_prices

KEYS = dict(zip(replies.ANSWER_ACTIONS, ("enter", "c", "b", "s", "w", "x"), strict=True))


# Questions ---------------------------------------------------------------------------------------------------------


def test_the_bar_says_what_happened_what_it_cost_and_which_keys_answer():
    story = agent_journals.at_breakpoint()
    shown = plain_text(question.question_lines(story.snapshot, story.at, 100, KEYS))
    assert "? breakpoint  the decision is not sure: confidence 0.42 is under 0.50" in shown
    assert "when confidence < 0.5" in shown
    assert "so far 8 iterations, 1:25 of 10:00, 56.9k tokens, $0.28 of $2.00" in shown
    for words in ("c continue", "b change the brief", "s skip this one", "w different decision", "x stop"):
        assert words in shown


def test_of_a_spent_limit_only_more_of_it_or_none_or_the_end_is_offered():
    story = agent_journals.out_of_money()
    shown = plain_text(question.question_lines(story.snapshot, story.at, 100, KEYS))
    assert "enter $5, 5.00, +2" in shown
    assert "c without this limit" in shown
    assert "skip" not in shown


def test_in_a_replay_the_bar_has_no_keys():
    story = agent_journals.at_breakpoint()
    assert "continue" not in plain_text(question.question_lines(story.snapshot, story.at, 100, {}))


@pytest.mark.parametrize("width", [38, 58, 78, 118])
@pytest.mark.parametrize("make", [agent_journals.at_breakpoint, agent_journals.proposing, agent_journals.hostile_agent])
def test_the_bar_fits_its_width_and_stays_a_bar(make, width):
    story = make()
    drawn = question.question_lines(story.snapshot, story.at, width, KEYS)
    assert all(cell_len(plain_text([each])) <= width + 3 for each in drawn)  # 3: the gap behind the last key
    assert len(drawn) <= 16
    assert width < 58 or len(drawn) <= 11


@pytest.mark.parametrize(
    ("typed", "reply"),
    [
        ("", Continue()),
        ("Continue", Continue()),
        ("skip", Skip()),
        ("stop", EndRun()),
        ("retry", Decide("retry")),
        ("use fewer derived columns", ChangeBrief("use fewer derived columns")),
        ("$5", ChangeBrief("$5")),  # nothing is spent: it is for the agent to read
    ],
)
def test_a_typed_answer_is_a_word_or_what_the_agent_is_told(typed, reply):
    assert replies.parse_reply(typed, agent_journals.at_breakpoint().snapshot) == reply


@pytest.mark.parametrize(
    ("typed", "reply"),
    [
        ("$5", Extend("dollars", "5.00")),
        ("5.00", Extend("dollars", "5.00")),
        ("+2", Extend("dollars", "2.25")),
        ("20 more", Extend("dollars", "20.25")),
        ("continue", Continue()),
        ("stop", EndRun()),
    ],
)
def test_where_money_is_spent_an_amount_gives_more(typed, reply):
    assert replies.parse_reply(typed, agent_journals.out_of_money().snapshot) == reply


@pytest.mark.parametrize("typed", ["", "   ", "much", "0.10", "-3", "\x1b[2J", "retry"])
def test_where_money_is_spent_nothing_typed_is_no_answer_and_no_mistake_reaches_the_agent(typed):
    with pytest.raises(UsageError) as refusal:
        replies.parse_reply(typed, agent_journals.out_of_money().snapshot)
    assert refusal.value.next_step
    assert "\x1b" not in str(refusal.value)


def test_an_answer_to_a_question_that_is_gone_is_refused():
    story = agent_journals.at_breakpoint().replied(Continue())
    with pytest.raises(UsageError, match="asks nothing"):
        replies.parse_reply("continue", story.snapshot)


def test_every_answer_has_an_action_and_a_key_of_its_own_while_the_run_asks():
    snapshot = agent_journals.at_breakpoint().snapshot
    offered = run_actions.offered_actions(snapshot, replaying=False, resuming=False)
    here = [each for each in ACTIONS.values() if each.scope == "run" and offered.get(each.does, True)]
    assert {each.does for each in here} >= set(replies.ANSWER_ACTIONS)
    keys = [key for each in here for key in each.keys.split(",")]
    assert sorted(keys) == sorted(set(keys))
    assert not any(
        run_actions.offered_actions(snapshot, replaying=True, resuming=False)[each] for each in replies.ANSWER_ACTIONS
    )


def test_what_was_told_is_confirmed_by_the_journal_alone():
    story = agent_journals.at_breakpoint()
    before = story.snapshot
    asked = Pending(Answer(id=before.question.id, reply=Skip()), story.at, before)
    note, mode = Pending(Note(text="x"), story.at, before), Pending(SetMode(mode="manual"), story.at, before)
    limit = Pending(SetLimit(limit="dollars", to="5.00"), story.at, before)
    for pending in (asked, note, mode, limit):
        assert not run_actions.is_confirmed(pending, before)
        assert run_actions.pending_text(pending, before, story.at)
    story.replied(Skip())
    story.tell(loop.NoteTaken(text="x")).tell(loop.ModeChanged(mode="manual"))
    story.tell(run.LimitChanged(limits=Limits(seconds=600.0, dollars="5.00")))
    for pending in (asked, note, mode, limit):
        assert run_actions.is_confirmed(pending, story.snapshot)


# Plain lines -------------------------------------------------------------------------------------------------------


def plain(story) -> list[str]:
    lines: list[str] = []
    write = EventPrinter(lines.append)
    for event in story.events:
        write(event)
    return [line.split(maxsplit=1)[1] for line in lines]


def test_plain_lines_tell_tokens_cost_and_decision_of_each_iteration_of_an_agent():
    lines = plain(improving())
    assert "#7        claude-code  in 4.0k  out 517  cache 2.6k  $0.035  goes on: valid, quality 0.78 ≥ 0.70" in lines
    assert any(line.startswith("champion  #7 ") for line in lines)


def test_plain_lines_tell_retries_handovers_warnings_and_answers():
    lines = plain(agent_journals.waiting())
    assert "retry     #9 network, again in 12 s (2 of 3): connection refused" in lines
    lines = plain(agent_journals.handed_over().come_back())
    assert "no answer #9 access: the server refused the key (401)" in lines
    assert any(line.startswith("agent     search takes over from claude-code: 3 failures") for line in lines)
    assert "agent     claude-code is back: it answers again" in lines
    lines = plain(agent_journals.out_of_money().replied(Extend("dollars", "5.00")))
    assert "budget    $0.28 of $0.25 spent (112 %)" in lines
    assert "answer    extend" in lines


def test_plain_lines_of_a_search_stay_as_few_as_they_were():
    story = house_prices()
    before = len(plain(story))
    story.tell(loop.Decided(iteration=12, decision=Decision("proceed", 1.0, "valid")))
    story.tell(loop.IterationEnded(iteration=12, facts=IterationMetrics(), feedback=""))
    assert len(plain(story)) == before
