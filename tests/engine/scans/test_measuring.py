"""Measurements against numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engine.regions import Box
from engine.scans import Plane, Volume, Window
from engine.scans.measuring import angle_degrees, length, roi_statistics
from engine.scans.presets import auto_window, window_presets


@pytest.fixture
def volume() -> Volume:
    """2 x 3 x 5 mm voxels whose value is 100 z + 10 y + x."""
    z, y, x = np.indices((6, 8, 10))
    voxels = (100 * z + 10 * y + x).astype(np.int16)
    return Volume(voxels, (2.0, 3.0, 5.0), (0.0, 0.0, 0.0), np.eye(3), "CT", Window(0, 100), Path("x"))


def test_lengths_use_the_spacing_of_their_plane(volume):
    assert length(volume, Plane.AXIAL, (0, 0), (3, 4)) == pytest.approx(np.hypot(3 * 2, 4 * 3))
    assert length(volume, Plane.CORONAL, (0, 0), (3, 4)) == pytest.approx(np.hypot(3 * 2, 4 * 5))
    assert length(volume, Plane.SAGITTAL, (0, 0), (3, 4)) == pytest.approx(np.hypot(3 * 3, 4 * 5))


def test_angles_are_measured_in_the_patient_and_not_in_pixels(volume):
    assert angle_degrees(volume, Plane.AXIAL, (5, 0), (0, 0), (0, 5)) == pytest.approx(90)
    # 3 pixels of 2 mm right and 2 pixels of 3 mm down: the diagonal, though not in pixels.
    assert angle_degrees(volume, Plane.AXIAL, (5, 0), (0, 0), (3, 2)) == pytest.approx(45)
    assert angle_degrees(volume, Plane.AXIAL, (-1, 0), (0, 0), (1, 0)) == pytest.approx(180)


def test_a_rectangle_counts_the_pixels_whose_centres_it_holds(volume):
    found = roi_statistics(volume, Plane.AXIAL, 2, Box(0.5, 0.5, 2.5, 2.5), ellipse=False)
    values = np.array([211, 212, 221, 222])
    assert (found.mean, found.minimum, found.maximum, found.pixels) == (values.mean(), 211, 222, 4)
    assert found.sd == pytest.approx(values.std(ddof=1))
    assert found.area == pytest.approx(2 * 2 * 6)


def test_an_ellipse_leaves_its_corners_out(volume):
    found = roi_statistics(volume, Plane.AXIAL, 0, Box(0, 0, 4, 4), ellipse=True)
    assert found.pixels == 13
    assert found.area == pytest.approx(np.pi * 2 * 2 * 6)
    assert (found.minimum, found.maximum) == (2, 42)


def test_a_region_in_a_turned_plane_reads_the_voxels_seen_there(volume):
    """Coronal pictures have the head at the top: row 0 is the last slice."""
    found = roi_statistics(volume, Plane.CORONAL, 3, Box(-0.5, -0.5, 0.5, 0.5), ellipse=False)
    assert (found.mean, found.pixels) == (530, 1)


def test_a_region_without_pixels_and_a_colour_picture_have_no_statistics(volume):
    assert roi_statistics(volume, Plane.AXIAL, 0, Box(0.2, 0.2, 0.8, 0.8), ellipse=False) is None
    colour = Volume(
        np.zeros((1, 4, 4, 3), np.uint8), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3), "US", None, Path("x")
    )
    assert roi_statistics(colour, Plane.AXIAL, 0, Box(0, 0, 3, 3), ellipse=False) is None


def test_presets_are_for_ct_only_and_the_automatic_window_is_the_slices_own():
    assert {preset.id for preset in window_presets("CT")} >= {"soft_tissue", "lung", "bone", "brain"}
    assert window_presets("MR") == ()
    values = np.tile(np.arange(0, 1000), (10, 1))
    window = auto_window(values)
    assert window.center - 0.5 - (window.width - 1) / 2 == pytest.approx(10, abs=5)
    assert window.center - 0.5 + (window.width - 1) / 2 == pytest.approx(990, abs=5)
    assert auto_window(np.full((4, 4), 7)) is None
