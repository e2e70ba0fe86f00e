"""What is known of names before the picture is looked at."""

from __future__ import annotations

import math

from engine.labels.prior import ELSEWHERE, leanings, patients_behind
from engine.regions import Label, LabelSet

SKIN = Label("nevus", "nevus", "痣", modalities=("DMS",))
LUNG = Label("lung", "lung", "肺", modalities=("CT", "DX"))
OWN = Label("own-spot", "spot", "斑")
LOW = math.log(ELSEWHERE)


def test_a_name_is_unlikely_where_it_was_never_seen():
    assert leanings([SKIN, LUNG, OWN], "CT") == (LOW, 0.0, 0.0)
    assert leanings([SKIN, LUNG], "DMS") == (0.0, LOW)


def test_kinds_of_pictures_that_are_alike_count_as_one():
    assert leanings([SKIN, LUNG], "CR") == (LOW, 0.0)
    assert leanings([Label("cell", "cell", "细胞", modalities=("GM",)), LUNG], "SM") == (0.0, LOW)


def test_nothing_is_known_of_pictures_that_nobody_named():
    for modality in ("", "OT", "ES"):
        assert leanings([SKIN, LUNG, OWN], modality) == ()


def test_patients_behind_a_name() -> None:
    labels = LabelSet(
        [
            Label("liver", "liver", "肝脏", patients=(("CT", 1), ("MR", 12))),
            Label("nevus", "nevus", "痣", patients=(("DMS", 300),)),
            Label("chest", "chest", "胸", patients=(("DX", 4),)),
            Label("odd", "odd spot", "怪斑"),
        ]
    )
    assert patients_behind(labels, "liver", "CT") == 1
    assert patients_behind(labels, "肝脏", "MR") == 12
    assert patients_behind(labels, "liver", "DMS") == 0, "never met in a kind of picture that others were"
    assert patients_behind(labels, "chest", "CR") == 4, "computed radiographs are X-rays too"
    # A picture file says "other", some scans nothing: whatever it is a picture of, nothing is known against the name.
    assert patients_behind(labels, "nevus", "OT") is None
    assert patients_behind(labels, "nevus", "") is None
    corrected = LabelSet([*labels, Label("polyp", "polyp", "息肉", modalities=("OT",), patients=(("OT", 3),))])
    assert patients_behind(corrected, "nevus", "OT") is None, "also where somebody corrected another in such a file"
    assert leanings(corrected, "OT") == ()
    assert patients_behind(labels, "odd spot", "CT") is None, "of a label that does not say"
    assert patients_behind(labels, "spleen", "CT") is None, "of no label of these"
