"""Folders into the list of scans, with real files."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

import pytest
from PIL import Image

from engine.browse import THUMBNAIL_PIXELS, index_into, indexing, make_thumbnail
from engine.progress import Cancelled, NoProgress
from engine.scans import index
from engine.store import AnnotationStore, ScanFilter, ScanMark

ALL = ScanFilter()


class StopsAfter:
    """Cancels once so many reports have come."""

    def __init__(self, checks: int) -> None:
        self.left = checks

    def report(self, done: int, total: int, what: str) -> None:
        """Nobody looks."""

    def cancelled(self) -> bool:
        self.left -= 1
        return self.left < 0


@pytest.fixture
def folder(tmp_path: Path, phantom_series: Path, pydicom_files: Path) -> Path:
    made = tmp_path / "scans"
    shutil.copytree(phantom_series / "dicom", made / "ct")
    shutil.copy(pydicom_files / "MR_small.dcm", made / "mr.dcm")
    (made / "notes.txt").write_text("not a scan")
    return made


@pytest.fixture
def store(tmp_path: Path):
    with AnnotationStore.open(tmp_path / "a.sqlite") as opened:
        yield opened


def test_a_folder_is_indexed_once_and_then_only_what_changed(store: AnnotationStore, folder: Path):
    count = sum(1 for file in folder.rglob("*") if file.is_file())
    first = index_into(store, [folder], NoProgress())
    assert (len(first.scans), first.files, first.skipped) == (2, count, 0)
    assert [problem.path.name for problem in first.problems] == ["notes.txt"]
    again = index_into(store, [folder], NoProgress())
    assert (again.scans, again.files, again.skipped) == (first.scans, 0, count)
    shutil.copy(folder / "mr.dcm", folder / "other.dcm")
    third = index_into(store, [folder], NoProgress())
    assert third.files == 2, "the new file and the one that has its series UID, not the CT"


def test_a_slice_that_comes_later_joins_its_series(store: AnnotationStore, folder: Path, tmp_path: Path):
    late = sorted((folder / "ct").iterdir())[-1]
    late.rename(tmp_path / "late.dcm")
    index_into(store, [folder], NoProgress())
    (before,) = [row for row in _scans(store) if row.modality == "CT"]
    (tmp_path / "late.dcm").rename(late)
    index_into(store, [folder], NoProgress())
    (after,) = [row for row in _scans(store) if row.modality == "CT"]
    assert (after.id, after.slices) == (before.id, before.slices + 1)


def test_a_file_of_a_folder_of_thousands_is_read_once_and_its_series_is_whole(
    store: AnnotationStore, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    read: list[Path] = []
    real = index.read_header

    def counted(path: Path):
        read.append(path)
        return real(path)

    monkeypatch.setattr(index, "read_header", counted)
    monkeypatch.setattr(indexing, "_FILES_AT_ONCE", 3)
    files = sorted((folder / "ct").iterdir())
    done = index_into(store, [folder / "ct"], NoProgress())
    assert len(files) > 6
    assert sorted(read) == files
    assert (done.files, store.scans.get(done.scans[0]).slices) == (len(files), len(files))


def test_part_of_a_series_that_was_looked_at_is_no_scan_once_the_rest_is_found(
    store: AnnotationStore, folder: Path, monkeypatch: pytest.MonkeyPatch
):
    spread = folder / "spread"
    for number, file in enumerate(sorted((folder / "ct").iterdir())):
        part = spread / f"{number % 2}"
        part.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, part)
    monkeypatch.setattr(indexing, "_BATCH_SECONDS", 0)
    looked_at: list[str] = []

    def look(scans: list[int]) -> None:
        for scan in map(store.scans.get, scans):
            looked_at.append(scan.path)
            store.scan_index.opened(scan)

    done = index_into(store, [spread], NoProgress(), look)
    assert looked_at[0] == str(spread / "0"), "it was there before the rest was read"
    (whole,) = _scans(store)
    assert done.scans == (whole.id,)
    assert (whole.path, whole.slices, whole.missing) == (str(spread), number + 1, False)


def test_what_vanished_is_missing_and_comes_back(store: AnnotationStore, folder: Path, tmp_path: Path):
    index_into(store, [folder], NoProgress())
    (folder / "ct").rename(tmp_path / "elsewhere")
    index_into(store, [folder], NoProgress())
    assert {row.modality: row.missing for row in _scans(store)} == {"CT": True, "MR": False}
    (tmp_path / "elsewhere").rename(folder / "ct")
    index_into(store, [folder], NoProgress())
    assert not any(row.missing for row in _scans(store))


def test_indexing_that_was_cut_off_goes_on_where_it_was(store: AnnotationStore, folder: Path):
    for number in range(5):
        shutil.copytree(folder / "ct", folder / f"more{number}")
    total = sum(1 for file in folder.rglob("*") if file.is_file())
    slices = sum(1 for _ in (folder / "ct").iterdir())
    with pytest.raises(Cancelled):
        index_into(store, [folder], StopsAfter(3 * slices))
    kept = store.scans.count(ALL)
    assert kept >= 1
    rest = index_into(store, [folder], NoProgress())
    assert 0 < rest.files < total
    assert rest.files + rest.skipped == total
    assert store.scans.count(ALL) == 7


def test_a_file_of_an_indexed_folder_is_the_scan_it_belongs_to(store: AnnotationStore, folder: Path):
    index_into(store, [folder], NoProgress())
    one = next((folder / "ct").iterdir())
    (scan,) = index_into(store, [one], NoProgress()).scans
    assert store.scans.get(scan).path == str(folder / "ct")


def test_a_path_that_is_not_there_is_named_and_the_others_go_on(store: AnnotationStore, folder: Path):
    done = index_into(store, [folder / "gone", folder], NoProgress())
    assert "gone" in done.problems[0].reason
    assert len(done.scans) == 2


def test_a_thumbnail_is_small_has_true_proportions_and_says_nothing(store: AnnotationStore, folder: Path):
    index_into(store, [folder], NoProgress())
    (scan,) = [row for row in _scans(store) if row.modality == "CT"]
    png = make_thumbnail(Path(scan.path), scan.series_uid, store.scans.middle_file(scan.id))
    picture = Image.open(io.BytesIO(png))
    assert max(picture.size) == THUMBNAIL_PIXELS
    assert picture.info == {}
    store.scan_index.keep_thumbnail(scan.id, png)
    assert store.scans.thumbnail(scan.id) == png


def test_real_folders_are_listed_as_they_are_read(store: AnnotationStore, shared_data: Path):
    found = index_into(store, [shared_data / "dicom" / "pydicom"], NoProgress())
    assert len(found.scans) == store.scans.count(ALL) > 20
    assert index_into(store, [shared_data / "dicom" / "pydicom"], NoProgress()).files == 0
    assert store.integrity_problems() == []


def _scans(store: AnnotationStore):
    found, scan = [], store.scans.neighbour(ALL, None, 1)
    while scan is not None:
        found.append(scan)
        scan = store.scans.neighbour(ALL, scan.id, 1)
    return found


def test_an_archive_and_a_dicomdir_that_are_added_again_are_found_again(
    store: AnnotationStore, folder: Path, tmp_path: Path, pydicom_files: Path
):
    archive = Path(shutil.make_archive(str(tmp_path / "exam"), "zip", folder / "ct"))
    first = index_into(store, [archive], NoProgress())
    assert len(first.scans) == 1
    store.scan_index.mark(store.scans.get(first.scans[0]), ScanMark.REMOVED, "tester")
    again = index_into(store, [archive], NoProgress())
    assert (again.scans, again.skipped) == (first.scans, 1)
    assert store.scans.count(ALL) == 1, "who adds it again wants to see it"
    disc = tmp_path / "disc"
    shutil.copytree(pydicom_files / "dicomdirtests", disc)
    listed = index_into(store, [disc / "DICOMDIR"], NoProgress()).scans
    assert listed
    assert set(index_into(store, [disc / "DICOMDIR"], NoProgress()).scans) == set(listed)


def test_an_archive_that_is_gone_leaves_its_scans_as_missing(store: AnnotationStore, folder: Path, tmp_path: Path):
    outer = tmp_path / "inbox"
    outer.mkdir()
    archive = Path(shutil.make_archive(str(outer / "exam"), "zip", folder / "ct"))
    (number,) = index_into(store, [archive], NoProgress()).scans
    archive.unlink()
    index_into(store, [outer], NoProgress())
    assert store.scans.get(number).missing
