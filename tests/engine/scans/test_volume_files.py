"""NIfTI, NRRD and MetaImage keep their voxels where SimpleITK puts them in patient space."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK

from engine.scans import NoteKind, Plane, ScanError, index_path, read_volume

OBLIQUE = (0.8, -0.6, 0.0, 0.48, 0.64, -0.6, 0.36, 0.48, 0.8)


def write(path: Path, voxels: np.ndarray, direction: tuple[float, ...] = OBLIQUE) -> SimpleITK.Image:
    image = SimpleITK.GetImageFromArray(voxels)
    image.SetSpacing((0.5, 0.75, 3))
    image.SetOrigin((-10, 5, 2))
    image.SetDirection(direction)
    SimpleITK.WriteImage(image, path)
    return SimpleITK.ReadImage(path)


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.nrrd", "a.nhdr", "a.mha", "a.mhd"])
def test_slices_that_are_radiological_already_are_kept_as_they_are(tmp_path: Path, name: str):
    voxels = np.arange(2 * 3 * 4, dtype=np.int16).reshape(2, 3, 4)
    image = write(tmp_path / name, voxels)
    volume = read_volume(tmp_path / name)
    assert np.array_equal(volume.voxels, voxels)
    for index in ((0, 0, 0), (3, 2, 1), (1.5, 0.25, 0.5)):
        expected = image.TransformContinuousIndexToPhysicalPoint([float(value) for value in index])
        assert volume.pixel_to_patient(*index) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.uint16, np.int16, np.int32, np.float32, np.float64])
def test_every_grey_type_is_read(tmp_path: Path, dtype: type[np.generic]):
    voxels = np.arange(24).astype(dtype).reshape(2, 3, 4)
    write(tmp_path / "a.nrrd", voxels)
    assert np.array_equal(read_volume(tmp_path / "a.nrrd").voxels, voxels)


def test_the_stored_plane_is_told_by_the_direction(tmp_path: Path):
    write(tmp_path / "a.nii.gz", np.zeros((2, 3, 4), np.int16), (1, 0, 0, 0, 0, 1, 0, -1, 0))
    assert read_volume(tmp_path / "a.nii.gz").plane is Plane.CORONAL


def test_real_volumes_are_read(shared_data: Path):
    index = index_path(shared_data / "volumes")
    plain = [entry for entry in index.series if not entry.series_uid]
    assert len(plain) > 5
    for entry in plain:
        volume = read_volume(entry.path)
        assert volume.voxels.shape == (entry.slices, entry.rows, entry.columns)


def test_the_first_time_point_of_a_series_is_read_with_a_note(tmp_path: Path):
    points = [SimpleITK.GetImageFromArray(np.full((2, 3, 4), value, np.int16)) for value in (7, 8, 9)]
    for name in ("4d.nii", "4d.nii.gz", "4d.nrrd"):
        SimpleITK.WriteImage(SimpleITK.JoinSeries(points), tmp_path / name)
        volume = read_volume(tmp_path / name)
        assert volume.voxels.shape == (2, 3, 4)
        assert np.all(volume.voxels == 7)
        (entry,) = index_path(tmp_path / name).series
        assert entry.notes == volume.notes
        assert (volume.notes[0].kind, dict(volume.notes[0].values)["count"]) == (NoteKind.TIME_POINTS, "3")


@pytest.mark.parametrize("elsewhere", ["../secret.raw", "/dev/zero", "LIST", "slice%03d.raw 1 9 1"])
def test_voxels_are_not_fetched_from_elsewhere(tmp_path: Path, elsewhere: str):
    write(tmp_path / "a.mhd", np.zeros((2, 3, 4), np.int16))
    header = (tmp_path / "a.mhd").read_text().replace("a.raw", elsewhere)
    (tmp_path / "a.mhd").write_text(header)
    with pytest.raises(ScanError, match=r"a\.mhd keeps its voxels in"):
        read_volume(tmp_path / "a.mhd")


def test_a_pipe_named_by_a_header_is_not_waited_for(tmp_path: Path):
    write(tmp_path / "a.nhdr", np.zeros((2, 3, 4), np.int16))
    data = next(path for path in tmp_path.iterdir() if path.name != "a.nhdr")
    data.unlink()
    os.mkfifo(data)
    with pytest.raises(ScanError, match="not a file"):
        read_volume(tmp_path / "a.nhdr")


def test_a_lying_header_does_not_allocate(tmp_path: Path):
    write(tmp_path / "a.nii", np.zeros((2, 3, 4), np.int16))
    content = bytearray((tmp_path / "a.nii").read_bytes())
    content[42:48] = np.array([1200, 1200, 600], "<i2").tobytes()
    for name, data in (("liar.nii", bytes(content)), ("liar.nii.gz", gzip.compress(bytes(content)))):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ScanError, match="broken or made to harm"):
            read_volume(tmp_path / name)


def test_a_header_and_its_data_are_listed_once(tmp_path: Path):
    write(tmp_path / "a.hdr", np.zeros((2, 3, 4), np.int16), (1, 0, 0, 0, 1, 0, 0, 0, 1))
    assert [entry.path.name for entry in index_path(tmp_path).series] == ["a.hdr"]


_KINDS = ["a.nii", "a.nii.gz", "a.hdr", "a.img", "a.mha", "a.mhd", "a.nrrd", "a.nhdr"]


def cut_off(folder: Path, name: str, share: float, *, compress: bool) -> Path:
    """A volume whose file with the voxels holds only this share of its bytes."""
    noise = np.random.default_rng(0).integers(1, 4000, (60, 64, 64)).astype(np.int16)
    SimpleITK.WriteImage(SimpleITK.GetImageFromArray(noise), folder / name, compress)
    data = max(folder.iterdir(), key=lambda path: path.stat().st_size)
    content = data.read_bytes()
    data.write_bytes(content[: int(len(content) * share)])
    return data


@pytest.mark.parametrize("share", [0.5, 0.99])
@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("name", _KINDS)
def test_a_file_that_is_cut_off_is_refused_with_the_true_reason(
    tmp_path: Path, name: str, compress: bool, share: float
):
    data = cut_off(tmp_path, name, share, compress=compress)
    with pytest.raises(ScanError, match=r"ends after [\d,]+ of [\d,]+ bytes.*cut off") as refusal:
        read_volume(tmp_path / name)
    assert data.name in str(refusal.value)


@pytest.mark.parametrize("compress", [False, True])
@pytest.mark.parametrize("name", _KINDS)
def test_a_whole_file_is_not_taken_for_one_that_is_cut_off(tmp_path: Path, name: str, compress: bool):
    cut_off(tmp_path, name, 1, compress=compress)
    assert read_volume(tmp_path / name).voxels.min() > 0


def test_a_time_series_that_is_cut_off_is_refused(tmp_path: Path):
    points = [SimpleITK.GetImageFromArray(np.full((2, 3, 4), value, np.int16)) for value in (7, 8, 9)]
    SimpleITK.WriteImage(SimpleITK.JoinSeries(points), tmp_path / "4d.nii")
    (tmp_path / "4d.nii").write_bytes((tmp_path / "4d.nii").read_bytes()[:-1])
    with pytest.raises(ScanError, match="cut off"):
        read_volume(tmp_path / "4d.nii")


def test_damage_inside_a_compressed_file_is_refused(tmp_path: Path):
    data = cut_off(tmp_path, "a.nii.gz", 1, compress=True)
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 0xFF
    data.write_bytes(content)
    with pytest.raises(ScanError, match=r"a\.nii\.gz is damaged"):
        read_volume(data)


def test_block_gzip_and_what_follows_the_voxels_are_read(tmp_path: Path):
    write(tmp_path / "a.nii", np.arange(24, dtype=np.int16).reshape(2, 3, 4))
    content = (tmp_path / "a.nii").read_bytes()
    members = b"".join(gzip.compress(content[at : at + 50]) for at in range(0, len(content), 50))
    for name, data in (("a.nii.gz", members + b"tail"), ("b.nii", content + b"tail"), ("c.nii.gz", content)):
        (tmp_path / name).write_bytes(data)
        assert read_volume(tmp_path / name).voxels.sum() == sum(range(24))


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "a.mha", "a.nrrd", "a.hdr"])
def test_the_words_of_the_reading_library_do_not_reach_people(tmp_path: Path, name: str):
    (tmp_path / name).write_bytes(b"no volume at all" * 100)
    with pytest.raises(ScanError, match=name) as refusal:
        read_volume(tmp_path / name)
    assert not any(word in str(refusal.value) for word in ("sitk::", "ITK ERROR", "0x", ".cxx"))


def test_a_header_without_its_voxels_is_refused(tmp_path: Path):
    cut_off(tmp_path, "a.hdr", 1, compress=False).unlink()
    with pytest.raises(ScanError, match=r"a\.hdr"):
        read_volume(tmp_path / "a.hdr")


@pytest.mark.parametrize("name", _KINDS)
@pytest.mark.parametrize("air", [-1024, 0])
def test_the_list_and_the_view_name_one_modality(tmp_path: Path, name: str, air: int):
    voxels = np.full((5, 6, 7), 40, np.int16)
    voxels[:, 0] = air
    points = [SimpleITK.GetImageFromArray(voxels)] * 2
    SimpleITK.WriteImage(points[0], tmp_path / name)
    SimpleITK.WriteImage(SimpleITK.JoinSeries(points), tmp_path / "4d.nii.gz")
    # A pair is listed by its header.
    for path in (tmp_path / name.replace(".img", ".hdr"), tmp_path / "4d.nii.gz"):
        (entry,) = index_path(path).series
        assert entry.modality == read_volume(path).modality == ("CT" if air else "OT")


def test_real_volumes_are_listed_with_the_modality_they_open_with(shared_data: Path):
    for entry in index_path(shared_data / "volumes").series:
        if not entry.series_uid:
            assert entry.modality == read_volume(entry.path).modality
            assert (entry.modality == "CT") == ("example_ct" in entry.path.name)
