"""The list of scans: filtered, ordered, marked, and never more read than is shown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from engine.regions import Box, Label
from engine.scans import Plane, SeriesEntry, StudyFacts, Window
from engine.store import AnnotationStore, FileStamp, ListedScan, ScanFilter, ScanMark, ScanStatus
from engine.suggest import ImageRef

ALL = ScanFilter()


def listed(uid: str, name: str = "Doe^Jane", study: str = "1.2", date: str = "20240105", **changes) -> ListedScan:
    facts = StudyFacts(patient_name=name, patient_id=name[:3], study_date=date, study_description="Study of it")
    path = Path("/scans") / uid
    fields = {"modality": "CT", "description": f"series {uid}"} | changes
    return ListedScan(
        SeriesEntry(path, uid, study, rows=8, columns=8, slices=4, files=(path / "1.dcm",), facts=facts, **fields)
    )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[AnnotationStore]:
    with AnnotationStore.open(tmp_path / "a.sqlite") as opened:
        opened.scan_index.keep(
            [
                listed("1.1"),
                listed("1.2", modality="MR", description="T1 mapping 100%"),
                listed("2.1", "王^小明", "2.2", "20250203", description="胸部平扫"),
                listed("3.1", "ÅSTRÖM^Per", "3.3", "", description="knee"),
            ]
        )
        yield opened


def names(store: AnnotationStore, wanted: ScanFilter = ALL) -> list[str]:
    return [row.name for row in store.scans.patients(wanted, 0, 100)]


def test_patients_come_newest_first_and_undated_ones_last(store: AnnotationStore):
    assert names(store) == ["王^小明", "Doe^Jane", "ÅSTRÖM^Per"]
    assert [row.name for row in store.scans.patients(ALL, 1, 1)] == ["Doe^Jane"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("jane", ["Doe^Jane"]),
        ("jane doe", ["Doe^Jane"]),
        ("小明", ["王^小明"]),
        ("平", ["王^小明"]),
        ("åström", ["ÅSTRÖM^Per"]),
        ("T１", ["Doe^Jane"]),
        ("100%", ["Doe^Jane"]),
        ("2024-01", ["Doe^Jane"]),
        ("%", ["Doe^Jane"]),
        ("_", []),
        ("jane 平", []),
        ("'; DROP TABLE scan; --", []),
    ],
)
def test_search_finds_parts_of_words_in_any_script(store: AnnotationStore, text: str, found: list[str]):
    assert names(store, ScanFilter(text)) == found


def test_hidden_names_cannot_be_searched(store: AnnotationStore):
    assert names(store, ScanFilter("jane", names_hidden=True)) == []
    assert names(store, ScanFilter("knee", names_hidden=True)) == ["ÅSTRÖM^Per"]


def test_modality_status_and_dates_filter(store: AnnotationStore):
    assert store.scans.count(ScanFilter(modality="MR")) == 1
    assert names(store, ScanFilter(date_from="20250101")) == ["王^小明"]
    assert names(store, ScanFilter(date_to="20241231")) == ["Doe^Jane"]
    store.scan_index.mark(store.scans.find("/scans/1.1", "1.1"), ScanMark.NEEDS_REVIEW, "ann")
    assert store.scans.count(ScanFilter(status=ScanStatus.NEEDS_REVIEW)) == 1
    assert store.scans.count(ScanFilter(status=ScanStatus.NEW)) == 3
    assert store.scans.modalities() == ["CT", "MR"]


def test_opening_makes_a_scan_recent_and_in_progress_but_never_undoes_a_mark(store: AnnotationStore):
    scan = store.scans.find("/scans/1.1", "1.1")
    store.scan_index.opened(scan)
    assert store.scans.get(scan.id).status is ScanStatus.IN_PROGRESS
    assert store.worklist.find("/scans/1.1", "1.1").slice == 2
    store.scan_index.mark(scan, ScanMark.DONE, "ann")
    store.scan_index.opened(scan)
    assert store.scans.get(scan.id).status is ScanStatus.DONE
    store.scan_index.opened(store.scans.find("/scans/2.1", "2.1"))
    assert [row.series_uid for row in store.scans.recent(ALL, 5)] == ["2.1", "1.1"]


def test_marks_are_logged_with_who_and_outlive_the_list(store: AnnotationStore):
    scan = store.scans.find("/scans/1.1", "1.1")
    store.scan_index.mark(scan, ScanMark.DONE, "ann")
    assert [(entry.who, entry.what) for entry in store.audit.all()] == [("ann", "marked done")]
    store._connection.execute("DELETE FROM scan")
    store.scan_index.keep([listed("1.1")])
    assert store.scans.find("/scans/1.1", "1.1").status is ScanStatus.DONE
    assert store.audit_problems() == []


def test_a_removed_scan_comes_back_with_its_folder(store: AnnotationStore):
    scan = store.scans.find("/scans/1.1", "1.1")
    store.scan_index.mark(scan, ScanMark.REMOVED, "ann")
    assert store.scans.count(ALL) == 3
    store.scan_index.mark(scan, ScanMark.LISTED, "ann")
    assert store.scans.count(ALL) == 4


def test_next_and_previous_follow_the_list(store: AnnotationStore):
    store.scan_index.keep([ListedScan(listed("9.9", "", "9.9", "").entry, "Demo", "演示", 1, pinned=True)])
    assert walked(store) == ["9.9", "2.1", "1.1", "1.2", "3.1"]
    last = store.scans.find("/scans/1.2", "1.2")
    assert store.scans.neighbour(ScanFilter(modality="CT"), last.id, 1).series_uid == "9.9"
    assert store.scans.neighbour(ALL, last.id, -1).series_uid == "1.1"


def test_what_is_to_be_labelled_next_comes_first_in_its_order(store: AnnotationStore):
    store.scan_index.keep([ListedScan(listed("9.9", "", "9.9", "").entry, "Demo", "演示", 1, pinned=True)])
    ids = {uid: store.scans.find(f"/scans/{uid}", uid).id for uid in ("1.1", "1.2", "2.1", "3.1")}
    usual = walked(store)
    store.scan_index.put_next([ids["1.2"], ids["3.1"], ids["1.2"]])
    assert walked(store) == ["1.2", "3.1", "9.9", "2.1", "1.1"]
    assert [one.series_uid for one in store.scans.next(ALL, 0, 9)] == ["1.2", "3.1"]
    assert [one.next_place for one in store.scans.next(ALL, 0, 9)] == [1, 2]
    # Each stands once.
    assert {one.number for one in store.scans.patients(ALL, 0, 9)} == {
        store.scans.find(f"/scans/{u}", u).patient for u in ("1.1", "2.1")
    }
    assert [one.series_uid for one in store.scans.next(ScanFilter(modality="MR"), 0, 9)] == ["1.2"]
    store.scan_index.keep([listed("3.1")])
    assert walked(store)[:2] == ["1.2", "3.1"], "a folder that is read again keeps its places"
    store.scan_index.put_next([store.scans.find("/scans/9.9", "9.9").id])
    assert walked(store) == usual
    assert [one.series_uid for one in store.scans.pinned(ALL, 0, 9)] == []
    store.scan_index.put_next([])
    assert walked(store) == usual
    assert store.audit_problems() == []


def walked(store: AnnotationStore) -> list[str]:
    """Series UIDs from scan to next scan."""
    order, scan = [], store.scans.neighbour(ALL, None, 1)
    while scan is not None:
        order.append(scan.series_uid)
        scan = store.scans.neighbour(ALL, scan.id, 1)
    return order


def test_a_scan_whose_files_are_gone_stays_as_missing(store: AnnotationStore):
    file = Path("/scans/1.1/1.dcm")
    store.scan_index.keep([listed("1.1")], [FileStamp(file, 5, 6)])
    assert store.scan_index.stamps(file.parent) == {file: FileStamp(file, 5, 6)}
    store.scan_index.keep([], gone=[file])
    assert store.scans.find("/scans/1.1", "1.1").missing
    assert store.scan_index.stamps(file.parent) == {}
    store.scan_index.keep([listed("1.1")], [FileStamp(file, 5, 7)])
    assert not store.scans.find("/scans/1.1", "1.1").missing


def test_rows_hide_whose_they_are_from_logs(store: AnnotationStore):
    shown = repr(store.scans.patients(ALL, 0, 9)) + repr(store.scans.find("/scans/2.1", "2.1"))
    assert "小明" not in shown
    assert "Doe" not in shown


def test_whatever_was_decided_on_once_says_whose_it_is(store: AnnotationStore):
    def decide(uid: str, study: str, digest: str) -> int:
        image = ImageRef(Path("/scans") / uid, uid, "", "CT", Plane.AXIAL, 0, 8, 8, Window(40, 400), digest * 64)
        row = store.draw_region(image, study, Box(1, 1, 5, 5), "ann", label=Label("liver", "liver", "肝"))
        store.draw_region(replace(image, sha256="f" * 64), study, Box(1, 1, 5, 5), "ann")
        return row.root_id

    decide("2.1", "2.2", "a")
    store.reject(decide("3.1", "3.3", "b"), "ann")
    decide("9.1", "file:/scans/9.1", "c")
    with store._connection:
        store._connection.execute("UPDATE scan_patient SET key = 'worklist' WHERE name LIKE 'Å%'")
    found = [
        (view.series_uid, view.study_uid, view.view_sha256[0], view.patient) for view in store.scans.decided_views()
    ]
    assert found == [
        ("2.1", "2.2", "a", ("王^小明", "王^小")),
        ("3.1", "3.3", "b", None),
        ("9.1", "file:/scans/9.1", "c", None),
    ]
