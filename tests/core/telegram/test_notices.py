"""What a run has to tell: once each, under a key that never changes, in words that cannot be taken for ours."""

from itertools import accumulate

import msgspec
import pytest

from tabsmith.formatting import MINUS
from tabsmith.modeling.results import ModelReport
from tabsmith.orchestration.decisions import Continue, Extend
from tabsmith.runs import events as run
from tabsmith.runs.reducers import reduce
from tabsmith.runs.snapshot import RunSnapshot, interrupted
from tabsmith.runs.spec import Limits
from tabsmith.telegram.actions import ResumeRun, SendRunCommand, ShowView
from tabsmith.telegram.chat.notifications import RunNotification, due_notifications
from tabsmith.telegram.chat_state import ChatView
from tabsmith.telegram.render import questions, run_list
from tests.core.telegram.drawn import buttons, data, hostile_agent, hostile_tasks, labels, plain, require_harmless
from tests.stories import agent_journals, journals, task_story
from tests.stories.agent_story import AgentStory
from tests.stories.journals import RUN_ID, Story, house_prices


def told(story: Story | RunSnapshot, kind: str = "") -> list[RunNotification]:
    """The notices of that kind, or all."""
    snapshot = story.snapshot if isinstance(story, Story) else story
    return [each for each in due_notifications(snapshot, RUN_ID) if kind in ("", each.kind)]


def only(story: Story | RunSnapshot, kind: str) -> RunNotification:
    """The only notice of that kind."""
    (notice,) = told(story, kind)
    return notice


def ended(outcome: run.Outcome, reason: run.ExitReason, report: ModelReport | None = None) -> Story:
    """A run that came to this end."""
    story = house_prices()
    return story.tell(run.RunEnded(outcome=outcome, exit_reason=reason, active_seconds=100.0, report=report), 1.0)


def long_story() -> AgentStory:
    """A run with all that may be told: titles, a handover and back, warnings, questions, an interruption, an end."""
    story = agent_journals.handed_over().come_back()
    story.warn("dollars", 0.8, "$1.62 of $2.00 spent (81 %)").warn("dollars", 0.95, "$1.91 of $2.00 spent (95 %)")
    story.question("budget", "$2.01 of $2.00 spent (100 %)", limit="dollars").replied(Extend("dollars", "4.00"))
    story.tell(run.LimitChanged(limits=Limits(seconds=600.0, dollars="4.00")), 0.1)
    story.warn("dollars", 0.8, "$3.21 of $4.00 spent (80 %)")
    story.question("breakpoint", "the decision is not sure").replied(Continue())
    story.tell(run.RunStarted(spec=story.spec, pid=99, attempt=2, version="0.1.0"), 100.0)
    story.end(journals.price_report())
    return story


EVERY: dict[str, Story] = {
    "long": long_story(),
    "search": house_prices(),
    "ended": house_prices().end(journals.price_report()),
    "failed": house_prices().end(error=journals.FAILURE),
    "breakpoint": agent_journals.at_breakpoint(),
    "tasks": task_story.calculator().question("permission", "Bash: make"),
    "tasks ended": task_story.proved_wrong(),
    "hostile agent": hostile_agent(),
    "hostile tasks": hostile_tasks(),
    "hostile search": journals.hostile(),
}


# What is told ------------------------------------------------------------------------------------------------------


def test_a_question_is_told_with_the_buttons_that_answer_it():
    story = agent_journals.at_breakpoint()
    notice = only(story, "question")
    assert notice.message == questions.question_message(story.snapshot, RUN_ID, story.at)
    assert isinstance(questions.parse_press(data(notice.message, "Continue"), story.snapshot), SendRunCommand)


def test_an_answered_question_is_not_told_any_more():
    assert told(agent_journals.at_breakpoint().replied(Continue()), "question") == []


def test_every_new_best_is_told_with_what_was_changed_and_its_score():
    notices = told(house_prices(), "champion")
    assert [each.key for each in notices] == [f"{RUN_ID}/champion:{number}" for number in (1, 3, 6, 9)]
    assert plain(notices[-1].message).splitlines()[:3] == [
        "★ A new best in iteration 9",
        "CatBoost with three derived columns",
        f"RMSE 21,480 ± 310 ({MINUS}2,360)",
    ]


def test_another_agent_than_planned_is_told_with_the_reason_and_that_it_came_back():
    story = agent_journals.handed_over()
    assert "search takes over from claude-code: 3 failures in a row" in plain(only(story, "agent").message)
    (_, back) = told(story.come_back(), "agent")
    assert "claude-code is back" in plain(back.message)


def test_a_limit_that_is_nearly_spent_is_told_and_one_that_is_spent_is_asked_about_instead():
    story = agent_journals.improving().warn("tokens", 0.95, "95,000 of 100,000 tokens used (95 %)")
    assert "95,000 of 100,000 tokens used (95 %)" in plain(only(story, "budget").message)
    spent = agent_journals.out_of_money()
    assert told(spent, "budget") == []
    assert only(spent, "question").kind == "question"


def test_a_limit_that_was_raised_warns_again():
    story = agent_journals.improving().warn("dollars", 0.8, "$1.62 of $2.00 spent (81 %)")
    before = only(story, "budget").key
    story.tell(run.LimitChanged(limits=Limits(seconds=600.0, dollars="9.00")), 5.0)
    assert told(story, "budget") == []
    again = only(story.warn("dollars", 0.8, "$7.21 of $9.00 spent (80 %)"), "budget").key
    assert again != before


def test_a_finished_run_is_told_by_its_score_with_a_button_to_the_result():
    story = house_prices().end(journals.price_report())
    notice = only(story, "finished")
    assert "RMSE 21,020 · 95 % interval 19,480 to 22,640" in plain(notice.message)
    assert run_list.parse_press(data(notice.message, "Result"), story.snapshot) == ShowView(
        ChatView("model", "sale-price-7f3a9c")
    )
    assert told(story, "failed") == []


def test_a_failed_run_is_told_with_what_happened_and_what_to_do_next():
    story = house_prices().end(error=journals.FAILURE)
    notice = only(story, "failed")
    assert journals.FAILURE.what in plain(notice.message)
    assert journals.FAILURE.next_step in plain(notice.message)
    assert labels(notice.message) == ["Show the run"]
    assert told(story, "finished") == []


def test_an_interrupted_run_is_told_with_a_button_that_resumes_it():
    snapshot = interrupted(house_prices().snapshot)
    notice = only(snapshot, "failed")
    assert "interrupted" in plain(notice.message)
    assert run_list.parse_press(data(notice.message, "▶ Resume"), snapshot) == ResumeRun(RUN_ID)


@pytest.mark.parametrize(
    ("outcome", "report"), [("partial", journals.price_report()), ("cancelled", None), ("failed", None)]
)
def test_what_a_person_stopped_did_not_fail(outcome, report):
    story = ended(outcome, "user", report)
    notice = only(story, "finished")
    assert "stopped on request" in plain(notice.message)
    assert told(story, "failed") == []


@pytest.mark.parametrize(
    ("outcome", "reason", "kind"),
    [
        ("success", "done", "finished"),
        ("success with limits", "time", "finished"),
        ("partial", "stuck", "finished"),
        ("blocked", "blocked", "failed"),
        ("failed", "agent failed", "failed"),
    ],
)
def test_an_end_is_told_as_finished_or_failed(outcome, reason, kind):
    assert [each.kind for each in told(ended(outcome, reason)) if "ended" in each.key] == [kind]


def test_a_run_of_tasks_that_ended_says_what_was_not_proved():
    shown = plain(only(task_story.proved_wrong(), "finished").message)
    assert "◐ partial: no further progress" in shown
    assert "average: failed: the acceptance command failed: exit status 1" in shown


# Keys --------------------------------------------------------------------------------------------------------------


def test_the_end_of_every_attempt_is_told_and_so_is_its_interruption():
    story = house_prices()
    stopped = only(interrupted(story.snapshot), "failed").key
    story.tell(run.RunStarted(spec=story.spec, pid=99, attempt=2, version="0.1.0"), 100.0)
    keys = {
        stopped,
        only(interrupted(story.snapshot), "failed").key,
        only(story.end(journals.price_report()), "finished").key,
    }
    assert keys == {f"{RUN_ID}/interrupted:1", f"{RUN_ID}/interrupted:2", f"{RUN_ID}/ended:2"}


@pytest.mark.parametrize("name", EVERY)
def test_no_key_is_used_for_two_things_however_the_run_goes_on(name):
    story = EVERY[name]
    seen: dict[str, RunNotification] = {}
    for snapshot in accumulate(story.events, lambda before, event: reduce([event], before), initial=RunSnapshot()):
        notices = due_notifications(snapshot, RUN_ID)
        assert len({each.key for each in notices}) == len(notices)
        for notice in notices:
            known = seen.setdefault(notice.key, notice)
            assert (known.kind, labels(known.message)) == (notice.kind, labels(notice.message))
            assert plain(known.message) == plain(notice.message), notice.key


def test_all_that_happened_in_a_long_run_was_told_once():
    seen: dict[str, RunNotification] = {}
    for snapshot in accumulate(
        EVERY["long"].events, lambda before, event: reduce([event], before), initial=RunSnapshot()
    ):
        seen.update({each.key: each for each in due_notifications(snapshot, RUN_ID)})
    kinds = [each.kind for each in seen.values()]
    assert {kind: kinds.count(kind) for kind in kinds} == {
        "champion": 4,
        "agent": 2,
        "budget": 3,
        "question": 2,
        "finished": 1,
    }


def test_keys_of_two_runs_are_never_the_same():
    snapshot = EVERY["long"].snapshot
    ours, theirs = (
        {each.key for each in due_notifications(snapshot, run_id)} for run_id in (RUN_ID, "20261121-090000-000000")
    )
    assert ours
    assert not ours & theirs


def test_the_same_run_read_again_tells_the_same():
    story = EVERY["long"]
    read = msgspec.json.decode(msgspec.json.encode(story.events), type=list[run.RunEvent])
    assert due_notifications(reduce(read), RUN_ID) == due_notifications(story.snapshot, RUN_ID)


# From outside ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", EVERY)
def test_nothing_in_a_notice_can_be_pressed_but_its_buttons(name):
    for snapshot in (EVERY[name].snapshot, interrupted(EVERY[name].snapshot)):
        notices = due_notifications(snapshot, RUN_ID)
        assert notices
        for notice in notices:
            require_harmless(notice.message)
            assert not notice.message.silent
            assert len(notice.key.encode()) <= 200


@pytest.mark.parametrize("name", EVERY)
def test_no_button_of_a_notice_is_stale_while_the_run_stands_there(name):
    snapshot = EVERY[name].snapshot
    for notice in due_notifications(snapshot, RUN_ID):
        for button in buttons(notice.message):
            meaning = (questions if button.data.startswith("q:") else run_list).parse_press(button.data, snapshot)
            assert isinstance(meaning, ShowView | SendRunCommand), button
