"""Migration 3: regions of any shape, drafts, readers and their tasks, labels of one's own.

What a region gains is NULL in the rows that are there, and NULL means what they meant: a box (`shape`), no attributes,
no 3-D structure, drawn by hand (`is_key`), not locked, in nobody's reading. Drafts are the one thing here that is not
a gesture: a shape half drawn is overwritten many times a second.
"""

from __future__ import annotations

from sqlite_utils import Database

from engine.store.schema_tools import make_append_only, run_statements

READING_TABLES = ("annotator", "task", "task_event", "own_label")
"""The audited ones among the new tables."""

_STATEMENTS = """
ALTER TABLE region ADD COLUMN shape TEXT;
ALTER TABLE region ADD COLUMN attributes TEXT;
ALTER TABLE region ADD COLUMN structure_id INTEGER REFERENCES region(id);
ALTER TABLE region ADD COLUMN is_key INTEGER;
ALTER TABLE region ADD COLUMN locked INTEGER;
ALTER TABLE region ADD COLUMN derivation TEXT;
ALTER TABLE region ADD COLUMN reading_id INTEGER REFERENCES task(id);
CREATE INDEX region_by_structure ON region (structure_id) WHERE structure_id IS NOT NULL;
CREATE INDEX region_by_reading ON region (reading_id) WHERE reading_id IS NOT NULL;
ALTER TABLE verdict ADD COLUMN detail TEXT;
CREATE TABLE annotator (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    who TEXT NOT NULL,
    created TEXT NOT NULL
);
CREATE TABLE task (
    id INTEGER PRIMARY KEY,
    path TEXT NOT NULL,
    series_uid TEXT NOT NULL,
    annotator_id INTEGER NOT NULL REFERENCES annotator(id),
    reading INTEGER NOT NULL,
    who TEXT NOT NULL,
    created TEXT NOT NULL
);
CREATE INDEX task_by_scan ON task (path, series_uid);
CREATE INDEX task_by_annotator ON task (annotator_id);
CREATE TABLE task_event (
    id INTEGER PRIMARY KEY,
    task_id INTEGER NOT NULL REFERENCES task(id),
    kind TEXT NOT NULL,
    state TEXT NOT NULL,
    comment TEXT NOT NULL,
    last_region_id INTEGER NOT NULL,
    who TEXT NOT NULL,
    created TEXT NOT NULL
);
CREATE INDEX task_event_by_task ON task_event (task_id);
CREATE TABLE own_label (
    id INTEGER PRIMARY KEY,
    label_id TEXT NOT NULL,
    en TEXT NOT NULL,
    zh TEXT NOT NULL,
    details TEXT NOT NULL,
    retired INTEGER NOT NULL,
    who TEXT NOT NULL,
    created TEXT NOT NULL
);
CREATE INDEX own_label_by_label ON own_label (label_id);
CREATE TABLE draft (
    id INTEGER PRIMARY KEY,
    source TEXT NOT NULL,
    series_uid TEXT NOT NULL,
    plane TEXT NOT NULL,
    slice INTEGER NOT NULL,
    who TEXT NOT NULL,
    kind TEXT NOT NULL,
    shape TEXT NOT NULL,
    updated TEXT NOT NULL,
    UNIQUE (source, series_uid, plane, slice, who)
);
"""


def add_shapes_and_readings(db: Database) -> None:
    """Add the columns and make the tables; no row that is there changes."""
    run_statements(db, _STATEMENTS)
    make_append_only(db, READING_TABLES)
