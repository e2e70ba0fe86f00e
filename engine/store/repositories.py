"""Reads of each subject. Writing is in `engine.store.store`, one gesture a transaction."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from sqlite_utils import Database

from engine.regions import Box, Label
from engine.scans import Plane, Window
from engine.store.audit import AuditEntry, row_digest, row_name
from engine.store.errors import StoreError
from engine.store.rows import (
    DECIDED_STATES,
    HIDDEN_STATES,
    ImageRow,
    Origin,
    PlacedRegion,
    RegionRow,
    RegionState,
    VerdictRow,
    WorklistRow,
)
from engine.store.schema import AUDITED_TABLES

Row = TypeVar("Row")

_OF_THE_READING = (
    "reading_id IS NULL OR reading_id = (SELECT other.id FROM task AS mine JOIN task AS other "
    "ON other.path = mine.path AND other.series_uid = mine.series_uid WHERE mine.id = reading_id "
    "AND EXISTS (SELECT 1 FROM region AS any WHERE any.reading_id = other.id) {readers}"
    "ORDER BY (SELECT state FROM task_event WHERE task_id = other.id ORDER BY id DESC LIMIT 1) = 'reviewed' DESC, "
    "other.reading, other.id LIMIT 1)"
)
"""Of several readings of a scan the one that counts; see `RegionRepository.decided`."""
CURRENT_REGION = "NOT EXISTS (SELECT 1 FROM region AS newer WHERE newer.supersedes_id = region.id)"
HIDDEN_SQL = ", ".join(f"'{state.value}'" for state in HIDDEN_STATES)
DECIDED_SQL = ", ".join(f"'{state.value}'" for state in DECIDED_STATES)

_JUDGED_IMAGES = f"SELECT DISTINCT image_id FROM region WHERE state IN ({DECIDED_SQL}, 'rejected') AND {CURRENT_REGION}"


def source_key(path: Path | str) -> str:
    """How a scan's place is written down: absolute, so that it means the same from every working folder."""
    return os.path.abspath(path)  # noqa: PTH100 - `Path.absolute` keeps "..", `Path.resolve` follows links


def one_row(db: Database, what: str, sql: str, number: int, make: Callable[[dict[str, Any]], Row]) -> Row:
    """The one row with this id. Raises `StoreError` when there is none."""
    row = next(db.query(sql, [number]), None)
    if row is None:
        raise StoreError(f"there is no {what} {number} in this database: read it again")
    return make(row)


def window_of(row: dict[str, Any]) -> Window | None:
    """The window columns of a row."""
    if row["window_width"] is None:
        return None
    return Window(row["window_center"], row["window_width"])


class ImageRepository:
    """Slices that something was drawn on."""

    _SELECT = (
        "SELECT image.*, series.source, series.series_uid, series.modality, study.study_uid FROM image "
        "JOIN series ON series.id = image.series_id JOIN study ON study.id = series.study_id "
    )

    def __init__(self, db: Database) -> None:
        self._db = db

    def find(self, source: Path | str, series_uid: str, plane: Plane, index: int) -> ImageRow | None:
        """The slice of a series, None when nothing was ever drawn on it."""
        where = "WHERE source = ? AND series_uid = ? AND plane = ? AND slice = ?"
        rows = self._db.query(self._SELECT + where, [source_key(source), series_uid, plane.value, index])
        return next(map(self._row, rows), None)

    def get(self, image_id: int) -> ImageRow:
        """A slice by its id. Raises `StoreError` when there is none."""
        return one_row(self._db, "image", self._SELECT + "WHERE image.id = ?", image_id, self._row)

    def in_order(self) -> list[int]:
        """The ids of all slices, by series, then plane, then slice."""
        return [row["id"] for row in self._db.query("SELECT id FROM image ORDER BY series_id, plane, slice")]

    def waiting(self) -> list[int]:
        """The ids of the slices on which a model was asked for regions and nobody has decided about any, by age."""
        sql = (
            "SELECT id FROM image WHERE EXISTS (SELECT 1 FROM suggestion WHERE image_id = image.id "
            f"AND task IN ('region_to_text', 'text_to_region', 'grounded_report')) AND id NOT IN ({_JUDGED_IMAGES}) "
            "ORDER BY id"
        )
        return [int(row["id"]) for row in self._db.query(sql)]

    def labelled(self) -> list[int]:
        """The ids of the slices on which somebody has decided about a region, by age."""
        return [int(row["image_id"]) for row in self._db.query(f"{_JUDGED_IMAGES} ORDER BY image_id")]

    @staticmethod
    def _row(row: dict[str, Any]) -> ImageRow:
        return ImageRow(
            row["id"],
            row["source"],
            row["series_uid"],
            row["study_uid"],
            row["modality"],
            Plane(row["plane"]),
            row["slice"],
            row["sop_instance_uid"] or "",
            row["width"],
            row["height"],
        )


class RegionRepository:
    """Regions as they are now, and their history."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def of_image(self, image_id: int) -> list[RegionRow]:
        """The visible regions of a slice, oldest first."""
        where = f"image_id = ? AND state NOT IN ({HIDDEN_SQL}) AND {CURRENT_REGION}"
        sql = f"SELECT * FROM region WHERE {where} ORDER BY root_id"
        return [self._row(row) for row in self._db.query(sql, [image_id])]

    def current(self, root_id: int) -> RegionRow:
        """A region as it is now, hidden or not. Raises `StoreError` when there is none."""
        sql = f"SELECT * FROM region WHERE root_id = ? AND {CURRENT_REGION}"
        return one_row(self._db, "region", sql, root_id, self._row)

    def row(self, region_id: int) -> RegionRow:
        """One row of a region's history. Raises `StoreError` when there is none."""
        return one_row(self._db, "region row", "SELECT * FROM region WHERE id = ?", region_id, self._row)

    def history(self, root_id: int) -> list[RegionRow]:
        """All rows of a region, oldest first."""
        rows = self._db.query("SELECT * FROM region WHERE root_id = ? ORDER BY id", [root_id])
        return [self._row(row) for row in rows]

    def of_structure(self, structure_id: int) -> list[RegionRow]:
        """The visible regions of a 3-D structure, by slice."""
        sql = (
            "SELECT region.* FROM region JOIN image ON image.id = region.image_id "
            f"WHERE structure_id = ? AND state NOT IN ({HIDDEN_SQL}) AND {CURRENT_REGION} ORDER BY image.slice, root_id"
        )
        return [self._row(row) for row in self._db.query(sql, [structure_id])]

    def of_reading(self, reading_id: int, last_row: int | None = None) -> list[RegionRow]:
        """The regions that a reader has drawn or decided on, by age; as they were when `last_row` was the newest row.

        The model's suggestions that nobody decided on are left out.
        """
        sql = (
            f"SELECT * FROM region WHERE reading_id = ? AND id <= ? AND state NOT IN ({HIDDEN_SQL}, 'suggested') "
            "AND NOT EXISTS (SELECT 1 FROM region AS newer WHERE newer.supersedes_id = region.id AND newer.id <= ?) "
            "ORDER BY root_id"
        )
        last = 2**63 - 1 if last_row is None else last_row
        return [self._row(row) for row in self._db.query(sql, [reading_id, last, last])]

    def labelled(self, label: Label, source: Path | str | None = None, series_uid: str = "") -> list[RegionRow]:
        """The visible regions with this name, by age: in the whole database, or of one series.

        A label without an id, typed freely, is the same as another of that English name.
        """
        where, values = ("label_id = ?", [label.id]) if label.id else ("label_id = '' AND label_en = ?", [label.en])
        if source is not None:
            where += " AND image_id IN (SELECT image.id FROM image JOIN series ON series.id = image.series_id"
            where += " WHERE source = ? AND series_uid = ?)"
            values += [source_key(source), series_uid]
        sql = (
            f"SELECT * FROM region WHERE {where} AND state NOT IN ({HIDDEN_SQL}) AND {CURRENT_REGION} ORDER BY root_id"
        )
        return [self._row(row) for row in self._db.query(sql, values)]

    def of_series(self, source: Path | str, series_uid: str) -> list[PlacedRegion]:
        """The visible regions of a series, by age."""
        sql = (
            "SELECT region.*, image.plane AS image_plane, image.slice AS image_slice FROM region "
            "JOIN image ON image.id = region.image_id JOIN series ON series.id = image.series_id "
            f"WHERE source = ? AND series_uid = ? AND state NOT IN ({HIDDEN_SQL}) AND {CURRENT_REGION} ORDER BY root_id"
        )
        rows = self._db.query(sql, [source_key(source), series_uid])
        return [PlacedRegion(Plane(row["image_plane"]), row["image_slice"], self._row(row)) for row in rows]

    def turned_down(self, image_id: int) -> list[RegionRow]:
        """What machines drew on a slice and a person rejected or deleted, by age: it is not to come back.

        What was taken back by undo alone is not among it.
        """
        deleted = (
            "EXISTS (SELECT 1 FROM verdict JOIN region AS old ON old.id = verdict.region_id "
            "WHERE old.root_id = region.root_id AND kind = 'deleted')"
        )
        where = f"origin IN ('model', 'propagated') AND (state = 'rejected' OR state = 'removed' AND {deleted})"
        sql = f"SELECT * FROM region WHERE image_id = ? AND {where} AND {CURRENT_REGION} ORDER BY root_id"
        return [self._row(row) for row in self._db.query(sql, [image_id])]

    def decided(self, annotators: Sequence[str] = ()) -> Iterator[RegionRow]:
        """Every accepted or edited region as it is now, by series, then slice, then age.

        Of a scan that several people read, one reading alone: two would say everything twice. It is the approved one
        with the lowest number, or the lowest when none is approved. Regions of no reading are always among them.
        annotators : whose readings to choose among; everybody's when empty.
        """
        marks = ", ".join("?" for _ in annotators)
        named = f"AND other.annotator_id IN (SELECT id FROM annotator WHERE name IN ({marks})) " if annotators else ""
        of_the_reading = _OF_THE_READING.format(readers=named)
        sql = (
            "SELECT region.* FROM region JOIN image ON image.id = region.image_id "
            f"WHERE state IN ({DECIDED_SQL}) AND {CURRENT_REGION} AND ({of_the_reading}) "
            "ORDER BY image.series_id, image.plane, image.slice, root_id"
        )
        return (self._row(row) for row in self._db.query(sql, list(annotators)))

    def judged(self) -> list[RegionRow]:
        """Every accepted, edited or rejected region that a model had said something about, as it is now, by age."""
        sql = (
            f"SELECT * FROM region WHERE state IN ({DECIDED_SQL}, 'rejected') AND {CURRENT_REGION} "
            "AND EXISTS (SELECT 1 FROM suggestion WHERE region_root_id = region.root_id) ORDER BY root_id"
        )
        return [self._row(row) for row in self._db.query(sql)]

    @staticmethod
    def _row(row: dict[str, Any]) -> RegionRow:
        label = None
        if row["label_en"]:
            label = Label(row["label_id"] or "", row["label_en"], row["label_zh"] or "")
        return RegionRow(
            row["id"],
            row["root_id"],
            row["image_id"],
            Box(row["x1"], row["y1"], row["x2"], row["y2"]),
            label,
            RegionState(row["state"]),
            Origin(row["origin"]),
            row["view_sha256"],
            window_of(row),
            row["who"],
            row["created"],
            row["shape"],
            row["attributes"],
            row["structure_id"],
            row["is_key"] != 0,
            bool(row["locked"]),
            row["derivation"],
            row["reading_id"],
        )


class VerdictRepository:
    """What people decided."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def of_region(self, root_id: int) -> list[VerdictRow]:
        """All decisions about a region, oldest first."""
        sql = (
            "SELECT verdict.* FROM verdict JOIN region ON region.id = verdict.region_id "
            "WHERE region.root_id = ? ORDER BY verdict.id"
        )
        return [
            VerdictRow(
                row["id"],
                row["region_id"],
                row["suggestion_id"],
                row["kind"],
                row["before"] or "",
                row["after"] or "",
                row["who"],
                row["created"],
                row["detail"] or "",
            )
            for row in self._db.query(sql, [root_id])
        ]


class WorklistRepository:
    """Scans to work on, and where each was left."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def all(self) -> list[WorklistRow]:
        """The worklist in the order in which scans were added, with counts of regions."""
        return self._rows("1", [])

    def find(self, path: Path | str, series_uid: str) -> WorklistRow | None:
        """Where a scan was left, None when it was never opened."""
        where = "worklist.path = ? AND worklist.series_uid = ?"
        return next(iter(self._rows(where, [source_key(path), series_uid])), None)

    def _rows(self, where: str, values: list[Any]) -> list[WorklistRow]:
        sql = f"""
            SELECT worklist.*,
                COALESCE(SUM(region.state IN ({DECIDED_SQL})), 0) AS decided,
                COALESCE(SUM(region.state IN ('drawn', 'suggested')), 0) AS open
            FROM worklist
            LEFT JOIN series ON series.source = worklist.path
                AND worklist.series_uid IN ('', series.series_uid)
            LEFT JOIN image ON image.series_id = series.id
            LEFT JOIN region ON region.image_id = image.id AND {CURRENT_REGION}
            WHERE {where} GROUP BY worklist.id ORDER BY worklist.id"""
        return [
            WorklistRow(
                row["id"],
                row["path"],
                row["series_uid"],
                row["title_en"],
                row["title_zh"],
                Plane(row["plane"]) if row["plane"] else None,
                row["slice"],
                window_of(row),
                row["opened"] or "",
                row["decided"],
                row["open"],
            )
            for row in self._db.query(sql, values)
        ]

    def last_opened(self) -> WorklistRow | None:
        """The scan that was on screen last."""
        return next(iter(self._rows("opened = (SELECT max(opened) FROM worklist)", [])), None)


class AuditRepository:
    """The audit log, read."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def all(self) -> Iterator[AuditEntry]:
        """Every entry, oldest first."""
        return (AuditEntry(**row) for row in self._db.query("SELECT * FROM audit ORDER BY seq"))

    def count(self) -> int:
        """How many gestures were made."""
        return int(next(self._db.query("SELECT count(*) AS n FROM audit"))["n"])

    def row_digests(self) -> dict[str, str]:
        """The digest of every audited row as it is now, by the name the log calls it."""
        return {
            row_name(table, row["id"]): row_digest(row)
            for table in AUDITED_TABLES
            for row in self._db.query(f"SELECT * FROM {table} ORDER BY id")
        }
