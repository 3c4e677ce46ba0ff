"""Which trouble is retried, how often, and after how long."""

import math
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabsmith.agents.protocol import AgentErrorKind
from tabsmith.orchestration.loop.retries import RETRIES, Retry, next_retry

TROUBLES = get_args(AgentErrorKind)


@pytest.mark.parametrize(
    ("trouble", "times"),
    [("network", 3), ("timeout", 2), ("data", 1), ("rate limit", 3), ("access", 0), ("missing", 0), ("program", 0)],
)
def test_each_trouble_is_retried_as_often_as_it_deserves(trouble: AgentErrorKind, times: int) -> None:
    made = []
    while (retry := next_retry(trouble, len(made))) is not None:
        made.append((retry.number, retry.of))
    assert made == [(number, times) for number in range(1, times + 1)]


def test_every_trouble_there_is_has_its_number() -> None:
    assert set(RETRIES) == set(TROUBLES)


def wait(trouble: AgentErrorKind, done: int, **more: object) -> float:
    retry = next_retry(trouble, done, **more)  # type: ignore[arg-type]
    assert isinstance(retry, Retry)
    return retry.wait


def test_the_wait_doubles_and_is_the_same_for_the_same_seed() -> None:
    for done, base in enumerate((0.5, 1.0, 2.0)):
        assert base <= wait("network", done) <= 1.1 * base
        assert wait("network", done, seed="a") == wait("network", done, seed="a")
    assert len({wait("network", 0, seed=str(number)) for number in range(20)}) > 10


def test_a_servers_own_word_is_waited_for_within_reason() -> None:
    assert wait("rate limit", 0, retry_after=7.0) == 7.0
    assert wait("rate limit", 0, retry_after=0.0) >= 0.5
    assert wait("rate limit", 0, retry_after=86_400.0) == 60.0


def test_what_would_take_all_the_time_left_is_not_begun() -> None:
    assert next_retry("rate limit", 0, 10.0, 10.0) is None
    assert next_retry("network", 0, None, 0.1) is None
    assert next_retry("rate limit", 0, 10.0, 11.0) is not None


@given(
    st.sampled_from(TROUBLES), st.integers(0, 4), st.none() | st.floats(), st.none() | st.floats(0, math.inf), st.text()
)
def test_a_wait_is_always_a_short_time_within_what_is_left(
    trouble: AgentErrorKind, done: int, retry_after: float | None, left: float | None, seed: str
) -> None:
    retry = next_retry(trouble, done, retry_after, left, seed=seed)
    if retry is not None:
        assert 0 < retry.wait <= 60
        assert left is None or retry.wait < left
