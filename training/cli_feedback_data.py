"""The verbs of `medrega feedback` about data: what was corrected, how the model fares, what to label next."""

from __future__ import annotations

import datetime
import getpass
import json
from pathlib import Path

import click

from engine.cli.options import PATH, db_option, existing_store, json_option
from engine.cli.output import echo_json, printable
from engine.cli.progress import TerminalProgress

_DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command("snapshot")
@click.option("--annotator", "annotators", multiple=True, help="Only this person's. Can be given several times.")
@click.option("--reviewed", is_flag=True, help="Only readings that a reviewer has approved.")
@click.option("--label", "labels", multiple=True, help="Only this name or label id. Can be given several times.")
@click.option("--since", type=_DAY, help="Decided on this day (UTC) or later.")
@click.option("--until", type=_DAY, help="Decided on this day (UTC) or before.")
@click.option("--modality", "modalities", multiple=True, help="Only this DICOM modality. Can be given several times.")
@click.option(
    "--heldout",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.2,
    show_default=True,
    help="Share of the patients that is never trained on. A patient is always on the same side.",
)
@click.option(
    "--nameless",
    type=click.Choice(["folder", "file"]),
    default="folder",
    show_default=True,
    help="What stands for the patient of scans whose header names none.",
)
@click.option("--out", type=PATH, help="The folder to put it into. Default: the user data folder.")
@db_option
@json_option
def snapshot_command(
    annotators: tuple[str, ...],
    reviewed: bool,
    labels: tuple[str, ...],
    since: datetime.datetime | None,
    until: datetime.datetime | None,
    modalities: tuple[str, ...],
    heldout: float,
    nameless: str,
    out: Path | None,
    database: Path,
    as_json: bool,
) -> None:
    """Freeze accepted and corrected regions into a data set that never changes.

    The same decisions and options give the same files and the same hash.

    Example: medrega feedback snapshot --reviewed --modality CT
    """
    from engine.feedback.corrections import CorrectionFilter
    from training.feedback.snapshot import Nameless, SnapshotSettings, describe, take_snapshot

    wanted = CorrectionFilter(annotators, reviewed, labels, _day(since), _day(until), modalities)
    settings = SnapshotSettings(wanted, heldout, Nameless(nameless))
    with existing_store(database) as store:
        snapshot = take_snapshot(store, settings, getpass.getuser(), TerminalProgress(), out)
    if as_json:
        echo_json(
            {
                "hash": snapshot.row.hash,
                "folder": str(snapshot.folder),
                "filters": json.loads(snapshot.row.filters),
                "counts": snapshot.counts,
                "left_out": snapshot.left_out,
                "reused": snapshot.reused,
                "created": snapshot.row.created,
            }
        )
        return
    for line in describe(snapshot):
        click.echo(printable(line))


def _day(when: datetime.datetime | None) -> str:
    return "" if when is None else when.date().isoformat()


VERBS = (snapshot_command,)
