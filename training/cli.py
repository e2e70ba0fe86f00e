"""`medrega dataset`, `medrega train`, `medrega evaluate`, `medrega export-model`."""

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


@click.command()
@click.argument("recipe", type=PATH, metavar="RECIPE.toml")
@click.option("--data", "datasets", type=PATH, multiple=True, required=True, help="Folder or jsonl; may be repeated.")
@click.option("--out", type=PATH, required=True, help="Where checkpoints go.")
@click.option("--steps", type=int, help="At most so many steps a stage, for a trial.")
@click.option("--export", "export_to", type=PATH, help="Also export to this model folder.")
@click.option("--model-id", default="trained", show_default=True, help="Id of the exported model.")
def train(
    recipe: Path, datasets: tuple[Path, ...], out: Path, steps: int | None, export_to: Path | None, model_id: str
) -> None:
    """Train as a recipe says, on MedRegInstruct sets such as `medrega export` writes.

    Example: medrega train training/recipes/starter.toml --data data/phantoms/train --out runs/starter
    """
    from engine.cli.progress import TerminalProgress
    from training.recipe import read_recipe
    from training.trainer import run_recipe

    settings = read_recipe(recipe)
    run_recipe(settings, datasets, out, TerminalProgress(), steps=steps)
    click.echo(f"checkpoint: {out}")
    if export_to is not None:
        _export(out, export_to, datasets, model_id)


def _export(checkpoint: Path, out: Path, datasets: tuple[Path, ...], model_id: str) -> None:
    from training.export import export_model
    from training.labels import labels_of, tasks_of

    labels, tasks = labels_of(datasets), tasks_of(datasets)
    manifest = export_model(checkpoint, out, labels, model_id=model_id, name=model_id, version="1", tasks=tasks)
    click.echo(f"model: {out} ({manifest.sha256[:12]})")


@click.command("export-model")
@click.argument("checkpoint", type=PATH)
@click.argument("out", type=PATH)
@click.option("--data", "datasets", type=PATH, multiple=True, required=True, help="The sets it was trained on.")
@click.option("--model-id", default="trained", show_default=True)
def export_model_command(checkpoint: Path, out: Path, datasets: tuple[Path, ...], model_id: str) -> None:
    """Turn a checkpoint into a model folder for the engine: GGUF, manifest, self-test.

    Example: medrega export-model runs/starter models/starter --data data/phantoms/train
    """
    _export(checkpoint, out, datasets, model_id)


@click.command()
@click.argument("model_id", metavar="MODEL")
@click.argument("dataset_path", type=PATH, metavar="DATASET")
@click.option("--limit", type=int, help="At most so many questions, spread evenly.")
@click.option("--predictions", type=PATH, help="Also write one JSON line a question.")
@click.option("--card", "facts", type=PATH, help="TOML with facts: also write the model card and its scores.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def evaluate(
    model_id: str, dataset_path: Path, limit: int | None, predictions: Path | None, facts: Path | None, as_json: bool
) -> None:
    """Score a model on a MedRegInstruct set, through the files that ship.

    Example: medrega evaluate starter data/phantoms/test --json
    """
    from engine.cli.progress import TerminalProgress
    from engine.runtime import Session, find_model
    from training.card import read_facts, write_card
    from training.evaluate import predict, summarize, write_predictions

    manifest = find_model(model_id)
    with Session(manifest) as session:
        answers = predict(session, dataset_path, TerminalProgress(), limit)
    report = summarize(answers, manifest, dataset_path)
    if predictions is not None:
        write_predictions(answers, predictions)
    if facts is not None:
        write_card(manifest, report, read_facts(facts))
    if as_json:
        click.echo(json.dumps(report, ensure_ascii=False, indent=2))
        return
    for task, rows in report["metrics"].items():
        click.echo(f"{task}: {json.dumps(rows)}")
    click.echo(f"calibration: {report['calibration']}")
