"""The one road of a suggestion: volume, rendered slice, question, model, parsed answer.

The window, the command line and a batch all come through `suggest`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.confidence import BoxOdds, box_odds, box_probabilities, spread_pixels, text_probability
from engine.models.dialects import dialect_of
from engine.protocol import (
    Answer,
    AnswerForm,
    BoxUnit,
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
from engine.runtime import Absence, AdapterManifest, AskRequest, AskResult, LogisticMap, Session, TextPiece
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
    "prepare",
    "suggest",
    "suggest_each",
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
    on_piece: Callable[[TextPiece], None] | None = None,
) -> Suggestion:
    """Ask one question about one slice.

    box : slice pixels, for region-to-text. names : what to look for or to describe, in either language or as label
    ids; one that is no label is asked for as it is. labels : the allowed names; the model's own when None.
    on_piece : hears of a written answer's tokens as they come.
    The others are `engine.protocol.Question`'s; a diagnosis's `options` may be label ids too. Raises `RegionError`
    for a box outside the image, `ScanError` for a slice that is not there, `ProtocolError`, `LabelError`,
    `ModelError`, `EngineError`, `Cancelled`.
    """
    asked = _put(
        session,
        _place(volume, plane, index, window),
        labels,
        task=task,
        language=language,
        box=box,
        names=names,
        text=text,
        form=form,
        options=options,
        several=several,
        none_label=none_label,
        recognition=recognition,
        grounding=grounding,
        found=found,
    )
    with _not_loading(session, asked.place, cancelled):
        result = session.ask(asked.request, cancelled=cancelled, on_piece=on_piece)
    return _suggestion(session, asked, result)


def suggest_each(
    session: Session,
    volume: Volume,
    plane: Plane,
    index: int,
    window: Window | None = None,
    *,
    language: Language,
    names: Sequence[str],
    labels: LabelSet | None = None,
    cancelled: Callable[[], bool] = lambda: False,
) -> tuple[Suggestion, ...]:
    """Ask where each of several names is, every one a question of its own, and answer them together.

    Much faster than one after the other, and no name's answer depends on what was found of those before it, as it
    does where one question holds them all. Raises as `suggest` does.
    """
    place = _place(volume, plane, index, window)
    asked = [_put(session, place, labels, task=Task.TEXT_TO_REGION, language=language, names=(name,)) for name in names]
    with _not_loading(session, place, cancelled):
        results = session.ask_batch([one.request for one in asked], cancelled=cancelled)
    return tuple(_suggestion(session, one, result) for one, result in zip(asked, results, strict=True))


_LIKELY = (Task.REGION_TO_TEXT, Task.TEXT_TO_REGION)


def prepare(
    session: Session,
    volume: Volume,
    plane: Plane,
    index: int,
    window: Window | None = None,
    *,
    language: Language,
    cancelled: Callable[[], bool] = lambda: False,
) -> bool:
    """Let the model look at a slice before anybody asks about it: its embedding, and the words round it.

    For the two questions that wait for nobody's typing: what is here, and where is that. Behind all questions, and
    given up for one; False then, and when the model is not loaded. Raises as `Session.ask` does.
    """
    place = _place(volume, plane, index, window)
    width, height = place.image.width, place.image.height
    anything = Box(0, 0, width, height)
    for task in _LIKELY:
        question = Question(task, language, width, height, volume.modality, anything, ("?",))
        if not session.prepare(
            AskRequest(0, place.rgb, dialect_of(session.manifest).render_prompt(question)), cancelled=cancelled
        ):
            return False
    return True


@dataclass(slots=True)
class _Place:
    """The slice that questions are about. started : when work on it began, later by what loading the model took."""

    volume: Volume
    rgb: NDArray[np.uint8]
    image: ImageRef
    render_ms: float
    started: float


@dataclass(frozen=True, slots=True)
class _Asked:
    """A question on its way. known : the names that answers are read in. adapter : what answers beside the base."""

    place: _Place
    question: Question
    request: AskRequest
    known: LabelSet
    adapter: AdapterManifest | None


def _place(volume: Volume, plane: Plane, index: int, window: Window | None) -> _Place:
    started = time.perf_counter()
    rgb = render_slice(volume, plane, index, window)
    image = make_image_ref(volume, plane, index, window, rgb)
    return _Place(volume, rgb, image, (time.perf_counter() - started) * 1000, started)


@contextlib.contextmanager
def _not_loading(session: Session, place: _Place, cancelled: Callable[[], bool]) -> Iterator[None]:
    """Load the model first: that happens once and is not part of a question's time."""
    ready = time.perf_counter()
    session.start(cancelled)
    place.started += time.perf_counter() - ready
    yield


def _put(
    session: Session,
    place: _Place,
    labels: LabelSet | None,
    *,
    task: Task,
    language: Language,
    box: Box | None = None,
    names: Sequence[str] = (),
    text: str = "",
    options: Sequence[str] = (),
    none_label: str = "",
    found: Sequence[Located] = (),
    **what: Any,
) -> _Asked:
    """Word a question about a slice; the keywords are `suggest`'s."""
    image, volume = place.image, place.volume
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
        options=tuple(options),
        none_label=none_label,
        found=tuple(found),
        **what,
    )
    dialect = dialect_of(session.manifest)
    prompt = dialect.render_prompt(question)
    choices = answer_choices(question)
    allowed: tuple[str, ...] = ()
    if task is Task.REGION_TO_TEXT or (task is Task.GROUNDED_REPORT and not asked):
        allowed = _allowed_names(known, task, language)
        choices = allowed if task is Task.REGION_TO_TEXT else ()
    calibration = session.manifest.calibration
    words = dialect.absent_words(question)
    # Fitted on text-to-region questions: what a report says next weighs in on its own forks.
    below = calibration.absent_below() if task is Task.TEXT_TO_REGION else None
    request = AskRequest(
        0,
        place.rgb,
        prompt,
        dialect.answer_grammar(question, allowed),
        choices,
        temperature=calibration.temperature(task.value),
        absence=Absence(words, below) if words else None,
    )
    return _Asked(place, question, request, known, session.adapter)


def _suggestion(session: Session, asked: _Asked, result: AskResult) -> Suggestion:
    question, place, adapter = asked.question, asked.place, asked.adapter
    task, dialect = question.task, dialect_of(session.manifest)
    answer = dialect.parse_answer(result.raw, question)
    timings = SuggestTimings(
        place.render_ms,
        result.timings.encode,
        result.timings.prompt,
        result.timings.decode,
        (time.perf_counter() - place.started) * 1000,
    )
    manifest = session.manifest
    trained = manifest.knows(task.value)
    located = task is Task.TEXT_TO_REGION
    boxes = manifest.calibration.boxes if located else LogisticMap()
    read = _read(question, answer, result, asked.known, dialect.unit, boxes)
    return Suggestion(
        task=task,
        language=question.language,
        image=place.image,
        prompt=asked.request.prompt.text,
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
        presence=_presence(question, result, asked.known, manifest.calibration.presence) if located else (),
    )


def _presence(
    question: Question, result: AskResult, labels: LabelSet, calibrated: LogisticMap
) -> tuple[Candidate, ...]:
    """Of an answer that was cut short only the names that it came to."""
    return tuple(
        _candidate(name, calibrated.of_odds(odds), labels)
        for name, odds in zip(question.names, result.presence, strict=False)
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


def _read(
    question: Question, answer: Answer, result: AskResult, labels: LabelSet, unit: BoxUnit, calibrated: LogisticMap
) -> _Read:
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
    regions = _regions(answer.located, box_odds(result.pieces), labels, question, unit, calibrated)
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
    located: Sequence[Located],
    odds: Sequence[BoxOdds],
    labels: LabelSet,
    question: Question,
    unit: BoxUnit,
    calibrated: LogisticMap,
) -> tuple[SuggestedRegion, ...]:
    regions: list[SuggestedRegion] = []
    for item in located:
        label = labels.find(item.name) or Label("", item.name, "")
        for box in item.boxes:
            one = odds[len(regions)] if len(regions) < len(odds) else None
            spread = None if one is None else spread_pixels(one, question.width, question.height, unit)
            probability = 0.0 if one is None else calibrated.of_probability(one.probability)
            regions.append(SuggestedRegion(label.en, label.zh, label.id, box, probability, spread))
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
