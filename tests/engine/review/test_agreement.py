"""Coefficients agree with published worked examples, and are never a number where they mean nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.review import agreement_weights, cohen_kappa, confusion_table, fleiss_kappa, percent_agreement

# Kundel & Polansky, Measurement of Observer Agreement, Radiology 228 (2003) 303, table A1: 110 mammograms.
MAMMOGRAMS = [[34, 10, 2, 0], [6, 8, 8, 2], [2, 5, 4, 12], [0, 1, 2, 14]]
# Altman, Practical Statistics for Medical Research (1991) 403-405: 85 xeromammograms.
XEROMAMMOGRAMS = [[21, 12, 0, 0], [4, 17, 1, 0], [3, 9, 15, 2], [0, 0, 0, 1]]
# The SAS example whose printout the tests of statsmodels (test_inter_rater.py) keep.
SAS = [[0, 4, 1], [0, 8, 0], [0, 1, 5]]
# Fleiss (1971), table 1: 30 patients, six diagnoses each, 1 depression .. 5 other (R package irr, `diagnoses`).
_DIAGNOSES = (
    "444444222555233335555555222444113333333355113334114444555555144444124444222333144444224445"
    "333335111455111112224444133555555555244444224555114444144445222224111155224444133333555555"
)
PSYCHIATRY = [_DIAGNOSES[at : at + 6] for at in range(0, len(_DIAGNOSES), 6)]
# 14 raters, 10 subjects, 5 categories (Wikipedia, Fleiss' kappa, worked example).
FOURTEEN = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


@pytest.mark.parametrize(
    ("table", "weights", "value", "error"),
    [
        (SAS, "unweighted", 0.4842, 0.1380),
        (SAS, "linear", 0.4701, 0.1457),
        # The R package vcd prints these for its `Mammograms`.
        (MAMMOGRAMS, "unweighted", 0.3713, 0.06033),
        (MAMMOGRAMS, "linear", 0.5964, 0.04923),
        # Stata's manual of `kap`, which gives no standard error of this kind.
        (XEROMAMMOGRAMS, "unweighted", 0.4728, None),
        (XEROMAMMOGRAMS, "linear", 0.5684, None),
        (XEROMAMMOGRAMS, "quadratic", 0.6714, None),
    ],
)
def test_cohens_kappa_and_its_error_are_the_published_ones(table, weights, value, error):
    found = cohen_kappa(table, weights)
    assert round(found.value, 4) == value
    if error is not None:
        digits = len(str(error)) - 2
        assert found.standard_error == pytest.approx(error, abs=0.6 * 10**-digits)


def test_the_interval_is_the_published_one():
    found = cohen_kappa(SAS)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2137, 0.7547)
    found = cohen_kappa(SAS, "linear")
    assert (round(found.low, 4), round(found.high, 4)) == (0.1845, 0.7558)


def test_agreement_and_chance_are_stated_beside_kappa():
    found = cohen_kappa(XEROMAMMOGRAMS)
    assert (round(found.observed, 4), round(found.expected, 4), found.subjects) == (0.6353, 0.3082, 85)
    assert percent_agreement(XEROMAMMOGRAMS) == pytest.approx(found.observed)


def test_fleiss_psychiatric_diagnoses_give_the_kappas_of_1971():
    found = fleiss_kappa([[row.count(category) for category in "12345"] for row in PSYCHIATRY])
    assert found.value == pytest.approx(0.4302445, abs=1e-7)
    assert [round(value, 3) for value in found.by_category] == [0.245, 0.245, 0.52, 0.471, 0.566]
    assert round(found.observed, 3) == 0.556
    assert round(found.expected, 3) == 0.220


def test_fourteen_raters_give_the_published_kappa():
    found = fleiss_kappa(FOURTEEN)
    assert (round(found.value, 3), round(found.observed, 3), round(found.expected, 3)) == (0.210, 0.378, 0.213)


def test_what_is_undefined_says_why():
    for found, reason in (
        (cohen_kappa([[7]]), "everything in one category"),
        (cohen_kappa([[0, 0], [0, 9]]), "everything in one category"),
        (cohen_kappa(np.zeros((3, 3))), "nothing was rated"),
        (cohen_kappa(np.zeros((0, 0))), "nothing was rated"),
        (fleiss_kappa([[0, 5], [0, 5]]), "only one category"),
        (fleiss_kappa(np.zeros((0, 3))), "nothing was rated"),
    ):
        assert found.value is None
        assert found.standard_error is None
        assert reason in found.undefined
    assert percent_agreement(np.zeros((2, 2))) is None
    assert fleiss_kappa([[3, 2, 0], [1, 4, 0]]).by_category[2] is None, "a category that nobody chose"


@pytest.mark.parametrize("table", [[[1, 2]], [[1, -2], [0, 1]]])
def test_a_table_that_is_none_is_refused(table):
    with pytest.raises(ValueError, match="square"):
        cohen_kappa(table)


def test_subjects_rated_by_different_numbers_of_readers_are_refused():
    with pytest.raises(ValueError, match="same number"):
        fleiss_kappa([[1, 2], [2, 2]])
    with pytest.raises(ValueError, match="paired"):
        confusion_table(["a"], [])


def test_two_readers_ratings_become_a_table():
    table, categories = confusion_table(["liver", "cyst", "liver"], ["liver", "liver", "spleen"])
    assert categories == ("cyst", "liver", "spleen")
    assert table.tolist() == [[0, 1, 0], [0, 1, 1], [0, 0, 0]]


tables = st.integers(1, 5).flatmap(
    lambda k: st.lists(st.lists(st.integers(0, 30), min_size=k, max_size=k), min_size=k, max_size=k)
)
weights = st.sampled_from(["unweighted", "linear", "quadratic"])


@given(tables, weights)
def test_kappa_is_within_its_bounds_and_the_same_from_both_sides(table, weights):
    one, other = cohen_kappa(table, weights), cohen_kappa(np.transpose(table), weights)
    assert one.undefined == other.undefined
    if one.value is None:
        return
    assert -1 - 1e-9 <= one.low - 1e-9 <= one.value <= one.high + 1e-9 <= 1 + 2e-9
    assert one.value == pytest.approx(other.value, abs=1e-9)
    assert one.standard_error == pytest.approx(other.standard_error, abs=1e-7)
    assert math.isfinite(one.standard_error)


@given(st.lists(st.sampled_from("abc"), min_size=1), weights)
def test_readers_who_say_the_same_agree_fully(ratings, weights):
    found = cohen_kappa(confusion_table(ratings, ratings)[0], weights)
    if len(set(ratings)) == 1:
        assert found.value is None
    else:
        assert found.value == pytest.approx(1)
        assert found.standard_error == pytest.approx(0, abs=1e-6)


@given(st.lists(st.sampled_from("ab"), min_size=2, max_size=30), st.randoms(use_true_random=False))
def test_with_two_categories_weights_change_nothing(ratings, rng):
    other = [rng.choice("ab") for _ in ratings]
    table, _ = confusion_table(ratings, other)
    values = [cohen_kappa(table, one).value for one in ("unweighted", "linear", "quadratic")]
    if values[0] is None:
        assert values == [None] * 3
    else:
        assert values == pytest.approx([values[0]] * 3)


@given(st.integers(2, 6), st.lists(st.lists(st.integers(0, 3), min_size=6, max_size=6), min_size=1, max_size=12))
def test_fleiss_kappa_is_within_its_bounds_and_forgets_the_order_of_subjects(readers, ratings):
    counts = np.array([[row[:readers].count(category) for category in range(4)] for row in ratings])
    one, other = fleiss_kappa(counts), fleiss_kappa(counts[::-1])
    assert (one.value is None) == (other.value is None) == (len(np.flatnonzero(counts.sum(axis=0))) == 1)
    if one.value is not None:
        # The least possible is -1 / (n - 1).
        assert -1 / (readers - 1) - 1e-9 <= one.value <= 1 + 1e-9
        assert one.value == pytest.approx(other.value)
        assert (one.value == pytest.approx(1)) == bool((counts.max(axis=1) == readers).all())


@pytest.mark.parametrize("weights", ["unweighted", "linear", "quadratic"])
def test_weights_are_one_on_the_diagonal_and_fall_to_zero(weights):
    found = agreement_weights(4, weights)
    assert (np.diag(found) == 1).all()
    assert found[0, 3] == 0
    assert (found == found.T).all()
