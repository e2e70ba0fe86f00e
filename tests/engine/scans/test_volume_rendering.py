"""The 3-D drawing, looked at: what is bright, and on which side."""

from __future__ import annotations

import multiprocessing
import os
import signal
import struct
from pathlib import Path

import numpy as np
import pytest

from engine.scans import ScanError, Volume, Window, read_volume
from engine.scans.volume_process import VolumeProcess, _draw
from engine.scans.volume_rendering import Sight, VolumePreset, thin_out, volume_presets


def bone_at_left(direction: np.ndarray | None = None) -> Volume:
    """Air with a block of bone in the last quarter of the x axis, near the end of the z axis."""
    voxels = np.full((24, 32, 40), -1000, np.int16)
    voxels[16:22, 8:24, 30:38] = 900
    turned = np.eye(3) if direction is None else direction
    return Volume(voxels, (2.0, 2.0, 3.0), (0.0, 0.0, 0.0), turned, "CT", Window(40, 400), Path("block"))


@pytest.fixture(scope="module")
def process():
    one = VolumeProcess(thin_out(bone_at_left()))
    yield one
    one.close()


def bright(picture: np.ndarray) -> tuple[float, float]:
    """(x, y) of the middle of what is drawn, as shares of the picture."""
    rows, columns = np.nonzero(picture.max(axis=2) > 60)
    assert rows.size > 20
    return columns.mean() / picture.shape[1], rows.mean() / picture.shape[0]


def test_from_the_front_the_patients_left_is_on_the_right_and_the_head_is_up(process):
    x, y = bright(process.render(Sight(), 200, 160))
    assert x > 0.6
    assert y < 0.45


def test_from_behind_the_patients_left_is_on_the_left(process):
    x, _ = bright(process.render(Sight(azimuth=180), 200, 160))
    assert x < 0.4


def test_an_axis_that_runs_to_the_patients_right_is_drawn_there():
    process = VolumeProcess(thin_out(bone_at_left(np.diag([-1.0, -1.0, 1.0]))))
    try:
        x, y = bright(process.render(Sight(), 200, 160))
    finally:
        process.close()
    assert x < 0.4
    assert y < 0.45


def test_zoom_makes_it_larger_and_a_coarse_picture_shows_the_same(process):
    def size(sight: Sight) -> int:
        return int((process.render(sight, 200, 160).max(axis=2) > 20).sum())

    once = size(Sight())
    assert size(Sight(zoom=1.5)) > 1.5 * once
    assert size(Sight(coarse=True)) == pytest.approx(once, rel=0.35)


def test_a_drawing_process_that_ends_is_an_error_that_says_so():
    process = VolumeProcess(thin_out(bone_at_left()))
    os.kill(process.pid, signal.SIGKILL)
    with pytest.raises(ScanError, match="ended"):
        process.render(Sight(), 64, 64)
    process.close()


def test_a_large_scan_is_thinned_out_and_keeps_its_size(shared_data: Path):
    volume = read_volume(shared_data / "dicom" / "series_mr_sagittal_t1")
    grid = thin_out(volume, max_voxels=500_000)
    assert grid.values.size <= 500_000
    kept = np.array(grid.values.shape[::-1]) * grid.spacing_mm
    whole = np.array(volume.voxels.shape[::-1]) * volume.spacing_mm
    assert np.abs(kept - whole).max() <= max(grid.spacing_mm)
    assert volume_presets(volume.modality) == (VolumePreset.MR,)


def test_colour_and_flat_pictures_are_refused():
    flat = Volume(np.zeros((1, 8, 8), np.uint8), (1.0, 1.0, 1.0), (0.0, 0.0, 0.0), np.eye(3), "CR", None, Path("flat"))
    with pytest.raises(ScanError, match="flat"):
        thin_out(flat)


def test_the_child_ends_quietly_when_its_parent_dies_in_the_middle_of_a_message():
    ours, theirs = multiprocessing.Pipe()
    # The length of a message of which no more comes.
    os.write(ours.fileno(), struct.pack("!i", 100) + b"begun")
    ours.close()
    _draw(theirs)
