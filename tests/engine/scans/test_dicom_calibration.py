"""Images without a place in the patient are measured in mm where they say their scale."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from engine.scans import Plane, Volume, read_volume
from engine.scans.dicom_calibration import PixelSize, pixel_size
from engine.scans.measuring import angle_degrees, length


def region(x_cm: float, y_cm: float, kind: int = 1, units: int = 3) -> Dataset:
    one = Dataset()
    one.RegionSpatialFormat = kind
    one.PhysicalUnitsXDirection = one.PhysicalUnitsYDirection = units
    one.PhysicalDeltaX, one.PhysicalDeltaY = x_cm, y_cm
    return one


def rewritten(pydicom_files: Path, folder: Path, name: str, **elements: object) -> Volume:
    dataset = pydicom.dcmread(pydicom_files / name)
    for key, value in elements.items():
        setattr(dataset, key, value)
    dataset.save_as(folder / "x.dcm")
    return read_volume(folder / "x.dcm")


@pytest.mark.parametrize("name", ["examples_ybr_color.dcm", "examples_palette.dcm"])
def test_a_real_ultrasound_is_measured_in_mm_without_a_place_in_the_patient(pydicom_files: Path, name: str):
    volume = read_volume(pydicom_files / name)
    step = pydicom.dcmread(pydicom_files / name).SequenceOfUltrasoundRegions[0].PhysicalDeltaX * 10
    assert volume.has_spacing
    assert not volume.has_geometry
    assert volume.spacing_mm == pytest.approx((step, step, 1))
    assert length(volume, Plane.AXIAL, (10, 10), (110, 10)) == pytest.approx(100 * step)


@pytest.mark.parametrize(
    ("regions", "expected"),
    [
        ([region(0.02, 0.03)], PixelSize((0.2, 0.3), True)),
        ([region(0.02, -0.03)], PixelSize((0.2, 0.3), True)),
        ([region(0.02, 0.03), region(0.02, 0.03)], PixelSize((0.2, 0.3), True)),
        ([region(0.02, 0.03), region(0.01, 0.0, kind=4, units=4)], PixelSize((0.2, 0.3), True)),
        ([region(0.02, 0.03), region(0.04, 0.03)], PixelSize((1.0, 1.0), False)),
        ([region(0.02, 0.03), region(0.02, 0.03, kind=2)], PixelSize((1.0, 1.0), False)),
        ([region(0.02, 0.03, units=4)], PixelSize((1.0, 1.0), False)),
        ([region(0.0, 0.03)], PixelSize((1.0, 1.0), False)),
        ([], PixelSize((1.0, 1.0), False)),
    ],
)
def test_regions_count_where_all_say_one_scale(regions: list[Dataset], expected: PixelSize):
    dataset = Dataset()
    dataset.SequenceOfUltrasoundRegions = regions
    found = pixel_size(dataset)
    assert found.is_known is expected.is_known
    assert found.spacing_mm == pytest.approx(expected.spacing_mm)


def test_an_aspect_ratio_shapes_the_picture_and_its_angles_but_tells_no_mm(pydicom_files: Path, tmp_path: Path):
    volume = rewritten(
        pydicom_files, tmp_path, "examples_ybr_color.dcm", SequenceOfUltrasoundRegions=[], PixelAspectRatio=[4, 3]
    )
    assert not volume.has_spacing
    assert volume.spacing_mm == pytest.approx((1, 4 / 3, 1))
    assert angle_degrees(volume, Plane.AXIAL, (4, 0), (0, 0), (4, 3)) == pytest.approx(45)


def test_pixel_spacing_without_a_place_is_known_unless_it_is_the_detectors(pydicom_files: Path, tmp_path: Path):
    name = "examples_ybr_color.dcm"
    volume = rewritten(pydicom_files, tmp_path, name, PixelSpacing=[0.4, 0.2])
    assert (volume.has_spacing, volume.spacing_mm) == (True, (0.2, 0.4, 1.0))
    volume = rewritten(pydicom_files, tmp_path, name, PixelSpacing=[0.4, 0.2], ImagerPixelSpacing=[0.4, 0.2])
    assert (volume.has_spacing, volume.spacing_mm) == (False, (1.0, 2.0, 1.0))
    volume = rewritten(pydicom_files, tmp_path, name, PixelSpacing=[0.4, 0.2], ImagerPixelSpacing=[0.5, 0.25])
    assert (volume.has_spacing, volume.spacing_mm) == (True, (0.2, 0.4, 1.0))
