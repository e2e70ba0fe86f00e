"""The one road of a suggestion: volume, rendered slice, question, model, parsed answer.

The window, the command line and a batch all come through `suggest`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.models.dialects import dialect_of
from engine.protocol import (
    Answer,
    AnswerForm,
    Grounding,
    Language,
    Located,
    ProtocolError,
    Question,
    Recognition,
    Task,
    answer_choices,
    require_plain_name,
)
from engine.regions import Box, Label, LabelSet
from engine.runtime import AskRequest, AskResult, Session, TextPiece
from engine.scans import Plane, Volume, Window, image_sha256, render_slice
from engine.suggestion import (
    Candidate,
    ImageRef,
    ModelRef,
    SuggestedRegion,
    SuggestedSentence,
    Suggestion,
    SuggestTimings,
)
from engine.suggestion_json import suggestion_to_json

__all__ = [
    "Candidate",
    "ImageRef",
    "ModelRef",
    "SuggestTimings",
    "SuggestedRegion",
    "SuggestedSentence",
    "Suggestion",
    "box_probabilities",
    "make_image_ref",
    "suggest",
    "suggestion_to_json",
]


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
    text: str = "",
    form: AnswerForm = AnswerForm.PHRASE,
    options: Sequence[str] = (),
    several: bool = False,
    none_label: str = "",
    recognition: Recognition = Recognition.DISEASE,
    grounding: Grounding = Grounding.ORGAN,
    found: Sequence[Located] = (),
    cancelled: Callable[[], bool] = lambda: False,
) -> Suggestion:
    """Ask one question about one slice.

    box : slice pixels, for region-to-text. names : what to look for or to describe, in either language or as label
    ids; one that is no label is asked for as it is. labels : the allowed names; the model's own when None.
    The others are `engine.protocol.Question`'s; a diagnosis's `options` may be label ids too. Raises `RegionError`
    for a box outside the image, `ScanError` for a slice that is not there, `ProtocolError`, `LabelError`,
    `ModelError`, `EngineError`, `Cancelled`.
    """
    started = time.perf_counter()
    rgb = render_slice(volume, plane, index, window)
    image = make_image_ref(volume, plane, index, window, rgb)
    render_ms = (time.perf_counter() - started) * 1000
    known = labels if labels is not None else session.manifest.labels()
    for one in (*((box,) if box else ()), *(one for item in found for one in item.boxes)):
        one.require_inside(image.width, image.height)
    # A name given in both languages is one question.
    asked = tuple(dict.fromkeys(_in_language(name, known, language) for name in names))
    if task is Task.DIAGNOSIS:
        options = tuple(dict.fromkeys(_in_language(option, known, language) for option in options))
        none_label = _in_language(none_label, known, language)
    question = Question(
        task,
        language,
        image.width,
        image.height,
        volume.modality,
        box,
        asked,
        body_part=volume.body_part,
        text=text.strip(),
        form=form,
        options=tuple(options),
        several=several,
        none_label=none_label,
        recognition=recognition,
        grounding=grounding,
        found=tuple(found),
    )
    dialect = dialect_of(session.manifest)
    prompt = dialect.render_prompt(question)
    choices = answer_choices(question)
    allowed: tuple[str, ...] = ()
    if task is Task.REGION_TO_TEXT or (task is Task.GROUNDED_REPORT and not asked):
        allowed = _allowed_names(known, task, language)
        choices = allowed if task is Task.REGION_TO_TEXT else ()
    ready = time.perf_counter()
    session.start(cancelled)
    # Loading a model, which happens once, is not part of a question's time.
    started += time.perf_counter() - ready
    adapter = session.adapter
    request = AskRequest(0, rgb, prompt, dialect.answer_grammar(question, allowed), choices)
    result = session.ask(request, cancelled=cancelled)
    answer = dialect.parse_answer(result.raw, question)
    timings = SuggestTimings(
        render_ms,
        result.timings.encode,
        result.timings.prompt,
        result.timings.decode,
        (time.perf_counter() - started) * 1000,
    )
    manifest = session.manifest
    trained = manifest.knows(task.value)
    read = _read(question, answer, result, known)
    return Suggestion(
        task=task,
        language=language,
        image=image,
        prompt=prompt.text,
        raw=result.raw,
        text=answer.text,
        regions=read.regions,
        candidates=read.candidates,
        not_present=tuple(item.name for item in answer.located if item.not_present),
        abstained=not trained or _abstains(question, read, manifest.abstain_below),
        malformed=answer.malformed or not result.finished,
        model=ModelRef(manifest.id, manifest.sha256, adapter.id if adapter else None),
        timings_ms=timings,
        sentences=read.sentences,
        sections=answer.sections,
        labels=read.labels,
        option=answer.option or "",
        probability=read.probability,
        trained=trained,
    )


def _in_language(name: str, labels: LabelSet, language: Language) -> str:
    """A known name in the asked language; any other as it is."""
    label = labels.find(name)
    return label.name(language) if label is not None else name.strip()


def _allowed_names(known: LabelSet, task: Task, language: Language) -> tuple[str, ...]:
    if not len(known):
        if task is Task.GROUNDED_REPORT:
            return ()
        raise ProtocolError("the label set is empty: a region can only be given one of its names")
    names = tuple(label.name(language) for label in known)
    for name in names:
        require_plain_name(name)
    return names


@dataclass(frozen=True, slots=True)
class _Read:
    """What an answer means in the names of the label set."""

    candidates: tuple[Candidate, ...]
    regions: tuple[SuggestedRegion, ...] = ()
    sentences: tuple[SuggestedSentence, ...] = ()
    labels: tuple[Candidate, ...] = ()
    probability: float | None = None


def _read(question: Question, answer: Answer, result: AskResult, labels: LabelSet) -> _Read:
    candidates = tuple(_candidate(choice.text, choice.probability, labels) for choice in result.choices)
    written = None if candidates else text_probability(result.pieces)
    if question.task is Task.REGION_TO_TEXT:
        if question.box is None or not candidates:
            return _Read(candidates)
        best = candidates[0]
        region = SuggestedRegion(best.label, best.label_zh, best.label_id, question.box, best.probability)
        return _Read(candidates, (region,))
    if question.task is Task.DIAGNOSIS:
        return _Read(candidates, labels=_labels(answer, candidates, result.pieces, labels), probability=written)
    regions = _regions(answer.located, box_probabilities(result.pieces), labels)
    sentences = []
    rest = list(regions)
    for sentence in answer.sentences:
        count = sum(len(item.boxes) for item in sentence.located)
        absent = tuple(item.name for item in sentence.located if item.not_present)
        sentences.append(SuggestedSentence(sentence.text, tuple(rest[:count]), absent))
        rest = rest[count:]
    return _Read(candidates, regions, tuple(sentences), probability=written)


def _candidate(text: str, probability: float, labels: LabelSet) -> Candidate:
    label = labels.find(text) or Label("", text, "")
    return Candidate(label.en, label.zh, label.id, probability)


def _labels(
    answer: Answer, candidates: tuple[Candidate, ...], pieces: Sequence[TextPiece], labels: LabelSet
) -> tuple[Candidate, ...]:
    """The labels a diagnosis names, each with its probability among the allowed, or with that of its own tokens."""
    if candidates:
        return candidates[:1]
    # One repeated counts with its first mention, and what is no label has no place in the answer's list.
    said: dict[str, float] = {}
    text: str = ""
    some: list[TextPiece] = []
    for piece in (*pieces, TextPiece(",", 0.0)):
        before, comma, after = piece.text.partition(",")
        text += before
        if not comma:
            some.append(piece)
            continue
        said.setdefault(text.strip().casefold(), text_probability(some) or 0.0)
        text, some = after, []
    return tuple(_candidate(label, said.get(label.casefold(), 0.0), labels) for label in answer.labels)


def _regions(
    located: Sequence[Located], probabilities: Sequence[float], labels: LabelSet
) -> tuple[SuggestedRegion, ...]:
    regions: list[SuggestedRegion] = []
    for item in located:
        label = labels.find(item.name) or Label("", item.name, "")
        for box in item.boxes:
            probability = probabilities[len(regions)] if len(regions) < len(probabilities) else 0.0
            regions.append(SuggestedRegion(label.en, label.zh, label.id, box, probability))
    return tuple(regions)


def _abstains(question: Question, read: _Read, threshold: float) -> bool:
    """Whether the best there is to say is less probable than the model's threshold.

    Boxes and long texts are not held against it: their tokens' probabilities say little about the whole.
    """
    if read.candidates:
        return read.candidates[0].probability < threshold
    if question.task is Task.DIAGNOSIS:
        return max((label.probability for label in read.labels), default=0.0) < threshold
    if question.task is Task.VQA and question.form is AnswerForm.PHRASE:
        return (read.probability or 0.0) < threshold
    return False


def text_probability(pieces: Sequence[TextPiece]) -> float | None:
    """Geometric mean of the tokens' probabilities, None when there are none."""
    return math.exp(sum(piece.logprob for piece in pieces) / len(pieces)) if pieces else None


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
