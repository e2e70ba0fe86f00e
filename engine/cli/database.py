"""`medrega db`: the annotation database itself."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.options import PATH, db_option, existing_store, json_option
from engine.cli.output import echo_json, printable
from engine.store import StoreError


@click.group()
def db() -> None:
    """Check, verify and back up the annotation database."""


@db.command()
@db_option
@json_option
def check(database: Path, as_json: bool) -> None:
    """Run SQLite's full integrity check and look for broken references.

    Example: medrega db check --db annotations.sqlite
    """
    with existing_store(database) as store:
        problems = store.integrity_problems()
    _report(as_json, database, problems, "is damaged")


@db.command()
@db_option
@json_option
def verify(database: Path, as_json: bool) -> None:
    """Verify the audit log's hash chain, and every row it vouches for.

    Example: medrega db verify
    """
    with existing_store(database) as store:
        problems = store.audit_problems()
    _report(as_json, database, problems, "was altered outside of MedRegA Desktop")


@db.command()
@click.argument("target", type=PATH, metavar="FILE")
@db_option
@json_option
def backup(target: Path, database: Path, as_json: bool) -> None:
    """Copy the database whole, also while the window uses it.

    Example: medrega db backup annotations-backup.sqlite
    """
    with existing_store(database) as store:
        store.backup(target)
    if as_json:
        echo_json({"database": str(database), "backup": str(target)})
    else:
        click.echo(printable(target))


def _report(as_json: bool, database: Path, problems: list[str], what: str) -> None:
    if as_json:
        echo_json({"database": str(database), "ok": not problems, "problems": problems})
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise StoreError(f"the database {database} {what}: {'; '.join(problems[:5])}{more}; go back to a backup")
    if not as_json:
        click.echo("ok")
