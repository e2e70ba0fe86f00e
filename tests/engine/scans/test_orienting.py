"""Volumes that store any order are shown in the radiological convention, each value at its place in the patient."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from engine.scans import Plane, index_path, read_volume, render_slice

_CODES = {Plane.AXIAL: "LPS", Plane.CORONAL: "LIP", Plane.SAGITTAL: "PIL"}
# Every way to lay three voxel axes along the patient's.
_STRAIGHT = [
    np.eye(3)[:, list(order)] * signs
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)
]
_TILT = np.array([[0.96, -0.28, 0], [0.28, 0.96, 0], [0, 0, 1]]) @ np.array([[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]])


def write(path: Path, direction: np.ndarray, voxels: np.ndarray | None = None) -> SimpleITK.Image:
    """A volume of different values, unequal extents and unequal spacings."""
    image = SimpleITK.GetImageFromArray(np.arange(60, dtype=np.int16).reshape(3, 4, 5) if voxels is None else voxels)
    image.SetSpacing((0.5, 0.75, 3))
    image.SetOrigin((-10, 5, 2))
    image.SetDirection(direction.ravel().tolist())
    SimpleITK.WriteImage(image, path)
    return SimpleITK.ReadImage(path)


def assert_same_in_the_patient(volume, image: SimpleITK.Image, count: int | None = None) -> None:
    """Each voxel of the stored image is found at its physical point, and no other is there."""
    stored = SimpleITK.GetArrayViewFromImage(image)
    assert volume.voxels.size == stored.size
    places = np.argwhere(np.ones(stored.shape[:3], bool)) if count is None else None
    if places is None:
        rng = np.random.default_rng(0)
        places = np.stack([rng.integers(0, extent, count) for extent in stored.shape], axis=1)
    for z, y, x in places.tolist():
        point = image.TransformContinuousIndexToPhysicalPoint([float(x), float(y), float(z)])
        found = np.array(volume.patient_to_pixel(*point))
        assert np.abs(found - np.rint(found)).max() < 1e-3
        i, j, k = np.rint(found).astype(int)
        assert min(i, j, k) >= 0
        assert volume.voxels[k, j, i] == stored[z, y, x]
        assert volume.pixel_to_patient(*found) == pytest.approx(point, abs=1e-6)


@pytest.mark.parametrize("direction", _STRAIGHT, ids=lambda one: str(one.astype(int).tolist()))
def test_a_straight_volume_becomes_what_itk_calls_radiological(tmp_path: Path, direction: np.ndarray):
    image = write(tmp_path / "a.nrrd", direction)
    volume = read_volume(tmp_path / "a.nrrd")
    plane = (Plane.SAGITTAL, Plane.CORONAL, Plane.AXIAL)[int(np.argmax(np.abs(direction[:, 2])))]
    assert volume.plane is plane
    turned = SimpleITK.DICOMOrient(image, _CODES[plane])
    assert np.array_equal(volume.voxels, SimpleITK.GetArrayFromImage(turned))
    assert volume.spacing_mm == pytest.approx(turned.GetSpacing())
    assert volume.origin_mm == pytest.approx(turned.GetOrigin())
    assert volume.direction.ravel() == pytest.approx(turned.GetDirection())
    assert len(volume.voxels) == 3
    (entry,) = index_path(tmp_path / "a.nrrd").series
    assert (entry.slices, entry.rows, entry.columns) == volume.voxels.shape


@pytest.mark.parametrize("direction", _STRAIGHT[::5], ids=lambda one: str(one.astype(int).tolist()))
@pytest.mark.parametrize("name", ["a.nii.gz", "a.mha"])
def test_an_oblique_volume_keeps_each_value_at_its_place(tmp_path: Path, name: str, direction: np.ndarray):
    image = write(tmp_path / name, _TILT @ direction)
    volume = read_volume(tmp_path / name)
    assert_same_in_the_patient(volume, image)
    assert len(volume.voxels) == 3


def test_a_nifti_of_a_head_has_its_left_on_the_right_and_its_front_at_the_top(tmp_path: Path):
    voxels = np.zeros((3, 4, 5), np.int16)
    # RAS+, as most NIfTI files are: the first column is the far left, the last row the front.
    voxels[:, 3, 0] = 100
    write(tmp_path / "a.nii", np.diag([-1.0, -1.0, 1.0]), voxels)
    volume = read_volume(tmp_path / "a.nii")
    for index in range(3):
        shown = render_slice(volume, Plane.AXIAL, index)[..., 0]
        assert np.argwhere(shown == shown.max()).tolist() == [[0, 4]]


def test_colour_and_flat_images_keep_their_order(tmp_path: Path):
    colours = np.arange(180, dtype=np.uint8).reshape(3, 4, 5, 3)
    image = SimpleITK.GetImageFromArray(colours, isVector=True)
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))
    SimpleITK.WriteImage(image, tmp_path / "c.nrrd")
    assert np.array_equal(read_volume(tmp_path / "c.nrrd").voxels, colours)
    flat = SimpleITK.GetImageFromArray(np.arange(20, dtype=np.int16).reshape(4, 5))
    flat.SetDirection((-1, 0, 0, -1))
    SimpleITK.WriteImage(flat, tmp_path / "f.mha")
    assert np.array_equal(read_volume(tmp_path / "f.mha").voxels[0], np.arange(20).reshape(4, 5))


def test_real_volumes_keep_each_value_at_its_place(shared_data: Path):
    paths = [path for path in (shared_data / "volumes").rglob("*") if path.name.endswith((".nii.gz", ".nrrd"))]
    assert paths
    for path in paths:
        image = SimpleITK.ReadImage(path)
        if image.GetNumberOfComponentsPerPixel() == 1 and image.GetDimension() == 3:
            assert_same_in_the_patient(read_volume(path), image, count=40)
