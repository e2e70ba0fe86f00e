"""What is known of names before the picture is looked at."""

from __future__ import annotations

import math

from engine.labels.prior import ELSEWHERE, leanings
from engine.regions import Label

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
