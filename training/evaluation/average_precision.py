"""Mean average precision as COCO defines it, through pycocotools."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from engine.regions import Box


@dataclass(frozen=True, slots=True)
class Detections:
    """One question as COCO sees it: an image with boxes. said : (name, box, confidence). meant : (name, box)."""

    said: tuple[tuple[str, Box, float], ...]
    meant: tuple[tuple[str, Box], ...]


@dataclass(frozen=True, slots=True)
class AveragePrecision:
    """mean : over IoU 0.50 to 0.95 in steps of 0.05. at50, at75 : at one threshold. All over the labels."""

    mean: float
    at50: float
    at75: float


def mean_average_precision(questions: Sequence[Detections]) -> AveragePrecision | None:
    """AP over all labels that are present in a truth, every question taken for an image; None without any box there.

    A question asks for some names only, so that a box of another name in the same picture is no false alarm.
    """
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    names = sorted({name for one in questions for name, _ in one.meant})
    if not names:
        return None
    category = {name: number for number, name in enumerate(names, start=1)}
    annotations: list[dict[str, Any]] = []
    found: list[dict[str, Any]] = []
    for image, one in enumerate(questions, start=1):
        for name, box in one.meant:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": category[name],
                    "bbox": _xywh(box),
                    "area": box.area,
                    "iscrowd": 0,
                }
            )
        found += [
            {"image_id": image, "category_id": category[name], "bbox": _xywh(box), "score": score}
            for name, box, score in one.said
            if name in category
        ]
    if not found:
        return AveragePrecision(0.0, 0.0, 0.0)
    # pycocotools reports on standard output, which belongs to the command's one JSON document.
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "images": [{"id": number} for number in range(1, len(questions) + 1)],
            "annotations": annotations,
            "categories": [{"id": number, "name": name} for name, number in category.items()],
        }
        truth.createIndex()
        scorer = COCOeval(truth, truth.loadRes(found), "bbox")
        scorer.evaluate()
        scorer.accumulate()
        scorer.summarize()
    mean, at50, at75 = (max(0.0, float(value)) for value in scorer.stats[:3])
    return AveragePrecision(mean, at50, at75)


def _xywh(box: Box) -> list[float]:
    return [box.x1, box.y1, box.width, box.height]
