import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from engine.regions import Mask, RegionError
from engine.regions.rasters import fill_rings

bitmaps = arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))).filter(np.any)


@given(bits=bitmaps, x0=st.integers(-5, 20), y0=st.integers(-5, 20))
def test_a_mask_is_the_pixels_it_was_made_of(bits, x0: int, y0: int) -> None:
    mask = Mask.from_array(bits, x0, y0)
    height, width = bits.shape
    np.testing.assert_array_equal(mask.covered(x0, y0, width, height), bits)
    assert mask.area == bits.sum()
    rows, columns = np.nonzero(bits)
    assert mask.bounds.as_tuple() == (
        x0 + columns.min() - 0.5,
        y0 + rows.min() - 0.5,
        x0 + columns.max() + 0.5,
        y0 + rows.max() + 0.5,
    )


@given(bits=bitmaps)
def test_equal_pixels_are_an_equal_mask_however_they_were_cut_out(bits) -> None:
    assert Mask.from_array(np.pad(bits, 3), -3, -3) == Mask.from_array(bits)
    assert hash(Mask.from_array(np.pad(bits, 3), -3, -3)) == hash(Mask.from_array(bits))


@given(bits=bitmaps)
def test_filling_the_outline_of_a_mask_gives_its_pixels_back(bits) -> None:
    mask = Mask.from_array(bits, 4, 2)
    rings = mask.outline()
    np.testing.assert_array_equal(fill_rings(rings, 0, 0, 20, 20), mask.to_array(20, 20))
    for ring in rings:
        steps = np.roll(ring, -1, axis=0) - ring
        assert ((steps != 0).sum(axis=1) == 1).all(), "outlines run along the edges of pixels and turn at each point"


@given(bits=bitmaps)
def test_the_outline_has_a_ring_for_each_island_and_each_hole(bits) -> None:
    from SimpleITK import ConnectedComponent, GetImageFromArray, MinimumMaximumImageFilter

    def count(image: np.ndarray, diagonal: bool) -> int:
        extremes = MinimumMaximumImageFilter()
        extremes.Execute(ConnectedComponent(GetImageFromArray(image.astype(np.uint8)), diagonal))
        return int(extremes.GetMaximum())

    padded = np.pad(bits, 1)
    assert len(Mask.from_array(bits).outline()) == count(padded, False) + count(~padded, True) - 1


def test_a_ring_of_pixels_has_its_hole_in_the_outline() -> None:
    bits = np.ones((5, 5), bool)
    bits[2, 2] = False
    outer, hole = sorted(Mask.from_array(bits).outline(), key=lambda ring: -np.ptp(ring))
    assert sorted(map(tuple, outer)) == [(-0.5, -0.5), (-0.5, 4.5), (4.5, -0.5), (4.5, 4.5)]
    assert sorted(map(tuple, hole)) == [(1.5, 1.5), (1.5, 2.5), (2.5, 1.5), (2.5, 2.5)]


@given(bits=bitmaps)
def test_runs_say_what_lies_at_a_pixel(bits) -> None:
    mask = Mask.from_array(bits, 3, 3)
    y, x = np.mgrid[0:20, 0:20]
    np.testing.assert_array_equal(mask.at(x.ravel(), y.ravel()).reshape(20, 20), mask.to_array(20, 20))


def test_parts_outside_the_image_are_cut_off() -> None:
    mask = Mask.from_array(np.ones((4, 4), bool), -2, 46)
    clipped = mask.clipped(64, 48)
    assert (clipped.x0, clipped.y0, clipped.width, clipped.height) == (0, 46, 2, 2)
    with pytest.raises(RegionError, match="covers no pixel"):
        mask.clipped(64, 40)


def test_a_mask_cannot_be_changed_through_its_outline() -> None:
    ring = Mask.from_array(np.ones((2, 2), bool)).outline()[0]
    with pytest.raises(ValueError, match="read-only"):
        ring[0, 0] = 9
