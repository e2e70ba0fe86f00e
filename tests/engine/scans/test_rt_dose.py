"""RT Dose is shown in gray, or as a share of a reference, as its grid scaling says (PS3.3 C.8.8.3)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from engine.scans import VoiShape, Window, read_volume, render_slice


@pytest.fixture
def dose(pydicom_files: Path) -> pydicom.Dataset:
    return pydicom.dcmread(pydicom_files / "rtdose.dcm")


@pytest.mark.parametrize("name", ["rtdose", "rtdose_expb", "rtdose_rle"])
def test_the_grid_scaling_is_applied_in_every_encoding(pydicom_files: Path, name: str):
    path = pydicom_files / f"{name}.dcm"
    if not path.is_file():
        pytest.skip("not among the files that this pydicom brings")
    dataset, volume = pydicom.dcmread(path), read_volume(path)
    expected = dataset.pixel_array * float(dataset.DoseGridScaling)
    assert volume.voxels == pytest.approx(expected, rel=1e-6)
    assert volume.units == "relative"


def test_a_single_plane_of_16_bits_is_scaled_too(tmp_path: Path, dose: pydicom.Dataset):
    """Its pixels could be taken straight from the file, which would pass the scaling by."""
    stored = np.arange(100, dtype=np.uint16).reshape(10, 10)
    dose.update({"NumberOfFrames": 1, "BitsAllocated": 16, "BitsStored": 16, "HighBit": 15, "Rows": 10, "Columns": 10})
    del dose.GridFrameOffsetVector, dose.NumberOfFrames
    dose.DoseUnits, dose.DoseGridScaling, dose.PixelData = "GY", "0.25", stored.tobytes()
    dose.save_as(tmp_path / "dose.dcm")
    volume = read_volume(tmp_path / "dose.dcm")
    assert volume.voxels[0] == pytest.approx(stored * 0.25)
    assert volume.units == "Gy"


def test_it_is_shown_from_none_to_the_highest_dose(pydicom_files: Path):
    volume = read_volume(pydicom_files / "rtdose.dcm")
    highest = float(volume.voxels.max())
    assert volume.window == Window(highest / 2, highest)
    assert volume.curve.shape is VoiShape.LINEAR_EXACT
    z, y, x = np.unravel_index(np.argmax(volume.voxels), volume.voxels.shape)
    assert render_slice(volume, volume.plane, int(z))[y, x, 0] == 255


def test_without_a_scaling_no_unit_is_claimed(tmp_path: Path, dose: pydicom.Dataset):
    del dose.DoseGridScaling
    dose.save_as(tmp_path / "dose.dcm")
    volume = read_volume(tmp_path / "dose.dcm")
    assert volume.units == ""
    assert np.array_equal(volume.voxels, dose.pixel_array)
