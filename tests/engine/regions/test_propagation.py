from pathlib import Path

import numpy as np
import pytest

from engine.progress import Cancelled, NoProgress
from engine.regions import Box, Ellipse, Line, Mask, Point, RegionError
from engine.regions.propagation import Direction, propagate
from engine.scans import Plane, Volume, Window


def radius_at(z: int) -> float:
    """Of a ball of radius 20 about slice 25."""
    return float(np.sqrt(max(0.0, 400 - (z - 25) ** 2)))


@pytest.fixture(scope="module")
def ball() -> Volume:
    """A noisy ball that wanders to the right, on an even background."""
    z, y, x = np.mgrid[0:50, 0:96, 0:96]
    inside = (x - 40 - 0.3 * (z - 25)) ** 2 + (y - 48) ** 2 + (z - 25) ** 2 <= 400
    voxels = np.where(inside, 60, 0) + np.random.default_rng(0).normal(0, 6, inside.shape)
    return Volume(voxels.astype(np.int16), (1.0, 1.0, 1.0), (0, 0, 0), np.eye(3), "CT", Window(40, 400), Path("ball"))


def truth(z: int) -> Ellipse:
    return Ellipse(40 + 0.3 * (z - 25), 48, radius_at(z), radius_at(z))


@pytest.mark.parametrize("direction", list(Direction))
def test_a_mask_follows_a_ball_to_its_pole_and_not_beyond(ball: Volume, direction: Direction) -> None:
    found = propagate(ball, Plane.AXIAL, 25, truth(25).to_mask(96, 96), direction)
    last = 25 + direction * len(found)
    assert sorted(found) == sorted(range(25 + direction, last + direction, direction))
    assert 16 <= len(found) <= 20
    assert all(shape.kind == "mask" for shape in found.values())
    for z, shape in found.items():
        if abs(z - 25) <= 15:
            assert shape.iou(truth(z), 96, 96) > 0.85


def test_a_box_gives_boxes_that_shrink_with_the_ball(ball: Volume) -> None:
    found = propagate(ball, Plane.AXIAL, 25, Box(19.5, 27.5, 60.5, 68.5), Direction.ON)
    assert all(isinstance(shape, Box) for shape in found.values())
    assert found[37].iou(truth(37).bounds) > 0.8
    assert max(found) <= 45


def test_a_margin_drawn_round_the_structure_is_kept(ball: Volume) -> None:
    loose = propagate(ball, Plane.AXIAL, 25, Box(16.5, 24.5, 63.5, 71.5), Direction.ON)
    tight = propagate(ball, Plane.AXIAL, 25, Box(19.5, 27.5, 60.5, 68.5), Direction.ON)
    assert loose[30].width - tight[30].width == pytest.approx(6, abs=2)


def test_other_planes_are_followed_alike(ball: Volume) -> None:
    start = Ellipse(40, 24, 18, 18)
    assert len(propagate(ball, Plane.CORONAL, 48, start, Direction.ON)) >= 12


def test_it_ends_where_another_tissue_begins(ball: Volume) -> None:
    z = np.arange(50)[:, None, None]
    values = np.where(z < 30, 60, 200) * (np.hypot(*np.mgrid[-48:48, -48:48]) <= 15)
    column = Volume(values.astype(np.int16), (1, 1, 1), (0, 0, 0), np.eye(3), "CT", Window(40, 400), Path("column"))
    found = propagate(column, Plane.AXIAL, 20, Ellipse(48, 48, 15, 15), Direction.ON)
    assert max(found) == 29
    assert min(propagate(column, Plane.AXIAL, 20, Ellipse(48, 48, 15, 15), Direction.BACK)) == 0


def test_what_looks_like_its_surroundings_is_not_followed(ball: Volume) -> None:
    assert propagate(ball, Plane.AXIAL, 25, Ellipse(80, 15, 8, 8), Direction.ON) == {}


def test_lines_points_and_colour_are_refused(ball: Volume) -> None:
    for shape in (Point(40, 48), Line(((30, 40), (50, 50)))):
        with pytest.raises(RegionError, match="no inside"):
            propagate(ball, Plane.AXIAL, 25, shape, Direction.ON)
    photo = Volume(np.zeros((3, 9, 9, 3), np.uint8), (1, 1, 1), (0, 0, 0), np.eye(3), "XC", None, Path("photo"))
    with pytest.raises(RegionError, match="grey"):
        propagate(photo, Plane.AXIAL, 1, Box(0, 0, 5, 5), Direction.ON)
    with pytest.raises(RegionError):
        propagate(ball, Plane.AXIAL, 25, Mask.from_array(np.ones((3, 3)), 200, 200), Direction.ON)


def test_following_can_be_cancelled_and_tells_how_far_it_is(ball: Volume) -> None:
    class Three(NoProgress):
        done = 0

        def report(self, done: int, total: int, what: str) -> None:
            assert total == 24
            self.done = done

        def cancelled(self) -> bool:
            return self.done == 3

    progress = Three()
    with pytest.raises(Cancelled):
        propagate(ball, Plane.AXIAL, 25, truth(25), Direction.ON, progress)
    assert progress.done == 3
