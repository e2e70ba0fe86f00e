"""The tables, as numbered migrations. A migration that has shipped is never changed; add the next one.

A column added to an audited table must be NULL in the rows that are there: the audit log holds their digests.
"""

from __future__ import annotations

from collections.abc import Callable

from sqlite_utils import Database

from engine.store.schema_annotation import READING_TABLES, add_shapes_and_readings
from engine.store.schema_answers import ANSWER_TABLES, add_answers
from engine.store.schema_scans import add_institutions, add_next_places, add_scan_list
from engine.store.schema_snapshots import SNAPSHOT_TABLES, add_imported, add_snapshots

_FIRST_AUDITED = ("study", "series", "image", "region", "suggestion", "verdict")

AUDITED_TABLES = (*_FIRST_AUDITED, "scan_mark", *READING_TABLES, *ANSWER_TABLES, *SNAPSHOT_TABLES)
"""Every row of these is vouched for by the audit log and never changes."""

APPLICATION_ID = 0x4D524741
"""``MRGA``: marks a file as ours (SQLite's application_id)."""


def _first(db: Database) -> None:
    db["study"].create({"id": int, "study_uid": str, "created": str}, pk="id", not_null={"study_uid", "created"})
    db["study"].create_index(["study_uid"], unique=True)
    db["series"].create(
        {
            "id": int,
            "study_id": int,
            "series_uid": str,
            "source": str,
            "modality": str,
            "description": str,
            "created": str,
        },
        pk="id",
        not_null={"study_id", "series_uid", "source", "modality", "created"},
        foreign_keys=[("study_id", "study", "id")],
    )
    db["series"].create_index(["source", "series_uid"], unique=True)
    db["image"].create(
        {
            "id": int,
            "series_id": int,
            "plane": str,
            "slice": int,
            "sop_instance_uid": str,
            "width": int,
            "height": int,
        },
        pk="id",
        not_null={"series_id", "plane", "slice", "width", "height"},
        foreign_keys=[("series_id", "series", "id")],
    )
    db["image"].create_index(["series_id", "plane", "slice"], unique=True)
    db["region"].create(
        {
            "id": int,
            "root_id": int,
            "supersedes_id": int,
            "image_id": int,
            "x1": float,
            "y1": float,
            "x2": float,
            "y2": float,
            "label_id": str,
            "label_en": str,
            "label_zh": str,
            "state": str,
            "origin": str,
            "view_sha256": str,
            "window_center": float,
            "window_width": float,
            "who": str,
            "created": str,
        },
        pk="id",
        not_null={"image_id", "x1", "y1", "x2", "y2", "state", "origin", "view_sha256", "who", "created"},
        foreign_keys=[
            ("image_id", "image", "id"),
            ("root_id", "region", "id"),
            ("supersedes_id", "region", "id"),
        ],
    )
    # A row is superseded at most once: history is a line, never a tree.
    db["region"].create_index(["supersedes_id"], unique=True)
    db["region"].create_index(["image_id"])
    db["region"].create_index(["root_id"])
    db["suggestion"].create(
        {
            "id": int,
            "image_id": int,
            "region_root_id": int,
            "task": str,
            "language": str,
            "prompt": str,
            "raw": str,
            "text": str,
            "parsed": str,
            "candidates": str,
            "abstained": int,
            "model_id": str,
            "model_sha256": str,
            "adapter": str,
            "latency_ms": float,
            "view_sha256": str,
            "window_center": float,
            "window_width": float,
            "created": str,
        },
        pk="id",
        not_null={"image_id", "task", "language", "prompt", "raw", "model_id", "model_sha256", "created"},
        foreign_keys=[("image_id", "image", "id"), ("region_root_id", "region", "id")],
    )
    db["suggestion"].create_index(["region_root_id"])
    db["verdict"].create(
        {
            "id": int,
            "region_id": int,
            "suggestion_id": int,
            "kind": str,
            "before": str,
            "after": str,
            "who": str,
            "created": str,
        },
        pk="id",
        not_null={"region_id", "kind", "who", "created"},
        foreign_keys=[("region_id", "region", "id"), ("suggestion_id", "suggestion", "id")],
    )
    db["verdict"].create_index(["region_id"])
    db["worklist"].create(
        {
            "id": int,
            "path": str,
            "series_uid": str,
            "title_en": str,
            "title_zh": str,
            "plane": str,
            "slice": int,
            "window_center": float,
            "window_width": float,
            "opened": str,
        },
        pk="id",
        not_null={"path", "series_uid", "title_en", "title_zh", "slice"},
    )
    db["worklist"].create_index(["path", "series_uid"], unique=True)
    db["setting"].create({"key": str, "value": str}, pk="key", not_null={"value"})
    db["audit"].create(
        {"seq": int, "at": str, "who": str, "what": str, "detail": str, "previous": str, "hash": str},
        pk="seq",
        not_null={"at", "who", "what", "detail", "previous", "hash"},
    )
    for table in (*_FIRST_AUDITED, "audit"):
        for verb in ("UPDATE", "DELETE"):
            # region.root_id of a first row is set right after it gets its id.
            when = "WHEN OLD.root_id IS NOT NULL" if (table, verb) == ("region", "UPDATE") else ""
            db.conn.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} {when} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )


MIGRATIONS: tuple[Callable[[Database], None], ...] = (
    _first,
    add_scan_list,
    add_shapes_and_readings,
    add_answers,
    add_snapshots,
    add_institutions,
    add_next_places,
    add_imported,
)
"""Migration number n brings ``user_version`` from n - 1 to n."""
