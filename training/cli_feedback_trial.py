"""`medrega feedback trial`: two adapters compared on the next regions that people name in the window."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.options import db_option, existing_store, json_option, named_model
from engine.cli.output import echo_json, printable
from training.cli_feedback_options import name_of, who_option

_BASE = "base"
_WORD = "a run's folder, an adapter's id, or base for the model alone"


@click.command("trial")
@click.option("--first", default="", help=f"Begin one: {_WORD}.")
@click.option("--second", default="", help=f"What it is compared with: {_WORD}.")
@click.option("--regions", default=20, show_default=True, type=click.IntRange(2), help="To be named by a person.")
@click.option("--end", is_flag=True, help="End the one that runs; nothing else changes.")
@click.option("--base", "base_id", default="", help="Model id or folder. Default: the chosen model.")
@who_option
@db_option
@json_option
def trial_command(
    first: str, second: str, regions: int, end: bool, base_id: str, who: str, database: Path, as_json: bool
) -> None:
    """Say how the comparison of two adapters stands; begin or end one.

    Windows ask both about each region that is drawn, and show one answer, chosen by chance: what the person calls the
    region says who was right. Then `medrega feedback promote` the better one.

    Example: medrega feedback trial --first base --second runs/2026-11 --regions 40
    """
    from engine.running_trial import begin_trial, end_trial, running_trial
    from engine.runtime import AdapterManifest, ModelManifest, adapters_folder
    from engine.shadow import ShadowTrial

    def adapter(word: str, model: ModelManifest) -> AdapterManifest | None:
        if word == _BASE:
            return None
        folder = Path(word)
        return AdapterManifest.read(folder / "adapter" if folder.is_dir() else adapters_folder() / folder.name)

    if bool(first) != bool(second) or (first and end):
        raise click.UsageError("name both --first and --second to begin a trial, or --end to end one")
    model = named_model(base_id)
    if end:
        end_trial(model)
    elif first:
        begin_trial(model, ShadowTrial(adapter(first, model), adapter(second, model)), regions, name_of(who))
    running = running_trial(model)
    if running is None:
        echo_json({"running": None}) if as_json else click.echo("no comparison is running")
        return
    with existing_store(database) as store:
        told = running.summary(store, model)
    sides = [one.id if one else _BASE for one in (running.trial.first, running.trial.second)]
    if as_json:
        said = {"first": sides[0], "second": sides[1], "regions": running.regions, "started": running.started}
        echo_json({"running": {**said, "who": running.who}, "so_far": told.to_json()})
        return
    click.echo(f"{told.regions} of {running.regions} regions are named, since {running.started}")
    for side, right in zip(sides, (told.first, told.second), strict=True):
        click.echo(printable(f"{side}: right {right} times"))
    click.echo(f"both {told.both}, neither {told.neither}; by chance alone with a probability of {told.chance:.2g}")


VERBS = (trial_command,)
"""What the group `medrega feedback` takes from here."""
