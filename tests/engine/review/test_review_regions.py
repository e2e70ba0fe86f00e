"""Two readers' regions are paired as well as they can be, and every difference is listed once."""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.regions import Box, Label
from engine.review import Difference, discrepancies, match_regions, pair_up, region_agreement, shape_iou
from engine.store import Origin, RegionRow, RegionState

LIVER, SPLEEN = Label("liver", "liver", "肝脏"), Label("spleen", "spleen", "脾脏")
_ids = itertools.count(1)


def region(x1: float, y1: float, x2: float, y2: float, label: Label | None = LIVER, image: int = 1) -> RegionRow:
    number = next(_ids)
    box = Box(x1, y1, x2, y2)
    return RegionRow(number, number, image, box, label, RegionState.EDITED, Origin.PERSON, "", None, "", "")


def test_the_best_pairing_is_found_where_taking_the_nearest_first_is_worse():
    iou = np.array([[0.6, 0.5], [0.55, 0.0]])
    assert [(one.first, one.second) for one in match_regions(iou, 0.5)] == [(0, 1), (1, 0)]


def test_pairs_below_the_threshold_or_on_other_slices_are_none():
    a = [region(0, 0, 10, 10), region(0, 0, 10, 10, image=2)]
    b = [region(0, 0, 10, 30)]
    assert pair_up(a, b, 0.5) == []
    (match,) = pair_up(a, b, 0.3)
    assert (match.first, match.second, round(match.iou, 3)) == (0, 0, 0.333)


def test_of_two_regions_in_one_place_those_with_the_same_name_are_paired():
    a = [region(0, 0, 10, 10, LIVER), region(0, 0, 10, 10, SPLEEN)]
    b = [region(0, 0, 10, 10, SPLEEN), region(0, 0, 10, 10, LIVER)]
    assert [(one.first, one.second) for one in pair_up(a, b, 0.5)] == [(0, 1), (1, 0)]
    assert region_agreement(a, b).label_agreement == 1
    assert discrepancies(a, b) == []


def test_shapes_overlap_as_shapes_not_as_their_bounds():
    lower = '{"kind":"polygon","points":[[0.0,0.0],[40.0,40.0],[0.0,40.0]]}'
    upper = '{"kind":"polygon","points":[[0.0,0.0],[40.0,0.0],[40.0,40.0]]}'
    a, b = (dataclasses.replace(region(0, 0, 40, 40), shape=text) for text in (lower, upper))
    assert shape_iou(a, b) == 0
    assert 0.4 < shape_iou(a, region(0, 0, 40, 40)) < 0.55
    assert shape_iou(a, a) == 1
    assert [line.differences for line in discrepancies([a], [b])] == [(Difference.ONLY_A,), (Difference.ONLY_B,)]


def test_agreement_counts_what_both_found_and_what_they_called_it():
    a = [region(0, 0, 10, 10), region(20, 0, 30, 10), region(40, 0, 50, 10, None)]
    b = [region(0, 0, 10, 10), region(20, 0, 30, 8, SPLEEN), region(40, 0, 50, 10), region(60, 0, 70, 10)]
    found = region_agreement(a, b)
    assert (found.recall, found.precision, found.f1) == (1, 0.75, 6 / 7)
    assert found.mean_iou == pytest.approx((1 + 0.8 + 1) / 3)
    assert (found.named, found.label_agreement) == (2, 0.5)


def test_every_difference_is_listed_with_its_kind():
    a = [region(0, 0, 10, 10), region(20, 0, 30, 10), region(40, 0, 50, 10), region(0, 0, 5, 5, image=2)]
    b = [region(0, 0, 10, 10, SPLEEN), region(20, 0, 30, 4), region(40, 0, 50, 3, SPLEEN), region(60, 0, 70, 10)]
    found = discrepancies(a, b)
    assert [one.differences for one in found] == [
        (Difference.LABEL,),
        (Difference.BOUNDARY,),
        (Difference.LABEL, Difference.BOUNDARY),
        (Difference.ONLY_B,),
        (Difference.ONLY_A,),
    ]
    assert found[1].iou == pytest.approx(0.4)
    assert (found[3].a, found[3].b) == (None, b[3])
    assert found[4].a == a[3]


def test_nothing_to_compare_is_said_and_not_divided_by():
    found = region_agreement([], [])
    assert (found.f1, found.precision, found.recall, found.mean_iou, found.label_agreement) == (None,) * 5
    one = region_agreement([region(0, 0, 9, 9)], [])
    assert (one.f1, one.recall, one.precision) == (0, 0, None)
    assert discrepancies([], []) == []


corners = st.tuples(st.integers(0, 40), st.integers(0, 40), st.integers(1, 20), st.integers(1, 20))
readings = st.lists(st.tuples(corners, st.sampled_from([LIVER, SPLEEN, None]), st.integers(1, 3)), max_size=7)


def drawn(reading) -> list[RegionRow]:
    return [region(x, y, x + w, y + h, label, image) for (x, y, w, h), label, image in reading]


@given(readings, readings)
def test_agreement_is_the_same_whoever_is_first(one, other):
    a, b = drawn(one), drawn(other)
    there, back = region_agreement(a, b), region_agreement(b, a)
    assert there.f1 == back.f1
    assert (there.precision, there.recall) == (back.recall, back.precision)
    assert there.iou_sum == pytest.approx(back.iou_sum)
    for value in (there.f1, there.mean_iou, there.label_agreement):
        assert value is None or 0 <= value <= 1 + 1e-9


@given(readings)
def test_a_reader_agrees_with_themselves(one):
    a = drawn(one)
    found = region_agreement(a, a)
    if a:
        assert (found.f1, found.mean_iou) == (1, 1)
        assert found.label_agreement in (None, 1)
    assert discrepancies(a, a) == []


@given(readings, readings)
def test_every_region_is_in_at_most_one_pair_or_line(one, other):
    a, b = drawn(one), drawn(other)
    listed = [row.id for line in discrepancies(a, b) for row in (line.a, line.b) if row is not None]
    assert len(listed) == len(set(listed))
    matches = pair_up(a, b, 0.1)
    assert len({match.first for match in matches}) == len({match.second for match in matches}) == len(matches)
