"""`medrega bench`: measurements against named peers. Other folders bring theirs by entry points."""

from __future__ import annotations

from importlib.metadata import entry_points

import click

from engine.bench import BenchReport
from engine.cli.options import json_option, model_option
from engine.cli.output import echo_json, printable
from engine.cli.progress import TerminalProgress
from engine.runtime import find_model

_PLUGINS = "medrega.benches"


class _BenchGroup(click.Group):
    """Its own benches, and those that are registered under ``medrega.benches``."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted({*super().list_commands(ctx), *(point.name for point in entry_points(group=_PLUGINS))})

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        own = super().get_command(ctx, name)
        if own is not None:
            return own
        for point in entry_points(group=_PLUGINS):
            if point.name == name:
                # Imported here: the entry point's module brings this one in.
                from engine.cli.main import load_plugin

                return load_plugin(point)
        return None


@click.group(cls=_BenchGroup)
def bench() -> None:
    """Measure speed and memory against named peers."""


def print_report(report: BenchReport, as_json: bool) -> None:
    """One JSON document, or a table."""
    if as_json:
        echo_json(report.to_json())
        return
    for line in report.lines():
        click.echo(printable(line))


@bench.command("scan")
@json_option
def scan_command(as_json: bool) -> None:
    """Open and read generated series: first slice, whole series, memory, index.

    Takes some minutes and 500 MB of temporary disk. Example: medrega bench scan --json
    """
    from engine.bench.scan import bench_scan

    print_report(bench_scan(TerminalProgress()), as_json)


@bench.command("engine")
@model_option
@click.option(
    "--soak", type=click.FloatRange(min=0, min_open=True), metavar="MINUTES", help="Kill its process at random instead."
)
@json_option
def engine_command(model_id: str, soak: float | None, as_json: bool) -> None:
    """Ask a model and its peers the same questions: first, second, prepared, all at once, cancelled.

    The peers are llama-cpp-python's own chat handler and, where torch is installed, transformers. With --soak it asks
    for so many minutes while its process is killed at random, and reports lost answers and memory.

    Example: medrega bench engine --json
    """
    from engine.bench.engine import bench_engine
    from engine.bench.soak import soak_engine

    manifest = find_model(model_id)
    if soak is not None:
        print_report(soak_engine(manifest, soak * 60, TerminalProgress()), as_json)
    else:
        print_report(bench_engine(manifest, TerminalProgress()), as_json)
