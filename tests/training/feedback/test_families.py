"""Patients who are one by what their scans share: found whatever the order, and never by an empty UID."""

from __future__ import annotations

import random

import pytest

from training.feedback.families import Families, marks_of, place_of
from training.feedback.freezing import side_of

LINKS = [
    ("a", list(marks_of("1.1", "1.1.1", "v1"))),
    ("b", list(marks_of("1.1", "1.1.2#2", "v2"))),
    ("c", list(marks_of("", "", "v2"))),
    (None, [("study", "1.7"), ("series", "1.7.1")]),
    ("d", [("series", "1.7.1")]),
    ("e", [("study", "1.7"), ("view", "v9")]),
    ("f", list(marks_of("file:/scans/f.nii", "", "v3"))),
    ("g", list(marks_of("file:/scans/f.nii", " ", "v4"))),
]
FAMILIES = ["abc", "de", "f", "g"]


@pytest.mark.parametrize("seed", range(20))
def test_families_are_the_same_in_whatever_order_they_are_found(seed: int):
    links = LINKS * 2
    random.Random(seed).shuffle(links)
    families = Families()
    for patient, marks in links:
        families.link(patient, random.Random(seed).sample(marks, len(marks)))
    for members in FAMILIES:
        assert {families.head_of(one) for one in members} == {max(members, key=place_of)}
    assert families.head_of("nobody knows") == "nobody knows"


def test_marks_are_of_what_is_there():
    assert list(marks_of("1.1", "1.2#L0@0,0,9,9", "v")) == [("study", "1.1"), ("series", "1.2"), ("view", "v")]
    assert list(marks_of("", "", "v")) == list(marks_of("file:/a", "#2", "v")) == [("view", "v")]


def test_who_joins_a_family_never_lets_judge_who_was_trained_on():
    for number in range(200):
        families = Families()
        names = [f"{number}-{one}" for one in range(3)]
        sides = [side_of(name, 0.5) for name in names]
        for name in names:
            families.link(name, [("study", "1")])
        assert side_of(families.head_of(names[0]), 0.5) == ("train" if "train" in sides else "heldout")
