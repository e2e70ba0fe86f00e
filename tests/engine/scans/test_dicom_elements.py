"""The quick header reader says what pydicom says, or leaves the file to it."""

from __future__ import annotations

import io
from pathlib import Path

import pydicom
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from engine.scans import ScanError, dicom_header
from engine.scans.dicom_elements import read_elements
from engine.scans.dicom_header import DicomHeader, read_header


def header_or_none(path: Path) -> DicomHeader | None:
    try:
        return read_header(path)
    except ScanError:
        return None


@pytest.mark.parametrize("source", ["pydicom", "pydicom_data", "cornerstone3d", "highdicom", "dcmqi"])
def test_every_real_header_is_what_pydicom_reads(shared_data: Path, monkeypatch: pytest.MonkeyPatch, source: str):
    files = [path for path in (shared_data / "dicom" / source).rglob("*") if path.is_file()]
    quick = {path: header_or_none(path) for path in files}
    monkeypatch.setattr(dicom_header, "read_elements", lambda stream, wanted: None)
    for path in files:
        assert quick[path] == header_or_none(path), path


def test_most_real_files_are_read_quickly(shared_data: Path):
    files = [path for path in (shared_data / "dicom" / "series_mr_sagittal_t1").iterdir() if path.suffix != ".md"]
    quick = 0
    for path in files:
        with path.open("rb") as stream:
            quick += read_elements(stream, [0x00280010]) is not None
    assert quick >= len(files) - 2


@pytest.mark.parametrize("undefined", [True, False])
@pytest.mark.parametrize("implicit", [True, False])
@pytest.mark.parametrize("padding", [0, 50_000, 700_000])
def test_nested_sequences_are_stepped_over(tmp_path: Path, undefined: bool, implicit: bool, padding: int):
    inner, outer, dataset = Dataset(), Dataset(), Dataset()
    inner.Rows, inner.PatientID = 7, "inside"
    outer.ReferencedImageSequence = [inner, Dataset(), inner]
    outer.Columns = 8
    dataset.ReferencedStudySequence = [outer, outer]
    for item in (dataset, outer, *dataset.ReferencedStudySequence):
        for element in item:
            if element.VR == "SQ":
                element.is_undefined_length = undefined
                for one in element.value:
                    one.is_undefined_length_sequence_item = undefined
    dataset.add_new((0x0009, 0x0010), "LO", "TEST")
    dataset.add_new((0x0009, 0x1001), "OB", bytes(padding))
    dataset.Rows, dataset.Columns = 64, 65
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    syntax = pydicom.uid.ImplicitVRLittleEndian if implicit else pydicom.uid.ExplicitVRLittleEndian
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID = pydicom.uid.CTImageStorage
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID = "1.2.3"
    dataset.save_as(tmp_path / "nested.dcm", enforce_file_format=True)
    with (tmp_path / "nested.dcm").open("rb") as stream:
        found = read_elements(stream, [0x00280010, 0x00280011])
    assert found is not None
    assert found.values == {0x00280010: b"\x40\0", 0x00280011: b"\x41\0"}


@given(st.binary(max_size=400), st.booleans())
def test_no_bytes_stop_it(content: bytes, is_marked: bool):
    meta = b"\x02\x00\x10\x00UI\x14\x001.2.840.10008.1.2.1\0"
    head = bytes(128) + b"DICM" + meta if is_marked else b""
    read_elements(io.BytesIO(head + content), [0x00280010])
