"""What was said to be kept is kept: kills, full disks, two processes, migrations that fail."""

from __future__ import annotations

import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlite_utils import Database

from engine.regions import Box, Label
from engine.scans import Plane, Window
from engine.store import AnnotationStore, ScanFilter, ScanStatus, StoreError
from engine.store import connection as connection_module
from engine.store.schema import APPLICATION_ID, MIGRATIONS
from engine.suggest import ImageRef

SCHEMAS = Path(__file__).parent
KILLS = int(os.environ.get("MEDREGA_KILLS", "20"))
"""200 before a release: ``MEDREGA_KILLS=200 pytest tests/engine/store/test_durability.py -k killed``."""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_killed_labellers_lose_no_gesture(tmp_path: Path):
    """kill -9 at a random instant of labelling; then every gesture that was said is there and the file is whole."""
    path, rng = tmp_path / "a.sqlite", random.Random(5)
    said: dict[tuple[str, int], str] = {}
    script = [sys.executable, Path(__file__).with_name("labeller.py"), path]
    with subprocess.Popen(script, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as nursery:
        for number in range(KILLS):
            nursery.stdin.write("go\n")
            nursery.stdin.flush()
            labeller = int(nursery.stdout.readline())
            # From "while the file is made or opened" to "a second time round all the gestures".
            killer = threading.Timer(rng.uniform(0, 0.25), os.kill, (labeller, signal.SIGKILL))
            killer.start()
            draft = -1
            while (line := nursery.stdout.readline()) != "killed\n":
                match line.split():
                    case ["draft", text]:
                        draft = int(text)
                    case [table, row, state]:
                        said[table, int(row)] = state
            with AnnotationStore.open(path) as store:
                kept = _rows(path)
                assert {name: kept.get(name) for name in said} == said
                assert all(int(row.shape) >= draft for row in store.drafts.of_person("ann"))
                assert draft < 0 or store.drafts.of_person("ann")
                if number % 10 == 9 or number == KILLS - 1:
                    assert store.integrity_problems() == []
                    assert store.audit_problems() == []
        nursery.stdin.close()
    assert len(said) > KILLS, "the labellers were killed before they did anything"
    assert {"region", "task", "task_event"} <= {table for table, _ in said}


def _rows(path: Path) -> dict[tuple[str, int], str]:
    reader = sqlite3.connect(path)
    found = {
        (table, id): str(state)
        for table, column in (("region", "state"), ("task", "reading"), ("task_event", "state"))
        for id, state in reader.execute(f"SELECT id, {column} FROM {table}")
    }
    reader.close()
    return found


def test_a_full_disk_keeps_what_was_there_and_says_so(worked: AnnotationStore, work: Callable[..., None]):
    entries = len(list(worked.audit.all()))
    pages = worked._connection.execute("PRAGMA page_count").fetchone()[0]
    worked._connection.execute(f"PRAGMA max_page_count = {pages}")

    def work_on() -> None:
        for _ in range(200):
            work(worked)

    with pytest.raises(StoreError, match=r"worked\.sqlite could not write: database or disk is full"):
        work_on()
    assert worked.audit_problems() == []
    assert worked.integrity_problems() == []
    full = len(list(worked.audit.all()))
    worked._connection.execute(f"PRAGMA max_page_count = {pages * 100}")
    work(worked)
    assert len(list(worked.audit.all())) == full + 18
    assert full >= entries


def test_an_error_in_the_middle_of_a_gesture_undoes_all_of_it(worked: AnnotationStore, monkeypatch):
    before = list(worked._connection.iterdump())
    monkeypatch.setattr("engine.store.gesture.entry_hash", lambda *_: None)
    with pytest.raises(StoreError, match=r"NOT NULL constraint failed: audit\.hash"):
        worked.reject(1, "ann")
    assert list(worked._connection.iterdump()) == before


def test_another_thread_reads_while_this_one_writes(worked: AnnotationStore, work: Callable[..., None]):
    stop = threading.Event()

    def read() -> int:
        reads = 0
        with AnnotationStore.open(worked.path) as reader:
            while not stop.is_set():
                # A gesture is seen whole or not at all.
                assert reader.audit_problems() == []
                reads += 1
        return reads

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        for _ in range(10):
            work(worked)
        stop.set()
        assert reading.result(timeout=60) > 0


def test_a_new_file_opened_by_many_at_once_is_made_once(tmp_path: Path):
    path, barrier = tmp_path / "a.sqlite", threading.Barrier(6)

    def open_it() -> None:
        barrier.wait()
        AnnotationStore.open(path).close()

    with ThreadPoolExecutor(6) as pool:
        for opening in [pool.submit(open_it) for _ in range(6)]:
            opening.result(timeout=60)
    with AnnotationStore.open(path) as store:
        assert store.integrity_problems() == []


@pytest.mark.parametrize("version", range(1, len(MIGRATIONS) + 1))
def test_each_schema_is_what_it_was_when_it_shipped(version: int, tmp_path: Path, monkeypatch):
    """A migration never changes once people have files made by it. Remove the file to write it anew."""
    monkeypatch.setattr(connection_module, "MIGRATIONS", MIGRATIONS[:version])
    shipped = SCHEMAS / f"schema_{version}.sql"
    with AnnotationStore.open(tmp_path / "a.sqlite") as store:
        statements = [row[0] for row in store._connection.execute("SELECT sql FROM sqlite_master") if row[0]]
    # Only the words count, not how a version of sqlite-utils lays them out.
    made = "".join(sorted(" ".join(statement.split()) + ";\n" for statement in statements))
    if not shipped.exists():
        shipped.write_text(made, encoding="utf-8")
        pytest.fail(f"{shipped.name} was written: look at it and commit it")
    assert made == shipped.read_text(encoding="utf-8")


def test_a_database_of_schema_1_keeps_its_work_and_its_worklist_comes_first(tmp_path: Path):
    path = tmp_path / "old.sqlite"
    with sqlite3.connect(path) as old:
        statements = (SCHEMAS / "schema_1.sql").read_text(encoding="utf-8").splitlines()
        for statement in sorted(statements, key=lambda one: not one.startswith("CREATE TABLE")):
            old.execute(statement)
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        old.execute("PRAGMA user_version = 1")
        row = "INSERT INTO worklist (path, series_uid, title_en, title_zh, slice, opened) VALUES (?, ?, ?, ?, ?, ?)"
        old.execute(row, ["/scans/ct", "1.2.3", "CT abdomen", "腹部CT", 7, "2026-01-01"])
        old.execute(row, ["/scans/mr.nii", "", "MR", "MRI", 0, None])
    old.close()
    with AnnotationStore.open(path) as store:
        assert store.integrity_problems() == []
        first, second = store.scans.pinned(ScanFilter(), 0, 9)
        assert (first.path, first.title_zh, first.status) == ("/scans/ct", "腹部CT", ScanStatus.IN_PROGRESS)
        assert (second.path, second.status) == ("/scans/mr.nii", ScanStatus.NEW)
        assert store.scans.patients(ScanFilter(), 0, 9) == []
        assert store.worklist.last_opened().slice == 7
    assert path.with_name("old.sqlite.schema1.backup").exists()


def test_a_database_of_schema_2_keeps_every_row_and_its_log_vouches_for_them(tmp_path: Path):
    path = tmp_path / "old.sqlite"
    with sqlite3.connect(path) as old:
        old.executescript((SCHEMAS / "work_2.sql").read_text(encoding="utf-8"))
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        old.execute("PRAGMA user_version = 2")
        kept = {table: old.execute(f"SELECT * FROM {table} ORDER BY id").fetchall() for table in ("region", "verdict")}
        entries = old.execute("SELECT count(*) FROM audit").fetchone()[0]
    old.close()
    with AnnotationStore.open(path) as store:
        assert store.integrity_problems() == []
        assert store.audit_problems() == []
        assert len(list(store.audit.all())) == entries == 9
        for table, rows in kept.items():
            now = store._connection.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()
            assert [row[: len(rows[0])] for row in now] == rows
            assert {row[len(rows[0]) :] for row in now} == {(None,) * (len(now[0]) - len(rows[0]))}
        for row in store.regions.labelled(Label("liver", "liver", "肝脏")):
            assert (row.shape, row.is_key, row.locked, row.reading_id) == (None, True, False, None)
            ellipse = '{"angle_deg":0,"cx":55.25,"cy":110,"kind":"ellipse","rx":44.75,"ry":90}'
            assert store.edits.edit_shape(row.root_id, row.box, "ann", shape=ellipse).label == row.label
        assert store.audit_problems() == []
    assert path.with_name("old.sqlite.schema2.backup").exists()


def test_a_database_of_schema_4_keeps_every_row_and_gets_its_list_of_snapshots(tmp_path: Path, monkeypatch):
    path = tmp_path / "old.sqlite"
    monkeypatch.setattr(connection_module, "MIGRATIONS", MIGRATIONS[:4])
    with AnnotationStore.open(path) as old:
        row = old.draw_region(_image(), "1.2", Box(1, 2, 30, 40), "ann", label=Label("liver", "liver", "肝脏"))
    monkeypatch.undo()
    with AnnotationStore.open(path) as store:
        assert store.regions.current(row.root_id) == row
        assert store.snapshots.all() == []
        kept = store.snapshots.keep("ab" * 32, "{}", "{}", tmp_path / "set", "ann")
        assert store.snapshots.keep("ab" * 32, "{}", "{}", tmp_path / "set", "bob") == kept
        assert store.snapshots.find("abab") == kept
        with pytest.raises(StoreError, match="take one, or import it"):
            store.snapshots.find("cd")
        assert store.integrity_problems() == store.audit_problems() == []
    assert path.with_name("old.sqlite.schema4.backup").exists()


def test_a_database_of_schema_5_keeps_its_scans_and_reads_their_files_again(tmp_path: Path, monkeypatch):
    """To learn where they were made."""
    path, folder = tmp_path / "old.sqlite", tmp_path / "ct"
    monkeypatch.setattr(connection_module, "MIGRATIONS", MIGRATIONS[:5])
    with AnnotationStore.open(path) as old:
        connection = old._connection
        connection.execute("INSERT INTO scan_patient VALUES (1, 'k', 'Doe^Jane', 'D1', 'ct')")
        row = {"path": str(folder), "series_uid": "1.2", "patient": 1, "rows": 8, "columns": 8, "slices": 4, "start": 2}
        texts = ("study_uid", "study_date", "study_description", "modality", "description", "title_en", "title_zh")
        row |= dict.fromkeys((*texts, "added", "search", "search_names"), "") | {"status": "new", "pinned": 0}
        names = ", ".join(row)
        connection.execute(f"INSERT INTO scan ({names}) VALUES ({', '.join('?' * len(row))})", list(row.values()))
        file = [str(folder / "1.dcm"), str(folder), 100, 5, 1, 0]
        connection.execute(
            "INSERT INTO scan_file (path, folder, size, mtime_ns, scan_id, place) VALUES (?, ?, ?, ?, ?, ?)", file
        )
        assert [stamp.mtime_ns for stamp in old.scan_index.stamps(folder).values()] == [5]
    monkeypatch.undo()
    with AnnotationStore.open(path) as store:
        assert store.scans.find(folder, "1.2").slices == 4
        assert [stamp.mtime_ns for stamp in store.scan_index.stamps(folder).values()] == [-1]
        assert store.scans.institutions_of_sources() == {}
        assert store.integrity_problems() == store.audit_problems() == []


def _image() -> ImageRef:
    return ImageRef(Path("/scans/ct"), "1.2.3", "", "CT", Plane.AXIAL, 7, 512, 400, Window(40, 400), "a" * 64)


def _next(db: Database) -> None:
    db["region"].add_column("polygon", str)
    db["series"].add_column("note", str)


def test_a_migration_keeps_everything_and_a_backup_from_before(worked: AnnotationStore, monkeypatch):
    path, entries = worked.path, list(worked.audit.all())
    worked.close()
    monkeypatch.setattr(connection_module, "MIGRATIONS", (*MIGRATIONS, _next))
    with AnnotationStore.open(path) as store:
        assert store._connection.execute("PRAGMA user_version").fetchone() == (len(MIGRATIONS) + 1,)
        assert list(store.audit.all()) == entries
        assert store.audit_problems() == []
    monkeypatch.undo()
    with AnnotationStore.open(path.with_name(f"worked.sqlite.schema{len(MIGRATIONS)}.backup")) as before:
        assert before.notice == ""
        assert list(before.audit.all()) == entries


def test_a_migration_that_fails_changes_nothing(worked: AnnotationStore, monkeypatch):
    def broken(db: Database) -> None:
        _next(db)
        db.execute("UPDATE region SET no_such_column = 1")

    path = worked.path
    before = list(worked._connection.iterdump())
    worked.close()
    monkeypatch.setattr(connection_module, "MIGRATIONS", (*MIGRATIONS, broken))
    with pytest.raises(StoreError, match="no_such_column"):
        AnnotationStore.open(path)
    monkeypatch.undo()
    with AnnotationStore.open(path) as store:
        assert store.notice == ""
        assert list(store._connection.iterdump()) == before
