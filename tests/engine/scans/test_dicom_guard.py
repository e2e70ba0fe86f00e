"""Bytes that are no DICOM file are refused at once; files without the DICM mark open as before."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import pydicom
import pytest

from engine.scans import ScanError, dicom_guard, index_path, read_volume
from engine.scans.dicom_guard import MAX_HEADER_READS, HeaderStream, require_begin

_MANY = 64 << 20
_FIRST = b"\x08\x00\x05\x00CS\x0a\x00ISO_IR 100"


@pytest.mark.parametrize("fill", [b"\0", b"\xff", b"no scan "])
def test_a_file_that_does_not_begin_like_one_is_refused_unread(tmp_path: Path, fill: bytes):
    for name in ("x.dcm", "DICOMDIR"):
        (tmp_path / name).write_bytes(fill * (_MANY // len(fill)))
        with pytest.raises(ScanError, match=f"{name} is named like a DICOM file but does not begin like one"):
            read_volume(tmp_path / name)


@pytest.mark.parametrize("begin", [bytes(128) + b"DICM", _FIRST])
def test_a_header_without_end_is_given_up(tmp_path: Path, begin: bytes):
    path = tmp_path / "x.dcm"
    path.write_bytes(begin + bytes(_MANY))
    with pytest.raises(ScanError, match=r"x\.dcm has a header without end"):
        read_volume(path)


def test_zeros_in_a_zip_archive_become_a_problem(tmp_path: Path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.dcm", bytes(_MANY))
    index = index_path(tmp_path / "a.zip")
    assert index.series == ()
    assert "does not begin like one" in index.problems[0].reason


def test_reading_stops_at_the_bound(tmp_path: Path):
    (tmp_path / "a").write_bytes(bytes(10))
    with HeaderStream(tmp_path / "a") as stream:
        for _ in range(MAX_HEADER_READS):
            stream.read(1)
        with pytest.raises(ScanError, match="without end"):
            stream.read(1)


@pytest.mark.parametrize(
    "name", ["ExplVR_BigEndNoMeta", "ExplVR_LitEndNoMeta", "JLSL_RGB_ILV0", "OT-PAL-8-face", "rtstruct"]
)
def test_real_files_without_the_mark_begin_like_one(pydicom_files: Path, name: str):
    path = pydicom_files / f"{name}.dcm"
    if not path.is_file():
        pytest.skip("not among the files that this pydicom brings")
    assert path.read_bytes()[128:132] != b"DICM"
    require_begin(path)
    if "PixelData" in pydicom.dcmread(path, force=True):
        assert read_volume(path).voxels.size


def deflated(path: Path, source: Path, filling: int) -> Path:
    """A deflated file with its pixels replaced by zeros that are packed a thousandfold."""
    dataset = pydicom.dcmread(source)
    dataset.PixelData = bytes(filling)
    dataset.save_as(path)
    return path


def test_a_deflated_bomb_is_refused_before_it_fills_the_memory(
    tmp_path: Path, pydicom_files: Path, monkeypatch: pytest.MonkeyPatch
):
    source = pydicom_files / "image_dfl.dcm"
    if not source.is_file():
        pytest.skip("not among the files that this pydicom brings")
    path = deflated(tmp_path / "bomb.dcm", source, 40 << 20)
    assert path.stat().st_size < 100_000
    # The real bound would take seconds to be reached.
    monkeypatch.setattr(dicom_guard, "MAX_INFLATED", 32 << 20)
    inflated: list[int] = []
    unpack = zlib.decompress
    monkeypatch.setattr(zlib, "decompress", lambda *args, **more: inflated.append(1) or unpack(*args, **more))
    with pytest.raises(ScanError, match=r"bomb\.dcm is deflated and unpacks to more than 33,554,432 bytes"):
        read_volume(path)
    assert "unpacks to more" in index_path(path).problems[0].reason
    assert not inflated, "pydicom has unpacked it"
    monkeypatch.undo()
    assert index_path(path).series


def test_an_honest_deflated_file_opens(pydicom_files: Path):
    path = pydicom_files / "image_dfl.dcm"
    if not path.is_file():
        pytest.skip("not among the files that this pydicom brings")
    assert read_volume(path).voxels.size
