"""How fast may be sent, in a time of the test's own."""

from tabsmith.telegram.transport.pacing import Backoff, SendPacer, TokenBucket


def test_a_few_go_at_once_and_then_one_a_second() -> None:
    pace, now, times = SendPacer(), 100.0, []
    for _ in range(6):
        now += pace.delay(7, now)
        assert pace.delay(7, now) == 0
        pace.take(7, now)
        times.append(round(now - 100.0, 6))
    assert times == [0, 0, 0, 1, 2, 3]


def test_after_a_pause_no_more_than_the_burst_is_saved_up() -> None:
    bucket = TokenBucket(1.0, 3)
    for _ in range(3):
        bucket.take(0.0)
    for _ in range(3):
        assert bucket.delay(1_000.0) == 0
        bucket.take(1_000.0)
    assert bucket.delay(1_000.0) > 0.99


def test_many_chats_together_keep_the_overall_limit() -> None:
    pace, now = SendPacer(), 0.0
    for chat in range(100):
        now += pace.delay(chat, now)
        pace.take(chat, now)
    assert 74 / 25 <= now <= 76 / 25


def test_the_server_holds_one_chat_and_not_the_others() -> None:
    pace = SendPacer()
    pace.hold(7, 30.0)
    pace.hold(7, 20.0)
    assert (pace.delay(7, 10.0), pace.probe_delay(7, 10.0)) == (20.0, 20.0)
    assert (pace.delay(8, 10.0), pace.delay(7, 30.0)) == (0.0, 0.0)


def test_looking_is_paced_and_costs_no_message() -> None:
    pace = SendPacer()
    for _ in range(30):
        assert pace.probe_delay(7, 0.0) == 0
        pace.take_probe(0.0)
    assert pace.probe_delay(7, 0.0) > 0
    assert pace.delay(7, 0.0) == 0


def test_pauses_grow_to_the_last_and_stay_there() -> None:
    assert [Backoff((1, 2, 5)).after(failures) for failures in (1, 2, 3, 4, 100)] == [1, 2, 5, 5, 5]
