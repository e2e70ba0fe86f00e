"""Which data sets were frozen out of this database. Each write is one gesture."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.store.errors import StoreError
from engine.store.gesture import gesture, utc_now
from engine.store.repositories import source_key


@dataclass(frozen=True, slots=True)
class SnapshotRow:
    """A frozen data set.

    hash : SHA-256 hex of its list of files, which has the hash of each. filters, counts : canonical JSON of what was
    asked for and what is in it. folder : where it lies. created : ISO 8601 UTC. imported : of decisions in another
    database.
    """

    id: int
    hash: str
    filters: str
    counts: str
    folder: str
    who: str
    created: str
    imported: bool


class SnapshotStore:
    """Raises `StoreError` when nothing could be kept."""

    def __init__(self, connection: sqlite3.Connection, require_writable: Callable[[], None]) -> None:
        self._connection = connection
        self._require_writable = require_writable

    def require_writable(self) -> None:
        """Raise `StoreError` when nothing can be written down: asked before hours of work, not after."""
        self._require_writable()

    def keep(
        self, hash: str, filters: str, counts: str, folder: Path, who: str, *, imported: bool = False
    ) -> SnapshotRow:
        """Write down a data set that lies in its folder, once."""
        self._require_writable()
        key: dict[str, Any] = {"hash": hash, "folder": source_key(folder)}
        known = self._rows("hash = ? AND folder = ?", list(key.values()))
        if known:
            return known[0]
        with gesture(self._connection, who, "imported snapshot" if imported else "snapshot") as made:
            said = {"filters": filters, "counts": counts, "who": who, "created": utc_now()}
            rest: dict[str, Any] = {**said, "imported": 1 if imported else None}
            # Another process may have written it down while this one waited for the lock.
            number = made.find_or_insert("snapshot", key, rest)
        return self._rows("id = ?", [number])[0]

    def all(self) -> list[SnapshotRow]:
        """Every one, oldest first."""
        return self._rows("1", [])

    def find(self, hash: str) -> SnapshotRow:
        """The newest whose hash begins like this. Raises `StoreError` for none, and for several different ones."""
        found = self._rows("substr(hash, 1, ?) = ?", [len(hash), hash.lower()])
        if not found:
            raise StoreError(f"there is no snapshot {hash} in this database: take one, or import it")
        if len({row.hash for row in found}) > 1:
            raise StoreError(f"{len(found)} snapshots begin with {hash}: write more of the hash")
        return found[-1]

    def _rows(self, where: str, values: list[Any]) -> list[SnapshotRow]:
        columns = "id, hash, filters, counts, folder, who, created, imported"
        rows = self._connection.execute(f"SELECT {columns} FROM snapshot WHERE {where} ORDER BY id", values)
        facts = ((*row[:-1], bool(row[-1])) for row in rows)
        return [SnapshotRow(*row) for row in facts]
