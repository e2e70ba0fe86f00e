"""Listing a compressed volume unpacks its beginning alone, and names the modality that it opens with."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from engine.scans import ScanError, index_path, read_volume
from engine.scans.first_voxels import FIRST_VOXELS

_SIDE = 256
_COUNT = 3 * FIRST_VOXELS // _SIDE**2


def noise(air: int) -> np.ndarray:
    """(z, y, x) int16 that no packer makes small; `air` on its first slice alone."""
    voxels = np.random.default_rng(1).integers(-500, 500, (_COUNT, _SIDE, _SIDE), np.int16)
    voxels[0, :20] = air
    return voxels


@pytest.mark.parametrize("name", ["a.nii.gz", "a.mha", "a.nrrd", "a.mhd"])
@pytest.mark.parametrize(("air", "modality"), [(-1000, "CT"), (-500, "OT")])
def test_the_beginning_tells_the_modality(tmp_path: Path, name: str, air: int, modality: str):
    path = tmp_path / name
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(noise(air)), path, useCompression=True)
    assert index_path(path).series[0].modality == modality
    assert read_volume(path).modality == modality


@pytest.mark.parametrize("name", ["a.nii.gz", "a.mha", "a.nrrd"])
def test_what_lies_behind_the_beginning_is_not_unpacked(tmp_path: Path, name: str):
    path = tmp_path / name
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(noise(-1000)), path, useCompression=True)
    data = bytearray(path.read_bytes())
    data[len(data) * 3 // 4 : len(data) * 3 // 4 + 2000] = bytes(2000)
    path.write_bytes(data)
    assert index_path(path).series[0].modality == "CT"
    with pytest.raises(ScanError):
        read_volume(path)


@pytest.mark.parametrize("order", ["<", ">"])
def test_slope_and_byte_order_of_nifti_are_minded(tmp_path: Path, order: str):
    """Stored 0 stands for -1024, as many scanners' exports have it."""
    header = bytearray(352)
    struct.pack_into(f"{order}i", header, 0, 348)
    struct.pack_into(f"{order}8h", header, 40, 3, 8, 8, 8, 1, 1, 1, 1)
    struct.pack_into(f"{order}2h", header, 70, 4, 16)
    struct.pack_into(f"{order}8f", header, 76, 1, 1, 1, 1, 1, 1, 1, 1)
    struct.pack_into(f"{order}3f", header, 108, 352, 1, -1024)
    header[344:348] = b"n+1\0"
    voxels = np.arange(512, dtype=f"{order}i2").reshape(8, 8, 8)
    (tmp_path / "a.nii.gz").write_bytes(gzip.compress(bytes(header) + voxels.tobytes()))
    assert read_volume(tmp_path / "a.nii.gz").voxels.min() == -1024
    assert index_path(tmp_path / "a.nii.gz").series[0].modality == "CT"


def test_big_endian_meta_images_are_understood(tmp_path: Path):
    voxels = np.full((4, 4, 4), -1000, ">i2")
    head = (
        "ObjectType = Image\nNDims = 3\nBinaryData = True\nBinaryDataByteOrderMSB = True\nCompressedData = True\n"
        "CompressedDataSize = {0}\nDimSize = 4 4 4\nElementSpacing = 1 1 1\nElementType = MET_SHORT\n"
        "ElementDataFile = LOCAL\n"
    )
    packed = zlib.compress(voxels.tobytes())
    (tmp_path / "a.mha").write_bytes(head.format(len(packed)).encode() + packed)
    assert index_path(tmp_path / "a.mha").series[0].modality == "CT"
    assert read_volume(tmp_path / "a.mha").modality == "CT"


def test_a_small_file_that_is_cut_off_is_no_scan_on_the_list(tmp_path: Path):
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(noise(-1000)[:2]), tmp_path / "a.nii.gz")
    whole = (tmp_path / "a.nii.gz").read_bytes()
    (tmp_path / "a.nii.gz").write_bytes(whole[: len(whole) // 2])
    assert "cut off" in index_path(tmp_path / "a.nii.gz").problems[0].reason
