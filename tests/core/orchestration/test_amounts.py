"""Amounts as people write them."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tabsmith.errors import UsageError
from tabsmith.orchestration.decisions import LimitName
from tabsmith.orchestration.limits import format_limit, parse_amount


@pytest.mark.parametrize(
    ("text", "limit", "to"),
    [
        ("$5", "dollars", "5.00"),
        ("5.00", "dollars", "5.00"),
        ("5", "dollars", "5.00"),
        ("2,50", "dollars", "2.50"),
        ("$1,000", "dollars", "1000.00"),
        ("$0.125", "dollars", "0.125"),
        ("+2", "dollars", "4.00"),
        ("+$2", "dollars", "4.00"),
        ("+ 2 dollars", "dollars", "4.00"),
        ("20 more", "dollars", "22.00"),
        ("2 dollars", "dollars", "2.00"),
        ("2 more dollars", "dollars", "4.00"),
        ("another $2", "dollars", "4.00"),
        ("to 10", "dollars", "10.00"),
        ("to $10.50", "dollars", "10.50"),
        ("5 USD", "dollars", "5.00"),
        ("5$", "dollars", "5.00"),
        ("+2", "iterations", "4"),
        ("20 more", "iterations", "22"),
        ("40", "iterations", "40"),
        ("20 more iterations", "iterations", "22"),
        ("5 tries", "iterations", "5"),
        ("1,000 recipes", "iterations", "1000"),
        ("to 10", "iterations", "10"),
        ("200k", "tokens", "200000"),
        ("1.5 million tokens", "tokens", "1500000"),
        ("+50,000 tokens", "tokens", "50002"),
        ("3 failures", "failures", "3"),
        ("plus 1", "failures", "3"),
        ("60", "seconds", "62"),
        ("+2 min", "seconds", "122"),
        ("1:30", "seconds", "92"),
        ("1:00:00 more", "seconds", "3602"),
        ("1 h 30 min", "seconds", "5402"),
        ("0.5 min", "seconds", "32"),
        ("to 15 min", "seconds", "900"),
        ("=1:00:00", "seconds", "3600"),
        ("to 13 days", "seconds", "1123200"),
    ],
)
def test_an_amount_is_understood_as_people_write_it(text: str, limit: LimitName, to: str) -> None:
    for written in (text, text.upper(), f"  {text} "):
        assert parse_amount(written, limit, 2) == to


@pytest.mark.parametrize("current", [Decimal("2.00"), 2.0, "2.00", "2"])
def test_the_limit_in_force_may_be_given_as_a_decimal_a_float_or_text(current: Decimal | float | str) -> None:
    assert parse_amount("+0.10", "dollars", current) == "2.10"


@pytest.mark.parametrize("limit", ["iterations", "seconds", "tokens", "dollars", "failures"])
@pytest.mark.parametrize(
    "text",
    [
        "", "  ", "soon", "-5", "0", "$-5", "+-5", "1e9", "nan", "inf", "5 parsecs", "9" * 40, "1" * 400, "[/nope]",
        "\x1b[2J", "5 5", "to 5 more", "+", "more", "$", "to", "٣", "0x10", "1.2.3", "$$5", "5%",
    ],
)  # fmt: skip
def test_what_is_no_amount_is_refused_in_words(text: str, limit: LimitName) -> None:
    with pytest.raises(UsageError) as refusal:
        parse_amount(text, limit, 2)
    assert refusal.value.next_step
    assert "\x1b" not in str(refusal.value)


@pytest.mark.parametrize(
    ("text", "limit"), [("1:30", "dollars"), ("$5", "seconds"), ("2.5", "iterations"), ("0.5", "tokens")]
)
def test_an_amount_of_something_else_is_refused(text: str, limit: LimitName) -> None:
    with pytest.raises(UsageError):
        parse_amount(text, limit, 2)


def test_a_new_limit_that_is_used_up_already_is_refused_with_what_is_spent() -> None:
    for text in ("$1", "2.00", "to 2", "+0.5"):
        with pytest.raises(UsageError, match=r"\$2\.50 are spent already") as refusal:
            parse_amount(text, "dollars", "2.00", spent=Decimal("2.50"))
        assert "+" in refusal.value.next_step
    assert parse_amount("+0.51", "dollars", "2.00", spent=Decimal("2.50")) == "2.51"
    with pytest.raises(UsageError, match="20 iterations are spent"):
        parse_amount("10", "iterations", 20, spent=20)


def test_a_limit_can_be_lowered_to_more_than_is_spent() -> None:
    assert parse_amount("$1", "dollars", "2.00", spent="0.40") == "1.00"


@pytest.mark.parametrize(("text", "limit"), [("+2", "dollars"), ("20 more", "iterations"), ("60", "seconds")])
def test_where_there_is_no_limit_there_is_none_to_add_to(text: str, limit: LimitName) -> None:
    with pytest.raises(UsageError, match="to add to"):
        parse_amount(text, limit, 0)


@given(st.text(), st.sampled_from(["iterations", "seconds", "tokens", "dollars", "failures"]), st.floats(0, 1e6))
def test_any_text_is_an_amount_over_what_is_spent_or_a_usage_error(text: str, limit: LimitName, spent: float) -> None:
    try:
        to = parse_amount(text, limit, 2, spent=spent)
    except UsageError:
        return
    assert Decimal(to) > Decimal(str(spent))


@pytest.mark.parametrize(
    ("amount", "limit", "words"),
    [
        ("2.5", "dollars", "$2.50"),
        ("0.0042", "dollars", "$0.0042"),
        (1_200.0, "seconds", "1,200 s"),
        (1, "iterations", "1 iteration"),
        (40, "tokens", "40 tokens"),
    ],
)
def test_an_amount_is_shown_with_its_unit(amount: float | str, limit: LimitName, words: str) -> None:
    assert format_limit(amount, limit) == words
