"""The scan bench measures what it says, on series small enough for a test."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless

from engine.bench.scan import bench_scan
from engine.bench.series import write_series
from engine.scans import read_volume


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, JPEGLSLossless, JPEG2000Lossless])
def test_generated_series_are_whole_stacks_in_every_encoding(tmp_path: Path, syntax):
    volume = read_volume(write_series(tmp_path / "s", 7, 64, syntax))
    assert volume.voxels.shape == (7, 64, 64)
    assert volume.notes == ()
    assert volume.spacing_mm == (0.7, 0.7, 1.0)
    plain = read_volume(write_series(tmp_path / "plain", 7, 64))
    assert np.array_equal(volume.voxels, plain.voxels)


@pytest.mark.slow
def test_a_small_bench_fills_every_row():
    report = bench_scan(files=6, size=64, small_files=8)
    rows = {one.name: one for one in report.rows}
    assert len(rows) == 9
    for name in ("whole series, uncompressed", "whole series, JPEG-LS", "whole series, JPEG 2000"):
        assert rows[name].ratio == pytest.approx(rows[name].peer / rows[name].ours)
    assert rows["first slice, uncompressed"].goal == 0.3
