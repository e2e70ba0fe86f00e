"""The one road of a suggestion: volume, rendered slice, question, model, parsed answer.

The window, the command line and a batch all come through `suggest`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.protocol import (
    Language,
    ProtocolError,
    Question,
    Task,
    answer_grammar,
    parse_answer,
    render_prompt,
    require_plain_name,
)
from engine.protocol.task import Answer
from engine.regions import Box, Label, LabelSet
from engine.runtime import AskRequest, AskResult, Session, TextPiece
from engine.scans import Plane, Volume, Window, image_sha256, render_slice


@dataclass(frozen=True, slots=True)
class ImageRef:
    """The very slice that was asked about, so that it can be rendered again bit for bit.

    sha256 : of the rendered pixels (`engine.scans.image_sha256`). window : None for colour.
    """

    path: Path
    series_uid: str
    sop_instance_uid: str
    modality: str
    plane: Plane
    slice: int
    width: int
    height: int
    window: Window | None
    sha256: str


@dataclass(frozen=True, slots=True)
class SuggestedRegion:
    """One named region of an answer. box : slice pixels. probability : of the name, or of the box's numbers."""

    label: str
    label_zh: str
    label_id: str
    box: Box
    probability: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """One allowed name and its probability among the allowed ones."""

    label: str
    label_zh: str
    label_id: str
    probability: float


@dataclass(frozen=True, slots=True)
class ModelRef:
    """Which weights answered."""

    id: str
    sha256: str
    adapter: str | None = None


@dataclass(frozen=True, slots=True)
class SuggestTimings:
    """Milliseconds of each step."""

    render: float
    encode: float
    prompt: float
    decode: float
    total: float


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A model's answer about one slice, until a person decides.

    candidates : ranked names of a region-to-text answer. not_present : names said to be absent.
    abstained : no candidate is probable enough to be named. malformed : something in the answer was no box, or it
    was cut short; what is there can still be used.
    """

    task: Task
    language: Language
    image: ImageRef
    prompt: str
    raw: str
    text: str
    regions: tuple[SuggestedRegion, ...]
    candidates: tuple[Candidate, ...]
    not_present: tuple[str, ...]
    abstained: bool
    malformed: bool
    model: ModelRef
    timings_ms: SuggestTimings


def make_image_ref(volume: Volume, plane: Plane, index: int, window: Window | None, rgb: NDArray[np.uint8]) -> ImageRef:
    """Name a rendered slice."""
    height, width = rgb.shape[:2]
    uids = volume.instance_uids
    instance = uids[index] if plane is volume.plane and index < len(uids) else ""
    used = None if volume.is_color else window or volume.window
    return ImageRef(
        volume.source,
        volume.series_uid,
        instance,
        volume.modality,
        plane,
        index,
        width,
        height,
        used,
        image_sha256(rgb),
    )


def suggest(
    session: Session,
    volume: Volume,
    plane: Plane,
    index: int,
    window: Window | None = None,
    *,
    task: Task,
    language: Language,
    box: Box | None = None,
    names: Sequence[str] = (),
    labels: LabelSet | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> Suggestion:
    """Ask one question about one slice.

    box : slice pixels, for region-to-text. names : what to look for, in either language or as label ids; one
    that is no label is asked for as it is. labels : the allowed names; the model's own when None. Raises
    `RegionError` for a box outside the image, `ScanError` for a slice that is not there, `ProtocolError`,
    `LabelError`, `ModelError`, `EngineError`, `Cancelled`.
    """
    started = time.perf_counter()
    rgb = render_slice(volume, plane, index, window)
    image = make_image_ref(volume, plane, index, window, rgb)
    render_ms = (time.perf_counter() - started) * 1000
    known = labels if labels is not None else session.manifest.labels()
    if box is not None:
        box.require_inside(image.width, image.height)
    # A name given in both languages is one question.
    asked = tuple(dict.fromkeys(_in_language(name, known, language) for name in names))
    question = Question(task, language, image.width, image.height, volume.modality, box, asked)
    prompt = render_prompt(question)
    choices: tuple[str, ...] = ()
    if task is Task.REGION_TO_TEXT:
        if not len(known):
            raise ProtocolError("the label set is empty: a region can only be given one of its names")
        choices = tuple(label.name(language) for label in known)
        for choice in choices:
            require_plain_name(choice)
    ready = time.perf_counter()
    session.start(cancelled)
    # Loading a model, which happens once, is not part of a question's time.
    started += time.perf_counter() - ready
    result = session.ask(AskRequest(0, rgb, prompt, answer_grammar(question, choices), choices), cancelled=cancelled)
    answer = parse_answer(result.raw, question)
    candidates = tuple(_candidate(choice.text, choice.probability, known) for choice in result.choices)
    timings = SuggestTimings(
        render_ms,
        result.timings.encode,
        result.timings.prompt,
        result.timings.decode,
        (time.perf_counter() - started) * 1000,
    )
    manifest = session.manifest
    return Suggestion(
        task=task,
        language=language,
        image=image,
        prompt=prompt.text,
        raw=result.raw,
        text=answer.text,
        regions=_regions(question, answer, result, candidates, known),
        candidates=candidates,
        not_present=tuple(item.name for item in answer.located if item.not_present),
        abstained=bool(candidates) and candidates[0].probability < manifest.abstain_below,
        malformed=answer.malformed or not result.finished,
        model=ModelRef(manifest.id, manifest.sha256),
        timings_ms=timings,
    )


def _in_language(name: str, labels: LabelSet, language: Language) -> str:
    """A known name in the asked language; any other as it is."""
    label = labels.find(name)
    return label.name(language) if label is not None else name.strip()


def _candidate(text: str, probability: float, labels: LabelSet) -> Candidate:
    label = labels.find(text) or Label("", text, "")
    return Candidate(label.en, label.zh, label.id, probability)


def _regions(
    question: Question,
    answer: Answer,
    result: AskResult,
    candidates: tuple[Candidate, ...],
    labels: LabelSet,
) -> tuple[SuggestedRegion, ...]:
    if question.task is Task.REGION_TO_TEXT:
        if question.box is None or not candidates:
            return ()
        best = candidates[0]
        return (SuggestedRegion(best.label, best.label_zh, best.label_id, question.box, best.probability),)
    probabilities = box_probabilities(result.pieces)
    regions: list[SuggestedRegion] = []
    for item in answer.located:
        label = labels.find(item.name) or Label("", item.name, "")
        for box in item.boxes:
            probability = probabilities[len(regions)] if len(regions) < len(probabilities) else 0.0
            regions.append(SuggestedRegion(label.en, label.zh, label.id, box, probability))
    return tuple(regions)


def box_probabilities(pieces: Sequence[TextPiece]) -> list[float]:
    """For each box with an area, in order, the geometric mean of its digits' probabilities.

    Digits are single tokens in MedRegA's vocabulary and in ours. A box is what stands between two innermost
    brackets; one without an area is left out here as in `parse_answer`.
    """
    found: list[float] = []
    text = ""
    logprobs: list[float] = []
    for piece in pieces:
        for character in piece.text:
            if character == "[":
                text, logprobs = "", []
            elif character == "]":
                numbers = text.split(",")
                if logprobs and len(numbers) == 4 and numbers[0] != numbers[2] and numbers[1] != numbers[3]:
                    found.append(math.exp(sum(logprobs) / len(logprobs)))
                text, logprobs = "", []
            elif character.isdigit() or character == ",":
                text += character
                if character.isdigit():
                    logprobs.append(piece.logprob)
    return found


def suggestion_to_json(suggestion: Suggestion) -> dict[str, Any]:
    """The suggestion as ``medrega suggest --json`` prints it."""
    image, timings = suggestion.image, suggestion.timings_ms
    return {
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
        "regions": [
            {
                "label": region.label,
                "label_zh": region.label_zh,
                "box": [round(float(v), 3) for v in region.box.as_tuple()],
                "probability": round(float(region.probability), 6),
            }
            for region in suggestion.regions
        ],
        "candidates": [
            {
                "label": candidate.label,
                "label_zh": candidate.label_zh,
                # Rounded down, so that the printed ones never sum to more than 1.
                "probability": math.floor(candidate.probability * 1e6) / 1e6,
            }
            for candidate in suggestion.candidates
        ],
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
