"""The maps from a model's own probabilities to calibrated ones."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.runtime import UNCALIBRATED, Calibration, LogisticMap, NameMap
from engine.runtime.calibration import log_odds_of

maps = st.builds(LogisticMap, st.floats(0.01, 50), st.floats(-20, 20))
odds = st.floats(-700, 700)
name_maps = st.builds(NameMap, st.floats(0.01, 50), st.floats(-20, 20), st.floats(0, 10))


def test_a_model_that_was_not_calibrated_keeps_its_probabilities_to_the_bit():
    assert UNCALIBRATED.temperature("region_to_text") == 1.0
    assert UNCALIBRATED.absent_below() is None
    for probability in (0.0, 1e-300, 0.1, 0.9999999999999999, 1.0):
        assert UNCALIBRATED.boxes.of_probability(probability) == probability
        assert UNCALIBRATED.names.of_probability(probability, 3) == probability


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


def test_a_name_learnt_from_few_patients_is_believed_less():
    names = NameMap(scale=0.8, shift=-1.2, experience=0.4)
    believed = [names.of_probability(0.9, patients) for patients in (0, 1, 10, 100)]
    assert believed == sorted(believed)
    assert believed[0] < 0.7 < 0.8 < believed[-1]
    assert names.of_probability(0.9, None) == 0.9, "nothing is known of its patients"


@given(name_maps, st.lists(st.floats(0.001, 1), min_size=1, max_size=6), st.integers(0, 1000))
def test_of_ranked_names_none_overtakes_another_and_all_together_are_no_more_than_sure(names, weights, patients):
    ranked = sorted((weight / sum(weights) for weight in weights), reverse=True)
    made = names.of_ranked(ranked, patients)
    assert made[0] == names.of_probability(ranked[0], patients)
    assert list(made[1:]) == sorted(made[1:], reverse=True)
    assert sum(made) <= 1 + 1e-9
    # More may be left to the others only where the best was believed too little.
    assert made[0] >= max(made) * (1 - 1e-9)


def test_what_there_is_nothing_to_change_of_stays():
    names = NameMap(0.5, 0.1, 0.2)
    assert names.of_ranked([], 4) == ()
    assert names.of_ranked([0.0, 0.0], 4) == (0.0, 0.0)
    assert names.of_ranked([0.7, 0.3], None) == (0.7, 0.3)
    assert NameMap().of_ranked([0.7, 0.3], 4) == (0.7, 0.3)
