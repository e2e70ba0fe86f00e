"""Zip archives and DICOMDIRs open like folders, and cannot reach out of them."""

from __future__ import annotations

import shutil
import stat
import zipfile
from pathlib import Path

import numpy as np
import pydicom
import pytest

from engine.scans import ScanError, archive, index_path, read_volume


def zip_of(folder: Path, path: Path, compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as out:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                out.write(file, Path("study of someone") / file.relative_to(folder))
    return path


def test_a_series_in_a_zip_is_the_series(phantom_series: Path, tmp_path: Path):
    path = zip_of(phantom_series / "dicom", tmp_path / "ct.zip")
    (entry,) = index_path(path).series
    assert entry.path == path
    expected = read_volume(phantom_series / "dicom")
    for uid in ("", entry.series_uid):
        volume = read_volume(path, uid)
        assert np.array_equal(volume.voxels, expected.voxels)
        assert volume.source == path
        assert volume.origin_mm == expected.origin_mm


def test_every_scan_in_a_zip_can_be_asked_for(pydicom_files: Path, shared_data: Path, tmp_path: Path):
    folder = tmp_path / "mixed"
    (folder / "deep" / "er").mkdir(parents=True)
    for name in ("CT_small.dcm", "MR_small.dcm", "MR_small_RLE.dcm"):
        shutil.copy(pydicom_files / name, folder / "deep" / name)
    shutil.copy(shared_data / "volumes" / "pyradiomics" / "brain1_label.nrrd", folder / "deep" / "er")
    path = zip_of(folder, tmp_path / "mixed.zip")
    entries = index_path(path).series
    assert len({(entry.path, entry.series_uid) for entry in entries}) == len(entries) >= 3
    for entry in entries:
        volume = read_volume(entry.path, entry.series_uid)
        assert volume.voxels.shape[:3] == (entry.slices, entry.rows, entry.columns)
        assert volume.series_uid == entry.series_uid
        assert volume.source == path
    with pytest.raises(ScanError, match="name one of them"):
        read_volume(path)


def test_what_is_unpacked_is_private(phantom_series: Path, tmp_path: Path):
    folder = archive.unpacked(zip_of(phantom_series / "dicom", tmp_path / "ct.zip"))
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert "someone" not in folder.name


@pytest.mark.parametrize("name", ["../out.dcm", "/abs.dcm", "a/../../out.dcm", "..\\out.dcm", "C:\\out.dcm"])
def test_no_member_lies_outside(tmp_path: Path, name: str):
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as out:
        out.writestr(name, b"x")
    with pytest.raises(ScanError, match=r"bad\.zip holds a file that would lie outside"):
        index_path(tmp_path / "bad.zip")
    assert [one.name for one in tmp_path.iterdir()] == ["bad.zip"]


def test_odd_names_are_made_safe(pydicom_files: Path, tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as out:
        for name in ("Müller^Hans\n\x1b[2J" + "x" * 300 + ".dcm", "con:;*?.dcm", "same.dcm"):
            out.write(pydicom_files / "CT_small.dcm", name)
    folder = archive.unpacked(tmp_path / "odd.zip")
    assert all(
        set(file.name) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-")
        for file in folder.iterdir()
    )
    assert index_path(tmp_path / "odd.zip").series


def test_links_in_an_archive_are_refused(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "link.zip", "w") as out:
        member = zipfile.ZipInfo("a.dcm")
        member.external_attr = (stat.S_IFLNK | 0o777) << 16
        out.writestr(member, "/etc/passwd")
    with pytest.raises(ScanError, match=r"link\.zip holds links"):
        index_path(tmp_path / "link.zip")


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("zeros.dcm", bytes(3_000_000))
    monkeypatch.setattr(archive, "MAX_UNPACKED", 1_000_000)
    with pytest.raises(ScanError, match=r"bomb\.zip would unpack to 3,000,000 bytes"):
        index_path(tmp_path / "bomb.zip")


def test_an_archive_that_lies_about_its_sizes_is_stopped(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "liar.zip", "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("zeros.dcm", bytes(3_000_000))
    content = (tmp_path / "liar.zip").read_bytes()
    honest = (3_000_000).to_bytes(4, "little")
    (tmp_path / "liar.zip").write_bytes(content.replace(honest, (1000).to_bytes(4, "little")))
    with pytest.raises(ScanError, match=r"liar\.zip"):
        index_path(tmp_path / "liar.zip")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04" + b"\0" * 100, b"nonsense" * 99])
def test_what_is_no_archive_is_refused_by_name(tmp_path: Path, content: bytes):
    (tmp_path / "no.zip").write_bytes(content)
    with pytest.raises(ScanError, match=r"no\.zip"):
        index_path(tmp_path / "no.zip")


def test_an_archive_in_a_folder_is_a_problem_of_its_own(pydicom_files: Path, tmp_path: Path):
    shutil.copy(pydicom_files / "CT_small.dcm", tmp_path)
    (tmp_path / "more.zip").write_bytes(b"PK")
    index = index_path(tmp_path)
    assert len(index.series) == 1
    assert "open it by itself" in index.problems[0].reason


def test_a_dicomdir_lists_the_files_that_it_names(pydicom_files: Path):
    directory = pydicom_files / "dicomdirtests" / "DICOMDIR"
    by_directory = index_path(directory)
    by_folder = index_path(directory.parent)
    assert {entry.series_uid for entry in by_directory.series} <= {entry.series_uid for entry in by_folder.series}
    assert len(by_directory.series) > 5
    uid = max(by_directory.series, key=lambda one: one.slices).series_uid
    assert read_volume(directory, uid).series_uid == uid
    assert not any(problem.path.name == "DICOMDIR" for problem in by_folder.problems)


def test_a_dicomdir_that_points_outside_is_refused(pydicom_files: Path, tmp_path: Path):
    dataset = pydicom.dcmread(pydicom_files / "dicomdirtests" / "DICOMDIR")
    for record in dataset.DirectoryRecordSequence:
        if "ReferencedFileID" in record:
            record.ReferencedFileID = ["..", "SECRET"]
    # pydicom's own writer would look for the files.
    pydicom.dcmwrite(tmp_path / "x", dataset)
    (tmp_path / "x").rename(tmp_path / "DICOMDIR")
    with pytest.raises(ScanError, match="lists a file outside"):
        index_path(tmp_path / "DICOMDIR")
