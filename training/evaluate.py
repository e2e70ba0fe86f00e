"""Scores a model, as it ships, on a MedRegInstruct set: through llama.cpp, the same road as the window."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.files import whole_file
from engine.progress import Cancelled, Progress
from engine.protocol import (
    IMAGE_MARKER,
    Answer,
    Question,
    Task,
    answer_grammar,
    parse_answer,
    prompt_from_user_text,
)
from engine.runtime import AskRequest, Choice, ModelManifest, Session
from training.records import DatasetError, Record, dataset_sha256, read_records
from training.samples import read_rgb
from training.scoring import (
    RegionScore,
    TextScore,
    expected_calibration_error,
    interval_by_group,
    score_regions,
    score_text,
)

_ASKED = re.compile(r"<ref>(.*?)</ref>")
_SCORED = (Task.REGION_TO_TEXT, Task.TEXT_TO_REGION)


@dataclass(frozen=True, slots=True)
class Prediction:
    """A record with the model's answer. subtask : so_sr, so_mr, mo_sr, mo_mr or absent for text-to-region."""

    record: Record
    raw: str
    answer: Answer
    truth: Answer
    choices: tuple[Choice, ...]
    subtask: str


def predict(session: Session, dataset: Path, progress: Progress, limit: int | None = None) -> list[Prediction]:
    """Answer every record of the two region tasks; others are left out.

    limit : at most so many records, spread evenly. Raises `DatasetError`, `EngineError`, `Cancelled`.
    """
    records = [(folder, one) for folder, one in read_records(dataset) if one.task in _SCORED]
    if not records:
        raise DatasetError(f"{dataset} holds no region-to-text or text-to-region record")
    if limit is not None and len(records) > limit:
        records = [records[i] for i in np.linspace(0, len(records) - 1, limit).astype(int)]
    # Together by image and preamble, so that the runtime's caches serve.
    records.sort(key=lambda pair: (pair[1].image, pair[1].human.partition(IMAGE_MARKER)[0]))
    labels = session.manifest.labels()
    predictions = []
    image_path, image = Path(), np.empty((1, 1, 3), np.uint8)
    for done, (folder, record) in enumerate(records, start=1):
        if progress.cancelled():
            raise Cancelled
        if folder / record.image != image_path:
            image_path = folder / record.image
            image = read_rgb(image_path)
        height, width = image.shape[0], image.shape[1]
        names = asked_names(record)
        question = Question(record.task, record.language, width, height, record.modality, names=names)
        choices: tuple[str, ...] = ()
        if record.task is Task.REGION_TO_TEXT:
            choices = tuple(label.name(record.language) for label in labels)
        prompt = prompt_from_user_text(record.human)
        result = session.ask(AskRequest(0, image, prompt, answer_grammar(question, choices), choices))
        answer, truth = parse_answer(result.raw, question), parse_answer(record.gpt, question)
        predictions.append(Prediction(record, result.raw, answer, truth, result.choices, subtask(record.task, truth)))
        progress.report(done, len(records), "questions")
    return predictions


def asked_names(record: Record) -> tuple[str, ...]:
    """The names a text-to-region question asks for, from its own words."""
    if record.task is not Task.TEXT_TO_REGION:
        return ()
    return tuple(_ASKED.findall(record.human.partition(IMAGE_MARKER)[2]))


def subtask(task: Task, truth: Answer) -> str:
    """The paper's four kinds of text-to-region questions, and ours for what is not there."""
    if task is not Task.TEXT_TO_REGION:
        return ""
    present = [item for item in truth.located if item.boxes]
    if not present:
        return "absent"
    objects = "so" if len(truth.located) == 1 else "mo"
    regions = "sr" if all(len(item.boxes) == 1 for item in present) else "mr"
    return f"{objects}_{regions}"


def summarize(predictions: Sequence[Prediction], manifest: ModelManifest, dataset: Path) -> dict[str, Any]:
    """What ``medrega evaluate --json`` prints."""
    named = [p for p in predictions if p.record.task is Task.REGION_TO_TEXT]
    found = [p for p in predictions if p.record.task is Task.TEXT_TO_REGION]
    metrics: dict[str, Any] = {}
    if named:
        metrics["region_to_text"] = _named_metrics(named)
    if found:
        metrics["text_to_region"] = _found_metrics(found)
    by: dict[str, dict[str, Any]] = {
        "modality": _by(predictions, lambda p: p.record.modality),
        "language": _by(predictions, lambda p: p.record.language.value),
        "label": _by(predictions, _label_of),
    }
    probabilities = [p.choices[0].probability for p in named if p.choices]
    correct = [p.choices[0].text == p.truth.text for p in named if p.choices]
    return {
        "dataset": {"sha256": dataset_sha256(dataset), "records": len(predictions)},
        "model": {"id": manifest.id, "version": manifest.version, "sha256": manifest.sha256},
        "metrics": metrics,
        "by": by,
        "calibration": {"ece": round(expected_calibration_error(probabilities, correct), 4)},
    }


def _named_metrics(predictions: Sequence[Prediction]) -> dict[str, Any]:
    scores = [_text_score(p) for p in predictions]
    groups = [p.record.group for p in predictions]
    hits = [float(score.correct) for score in scores]
    truths = [p.truth.text for p in predictions]
    majority = Counter(truths).most_common(1)[0][1] / len(truths)
    return {
        "accuracy": _mean(hits),
        "exact": _mean([float(score.exact) for score in scores]),
        "mean_label_recall": _mean_label_recall(truths, [float(score.exact) for score in scores]),
        "baseline_accuracy": round(majority, 4),
        "f1": _mean([score.f1 for score in scores]),
        "recall": _mean([score.recall for score in scores]),
        "bleu1": _mean([score.bleu1 for score in scores]),
        "n": len(scores),
        "patients": len(set(groups)),
        "ci95": [round(v, 4) for v in interval_by_group(hits, groups)],
    }


def _found_metrics(predictions: Sequence[Prediction]) -> dict[str, Any]:
    metrics: dict[str, Any] = {}
    kinds: dict[str, list[Prediction]] = defaultdict(list)
    for prediction in predictions:
        kinds[prediction.subtask].append(prediction)
    for kind, members in sorted(kinds.items()):
        groups = [p.record.group for p in members]
        if kind == "absent":
            right = [float(all(not item.boxes for item in p.answer.located)) for p in members]
            metrics[kind] = {"accuracy": _mean(right), "n": len(members)}
            continue
        scores = [score_regions(p.answer.located, p.truth.located) for p in members]
        ious = [score.first_iou if kind == "so_sr" else score.iou for score in scores]
        metrics[kind] = {
            "acc50": _mean([float(iou >= 0.5) for iou in ious]),
            "iou": _mean(ious),
            "region_f1": _mean([score.region_f1 for score in scores]),
            "object_f1": _mean([score.object_f1 for score in scores]),
            "aligned_f1": _mean([score.aligned_f1 for score in scores]),
            "n": len(members),
            "ci95_iou": [round(v, 4) for v in interval_by_group(ious, groups)],
        }
    present = [p for kind, members in kinds.items() if kind != "absent" for p in members]
    if present:
        metrics["mean_iou"] = _mean([_region_score(p).iou for p in present])
    metrics["malformed"] = _mean([float(p.answer.malformed) for p in predictions])
    return metrics


def _by(predictions: Sequence[Prediction], key: Any) -> dict[str, Any]:
    groups: dict[str, list[Prediction]] = defaultdict(list)
    for prediction in predictions:
        groups[key(prediction)].append(prediction)
    result = {}
    for name, members in sorted(groups.items()):
        named = [float(_text_score(p).exact) for p in members if p.record.task is Task.REGION_TO_TEXT]
        found = [_region_score(p).iou for p in members if p.subtask not in ("", "absent")]
        result[name] = {
            "region_to_text": {"accuracy": _mean(named), "n": len(named)},
            "text_to_region": {"iou": _mean(found), "n": len(found)},
        }
    return result


def _label_of(prediction: Prediction) -> str:
    if prediction.record.task is Task.REGION_TO_TEXT:
        return prediction.truth.text
    names = [item.name for item in prediction.truth.located]
    return names[0] if len(names) == 1 else "(several)"


def _text_score(prediction: Prediction) -> TextScore:
    return score_text(prediction.answer.text, prediction.truth.text)


def _region_score(prediction: Prediction) -> RegionScore:
    return score_regions(prediction.answer.located, prediction.truth.located)


def _mean_label_recall(truths: Sequence[str], exact: Sequence[float]) -> float:
    by_label: dict[str, list[float]] = defaultdict(list)
    for truth, hit in zip(truths, exact, strict=True):
        by_label[truth].append(hit)
    return _mean([sum(hits) / len(hits) for hits in by_label.values()])


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 4) if len(values) else 0.0


def write_predictions(predictions: Sequence[Prediction], out: Path) -> None:
    """One line a question, so that any other scorer can be run on the raw answers."""
    with whole_file(out) as temporary, temporary.open("w", encoding="utf-8") as lines:
        for p in predictions:
            line = {
                "question_id": p.record.id,
                "image": p.record.image,
                "hw": [p.record.height, p.record.width],
                "question": p.record.human,
                "gt": p.record.gpt,
                "answer": p.raw,
                "task": p.record.task.value,
                "subtask": p.subtask,
                "modality": p.record.modality,
                "language": p.record.language.value,
                "candidates": [[choice.text, choice.probability] for choice in p.choices],
            }
            lines.write(json.dumps(line, ensure_ascii=False) + "\n")
