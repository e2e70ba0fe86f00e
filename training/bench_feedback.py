"""`medrega bench feedback`: what corrections are worth at a new site, and how many labels a good order saves."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from engine.bench import BenchReport, Row
from engine.bench.frame import machine
from engine.cli.bench import print_report
from engine.cli.options import PATH, json_option, model_option, named_model
from engine.cli.progress import TerminalProgress
from engine.files import whole_file
from engine.progress import NoProgress, Progress
from engine.runtime import ModelManifest
from training.cli_dataset import Variables
from training.feedback.sets import write_json
from training.feedback_bench.active import LEARNER, SeedResult, measure_seed, scaled_features
from training.feedback_bench.new_site import PARTS, BaseData, SiteSettings, measure_site
from training.feedback_bench.pages import active_page, active_plot, active_rows, site_page, site_rows
from training.feedback_bench.pool import Pool, make_pool, set_pictures
from training.feedback_bench.site import Site, SitePicture, left_out_site, phantom_site
from training.instruct.build import build_dataset
from training.instruct.spec import Spec, read_spec
from training.records import dataset_sha256

SPEC = Path(__file__).parent / "recipes" / "real.toml"
_PATIENTS_OF_A_LABEL = 4
"""Labels of fewer patients are no part of the second experiment: they would be on one side alone."""
PAGE_FILE, RESULTS_FILE, PLOT_FILE = "report.md", "results.json", "labels.png"


@dataclass(frozen=True, slots=True)
class FeedbackSettings:
    """What is measured. site : of the first experiment, None to leave it out. seeds, starts : of the second; 0 seeds
    leave it out. patients : of generated sites, where no data is at hand.
    """

    site: SiteSettings | None = field(default_factory=SiteSettings)
    seeds: int = 5
    starts: int = 5
    patients: int = 100


def bench_feedback(
    model: ModelManifest,
    out: Path,
    spec: Spec | None = None,
    settings: FeedbackSettings = FeedbackSettings(),
    progress: Progress | None = None,
) -> BenchReport:
    """Measure both in the folder `out`, which then holds a page, a plot and all figures; the report is the goals.

    spec : of the set that the model learnt from, with its sources at hand: the sources that it leaves out for their
    terms are the new site. Generated patients in another contrast and with other names when None.
    What is done is kept in `out`; the same call goes on from there. Raises what the product's steps raise.
    """
    progress = progress or NoProgress()
    out.mkdir(parents=True, exist_ok=True)
    site, data, real = _material(out, spec, settings, progress)
    rows: list[Row] = []
    lines = [
        "# What learning from corrections is worth",
        "",
        f"Model: {model.id} {model.version} ({model.sha256[:12]})",
    ]
    lines += ["", "**Not for diagnostic use.**", ""]
    document: dict[str, Any] = {"model": {"id": model.id, "version": model.version, "sha256": model.sha256}}
    if settings.site is not None:
        found = measure_site(model, site, data, out / "site", settings.site, progress)
        rows += site_rows(found)
        lines += site_page(found)
        document["site"] = found.to_json()
    if settings.seeds:
        pool, source = _pool(model, site, real, out, settings, progress)
        results = _orders(pool, settings, progress)
        rows += active_rows(results)
        lines += active_page(results, source, PLOT_FILE)
        (out / PLOT_FILE).write_bytes(active_plot(results))
        document["order"] = {"pool": source, "learner": LEARNER, "seeds": [one.to_json() for one in results]}
    report = BenchReport("feedback", tuple(rows), machine())
    with whole_file(out / PAGE_FILE) as target:
        target.write_text("\n".join([*lines, "## Goals", "", *report.lines(), ""]), encoding="utf-8")
    write_json(out / RESULTS_FILE, document | {"report": report.to_json()})
    return report


def _material(
    out: Path, spec: Spec | None, settings: FeedbackSettings, progress: Progress
) -> tuple[Site, BaseData, Path | None]:
    """The new site, what the base learnt from, and the folder of the base's set."""
    if spec is None:
        return phantom_site(settings.patients, 0, progress), BaseData(), None
    real = out / "set"
    build_dataset(spec, real, progress)
    return left_out_site(spec, progress), BaseData(real / "train", real / "test"), real


def _pool(
    model: ModelManifest, site: Site, real: Path | None, out: Path, settings: FeedbackSettings, progress: Progress
) -> tuple[Pool, str]:
    """Pictures that the model has not learnt from, and what they are, in words."""
    pictures: Iterator[SitePicture] = iter(site.pictures)
    total, of, source = len(site.pictures), f"{site.source}, {settings.patients}", site.source
    if real is not None:
        held = [real / "validation", real / "test"]
        held = [folder for folder in held if any(folder.glob("*.jsonl"))]
        pictures = itertools.chain(set_pictures(held), pictures)
        total += sum(1 for folder in held for _ in (folder / "images").iterdir())
        of = " ".join([of, *(dataset_sha256(folder) for folder in held)])
        source = f"the held-back parts of the set {real.name}, and {source}"
    pool = make_pool(model, pictures, total, out / "pool.npz", of, progress).shared_labels(_PATIENTS_OF_A_LABEL)
    facts = (
        f"{len(pool.labels)} regions with {len(set(pool.labels.tolist()))} names of "
        f"{len(set(pool.patients.tolist()))} patients"
    )
    return pool, f"{source}: {facts}"


def _orders(pool: Pool, settings: FeedbackSettings, progress: Progress) -> Sequence[SeedResult]:
    scaled = scaled_features(pool)
    results = []
    for seed in range(settings.seeds):
        progress.report(seed, settings.seeds, "labelling in two orders")
        results.append(measure_seed(pool, scaled, seed, settings.starts, progress))
    return results


@click.command("feedback")
@click.option(
    "--set", "variables", type=Variables(), multiple=True, help="data=FOLDER of real scans. Without: generated ones."
)
@click.option("--out", type=PATH, default=Path("feedback-bench"), show_default=True, help="Folder of the results.")
@click.option("--only", type=click.Choice(["site", "order"]), help="One of the two experiments.")
@click.option("--corrections", default=100, show_default=True, type=click.IntRange(1), help="To fine-tune on.")
@click.option("--folds", default=1, show_default=True, type=click.IntRange(1, PARTS), help="Other held-out patients.")
@click.option("--steps", type=click.IntRange(1), help="Of the fine-tuning, at most. Default: the product's.")
@click.option("--base-limit", default=2000, show_default=True, type=click.IntRange(2), help="Questions of a test set.")
@click.option("--seeds", default=5, show_default=True, type=click.IntRange(1), help="Deals of the patients, for order.")
@click.option("--patients", default=100, show_default=True, type=click.IntRange(20), help="Generated, without data.")
@model_option
@json_option
def feedback_command(
    variables: tuple[tuple[str, str], ...],
    out: Path,
    only: str | None,
    corrections: int,
    folds: int,
    steps: int | None,
    base_limit: int,
    seeds: int,
    patients: int,
    model_id: str,
    as_json: bool,
) -> None:
    """Learn from simulated corrections of a new site, and label in the product's order and in a random one.

    First: names and boxes on held-out patients of the site before and after fine-tuning on 100 corrections, and what
    the model forgot. Second: labels that a linear learner on the model's own features needs in either order. The same
    command goes on where it was stopped.

    Takes half an hour and more. Example: medrega bench feedback --set data=/path/to/data --folds 5 --out results
    """
    spec = read_spec(SPEC, dict(variables)) if variables else None
    site = SiteSettings(corrections=corrections, folds=folds, steps=steps, base_limit=base_limit)
    settings = FeedbackSettings(None if only == "order" else site, 0 if only == "site" else seeds, patients=patients)
    report = bench_feedback(named_model(model_id), out, spec, settings, TerminalProgress())
    print_report(report, as_json)
    if not as_json:
        click.echo(f"tables: {out / PAGE_FILE}")
