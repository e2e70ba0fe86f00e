"""The contact sheet's names can be read: whole, and apart from each other."""

from __future__ import annotations

import itertools

from training.instruct.sheet import free_place

TEXT = (0.0, 0.0, 90.0, 11.0)


def place(box: tuple[float, float, float], taken: list[tuple[float, float, float, float]]):
    return free_place(TEXT, box, (200, 100), taken)


def test_a_name_stands_above_its_box_or_below_where_there_is_no_room():
    assert place((20, 50, 80), []) == (20, 35, 114, 49)
    assert place((20, 50, 80), [(0, 30, 200, 48)]) == (20, 82, 114, 96)


def test_a_name_at_the_border_is_not_cut():
    left, top, right, bottom = place((190, 2, 30), [])
    assert left >= 0
    assert top >= 0
    assert right < 200
    assert bottom < 100


def test_names_of_one_place_stand_apart_until_the_picture_is_full():
    taken: list[tuple[float, float, float, float]] = []
    for _ in range(5):
        taken.append(place((60, 40, 60), taken))
    tops = sorted(top for _, top, _, _ in taken)
    assert all(below - above > 14 for above, below in itertools.pairwise(tops))
