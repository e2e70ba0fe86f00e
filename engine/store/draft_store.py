"""Shapes half drawn, to be offered again after a crash."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from engine.scans import Plane
from engine.store.connection import transaction
from engine.store.gesture import utc_now
from engine.store.repositories import source_key
from engine.suggest import ImageRef


@dataclass(frozen=True, slots=True)
class DraftRow:
    """A shape that somebody was drawing. kind : the tool's name. shape : its JSON as far as it was drawn."""

    source: str
    series_uid: str
    plane: Plane
    slice: int
    kind: str
    shape: str
    who: str
    updated: str


class DraftStore:
    """One draft a person and slice. It is no gesture: overwritten, not audited, and gone when the shape is drawn.

    Written many times a second while somebody draws, so it does not wait for the disk: a draft outlives a crash or a
    kill of the program, not always a power cut. Gestures keep waiting as they always do.
    """

    def __init__(self, connection: sqlite3.Connection, require_writable: Callable[[], None]) -> None:
        self._connection = connection
        self._require_writable = require_writable

    def keep(self, image: ImageRef, kind: str, shape: str, who: str) -> None:
        """Keep what is drawn so far of a slice's shape, in place of what was. Raises `StoreError`."""
        self._write(
            "INSERT OR REPLACE INTO draft (source, series_uid, plane, slice, who, kind, shape, updated) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            [*_key(image), who, kind, shape, utc_now()],
        )

    def of_image(self, image: ImageRef, who: str) -> DraftRow | None:
        """What a person was drawing on a slice, None for nothing."""
        rows = self._rows("source = ? AND series_uid = ? AND plane = ? AND slice = ? AND who = ?", [*_key(image), who])
        return rows[0] if rows else None

    def of_person(self, who: str) -> list[DraftRow]:
        """All that a person was drawing, the latest first: what to offer at the start of the program."""
        return self._rows("who = ?", [who])

    def drop(self, image: ImageRef, who: str) -> None:
        """Forget a draft: the shape is kept as a region, or given up. Raises `StoreError`."""
        self._write(
            "DELETE FROM draft WHERE source = ? AND series_uid = ? AND plane = ? AND slice = ? AND who = ?",
            [*_key(image), who],
        )

    def _rows(self, where: str, values: list[object]) -> list[DraftRow]:
        sql = f"SELECT source, series_uid, plane, slice, kind, shape, who, updated FROM draft WHERE {where}"
        rows = self._connection.execute(sql + " ORDER BY updated DESC, id DESC", values)
        return [DraftRow(row[0], row[1], Plane(row[2]), *row[3:]) for row in rows]

    def _write(self, sql: str, values: list[object]) -> None:
        self._require_writable()
        # In WAL mode NORMAL leaves out the wait at each commit, and nothing else: the file stays whole.
        self._connection.execute("PRAGMA synchronous = NORMAL")
        try:
            with transaction(self._connection):
                self._connection.execute(sql, values)
        finally:
            self._connection.execute("PRAGMA synchronous = FULL")


def _key(image: ImageRef) -> list[object]:
    return [source_key(image.path), image.series_uid, image.plane.value, int(image.slice)]
