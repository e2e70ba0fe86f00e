"""The card lies beside its box."""

from __future__ import annotations

import pytest

pytest.importorskip("PySide6")

from PySide6.QtCore import QPoint, QRect, QSize

from desktop.panels.card_place import _beside

AREA = QRect(0, 0, 600, 500)
SIZE = QSize(300, 250)


@pytest.mark.parametrize(
    ("box", "place"),
    [
        (QRect(50, 100, 200, 80), QPoint(260 - 1, 100)),
        (QRect(380, 100, 200, 80), QPoint(70, 100)),
        (QRect(20, 20, 560, 80), QPoint(20, 110 - 1)),
        (QRect(20, 400, 560, 80), QPoint(20, 140)),
    ],
)
def test_beside_the_box_where_there_is_room(box, place):
    assert _beside(box, SIZE, AREA) == place
    assert not QRect(place, SIZE).intersects(box)


def test_over_as_little_of_the_box_as_can_be_where_there_is_none():
    area = QRect(0, 0, 310, 500)
    box = QRect(60, 200, 200, 80)
    place = _beside(box, SIZE, area)
    assert area.contains(QRect(place, SIZE))
    assert (QRect(place, SIZE) & box).height() <= 31
