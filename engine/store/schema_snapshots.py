"""Migrations 5 and 8: the data sets that were frozen out of people's decisions.

A snapshot is a folder that never changes; what stands here is where it lies and the hash of what it holds.
"""

from __future__ import annotations

from sqlite_utils import Database

from engine.store.schema_tools import make_append_only, run_statements

SNAPSHOT_TABLES = ("snapshot",)
"""Audited: which decisions a model has learnt from is part of the record."""

_STATEMENTS = """
CREATE TABLE snapshot (
    id INTEGER PRIMARY KEY,
    hash TEXT NOT NULL,
    filters TEXT NOT NULL,
    counts TEXT NOT NULL,
    folder TEXT NOT NULL,
    who TEXT NOT NULL,
    created TEXT NOT NULL,
    UNIQUE (hash, folder)
);
"""


def add_snapshots(db: Database) -> None:
    """Make the table; no row that is there changes."""
    run_statements(db, _STATEMENTS)
    make_append_only(db, SNAPSHOT_TABLES)


_IMPORTED = "ALTER TABLE snapshot ADD COLUMN imported INTEGER;"


def add_imported(db: Database) -> None:
    """Migration 8: 1 for a snapshot of another database's decisions, NULL for one of this database's own."""
    run_statements(db, _IMPORTED)
