from pathlib import Path

import numpy as np
import pytest

from engine.regions import Box, Ellipse, Mask, Polygon, RegionError
from engine.regions.rasters import fill_rings
from engine.regions.shape_json import KINDS
from engine.regions.structure import Structure, box3d, cross_sections
from engine.scans import Plane, Volume, Window, plane_grid


def volume_of(shape: tuple[int, int, int], direction: np.ndarray | None = None) -> Volume:
    direction = np.eye(3) if direction is None else direction
    return Volume(np.zeros(shape, np.int16), (0.7, 0.9, 2.5), (3, 4, 5), direction, "CT", Window(40, 400), Path("made"))


def turned() -> np.ndarray:
    """Sagittal slices, turned about two axes, with one axis running backwards."""
    a, b = np.radians(14), np.radians(-9)
    about_x = np.array([[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]])
    about_z = np.array([[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]])
    return about_x @ about_z @ np.array([[0.0, 0, -1], [1, 0, 0], [0, -1, 0]])


VOLUMES = {
    "axial": volume_of((12, 48, 64)),
    "head first backwards": volume_of((12, 48, 64), np.diag([1.0, 1, -1])),
    "oblique sagittal": volume_of((12, 48, 64), turned()),
}


@pytest.mark.parametrize("name", VOLUMES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("other", list(Plane))
def test_a_section_fills_the_voxels_that_the_other_plane_cuts(examples, name: str, kind: str, other: Plane) -> None:
    volume = VOLUMES[name]
    plane = volume.plane
    if other is plane and kind in ("point", "line"):
        pytest.skip("drawn as they are, not filled")
    # Off the pixel centres, where it is a matter of taste which side an outline's own pixels are on.
    shape = examples[kind].moved(0.13, 0.29)
    shapes = {3: shape, 4: shape.moved(2, 1), 5: shape.moved(3, -1), 8: shape}
    bits = Structure(plane, shapes).voxels(volume)
    count, height, width = plane_grid(volume, other).shape
    for index in range(count):
        rings = cross_sections(volume, plane, shapes, other, index)
        expected = plane_grid(volume, other).cut(bits, index)
        np.testing.assert_array_equal(fill_rings(rings, 0, 0, width, height), expected)


def test_a_box_is_cut_at_its_exact_edges_and_its_slices_run_together() -> None:
    volume = VOLUMES["axial"]
    box = Box(10.3, 12.2, 30.6, 24.9)
    (ring,) = cross_sections(volume, Plane.AXIAL, box3d(Plane.AXIAL, box, 3, 6).shapes, Plane.CORONAL, 20)
    # Coronal pictures have the head on top: the last slice is the first row.
    np.testing.assert_allclose(sorted(map(tuple, ring)), [(10.3, 4.5), (10.3, 8.5), (30.6, 4.5), (30.6, 8.5)])
    (ring,) = cross_sections(volume, Plane.AXIAL, box3d(Plane.AXIAL, box, 3, 3).shapes, Plane.SAGITTAL, 15)
    np.testing.assert_allclose(sorted(map(tuple, ring)), [(12.2, 7.5), (12.2, 8.5), (24.9, 7.5), (24.9, 8.5)])


def test_a_region_that_the_other_slice_misses_is_not_shown_there() -> None:
    volume = VOLUMES["axial"]
    shapes = box3d(Plane.AXIAL, Box(10, 12, 30, 24), 3, 6).shapes
    for other, index in ((Plane.CORONAL, 11), (Plane.CORONAL, 24), (Plane.SAGITTAL, 40), (Plane.SAGITTAL, 999)):
        assert cross_sections(volume, Plane.AXIAL, shapes, other, index) == []
    assert cross_sections(volume, Plane.AXIAL, shapes, Plane.AXIAL, 7) == []
    (ring,) = cross_sections(volume, Plane.AXIAL, shapes, Plane.AXIAL, 5)
    np.testing.assert_array_equal(ring, shapes[5].outline()[0])


def test_a_hole_stays_open_in_the_other_planes() -> None:
    bits = np.ones((20, 20), bool)
    bits[5:15, 5:15] = False
    ring_mask, full = Mask.from_array(bits, 10, 10), Mask.from_array(np.ones((20, 20), bool), 10, 10)
    rings = cross_sections(
        VOLUMES["axial"], Plane.AXIAL, {2: full, 3: ring_mask, 4: ring_mask, 5: full}, Plane.CORONAL, 20
    )
    assert len(rings) == 2


def test_the_volume_of_a_structure_comes_from_its_areas_and_the_spacing() -> None:
    volume = VOLUMES["axial"]
    voxel = 0.7 * 0.9 * 2.5
    assert box3d(Plane.AXIAL, Box(0, 0, 10, 20), 2, 5).volume_mm3(volume) == pytest.approx(4 * 200 * voxel)
    ball = Structure(Plane.AXIAL, {4: Ellipse(20, 20, 10, 5), 5: Polygon(((0, 0), (10, 0), (0, 10)))})
    assert ball.volume_mm3(volume) == pytest.approx((np.pi * 50 + 50) * voxel)
    mask = Structure(Plane.CORONAL, {4: Mask.from_array(np.ones((3, 4), bool))})
    assert mask.volume_mm3(volume) == pytest.approx(12 * voxel)
    assert mask.voxels(volume).sum() == 12


def test_the_slices_of_a_slanted_gantry_hold_less_than_upright_ones() -> None:
    sheared = np.eye(3)
    sheared[:, 2] = (0, np.sin(0.5), np.cos(0.5))
    structure = box3d(Plane.AXIAL, Box(0, 0, 10, 10), 0, 0)
    upright = structure.volume_mm3(volume_of((4, 20, 20)))
    assert structure.volume_mm3(volume_of((4, 20, 20), sheared)) == pytest.approx(upright * np.cos(0.5))


def test_what_was_made_never_takes_the_place_of_what_was_drawn() -> None:
    drawn, made = Box(0, 0, 10, 10), Box(5, 5, 9, 9)
    structure = Structure(Plane.AXIAL, {2: drawn}, frozenset((2,))).with_derived({2: made, 3: made})
    assert structure.shapes == {2: drawn, 3: made}
    assert structure.key_shapes == {2: drawn}
    keyed = structure.with_shape(3, drawn)
    assert keyed.keys == {2, 3}
    assert keyed.without_slice(2).slices == (3,)
    with pytest.raises(RegionError, match="at least one slice"):
        keyed.without_slice(2).without_slice(3)
    with pytest.raises(RegionError, match="key slices"):
        Structure(Plane.AXIAL, {2: drawn}, frozenset((4,)))
    with pytest.raises(RegionError, match="before the first"):
        Structure(Plane.AXIAL, {-1: drawn})
    with pytest.raises(RegionError, match="the volume has 12"):
        box3d(Plane.AXIAL, drawn, 10, 12).voxels(VOLUMES["axial"])


def test_a_3d_box_has_its_ends_for_keys_whichever_was_clicked_first() -> None:
    assert box3d(Plane.AXIAL, Box(0, 0, 1, 1), 5, 3) == box3d(Plane.AXIAL, Box(0, 0, 1, 1), 3, 5)
    assert box3d(Plane.AXIAL, Box(0, 0, 1, 1), 5, 3).slices == (3, 4, 5)
    assert box3d(Plane.AXIAL, Box(0, 0, 1, 1), 5, 3).keys == {3, 5}
