"""The one road of a suggestion: volume, rendered slice, question, model, parsed answer.

The window, the command line and a batch all come through `suggest`.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence

from engine.answer_reading import abstains, read_answer, read_presence
from engine.confidence import box_probabilities
from engine.models.dialects import dialect_of
from engine.protocol import AnswerForm, Grounding, Language, Located, Question, Recognition, Task
from engine.regions import Box, LabelSet
from engine.runtime import CHOSEN, AdapterWish, AskRequest, AskResult, ModelManifest, Session, TextPiece
from engine.scans import Plane, Volume, Window, slice_shape
from engine.slice_question import Asked, Place, make_image_ref, place_slice, put_question, word_question
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
    "finding_prompt",
    "make_image_ref",
    "prepare",
    "suggest",
    "suggest_each",
    "suggestion_to_json",
]


# The two questions that wait for nobody's typing.
_LIKELY = (Task.REGION_TO_TEXT, Task.TEXT_TO_REGION)


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
    adapter: AdapterWish = CHOSEN,
) -> Suggestion:
    """Ask one question about one slice.

    box : slice pixels, for region-to-text. names : what to look for or to describe, in either language or as label
    ids; one that is no label is asked for as it is. labels : the allowed names; the model's own when None.
    on_piece : hears of a written answer's tokens as they come. adapter : see `Session.ask`.
    The others are `engine.protocol.Question`'s; a diagnosis's `options` may be label ids too. Raises `RegionError`
    for a box outside the image, `ScanError` for a slice that is not there, `ProtocolError`, `LabelError`,
    `ModelError`, `EngineError`, `Cancelled`.
    """
    asked = put_question(
        session,
        place_slice(volume, plane, index, window),
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
        adapter=adapter,
    )
    with _not_loading(session, asked.place, cancelled):
        result = session.ask(asked.request, cancelled=cancelled, on_piece=on_piece, adapter=adapter)
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
    place = place_slice(volume, plane, index, window)
    # Read once, not for each name.
    known = labels if labels is not None else session.adapters.labels(CHOSEN)
    asked = [
        put_question(session, place, known, task=Task.TEXT_TO_REGION, language=language, names=(name,))
        for name in names
    ]
    with _not_loading(session, place, cancelled):
        results = session.ask_batch([one.request for one in asked], cancelled=cancelled)
    return tuple(_suggestion(session, one, result) for one, result in zip(asked, results, strict=True))


def finding_prompt(
    manifest: ModelManifest,
    volume: Volume,
    plane: Plane,
    *,
    language: Language,
    name: str,
    labels: LabelSet | None = None,
) -> str:
    """The words in which `suggest_each` asks a model where a name is on the slices of a plane.

    An answer that was kept is found again by them. Raises as `suggest` does.
    """
    known = labels if labels is not None else manifest.labels()
    question = word_question(
        volume, slice_shape(volume, plane), known, task=Task.TEXT_TO_REGION, language=language, names=(name,)
    )
    return dialect_of(manifest).render_prompt(question).text


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
    place = place_slice(volume, plane, index, window)
    width, height = place.image.width, place.image.height
    anything = Box(0, 0, width, height)
    for task in _LIKELY:
        question = Question(task, language, width, height, volume.modality, anything, ("?",))
        if not session.prepare(
            AskRequest(0, place.rgb, dialect_of(session.manifest).render_prompt(question)), cancelled=cancelled
        ):
            return False
    return True


@contextlib.contextmanager
def _not_loading(session: Session, place: Place, cancelled: Callable[[], bool]) -> Iterator[None]:
    """Load the model first: that happens once and is not part of a question's time."""
    ready = time.perf_counter()
    session.start(cancelled)
    place.started += time.perf_counter() - ready
    yield


def _suggestion(session: Session, asked: Asked, result: AskResult) -> Suggestion:
    question, place = asked.question, asked.place
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
    read = read_answer(question, answer, result, asked.known, dialect.unit, manifest.calibration, asked.taught)
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
        abstained=not trained or abstains(question, read, manifest.abstain_below),
        malformed=answer.malformed or not result.finished,
        model=ModelRef(manifest.id, manifest.sha256, result.adapter),
        timings_ms=timings,
        sentences=read.sentences,
        sections=answer.sections,
        labels=read.labels,
        option=answer.option or "",
        probability=read.probability,
        trained=trained,
        presence=read_presence(question, result, asked.known, manifest.calibration.presence) if located else (),
        names=question.names if located else (),
    )
