"""The verbs of `medrega feedback` about data: what was corrected, how the model fares, what to label next."""

from __future__ import annotations

import datetime
import json
from pathlib import Path

import click

from engine.cli.options import PATH, db_option, existing_store, json_option
from engine.cli.output import echo_json, printable
from engine.store import utc_text
from training.cli_feedback_options import child_options, name_of, reporting, who_option


class _When(click.ParamType[str]):
    """A day in UTC, as it is, or an instant with its offset, as the database writes it."""

    name = "day"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        if not value:
            return ""
        try:
            if "T" not in value:
                return datetime.date.fromisoformat(value).isoformat()
            moment = datetime.datetime.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is neither a day (2026-11-30) nor an instant (2026-11-30T18:00:00+01:00)", param, ctx)
        if moment.tzinfo is None:
            self.fail(f"{value!r} does not say how far it is from UTC: write Z or +01:00 behind it", param, ctx)
        return utc_text(moment)


@click.command("snapshot")
@click.option("--annotator", "annotators", multiple=True, help="Only this person's. Can be given several times.")
@click.option("--reviewed", is_flag=True, help="Only readings that a reviewer has approved.")
@click.option("--label", "labels", multiple=True, help="Only this name or label id. Can be given several times.")
@click.option("--since", type=_When(), default="", help="Decided on this day (UTC) or later, or from this instant on.")
@click.option("--until", type=_When(), default="", help="Decided on this day (UTC) or before, or before this instant.")
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
@who_option
@child_options
@db_option
@json_option
def snapshot_command(
    annotators: tuple[str, ...],
    reviewed: bool,
    labels: tuple[str, ...],
    since: str,
    until: str,
    modalities: tuple[str, ...],
    heldout: float,
    nameless: str,
    out: Path | None,
    who: str,
    style: str,
    with_parent: bool,
    database: Path,
    as_json: bool,
) -> None:
    """Freeze accepted and corrected regions into a data set that never changes.

    The same decisions and options give the same files and the same hash.

    Example: medrega feedback snapshot --reviewed --modality CT
    """
    from engine.feedback.corrections import CorrectionFilter

    with reporting(style, with_parent) as telling:
        from training.feedback.snapshot import Nameless, SnapshotSettings, describe, take_snapshot

        wanted = CorrectionFilter(annotators, reviewed, labels, since, until, modalities)
        settings = SnapshotSettings(wanted, heldout, Nameless(nameless))
        with existing_store(database) as store:
            snapshot = take_snapshot(store, settings, name_of(who), telling.progress, out)
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
@click.option("--worklist", is_flag=True, help="Also put their scans first on the window's list, in this order.")
@click.option("--usual", is_flag=True, help="Only put the window's list in its usual order again.")
@child_options
@db_option
@json_option
def order_command(
    limit: int | None,
    no_pictures: bool,
    worklist: bool,
    usual: bool,
    style: str,
    with_parent: bool,
    database: Path,
    as_json: bool,
) -> None:
    """Say which images to label next: doubtful ones, unlike others, with rare labels.

    Example: medrega feedback order --limit 20 --worklist
    """
    from engine.feedback.waiting import order_of

    if usual:
        if worklist or limit is not None or no_pictures:
            raise click.UsageError("--usual stands alone: it makes no order")
        with existing_store(database) as store:
            store.scan_index.put_next([])
        return
    with reporting(style, with_parent) as telling, existing_store(database) as store:
        order = order_of(store, telling.progress, limit=limit, pictures=not no_pictures)
        scans = order.scans(store) if worklist else []
        if worklist:
            store.scan_index.put_next(scans)
    if as_json:
        skipped = [{"path": path, "why": why} for path, why in order.skipped]
        put = {"scans_first": len(scans)} if worklist else {}
        echo_json({"images": [one.to_json() for one in order.images], "skipped": skipped, **put})
        return
    for one in order.images:
        image = one.image
        click.echo(printable(f"{one.rank.score:.3f} {image.source} {image.plane.value} {image.slice}"))
    for _, why in order.skipped:
        click.echo(printable(why), err=True)


@click.command("export")
@click.argument("out", type=PATH, metavar="OUT.zip")
@click.option("--snapshot", "hashes", multiple=True, help="A snapshot by its hash or the beginning of it.")
@click.option("--adapter", "ids", multiple=True, help="An adapter by its id.")
@child_options
@db_option
@json_option
def export_command(
    out: Path,
    hashes: tuple[str, ...],
    ids: tuple[str, ...],
    style: str,
    with_parent: bool,
    database: Path,
    as_json: bool,
) -> None:
    """Pack snapshots and adapters into one file for another machine, without identifiers of patients.

    Tell its hash to whoever gets it, on another way than the file.

    Example: medrega feedback export site-b.zip --snapshot 1f3a --adapter site-b-1
    """
    from engine.feedback.bundle import write_bundle
    from engine.feedback.identifiers import Identifiers
    from engine.runtime import AdapterManifest, adapters_folder

    with reporting(style, with_parent) as telling, existing_store(database) as store:
        rows = [store.snapshots.find(hash_) for hash_ in hashes]
        adapters = [AdapterManifest.read(adapters_folder() / Path(id_).name) for id_ in ids]
        bundle = write_bundle(out, rows, adapters, Identifiers(store.identifying_texts()), telling.progress)
    told = {"bundle": str(out), "sha256": bundle.sha256, "files": bundle.files}
    if as_json:
        echo_json({**told, "snapshots": list(bundle.snapshots), "adapters": list(bundle.adapters)})
    else:
        click.echo(printable(f"{out}: {bundle.files} files, hash {bundle.sha256}"))


@click.command("import")
@click.argument("bundle_file", type=PATH, metavar="FILE.zip")
@click.option("--expect", default="", help="The hash that whoever made it told you: another bundle is refused.")
@who_option
@child_options
@db_option
@json_option
def import_command(
    bundle_file: Path, expect: str, who: str, style: str, with_parent: bool, database: Path, as_json: bool
) -> None:
    """Unpack snapshots and adapters from another machine, once every hash was found right.

    Example: medrega feedback import site-b.zip --expect 5c0e...
    """
    from engine.feedback.unbundle import read_bundle
    from engine.store import AnnotationStore

    with reporting(style, with_parent) as telling, AnnotationStore.open(database) as store:
        done = read_bundle(bundle_file, store, name_of(who), telling.progress, expected=expect)
    if as_json:
        told = {"sha256": done.bundle.sha256, "folders": [str(folder) for folder in done.folders]}
        names = {"snapshots": list(done.bundle.snapshots), "adapters": list(done.bundle.adapters)}
        echo_json({**told, **names, "new": list(done.new)})
        return
    for folder in done.folders:
        click.echo(printable(folder))
    click.echo(f"{len(done.new)} of {len(done.folders)} were not here before; hash {done.bundle.sha256}")


VERBS = (snapshot_command, drift_command, order_command, export_command, import_command)
