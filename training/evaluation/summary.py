"""What ``medrega evaluate --json`` prints: every task's figures, strata, calibration, and the paper's columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.labels import LabelSet
from engine.protocol import Task
from engine.reliability import ECE_BINS, Reliability
from engine.runtime import UNCALIBRATED
from training.evaluation.answering import ModelFacts
from training.evaluation.classes import mean_label_recall
from training.evaluation.confidences import abstention_of, reliability_of
from training.evaluation.judges import Judges
from training.evaluation.measures import (
    against_majority,
    diagnosis_metrics,
    found_metrics,
    grounded_metrics,
    interval,
    mean,
    named_metrics,
    report_metrics,
    text_score,
    vqa_metrics,
)
from training.evaluation.paper_summary import paper_metrics
from training.evaluation.predict import Answered
from training.evaluation.prediction import Prediction
from training.records import dataset_sha256

_SMALL, _LARGE = 0.01, 0.1
"""Of the image's area: bounds of the three sizes of region."""


def summarize(
    answered: Answered,
    model: ModelFacts,
    dataset: Path,
    judges: Judges | None = None,
    *,
    paper_compatible: bool = False,
) -> dict[str, Any]:
    """All figures of a run as one JSON document. judges : models for measures that need one.

    paper_compatible : also the published definitions, see `training.evaluation.paper`.
    """
    judges = judges or Judges()
    predictions = answered.predictions
    sha256 = dataset_sha256(dataset)
    report: dict[str, Any] = {
        "dataset": {
            "name": dataset.name,
            "sha256": sha256,
            "records": len(predictions),
            "patients": len({one.record.group for one in predictions}),
            "skipped": [asdict(one) for one in answered.skipped],
        },
        "model": asdict(model),
        "metrics": _metrics(predictions, judges, answered.labels),
        "by": {
            "modality": _by(predictions, lambda one: one.record.modality or "unknown"),
            "language": _by(predictions, lambda one: one.record.language.value),
            "label": _by(predictions, label_of),
            "source": _by_source(predictions),
            "region_size": _by([one for one in predictions if region_size(one)], region_size),
        },
        "calibration": _calibration(answered, sha256),
        "not_run": judges.not_run(),
    }
    if paper_compatible:
        report["paper_compatible"] = paper_metrics(predictions)
    return report


def _metrics(predictions: Sequence[Prediction], judges: Judges, labels: LabelSet | None) -> dict[str, Any]:
    measures: dict[Task, Callable[[list[Prediction]], dict[str, Any]]] = {
        Task.REGION_TO_TEXT: lambda some: named_metrics(some, judges, labels),
        Task.TEXT_TO_REGION: found_metrics,
        Task.GROUNDED_REPORT: lambda some: grounded_metrics(some, judges),
        Task.REPORT: lambda some: report_metrics(some, judges),
        Task.VQA: lambda some: vqa_metrics(some, judges),
        Task.DIAGNOSIS: diagnosis_metrics,
    }
    members = {task: [one for one in predictions if one.record.task is task] for task in measures}
    return {task.value: measures[task](some) for task, some in members.items() if some}


def score_of(prediction: Prediction) -> float:
    """One answer's score, 0..1, in its task's own measure: to rank answers and to compare two models by.

    Region to text, and diagnosis: right or not. Boxes: mean IoU; of what is not there: nothing was drawn. Text: F1.
    """
    task = prediction.record.task
    if task is Task.REGION_TO_TEXT:
        return float(text_score(prediction).exact)
    if task is Task.DIAGNOSIS:
        return float(bool(prediction.answer.labels) and set(prediction.answer.labels) == set(prediction.truth.labels))
    if task is Task.TEXT_TO_REGION:
        return float(not prediction.match.said) if prediction.subtask == "absent" else prediction.match.iou
    if task is Task.GROUNDED_REPORT:
        return prediction.match.iou
    return text_score(prediction).f1


def _by(predictions: Sequence[Prediction], key: Callable[[Prediction], str]) -> dict[str, Any]:
    groups: dict[str, list[Prediction]] = defaultdict(list)
    for prediction in predictions:
        groups[key(prediction)].append(prediction)
    return {name: _row(members) for name, members in sorted(groups.items())}


def _by_source(predictions: Sequence[Prediction]) -> dict[str, Any]:
    """As the other strata, and what naming always a source's own most frequent label would give."""
    rows = _by([one for one in predictions if one.record.source], lambda one: one.record.source)
    for name, row in rows.items():
        named = [one for one in predictions if one.record.source == name and one.record.task is Task.REGION_TO_TEXT]
        if named:
            row["region_to_text"] |= against_majority(named)
    return rows


def _row(members: Sequence[Prediction]) -> dict[str, Any]:
    """The main figure of each task in a stratum; the two region tasks always, for tables."""
    named = [one for one in members if one.record.task is Task.REGION_TO_TEXT]
    found = [one for one in members if one.record.task is Task.TEXT_TO_REGION and one.subtask != "absent"]
    hits, ious = [score_of(one) for one in named], [score_of(one) for one in found]
    row: dict[str, Any] = {
        "region_to_text": {
            "accuracy": mean(hits),
            "ci95": interval(hits, named),
            "mean_label_recall": round(mean_label_recall([one.truth.text for one in named], hits), 4),
            "n": len(named),
        },
        "text_to_region": {"iou": mean(ious), "ci95": interval(ious, found), "n": len(found)},
    }
    for task, figure in (
        (Task.GROUNDED_REPORT, "iou"),
        (Task.REPORT, "token_f1"),
        (Task.VQA, "f1"),
        (Task.DIAGNOSIS, "accuracy"),
    ):
        some = [one for one in members if one.record.task is task]
        if some:
            scores = [score_of(one) for one in some]
            row[task.value] = {figure: mean(scores), "ci95": interval(scores, some), "n": len(some)}
    return row


def label_of(prediction: Prediction) -> str:
    """The one label a question is about; those about several together."""
    if prediction.record.task is Task.REGION_TO_TEXT:
        return prediction.truth.text
    if prediction.record.task is Task.DIAGNOSIS:
        return ", ".join(prediction.truth.labels) or prediction.truth.text
    if prediction.record.task in (Task.REPORT, Task.VQA):
        return "(none)"
    names = list(dict.fromkeys(item.name for item in prediction.truth.located))
    return names[0] if len(names) == 1 else "(several)"


def region_size(prediction: Prediction) -> str:
    """``small`` below 1% of the image's area, ``large`` above 10%, by the mean true box; "" without one."""
    areas = [box.area for _, box in prediction.match.meant] or [box.area for box in prediction.asked]
    if not areas:
        return ""
    share = sum(areas) / len(areas) / (prediction.record.width * prediction.record.height)
    return "small (< 1%)" if share < _SMALL else "large (> 10%)" if share > _LARGE else "medium (1-10%)"


def _calibration(answered: Answered, sha256: str) -> dict[str, Any]:
    """``ece``: of the names, as the window shows their probabilities; ``ece_before``: without a calibration.

    fitted_on : the set that the calibration was fitted on, None for none. fitted_here : that is this set: the figures
    flatter the model. abstention : what saying "not sure" does.
    """
    calibration = answered.calibration
    after = reliability_of(answered.predictions, calibration, answered.labels)
    before = reliability_of(answered.predictions, UNCALIBRATED, answered.labels)
    kinds = {name: _reliability(one, before[name]) for name, one in after.items()}
    names = kinds["names"] or {"ece": None, "ece_before": None}
    return {
        "ece": names["ece"],
        "ece_before": names["ece_before"],
        "ece_bins": ECE_BINS,
        "fitted_on": calibration.dataset_sha256 or None,
        "fitted_here": calibration.dataset_sha256 == sha256,
        "temperatures": dict(calibration.temperatures),
        "name_map": asdict(calibration.names),
        "present_above": calibration.present_above,
        "abstention": abstention_of(answered.predictions, calibration, answered.abstain_below, answered.labels),
        **kinds,
    }


def _reliability(after: Reliability | None, before: Reliability | None) -> dict[str, Any] | None:
    if after is None or before is None:
        return None
    return {
        "ece": round(after.ece, 4),
        "ece_before": round(before.ece, 4),
        "brier": round(after.brier, 4),
        "brier_before": round(before.brier, 4),
        "n": after.count,
        "bins": [asdict(part) for part in after.bins],
    }
