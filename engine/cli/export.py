"""`medrega export`: annotations in other formats."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.options import PATH, db_option, existing_store, json_option
from engine.cli.output import echo_json, printable
from engine.cli.progress import TerminalProgress
from engine.exchange import export_medreginstruct
from engine.protocol import Language


@click.command()
@click.option("--format", "format_name", type=click.Choice(["medreginstruct"]), required=True)
@click.option(
    "--lang",
    type=click.Choice(["en", "zh", "both"]),
    default="both",
    show_default=True,
    help="Language of questions and answers.",
)
@click.argument("out", type=PATH, metavar="OUT.jsonl")
@db_option
@json_option
def export(format_name: str, lang: str, out: Path, database: Path, as_json: bool) -> None:
    """Write accepted and corrected regions, and answers about slices, with their images.

    Example: medrega export --format medreginstruct corrections.jsonl
    """
    languages = tuple(Language) if lang == "both" else (Language(lang),)
    with existing_store(database) as store:
        counts = export_medreginstruct(store, out, languages, TerminalProgress())
    if as_json:
        document = {"format": format_name, "out": str(out), "images": counts.images}
        counted = {"regions": counts.regions, "answers": counts.answers, "left_out": counts.left_out}
        echo_json({**document, **counted, "records": counts.records})
    else:
        what = f"{counts.regions} regions and {counts.answers} answers"
        click.echo(f"{counts.records} records of {what} on {counts.images} images: {printable(out)}")
        if counts.left_out:
            click.echo(
                f"{counts.left_out} judged answers are left out: their question was not kept, they do not answer it, "
                "or regions of theirs wait for a decision"
            )
