"""Pixel to patient and back, on a real oblique series, against SimpleITK."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from engine.scans import Plane, Volume, Window, plane_grid, read_volume, render_slice
from engine.scans.frame_of_reference import frame_of_reference_uid
from engine.scans.positions import (
    intersection_line,
    patient_to_pixel,
    pixel_to_patient,
    slice_normal,
    slice_values,
)


@pytest.fixture(scope="module")
def oblique(shared_data: Path) -> Volume:
    """A sagittal T1 series, turned 15 degrees about the patient's left-right axis."""
    return read_volume(shared_data / "dicom" / "series_mr_sagittal_t1")


def as_sitk(volume: Volume) -> SimpleITK.Image:
    image = SimpleITK.Image(*volume.voxels.shape[::-1], SimpleITK.sitkUInt8)
    image.SetSpacing(volume.spacing_mm)
    image.SetOrigin(volume.origin_mm)
    image.SetDirection(volume.direction.ravel().tolist())
    return image


def test_a_place_in_an_oblique_scan_is_the_voxel_that_simpleitk_names(oblique):
    image = as_sitk(oblique)
    for voxel in ((0, 0, 0), (100.25, 200.5, 31.75), (255, 255, 95)):
        point = image.TransformContinuousIndexToPhysicalPoint(voxel)
        assert oblique.patient_to_pixel(*point) == pytest.approx(voxel, abs=1e-6)


@pytest.mark.parametrize("plane", list(Plane))
def test_pixels_of_every_plane_of_an_oblique_scan_come_back_from_the_patient(oblique, plane):
    image = as_sitk(oblique)
    count, height, width = plane_grid(oblique, plane).shape
    for x, y, index in ((0, 0, 0), (width - 1, height - 1, count - 1), (12.5, 40.25, 7)):
        point = pixel_to_patient(oblique, plane, x, y, index)
        assert patient_to_pixel(oblique, plane, point) == pytest.approx((x, y, index), abs=1e-6)
        voxel = plane_grid(oblique, plane).pixel_to_voxel(x, y, index)
        assert point == pytest.approx(image.TransformContinuousIndexToPhysicalPoint(voxel), abs=1e-6)


@pytest.mark.parametrize("plane", list(Plane))
def test_the_values_under_the_cursor_are_those_of_the_rendered_pixels(oblique, plane):
    window = Window(300, 600)
    index = plane_grid(oblique, plane).shape[0] // 2
    values = slice_values(oblique, plane, index).astype(float)
    grey = render_slice(oblique, plane, index, window)[..., 0]
    expected = np.clip((values - (window.center - 0.5)) / (window.width - 1) + 0.5, 0, 1) * 255
    assert np.abs(expected - grey).max() <= 1


def test_the_reference_line_lies_in_both_slices(oblique):
    cases = [(Plane.SAGITTAL, 40, Plane.AXIAL, 100), (Plane.CORONAL, 90, Plane.SAGITTAL, 20)]
    for plane, index, other, other_index in cases:
        line = intersection_line(oblique, plane, index, oblique, other, other_index)
        assert line is not None
        for x, y in line:
            seen = patient_to_pixel(oblique, other, pixel_to_patient(oblique, plane, x, y, index))
            assert seen[2] == pytest.approx(other_index, abs=1e-6)


def test_the_reference_line_of_an_upright_scan_crosses_an_oblique_one_aslant(oblique):
    """Another scan in the same patient, whose axes are the patient's own."""
    middle = oblique.pixel_to_patient(128, 128, 48)
    upright = Volume(
        np.zeros((4, 4, 4), np.int16), (1.0, 1.0, 1.0), middle, np.eye(3), "MR", Window(1, 2), Path("upright")
    )
    line = intersection_line(oblique, Plane.SAGITTAL, 48, upright, Plane.AXIAL, 0)
    assert line is not None
    ends = [pixel_to_patient(oblique, Plane.SAGITTAL, *end, 48) for end in line]
    assert [end[2] for end in ends] == pytest.approx([middle[2]] * 2, abs=1e-6)
    (x1, y1), (x2, y2) = line
    # Columns run along (0.96 posterior, 0.26 superior): level ground is 15 degrees off the picture's rows.
    assert abs(np.degrees(np.arctan2(y2 - y1, x2 - x1))) % 180 == pytest.approx(14.9, abs=0.5)


def test_parallel_slices_have_no_reference_line(oblique):
    assert intersection_line(oblique, Plane.SAGITTAL, 1, oblique, Plane.SAGITTAL, 2) is None


def test_normals_point_to_the_next_slice(oblique):
    for plane in Plane:
        here, there = (np.array(pixel_to_patient(oblique, plane, 0, 0, index)) for index in (0, 1))
        assert slice_normal(oblique, plane) @ (there - here) > 0


def test_the_frame_of_reference_is_the_files(oblique, shared_data):
    assert frame_of_reference_uid(oblique).startswith("1.3.12.2.1107.5.2.19.45152")
    nifti = read_volume(shared_data / "volumes" / "totalsegmentator" / "example_ct_sm.nii.gz")
    assert frame_of_reference_uid(nifti) == ""
