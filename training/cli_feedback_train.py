"""`medrega feedback train`, `gate`, `promote`, `rollback`, `status`: from a snapshot to the adapter in use."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from engine.cli.options import db_option
from training.cli_feedback_options import NICE, child_options, name_of, reporting, who_option

if TYPE_CHECKING:
    from engine.store import SnapshotRow
    from training.feedback.finetune import FineTuned

PATH = click.Path(path_type=Path)
JSON = click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")


@click.command("train")
@click.argument("snapshot", type=PATH)
@click.option("--base", "base_id", default="", help="Model id or folder. Default: the chosen model.")
@click.option("--out", type=PATH, required=True, help="Run folder; an unfinished run in it is gone on with.")
@click.option("--replay", type=PATH, help="A set the base learnt from. Default: what came with it, else phantoms.")
@click.option("--checkpoint", type=PATH, help="The base's torch weights. Default: its GGUF files, dequantised.")
@click.option("--max-steps", type=click.IntRange(1), help="At most so many steps.")
@click.option("--seed", default=0, show_default=True)
@click.option("--threads", type=click.IntRange(1), help="Default: one core is left to others.")
@NICE
@child_options
@JSON
def train_command(
    snapshot: Path,
    base_id: str,
    out: Path,
    replay: Path | None,
    checkpoint: Path | None,
    max_steps: int | None,
    seed: int,
    threads: int | None,
    niceness: int,
    style: str,
    with_parent: bool,
    as_json: bool,
) -> None:
    """Train a LoRA adapter on a snapshot of corrections, at low priority.

    It is held to what the base said before, so that nothing is forgotten; it ends early when corrections that it does
    not learn from are answered no better. An interrupt (Ctrl-C) ends the step and writes a checkpoint; the same command
    goes on from it. `--progress json` writes one JSON object a line to standard error.

    Example: medrega feedback train snapshots/2026-11 --base starter --out runs/2026-11
    """
    from engine.cli.options import named_model
    from engine.cli.output import echo_json
    from training.events import TrainingEvent

    with reporting(style, with_parent) as telling:
        # Imports torch, which takes seconds: whoever started this may want it to stop meanwhile.
        from training.feedback.finetune import FineTuning, be_modest, default_threads, fine_tune, read_record

        be_modest(threads or default_threads(), niceness)
        settings = FineTuning(seed=seed) if max_steps is None else FineTuning(seed=seed, max_steps=max_steps)
        run = fine_tune(
            snapshot,
            named_model(base_id),
            out,
            settings,
            telling.progress,
            replay=replay,
            checkpoint=checkpoint,
            listener=telling.listener,
        )
        telling.listener(TrainingEvent("done", text=str(out)))
    if as_json:
        echo_json({"run": str(out), **read_record(out), "result": run.result})
    else:
        _say_trained(run)


def _say_trained(run: FineTuned) -> None:
    losses = run.result["held_out_losses"]
    best = run.result["best_step"]
    if best is not None:
        click.echo(f"held-out loss: {losses['0']:.3f} before, {losses[str(best)]:.3f} at step {best}, which is kept")
    click.echo(f"adapter: {run.adapter.path} ({run.adapter.id}), {run.result['seconds']:.0f} s")
    click.echo(f"next: medrega feedback gate {run.folder}")


@click.command("gate")
@click.argument("run", type=PATH)
@click.option("--snapshot", type=PATH, help="Where the run's snapshot lies now, if it was moved.")
@click.option("--base", "base_id", default="", help="Where the run's base lies now, if it was moved.")
@click.option("--base-test", type=PATH, help="The base's own test set. Default: what came with it, else phantoms.")
@click.option(
    "--limit", default=2000, show_default=True, type=click.IntRange(2), help="Questions of the base test set."
)
@NICE
@child_options
@JSON
def gate_command(
    run: Path,
    snapshot: Path | None,
    base_id: str,
    base_test: Path | None,
    limit: int,
    niceness: int,
    style: str,
    with_parent: bool,
    as_json: bool,
) -> None:
    """Compare a run's adapter with what is in use: on held-out corrections, and on the base's own test set.

    It passes when the corrections are answered better, the 95% interval of the difference above zero, and no task of
    the base test set falls by more than one point. Of fewer than 8 held-out patients nothing can be told. The report is
    RUN/gate/report.md. Ends with 1 when it does not pass.

    Example: medrega feedback gate runs/2026-11
    """
    from engine.cli.output import echo_json
    from engine.runtime import find_model

    with reporting(style, with_parent) as telling:
        from training.feedback.finetune import be_modest, default_threads, read_places
        from training.feedback.gate import GATE, run_gate
        from training.feedback.gate_report import PAGE_FILE, WORDS
        from training.feedback.verdict import too_few_words

        be_modest(default_threads(), niceness)
        base_place, snapshot_place = read_places(run)
        base = find_model(base_id or str(base_place))
        report = run_gate(run, base, snapshot or snapshot_place, telling.progress, base_test=base_test, limit=limit)
    if as_json:
        echo_json(report)
    else:
        for key, words in (("heldout", "held-out corrections"), ("base_test", "base test set")):
            one, measure = report[key]["overall"], WORDS[report[key]["measure"]]
            click.echo(f"{words}, {measure}: {one['before']:.3f} before, {one['after']:.3f} after, n={one['n']}")
        if few := too_few_words(report):
            click.echo(f"cannot be judged: {few}")
        click.echo(f"{'passed' if report['passed'] else 'NOT passed'}: {run / GATE / PAGE_FILE}")
    if not report["passed"]:
        raise click.exceptions.Exit(1)


@click.command("promote")
@click.argument("run", type=PATH, required=False)
@click.option("--adapter", "adapter_id", default="", help="Instead of RUN: one that was imported, by its id.")
@click.option(
    "--base", "base_id", default="", help="Where the run's base lies now. With --adapter: default the chosen model."
)
@click.option("--override", is_flag=True, help="Also without a passing gate; needs --reason.")
@click.option("--reason", default="", help="Why; kept in the history.")
@who_option
@JSON
def promote_command(
    run: Path | None, adapter_id: str, base_id: str, override: bool, reason: str, who: str, as_json: bool
) -> None:
    """Let the base answer with a run's adapter, or with an imported one, from its next question on.

    Without --override only one that its gate let pass, compared with what is in use now. An imported adapter is judged
    by the report of its gate, if it brought one along.

    Example: medrega feedback promote runs/2026-11
    """
    from engine.cli.options import named_model
    from engine.cli.output import echo_json
    from engine.runtime import AdapterManifest, adapters_folder, find_model
    from training.feedback.finetune import read_places
    from training.feedback.promotion import promote_registered, promote_run

    if (run is None) is not bool(adapter_id):
        raise click.UsageError("name a RUN, or an imported adapter with --adapter ID")
    if override and not reason.strip():
        raise click.UsageError("--override needs a --reason, which is kept in the history")
    if run is not None:
        base = find_model(base_id or str(read_places(run)[0]))
        adapter = promote_run(run, base, name_of(who), override=override, reason=reason)
    else:
        base = named_model(base_id)
        imported = AdapterManifest.read(adapters_folder() / Path(adapter_id).name)
        adapter = promote_registered(imported, base, name_of(who), override=override, reason=reason)
    if as_json:
        echo_json(
            {"base": base.id, "adapter": adapter.id, "sha256": adapter.file.sha256, "folder": str(adapter.folder)}
        )
    else:
        click.echo(f"{base.id} now answers with {adapter.id}")


@click.command("rollback")
@click.option("--base", "base_id", default="", help="Model id or folder. Default: the chosen model.")
@click.option("--to-base", is_flag=True, help="To the base alone, not to the adapter before.")
@click.option("--reason", default="", help="Why; kept in the history.")
@who_option
@JSON
def rollback_command(base_id: str, to_base: bool, reason: str, who: str, as_json: bool) -> None:
    """Answer again with what was in use before the adapter in use.

    Example: medrega feedback rollback --reason "worse on the new scanner"
    """
    from engine.cli.options import named_model
    from engine.cli.output import echo_json
    from engine.runtime import roll_back

    base = named_model(base_id)
    adapter = roll_back(base, name_of(who), reason=reason, to_base=to_base)
    if as_json:
        echo_json({"base": base.id, "adapter": adapter.id if adapter else None})
    else:
        click.echo(f"{base.id} now answers {f'with {adapter.id}' if adapter else 'without an adapter'}")


@click.command("status")
@click.option("--base", "base_id", default="", help="Model id or folder. Default: the chosen model.")
@db_option
@JSON
def status_command(base_id: str, database: Path, as_json: bool) -> None:
    """Which adapter a model answers with, what was promoted and taken back, and which snapshots there are.

    Example: medrega feedback status
    """
    from engine.cli.options import named_model
    from engine.cli.output import echo_json, printable
    from engine.runtime import adapter_in_use, read_history

    base = named_model(base_id)
    adapter = adapter_in_use(base)
    history = [asdict(one) for one in read_history() if one.base == base.sha256]
    snapshots = _snapshots(database)
    if as_json:
        in_use = None if adapter is None else {"id": adapter.id, "sha256": adapter.file.sha256}
        told = {"id": base.id, "sha256": base.sha256}
        listed = [
            {"hash": row.hash, "created": row.created, "who": row.who, "folder": row.folder, "counts": counts}
            for row, counts in snapshots
        ]
        echo_json({"base": told, "adapter": in_use, "history": history, "snapshots": listed})
        return
    click.echo(f"{base.id} answers {f'with {adapter.id}' if adapter else 'without an adapter'}")
    for one in history:
        reason = f": {printable(one['reason'])}" if one["reason"] else ""
        click.echo(
            f"{one['created']} {one['action']} {one['adapter'] or 'base alone'} by {printable(one['who'])}{reason}"
        )
    for row, counts in snapshots:
        sides = ", ".join(
            f"{words} {counts[side]['regions']} regions of {counts[side]['patients']} patients"
            for side, words in (("train", "to train on"), ("heldout", "held out"))
        )
        click.echo(printable(f"{row.created} snapshot {row.hash[:16]} by {row.who}: {sides}"))


def _snapshots(database: Path) -> list[tuple[SnapshotRow, dict[str, dict[str, int]]]]:
    """Those that a database lists, with their counts by side; none where there is no database."""
    from engine.cli.options import existing_store

    if not database.is_file():
        return []
    with existing_store(database) as store:
        return [(row, json.loads(row.counts)) for row in store.snapshots.all()]


@click.command("latents")
@click.argument("model", type=PATH)
@click.option("--data", "trained", type=PATH, multiple=True, required=True, help="A set that it was trained on.")
@click.option("--test", "tested", type=PATH, multiple=True, required=True, help="A test set of its own.")
@JSON
def latents_command(model: Path, trained: tuple[Path, ...], tested: tuple[Path, ...], as_json: bool) -> None:
    """Let a model bring along what it remembers of its training and of its test: vectors, no pictures.

    Fine-tuning on corrections is held to it and judged by it wherever the model goes, with no other data at hand. The
    file goes into the folder MODEL and its hash into the manifest.

    Example: medrega feedback latents models/starter --data data/train --test data/test
    """
    from engine.cli.output import echo_json
    from engine.cli.progress import TerminalProgress
    from engine.runtime import ModelManifest
    from training.feedback.latents import ROLE, write_latents

    manifest = ModelManifest.read(model)
    found = write_latents(manifest, trained, tested, TerminalProgress())
    path = manifest.path(ROLE)
    if as_json:
        echo_json({"latents": str(path), "vectors": len(found.replay), "answers": len(found.test)})
    else:
        click.echo(f"{path}: {len(found.replay)} vectors to be reminded of; {found.source}")


VERBS = (train_command, gate_command, promote_command, rollback_command, status_command, latents_command)
"""What the group `medrega feedback` takes from here."""
