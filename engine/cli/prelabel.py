"""`medrega prelabel`: suggestions for a whole folder, before a person looks."""

from __future__ import annotations

import getpass
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

import click

from engine.cli.options import PATH, db_option, json_option, model_option, named_model
from engine.cli.output import echo_json, printable
from engine.cli.progress import TerminalProgress
from engine.labels import Label
from engine.prelabel import Prelabelled, PrelabelOrder, SliceChoice, prelabel, wanted_labels
from engine.prelabel.slices import SliceChoiceError
from engine.protocol import Language, Task
from engine.runtime import ModelManifest, Session
from engine.scans import ScanError
from engine.store import AnnotationStore


class SliceChoiceType(click.ParamType[Any]):
    """all, middle or every N."""

    name = "all|middle|every N"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> SliceChoice:
        """Read a choice; another word is a wrong argument."""
        if isinstance(value, SliceChoice):
            return value
        try:
            return SliceChoice.read(str(value))
        except SliceChoiceError as error:
            self.fail(str(error), param, ctx)


class _Command(click.Command):
    """Takes ``--slices every 4`` as well as ``--slices "every 4"``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        for place in range(len(args) - 2):
            if args[place : place + 2] == ["--slices", "every"] and args[place + 2].isdigit():
                args = [*args[: place + 1], f"every {args[place + 2]}", *args[place + 3 :]]
                break
        return super().parse_args(ctx, args)


@click.command("prelabel", cls=_Command)
@click.argument("folder", type=PATH)
@click.option(
    "--labels",
    required=True,
    metavar="NAMES|FILE",
    help="Names with commas between them, the id of a label set that ships, or a file: a name a line, or JSON.",
)
@click.option(
    "--lang",
    type=click.Choice([one.value for one in Language]),
    default="en",
    show_default=True,
    help="Of the questions.",
)
@click.option(
    "--slices",
    type=SliceChoiceType(),
    default="all",
    show_default=True,
    metavar="all|middle|every N",
    help="Which slices are looked at.",
)
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    metavar="P",
    help="Boxes less probable than this become no regions.",
)
@db_option
@model_option
@json_option
def prelabel_command(
    folder: Path,
    labels: str,
    lang: str,
    slices: SliceChoice,
    threshold: float,
    database: Path,
    model_id: str,
    as_json: bool,
) -> None:
    """Look for names on every scan of FOLDER; what is found waits in the database for a person to judge.

    Each slice is kept as soon as it is answered. Stopped or killed, the same command goes on where it was; with
    another model or other names it asks what was not asked yet. Where a slice has a region of a name, or had one that
    was rejected, that name is left alone.

    Example: medrega prelabel studies/ --labels "liver,spleen,right kidney" --slices every 4 --db work.sqlite
    """
    manifest = named_model(model_id, Task.TEXT_TO_REGION)
    wanted = wanted_labels(labels, manifest.labels())
    _warn(manifest, wanted)
    order = PrelabelOrder(wanted, Language(lang), slices, threshold, getpass.getuser())
    progress = _StoppableProgress()
    session = Session(manifest, promoted=True)
    with progress.stopped_by_signals(), AnnotationStore.open(database) as store, session:
        result = prelabel(store, session, folder, order, progress)
    adapter = session.adapter.id if session.adapter else None
    for one in result.skipped:
        where = "" if str(one.path) in one.reason else f"{one.path}: "
        click.echo(f"medrega: left out: {printable(where + one.reason)}", err=True)
    if as_json:
        echo_json(_document(folder, database, manifest, adapter, order, result))
    else:
        _print(result)
    if result.stopped:
        click.echo("medrega: stopped; what was found is kept, and the same command goes on", err=True)
        raise click.exceptions.Exit(1)
    if not result.scans:
        raise ScanError(f"{folder} holds no scan that could be labelled")


def _warn(manifest: ModelManifest, wanted: tuple[Label, ...]) -> None:
    if not manifest.knows(Task.TEXT_TO_REGION.value):
        click.echo(f"medrega: the model {manifest.id} was not trained to find things by their names", err=True)
    known = manifest.labels()
    strange = [label.en for label in wanted if known.find(label.id or label.en) is None]
    if strange:
        click.echo(
            f"medrega: the model {manifest.id} does not list {printable(', '.join(strange))}: do not expect much of it",
            err=True,
        )


def _print(result: Prelabelled) -> None:
    place = f"{result.slices} slices of {result.scans} scans"
    click.echo(f"{result.regions} new regions on {place} wait for a person.")
    if result.done_before:
        click.echo(f"{result.done_before} slices had nothing left to ask.")
    if result.skipped:
        click.echo(f"{len(result.skipped)} files or scans were left out.")


def _document(
    folder: Path,
    database: Path,
    manifest: ModelManifest,
    adapter: str | None,
    order: PrelabelOrder,
    result: Prelabelled,
) -> dict[str, Any]:
    return {
        "folder": str(folder),
        "database": str(database),
        "model": {"id": manifest.id, "sha256": manifest.sha256, "adapter": adapter},
        "language": order.language.value,
        "labels": [{"id": label.id, "en": label.en, "zh": label.zh} for label in order.labels],
        "slices": str(order.slices),
        "threshold": order.threshold,
        "scans": {"found": result.found, "done": result.scans},
        "slices_asked": result.slices,
        "slices_done_before": result.done_before,
        "slices_failed": result.failed,
        "questions": result.questions,
        "regions": result.regions,
        "skipped": [{"path": str(one.path), "reason": one.reason} for one in result.skipped],
        "stopped": result.stopped,
    }


class _StoppableProgress(TerminalProgress):
    """Progress of a run that Ctrl+C and SIGTERM end cleanly; a second Ctrl+C ends it at once."""

    def __init__(self) -> None:
        super().__init__()
        self._stopped = False

    def cancelled(self) -> bool:
        """Whether a signal came."""
        return self._stopped

    @contextmanager
    def stopped_by_signals(self) -> Iterator[None]:
        """Hear the signals until the block ends."""

        def stop(_: int, __: FrameType | None) -> None:
            self._stopped = True
            signal.signal(signal.SIGINT, signal.default_int_handler)

        before = {sig: signal.signal(sig, stop) for sig in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for sig, handler in before.items():
                signal.signal(sig, handler)
