"""`medrega demo`: the whole road once, for a machine without a display."""

from __future__ import annotations

import json
from pathlib import Path

import click

from engine.cli.options import PATH, device_option, model_option, named_model
from engine.cli.output import printable
from engine.cli.progress import TerminalProgress
from engine.cli.suggest import print_suggestion, whole_picture
from engine.demo import (
    GROUND_TRUTH_JSON,
    PHANTOM_START_SLICE,
    default_demo_folder,
    phantom_folder,
    prepare_demo,
)
from engine.protocol import Language, Task
from engine.regions import Box
from engine.runtime import Device, Session
from engine.scans import read_volume
from engine.suggest import suggest


@click.command()
@click.option("--out", type=PATH, default=Path("medrega-demo.png"), show_default=True, help="The annotated PNG.")
@click.option("--folder", type=PATH, default=default_demo_folder, show_default="the user data folder")
@model_option
@device_option
def demo(out: Path, folder: Path, model_id: str, device: Device) -> None:
    """Ask about a generated CT on the command line and write an annotated PNG.

    Example: medrega demo --out demo.png
    """
    items = prepare_demo(folder, TerminalProgress())
    click.echo(f"The demo worklist has {len(items)} scans:")
    for item in items:
        click.echo(printable(f"  {item.title_en:36} {item.path}"))
    phantom = phantom_folder(folder)
    truth = json.loads((phantom / GROUND_TRUTH_JSON).read_text(encoding="utf-8"))
    present = truth["boxes"][str(PHANTOM_START_SLICE)]
    asked = next(id for id in ("right-kidney", "liver", *present) if id in present)
    box = Box(*present[asked][0])
    names = {label["id"]: label["en"] for label in truth["labels"]}
    volume = read_volume(phantom / "dicom")
    with Session(named_model(model_id), device=device, promoted=True) as session:
        for language in Language:
            named = suggest(
                session,
                volume,
                volume.plane,
                PHANTOM_START_SLICE,
                task=Task.REGION_TO_TEXT,
                language=language,
                box=box,
            )
            corners = ", ".join(f"{value:g}" for value in box.as_tuple())
            click.echo(f"\nWhat is in the box [{corners}] of slice {PHANTOM_START_SLICE}? ({language.value})")
            click.echo(f"(it was drawn round the {names[asked]})")
            print_suggestion(named)
        found = suggest(
            session,
            volume,
            volume.plane,
            PHANTOM_START_SLICE,
            task=Task.TEXT_TO_REGION,
            language=Language.EN,
            names=[names[id] for id in list(present)[:5]],
        )
    click.echo("\nWhere are they?")
    print_suggestion(found)
    with whole_picture(out, volume, found):
        pass
    click.echo(f"\nDrawn into {printable(out)}")
    click.echo("Not for diagnostic use.")
    click.echo("For the window: run `make run` in a desktop session, or with DISPLAY or WAYLAND_DISPLAY set.")
