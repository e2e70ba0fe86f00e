"""The build's own memory: every picture with what is known of it, in SQLite, so that a killed build goes on.

A unit of a source is one transaction: it is there whole, or is read again.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from training.instruct.items import ImageFacts
from training.records import DatasetError

BANDS = 16
_SCHEMA = """
CREATE TABLE IF NOT EXISTS about (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS unit (source TEXT, key TEXT, PRIMARY KEY (source, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS image (
    id INTEGER PRIMARY KEY, source TEXT NOT NULL, grp TEXT NOT NULL, phash TEXT NOT NULL, facts TEXT NOT NULL
);
CREATE INDEX IF NOT EXISTS image_group ON image (grp);
CREATE TABLE IF NOT EXISTS band (
    place INTEGER, bits TEXT, image INTEGER, PRIMARY KEY (place, bits, image)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS band_image ON band (image);
CREATE TABLE IF NOT EXISTS unknown (source TEXT, name TEXT, count INTEGER, PRIMARY KEY (source, name));
CREATE TABLE IF NOT EXISTS broken (source TEXT, key TEXT, message TEXT, PRIMARY KEY (source, key));
CREATE TABLE IF NOT EXISTS label (scope TEXT, key TEXT, PRIMARY KEY (scope, key)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS split (grp TEXT PRIMARY KEY, source TEXT NOT NULL, split TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS twin (a INTEGER, b INTEGER, distance INTEGER, PRIMARY KEY (a, b));
"""


class Catalogue:
    """One build's catalogue. fingerprint : of the spec; another spec's catalogue is refused with a `DatasetError`."""

    def __init__(self, path: Path, fingerprint: str) -> None:
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=NORMAL")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise DatasetError(f"cannot open the build's catalogue {path}: {error}") from error
        known = self.about("fingerprint")
        if known is None:
            self.set_about("fingerprint", fingerprint)
        elif known != fingerprint:
            self._db.close()
            raise DatasetError(
                f"{path.parent.parent} was begun with another spec: name a new folder, or delete it to build it anew"
            )

    def close(self) -> None:
        """Release the file."""
        self._db.close()

    def about(self, name: str) -> str | None:
        """A fact about the build, None where it was not set."""
        row = self._db.execute("SELECT value FROM about WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row[0])

    def set_about(self, name: str, value: str) -> None:
        """Keep a fact about the build."""
        self._db.execute("INSERT OR REPLACE INTO about VALUES (?, ?)", (name, value))

    def has(self, source: str, key: str) -> bool:
        """Whether a unit is there."""
        return self._db.execute("SELECT 1 FROM unit WHERE source = ? AND key = ?", (source, key)).fetchone() is not None

    def add(
        self, source: str, key: str, images: Iterable[ImageFacts], unknown: Mapping[str, int], broken: str = ""
    ) -> None:
        """A unit with its pictures, the names that no label has, and why it could not be read, "" if it could."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            for facts in images:
                row = (source, facts.group, facts.phash, facts.to_json())
                number = self._db.execute(
                    "INSERT INTO image (source, grp, phash, facts) VALUES (?, ?, ?, ?)", row
                ).lastrowid
                for place, bits in bands(facts.phash):
                    self._db.execute("INSERT INTO band VALUES (?, ?, ?)", (place, bits, number))
                if facts.scope:
                    keys = {region.key for region in facts.regions} | set(facts.uncertain)
                    self._db.executemany("INSERT OR IGNORE INTO label VALUES (?, ?)", ((facts.scope, k) for k in keys))
            self._db.executemany(
                "INSERT INTO unknown VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET count = count + excluded.count",
                ((source, name, count) for name, count in unknown.items()),
            )
            if broken:
                self._db.execute("INSERT OR REPLACE INTO broken VALUES (?, ?, ?)", (source, key, broken))
            self._db.execute("INSERT INTO unit VALUES (?, ?)", (source, key))
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            raise

    def images(self) -> Iterator[tuple[int, str, ImageFacts]]:
        """Number, split and facts of every picture that has a split, in the order in which they came.

        Units come in the sources' order however many processes read them: the same spec gives the same order.
        """
        rows = self._db.execute("SELECT image.id, split, facts FROM image JOIN split USING (grp) ORDER BY image.id")
        for number, split, facts in rows:
            yield number, split, ImageFacts.from_json(facts)

    def count(self, table: str) -> int:
        """Rows of a table."""
        return int(self._db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # table names are ours

    def scopes(self) -> dict[str, tuple[str, ...]]:
        """The labels that were met in each scope of exhaustive marking."""
        found: dict[str, list[str]] = {}
        for scope, key in self._db.execute("SELECT scope, key FROM label ORDER BY scope, key"):
            found.setdefault(scope, []).append(key)
        return {scope: tuple(keys) for scope, keys in found.items()}

    def unknown(self) -> tuple[tuple[str, str, int], ...]:
        """(source, name, times met) of names that no label has."""
        return tuple(self._db.execute("SELECT source, name, count FROM unknown ORDER BY source, count DESC, name"))

    def broken(self) -> tuple[tuple[str, str, str], ...]:
        """(source, unit, why) of what could not be read and was left out."""
        return tuple(self._db.execute("SELECT source, key, message FROM broken ORDER BY source, key"))

    @property
    def db(self) -> sqlite3.Connection:
        """For the steps that work on all pictures at once: duplicates and splits."""
        return self._db


def bands(phash: str) -> Iterator[tuple[int, str]]:
    """A hash in 16 parts: two that differ in at most 15 bits have one in common (pigeonhole)."""
    size = len(phash) // BANDS
    for place in range(BANDS if phash else 0):
        yield place, phash[place * size : (place + 1) * size]
