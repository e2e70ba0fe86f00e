"""Nothing in the log, and nothing that the log vouches for, changes unnoticed."""

from __future__ import annotations

import dataclasses
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.store import AnnotationStore, StoreError, verify_chain, verify_rows
from engine.store.schema import AUDITED_TABLES

_FIELDS = ("seq", "at", "who", "what", "detail", "previous", "hash")


def unlock(store: AnnotationStore) -> sqlite3.Connection:
    """What somebody with the file and SQL can do."""
    connection = sqlite3.connect(store.path, isolation_level=None)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    return connection


def test_every_gesture_is_one_entry_and_all_is_well(worked: AnnotationStore):
    assert [(entry.who, entry.what) for entry in worked.audit.all()] == [
        ("ann", "asked"),
        ("ann", "accepted"),
        ("ann", "rejected"),
        ("ann", "restored"),
        ("bob", "drew"),
        ("model starter", "answered"),
        ("bob", "edited"),
        ("bob", "suggested"),
        ("bob", "marked done"),
        ("bob", "added an annotator"),
        ("bob", "assigned reading 1"),
        ("cy", "drew"),
        ("cy", "locked"),
        ("bob", "suggested"),
        ("bob", "accepted from 0.5"),
        ("bob", "kept a label"),
        ("bob", "asked"),
        ("bob", "answer edited"),
        ("bob", "snapshot"),
    ]
    assert worked.audit_problems() == []


def test_a_thousand_flipped_bits_in_the_log_are_found(worked: AnnotationStore):
    entries = list(worked.audit.all())
    rng = random.Random(1)
    for _ in range(1000):
        number, name = rng.randrange(len(entries)), rng.choice(_FIELDS)
        value = getattr(entries[number], name)
        if name == "seq":
            changed = value ^ (1 << rng.randrange(8))
        else:
            raw = bytearray(value.encode())
            raw[rng.randrange(len(raw))] ^= 1 << rng.randrange(8)
            changed = raw.decode(errors="surrogateescape")
        forged = [*entries]
        forged[number] = dataclasses.replace(entries[number], **{name: changed})
        assert verify_chain(forged) is not None, (number, name)


def test_a_bit_flipped_in_the_file_itself_is_found(worked: AnnotationStore):
    path, entries = worked.path, list(worked.audit.all())
    worked.close()
    whole, rng = path.read_bytes(), random.Random(2)
    for _ in range(200):
        entry, name = rng.choice(entries), rng.choice(("at", "who", "what", "detail", "previous", "hash"))
        field = getattr(entry, name).encode()
        # The short ones stand beside each other in the record, and elsewhere in the file too.
        short = f"{entry.at}{entry.who}{entry.what}".encode()
        found = whole.rindex(short) + short.index(field) if field in short else whole.rindex(field)
        at = found + rng.randrange(len(field))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << rng.randrange(8))]) + whole[at + 1 :])
        try:
            store = AnnotationStore.open(path)
        except StoreError:
            # SQLite saw it itself: a key in an index that no longer fits.
            continue
        assert store.audit_problems() != [], (field, at)
        store.close()


@pytest.mark.parametrize("value", [None, 7, b"ann", b"\xff"])
def test_a_field_of_another_type_is_found(worked: AnnotationStore, value: object):
    for name in _FIELDS:
        entry, *rest = worked.audit.all()
        assert verify_chain([dataclasses.replace(entry, **{name: value}), *rest]) == 1, name


def test_entries_left_out_swapped_or_added_are_found(worked: AnnotationStore):
    entries = list(worked.audit.all())
    assert verify_chain(entries) is None
    assert verify_chain(entries[1:]) == 1
    assert verify_chain([*entries[:3], *entries[4:]]) == 4
    assert verify_chain([entries[1], entries[0], *entries[2:]]) == 1
    assert verify_chain([*entries, entries[-1]]) == len(entries) + 1


def test_a_log_with_its_end_cut_off_no_longer_vouches_for_every_row(worked: AnnotationStore):
    entries = list(worked.audit.all())
    assert verify_chain(entries[:-1]) is None
    assert any("is not in the log" in one for one in verify_rows(entries[:-1], worked.audit.row_digests()))


@pytest.mark.parametrize("table", AUDITED_TABLES)
def test_every_changed_field_of_every_row_is_found(worked: AnnotationStore, table: str):
    connection = unlock(worked)
    connection.row_factory = sqlite3.Row
    for row in connection.execute(f"SELECT * FROM {table}").fetchall():
        for column in set(row.keys()) - {"id"}:
            # Another value that SQLite's column type leaves as it is.
            forged = 77 if row[column] is None or isinstance(row[column], int | float) else f"{row[column]} "
            connection.execute("BEGIN")
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", [forged, row["id"]])
            connection.execute("COMMIT")
            assert worked.audit_problems() == [f"{table} {row['id']} is not what was written"], column
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", [row[column], row["id"]])
    assert worked.audit_problems() == []
    connection.close()


def test_a_removed_or_smuggled_in_row_is_found(worked: AnnotationStore):
    connection = unlock(worked)
    connection.execute("DELETE FROM verdict WHERE id = 2")
    connection.execute("INSERT INTO study (id, study_uid, created) VALUES (9, '9', '2026')")
    assert worked.audit_problems() == ["study 9 is not in the log", "verdict 2 is gone"]
    connection.close()


def test_a_column_that_a_later_schema_adds_changes_no_digest(worked: AnnotationStore):
    connection = sqlite3.connect(worked.path)
    connection.execute("ALTER TABLE region ADD COLUMN polygon TEXT")
    connection.close()
    assert worked.audit_problems() == []


def test_a_backup_carries_the_log(worked: AnnotationStore, tmp_path: Path):
    worked.backup(tmp_path / "copy.sqlite")
    with AnnotationStore.open(tmp_path / "copy.sqlite") as copy:
        assert list(copy.audit.all()) == list(worked.audit.all())
        assert copy.audit_problems() == []


def test_two_windows_on_one_file_write_one_chain(tmp_path: Path, work: Callable[[AnnotationStore], None]):
    path = tmp_path / "a.sqlite"
    with AnnotationStore.open(path) as one, AnnotationStore.open(path) as other:
        for store in (one, other, one, other):
            work(store)
        assert one.audit_problems() == []
        assert len(list(other.audit.all())) == 4 * 19 - 3
