"""Opens the database: durable settings, ownership, migrations with a backup before them."""

from __future__ import annotations

import contextlib
import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from sqlite_utils import Database

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


def open_database(path: Path) -> Database:
    """Open or create a database for writing, brought to the newest schema.

    Raises `StoreError` for a file that is not ours, is damaged, or was written by a newer version.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, isolation_level=None, timeout=_BUSY_MS / 1000, check_same_thread=False)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"cannot open the database {path}: {error}") from error
    try:
        _check_ours(connection, path)
        _configure(connection, path)
        db = Database(connection)
        _migrate(db, path)
    except sqlite3.DatabaseError as error:
        connection.close()
        raise StoreError(f"cannot use the database {path}: {error}; restore a backup, or name another file") from error
    except StoreError:
        connection.close()
        raise
    return db


def _check_ours(connection: sqlite3.Connection, path: Path) -> None:
    application = _pragma(connection, "application_id")
    tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    if tables and application != APPLICATION_ID:
        raise StoreError(f"{path} is a database of another program: name another file")
    version = _pragma(connection, "user_version")
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{path} was written by a newer version (schema {version}, this one knows {len(MIGRATIONS)}): "
            "update MedRegA Desktop; the file was not touched"
        )
    damage = connection.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        raise StoreError(f"the database {path} is damaged ({damage}): restore a backup")


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
        for number in range(version, len(MIGRATIONS)):
            MIGRATIONS[number](db)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


@contextlib.contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """One durable transaction: all of it is on disk when the block ends, or none of it ever is.

    Raises `StoreError` when the database cannot write (locked, full, read-only).
    """
    try:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise StoreError(f"the annotation was not kept, the database could not write: {error}") from error


def backup(connection: sqlite3.Connection, target: Path) -> None:
    """Copy a live database whole through SQLite's backup API; replaces `target` only once it is complete."""
    temporary = target.with_name(f".{target.name}.part")
    try:
        copy = sqlite3.connect(temporary)
        try:
            connection.backup(copy)
        finally:
            copy.close()
        temporary.replace(target)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"cannot write the backup {target}: {error}") from error


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    value: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return value
