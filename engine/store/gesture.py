"""One gesture: rows written in one durable transaction, with one audit entry that vouches for each of them."""

from __future__ import annotations

import contextlib
import datetime
import sqlite3
from collections.abc import Iterator
from typing import Any

from engine.store.audit import GENESIS, canonical_json, entry_hash, row_digest, row_name
from engine.store.connection import transaction


class Gesture:
    """Inserts rows and remembers which. There is no way to write an annotation that the log does not know."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._rows: list[tuple[str, int]] = []

    def insert(self, table: str, **values: Any) -> int:
        """Add a row; returns its id."""
        names, marks = ", ".join(values), ", ".join("?" for _ in values)
        cursor = self._connection.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(values.values()))
        assert cursor.lastrowid is not None
        self._rows.append((table, cursor.lastrowid))
        return cursor.lastrowid

    def find_or_insert(self, table: str, key: dict[str, Any], rest: dict[str, Any]) -> int:
        """The id of the row with this key, added when there is none."""
        where = " AND ".join(f"{name} = ?" for name in key)
        row = self._connection.execute(f"SELECT id FROM {table} WHERE {where}", list(key.values())).fetchone()
        return int(row[0]) if row else self.insert(table, **key, **rest)

    def log(self, who: str, what: str) -> None:
        """Append the audit entry. The rows are read back, so that it covers what the database really holds."""
        rows = {}
        for table, number in self._rows:
            cursor = self._connection.execute(f"SELECT * FROM {table} WHERE id = ?", [number])
            content = dict(zip((column[0] for column in cursor.description), cursor.fetchone(), strict=True))
            rows[row_name(table, number)] = row_digest(content)
        last = self._connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
        seq, previous = (last[0] + 1, last[1]) if last else (1, GENESIS)
        at, detail = utc_now(), canonical_json({"rows": rows})
        self._connection.execute(
            "INSERT INTO audit (seq, at, who, what, detail, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [seq, at, who, what, detail, previous, entry_hash(seq, at, who, what, detail, previous)],
        )


@contextlib.contextmanager
def gesture(connection: sqlite3.Connection, who: str, what: str) -> Iterator[Gesture]:
    """A gesture that is on disk, with its audit entry, when the block ends; or was never made.

    Raises `StoreError` when the database cannot write.
    """
    with transaction(connection):
        made = Gesture(connection)
        yield made
        made.log(who, what)


def utc_text(moment: datetime.datetime) -> str:
    """An instant as the database writes it, ISO 8601 UTC: in order as text as they are in time."""
    return moment.astimezone(datetime.UTC).isoformat(timespec="microseconds")


def utc_now() -> str:
    """This instant, see `utc_text`."""
    return utc_text(datetime.datetime.now(datetime.UTC))
