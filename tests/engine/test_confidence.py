"""How sure a box is, from worked odds."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.confidence import box_odds, box_probabilities, expected_pixels, spread_pixels
from engine.runtime import TextPiece


def odds(**of):
    """Probabilities of 0-9 and the end: ``d3=0.5, end=0.5``."""
    return (*(of.get(f"d{digit}", 0.0) for digit in range(10)), of.get("end", 0.0))


def certain(text):
    """The pieces of an answer that could not have been another."""
    pieces, number = [], False
    for character in text:
        digit = character.isdigit()
        one = odds(**{f"d{character}": 1.0}) if digit else odds(end=1.0) if number else ()
        pieces.append(TextPiece(character, 0.0, one))
        number = digit
    return pieces


def with_odds(pieces, at, new):
    """The same with other odds at one place, its own probability among them."""
    text = pieces[at].text
    own = new[int(text)] if text.isdigit() else new[10]
    return [*pieces[:at], TextPiece(text, math.log(own), new), *pieces[at + 1 :]]


def test_a_box_that_could_be_no_other_has_no_spread():
    (one,) = box_odds(certain("<box>[[10, 200, 345, 999]]</box>"))
    assert one.written == (10, 200, 345, 999)
    assert one.expected == (10, 200, 345, 999)
    assert one.spread == (0, 0, 0, 0)
    assert one.probability == 1


def test_two_last_digits_as_likely_are_half_a_number_apart():
    pieces = with_odds(certain("[204, 1, 300, 2]"), 3, odds(d4=0.5, d6=0.5))
    (one,) = box_odds(pieces)
    assert one.expected[0] == pytest.approx(205)
    assert one.spread[0] == pytest.approx(1)
    assert one.spread[1:] == (0, 0, 0)


def test_another_first_digit_spreads_over_all_numbers_that_begin_with_it():
    pieces = with_odds(certain("[250, 1, 300, 2]"), 1, odds(d2=0.5, d7=0.5))
    (one,) = box_odds(pieces)
    assert one.expected[0] == pytest.approx((250 + 749.5) / 2)
    assert one.spread[0] > 249


def test_a_number_may_have_ended_earlier_or_gone_on():
    shorter = with_odds(certain("[25, 1, 300, 2]"), 2, odds(d5=0.5, end=0.5))
    assert box_odds(shorter)[0].expected[0] == pytest.approx((25 + 2) / 2)
    longer = with_odds(certain("[25, 1, 300, 2]"), 3, odds(d0=0.5, end=0.5))
    assert box_odds(longer)[0].expected[0] == pytest.approx((25 + 250) / 2)


def test_without_odds_there_is_a_probability_and_no_spread():
    pieces = [TextPiece(c, math.log(0.5 if c.isdigit() else 0.9)) for c in "[[1, 2, 3, 4], [5, 5, 5, 9]]"]
    (one,) = box_odds(pieces)
    assert one.spread is None
    assert box_probabilities(pieces) == [pytest.approx(0.5)]


def test_a_spread_becomes_pixels_of_each_side_and_swapped_corners_swap_it():
    pieces = with_odds(certain("[304, 1, 200, 2]"), 3, odds(d4=0.5, d6=0.5))
    (one,) = box_odds(pieces)
    assert spread_pixels(one, 999, 999) == pytest.approx((0, 0, 1, 0))
    assert spread_pixels(one, 999 * 2, 999) == pytest.approx((0, 0, 2, 0))


def test_the_expected_box_lies_where_its_numbers_are_expected():
    pieces = with_odds(certain("[304, 1, 200, 2]"), 3, odds(d4=0.5, d6=0.5))
    (one,) = box_odds(pieces)
    # The corners swap here too: 305 is the right side.
    assert expected_pixels(one, 999 * 2, 999) == pytest.approx((400, 1, 610, 2))
    assert expected_pixels(box_odds(certain("[1, 2, 3, 4]"))[0], 999, 999) == pytest.approx((1, 2, 3, 4))


@given(st.lists(st.lists(st.floats(0.01, 1), min_size=11, max_size=11), min_size=4, max_size=4))
def test_it_is_the_distribution_itself_where_all_alternatives_are_known(raw):
    """A number of one digit, enumerated: the digit, an end, or any second digit after the written one."""
    first, second = (np.array(one) / sum(one) for one in raw[:2])
    (one,) = box_odds(
        [
            TextPiece("[", 0.0),
            TextPiece("7", 0.0, tuple(first)),
            TextPiece(",", 0.0, tuple(second)),
            *certain("1,900,2]"),
        ]
    )
    start = first[:10] / first[:10].sum()
    values, weights = [], []
    for digit, more in itertools.product(range(10), range(11)):
        if digit == 7:
            values.append(7 if more == 10 else 70 + more)
            weights.append(start[7] * second[more])
        elif more == 10:
            values.append(digit)
            weights.append(start[digit])
    mean = np.average(values, weights=weights)
    assert one.expected[0] == pytest.approx(mean)
    assert one.spread[0] == pytest.approx(np.sqrt(np.average((np.array(values) - mean) ** 2, weights=weights)))


@given(st.text("[]0123456789, ²٣", max_size=40))
def test_any_text_is_read_without_complaint(text):
    for one in box_odds(certain(text)):
        assert one.written[0] != one.written[2]
        assert one.spread is None or all(math.isfinite(v) and v >= 0 for v in one.spread)
