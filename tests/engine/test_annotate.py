"""A picture of an answer shows the slice, the boxes where they are, and what it is not for."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ImageColor

from engine.annotate import draw_regions
from engine.regions import Box
from engine.suggest import SuggestedRegion

GREY = np.full((100, 200, 3), 90, np.uint8)
YELLOW = ImageColor.getrgb("#ffd400")


def region(box: Box, label: str = "liver", label_zh: str = "肝脏") -> SuggestedRegion:
    return SuggestedRegion(label, label_zh, "", box, 0.9)


def test_a_box_lies_on_the_pixels_it_names():
    # 200 wide becomes 800: four steps. Pixel 50 covers 200 to 204, its centre is at 202.
    drawn = np.asarray(draw_regions(GREY, [region(Box(50, 60, 120, 90))]))
    assert drawn.shape == (400, 800, 3)
    yellow = (drawn == YELLOW).all(axis=-1)
    rows, columns = np.nonzero(yellow[235:])
    assert (columns.min(), columns.max()) == pytest.approx((202, 482), abs=1)
    assert rows.max() + 235 == pytest.approx(362, abs=1)
    assert (drawn[300, 340] == 90).all(), "the inside is the slice itself"


def test_a_slice_that_is_large_enough_is_not_enlarged():
    assert draw_regions(np.zeros((900, 1000, 3), np.uint8), []).size == (1000, 900)


def test_every_picture_says_that_it_is_not_for_diagnosis():
    drawn = np.asarray(draw_regions(GREY, []))
    assert not (drawn[-30:, :250] == 90).all()
    assert (drawn[:-40] == 90).all()


@pytest.mark.parametrize("box", [Box(-0.5, -0.5, 199.5, 99.5), Box(0, 0, 3, 3), Box(190, 90, 199, 99)])
def test_names_at_the_edge_stay_in_the_picture(box: Box):
    picture = draw_regions(GREY, [region(box, "a very long name of a structure" * 2)])
    assert picture.size == (800, 400)
    assert (np.asarray(picture) == YELLOW).all(axis=-1).any()
