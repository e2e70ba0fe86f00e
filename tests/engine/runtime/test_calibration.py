"""The maps from a model's own probabilities to calibrated ones."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime import UNCALIBRATED, Calibration, LogisticMap
from engine.runtime.calibration import log_odds_of

maps = st.builds(LogisticMap, st.floats(0.01, 50), st.floats(-20, 20))
odds = st.floats(-700, 700)


def test_a_model_that_was_not_calibrated_keeps_its_probabilities_to_the_bit():
    assert UNCALIBRATED.temperature("region_to_text") == 1.0
    assert UNCALIBRATED.absent_below() is None
    for probability in (0.0, 1e-300, 0.1, 0.9999999999999999, 1.0):
        assert UNCALIBRATED.boxes.of_probability(probability) == probability


@given(maps, odds, odds)
def test_no_order_changes_and_nothing_leaves_zero_to_one(one, a, b):
    low, high = sorted((a, b))
    assert 0 <= one.of_odds(low) <= one.of_odds(high) <= 1


@given(maps, st.floats(0.001, 0.999))
def test_the_odds_of_a_probability_are_those_that_it_stands_for(one, probability):
    assert one.of_odds(one.odds_of(probability)) == pytest.approx(probability, rel=1e-6)


def test_a_bound_on_the_calibrated_probability_is_one_on_the_models_own_odds():
    calibration = Calibration(presence=LogisticMap(2.0, 1.0), present_above=0.5)
    assert calibration.absent_below() == pytest.approx(-0.5)


def test_odds_are_finite_at_both_ends():
    assert math.isfinite(log_odds_of(0.0))
    assert math.isfinite(log_odds_of(1.0))
    assert log_odds_of(0.5) == 0
