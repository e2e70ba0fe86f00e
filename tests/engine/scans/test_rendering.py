"""VTK's slices against the formulas they must follow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.scans import Plane, ScanError, Volume, Window, image_sha256, plane_grid, read_volume, render_slice
from engine.scans.rendering import slice_spacing


def linear(values: np.ndarray, window: Window) -> np.ndarray:
    """DICOM PS3.3 C.11.2.1.2.1 on 0..255."""
    ramp = ((values - (window.center - 0.5)) / (window.width - 1) + 0.5) * 255
    return np.clip(ramp, 0, 255)


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm", "examples_overlay.dcm", "693_J2KI.dcm"])
@pytest.mark.parametrize("window", [None, Window(100, 700), Window(-200.5, 33)])
def test_the_window_is_dicoms_linear_function(pydicom_files: Path, name: str, window: Window | None):
    volume = read_volume(pydicom_files / name)
    shown = render_slice(volume, volume.plane, 0, window)
    expected = linear(volume.voxels[0].astype(float), window or volume.window)
    assert np.abs(shown[..., 0] - expected).max() <= 1
    assert (shown[..., 0] == shown[..., 1]).all()


def test_planes_are_turned_to_the_radiological_convention(phantom_series: Path):
    volume = read_volume(phantom_series / "dicom")
    window = volume.window
    coronal = render_slice(volume, Plane.CORONAL, 60)[..., 0]
    sagittal = render_slice(volume, Plane.SAGITTAL, 50)[..., 0]
    assert np.abs(coronal - linear(volume.voxels[::-1, 60, :].astype(float), window)).max() <= 1
    assert np.abs(sagittal - linear(volume.voxels[::-1, :, 50].astype(float), window)).max() <= 1
    assert slice_spacing(volume, Plane.CORONAL) == (volume.spacing_mm[2], volume.spacing_mm[0])


def test_monochrome1_shows_low_values_white(pydicom_files: Path):
    import dataclasses

    volume = read_volume(pydicom_files / "CT_small.dcm")
    plain = render_slice(volume, volume.plane, 0)
    inverted = render_slice(dataclasses.replace(volume, inverted=True), volume.plane, 0)
    assert np.abs(inverted.astype(int) + plain - 255).max() <= 1


def test_colour_passes_through(pydicom_files: Path):
    volume = read_volume(pydicom_files / "examples_rgb_color.dcm")
    assert np.array_equal(render_slice(volume, Plane.AXIAL, 0), volume.voxels[0])


def test_there_is_no_slice_beyond_the_last(pydicom_files: Path):
    volume = read_volume(pydicom_files / "CT_small.dcm")
    with pytest.raises(ScanError, match="slices 0 to 0, not 1"):
        render_slice(volume, volume.plane, 1)


def test_a_photo_has_one_plane_only(pydicom_files: Path):
    volume = read_volume(pydicom_files / "examples_rgb_color.dcm")
    with pytest.raises(ScanError, match="no coronal plane"):
        render_slice(volume, Plane.CORONAL, 0)


@given(
    st.sampled_from(list(Plane)),
    st.permutations([0, 1, 2]),
    st.tuples(*[st.sampled_from([-1.0, 1.0])] * 3),
    st.tuples(*[st.floats(0, 3)] * 3),
)
def test_pixel_and_voxel_coordinates_round_trip(plane, order, signs, point):
    direction = np.zeros((3, 3))
    for axis, (patient, sign) in enumerate(zip(order, signs, strict=True)):
        direction[patient, axis] = sign
    volume = Volume(np.zeros((4, 5, 6), np.int16), (1, 1, 1), (0, 0, 0), direction, "CT", Window(0, 1), Path("x"))
    grid = plane_grid(volume, plane)
    assert grid.voxel_to_pixel(*grid.pixel_to_voxel(*point)) == pytest.approx(point)


def test_the_hash_names_the_pixels_and_their_shape():
    flat = np.zeros((2, 8, 3), np.uint8)
    assert image_sha256(flat) != image_sha256(flat.reshape(4, 4, 3))
    other = flat.copy()
    other[0, 0, 0] = 1
    assert image_sha256(flat) != image_sha256(other)
