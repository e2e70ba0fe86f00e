"""A suggestion as one JSON document."""

from __future__ import annotations

import math
from typing import Any

from engine.protocol import Task
from engine.suggestion import Candidate, SuggestedRegion, Suggestion


def suggestion_to_json(suggestion: Suggestion) -> dict[str, Any]:
    """The suggestion as ``medrega suggest --json`` prints it.

    What only one task has stands there only for it: ``presence`` of a text-to-region answer, ``sentences`` of a
    grounded report, ``sections`` of a report, ``labels`` of a diagnosis, ``option`` of a VQA question, ``probability``
    of a written answer; ``warnings`` where there are any.
    """
    image, timings = suggestion.image, suggestion.timings_ms
    document: dict[str, Any] = {
        "task": suggestion.task.value,
        "language": suggestion.language.value,
        "image": {
            "path": str(image.path),
            "plane": image.plane.value,
            "slice": image.slice,
            "width": image.width,
            "height": image.height,
            "sha256": image.sha256,
            "window": None if image.window is None else [image.window.center, image.window.width],
        },
        "prompt": suggestion.prompt,
        "raw": suggestion.raw,
        "text": suggestion.text,
        "regions": [_region(region) for region in suggestion.regions],
        "candidates": [_candidate(candidate) for candidate in suggestion.candidates],
        "not_present": list(suggestion.not_present),
        "abstained": suggestion.abstained,
        "model": {
            "id": suggestion.model.id,
            "sha256": suggestion.model.sha256,
            "adapter": suggestion.model.adapter,
        },
        "timings_ms": {
            "render": round(timings.render, 1),
            "encode": round(timings.encode, 1),
            "prompt": round(timings.prompt, 1),
            "decode": round(timings.decode, 1),
            "total": round(timings.total, 1),
        },
    }
    document.update(_of_the_task(suggestion))
    if suggestion.warnings:
        document["warnings"] = list(suggestion.warnings)
    return document


def _of_the_task(suggestion: Suggestion) -> dict[str, Any]:
    task = suggestion.task
    if task is Task.REGION_TO_TEXT:
        return {}
    if task is Task.TEXT_TO_REGION:
        return {"presence": [_candidate(one) for one in suggestion.presence]}
    probability = suggestion.probability
    more: dict[str, Any] = {"probability": None if probability is None else round(probability, 6)}
    more["malformed"] = suggestion.malformed
    if task is Task.GROUNDED_REPORT:
        more["sentences"] = [
            {
                "text": sentence.text,
                "regions": [_region(region) for region in sentence.regions],
                "not_present": list(sentence.not_present),
            }
            for sentence in suggestion.sentences
        ]
    elif task is Task.REPORT:
        more["sections"] = [{"kind": one.kind.value, "text": one.text} for one in suggestion.sections]
    elif task is Task.DIAGNOSIS:
        more["labels"] = [_candidate(label) for label in suggestion.labels]
    else:
        more["option"] = suggestion.option or None
    return more


def _region(region: SuggestedRegion) -> dict[str, Any]:
    document: dict[str, Any] = {
        "label": region.label,
        "label_zh": region.label_zh,
        "box": [round(float(v), 3) for v in region.box.as_tuple()],
        "probability": round(float(region.probability), 6),
    }
    if region.spread is not None:
        document["spread"] = [round(float(v), 3) for v in region.spread]
    if region.expected is not None:
        document["expected"] = [round(float(v), 3) for v in region.expected]
    return document


def _candidate(candidate: Candidate) -> dict[str, Any]:
    return {
        "label": candidate.label,
        "label_zh": candidate.label_zh,
        # Rounded down, so that the printed ones never sum to more than 1.
        "probability": math.floor(candidate.probability * 1e6) / 1e6,
    }
