"""One slice at once, the others in the background, in bounded memory."""

from __future__ import annotations

import os
import shutil
import threading
import warnings
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import JPEG2000Lossless, JPEGLSLossless

from engine.bench.series import write_series
from engine.progress import Cancelled
from engine.scans import NoteKind, ScanError, VolumeLoader, index_path, read_volume, render_slice
from engine.scans import index as index_module
from engine.scans.dicom_header import read_header


class StopAfter:
    """A person who loses patience."""

    def __init__(self, calls: int) -> None:
        self.calls = calls
        self.reported: list[int] = []

    def report(self, done: int, total: int, what: str) -> None:
        if what == "reading slices":
            self.reported.append(done)

    def cancelled(self) -> bool:
        return len(self.reported) >= self.calls


@pytest.fixture
def series(phantom_series: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(phantom_series / "dicom", tmp_path / "series"))


@pytest.fixture(scope="module")
def compressed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The same pixels in three encodings."""
    root = tmp_path_factory.mktemp("compressed")
    plain = write_series(root / "plain", 20, 96)
    return {
        "plain": plain,
        "jls": write_series(root / "jls", 20, 96, JPEGLSLossless),
        "j2k": write_series(root / "j2k", 20, 96, JPEG2000Lossless),
    }


def test_the_middle_slice_is_there_at_once_with_geometry_and_window(series: Path):
    whole = read_volume(series)
    loader = VolumeLoader(series)
    volume = loader.open()
    assert loader.loaded.sum() == 1
    assert loader.loaded[len(whole.voxels) // 2]
    assert volume.voxels.shape == whole.voxels.shape
    assert (volume.origin_mm, volume.spacing_mm, volume.window) == (whole.origin_mm, whole.spacing_mm, whole.window)
    shown = render_slice(volume, volume.plane, loader.wanted)
    assert np.array_equal(shown, render_slice(whole, whole.plane, loader.wanted))


def test_a_listed_scan_is_read_from_its_own_files_alone(series: Path, tmp_path: Path, monkeypatch):
    """Two series, one of them of two stacks, in one flat folder."""
    other = pydicom.dcmread(sorted(series.glob("*.dcm"))[0])
    for number, (uid, rows) in enumerate([("1.2.9", 8), ("1.2.9", 4), ("1.2.9", 4)]):
        other.SeriesInstanceUID, other.SOPInstanceUID = uid, f"1.2.9.{number}"
        other.Rows = other.Columns = rows
        other.PixelData = bytes(rows * rows * 2)
        other.ImagePositionPatient = [0, 0, number]
        other.save_as(series / f"other{number}.dcm")
    entries = index_path(series).series
    assert len(entries) == 3
    read = []
    monkeypatch.setattr(index_module, "read_header", lambda path: read.append(path) or read_header(path))
    for entry in entries:
        read.clear()
        volume = VolumeLoader.of_entry(entry).load()
        assert set(read) <= set(entry.files)
        whole = read_volume(entry.path, entry.series_uid)
        assert (volume.source, volume.series_uid) == (whole.source, whole.series_uid) == (entry.path, entry.series_uid)
        assert np.array_equal(volume.voxels, whole.voxels)


def test_the_slice_that_is_asked_for_comes_first(series: Path):
    loader = VolumeLoader(series, first=3)
    loader.open()
    assert np.flatnonzero(loader.loaded).tolist() == [3]


def test_the_slices_near_to_the_wanted_one_come_next(series: Path):
    loader = VolumeLoader(series, first=0)
    loader.open()
    loader.wanted = 10
    with pytest.raises(Cancelled):
        loader.load(StopAfter(3))
    assert set(np.flatnonzero(loader.loaded)) <= {0, *range(7, 14)}
    assert loader.loaded.sum() == 5


def test_a_cancelled_load_goes_on_where_it_stopped(series: Path):
    whole = read_volume(series)
    loader = VolumeLoader(series)
    with pytest.raises(Cancelled):
        loader.load(StopAfter(4))
    before = loader.loaded
    assert 0 < before.sum() < len(before)
    patient = StopAfter(10**6)
    assert np.array_equal(loader.load(patient).voxels, whole.voxels)
    assert loader.loaded.all()
    assert len(patient.reported) == len(before) - before.sum()


def test_slices_shown_before_keep_their_values_when_the_voxel_type_grows(series: Path):
    files = sorted(series.iterdir())
    dataset = pydicom.dcmread(files[0])
    dataset.RescaleIntercept = 100_000
    dataset.save_as(files[0])
    loader = VolumeLoader(series)
    first = loader.open()
    shown = first.voxels[loader.wanted].copy()
    volume = loader.load()
    assert first.voxels.dtype == np.int16
    assert volume.voxels.dtype == np.int32
    assert loader.volume is volume
    assert np.array_equal(volume.voxels[loader.wanted], shown)


def test_a_big_volume_is_kept_in_a_file_without_a_name(series: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    before = sorted(tmp_path.iterdir())
    volume = VolumeLoader(series, in_memory_bytes=1000).load()
    assert sorted(tmp_path.iterdir()) == before
    assert np.array_equal(volume.voxels, read_volume(series).voxels)
    maps = Path("/proc/self/maps")
    if maps.exists():
        assert str(tmp_path) in maps.read_text(encoding="utf-8")
    render_slice(volume, volume.plane, 0)


def test_no_room_for_a_big_volume_is_said(series: Path, monkeypatch: pytest.MonkeyPatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full, raising=False)
    with pytest.raises(ScanError, match="no room for"):
        VolumeLoader(series, in_memory_bytes=1000).open()


@pytest.mark.parametrize("name", ["jls", "j2k"])
def test_threads_decode_the_uncompressed_values(compressed: dict[str, Path], name: str):
    plain, packed = read_volume(compressed["plain"]), read_volume(compressed[name])
    assert np.array_equal(plain.voxels, packed.voxels)
    assert plain.voxels.min() < 0


@pytest.mark.parametrize("name", ["jls", "j2k"])
def test_a_broken_frame_costs_only_its_own_slice(compressed: dict[str, Path], tmp_path: Path, name: str):
    folder = Path(shutil.copytree(compressed[name], tmp_path / "broken"))
    victim = sorted(folder.iterdir())[3]
    dataset = pydicom.dcmread(victim)
    frame = next(generate_frames(dataset.PixelData, number_of_frames=1))
    dataset.PixelData = encapsulate([frame[:60]])
    dataset.save_as(victim)
    whole = read_volume(compressed["plain"])
    volume = read_volume(folder)
    (said,) = volume.notes
    assert said.kind is NoteKind.UNREADABLE_SLICES
    assert dict(said.values)["count"] == "1"
    assert victim.name in str(dict(said.values)["reason"])
    assert (volume.voxels == whole.voxels).all(axis=(1, 2)).sum() == len(whole.voxels) - 1


@pytest.mark.parametrize("name", ["jls", "j2k"])
def test_a_cancelled_load_leaves_no_thread_and_goes_on(compressed: dict[str, Path], name: str):
    loader = VolumeLoader(compressed[name])
    before = threading.active_count()
    with pytest.raises(Cancelled):
        loader.load(StopAfter(3))
    assert threading.active_count() == before
    assert loader.loaded.sum() == 5
    assert np.array_equal(loader.load().voxels, read_volume(compressed["plain"]).voxels)


def test_warnings_are_as_before_after_threads_decoded(compressed: dict[str, Path]):
    before = list(warnings.filters)
    read_volume(compressed["jls"])
    assert list(warnings.filters) == before


def test_other_formats_are_whole_at_once(shared_data: Path):
    loader = VolumeLoader(shared_data / "volumes" / "pyradiomics" / "brain1_image.nrrd")
    volume = loader.open()
    assert loader.loaded.all()
    assert loader.load() is volume
