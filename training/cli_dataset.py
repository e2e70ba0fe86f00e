"""`medrega dataset build`, `check` and `card`."""

from __future__ import annotations

from pathlib import Path

import click

from engine.cli.output import echo_json
from engine.errors import MedRegAError

PATH = click.Path(path_type=Path)
WORKERS = click.IntRange(min=1)


class Variables(click.ParamType[tuple[str, str]]):
    """NAME=VALUE."""

    name = "NAME=VALUE"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        """Split at the first equals sign."""
        name, equals, text = str(value).partition("=")
        if not equals or not name:
            self.fail(f"{value!r} is not NAME=VALUE", param, ctx)
        return name, text


@click.command("build")
@click.argument("spec", type=PATH, metavar="SPEC.toml")
@click.argument("out", type=PATH)
@click.option("--set", "variables", type=Variables(), multiple=True, help="What ${NAME} in the spec stands for.")
@click.option("--workers", type=WORKERS, help="Processes that read pictures. Default: one a core.")
@click.option("--json", "as_json", is_flag=True, help="Print the card as one JSON document.")
def build_command(
    spec: Path, out: Path, variables: tuple[tuple[str, str], ...], workers: int | None, as_json: bool
) -> None:
    """Build a MedRegInstruct set from labelled scans, or go on with one that was stopped.

    Example: medrega dataset build training/recipes/real.toml data/real --set data=/path/to/data
    """
    from engine.cli.progress import TerminalProgress
    from training.instruct.build import build_dataset
    from training.instruct.spec import read_spec

    card = build_dataset(read_spec(spec, dict(variables)), out, TerminalProgress(), workers)
    if as_json:
        echo_json(card)
        return
    for split, counts in card["counts"].items():
        click.echo(
            f"{split}: {counts['records']} records on {counts['images']} pictures of {counts['groups']} patients"
        )
    for source, name, count in card["unknown"]:
        click.echo(f"{source}: no label is called {name!r}, met {count} times", err=True)
    click.echo(f"written to {out}; look at {out / 'contact_sheet.png'} and {out / 'CARD.md'}")


@click.command("check")
@click.argument("paths", type=PATH, nargs=-1, required=True, metavar="DATASET...")
@click.option("--distance", default=12, show_default=True, type=click.IntRange(0, 15), help="Bits twins may differ in.")
@click.option("--workers", type=WORKERS, default=1, show_default=True, help="Processes that read pictures.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def check_command(paths: tuple[Path, ...], distance: int, workers: int, as_json: bool) -> None:
    """Look for boxes outside pictures, empty answers, missing files and patients in two splits.

    Ends with 1 when something makes the set unfit.

    Example: medrega dataset check data/real
    """
    from engine.cli.progress import TerminalProgress
    from training.instruct.check import check_dataset

    report = check_dataset(paths, TerminalProgress(), distance=distance, workers=workers)
    if as_json:
        echo_json(report.to_json())
    else:
        for problem in report.problems:
            click.echo(f"{problem.kind.value}: {problem.where}: {problem.what}")
        click.echo(f"{report.records} records, {report.pictures} pictures: {report.errors} errors")
        for kind, count in report.counts.items():
            click.echo(f"  {kind.value}: {count}")
    if report.errors:
        raise MedRegAError(f"{', '.join(map(str, paths))}: {report.errors} errors; mend the sources or the spec")


@click.command("card")
@click.argument("folder", type=PATH, metavar="DATASET")
@click.option("--pictures", default=6, show_default=True, type=click.IntRange(1, 100), help="A source, on the sheet.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def card_command(folder: Path, pictures: int, as_json: bool) -> None:
    """Count a built set anew and draw its contact sheet.

    Example: medrega dataset card data/real --pictures 12
    """
    from training.instruct.card import CARD_FILE, make_card
    from training.instruct.sheet import write_sheet

    card = make_card(folder)
    sheet = write_sheet(folder, pictures)
    if as_json:
        echo_json(card)
    else:
        click.echo((folder / CARD_FILE).read_text(encoding="utf-8"))
        click.echo(f"contact sheet: {sheet}", err=True)
