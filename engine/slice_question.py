"""A question about a slice on its way to a model: the slice rendered, the names in one language, the words."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.labels.prior import leanings
from engine.models.dialects import dialect_of
from engine.protocol import Language, Located, ProtocolError, Question, Task, answer_choices, require_plain_name
from engine.regions import Box, LabelSet
from engine.runtime import CHOSEN, Absence, AdapterWish, AskRequest, Session
from engine.scans import Plane, Volume, Window, image_sha256, render_slice
from engine.suggestion import ImageRef


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


@dataclass(slots=True)
class Place:
    """The slice that questions are about. started : when work on it began, later by what loading the model took."""

    volume: Volume
    rgb: NDArray[np.uint8]
    image: ImageRef
    render_ms: float
    started: float


@dataclass(frozen=True, slots=True)
class Asked:
    """A question on its way. known : the names that answers are read in. taught : all that the model was taught, with
    the patients who did; more than those where a label set is binding.
    """

    place: Place
    question: Question
    request: AskRequest
    known: LabelSet
    taught: LabelSet


def place_slice(volume: Volume, plane: Plane, index: int, window: Window | None) -> Place:
    """Render a slice to ask about."""
    started = time.perf_counter()
    rgb = render_slice(volume, plane, index, window)
    image = make_image_ref(volume, plane, index, window, rgb)
    return Place(volume, rgb, image, (time.perf_counter() - started) * 1000, started)


def put_question(
    session: Session,
    place: Place,
    labels: LabelSet | None,
    *,
    task: Task,
    language: Language,
    box: Box | None = None,
    names: Sequence[str] = (),
    found: Sequence[Located] = (),
    adapter: AdapterWish = CHOSEN,
    **what: Any,
) -> Asked:
    """Word a question about a slice; the keywords and errors are `engine.suggest.suggest`'s."""
    image = place.image
    known = labels if labels is not None else session.adapters.labels(adapter)
    naming = labels is not None and task is Task.REGION_TO_TEXT
    taught = session.adapters.labels(adapter) if naming else known
    for one in (*((box,) if box else ()), *(one for item in found for one in item.boxes)):
        one.require_inside(image.width, image.height)
    question = word_question(
        place.volume,
        (image.height, image.width),
        known,
        task=task,
        language=language,
        names=names,
        box=box,
        found=tuple(found),
        **what,
    )
    dialect = dialect_of(session.manifest)
    prompt = dialect.render_prompt(question)
    choices = answer_choices(question)
    allowed: tuple[str, ...] = ()
    if task is Task.REGION_TO_TEXT or (task is Task.GROUNDED_REPORT and not question.names):
        allowed = _allowed_names(known, task, language)
        choices = allowed if task is Task.REGION_TO_TEXT else ()
    leaning = leanings(known, place.volume.modality) if task is Task.REGION_TO_TEXT else ()
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
        leanings=leaning,
    )
    return Asked(place, question, request, known, taught)


def word_question(
    volume: Volume,
    shape: tuple[int, int],
    labels: LabelSet,
    *,
    task: Task,
    language: Language,
    names: Sequence[str] = (),
    text: str = "",
    options: Sequence[str] = (),
    none_label: str = "",
    **what: Any,
) -> Question:
    """What is asked about a slice of a volume, whatever slice it is. shape : its (height, width)."""
    height, width = shape
    if task is Task.DIAGNOSIS:
        options = tuple(dict.fromkeys(in_language(option, labels, language) for option in options))
        none_label = in_language(none_label, labels, language)
    return Question(
        task,
        language,
        width,
        height,
        volume.modality,
        # A name given in both languages is one question.
        names=tuple(dict.fromkeys(in_language(name, labels, language) for name in names)),
        body_part=volume.body_part,
        text=text.strip(),
        options=tuple(options),
        none_label=none_label,
        **what,
    )


def in_language(name: str, labels: LabelSet, language: Language) -> str:
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
