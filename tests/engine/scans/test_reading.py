"""Real files become volumes with the geometry they have, or a clear refusal."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import pydicom
import pytest

from engine.scans import ScanError, Window, index_path, read_volume, render_slice


def test_a_single_ct_has_hounsfield_units(pydicom_files: Path):
    volume = read_volume(pydicom_files / "CT_small.dcm")
    dataset = pydicom.dcmread(pydicom_files / "CT_small.dcm")
    expected = dataset.pixel_array * float(dataset.RescaleSlope) + float(dataset.RescaleIntercept)
    assert np.array_equal(volume.voxels[0], expected)
    assert volume.modality == "CT"
    assert volume.window == Window(40, 400)


def test_colour_and_multi_frame_ultrasound(pydicom_files: Path):
    still = read_volume(pydicom_files / "examples_rgb_color.dcm")
    moving = read_volume(pydicom_files / "examples_ybr_color.dcm")
    assert (still.voxels.shape, still.modality) == ((1, 240, 320, 3), "US")
    assert moving.voxels.shape == (30, 240, 320, 3)
    assert moving.window is None


@pytest.mark.parametrize(
    "name", ["MR_truncated.dcm", "rtplan.dcm", "reportsi.dcm", "test-SR.dcm", "badVR.dcm", "waveform_ecg.dcm"]
)
def test_what_cannot_be_shown_is_refused_by_name(pydicom_files: Path, name: str):
    with pytest.raises(ScanError, match=name.replace(".", r"\.")):
        read_volume(pydicom_files / name)


def test_every_bundled_file_is_shown_or_refused(pydicom_files: Path):
    shown = 0
    for path in sorted(pydicom_files.glob("*.dcm")):
        refused = ""
        try:
            volume = read_volume(path)
            rgb = render_slice(volume, volume.plane, 0)
        except ScanError as error:
            refused = str(error)
        if refused:
            assert path.name in refused
        else:
            assert rgb.shape == (*volume.voxels.shape[1:3], 3)
            shown += 1
    assert shown >= 40


def test_a_lying_header_does_not_allocate(pydicom_files: Path, tmp_path: Path):
    dataset = pydicom.dcmread(pydicom_files / "CT_small.dcm")
    dataset.Rows = dataset.Columns = 60_000
    dataset.save_as(tmp_path / "liar.dcm")
    with pytest.raises(ScanError, match=r"liar\.dcm"):
        read_volume(tmp_path / "liar.dcm")


def test_a_pipe_is_refused_without_waiting_for_it(tmp_path: Path):
    os.mkfifo(tmp_path / "pipe.dcm")
    with pytest.raises(ScanError, match="not a file"):
        read_volume(tmp_path / "pipe.dcm")


def test_one_bad_file_does_not_hide_the_rest(pydicom_files: Path, tmp_path: Path):
    shutil.copy(pydicom_files / "CT_small.dcm", tmp_path)
    (tmp_path / "broken.dcm").write_bytes(b"\0" * 128 + b"DICM" + b"\xff" * 50)
    (tmp_path / "notes.txt").write_text("hello", encoding="utf-8")
    index = index_path(tmp_path)
    assert [entry.modality for entry in index.series] == ["CT"]
    assert {problem.path.name for problem in index.problems} == {"broken.dcm", "notes.txt"}


def test_a_folder_with_two_series_asks_which(pydicom_files: Path, tmp_path: Path):
    for name in ("CT_small.dcm", "MR_small.dcm"):
        shutil.copy(pydicom_files / name, tmp_path)
    with pytest.raises(ScanError, match="holds 2 scans"):
        read_volume(tmp_path)
    uid = next(entry.series_uid for entry in index_path(tmp_path).series if entry.modality == "MR")
    assert read_volume(tmp_path, uid).modality == "MR"


@pytest.mark.parametrize("name", ["a.png", "a.nii.gz", "a.nrrd", "a.dcm"])
def test_nonsense_is_refused_by_name(tmp_path: Path, name: str):
    (tmp_path / name).write_bytes(b"nonsense" * 100)
    with pytest.raises(ScanError, match=name.replace(".", r"\.")):
        read_volume(tmp_path / name)


def test_what_does_not_exist_is_named(tmp_path: Path):
    with pytest.raises(ScanError, match="does not exist"):
        read_volume(tmp_path / "gone")


def test_what_a_broken_file_says_is_not_logged(pydicom_files: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture):
    content = (pydicom_files / "CT_small.dcm").read_bytes().replace(b"CompressedSamples^CT1", b"Secret^Name^^^^^^^^^^")
    (tmp_path / "odd.dcm").write_bytes(content.replace(b"1CT1", b"1\xff\xfe1"))
    broken = content.replace(b"1.3.6.1.4.1.5962.1.1.1.1.1.20040119072730.12322", b"Secret^Name" + b"^" * 36)
    (tmp_path / "bad.dcm").write_bytes(broken)
    index_path(tmp_path)
    for name in ("odd.dcm", "bad.dcm"):
        read_volume(tmp_path / name)
    assert caplog.text == ""
    assert "Secret" not in repr(read_volume(tmp_path / "odd.dcm"))
