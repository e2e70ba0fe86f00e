"""Mutated real files are shown or refused: nothing else escapes, nothing hangs."""

from __future__ import annotations

import random
import time
from pathlib import Path

import numpy as np
import pytest
import SimpleITK
from PIL import Image

from engine.scans import Plane, ScanError, index_path, read_volume, render_slice

_DICOM = ("CT_small", "MR_small_RLE", "MR_small_jp2klossless", "SC_rgb_jpeg_gdcm", "examples_palette", "rtdose")
_MUTATIONS = 40


def mutate(content: bytes, rng: random.Random) -> bytes:
    """Overwrite, cut out or insert bytes, mostly in the header, where the lies are."""
    data = bytearray(content)
    reach = min(len(data), rng.choice([400, 2000, len(data)]))
    for _ in range(rng.choice([1, 2, 5, 20])):
        place = rng.randrange(reach)
        match rng.randrange(4):
            case 0:
                data[place : place + 1] = rng.randbytes(1)
            case 1:
                data[place : place + 4] = rng.choice([b"\xff" * 4, b"\0" * 4, b"\xff\xff\xff\x7f"])
            case 2:
                del data[place : place + rng.randrange(1, 40)]
            case 3:
                data[place:place] = rng.randbytes(rng.randrange(1, 20))
    return bytes(data[: rng.randrange(len(data))] if rng.random() < 0.1 else data)


def plain_files(folder: Path) -> list[Path]:
    """One small file of each other format."""
    ramp = np.arange(600, dtype=np.uint16).reshape(20, 30)
    for name in ("a.png", "a.tif"):
        Image.fromarray(ramp).save(folder / name)
    Image.fromarray(ramp.astype(np.uint8)).save(folder / "a.jpg")
    volume = SimpleITK.GetImageFromArray(ramp.reshape(6, 10, 10))
    for name in ("a.nii", "a.nii.gz", "a.nrrd", "a.mha"):
        SimpleITK.WriteImage(volume, folder / name)
    return sorted(folder.iterdir())


@pytest.mark.parametrize("seed", range(3))
def test_mutated_files_are_shown_or_refused_by_name(pydicom_files: Path, tmp_path: Path, seed: int):
    rng = random.Random(seed)
    (tmp_path / "whole").mkdir()
    sources = [pydicom_files / f"{name}.dcm" for name in _DICOM] + plain_files(tmp_path / "whole")
    refused = 0
    for source in sources:
        path = tmp_path / f"mutated{''.join(source.suffixes)}"
        for _ in range(_MUTATIONS):
            path.write_bytes(mutate(source.read_bytes(), rng))
            began = time.monotonic()
            assert len(index_path(path).problems) <= 1
            try:
                volume = read_volume(path)
                for plane in Plane if volume.has_geometry else [volume.plane]:
                    render_slice(volume, plane, 0)
            except ScanError as error:
                refused += path.name in str(error)
            assert time.monotonic() - began < 10
    assert refused > 20
