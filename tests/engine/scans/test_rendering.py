"""VTK's slices against the formulas they must follow."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.scans import (
    Plane,
    ScanError,
    SliceRenderer,
    Volume,
    Window,
    image_sha256,
    plane_grid,
    read_volume,
    render_slice,
    slice_count,
    slice_shape,
    slice_spacing,
)


def linear(values: np.ndarray, window: Window) -> np.ndarray:
    """DICOM PS3.3 C.11.2.1.2.1 on 0..255."""
    if window.width <= 1:
        return np.where(values <= window.center - 0.5, 0, 255)
    ramp = ((values - (window.center - 0.5)) / (window.width - 1) + 0.5) * 255
    return np.clip(ramp, 0, 255)


def volume_of(voxels: np.ndarray, direction: np.ndarray | None = None, inverted: bool = False) -> Volume:
    direction = np.eye(3) if direction is None else direction
    window = None if voxels.ndim == 4 else Window(40, 400)
    return Volume(voxels, (1, 1, 1), (0, 0, 0), direction, "OT", window, Path("x"), inverted)


@pytest.mark.parametrize("name", ["CT_small.dcm", "MR_small.dcm", "examples_overlay.dcm", "693_J2KI.dcm"])
@pytest.mark.parametrize("window", [None, Window(100, 700), Window(-200.5, 33)])
def test_the_window_is_dicoms_linear_function(pydicom_files: Path, name: str, window: Window | None):
    volume = read_volume(pydicom_files / name)
    shown = render_slice(volume, volume.plane, 0, window)
    expected = linear(volume.voxels[0].astype(float), window or volume.window)
    assert np.abs(shown[..., 0] - expected).max() <= 1
    assert (shown[..., 0] == shown[..., 1]).all()


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32])
@given(st.floats(-3000, 3000), st.one_of(st.floats(0.5, 40), st.floats(1, 70_000)), st.booleans())
def test_every_window_on_every_type_is_dicoms_linear_function(dtype, center: float, width: float, inverted: bool):
    values = np.linspace(-1500, 3000, 2000) if np.dtype(dtype).kind in "if" else np.linspace(0, 255, 256)
    voxels = values.astype(dtype).reshape(1, 16, -1)
    window = Window(center, width)
    shown = render_slice(volume_of(voxels, inverted=inverted), Plane.AXIAL, 0, window)[..., 0].astype(float)
    expected = linear(voxels[0].astype(float), window)
    assert np.abs((255 - shown if inverted else shown) - expected).max() <= 1


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


def test_colour_is_cut_in_every_plane():
    voxels = np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), np.uint8)
    volume = volume_of(voxels)
    assert np.array_equal(render_slice(volume, Plane.CORONAL, 2), voxels[::-1, 2])
    assert np.array_equal(render_slice(volume, Plane.SAGITTAL, 4), voxels[::-1, :, 4])


def test_a_rendered_slice_is_the_callers_own(pydicom_files: Path):
    volume = read_volume(pydicom_files / "examples_rgb_color.dcm")
    renderer = SliceRenderer(volume, Plane.AXIAL)
    first = renderer.render(0)
    kept = first.copy()
    first[:] = 0
    assert np.array_equal(renderer.render(0), kept)
    assert np.array_equal(volume.voxels[0], kept)


def test_a_step_of_width_one_keeps_its_edge_black():
    shown = render_slice(volume_of(np.array([[[0, 1, 2]]], np.int16)), Plane.AXIAL, 0, Window(1.5, 1))
    assert shown[0, :, 0].tolist() == [0, 0, 255]


def test_values_that_are_no_numbers_do_not_spoil_the_others():
    shown = render_slice(volume_of(np.array([[[np.nan, np.inf, -np.inf, 5.0]]], np.float32)), Plane.AXIAL, 0)
    assert shown[0, 1:3, 0].tolist() == [255, 0]


def test_there_is_no_slice_beyond_the_last(pydicom_files: Path):
    volume = read_volume(pydicom_files / "CT_small.dcm")
    with pytest.raises(ScanError, match="slices 0 to 0, not 1"):
        render_slice(volume, volume.plane, 1)


def test_a_photo_has_one_plane_only(pydicom_files: Path):
    volume = read_volume(pydicom_files / "examples_rgb_color.dcm")
    with pytest.raises(ScanError, match="no coronal plane"):
        render_slice(volume, Plane.CORONAL, 0)


@given(st.tuples(*[st.floats(-1, 1)] * 3).filter(lambda axis: np.linalg.norm(axis) > 0.1), st.floats(0, 7))
def test_however_oblique_the_three_planes_cut_along_three_axes(axis, angle: float):
    x, y, z = np.array(axis) / np.linalg.norm(axis)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    volume = volume_of(
        np.zeros((4, 5, 6), np.int16), np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    )
    assert {plane_grid(volume, plane).slices[0] for plane in Plane} == {0, 1, 2}
    for plane in Plane:
        grid = plane_grid(volume, plane)
        assert grid.shape == (slice_count(volume, plane), *slice_shape(volume, plane))
        assert sorted((grid.columns[0], grid.rows[0], grid.slices[0])) == [0, 1, 2]


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
    volume = volume_of(np.zeros((4, 5, 6), np.int16), direction)
    grid = plane_grid(volume, plane)
    assert grid.voxel_to_pixel(*grid.pixel_to_voxel(*point)) == pytest.approx(point)


def test_the_hash_names_the_pixels_and_their_shape():
    flat = np.zeros((2, 8, 3), np.uint8)
    assert image_sha256(flat) != image_sha256(flat.reshape(4, 4, 3))
    other = flat.copy()
    other[0, 0, 0] = 1
    assert image_sha256(flat) != image_sha256(other)


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32])
@pytest.mark.parametrize("inverted", [False, True])
def test_the_grey_a_person_sees_is_the_rendered_one_bit_for_bit(dtype, inverted: bool):
    values = np.random.default_rng(4).integers(0, 256, (5, 6, 7))
    spread = values if dtype is np.uint8 else values * 40 - (5000 if np.dtype(dtype).kind != "u" else 0)
    volume = volume_of(spread.astype(dtype), inverted=inverted)
    for plane in Plane:
        renderer = SliceRenderer(volume, plane)
        for window in (None, Window(100.5, 700), Window(-200, 33.25), Window(60, 1)):
            for index in (0, slice_count(volume, plane) - 1):
                assert (renderer.grey(index, window) == renderer.render(index, window)[..., 0]).all()


def test_grey_refuses_colour_and_slices_that_are_not_there():
    with pytest.raises(ScanError, match="colour"):
        SliceRenderer(volume_of(np.zeros((1, 4, 4, 3), np.uint8)), Plane.AXIAL).grey(0)
    with pytest.raises(ScanError, match="slices 0 to 1"):
        SliceRenderer(volume_of(np.zeros((2, 4, 4), np.int16)), Plane.AXIAL).grey(2)
