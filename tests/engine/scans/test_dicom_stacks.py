"""Whatever shares a series UID opens as sensible stacks, and what was odd about it is said."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from engine.scans import NoteKind, Plane, ScanError, Volume, index_path, read_volume


@pytest.fixture
def series(phantom_series: Path, tmp_path: Path) -> Path:
    """A copy of a generated series that a test may spoil."""
    return Path(shutil.copytree(phantom_series / "dicom", tmp_path / "series"))


def files_of(series: Path) -> list[Path]:
    return sorted(series.glob("CT*.dcm"))


def edit(path: Path, change: Callable[[Dataset], None]) -> None:
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)


def add(source: Path, name: str, change: Callable[[Dataset], None]) -> Path:
    """Another image of the series, with a UID of its own."""
    path = Path(shutil.copy(source, source.parent / name))

    def new(dataset: Dataset) -> None:
        dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        change(dataset)

    edit(path, new)
    return path


def said(volume: Volume) -> dict[NoteKind, dict[str, str]]:
    return {one.kind: dict(one.values) for one in volume.notes}


def shift(**by: float) -> Callable[[Dataset], None]:
    def change(dataset: Dataset) -> None:
        x, y, z = dataset.ImagePositionPatient
        dataset.ImagePositionPatient = [x + by.get("x", 0), y + by.get("y", 0), z + by.get("z", 0)]

    return change


def test_an_even_series_has_nothing_to_say(series: Path):
    assert read_volume(series).notes == ()
    assert [entry.notes for entry in index_path(series).series] == [()]


def test_a_missing_slice_is_left_empty_and_reported(series: Path):
    whole = read_volume(series)
    files_of(series)[5].unlink()
    volume = read_volume(series)
    assert said(volume) == {NoteKind.MISSING_SLICES: {"count": "1", "file": "CT0004.dcm"}}
    assert volume.voxels.shape == whole.voxels.shape
    assert np.array_equal(np.delete(volume.voxels, 5, axis=0), np.delete(whole.voxels, 5, axis=0))
    assert (volume.voxels[5] == volume.voxels.min()).all()
    assert volume.instance_uids[5] == ""
    assert volume.slice_files[5] is None
    assert volume.pixel_to_patient(1, 2, 6) == pytest.approx(whole.pixel_to_patient(1, 2, 6))


def test_a_long_gap_divides_the_series(series: Path):
    for file in files_of(series)[8:14]:
        file.unlink()
    entries = index_path(series).series
    assert len(entries) == 2
    for entry in entries:
        volume = read_volume(entry.path, entry.series_uid)
        assert len(volume.voxels) == entry.slices
        assert said(volume)[NoteKind.SEVERAL_STACKS]["by"] == "distance of the slices"


def test_a_second_copy_of_a_file_is_dropped(series: Path):
    whole = read_volume(series)
    shutil.copy(files_of(series)[0], series / "copy.dcm")
    volume = read_volume(series)
    assert said(volume) == {NoteKind.DUPLICATES: {"count": "1"}}
    assert np.array_equal(volume.voxels, whole.voxels)
    (entry,) = index_path(series).series
    assert entry.notes == volume.notes


def test_a_slice_beside_the_others_is_a_stack_of_its_own(series: Path):
    odd = files_of(series)[3]
    edit(odd, shift(x=40))
    main, alone = sorted(index_path(series).series, key=lambda one: -one.slices)
    assert alone.path == odd
    volume = read_volume(main.path, main.series_uid)
    assert set(said(volume)) == {NoteKind.SEVERAL_STACKS, NoteKind.MISSING_SLICES}
    assert read_volume(alone.path, alone.series_uid).pixel_to_patient(0, 0, 0)[0] == pytest.approx(
        volume.origin_mm[0] + 40
    )


def test_time_points_are_stacks_of_their_own(series: Path):
    for number, file in enumerate(files_of(series)):
        edit(file, lambda dataset: setattr(dataset, "TemporalPositionIdentifier", 1))

        def later(dataset: Dataset) -> None:
            dataset.TemporalPositionIdentifier = 2
            dataset.PixelData = (dataset.pixel_array + 1).tobytes()

        add(file, f"later{number:03}.dcm", later)
    first, second = index_path(series).series
    one, two = (read_volume(entry.path, entry.series_uid) for entry in (first, second))
    assert np.array_equal(one.voxels + 1, two.voxels)
    assert one.series_uid != two.series_uid
    assert one.series_instance_uid == two.series_instance_uid
    assert said(two)[NoteKind.TIME_POINTS] == {"by": "temporal position", "count": "2", "number": "2"}


def test_images_that_nothing_tells_apart_are_taken_in_turn(series: Path):
    for number, file in enumerate(files_of(series)):
        add(file, f"z{number:03}.dcm", lambda dataset: None)
    entries = index_path(series).series
    assert [entry.slices for entry in entries] == [len(files_of(series))] * 2
    assert all(entry.notes[0].kind is NoteKind.SEVERAL_STACKS for entry in entries)


def test_mixed_sizes_and_orientations_open_as_several_stacks(series: Path):
    files = files_of(series)
    for number, file in enumerate(files[:4]):

        def turn(dataset: Dataset, number: int = number) -> None:
            dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
            dataset.ImagePositionPatient = [0, 5 * number, 0]

        def small(dataset: Dataset) -> None:
            dataset.PixelData = dataset.pixel_array[:50, :60].tobytes()
            dataset.Rows, dataset.Columns = 50, 60

        add(file, f"turned{number}.dcm", turn)
        add(file, f"small{number}.dcm", small)
    entries = sorted(index_path(series).series, key=lambda one: -one.slices)
    assert [(entry.slices, entry.rows) for entry in entries] == [(len(files), 128), (4, 50), (4, 128)] or [
        (entry.slices, entry.rows) for entry in entries
    ] == [(len(files), 128), (4, 128), (4, 50)]
    planes = {read_volume(entry.path, entry.series_uid).plane for entry in entries}
    assert planes == {Plane.AXIAL, Plane.CORONAL}
    assert len({entry.series_uid for entry in entries}) == 3
    # Asked for without a name, the series itself is what is meant.
    assert len(read_volume(series).voxels) == len(files)


def test_a_scout_is_listed_beside_the_stack_that_shares_its_series(series: Path):
    def turn(dataset: Dataset) -> None:
        dataset.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
        dataset.ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]

    scout = add(files_of(series)[0], "scout.dcm", turn)
    stack, alone = index_path(series).series
    assert (stack.path, len(stack.files)) == (series, len(files_of(series)))
    assert alone.path == scout
    assert read_volume(stack.path, stack.series_uid).plane is Plane.AXIAL
    assert read_volume(alone.path).plane is Plane.CORONAL
    assert NoteKind.LOCALIZER in {one.kind for one in alone.notes}


def test_uneven_slices_are_shown_without_other_planes(series: Path):
    steps = np.cumsum(np.random.default_rng(0).uniform(2, 30, len(files_of(series))))
    for file, z in zip(files_of(series), steps, strict=True):
        edit(file, lambda dataset, z=z: setattr(dataset, "ImagePositionPatient", [0, 0, float(round(z, 3))]))
    volume = read_volume(series)
    assert NoteKind.UNEVEN_SPACING in said(volume)
    assert not volume.has_geometry
    assert len(volume.voxels) == len(files_of(series))


def test_an_unreadable_slice_does_not_take_the_others_along(series: Path):
    whole = read_volume(series)
    bad = files_of(series)[2]
    bad.write_bytes(bad.read_bytes()[:-20_000])
    volume = read_volume(series)
    assert bad.name in said(volume)[NoteKind.UNREADABLE_SLICES]["reason"]
    assert np.array_equal(np.delete(volume.voxels, 2, axis=0), np.delete(whole.voxels, 2, axis=0))
    assert (volume.voxels[2] == volume.voxels.min()).all()


def test_a_series_of_which_little_can_be_read_is_refused(series: Path):
    for file in files_of(series)[1:]:
        file.write_bytes(file.read_bytes()[:-20_000])
    with pytest.raises(ScanError, match=r"CT00\d\d\.dcm"):
        read_volume(series)


def test_a_series_spread_over_folders_is_one(series: Path):
    whole = read_volume(series)
    for number, file in enumerate(files_of(series)):
        folder = series / f"part{number % 3}"
        folder.mkdir(exist_ok=True)
        file.rename(folder / file.name)
    (entry,) = index_path(series).series
    assert entry.path == series
    assert np.array_equal(read_volume(entry.path, entry.series_uid).voxels, whole.voxels)


def test_copies_of_a_series_in_two_folders_stay_apart(series: Path):
    shutil.copytree(series, series / "copy")
    assert {entry.path for entry in index_path(series).series} == {series, series / "copy"}


def test_every_note_has_its_sentence():
    from engine.scans.notes import TEMPLATES

    assert set(TEMPLATES) == set(NoteKind)


def test_enhanced_frames_of_several_time_points_are_told_apart(shared_data: Path, tmp_path: Path):
    source = shared_data / "dicom" / "dcmqi" / "data" / "segmentations" / "23x38x3" / "multiframe" / "mf.dcm"
    dataset = pydicom.dcmread(source)
    pixels = dataset.pixel_array
    frames = list(dataset.PerFrameFunctionalGroupsSequence)
    import copy

    both = []
    for time in (1, 2):
        for groups in frames:
            again = copy.deepcopy(groups)
            again.FrameContentSequence[0].TemporalPositionIndex = time
            both.append(again)
    dataset.PerFrameFunctionalGroupsSequence = both
    dataset.NumberOfFrames = len(both)
    dataset.PixelData = np.concatenate([pixels, pixels + 5]).tobytes()
    path = tmp_path / "times.dcm"
    dataset.save_as(path)
    first, second = index_path(path).series
    one, two = (read_volume(entry.path, entry.series_uid) for entry in (first, second))
    assert np.array_equal(one.voxels + 5, two.voxels)
    assert one.has_geometry
    assert np.array_equal(one.voxels, read_volume(source).voxels)
