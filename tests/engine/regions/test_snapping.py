import numpy as np
import pytest

from engine.phantom import Phantom, render_phantom_slice
from engine.regions import Box
from engine.regions.snapping import snap, structure_in


def scene(inside: float, outside: float, noise: float = 4, seed: int = 0) -> np.ndarray:
    """A 60 x 40 ellipse about (100, 80) on an even background."""
    y, x = np.mgrid[0:160, 0:200]
    values = np.where(((x - 100) / 30) ** 2 + ((y - 80) / 20) ** 2 <= 1, inside, outside)
    return values + np.random.default_rng(seed).normal(0, noise, values.shape)


TRUE = Box(69.5, 59.5, 130.5, 100.5)


@pytest.mark.parametrize(("inside", "outside"), [(60, 0), (0, 60), (-30, 30)])
@pytest.mark.parametrize("loose", [Box(60, 54, 139, 108), Box(66, 50, 134, 103), Box(74, 63, 138, 97)])
def test_a_loose_box_closes_round_what_stands_out(inside: float, outside: float, loose: Box) -> None:
    assert snap(scene(inside, outside), loose).iou(TRUE) > 0.91


def test_a_structure_between_darker_and_brighter_surroundings_is_found() -> None:
    values = scene(50, 0)
    values[:, 150:] += 900
    values[:58] -= 1000
    assert snap(values, Box(62, 55, 138, 107)).iou(TRUE) > 0.9


def test_a_box_stays_as_it_was_drawn_where_nothing_stands_out() -> None:
    box = Box(60, 54, 139, 108)
    even = np.full((160, 200), 7, np.int16)
    noise = np.random.default_rng(1).normal(0, 10, (160, 200))
    assert snap(even, box) is box
    assert snap(noise, box) is box
    assert snap(scene(60, 0), Box(10, 10, 12, 12)) == Box(10, 10, 12, 12)
    assert snap(np.zeros((160, 200, 3), np.uint8), box) is box
    assert structure_in(noise, box) is None


def test_no_edge_moves_further_than_a_quarter_of_the_side() -> None:
    rng = np.random.default_rng(2)
    for seed in range(20):
        x1, y1 = rng.uniform(20, 90), rng.uniform(20, 70)
        box = Box(x1, y1, x1 + rng.uniform(8, 90), y1 + rng.uniform(8, 70))
        fitted = snap(scene(60, 0, seed=seed), box)
        for drawn, found, side in zip(box.as_tuple(), fitted.as_tuple(), (box.width, box.height) * 2, strict=True):
            assert abs(found - drawn) <= max(3, side / 4)


def test_an_edge_that_cuts_a_long_structure_stays() -> None:
    values = np.zeros((160, 200)) + np.random.default_rng(3).normal(0, 3, (160, 200))
    values[54:, 80:120] += 60
    fitted = snap(values, Box(74, 50, 127, 110))
    assert fitted.y2 == 110
    assert fitted.y1 == pytest.approx(53.5, abs=1)
    assert (fitted.x1, fitted.x2) == pytest.approx((79.5, 119.5), abs=1)


def test_values_that_are_no_numbers_do_not_matter() -> None:
    values = scene(60, 0)
    values[80, 100] = np.nan
    values[40, 40] = np.inf
    assert snap(values, Box(60, 54, 139, 108)).iou(TRUE) > 0.91


def test_loose_boxes_round_the_organs_of_a_phantom_become_clearly_better() -> None:
    rng = np.random.default_rng(4)
    before, after = [], []
    for seed, z_mm in ((0, 20.0), (1, -20.0), (2, 40.0)):
        cut = render_phantom_slice(Phantom.random(seed), z_mm, 256)
        for id in cut.present():
            for true in cut.boxes(id):
                away = rng.uniform(0.02, 0.2, 4) * (-true.width, -true.height, true.width, true.height)
                loose = Box(*(np.array(true.as_tuple()) + away)).clipped(256, 256)
                before.append(loose.iou(true))
                after.append(snap(cut.hu, loose).iou(true))
    assert np.mean(after) > np.mean(before) + 0.08
