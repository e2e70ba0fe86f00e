"""`medrega open`: the window."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

from engine.runtime import Device
from engine.store import default_database_path


def has_display() -> bool:
    """Whether a window can be shown here."""
    if sys.platform != "linux" or os.environ.get("QT_QPA_PLATFORM"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


@click.command("open")
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PATH ...]")
@click.option("--demo", is_flag=True, help="Put the demo worklist on the worklist.")
@click.option("--db", "database", type=click.Path(path_type=Path), default=default_database_path)
@click.option("--model", "model_id", default="", show_default="your default model, else the starter")
@click.option(
    "--device",
    metavar="auto|cpu|cuda[:N]",
    show_default="as chosen under Model, Runs on",
    help="What the model runs on, this time.",
)
def open_command(
    paths: tuple[Path, ...] = (),
    demo: bool = False,
    database: Path | None = None,
    model_id: str = "",
    device: str | None = None,
) -> None:
    """Open the window, with the given scans or folders on the worklist.

    Example: medrega open ~/studies/ct --db ~/annotations.sqlite
    """
    if not has_display():
        raise click.ClickException(
            "there is no display: set DISPLAY or WAYLAND_DISPLAY, or use the command line (`medrega demo`)"
        )
    chosen = None if device is None else Device.parse(device)
    from desktop.app import run

    database = database or default_database_path()
    sys.exit(run(paths, demo=demo, database=database, model_id=model_id, device=chosen))
