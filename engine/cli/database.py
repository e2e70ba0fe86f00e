"""`medrega db`: the annotation database itself."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.options import PATH, db_option, echo_json, json_option
from engine.store import AnnotationStore, StoreError, verify_chain


@click.group()
def db() -> None:
    """Check, verify and back up the annotation database."""


def _open(database: Path) -> AnnotationStore:
    if not database.is_file():
        raise StoreError(f"there is no database {database}: name one with --db")
    return AnnotationStore.open(database)


@db.command()
@db_option
@json_option
def check(database: Path, as_json: bool) -> None:
    """Run SQLite's full integrity check and look for broken references.

    Example: medrega db check --db annotations.sqlite
    """
    store = _open(database)
    try:
        problems = store.integrity_problems()
    finally:
        store.close()
    _report(as_json, database, problems, f"the database {database} is damaged: {'; '.join(problems[:5])}")


@db.command()
@db_option
@json_option
def verify(database: Path, as_json: bool) -> None:
    """Verify the audit log's hash chain.

    Example: medrega db verify
    """
    store = _open(database)
    try:
        broken = verify_chain(store.audit.all())
    finally:
        store.close()
    problems = [] if broken is None else [f"audit entry {broken} is not what was written"]
    _report(as_json, database, problems, f"the audit log of {database} was altered at entry {broken}")


@db.command()
@click.argument("target", type=PATH, metavar="FILE")
@db_option
@json_option
def backup(target: Path, database: Path, as_json: bool) -> None:
    """Copy the database whole, also while the window uses it.

    Example: medrega db backup annotations-backup.sqlite
    """
    store = _open(database)
    try:
        store.backup(target)
    finally:
        store.close()
    if as_json:
        echo_json({"database": str(database), "backup": str(target)})


def _report(as_json: bool, database: Path, problems: list[str], message: str) -> None:
    if as_json:
        echo_json({"database": str(database), "ok": not problems, "problems": problems})
    if problems:
        raise StoreError(message)
    if not as_json:
        click.echo("ok")
