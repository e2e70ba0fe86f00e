"""Migrations 2, 6 and 7: the list of scans that a study browser shows.

All but the marks is a cache of facts about files, rewritten when they change; the marks are what people said, and
append-only like every other gesture. A scan is named by its path and series UID, as annotations name it, so that
neither needs the other to be there.
"""

from __future__ import annotations

from sqlite_utils import Database

from engine.store.scan_rows import search_text
from engine.store.schema_tools import make_append_only, run_statements

_TABLES = """
CREATE TABLE scan_patient (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    code TEXT NOT NULL,
    folder TEXT NOT NULL
);
CREATE TABLE scan (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    series_uid TEXT NOT NULL,
    study_uid TEXT NOT NULL,
    patient INTEGER NOT NULL REFERENCES scan_patient(id),
    study_date TEXT NOT NULL,
    study_description TEXT NOT NULL,
    series_number INTEGER,
    modality TEXT NOT NULL,
    description TEXT NOT NULL,
    title_en TEXT NOT NULL,
    title_zh TEXT NOT NULL,
    rows INTEGER NOT NULL,
    columns INTEGER NOT NULL,
    slices INTEGER NOT NULL,
    start INTEGER NOT NULL,
    status TEXT NOT NULL,
    pinned INTEGER NOT NULL,
    missing INTEGER NOT NULL DEFAULT 0,
    removed INTEGER NOT NULL DEFAULT 0,
    opened TEXT,
    added TEXT NOT NULL,
    search TEXT NOT NULL,
    search_names TEXT NOT NULL,
    UNIQUE (path, series_uid)
);
CREATE INDEX scan_by_patient ON scan (patient, study_uid);
CREATE INDEX scan_by_opened ON scan (opened) WHERE opened IS NOT NULL;
CREATE INDEX scan_pinned ON scan (pinned) WHERE pinned = 1;
CREATE TABLE scan_file (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    folder TEXT NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    scan_id INTEGER REFERENCES scan(id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    missing INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX scan_file_by_folder ON scan_file (folder);
CREATE INDEX scan_file_by_path ON scan_file (path);
CREATE INDEX scan_file_by_scan ON scan_file (scan_id, place);
CREATE TABLE scan_thumbnail (
    scan_id INTEGER PRIMARY KEY REFERENCES scan(id) ON DELETE CASCADE,
    png BLOB NOT NULL
);
CREATE TABLE scan_mark (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    series_uid TEXT NOT NULL,
    kind TEXT NOT NULL,
    who TEXT NOT NULL,
    created TEXT NOT NULL
);
CREATE INDEX scan_mark_by_scan ON scan_mark (path, series_uid);
"""


_INSTITUTION = """
ALTER TABLE scan ADD COLUMN institution TEXT NOT NULL DEFAULT '';
UPDATE scan_file SET mtime_ns = -1;
"""


def add_institutions(db: Database) -> None:
    """Migration 6: where each scan was made. Files are read anew the next time their folder is added."""
    run_statements(db, _INSTITUTION)


_NEXT = """
ALTER TABLE scan ADD COLUMN next_place INTEGER;
CREATE INDEX scan_next ON scan (next_place) WHERE next_place IS NOT NULL;
"""


def add_next_places(db: Database) -> None:
    """Migration 7: which scans are to be labelled next, in which order; of none it is said so far."""
    run_statements(db, _NEXT)


def add_scan_list(db: Database) -> None:
    """Make the tables; what is on the worklist comes first on the list of scans, as it did before."""
    run_statements(db, _TABLES)
    make_append_only(db, ["scan_mark"])
    rows = db.conn.execute(
        "SELECT path, series_uid, title_en, title_zh, slice, opened FROM worklist ORDER BY id"
    ).fetchall()
    for path, series_uid, title_en, title_zh, start, opened in rows:
        # Who they are of is not known until their folder is added again.
        patient = db.conn.execute(
            "INSERT INTO scan_patient (key, name, code, folder) VALUES (?, '', '', '') "
            "ON CONFLICT (key) DO UPDATE SET key = key RETURNING id",
            ["worklist"],
        ).fetchone()[0]
        db.conn.execute(
            "INSERT INTO scan (path, series_uid, study_uid, patient, study_date, study_description, modality, "
            "description, title_en, title_zh, rows, columns, slices, start, status, pinned, opened, added, search, "
            "search_names) VALUES (?, ?, '', ?, '', '', '', '', ?, ?, 0, 0, 0, ?, ?, 1, ?, "
            "strftime('%Y-%m-%dT%H:%M:%f', 'now'), ?, ?)",
            [
                path,
                series_uid,
                patient,
                title_en,
                title_zh,
                start,
                "in_progress" if opened else "new",
                opened,
                search_text(title_en, title_zh),
                search_text(path),
            ],
        )
