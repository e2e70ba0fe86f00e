"""`medrega evaluate`: scores of a model, torch or GGUF, with a report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

PATH = click.Path(path_type=Path)
_FAILURES = 24
"""That a card tells of."""


@click.command()
@click.argument("model_id", metavar="MODEL")
@click.argument("dataset_path", type=PATH, metavar="DATASET")
@click.option("--limit", type=int, help="At most so many questions, spread evenly.")
@click.option("--predictions", type=PATH, help="Also write one JSON line a question; a stopped run goes on from it.")
@click.option("--out", type=PATH, help="Folder for report.html, report.md, report.json and predictions.jsonl.")
@click.option("--card", "facts", type=PATH, help="TOML with facts: also write the model card and its scores.")
@click.option("--calibrate", "fit", is_flag=True, help="Fit the model's probabilities to DATASET, a validation set.")
@click.option("--paper-compatible", is_flag=True, help="Also the published definitions, precision and recall swapped.")
@click.option("--skip-bad", is_flag=True, help="Leave out bad records, and say which, instead of stopping.")
@click.option("--bertscore", type=PATH, help="Folder of a transformers encoder, for BERTScore.")
@click.option("--chexbert", type=PATH, help="Folder of CheXbert's encoder, for its report similarity.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document.")
def evaluate(
    model_id: str,
    dataset_path: Path,
    limit: int | None,
    predictions: Path | None,
    out: Path | None,
    facts: Path | None,
    fit: bool,
    paper_compatible: bool,
    skip_bad: bool,
    bertscore: Path | None,
    chexbert: Path | None,
    as_json: bool,
) -> None:
    """Score a model on a MedRegInstruct set.

    MODEL is a registered model or a model folder, which answers through llama.cpp as in the window, or a checkpoint
    folder of the trainer, which answers through torch.

    --calibrate fits one temperature a task to the names' probabilities, and logistic maps to the probabilities that a
    thing is there and that a box is right, with the bound below which a thing is "not present", and keeps them in the
    model's manifest. Its weights stay as they are. Score it on another set afterwards.

    Example: medrega evaluate starter data/phantoms/test --out reports/starter
    """
    from engine.cli.output import echo_json, printable
    from engine.cli.progress import TerminalProgress
    from engine.runtime import find_model
    from training.card import read_facts, write_card
    from training.evaluation.answering import open_answerer
    from training.evaluation.calibrating import fit_calibration, keep_calibration, require_other_set
    from training.evaluation.gallery import worst_predictions
    from training.evaluation.judges import Judges
    from training.evaluation.pages import write_pages
    from training.evaluation.predict import predict
    from training.evaluation.summary import summarize
    from training.records import DatasetError, dataset_sha256

    if fit and facts is not None:
        raise click.UsageError(
            "--calibrate is for a validation set, --card for a test set: run them one after the other"
        )
    card_facts = None if facts is None else read_facts(facts)
    log = predictions or (out / "predictions.jsonl" if out is not None else None)
    dataset = dataset_sha256(dataset_path) if fit or card_facts is not None else ""
    with open_answerer(model_id, calibrated=not fit) as answerer:
        if (fit or card_facts is not None) and answerer.facts.runs_on != "llama.cpp":
            raise click.UsageError("--card and --calibrate are for a model folder: export the checkpoint first")
        if fit:
            require_other_set(find_model(model_id), dataset)
        if card_facts is not None and answerer.calibration.dataset_sha256 == dataset:
            raise DatasetError(f"{model_id} was calibrated on this very set: write its card from a test set")
        answered = predict(answerer, dataset_path, TerminalProgress(), limit=limit, log=log, skip_bad=skip_bad)
        model = answerer.facts
    if fit:
        calibration = fit_calibration(answered.predictions, dataset, answered.labels)
        keep_calibration(find_model(model_id), calibration)
        answered = replace(answered, calibration=calibration)
    report = summarize(answered, model, dataset_path, Judges(bertscore, chexbert), paper_compatible=paper_compatible)
    if out is not None:
        write_pages(report, answered.predictions, dataset_path, out)
    if card_facts is not None:
        write_card(find_model(model_id), report, card_facts, worst_predictions(answered.predictions, _FAILURES))
    for bad in answered.skipped:
        click.echo(printable(f"left out {bad.where}: {bad.reason}"), err=True)
    if as_json:
        echo_json(report)
        return
    _echo(report)
    if out is not None:
        click.echo(f"report: {out / 'report.html'}")


def _echo(report: dict[str, Any]) -> None:
    from training.evaluation.confidences import KINDS

    for task, rows in report["metrics"].items():
        click.echo(f"{task}: {json.dumps(rows, ensure_ascii=False)}")
    calibration = report["calibration"]
    for name in KINDS:
        if calibration[name] is not None:
            one = calibration[name]
            figures = f"{one['ece']:.4f}, {one['ece_before']:.4f} before calibration"
            click.echo(f"calibration error of {name} (ECE, {calibration['ece_bins']} bins): {figures}, n={one['n']}")
    if calibration["fitted_here"]:
        click.echo("the calibration was fitted on this very set: score the model on another", err=True)
    for name, reason in report["not_run"].items():
        click.echo(f"not run: {name}: {reason}")
