"""Opens the database: durable settings, ownership, migrations with a backup before them."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlite_utils import Database

from engine.files import whole_file
from engine.store.errors import StoreError
from engine.store.schema import APPLICATION_ID, MIGRATIONS

logger = logging.getLogger(__name__)

_BUSY_MS = 10_000
_NETWORK_FILE_SYSTEMS = {
    "nfs",
    "nfs4",
    "cifs",
    "smb3",
    "smbfs",
    "9p",
    "afs",
    "fuse.sshfs",
    "ceph",
    "glusterfs",
}


@dataclass(frozen=True, slots=True)
class OpenedDatabase:
    """A connection. notice : why it cannot write, for people; empty when it can."""

    db: Database
    notice: str = ""


def open_database(path: Path) -> OpenedDatabase:
    """Open or create a database, brought to the newest schema.

    One that a newer version wrote is opened for reading only, and nothing in it is changed. Raises `StoreError` for
    a file that is not ours, is damaged, or is so new that it cannot even be read.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = _connect(str(path))
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"cannot open the database {path}: {error}") from error
    try:
        version = _check_ours(connection, path)
        if version > len(MIGRATIONS):
            connection.close()
            return _open_newer(path, version)
        _configure(connection, path)
        # Recursive triggers, on by default, are what keeps INSERT OR REPLACE from rewriting history.
        db = Database(connection, execute_plugins=False)
        _migrate(db, path)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StoreError(f"cannot use the database {path}: {error}; restore a backup, or name another file") from error
    except BaseException:
        connection.close()
        raise
    return OpenedDatabase(db)


def _connect(database: str, uri: bool = False) -> sqlite3.Connection:
    connection = sqlite3.connect(
        database, isolation_level=None, timeout=_BUSY_MS / 1000, check_same_thread=False, uri=uri
    )
    # Text with a flipped bit is for the audit to find: reading it must not fail.
    connection.text_factory = lambda raw: raw.decode(errors="surrogateescape")
    return connection


def _check_ours(connection: sqlite3.Connection, path: Path) -> int:
    """The schema version of a sound database of ours, 0 for an empty file."""
    application = _pragma(connection, "application_id")
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if application != APPLICATION_ID and (tables or application):
        raise StoreError(f"{path} is a database of another program: name another file")
    damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        raise StoreError(f"the database {path} is damaged ({damage}): restore a backup")
    return _pragma(connection, "user_version")


def _open_newer(path: Path, version: int) -> OpenedDatabase:
    notice = (
        f"{path} was written by a newer version (schema {version}, this one knows {len(MIGRATIONS)}) and is open for "
        "reading only: update MedRegA Desktop to go on annotating"
    )
    connection = _connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    db = Database(connection, execute_plugins=False)
    missing = _missing_columns(db)
    if missing:
        connection.close()
        raise StoreError(
            f"{path} was written by a newer version (schema {version}) that keeps {missing[0]} elsewhere: "
            "update MedRegA Desktop; the file was not touched"
        )
    logger.warning("the database is open for reading only: a newer version wrote it (schema %d)", version)
    return OpenedDatabase(db, notice)


def _missing_columns(db: Database) -> list[str]:
    """Columns that this version reads and the database does not have."""
    known = Database(memory=True, execute_plugins=False)
    try:
        for migration in MIGRATIONS:
            migration(known)
        wanted = [(table.name, set(table.columns_dict)) for table in known.tables]
    finally:
        known.close()
    return [f"{name}.{column}" for name, columns in wanted for column in sorted(columns - set(db[name].columns_dict))]


def _configure(connection: sqlite3.Connection, path: Path) -> None:
    connection.execute(f"PRAGMA busy_timeout = {_BUSY_MS}")
    connection.execute("PRAGMA foreign_keys = ON")
    if is_network_path(path):
        # WAL shares memory between processes, which a network drive cannot do.
        logger.warning("the database lies on a network drive: slower journal mode DELETE is used")
        connection.execute("PRAGMA journal_mode = DELETE")
    else:
        connection.execute("PRAGMA journal_mode = WAL")
    # A gesture is on disk before the screen says that it is.
    connection.execute("PRAGMA synchronous = FULL")


def is_network_path(path: Path, mounts: Path = Path("/proc/mounts")) -> bool:
    """Whether the path lies on a network file system. Where there is no /proc/mounts, it is taken as local."""
    if not mounts.is_file():
        return False
    best, kind = "", ""
    resolved = str(path.resolve())
    for line in mounts.read_text(encoding="utf-8", errors="replace").splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        point = fields[1].replace("\\040", " ")
        inside = resolved == point or resolved.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= len(best):
            best, kind = point, fields[2]
    return kind in _NETWORK_FILE_SYSTEMS


def _migrate(db: Database, path: Path) -> None:
    connection = db.conn
    version = _pragma(connection, "user_version")
    if version == len(MIGRATIONS):
        return
    if version:
        backup(connection, path.with_name(f"{path.name}.schema{version}.backup"))
    with transaction(connection):
        # Asked again: another process may have migrated while this one waited for the lock.
        for number in range(_pragma(connection, "user_version"), len(MIGRATIONS)):
            MIGRATIONS[number](db)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """One durable transaction: all of it is on disk when the block ends, or none of it ever is.

    Raises `StoreError` when the database cannot write (locked, full, read-only, damaged).
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            connection.execute("COMMIT")
        except BaseException:
            # A full disk has rolled back already.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
    except sqlite3.DatabaseError as error:
        file = connection.execute("PRAGMA database_list").fetchone()[2]
        raise StoreError(
            f"this was not kept, the database {file} could not write: {error}; close other programs that use it, or "
            "make room on its disk"
        ) from error


@contextlib.contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Reads that see the database as it is at the first of them, whatever other processes write meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def backup(connection: sqlite3.Connection, target: Path) -> None:
    """Copy a live database whole through SQLite's backup API; replaces `target` only once it is complete.

    Raises `StoreError`, also for the database itself as the target.
    """
    source = Path(connection.execute("PRAGMA database_list").fetchone()[2])
    if target.exists() and target.samefile(source):
        raise StoreError(f"{target} is the database itself: name another file for the backup")
    try:
        with whole_file(target) as temporary:
            # What an interrupted backup left behind need not be a database.
            temporary.unlink(missing_ok=True)
            copy = sqlite3.connect(temporary)
            try:
                connection.backup(copy)
            finally:
                copy.close()
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"cannot write the backup {target}: {error}") from error


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value
