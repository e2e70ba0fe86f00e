"""Voxels lie where SimpleITK, an independent reader, puts them; oblique ones too."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
import SimpleITK
from pydicom.dataset import Dataset

from engine.scans import NoteKind, Plane, ScanError, Volume, index_path, read_volume


def require_same_geometry(volume: Volume, image: SimpleITK.Image) -> None:
    """Voxels and the patient coordinates of random continuous indices agree to 1e-6 mm."""
    assert np.array_equal(SimpleITK.GetArrayFromImage(image), volume.voxels)
    for index in np.random.default_rng(0).uniform(0, 1, (50, 3)) * (np.array(image.GetSize()) - 1):
        expected = image.TransformContinuousIndexToPhysicalPoint(index.tolist())
        assert volume.pixel_to_patient(*index) == pytest.approx(expected, abs=1e-6)
        assert volume.patient_to_pixel(*expected) == pytest.approx(tuple(index), abs=1e-6)


def read_by_gdcm(folder: Path, series_uid: str = "") -> SimpleITK.Image:
    reader = SimpleITK.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder), series_uid))
    return reader.Execute()


def edit(path: Path, change: Callable[[Dataset], None]) -> None:
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)


@pytest.fixture
def series(phantom_series: Path, tmp_path: Path) -> Path:
    """A copy of a generated series that a test may spoil."""
    return Path(shutil.copytree(phantom_series / "dicom", tmp_path / "series"))


def test_a_generated_series_lies_where_gdcm_puts_it(phantom_series: Path):
    require_same_geometry(read_volume(phantom_series / "dicom"), read_by_gdcm(phantom_series / "dicom"))


@pytest.mark.parametrize(
    ("folder", "plane"),
    [
        ("dicom/series_mr_sagittal_t1", Plane.SAGITTAL),
        ("dicom/dcmqi/data/segmentations/ct-3slice", Plane.AXIAL),
        ("dicom/rt_rtutils/tests/mock_data", Plane.AXIAL),
        ("volumes/totalsegmentator/example_ct_dicom", Plane.AXIAL),
    ],
)
def test_real_series_lie_where_gdcm_puts_them(shared_data: Path, folder: str, plane: Plane):
    entry = max(index_path(shared_data / folder).series, key=lambda one: one.slices)
    volume = read_volume(entry.path, entry.series_uid)
    assert volume.plane is plane
    require_same_geometry(volume, read_by_gdcm(entry.path, entry.series_uid))


def test_a_real_oblique_series_lies_where_gdcm_puts_it(shared_data: Path):
    folder = shared_data / "dicom" / "rt_rtutils" / "tests" / "oriented_data"
    entry = max(index_path(folder).series, key=lambda one: one.slices)
    volume = read_volume(entry.path, entry.series_uid)
    image = read_by_gdcm(folder, entry.series_uid)
    assert np.abs(volume.direction).max(axis=0).min() < 0.9
    assert np.abs(SimpleITK.GetArrayFromImage(image) - volume.voxels).max() < 1e-6
    for index in ((0, 0, 0), (99, 49, 2), (12.5, 30.25, 1.5)):
        expected = image.TransformContinuousIndexToPhysicalPoint([float(value) for value in index])
        assert volume.pixel_to_patient(*index) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(
    "name",
    ["dcmqi/data/segmentations/23x38x3/multiframe/mf.dcm", "pydicom_data/data/eCT_Supplemental.dcm"],
)
def test_frames_of_an_enhanced_ct_lie_where_gdcm_puts_them(shared_data: Path, name: str):
    path = shared_data / "dicom" / name
    require_same_geometry(read_volume(path), SimpleITK.ReadImage(str(path)))


def test_dose_planes_lie_at_their_offsets(pydicom_files: Path):
    volume = read_volume(pydicom_files / "rtdose.dcm")
    offsets = pydicom.dcmread(pydicom_files / "rtdose.dcm").GridFrameOffsetVector
    assert volume.has_geometry
    assert volume.pixel_to_patient(0, 0, 14)[2] - volume.origin_mm[2] == pytest.approx(offsets[14] - offsets[0])


def test_frames_that_are_no_stack_have_no_geometry(shared_data: Path):
    folder = shared_data / "dicom" / "highdicom" / "data" / "test_files"
    overlapping, tiles = (read_volume(folder / f"{name}.dcm") for name in ("seg_image_ct_binary_overlap", "sm_image"))
    assert not overlapping.has_geometry
    assert not tiles.has_geometry


def test_slices_are_ordered_by_place_not_by_name(phantom_series: Path, tmp_path: Path):
    files = sorted((phantom_series / "dicom").iterdir())
    for number, file in enumerate(files):
        shutil.copy(file, tmp_path / f"{(number * 8) % len(files):03}.dcm")
    ordered, shuffled = read_volume(phantom_series / "dicom"), read_volume(tmp_path)
    assert np.array_equal(ordered.voxels, shuffled.voxels)
    assert ordered.instance_uids == shuffled.instance_uids


def test_a_tilted_gantry_is_followed(series: Path):
    for number, file in enumerate(sorted(series.iterdir())):

        def tilt(dataset: Dataset, shift: float = 3.0 * number) -> None:
            x, y, z = dataset.ImagePositionPatient
            dataset.ImagePositionPatient = [x, y + shift, z]

        edit(file, tilt)
    volume = read_volume(series)
    last = pydicom.dcmread(sorted(series.iterdir())[-1])
    corner = (0, 0, len(volume.voxels) - 1)
    assert volume.pixel_to_patient(*corner) == pytest.approx(tuple(last.ImagePositionPatient))
    assert volume.patient_to_pixel(*last.ImagePositionPatient) == pytest.approx(corner)
    (said,) = volume.notes
    assert said.kind is NoteKind.TILTED_GANTRY
    assert dict(said.values) == {"degrees": "16.7"}


@pytest.mark.parametrize("cosines", [[0] * 6, [1, 0, 0, 1, 0, 0], [2, 0, 0, 0, 1, 0], [1, 0, 0]])
def test_an_impossible_orientation_is_no_geometry(pydicom_files: Path, tmp_path: Path, cosines: list[float]):
    path = Path(shutil.copy(pydicom_files / "CT_small.dcm", tmp_path))
    edit(path, lambda dataset: setattr(dataset, "ImageOrientationPatient", cosines))
    volume = read_volume(path)
    assert not volume.has_geometry
    assert volume.plane is Plane.AXIAL
    assert np.array_equal(volume.direction, np.eye(3))


def test_a_series_without_positions_is_ordered_by_instance_number(series: Path):
    expected = read_volume(series)
    for file in series.iterdir():
        edit(file, lambda dataset: delattr(dataset, "ImagePositionPatient"))
    volume = read_volume(series)
    assert not volume.has_geometry
    assert np.array_equal(volume.voxels, expected.voxels)


@pytest.mark.slow
def test_every_stack_of_the_real_corpus_lies_where_simpleitk_and_its_header_put_it(shared_data: Path):
    compared = 0
    for entry in index_path(shared_data / "dicom").series:
        try:
            volume = read_volume(entry.path, entry.series_uid)
        except ScanError:
            continue
        files = [str(file) for file in volume.slice_files if file is not None]
        if not volume.has_geometry or len(files) != len(volume.voxels):
            continue
        # PS3.3 C.7.6.2.1.1: the first pixel's centre is where the header says.
        stated = pydicom.dcmread(files[0], stop_before_pixels=True).get("ImagePositionPatient")
        if stated is not None:
            assert volume.pixel_to_patient(0, 0, 0) == pytest.approx(tuple(map(float, stated)), abs=1e-6)
        try:
            if len(entry.files) == 1:
                image = SimpleITK.ReadImage(files[0])
            else:
                reader = SimpleITK.ImageSeriesReader()
                reader.SetFileNames(files)
                image = reader.Execute()
        except RuntimeError:
            continue
        if image.GetSize() != volume.voxels.shape[2::-1]:
            continue
        for index in np.random.default_rng(0).uniform(0, 1, (10, 3)) * (np.array(image.GetSize()) - 1):
            expected = image.TransformContinuousIndexToPhysicalPoint(index.tolist())
            assert volume.pixel_to_patient(*index) == pytest.approx(expected, abs=1e-6), entry.path
            assert volume.patient_to_pixel(*expected) == pytest.approx(tuple(index), abs=1e-6), entry.path
        compared += 1
    assert compared >= 60
