"""What a file says about itself arrives with the volume and with its entry in the index."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest

from engine.scans import Window, index_path, read_volume


def test_a_ct_is_in_hounsfield_units(pydicom_files: Path, shared_data: Path):
    assert read_volume(pydicom_files / "CT_small.dcm").units == "HU"
    assert read_volume(pydicom_files / "MR_small.dcm").units == ""
    assert read_volume(pydicom_files / "examples_rgb_color.dcm").units == ""
    assert read_volume(shared_data / "volumes" / "totalsegmentator" / "example_ct_sm.nii.gz").units == "HU"


def test_units_are_those_of_the_file(pydicom_files: Path, tmp_path: Path):
    dataset = pydicom.dcmread(pydicom_files / "MR_small.dcm")
    dataset.Modality, dataset.Units = "PT", "BQML"
    dataset.save_as(tmp_path / "pet.dcm")
    assert read_volume(tmp_path / "pet.dcm").units == "BQML"


def test_part_side_and_frame_of_reference_are_kept(pydicom_files: Path, tmp_path: Path):
    dataset = pydicom.dcmread(pydicom_files / "MR_small.dcm")
    dataset.BodyPartExamined, dataset.Laterality, dataset.FrameOfReferenceUID = "KNEE", "L", "1.2.3"
    dataset.save_as(tmp_path / "knee.dcm")
    volume = read_volume(tmp_path / "knee.dcm")
    assert (volume.body_part, volume.laterality, volume.frame_of_reference_uid) == ("KNEE", "L", "1.2.3")
    assert volume.photometric == "MONOCHROME2"
    (entry,) = index_path(tmp_path).series
    assert entry.body_part == "KNEE"


def test_the_study_is_told_but_never_by_accident(pydicom_files: Path):
    path = pydicom_files / "CT_small.dcm"
    dataset, volume = pydicom.dcmread(path), read_volume(path)
    (entry,) = index_path(path).series
    assert volume.facts == entry.facts
    assert volume.facts.patient_name == str(dataset.PatientName)
    assert volume.facts.patient_id == dataset.PatientID
    assert volume.facts.study_date == dataset.StudyDate
    assert volume.facts.study_description == dataset.StudyDescription
    for text in (repr(volume), repr(entry)):
        assert str(dataset.PatientName) not in text
        assert dataset.PatientID not in text


@pytest.mark.parametrize(
    ("element", "value", "expected"),
    [
        ("FrameTime", "40", 40.0),
        ("FrameTimeVector", [0, *[50.0] * 29], 50.0),
        ("CineRate", 25, 40.0),
        ("RecommendedDisplayFrameRate", 10, 100.0),
        ("FrameTime", "0", None),
    ],
)
def test_a_film_says_how_fast_it_runs(
    pydicom_files: Path, tmp_path: Path, element: str, value: object, expected: float | None
):
    dataset = pydicom.dcmread(pydicom_files / "examples_ybr_color.dcm")
    for name in ("FrameTime", "FrameTimeVector", "CineRate", "RecommendedDisplayFrameRate"):
        if name in dataset:
            delattr(dataset, name)
    setattr(dataset, element, value)
    dataset.save_as(tmp_path / "film.dcm")
    assert read_volume(tmp_path / "film.dcm").frame_time_ms == expected


def test_padding_is_told_and_does_not_spoil_the_window(pydicom_files: Path, tmp_path: Path):
    dataset = pydicom.dcmread(pydicom_files / "MR_small.dcm")
    for name in ("WindowCenter", "WindowWidth"):
        if name in dataset:
            delattr(dataset, name)
    dataset.save_as(tmp_path / "plain.dcm")
    pixels = dataset.pixel_array.copy()
    pixels[:20] = -2000
    dataset.PixelData = pixels.tobytes()
    dataset.add_new("PixelPaddingValue", "SS", -2000)
    dataset.save_as(tmp_path / "padded.dcm")
    padded = read_volume(tmp_path / "padded.dcm")
    assert padded.padding == (-2000, -2000)
    assert padded.window.center - padded.window.width / 2 > -100
    assert np.array_equal(padded.voxels[0], pixels)


def test_padding_is_in_units_of_the_volume(pydicom_files: Path, tmp_path: Path):
    dataset = pydicom.dcmread(pydicom_files / "CT_small.dcm")
    dataset.add_new("PixelPaddingValue", "SS", -2000)
    dataset.add_new("PixelPaddingRangeLimit", "SS", -1500)
    dataset.save_as(tmp_path / "p.dcm")
    assert read_volume(tmp_path / "p.dcm").padding == (-3024, -2524)


def test_nonsense_in_what_is_only_said_does_not_stop_a_file(pydicom_files: Path, tmp_path: Path):
    content = (pydicom_files / "CT_small.dcm").read_bytes()
    spacing = b"0.661468\\0.661468"
    assert spacing in content
    (tmp_path / "odd.dcm").write_bytes(content.replace(spacing, b"wide\\narrow      "))
    volume = read_volume(tmp_path / "odd.dcm")
    assert volume.spacing_mm[:2] == (1.0, 1.0)
    assert volume.window == Window(40, 400)
