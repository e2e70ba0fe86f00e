"""What a model's answers said about their own certainty, beside what is true: before and after its calibration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.labels import LabelSet
from engine.labels.prior import patients_behind
from engine.protocol import Task
from engine.reliability import Reliability, measure_reliability
from engine.runtime import Calibration
from training.evaluation.prediction import Prediction

CHOOSING = (Task.REGION_TO_TEXT, Task.DIAGNOSIS, Task.VQA)
"""The tasks whose answers may be chosen among ranked ones."""

KINDS = ("names", "presence", "boxes")
"""What has a confidence, see `reliability_of`."""

_RIGHT_IOU = 0.5


@dataclass(frozen=True, slots=True, eq=False)
class RankedCase:
    """A question whose candidates were ranked. scores : (candidates,) their log-probabilities before calibration,
    best first. truth : the number of the true one, None where it was none of them. patients : those that the best was
    learnt from, where it is the name of a region and the model says so.
    """

    scores: NDArray[np.float64]
    truth: int | None
    patients: int | None = None

    def probability(self, temperature: float) -> float:
        """Of the best among the candidates."""
        scaled = self.scores / temperature
        return float(np.exp(scaled[0] - np.logaddexp.reduce(scaled)))

    def confidence(self, task: Task, calibration: Calibration) -> float:
        """The calibrated probability that the best is right."""
        return calibration.names.of_probability(self.probability(calibration.temperature(task.value)), self.patients)


def ranked_cases(predictions: Sequence[Prediction], task: Task, labels: LabelSet | None) -> list[RankedCase]:
    """The answers of a task that were chosen among ranked candidates. labels : the names that the model knows."""
    cases = []
    for one in predictions:
        if one.record.task is not task or len(one.choices) < 2:
            continue
        # No candidate is impossible, however small the number that was written down for it.
        scores = np.log([max(choice.probability, np.finfo(float).tiny) for choice in one.choices])
        cases.append(RankedCase(scores, _true_choice(one), _patients(one, labels)))
    return cases


def _patients(one: Prediction, labels: LabelSet | None) -> int | None:
    if labels is None or one.record.task is not Task.REGION_TO_TEXT:
        return None
    return patients_behind(labels, one.choices[0].text, one.record.modality)


def _true_choice(one: Prediction) -> int | None:
    meant = {text.casefold() for text in (one.truth.labels or (one.truth.option or one.truth.text,))}
    return next((number for number, choice in enumerate(one.choices) if choice.text.casefold() in meant), None)


def presence_cases(predictions: Sequence[Prediction]) -> tuple[list[float], list[bool]]:
    """For each asked name the model's log-odds that it is there, before calibration, and whether it is."""
    odds: list[float] = []
    there: list[bool] = []
    for one in predictions:
        names = one.question.names
        if one.record.task is Task.TEXT_TO_REGION and len(one.presence) == len(names):
            present = present_names(one)
            odds += one.presence
            there += [name.casefold() in present for name in names]
    return odds, there


def present_names(one: Prediction) -> set[str]:
    """The asked names, in lower case, that have a box in the truth."""
    return {item.name.casefold() for item in one.truth.located if item.boxes}


def box_cases(predictions: Sequence[Prediction], absent_below: float | None = None) -> tuple[list[float], list[bool]]:
    """For each written box its digits' probability, before calibration, and whether it is right: its name, IoU 0.5.

    absent_below : boxes of names with lower odds are left out, for with that bound they would not be written.
    """
    confidences: list[float] = []
    right: list[bool] = []
    for one in predictions:
        if one.record.task is not Task.TEXT_TO_REGION or len(one.box_scores) != len(one.match.said):
            continue
        good = {pair.said for pair in one.match.pairs if pair.same_name and pair.iou >= _RIGHT_IOU}
        denied: set[str] = set()
        if absent_below is not None:
            odds = zip(one.question.names, one.presence, strict=False)
            denied = {name.casefold() for name, own in odds if own < absent_below}
        for number, ((name, _), score) in enumerate(zip(one.match.said, one.box_scores, strict=True)):
            if name.casefold() not in denied:
                confidences.append(score)
                right.append(number in good)
    return confidences, right


def reliability_of(
    predictions: Sequence[Prediction], calibration: Calibration, labels: LabelSet | None
) -> dict[str, Reliability | None]:
    """How far the confidences of a calibrated model can be believed.

    ``names`` : the best candidate's probability against its being right. ``presence`` : the probability that a name
    is in the image against its being there. ``boxes`` : of those that its bound lets through, against being right.
    """
    named: list[float] = []
    right: list[bool] = []
    for task in CHOOSING:
        cases = ranked_cases(predictions, task, labels)
        named += [case.confidence(task, calibration) for case in cases]
        right += [case.truth == 0 for case in cases]
    odds, there = presence_cases(predictions)
    boxes, good = box_cases(predictions, calibration.absent_below())
    return {
        "names": measure_reliability(named, right),
        "presence": measure_reliability([calibration.presence.of_odds(one) for one in odds], there),
        "boxes": measure_reliability([calibration.boxes.of_probability(one) for one in boxes], good),
    }


def abstention_of(
    predictions: Sequence[Prediction], calibration: Calibration, threshold: float, labels: LabelSet | None
) -> Mapping[str, Any] | None:
    """What saying "not sure" below a threshold does to region-to-text answers; None without any.

    said : the share that is answered. accuracy_said, accuracy_withheld : of those answers and of the others, None
    where there are none.
    """
    task = Task.REGION_TO_TEXT
    cases = ranked_cases(predictions, task, labels)
    if not cases:
        return None
    said = [case for case in cases if case.confidence(task, calibration) >= threshold]
    withheld = [case for case in cases if case.confidence(task, calibration) < threshold]
    return {
        "below": threshold,
        "said": round(len(said) / len(cases), 4),
        "accuracy_said": _accuracy(said),
        "accuracy_withheld": _accuracy(withheld),
        "n": len(cases),
    }


def _accuracy(cases: Sequence[RankedCase]) -> float | None:
    return round(sum(case.truth == 0 for case in cases) / len(cases), 4) if cases else None
