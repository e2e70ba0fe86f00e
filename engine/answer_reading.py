"""What a model's answer means in the names of a label set, and how sure it is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.confidence import BoxOdds, box_odds, expected_pixels, spread_pixels, text_probability
from engine.labels.prior import patients_behind
from engine.protocol import Answer, AnswerForm, BoxUnit, Located, Question, Task
from engine.regions import Label, LabelSet
from engine.runtime import AskResult, Calibration, LogisticMap, NameMap, TextPiece
from engine.suggestion import Candidate, SuggestedRegion, SuggestedSentence


@dataclass(frozen=True, slots=True)
class ReadAnswer:
    """What an answer means in the names of the label set."""

    candidates: tuple[Candidate, ...]
    regions: tuple[SuggestedRegion, ...] = ()
    sentences: tuple[SuggestedSentence, ...] = ()
    labels: tuple[Candidate, ...] = ()
    probability: float | None = None


def read_answer(
    question: Question,
    answer: Answer,
    result: AskResult,
    labels: LabelSet,
    unit: BoxUnit,
    calibration: Calibration,
    taught: LabelSet,
) -> ReadAnswer:
    """Give the names of an answer their labels, and its parts their probabilities.

    labels : the names it is read in. unit : how the model writes boxes. calibration : of what the result does not have
    behind it yet: the names of a region, and boxes that were looked for. taught : all names of the model, with the
    patients that taught them.
    """
    candidates = tuple(_candidate(choice.text, choice.probability, labels) for choice in result.choices)
    written = None if candidates else text_probability(result.pieces)
    if question.task is Task.REGION_TO_TEXT:
        candidates = _trusted(candidates, taught, question.modality, calibration.names)
        if question.box is None or not candidates:
            return ReadAnswer(candidates)
        best = candidates[0]
        region = SuggestedRegion(best.label, best.label_zh, best.label_id, question.box, best.probability)
        return ReadAnswer(candidates, (region,))
    if question.task is Task.DIAGNOSIS:
        return ReadAnswer(candidates, labels=_labels(answer, candidates, result.pieces, labels), probability=written)
    boxes = calibration.boxes if question.task is Task.TEXT_TO_REGION else LogisticMap()
    regions = _regions(answer.located, box_odds(result.pieces), labels, question, unit, boxes)
    sentences = []
    rest = list(regions)
    for sentence in answer.sentences:
        count = sum(len(item.boxes) for item in sentence.located)
        absent = tuple(item.name for item in sentence.located if item.not_present)
        sentences.append(SuggestedSentence(sentence.text, tuple(rest[:count]), absent))
        rest = rest[count:]
    return ReadAnswer(candidates, regions, tuple(sentences), probability=written)


def read_presence(
    question: Question, result: AskResult, labels: LabelSet, calibrated: LogisticMap
) -> tuple[Candidate, ...]:
    """How probable each name that was asked for is there; of an answer cut short only the names that it came to."""
    return tuple(
        _candidate(name, calibrated.of_odds(odds), labels)
        for name, odds in zip(question.names, result.presence, strict=False)
    )


def _trusted(
    candidates: tuple[Candidate, ...], taught: LabelSet, modality: str, names: NameMap
) -> tuple[Candidate, ...]:
    """The names of a region, as probable as names are right that were learnt from so many patients."""
    best = candidates[0].label_id or candidates[0].label if candidates else ""
    patients = patients_behind(taught, best, modality)
    probabilities = names.of_ranked([one.probability for one in candidates], patients)
    return tuple(replace(one, probability=by) for one, by in zip(candidates, probabilities, strict=True))


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
            place = (question.width, question.height, unit)
            spread = None if one is None else spread_pixels(one, *place)
            expected = None if one is None else expected_pixels(one, *place)
            probability = 0.0 if one is None else calibrated.of_probability(one.probability)
            regions.append(SuggestedRegion(label.en, label.zh, label.id, box, probability, spread, expected))
    return tuple(regions)


def abstains(question: Question, read: ReadAnswer, threshold: float) -> bool:
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
