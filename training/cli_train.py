"""`medrega train`: one process, or many through `--launch`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

PATH = click.Path(path_type=Path)


@click.command()
@click.argument("recipe", type=PATH, metavar="RECIPE.toml")
@click.option("--data", "datasets", type=PATH, multiple=True, help="Folder or jsonl; may be repeated.")
@click.option("--out", type=PATH, help="Where checkpoints go; a folder with an unfinished run is gone on with.")
@click.option("--steps", type=click.IntRange(1), help="At most so many steps a stage, for a trial.")
@click.option("--skip-bad", is_flag=True, help="Report a corrupt record or image and go on without it.")
@click.option("--launch", type=click.IntRange(1), help="Run in so many processes, one a GPU (or processor).")
@click.option("--config", "cluster", type=PATH, help="With --launch: an accelerate configuration (training/configs).")
@click.option("--progress", "style", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--plan", is_flag=True, help="Train nothing: compute memory and time.")
@click.option("--gpus", default=16, show_default=True, type=click.IntRange(1), help="For --plan.")
@click.option("--gpu-gb", default=80.0, show_default=True, help="For --plan: memory of one.")
@click.option("--tflops", default=400.0, show_default=True, help="For --plan: what one sustains in bf16.")
@click.option("--images", type=click.IntRange(1), help="For --plan: images of the set, where epochs are asked for.")
@click.option("--export", "export_to", type=PATH, help="Also export to this model folder.")
@click.option("--model-id", default="trained", show_default=True, help="Id of the exported model.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def train(
    recipe: Path,
    datasets: tuple[Path, ...],
    out: Path | None,
    steps: int | None,
    skip_bad: bool,
    launch: int | None,
    cluster: Path | None,
    style: str,
    plan: bool,
    gpus: int,
    gpu_gb: float,
    tflops: float,
    images: int | None,
    export_to: Path | None,
    model_id: str,
    as_json: bool,
) -> None:
    """Train as a recipe says, on MedRegInstruct sets such as `medrega dataset build` and `medrega export` write.

    Example: medrega train training/recipes/starter.toml --data data/phantoms/train --out runs/starter

    An interrupt (Ctrl-C) ends the step and writes a checkpoint; the same command goes on from it. `--progress json`
    writes one JSON object a line to standard error.
    """
    from engine.cli.output import echo_json

    if plan:
        from training.plan import Hardware, plan_recipe

        report = plan_recipe(recipe, Hardware(gpus, gpu_gb, tflops), images)
        if as_json:
            echo_json(report.to_json())
        else:
            click.echo("\n".join(report.lines()))
        return
    if not datasets or out is None:
        raise click.UsageError("name --data and --out (or --plan)")
    if launch is not None:
        from training.launch import launch_training

        launch_training(recipe, datasets, out, launch, cluster, steps=steps, skip_bad=skip_bad, style=style)
    else:
        _train(recipe, datasets, out, steps, skip_bad, style)
    if export_to is not None:
        from training.cli import export_to_folder
        from training.recipe import read_recipe

        export_to_folder(out, export_to, datasets, model_id, read_recipe(recipe).licence)
    if as_json:
        echo_json({"checkpoint": str(out), "model": str(export_to) if export_to else None})
    else:
        click.echo(f"checkpoint: {out}")


def _train(recipe: Path, datasets: tuple[Path, ...], out: Path, steps: int | None, skip_bad: bool, style: str) -> None:
    """Train in this process, alone or as one of many."""
    from engine.cli.progress import TerminalProgress
    from engine.errors import MedRegAError
    from engine.progress import NoProgress
    from training.events import JsonLines, TrainingEvent
    from training.launch import is_first_process
    from training.recipe import read_recipe
    from training.trainer import run_recipe

    settings = read_recipe(recipe)
    if not is_first_process():
        run_recipe(settings, datasets, out, NoProgress(), steps=steps, skip_bad=skip_bad)
        return
    if style == "text":
        run_recipe(settings, datasets, out, TerminalProgress(), steps=steps, skip_bad=skip_bad, listener=_say_skipped)
        return
    lines = JsonLines(sys.stderr)
    try:
        run_recipe(settings, datasets, out, lines, steps=steps, skip_bad=skip_bad, listener=lines)
    except MedRegAError as error:
        lines(TrainingEvent("error", text=str(error)))
        raise
    lines(TrainingEvent("done", text=str(out)))


def _say_skipped(event: object) -> None:
    from engine.cli.output import printable
    from training.events import TrainingEvent

    if isinstance(event, TrainingEvent) and event.event == "skipped":
        click.echo(f"medrega: skipped: {printable(event.text)}", err=True)
