"""Overlay planes come as masks on the grid of their slice."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from engine.scans import read_overlays, read_volume


def test_a_real_overlay_is_pydicoms(pydicom_files: Path):
    path = pydicom_files / "examples_overlay.dcm"
    volume = read_volume(path)
    (overlay,) = read_overlays(volume, 0)
    assert volume.has_overlays
    assert np.array_equal(overlay.mask, pydicom.dcmread(path).overlay_array(0x6000) > 0)
    assert overlay.mask.any()


def test_a_scan_without_overlays_has_none(pydicom_files: Path):
    volume = read_volume(pydicom_files / "CT_small.dcm")
    assert not volume.has_overlays
    assert read_overlays(volume, 0) == ()


@pytest.mark.parametrize("origin", [(1, 1), (3, 5), (-2, -1), (120, 126), (500, 500)])
def test_an_overlay_lies_where_its_origin_says(pydicom_files: Path, tmp_path: Path, origin: tuple[int, int]):
    dataset = pydicom.dcmread(pydicom_files / "CT_small.dcm")
    plane = np.random.default_rng(0).integers(0, 2, (9, 11), np.uint8)
    dataset.add_new((0x6002, 0x0010), "US", 9)
    dataset.add_new((0x6002, 0x0011), "US", 11)
    dataset.add_new((0x6002, 0x0040), "CS", "R")
    dataset.add_new((0x6002, 0x0050), "SS", list(origin))
    dataset.add_new((0x6002, 0x1500), "LO", "lesion")
    packed = np.packbits(plane.ravel(), bitorder="little").tobytes()
    dataset.add_new((0x6002, 0x3000), "OW", packed + b"\0" * (len(packed) % 2))
    dataset.save_as(tmp_path / "o.dcm")
    (overlay,) = read_overlays(read_volume(tmp_path / "o.dcm"), 0)
    expected = np.zeros((128, 128), bool)
    for y, x in np.argwhere(plane):
        at = (y + origin[0] - 1, x + origin[1] - 1)
        if min(at) >= 0 and max(at) < 128:
            expected[at] = True
    assert np.array_equal(overlay.mask, expected)
    assert (overlay.label, overlay.is_roi) == ("lesion", True)


def test_an_overlay_in_unused_bits_is_no_value(pydicom_files: Path, tmp_path: Path):
    dataset = pydicom.dcmread(pydicom_files / "MR_small.dcm")
    values = dataset.pixel_array.astype(np.int16) % 2048
    plane = np.random.default_rng(1).integers(0, 2, values.shape).astype(np.uint16)
    dataset.BitsStored, dataset.HighBit = 12, 11
    dataset.PixelData = (values.astype(np.uint16) | plane << 14).tobytes()
    dataset.add_new((0x6000, 0x0010), "US", values.shape[0])
    dataset.add_new((0x6000, 0x0011), "US", values.shape[1])
    dataset.add_new((0x6000, 0x0050), "SS", [1, 1])
    dataset.add_new((0x6000, 0x0102), "US", 14)
    dataset.save_as(tmp_path / "bits.dcm")
    volume = read_volume(tmp_path / "bits.dcm")
    assert np.array_equal(volume.voxels[0], values)
    assert np.array_equal(read_overlays(volume, 0)[0].mask, plane == 1)


def test_an_impossible_overlay_is_left_out(pydicom_files: Path, tmp_path: Path):
    dataset = pydicom.dcmread(pydicom_files / "CT_small.dcm")
    dataset.add_new((0x6000, 0x0010), "US", 60000)
    dataset.add_new((0x6000, 0x0011), "US", 60000)
    dataset.add_new((0x6000, 0x0050), "SS", [1, 1])
    dataset.add_new((0x6000, 0x3000), "OW", b"\1\0")
    dataset.save_as(tmp_path / "lie.dcm")
    assert read_overlays(read_volume(tmp_path / "lie.dcm"), 0) == ()
