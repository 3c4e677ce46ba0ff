"""Who proposes: the planned agent, or search in its place while it fails."""

from tabsmith.orchestration.events import AgentChanged
from tabsmith.orchestration.loop.agent_calls import FALLBACK_AFTER, RETRY_GAPS, Fallback
from tests.core.orchestration.scripted import Agent

PLANNED, SEARCH = Agent((), name="llm"), Agent((), name="search")


def fail(fallback: Fallback, times: int) -> None:
    for _ in range(times):
        fallback.settled(PLANNED, failed=True, why="no sense in it")


def test_search_takes_over_after_failures_in_a_row_and_says_why() -> None:
    events: list[object] = []
    fallback = Fallback(PLANNED, SEARCH, events.append)
    fail(fallback, FALLBACK_AFTER - 1)
    assert (fallback.order(), fallback.reason) == ((PLANNED,), "")
    fail(fallback, 1)
    assert fallback.actual is SEARCH
    (change,) = events
    assert isinstance(change, AgentChanged)
    assert (change.planned, change.actual) == ("llm", "search")
    assert "no sense in it" in change.reason


def test_an_iteration_that_is_worth_something_ends_the_row() -> None:
    fallback = Fallback(PLANNED, SEARCH, lambda _: None)
    fail(fallback, FALLBACK_AFTER - 1)
    fallback.settled(PLANNED, failed=False, why="")
    fail(fallback, FALLBACK_AFTER - 1)
    assert fallback.reason == ""


def test_search_itself_never_fails_for_the_agent() -> None:
    fallback = Fallback(PLANNED, SEARCH, lambda _: None)
    for _ in range(2 * FALLBACK_AFTER):
        fallback.settled(SEARCH, failed=True, why="")
    assert (fallback.failures, fallback.reason) == (0, "")


def test_the_agent_is_asked_again_after_longer_and_longer_gaps() -> None:
    fallback = Fallback(PLANNED, SEARCH, lambda _: None)
    fallback.give_up("you decided so")
    gaps, gap = [], 0
    while len(gaps) < len(RETRY_GAPS) + 1:
        if fallback.order() == (PLANNED, SEARCH):
            fallback.unanswered()
            gaps.append(gap)
            gap = 0
        else:
            gap += 1
    assert gaps == [*RETRY_GAPS, RETRY_GAPS[-1]]


def test_an_agent_that_answers_again_is_back_with_a_clean_slate() -> None:
    events: list[object] = []
    fallback = Fallback(PLANNED, SEARCH, events.append, failures=FALLBACK_AFTER, reason="it was down")
    assert fallback.order() == (PLANNED, SEARCH), "a resumed run looks at once"
    fallback.answered(PLANNED)
    assert (fallback.actual, fallback.failures, fallback.reason) == (PLANNED, 0, "")
    (change,) = events
    assert isinstance(change, AgentChanged)
    assert change.actual == change.planned == "llm"


def test_a_run_of_search_has_nobody_to_fall_back_from() -> None:
    events: list[object] = []
    fallback = Fallback(SEARCH, SEARCH, events.append)
    for _ in range(2 * FALLBACK_AFTER):
        fallback.settled(SEARCH, failed=True, why="")
    fallback.give_up("you decided so")
    assert events == []
