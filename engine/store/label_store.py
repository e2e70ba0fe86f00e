"""Labels of people's own, and the label scheme in use. What they mean is for `engine.regions`; here they are text."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass

from engine.store.connection import transaction
from engine.store.errors import StoreError
from engine.store.gesture import gesture, utc_now

_SCHEME = "label_scheme"


@dataclass(frozen=True, slots=True)
class OwnLabelRow:
    """A label that somebody added to the ontology. label_id : stable, as regions name it. details : any text more."""

    label_id: str
    en: str
    zh: str
    details: str
    who: str
    created: str


class LabelStore:
    """Writes are gestures, audited; a label is never overwritten. Raises `StoreError` when nothing could be kept."""

    def __init__(self, connection: sqlite3.Connection, require_writable: Callable[[], None]) -> None:
        self._connection = connection
        self._require_writable = require_writable

    def own_labels(self) -> list[OwnLabelRow]:
        """The labels as they are now, in the order in which they were first added; those taken away are left out."""
        sql = (
            "SELECT label_id, en, zh, details, who, created FROM own_label AS label WHERE retired = 0 AND id = "
            "(SELECT max(id) FROM own_label WHERE label_id = label.label_id) "
            "ORDER BY (SELECT min(id) FROM own_label WHERE label_id = label.label_id)"
        )
        return [OwnLabelRow(*row) for row in self._connection.execute(sql)]

    def keep_own_label(self, label_id: str, en: str, zh: str, who: str, details: str = "") -> OwnLabelRow:
        """Add a label, or give one other names. Regions that have it keep the names they were given.

        Raises `StoreError` for a label without an id, or without a name in either language.
        """
        if not label_id.strip() or not (en.strip() or zh.strip()):
            raise StoreError("a label needs an id and a name: give an English or a Chinese one")
        return self._write(OwnLabelRow(label_id, en, zh, details, who, utc_now()), "kept a label", retired=0)

    def retire_own_label(self, label_id: str, who: str) -> None:
        """Take a label from the list; regions that have it keep it."""
        known = {row.label_id: row for row in self.own_labels()}
        if label_id not in known:
            raise StoreError(f"there is no label {label_id!r} of your own: read the list again")
        old = known[label_id]
        self._write(OwnLabelRow(label_id, old.en, old.zh, old.details, who, utc_now()), "took a label away", retired=1)

    def scheme(self) -> str:
        """The label scheme, JSON text; "" when none was chosen."""
        row = self._connection.execute("SELECT value FROM setting WHERE key = ?", [_SCHEME]).fetchone()
        return "" if row is None else str(row[0])

    def set_scheme(self, text: str) -> None:
        """Choose a label scheme."""
        self._require_writable()
        with transaction(self._connection):
            self._connection.execute("INSERT OR REPLACE INTO setting (key, value) VALUES (?, ?)", [_SCHEME, text])

    def _write(self, row: OwnLabelRow, what: str, retired: int) -> OwnLabelRow:
        self._require_writable()
        with gesture(self._connection, row.who, what) as made:
            made.insert(
                "own_label",
                label_id=row.label_id,
                en=row.en,
                zh=row.zh,
                details=row.details,
                retired=retired,
                who=row.who,
                created=row.created,
            )
        return row
