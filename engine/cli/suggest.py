"""`medrega suggest`: one question to the model."""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import click

from engine.annotate import draw_regions
from engine.cli.options import (
    PATH,
    BoxType,
    db_option,
    json_option,
    model_option,
    pick_slice,
    slice_options,
)
from engine.cli.output import echo_json, printable
from engine.cli.progress import TerminalProgress
from engine.files import whole_file
from engine.protocol import Language, Task
from engine.regions import Box, LabelSet
from engine.runtime import Session, find_model
from engine.scans import ScanError, Volume, Window, read_volume, render_slice
from engine.store import AnnotationStore, study_uid_of
from engine.suggest import Suggestion, suggest, suggestion_to_json


@click.command("suggest")
@click.argument("path", type=PATH, metavar="SCAN")
@slice_options
@click.option("--box", type=BoxType(), help="What is in this box? Pixels of the stored slice.")
@click.option("--find", "names", multiple=True, metavar="NAME", help="Where is this? May be given several times.")
@click.option("--lang", type=click.Choice([one.value for one in Language]), default="en", show_default=True)
@click.option("--labels", "labels_file", type=PATH, help="JSON list of the allowed names (id, en, zh).")
@click.option("--save", is_flag=True, help="Keep the suggestion in the database.")
@click.option("--annotated", type=PATH, metavar="OUT.png", help="Also draw the answer into the slice.")
@db_option
@model_option
@json_option
def suggest_command(
    path: Path,
    index: int | None,
    plane: str | None,
    window: Window | None,
    series: str,
    box: Box | None,
    names: tuple[str, ...],
    lang: str,
    labels_file: Path | None,
    save: bool,
    annotated: Path | None,
    database: Path,
    model_id: str,
    as_json: bool,
) -> None:
    """Ask the model one question about one slice.

    Example: medrega suggest ct/ --slice 24 --box 120,200,260,330 --lang en --json
    """
    if (box is None) == (not names):
        raise click.UsageError("give either --box or --find")
    volume = read_volume(path, series, TerminalProgress())
    chosen, number = pick_slice(volume, plane, index)
    labels = LabelSet.from_file(labels_file) if labels_file else None
    with Session(find_model(model_id)) as session:
        suggestion = suggest(
            session,
            volume,
            chosen,
            number,
            window,
            task=Task.REGION_TO_TEXT if box else Task.TEXT_TO_REGION,
            language=Language(lang),
            box=box,
            names=names,
            labels=labels,
        )
    # The picture gets its name only once the suggestion is kept: both are there, or neither.
    with whole_picture(annotated, volume, suggestion) if annotated else nullcontext():
        if save:
            save_suggestion(database, volume, suggestion, box)
    if as_json:
        echo_json(suggestion_to_json(suggestion))
    else:
        print_suggestion(suggestion)


def print_suggestion(suggestion: Suggestion) -> None:
    """The answer for a person."""
    if suggestion.candidates:
        if suggestion.abstained:
            click.echo("not sure; the most probable names:")
        for candidate in suggestion.candidates[:5]:
            click.echo(f"{candidate.probability:6.1%}  {printable(candidate.label)}  {printable(candidate.label_zh)}")
        return
    for region in suggestion.regions:
        box = ", ".join(f"{value:.1f}" for value in region.box.as_tuple())
        name = printable(f"{region.label} {region.label_zh}")
        click.echo(f"{name}: [{box}]  {region.probability:.1%}")
    for name in suggestion.not_present:
        click.echo(f"{printable(name)}: not present")


@contextmanager
def whole_picture(out: Path, volume: Volume, suggestion: Suggestion) -> Iterator[None]:
    """Draw the answer into its slice; `out` appears when the block ends well.

    Raises `ScanError` when the file cannot be written.
    """
    image = suggestion.image
    rgb = render_slice(volume, image.plane, image.slice, image.window)
    try:
        with whole_file(out) as temporary:
            draw_regions(rgb, suggestion.regions).save(temporary, format="PNG")
            yield
    except OSError as error:
        raise ScanError(f"cannot write {out}: {error.strerror}") from error


def save_suggestion(database: Path, volume: Volume, suggestion: Suggestion, box: Box | None) -> None:
    """Keep the question's region and the answer, undecided, for a person to judge."""
    # The window opens scans by their real place.
    image = replace(suggestion.image, path=suggestion.image.path.resolve())
    suggestion = replace(suggestion, image=image)
    who, study = getpass.getuser(), study_uid_of(volume)
    with AnnotationStore.open(database) as store:
        if box is None:
            store.record_found(suggestion, study, who)
        else:
            store.record_asked(suggestion, study, box, who)
