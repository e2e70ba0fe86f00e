"""`medrega dataset`; the other verbs of the trainer are in `cli_train`, `cli_evaluate` and `cli_export`."""

from __future__ import annotations

import json
from pathlib import Path

import click

from training.cli_dataset import build_command, card_command, check_command

PATH = click.Path(path_type=Path)


@click.group()
def dataset() -> None:
    """Build training sets, and look at them."""


for _verb in (build_command, check_command, card_command):
    dataset.add_command(_verb)


@dataset.command("phantom")
@click.argument("out", type=PATH)
@click.option("--patients", default=1500, show_default=True, help="Training patients.")
@click.option("--validation-patients", default=30, show_default=True)
@click.option("--test-patients", default=60, show_default=True)
@click.option("--slices", default=4, show_default=True, help="Slices a patient.")
@click.option("--seed", default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def phantom_command(
    out: Path, patients: int, validation_patients: int, test_patients: int, slices: int, seed: int, as_json: bool
) -> None:
    """Generate phantom patients with questions and answers, split by patient.

    Example: medrega dataset phantom data/phantoms --patients 1500
    """
    from engine.cli.progress import TerminalProgress
    from training.phantom_set import PhantomSetSpec, build_phantom_set

    spec = PhantomSetSpec(patients, validation_patients, test_patients, slices, seed=seed)
    card = build_phantom_set(out, spec, TerminalProgress())
    click.echo(json.dumps(card, indent=2) if as_json else f"written to {out}")


def export_to_folder(checkpoint: Path, out: Path, datasets: tuple[Path, ...], model_id: str, licence: str = "") -> None:
    """Export with the labels and tasks that the sets can have taught. licence : of the weights."""
    from training.export import export_model
    from training.labels import labels_of, tasks_of

    labels, tasks = labels_of(datasets), tasks_of(datasets)
    manifest = export_model(
        checkpoint, out, labels, model_id=model_id, name=model_id, version="1", tasks=tasks, licence=licence
    )
    click.echo(f"model: {out} ({manifest.sha256[:12]})")
