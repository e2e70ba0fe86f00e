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


@click.command("drift")
@click.option("--window", "days", type=click.IntRange(min=1), default=7, show_default=True, help="Days in a window.")
@click.option("--site", "sites", type=PATH, multiple=True, help="A folder whose scans are of one site.")
@db_option
@json_option
def drift_command(days: int, sites: tuple[Path, ...], database: Path, as_json: bool) -> None:
    """Say how often suggestions are kept, by label and site, and for which labels that fell.

    Example: medrega feedback drift --window 14 --site /scans/north --site /scans/south
    """
    from engine.feedback.drift import measure_drift
    from engine.feedback.judged import judged_suggestions

    with existing_store(database) as store:
        drift = measure_drift(judged_suggestions(store, sites), days)
    if as_json:
        echo_json(drift.to_json())
        return
    for key, course in (("all", drift.everything), *drift.by_label.items()):
        fare = course.whole
        kept = "" if fare.acceptance is None else f" ({fare.acceptance:.0%})"
        click.echo(printable(f"{course.name or key}: {fare.accepted} of {fare.judged} kept as they were{kept}"))
    for alarm in drift.alarms:
        text = (
            f"ALARM {alarm.name}: {alarm.now[0]} of {alarm.now[1]} kept, {alarm.before[0]} of {alarm.before[1]} before"
        )
        click.echo(printable(f"{text} (p = {alarm.adjusted:.2g})"))


@click.command("order")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first so many.")
@click.option("--no-pictures", is_flag=True, help="Do not look at the scans: what models said decides alone.")
@db_option
@json_option
def order_command(limit: int | None, no_pictures: bool, database: Path, as_json: bool) -> None:
    """Say which images to label next: doubtful ones, unlike others, with rare labels.

    Example: medrega feedback order --limit 20 --json
    """
    from engine.feedback.waiting import order_of

    with existing_store(database) as store:
        order = order_of(store, TerminalProgress(), limit=limit, pictures=not no_pictures)
    if as_json:
        skipped = [{"path": path, "why": why} for path, why in order.skipped]
        echo_json({"images": [one.to_json() for one in order.images], "skipped": skipped})
        return
    for one in order.images:
        image = one.image
        click.echo(printable(f"{one.rank.score:.3f} {image.source} {image.plane.value} {image.slice}"))
    for _, why in order.skipped:
        click.echo(printable(why), err=True)


def _day(when: datetime.datetime | None) -> str:
    return "" if when is None else when.date().isoformat()


VERBS = (snapshot_command, drift_command, order_command)
