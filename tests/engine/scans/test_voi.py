"""Windows, sigmoids and tables show what pydicom, an independent reader, makes of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut, apply_voi_lut

from engine.scans import VoiCurve, VoiShape, Window, read_volume, render_slice


def shown_and_expected(path: Path, dataset: Dataset) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Our 8-bit slice, and pydicom's on the same scale."""
    dataset.save_as(path)
    volume = read_volume(path)
    shown = render_slice(volume, volume.plane, 0)[..., 0].astype(float)
    output = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset).astype(float)
    if "VOILUTSequence" in dataset:
        return shown, output / (2 ** int(dataset.VOILUTSequence[0].LUTDescriptor[2]) - 1) * 255
    # pydicom's windows fill the range of the rescaled values.
    slope, intercept = float(dataset.get("RescaleSlope", 1)), float(dataset.get("RescaleIntercept", 0))
    bits, signed = int(dataset.BitsStored), dataset.PixelRepresentation == 1
    low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
    low, high = low * slope + intercept, high * slope + intercept
    return shown, (output - low) / (high - low) * 255


@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
@pytest.mark.parametrize("window", [(40, 400), (-100.5, 33), (300, 2000), (0, 1.5)])
def test_every_function_is_pydicoms(pydicom_files: Path, tmp_path: Path, function: str, window: tuple[float, float]):
    dataset = pydicom.dcmread(pydicom_files / "CT_small.dcm")
    dataset.VOILUTFunction, (dataset.WindowCenter, dataset.WindowWidth) = function, window
    shown, expected = shown_and_expected(tmp_path / "f.dcm", dataset)
    assert np.abs(shown - expected).max() <= 1


@pytest.mark.parametrize("bits", [8, 12, 16])
@pytest.mark.parametrize("first", [-900, 0, 200])
def test_a_table_is_followed_to_the_value(pydicom_files: Path, tmp_path: Path, bits: int, first: int):
    dataset = pydicom.dcmread(pydicom_files / "CT_small.dcm")
    table = Dataset()
    greys = np.random.default_rng(0).integers(0, 2**bits, 700)
    greys[0] = 2**bits - 1
    table.LUTDescriptor = [len(greys), first, bits]
    table["LUTDescriptor"].VR = "SS"
    table.LUTData = greys.tolist()
    table["LUTData"].VR = "US"
    table.LUTExplanation = "WILD"
    dataset.VOILUTSequence = [table]
    for name in ("WindowCenter", "WindowWidth"):
        if name in dataset:
            delattr(dataset, name)
    shown, expected = shown_and_expected(tmp_path / "t.dcm", dataset)
    volume = read_volume(tmp_path / "t.dcm")
    if bits == 8:
        # pydicom counts the entries of an 8-bit table in 8 bits too: PS3.3 C.11.2.1.1 instead.
        expected = greys[np.clip(volume.voxels[0].astype(int) - first, 0, len(greys) - 1)].astype(float)
    assert np.abs(shown - expected).max() <= 1
    assert volume.curve.shape is VoiShape.TABLE
    assert [preset.name for preset in volume.presets] == ["WILD"]
    # The numbers of the window alone bring the same picture back.
    again = render_slice(volume, volume.plane, 0, Window(volume.window.center, volume.window.width))
    assert np.array_equal(again[..., 0], shown)


def test_real_tables_are_followed(shared_data: Path):
    path = shared_data / "dicom" / "pydicom_data" / "data" / "vlut_04.dcm"
    dataset = pydicom.dcmread(path)
    volume = read_volume(path)
    shown = render_slice(volume, volume.plane, 0)[..., 0].astype(float)
    assert volume.curve.shape is VoiShape.TABLE
    values = apply_voi_lut(apply_modality_lut(dataset.pixel_array, dataset), dataset)
    expected = values / (2 ** int(dataset.VOILUTSequence[0].LUTDescriptor[2]) - 1) * 255
    assert np.abs(shown - (255 - expected if volume.inverted else expected)).max() <= 1


def test_all_windows_are_offered_with_their_names(pydicom_files: Path, tmp_path: Path):
    dataset = pydicom.dcmread(pydicom_files / "CT_small.dcm")
    dataset.WindowCenter, dataset.WindowWidth = ["-600", "40", "1"], ["1500", "400", "0"]
    dataset.WindowCenterWidthExplanation = ["LUNG", "SOFT"]
    dataset.save_as(tmp_path / "w.dcm")
    volume = read_volume(tmp_path / "w.dcm")
    assert [(one.name, one.window.center, one.window.width) for one in volume.presets] == [
        ("LUNG", -600, 1500),
        ("SOFT", 40, 400),
    ]
    assert volume.window == volume.presets[0].window


def test_monochrome1_turns_a_sigmoid_round(pydicom_files: Path, tmp_path: Path):
    dataset = pydicom.dcmread(pydicom_files / "CT_small.dcm")
    dataset.VOILUTFunction, dataset.WindowCenter, dataset.WindowWidth = "SIGMOID", 40, 400
    dataset.save_as(tmp_path / "plain.dcm")
    dataset.PhotometricInterpretation = "MONOCHROME1"
    dataset.save_as(tmp_path / "turned.dcm")
    plain, turned = (read_volume(tmp_path / name) for name in ("plain.dcm", "turned.dcm"))
    both = render_slice(plain, plain.plane, 0).astype(int) + render_slice(turned, turned.plane, 0)
    assert np.abs(both - 255).max() <= 1


@given(
    st.sampled_from([VoiShape.LINEAR, VoiShape.LINEAR_EXACT, VoiShape.SIGMOID]),
    st.floats(-1e4, 1e4),
    st.floats(0.01, 1e5),
)
def test_greys_rise_from_black_to_white(shape: VoiShape, center: float, width: float):
    values = np.concatenate([[-1e30], np.linspace(-2e5, 2e5, 999), [1e30]])
    greys = VoiCurve(shape).greys(values, center, width)
    assert greys[0] < 1e-6
    assert greys[-1] > 1 - 1e-6
    assert (np.diff(greys) >= 0).all()
