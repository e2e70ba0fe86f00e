"""What is decided is kept, history only grows, and only our own databases are used."""

from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from engine.protocol import Language, Task
from engine.regions import Box, Label, RegionError
from engine.scans import Plane, SeriesEntry, Window
from engine.store import AnnotationStore, DecisionKind, ListedScan, RegionState, ScanMark, StoreError
from engine.store.connection import is_network_path
from engine.store.schema import AUDITED_TABLES
from engine.suggest import Candidate, ImageRef, ModelRef, SuggestedRegion, SuggestedSentence, Suggestion, SuggestTimings

LIVER = Label("liver", "liver", "肝脏")
SPLEEN = Label("spleen", "spleen", "脾脏")
IMAGE = ImageRef(Path("/scans/ct"), "1.2.3", "1.2.3.4", "CT", Plane.AXIAL, 7, 512, 400, Window(40, 400), "a" * 64)
BOX = Box(10.5, 20, 100, 200)


def suggestion(**changes: object) -> Suggestion:
    made = Suggestion(
        task=Task.REGION_TO_TEXT,
        language=Language.EN,
        image=IMAGE,
        prompt="what is <image> this?",
        raw="liver",
        text="liver",
        regions=(SuggestedRegion("liver", "肝脏", "liver", BOX, 0.9),),
        candidates=(Candidate("liver", "肝脏", "liver", 0.9), Candidate("spleen", "脾脏", "spleen", 0.1)),
        not_present=(),
        abstained=False,
        malformed=False,
        model=ModelRef("starter", "b" * 64),
        timings_ms=SuggestTimings(1, 2, 3, 4, 10),
    )
    return dataclasses.replace(made, **changes)


@pytest.fixture
def store(tmp_path: Path):
    opened = AnnotationStore.open(tmp_path / "a.sqlite")
    yield opened
    opened.close()


def test_settings_that_durability_rests_on(store: AnnotationStore):
    def pragma(name: str) -> object:
        return store._connection.execute(f"PRAGMA {name}").fetchone()[0]

    assert pragma("journal_mode") == "wal"
    assert pragma("synchronous") == 2, "FULL"
    assert pragma("foreign_keys") == 1
    assert pragma("application_id") == 0x4D524741
    assert pragma("user_version") == 8


def test_everything_about_an_accepted_suggestion_is_kept(store: AnnotationStore):
    region = store.draw_region(IMAGE, "1.2", BOX, "ann")
    kept = store.record_suggestion(suggestion(), "1.2", region.root_id)
    store.accept(region.root_id, kept.id, LIVER, "ann")
    store.close()
    again = AnnotationStore.open(store.path)
    image = again.images.find("/scans/ct", "1.2.3", Plane.AXIAL, 7)
    (row,) = again.regions.of_image(image.id)
    assert (row.box, row.label.en, row.state, row.window) == (BOX, "liver", RegionState.ACCEPTED, Window(40, 400))
    answer = again.suggestions.of_region(row.root_id)
    assert (answer.prompt, answer.raw, answer.model_sha256) == ("what is <image> this?", "liver", "b" * 64)
    assert answer.latency_ms == 10
    assert answer.candidates[1] == ("spleen", "脾脏", "spleen", 0.1)
    (verdict,) = again.verdicts.of_region(row.root_id)
    assert (verdict.kind, verdict.suggestion_id, verdict.who) == ("accepted", kept.id, "ann")
    assert '"label":null' in verdict.before
    assert '"suggested":{"label":["liver","liver","肝脏"],"probability":0.9}' in verdict.before
    assert "肝脏" in verdict.after
    again.close()


def test_history_keeps_every_step_and_undo_appends(store: AnnotationStore):
    region = store.draw_region(IMAGE, "1.2", BOX, "ann")
    first = store.correct(region.root_id, LIVER, "ann")
    store.correct(region.root_id, SPLEEN, "bob", box=Box(1, 2, 3, 4))
    store.reject(region.root_id, "bob")
    assert store.regions.of_image(region.image_id) == []
    back = store.revert(region.root_id, first.id, "bob")
    assert (back.label.en, back.box) == ("liver", BOX)
    states = [row.state.value for row in store.regions.history(region.root_id)]
    assert states == ["drawn", "edited", "edited", "rejected", "edited"]
    assert [v.kind for v in store.verdicts.of_region(region.root_id)] == ["edited", "edited", "rejected", "restored"]


def test_a_row_of_another_region_cannot_be_restored(store: AnnotationStore):
    one, two = (store.draw_region(IMAGE, "1.2", BOX, "ann") for _ in range(2))
    with pytest.raises(StoreError, match="not part of region"):
        store.revert(one.root_id, two.id, "ann")


def test_a_region_that_is_not_there_is_an_error_with_a_remedy(store: AnnotationStore):
    with pytest.raises(StoreError, match="no region 7"):
        store.reject(7, "ann")
    assert list(store.audit.all()) == []


def test_an_answer_about_another_region_cannot_be_accepted(store: AnnotationStore):
    one, two = (store.draw_region(IMAGE, "1.2", BOX, "ann") for _ in range(2))
    answer = store.record_suggestion(suggestion(), "1.2", two.root_id)
    with pytest.raises(StoreError, match="is not about region 1"):
        store.accept(one.root_id, answer.id, LIVER, "ann")
    assert store.regions.current(one.root_id) == one


def test_a_correction_cannot_leave_the_image(store: AnnotationStore):
    region = store.draw_region(IMAGE, "1.2", BOX, "ann")
    with pytest.raises(RegionError, match="512 x 400"):
        store.correct(region.root_id, LIVER, "ann", box=Box(0, 0, 10, 500))
    assert store.regions.current(region.root_id) == region


def test_a_box_and_the_answer_about_it_are_kept_together(store: AnnotationStore):
    region, answer = store.record_asked(suggestion(), "1.2", BOX, "ann")
    assert (region.state, region.label, answer.region_root_id) == (RegionState.DRAWN, None, region.root_id)
    assert len(list(store.audit.all())) == 1


def test_numpy_boxes_are_kept_as_plain_numbers(store: AnnotationStore):
    region = store.draw_region(IMAGE, "1.2", Box(*np.array([1, 2, 30, 40], np.float32)), "ann")
    assert region.box == Box(1, 2, 30, 40)


def test_an_answer_that_found_nothing_is_kept_too(store: AnnotationStore):
    assert store.record_found(suggestion(task=Task.TEXT_TO_REGION, regions=(), not_present=("liver",)), "1", "a") == []
    assert store.suggestions.get(1).region_root_id is None


def test_found_boxes_become_suggested_regions(store: AnnotationStore):
    boxes = (BOX, Box(200, 200, 220, 240))
    regions = tuple(SuggestedRegion("liver", "肝脏", "liver", box, 0.5) for box in boxes)
    kept = store.record_found(suggestion(task=Task.TEXT_TO_REGION, regions=regions, candidates=()), "1.2", "ann")
    assert [row.box for row, _ in kept] == list(boxes)
    assert [answer.probability for _, answer in kept] == [0.5, 0.5]


def test_a_grounded_report_is_kept_whole_and_each_region_with_what_is_said_of_it(store: AnnotationStore):
    liver, spleen = (SuggestedRegion(name, "", name, BOX, 0.5) for name in ("liver", "spleen"))
    sentences = (SuggestedSentence("large", (liver,)), SuggestedSentence("small", (spleen,)))
    made = suggestion(
        task=Task.GROUNDED_REPORT, regions=(liver, spleen), candidates=(), sentences=sentences, text="large small"
    )
    kept = store.record_found(made, "1.2", "ann")
    assert [(row.label.id, answer.text) for row, answer in kept] == [("liver", "large"), ("spleen", "small")]
    (whole,) = store.suggestions.of_image(kept[0][0].image_id)
    assert (whole.task, whole.text, whole.region_root_id) == ("grounded_report", "large small", None)
    assert store.audit_problems() == []


def test_labels_that_may_hold_together_are_kept_as_what_was_said(store: AnnotationStore):
    labels = (Candidate("edema", "", "", 0.9), Candidate("mass", "肿块", "mass", 0.8))
    row = store.record_suggestion(suggestion(task=Task.DIAGNOSIS, regions=(), candidates=(), labels=labels), "1.2")
    assert row.candidates == (("edema", "", "", 0.9), ("mass", "肿块", "mass", 0.8))
    assert store.suggestions.of_image(row.image_id) == [row]


def test_a_box_outside_the_image_writes_nothing(store: AnnotationStore):
    with pytest.raises(RegionError, match="512 x 400"):
        store.draw_region(IMAGE, "1.2", Box(0, 0, 600, 10), "ann")
    assert store.images.find("/scans/ct", "1.2.3", Plane.AXIAL, 7) is None
    assert list(store.audit.all()) == []


@pytest.mark.parametrize("table", [*AUDITED_TABLES, "audit"])
@pytest.mark.parametrize(
    "verb",
    ["UPDATE {0} SET created = 'x'", "DELETE FROM {0}", "REPLACE INTO {0} SELECT * FROM {0} ORDER BY 1 DESC LIMIT 1"],
)
def test_sql_cannot_rewrite_what_was_decided(store: AnnotationStore, table: str, verb: str):
    store.tasks.add_annotator("ann", "ann")
    store.tasks.assign(IMAGE.path, "1.2.3", "ann", "ann")
    store.labels.keep_own_label("own-vein", "vein", "静脉", "ann")
    region = store.draw_region(IMAGE, "1.2", BOX, "ann")
    kept = store.record_suggestion(suggestion(), "1.2", region.root_id)
    store.accept(region.root_id, kept.id, LIVER, "ann")
    answer, _ = store.answers.keep(suggestion(task=Task.REPORT), "1.2", "ann", {})
    store.answers.judge(answer.suggestion.id, DecisionKind.ACCEPTED, "ann")
    (scan,) = store.scan_index.keep([ListedScan(SeriesEntry(IMAGE.path, "1.2.3", "1.2", "CT", "", 8, 8, 8, ()))])
    store.scan_index.mark(store.scans.get(scan), ScanMark.DONE, "ann")
    store.snapshots.keep("c" * 64, "{}", "{}", IMAGE.path, "ann")
    column = {"audit": "at", "image": "plane"}.get(table, "created")
    sql = verb.format(table).replace("created", column)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        store._connection.execute(sql)


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path):
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (x)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        AnnotationStore.open(path)
    assert path.read_bytes() == before


def test_a_newer_database_is_read_but_never_written(tmp_path: Path):
    path = tmp_path / "a.sqlite"
    with AnnotationStore.open(path) as store:
        root = store.draw_region(IMAGE, "1.2", BOX, "ann").root_id
        store.add_to_worklist(IMAGE.path, "1.2.3", "CT", "CT影像")
        assert store.notice == ""
    with sqlite3.connect(path) as newer:
        newer.execute("ALTER TABLE region ADD COLUMN colour TEXT")
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    before = path.read_bytes()
    with AnnotationStore.open(path) as store:
        assert "newer version" in store.notice
        assert "update" in store.notice
        assert store.regions.current(root).box == BOX
        with pytest.raises(StoreError, match="newer version"):
            store.reject(root, "ann")
        with pytest.raises(StoreError, match="newer version"):
            store.add_to_worklist(Path("/scans/mr"), "", "MR", "MR")
        store.keep_view(IMAGE.path, "1.2.3", Plane.AXIAL, 3, None)
        store.set_setting("answer_language", "zh")
        assert store.setting("answer_language", "en") == "en"
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            store._connection.execute("DELETE FROM worklist")
        store.backup(tmp_path / "copy.sqlite")
    assert path.read_bytes() == before


def test_a_database_too_new_to_be_read_is_refused_with_a_remedy(tmp_path: Path):
    path = tmp_path / "a.sqlite"
    AnnotationStore.open(path).close()
    with sqlite3.connect(path) as newer:
        newer.execute("ALTER TABLE region RENAME COLUMN x1 TO left")
        newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(StoreError, match=r"keeps region\.x1 elsewhere: update"):
        AnnotationStore.open(path)


def test_a_damaged_database_is_named(tmp_path: Path):
    path = tmp_path / "a.sqlite"
    path.write_bytes(b"SQLite format 3\0" + b"\xff" * 5000)
    with pytest.raises(StoreError, match=r"a\.sqlite"):
        AnnotationStore.open(path)


def test_a_locked_database_says_that_nothing_was_kept(store: AnnotationStore):
    store._connection.execute("PRAGMA busy_timeout = 50")
    other = sqlite3.connect(store.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StoreError, match="was not kept"):
        store.draw_region(IMAGE, "1.2", BOX, "ann")
    other.execute("ROLLBACK")
    other.close()
    assert store.draw_region(IMAGE, "1.2", BOX, "ann").id == 1


def test_a_backup_of_an_open_database_is_whole(store: AnnotationStore, tmp_path: Path):
    region = store.draw_region(IMAGE, "1.2", BOX, "ann")
    store.backup(tmp_path / "copy.sqlite")
    copy = AnnotationStore.open(tmp_path / "copy.sqlite")
    assert copy.regions.current(region.root_id) == region
    assert copy.integrity_problems() == []
    copy.close()


def test_the_worklist_remembers_what_was_on_screen(store: AnnotationStore):
    path = Path("/scans/ct")
    store.add_to_worklist(path, "1.2.3", "CT", "CT影像", 3)
    store.add_to_worklist(path, "1.2.3", "CT", "CT影像", 9)
    store.keep_view(path, "1.2.3", Plane.AXIAL, 12, Window(50, 300))
    (row,) = store.worklist.all()
    assert (row.slice, row.window, row.plane) == (12, Window(50, 300), Plane.AXIAL)
    assert store.worklist.last_opened() == row


def test_the_worklist_counts_each_series_of_a_folder_by_itself(store: AnnotationStore):
    store.add_to_worklist(IMAGE.path, "1.2.3", "CT", "CT影像")
    store.add_to_worklist(IMAGE.path, "9.9.9", "CT 2", "CT影像 2")
    store.add_to_worklist(IMAGE.path, "", "the folder", "文件夹")
    for _ in range(3):
        root = store.draw_region(IMAGE, "1.2", BOX, "ann").root_id
    store.correct(root, LIVER, "ann")
    assert [(row.decided, row.open) for row in store.worklist.all()] == [(1, 2), (0, 0), (1, 2)]


def test_a_scan_is_the_same_from_every_working_folder(store: AnnotationStore, tmp_path: Path, monkeypatch):
    (tmp_path / "ct").mkdir()
    monkeypatch.chdir(tmp_path)
    store.draw_region(dataclasses.replace(IMAGE, path=Path("ct")), "1.2", BOX, "ann")
    monkeypatch.chdir("/")
    assert store.images.find(tmp_path / "ct", "1.2.3", Plane.AXIAL, 7) is not None


def test_a_backup_onto_the_database_itself_is_refused(store: AnnotationStore, tmp_path: Path):
    (tmp_path / "link.sqlite").symlink_to(store.path)
    for target in (store.path, tmp_path / "link.sqlite"):
        with pytest.raises(StoreError, match="the database itself"):
            store.backup(target)


def test_a_backup_that_cannot_be_written_leaves_nothing(store: AnnotationStore, tmp_path: Path):
    with pytest.raises(StoreError, match="cannot write the backup"):
        store.backup(tmp_path / "nowhere" / "copy.sqlite")


def test_network_drives_are_told_from_local_ones(tmp_path: Path):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\n", encoding="utf-8")
    assert is_network_path(tmp_path / "a.sqlite", mounts)
    assert not is_network_path(Path("/usr/a.sqlite"), mounts)
