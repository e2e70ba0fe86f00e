"""What migrations have in common: tables from statements, and the triggers that make some of them append-only."""

from __future__ import annotations

from collections.abc import Iterable

from sqlite_utils import Database


def run_statements(db: Database, statements: str) -> None:
    """Run statements with semicolons between them, in the transaction that is open.

    `executescript` would end that transaction, and a migration that fails half-way must leave nothing behind.
    """
    for statement in statements.split(";"):
        if statement.strip():
            db.conn.execute(statement)


def make_append_only(db: Database, tables: Iterable[str]) -> None:
    """Rows of these tables can only be added."""
    for table in tables:
        for verb in ("UPDATE", "DELETE"):
            db.conn.execute(
                f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                f"BEGIN SELECT RAISE(ABORT, '{table} is append-only'); END"
            )
