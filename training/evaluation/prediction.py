"""An answered record: what was asked, said and meant, and its line in a predictions file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from engine.protocol import IMAGE_MARKER, Answer, Question, Task
from engine.protocol.syntax import BOXES, ONE_BOX, read_boxes
from engine.regions import Box
from engine.runtime import Choice, TextPiece
from training.evaluation.questions import parse, question_of
from training.evaluation.regions import RegionMatch, match_regions
from training.instruct.asking import region_subtask
from training.records import Record


@dataclass(frozen=True, slots=True)
class Prediction:
    """A record with the model's answer.

    raw : the answer as it was written. choices : ranked, where answers were scored. box_scores : the probability of
    each box's digits in `raw`, in its order, 0..1. presence : for each asked name the log-odds that it is there.
    None of them is calibrated: `training.evaluation.confidences` does that. subtask : so_sr, so_mr, mo_sr, mo_mr or
    absent for text-to-region, else "". match : boxes said and meant, for tasks with boxes.
    """

    record: Record
    where: str
    question: Question
    raw: str
    answer: Answer
    truth: Answer
    choices: tuple[Choice, ...]
    box_scores: tuple[float, ...]
    subtask: str
    match: RegionMatch
    presence: tuple[float, ...] = ()

    @property
    def said_scores(self) -> tuple[float, ...]:
        """A confidence for each box of `match.said`: 1 for all where the answer's own do not fit its boxes."""
        count = len(self.match.said)
        return self.box_scores if len(self.box_scores) == count else (1.0,) * count

    @property
    def asked(self) -> tuple[Box, ...]:
        """The boxes that a region-to-text question shows; none for other tasks."""
        if self.record.task is not Task.REGION_TO_TEXT:
            return ()
        found = BOXES.search(self.record.human.partition(IMAGE_MARKER)[2])
        return () if found is None else read_boxes(found.group(), self.question)[0]


def predicted(
    record: Record,
    where: str,
    raw: str,
    choices: Sequence[Choice],
    box_scores: Sequence[float],
    presence: Sequence[float] = (),
    *,
    several: bool = False,
) -> Prediction:
    """Parse an answer beside its record's truth."""
    question = question_of(record, several=several)
    answer, truth = parse(raw, question), parse(record.gpt, question)
    return Prediction(
        record,
        where,
        question,
        raw,
        answer,
        truth,
        tuple(choices),
        tuple(box_scores),
        region_subtask(truth.located) if record.task is Task.TEXT_TO_REGION else "",
        match_regions(answer.located, truth.located),
        tuple(presence),
    )


def box_confidences(pieces: Sequence[TextPiece]) -> tuple[float, ...]:
    """For each ``[x1, y1, x2, y2]`` of an answer the geometric mean of its digits' probabilities."""
    text = "".join(piece.text for piece in pieces)
    ends = np.cumsum([len(piece.text) for piece in pieces])
    scores = []
    for match in ONE_BOX.finditer(text):
        inside = [
            piece.logprob
            for piece, end in zip(pieces, ends, strict=True)
            if match.start() < end and end - len(piece.text) < match.end() and any(c.isdigit() for c in piece.text)
        ]
        scores.append(float(np.exp(np.mean(inside))) if inside else 1.0)
    return tuple(scores)


def to_line(prediction: Prediction) -> dict[str, Any]:
    """The line of a predictions file: enough to run any other scorer, and to read it back.

    Probabilities are the model's own, before calibration; an order among candidates is the same after it.
    """
    record = prediction.record
    return {
        "question_id": record.id,
        "image": record.image,
        "hw": [record.height, record.width],
        "question": record.human,
        "gt": record.gpt,
        "answer": prediction.raw,
        "task": record.task.value,
        "subtask": prediction.subtask,
        "modality": record.modality,
        "language": record.language.value,
        "group": record.group,
        "candidates": [[choice.text, choice.probability] for choice in prediction.choices],
        "box_scores": list(prediction.box_scores),
        "presence": list(prediction.presence),
        "where": prediction.where,
    }
