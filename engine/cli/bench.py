"""`medrega bench`: measurements against named peers. Other folders bring theirs by entry points."""

from __future__ import annotations

import tempfile
from importlib.metadata import entry_points
from pathlib import Path

import click

from engine.bench import BenchReport
from engine.cli.options import device_option, json_option, model_option, named_model
from engine.cli.output import echo_json, printable
from engine.cli.progress import TerminalProgress
from engine.runtime import Device

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
@click.option("--offload", is_flag=True, help="Speed with more and less of the model on the GPUs, instead.")
@click.option(
    "--synthetic",
    metavar="LAYERSxWIDTH",
    help="--offload of a model of this shape with random weights; medrega for MedRegA's own shape (28 GB of disk).",
)
@device_option
@json_option
def engine_command(
    model_id: str, soak: float | None, offload: bool, synthetic: str | None, device: Device, as_json: bool
) -> None:
    """Ask a model and its peers the same questions: first, second, prepared, all at once, cancelled.

    The peers are llama-cpp-python's own chat handler and, where torch is installed, transformers. With --soak it asks
    for so many minutes while its process is killed at random, and reports lost answers and memory. With --offload it
    measures how fast the model looks, reads and writes at each share of it on the GPUs, beside llama.cpp alone.

    Example: medrega bench engine --json; medrega bench engine --synthetic 32x4096 --device cuda
    """
    from engine.bench.engine import bench_engine
    from engine.bench.offload import bench_offload
    from engine.bench.soak import soak_engine

    progress = TerminalProgress()
    if synthetic is not None:
        report = _bench_synthetic(synthetic, device, progress)
    elif offload:
        report = bench_offload(named_model(model_id), device, progress)
    elif soak is not None:
        report = soak_engine(named_model(model_id), soak * 60, progress, device=device)
    else:
        report = bench_engine(named_model(model_id), progress, device=device)
    print_report(report, as_json)


def _bench_synthetic(said: str, device: Device, progress: TerminalProgress) -> BenchReport:
    from engine.bench.offload import bench_offload

    try:
        from engine.bench.synthetic import SyntheticShape, write_synthetic
    except ImportError as error:
        raise click.ClickException(
            f"--synthetic writes a GGUF file and needs {error.name}: pip install -e '.[models]'"
        ) from None
    with tempfile.TemporaryDirectory(prefix="medrega-bench-") as folder:
        manifest = write_synthetic(SyntheticShape.parse(said), Path(folder), progress)
        return bench_offload(manifest, device, progress)
