"""The worst answers as pictures: what was asked, where it is, what was said."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw

from engine.protocol import IMAGE_MARKER, Task
from engine.regions import Box
from training.evaluation.prediction import Prediction
from training.evaluation.summary import label_of, score_of
from training.samples import read_rgb

_SIDE = 300
_TRUE, _SAID, _ASKED = (60, 220, 90), (255, 140, 0), (80, 190, 255)
_PER_LABEL = 2


@dataclass(frozen=True, slots=True)
class WorstCase:
    """One bad answer. png : the image with boxes: green true, orange said, blue asked about."""

    where: str
    task: str
    asked: str
    truth: str
    said: str
    score: float
    confidence: float | None
    png: bytes


def worst_predictions(predictions: Sequence[Prediction], count: int = 16) -> list[Prediction]:
    """The lowest scores, the most confident first; every task gets a like share of the places, since confidences of
    different tasks do not compare, and a label at most two of a task, so that others are seen too.
    """
    wrong = [one for one in predictions if score_of(one) < 1]
    ranked = sorted(wrong, key=lambda one: (score_of(one), -(confidence_of(one) or 0.0), one.where))
    share = -(-count // max(1, len({one.record.task for one in wrong})))
    labels: Counter[tuple[Task, str]] = Counter()
    tasks: Counter[Task] = Counter()
    chosen: list[Prediction] = []
    for one in ranked:
        task, kind = one.record.task, (one.record.task, label_of(one))
        if tasks[task] < share and labels[kind] < _PER_LABEL and len(chosen) < count:
            tasks[task] += 1
            labels[kind] += 1
            chosen.append(one)
    return chosen


def worst_cases(predictions: Sequence[Prediction], folder: Path, count: int = 16) -> list[WorstCase]:
    """Draw them. folder : what the records' image paths are relative to. Raises `DatasetError` for a lost image."""
    return [draw_case(one, folder) for one in worst_predictions(predictions, count)]


def draw_case(prediction: Prediction, folder: Path) -> WorstCase:
    """Draw one answer. folder : what the record's image path is relative to. Raises `DatasetError` for a lost image."""
    record = prediction.record
    image = Image.fromarray(read_rgb(folder / record.image))
    scale = _SIDE / max(image.size)
    picture = image.resize((max(1, round(image.width * scale)), max(1, round(image.height * scale))))
    pen = ImageDraw.Draw(picture)
    after = record.human.partition(IMAGE_MARKER)[2]
    for box in prediction.asked:
        _outline(pen, box, scale, _ASKED)
    for _, box in prediction.match.meant:
        _outline(pen, box, scale, _TRUE)
    for _, box in prediction.match.said:
        _outline(pen, box, scale, _SAID)
    stream = io.BytesIO()
    picture.save(stream, "PNG")
    return WorstCase(
        prediction.where,
        record.task.value,
        " ".join(after.split()),
        record.gpt,
        prediction.raw,
        score_of(prediction),
        confidence_of(prediction),
        stream.getvalue(),
    )


def _outline(pen: ImageDraw.ImageDraw, box: Box, scale: float, colour: tuple[int, int, int]) -> None:
    # Pixel centres are at integers: the picture's own coordinates begin half a pixel before.
    pen.rectangle([(value + 0.5) * scale for value in box.as_tuple()], outline=colour, width=2)


def confidence_of(prediction: Prediction) -> float | None:
    """Of a ranked answer's best, or of the least sure box; None where neither tells. Before calibration."""
    if prediction.choices:
        return prediction.choices[0].probability
    return min(prediction.box_scores) if prediction.box_scores else None
