"""Gestures are durable, history only grows, and the audit log cannot be changed unnoticed."""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from engine.protocol import Language, Task
from engine.regions import Box, Label, RegionError
from engine.scans import Plane, Window
from engine.store import AnnotationStore, RegionState, StoreError, verify_chain
from engine.store.connection import is_network_path
from engine.suggest import Candidate, ImageRef, ModelRef, SuggestedRegion, Suggestion, SuggestTimings

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
    assert pragma("user_version") == 1


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


def test_found_boxes_become_suggested_regions(store: AnnotationStore):
    boxes = (BOX, Box(200, 200, 220, 240))
    regions = tuple(SuggestedRegion("liver", "肝脏", "liver", box, 0.5) for box in boxes)
    kept = store.record_found(suggestion(task=Task.TEXT_TO_REGION, regions=regions, candidates=()), "1.2", "ann")
    assert [row.box for row, _ in kept] == list(boxes)
    assert [answer.probability for _, answer in kept] == [0.5, 0.5]


def test_a_box_outside_the_image_writes_nothing(store: AnnotationStore):
    with pytest.raises(RegionError, match="512 x 400"):
        store.draw_region(IMAGE, "1.2", Box(0, 0, 600, 10), "ann")
    assert store.images.find("/scans/ct", "1.2.3", Plane.AXIAL, 7) is None
    assert list(store.audit.all()) == []


@pytest.mark.parametrize("table", ["region", "suggestion", "verdict", "audit"])
@pytest.mark.parametrize("verb", ["UPDATE {0} SET created = 'x'", "DELETE FROM {0}"])
def test_sql_cannot_rewrite_what_was_decided(store: AnnotationStore, table: str, verb: str):
    region = store.draw_region(IMAGE, "1.2", BOX, "ann")
    kept = store.record_suggestion(suggestion(), "1.2", region.root_id)
    store.accept(region.root_id, kept.id, LIVER, "ann")
    sql = verb.format(table).replace("created", "at") if table == "audit" else verb.format(table)
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        store._connection.execute(sql)


def test_any_change_to_the_audit_log_is_found(store: AnnotationStore):
    for _ in range(8):
        region = store.draw_region(IMAGE, "1.2", BOX, "ann")
        store.correct(region.root_id, LIVER, "ann")
    entries = list(store.audit.all())
    assert verify_chain(entries) is None
    rng = random.Random(1)
    for _ in range(300):
        number = rng.randrange(len(entries))
        name = rng.choice(["at", "who", "what", "detail", "previous", "hash"])
        text = getattr(entries[number], name)
        at = rng.randrange(len(text))
        changed = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
        forged = [*entries]
        forged[number] = dataclasses.replace(entries[number], **{name: changed})
        assert verify_chain(forged) is not None
    assert verify_chain(entries[1:]) == 1
    assert verify_chain([*entries[:3], *entries[4:]]) == 4


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path):
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE t (x)")
    before = path.read_bytes()
    with pytest.raises(StoreError, match="another program"):
        AnnotationStore.open(path)
    assert path.read_bytes() == before


def test_a_newer_database_is_refused_with_a_remedy(tmp_path: Path):
    path = tmp_path / "a.sqlite"
    AnnotationStore.open(path).close()
    with sqlite3.connect(path) as newer:
        newer.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer version"):
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


def test_network_drives_are_told_from_local_ones(tmp_path: Path):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/x {tmp_path} nfs4 rw 0 0\n", encoding="utf-8")
    assert is_network_path(tmp_path / "a.sqlite", mounts)
    assert not is_network_path(Path("/usr/a.sqlite"), mounts)


_LABELLER = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    from engine.regions import Box, Label
    from engine.scans import Plane, Window
    from engine.store import AnnotationStore
    from engine.suggest import ImageRef

    image = ImageRef(Path("/scans/ct"), "1", "", "CT", Plane.AXIAL, 0, 512, 512, Window(40, 400), "a" * 64)
    store = AnnotationStore.open(Path(sys.argv[1]))
    while True:
        row = store.draw_region(image, "1", Box(1, 2, 3, 4), "ann")
        print("drawn", row.id, flush=True)
        row = store.correct(row.root_id, Label("liver", "liver", "x"), "ann")
        print("named", row.id, flush=True)
    """
)


def test_a_killed_labeller_loses_no_gesture(tmp_path: Path):
    """kill -9 at a random instant: what was said to be kept is there, and the file is whole."""
    path = tmp_path / "a.sqlite"
    rng = random.Random(5)
    promised: set[int] = set()
    for _ in range(6):
        child = subprocess.Popen([sys.executable, "-c", _LABELLER, str(path)], stdout=subprocess.PIPE, text=True)
        wanted = rng.randrange(3, 40)
        for _ in range(wanted):
            promised.add(int(child.stdout.readline().split()[1]))
        os.kill(child.pid, signal.SIGKILL)
        rest = child.communicate()[0]
        # A last line may be cut by the kill; whole ones were promised too.
        promised.update(int(line.split()[1]) for line in rest.splitlines(keepends=True) if line.endswith("\n"))
        store = AnnotationStore.open(path)
        kept = {row[0] for row in store._connection.execute("SELECT id FROM region")}
        assert promised <= kept
        assert store.integrity_problems() == []
        assert verify_chain(store.audit.all()) is None
        store.close()
