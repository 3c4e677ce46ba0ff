"""Numbers are read by magnitude, with their unit, and never as 0 when they are unknown."""

import math

import pytest

from tabsmith import formatting


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (24_900, "24,900"),
        (22_910.4, "22,910"),
        (999.99, "1,000"),
        (123.456, "123.5"),
        (21.48, "21.48"),
        (0.8731, "0.8731"),
        (0.05, "0.0500"),
        (1.2e-5, "1.2e-5"),
        (2.5e12, "2.5e12"),
        (0, "0"),
        (-3.25, "\u22123.250"),
        (None, "—"),
        (math.nan, "—"),
        (math.inf, "∞"),
    ],
)
def test_a_number_is_shown_by_its_magnitude(value, shown):
    assert formatting.number(value) == shown


@pytest.mark.parametrize(
    ("value", "error", "shown"),
    [
        (21_480, 310, "21,480 ± 310"),
        (0.87312, 0.0042, "0.8731 ± 0.0042"),
        (12.3, 1.04, "12.3 ± 1.0"),
        (1e-5, 1e-6, "1.0e-5 ± 1.0e-6"),
        (0.95, None, "0.9500"),
        (0.95, 0.0, "0.9500"),
        (0.95, math.nan, "0.9500"),
        (None, 0.1, "—"),
        (math.nan, 0.1, "—"),
    ],
)
def test_a_score_ends_where_its_error_begins(value, error, shown):
    assert formatting.plus_minus(value, error) == shown


@pytest.mark.parametrize("magnitude", range(-12, 13))
def test_a_score_and_its_error_are_never_lost_at_any_magnitude(magnitude):
    value, error = 3.217 * 10.0**magnitude, 0.021 * 10.0**magnitude
    text, margin = formatting.plus_minus_parts(value, error)
    assert float(text.replace(",", "")) == pytest.approx(value, rel=0.03)
    assert float(margin.replace(",", "")) == pytest.approx(error, rel=0.1)


def test_lengths_of_time_have_a_unit():
    assert [formatting.duration(each) for each in (0.04, 1.44, 9.97, 59.7, 192, 3720)] == [
        "40 ms",
        "1.4 s",
        "10 s",
        "1 min",
        "3 min 12 s",
        "1 h 2 min",
    ]
    assert [formatting.clock(each) for each in (9, 192, 3723, None, -1)] == ["0:09", "3:12", "1:02:03", "—", "—"]


def test_shares_are_in_per_cent():
    assert [formatting.percent(each) for each in (0.041, -0.008, 0.0003, 1, 0, None)] == [
        "4.1 %",
        "\u22120.8 %",
        "0.03 %",
        "100 %",
        "0 %",
        "—",
    ]


def test_bytes_are_in_powers_of_ten():
    assert [formatting.size(each) for each in (812, 3_400, 194_000_000, 1_200_000_000, 5 * 10**13, None)] == [
        "812 B",
        "3.4 kB",
        "194 MB",
        "1.2 GB",
        "50.0 TB",
        "—",
    ]


def test_a_sparkline_is_no_wider_than_its_room_and_rises_with_its_values():
    assert formatting.sparkline([1, 2, 3, 4, 5, 6, 7, 8], 8) == "▁▂▃▄▅▆▇█"
    assert len(formatting.sparkline(list(range(1_000)), 20)) == 20
    assert formatting.sparkline([5, 5, 5], 10) == "▄▄▄"
    assert formatting.sparkline([math.nan], 10) == ""
