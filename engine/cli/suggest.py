"""`medrega suggest`: one question to the model."""

from __future__ import annotations

import getpass
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from engine.annotate import draw_regions
from engine.cli.options import (
    PATH,
    db_option,
    device_option,
    json_option,
    model_option,
    named_adapter,
    named_model,
    pick_slice,
    slice_options,
)
from engine.cli.output import echo_json, printable
from engine.cli.progress import TerminalProgress
from engine.cli.questions import QuestionOptions, question_options
from engine.files import whole_file
from engine.prelabel import allowed_labels
from engine.protocol import Language, Located, Task
from engine.regional_cot import ask_by_regions, regional_cot_to_json
from engine.regions import Box
from engine.runtime import Device, Session
from engine.scans import ScanError, Volume, Window, read_volume, render_slice
from engine.store import AnnotationStore, study_uid_of
from engine.suggest import suggest
from engine.suggestion import Candidate, SuggestedRegion, Suggestion
from engine.suggestion_json import suggestion_to_json


@click.command("suggest")
@click.argument("path", type=PATH, metavar="SCAN")
@slice_options
@question_options
@click.option(
    "--modality",
    metavar="CODE",
    help="DICOM code (CT, MR, DX, US, SM, DMS ...) that the question is worded for. Default: what the file says.",
)
@click.option("--lang", type=click.Choice([one.value for one in Language]), default="en", show_default=True)
@click.option(
    "--labels",
    "allowed",
    metavar="NAMES|FILE",
    help="The allowed names: with commas between them, the id of a label set that ships, or a file as for prelabel.",
)
@click.option("--save", is_flag=True, help="Keep the suggestion in the database.")
@click.option("--annotated", type=PATH, metavar="OUT.png", help="Also draw the answer into the slice.")
@db_option
@model_option
@click.option(
    "--adapter",
    "adapter_id",
    metavar="ID",
    help='A LoRA adapter of the model (medrega model list), "none" for none. Default: the promoted one.',
)
@device_option
@json_option
def suggest_command(
    path: Path,
    index: int | None,
    plane: str | None,
    window: Window | None,
    series: str,
    modality: str | None,
    lang: str,
    allowed: str | None,
    save: bool,
    annotated: Path | None,
    database: Path,
    model_id: str,
    adapter_id: str | None,
    device: Device,
    as_json: bool,
    **given: Any,
) -> None:
    """Ask the model one question about one slice.

    Example: medrega suggest ct/ --slice 24 --box 120,200,260,330 --lang en --json
    """
    asked = QuestionOptions.take(given)
    task = asked.task()
    volume = read_volume(path, series, TerminalProgress())
    if modality is not None:
        volume = replace(volume, modality=modality.strip().upper())
    chosen, number = pick_slice(volume, plane, index)
    manifest = named_model(model_id, task)
    labels = None if allowed is None else allowed_labels(allowed, manifest.labels())
    question = asked.question(volume.modality) | {"language": Language(lang), "labels": labels}
    with Session(manifest, device=device, promoted=True) as session:
        if adapter_id is not None:
            session.use_adapter(named_adapter(adapter_id, manifest))
        place = (session, volume, chosen, number, window)
        if asked.cot:
            cot = ask_by_regions(*place, **(question | asked.two_passes()))
            passes, found, document = cot.passes, cot.found, regional_cot_to_json(cot)
        else:
            passes, found = (suggest(*place, **question),), ()
            document = suggestion_to_json(passes[0])
    suggestion = passes[-1]
    for warning in dict.fromkeys(warning for one in passes for warning in one.warnings):
        click.echo(f"medrega: {printable(warning)}", err=True)
    if suggestion.malformed:
        click.echo("medrega: the answer is not written as asked, or cut short: parts may be missing", err=True)
    # The picture gets its name only once the suggestion is kept: both are there, or neither.
    with whole_picture(annotated, volume, suggestion) if annotated else nullcontext():
        if save:
            save_suggestions(database, volume, passes, asked, found)
    if as_json:
        echo_json(document)
    else:
        for item in found:
            for box in item.boxes:
                click.echo(f"asked with {printable(item.name)}: [{_numbers(box)}]")
        print_suggestion(suggestion)


def print_suggestion(suggestion: Suggestion) -> None:
    """The answer for a person."""
    if suggestion.candidates:
        if suggestion.abstained:
            click.echo("not sure; the most probable names:")
        for candidate in suggestion.candidates[:5]:
            _print_candidate(candidate)
        return
    if suggestion.abstained:
        click.echo("not sure; the most probable answer:")
    for label in suggestion.labels:
        _print_candidate(label)
    if suggestion.task in (Task.REPORT, Task.VQA):
        for line in suggestion.text.splitlines():
            click.echo(printable(line))
    for sentence in suggestion.sentences:
        for region in sentence.regions:
            _print_region(region)
        for name in sentence.not_present:
            click.echo(f"{printable(name)}: not present")
        if sentence.regions or not sentence.not_present:
            click.echo(f"  {printable(sentence.text)}")
    if suggestion.sentences:
        return
    for region in suggestion.regions:
        _print_region(region)
    there = {word: one.probability for one in suggestion.presence for word in (one.label, one.label_zh)}
    for name in suggestion.not_present:
        probability = f" (there with {there[name]:.1%})" if name in there else ""
        click.echo(f"{printable(name)}: not present{probability}")


def _print_candidate(candidate: Candidate) -> None:
    click.echo(f"{candidate.probability:6.1%}  {printable(candidate.label)}  {printable(candidate.label_zh)}")


def _print_region(region: SuggestedRegion) -> None:
    name = printable(f"{region.label} {region.label_zh}")
    click.echo(f"{name}: [{_numbers(region.box)}]  {region.probability:.1%}")


def _numbers(box: Box) -> str:
    return ", ".join(f"{value:.1f}" for value in box.as_tuple())


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


def save_suggestions(
    database: Path,
    volume: Volume,
    passes: Sequence[Suggestion],
    asked: QuestionOptions,
    found: Sequence[Located] = (),
) -> None:
    """Keep the answers with what was asked, undecided, for a person to judge, and their regions.

    Of an answer in two passes both are kept; regions that were only asked with are none of a person's business.
    found : the regions that the last pass was asked with.
    """
    who, study = getpass.getuser(), study_uid_of(volume)
    # The window opens scans by their real place.
    image = replace(passes[-1].image, path=passes[-1].image.path.resolve())
    *looks, kept = (replace(one, image=image) for one in passes)
    with AnnotationStore.open(database) as store:
        if asked.box is not None:
            store.record_asked(kept, study, asked.box, who)
        elif kept.task is Task.TEXT_TO_REGION:
            store.record_found(kept, study, who)
        else:
            fresh = kept if kept.task is Task.GROUNDED_REPORT else None
            fields = asked.fields(image.modality, found)
            store.answers.keep(kept, study, who, fields, look=looks[0] if looks else None, fresh=fresh)
