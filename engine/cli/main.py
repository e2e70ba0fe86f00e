"""The entry point `medrega`: engine's own verbs, and those that desktop and training bring along."""

from __future__ import annotations

import importlib
import logging
import sys
from importlib.metadata import EntryPoint, entry_points
from typing import Any

import click

from engine.cli.output import OneLineFormatter, printable
from engine.errors import MedRegAError
from engine.progress import Cancelled

_PLUGINS = "medrega.commands"
_OWN = {
    "scan": "engine.cli.scans:scan",
    "render": "engine.cli.scans:render",
    "suggest": "engine.cli.suggest:suggest_command",
    "demo": "engine.cli.demo:demo",
    "export": "engine.cli.export:export",
    "model": "engine.cli.models:model",
    "bench": "engine.cli.bench:bench",
    "db": "engine.cli.database:db",
    "prelabel": "engine.cli.prelabel:prelabel_command",
    "serve": "engine.cli.serve:serve_command",
    "doctor": "engine.cli.doctor:doctor",
}


class _LazyGroup(click.Group):
    """Imports a verb only when it is used, so that `medrega scan` never pays for Qt or torch."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*_OWN, *(point.name for point in entry_points(group=_PLUGINS))})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name in _OWN:
            module, _, attribute = _OWN[name].partition(":")
            command: click.Command = getattr(importlib.import_module(module), attribute)
            return command
        for point in entry_points(group=_PLUGINS):
            if point.name == name:
                return load_plugin(point)
        return None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except MedRegAError as error:
            logging.getLogger(__name__).debug("failed", exc_info=True)
            click.echo(f"medrega: {printable(error)}", err=True)
            ctx.exit(1)
        except OSError as error:
            # One without a file is a closed pipe or the like, which click knows how to end with.
            if error.filename is None:
                raise
            logging.getLogger(__name__).debug("failed", exc_info=True)
            click.echo(f"medrega: {printable(error.filename)}: {error.strerror}", err=True)
            ctx.exit(1)
        except Cancelled:
            click.echo("medrega: cancelled", err=True)
            ctx.exit(1)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = []
        for name in self.list_commands(ctx):
            command = self.get_command(ctx, name)
            if command is not None and not command.hidden:
                rows.append((name, command.get_short_help_str(80)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)


def load_plugin(point: EntryPoint) -> click.Command:
    """A verb from elsewhere; where what it needs is not installed, one that says so."""
    try:
        command: click.Command = point.load()
    except ImportError as error:
        missing = error.name or str(error)

        @click.command(point.name, help=f"Not installed: needs {missing}.")
        @click.argument("rest", nargs=-1, type=click.UNPROCESSED)
        def absent(rest: tuple[str, ...]) -> None:
            extra = "the training extra (pip install '.[train]')" if "training" in point.value else "the window"
            raise click.ClickException(f"{point.name} needs {missing}: install {extra}")

        return absent
    return command


@click.group(cls=_LazyGroup, invoke_without_command=True)
@click.option("-v", "--verbose", count=True, help="Say more on standard error; twice for everything.")
@click.version_option(package_name="medrega-desktop")
@click.pass_context
def main(ctx: click.Context, verbose: int) -> None:
    """MedRegA Desktop: label and read medical scans with a local model. Not for diagnostic use.

    Without a verb the window opens. Example: medrega suggest ct/ --slice 24 --box 120,200,260,330 --json
    """
    level = (logging.WARNING, logging.INFO, logging.DEBUG)[min(verbose, 2)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLineFormatter("%(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler])
    if ctx.invoked_subcommand is None:
        command = main.get_command(ctx, "open")
        if command is None:
            raise click.ClickException("the window is not installed; `medrega --help` lists the verbs")
        ctx.invoke(command)
