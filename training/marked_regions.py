"""The file of marked regions beside a data set's images, for the dense stage of sets without label maps.

``regions.ndjson``, a JSON object an image and line: ``{"image", "complete", "regions": [{"label", "box": [x1, y1, x2,
y2]}]}``; boxes in fractions of the image's sides, labels by their English names. complete : whether everything of the
labels' kind was marked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.regions import Box
from training.records import REGIONS_FILE, DatasetError

_DIGITS = 5


@dataclass(frozen=True, slots=True)
class MarkedBoxes:
    """What is marked in an image. boxes : (label, (x1, y1, x2, y2)) in fractions of its sides.

    complete : whether what no box holds is known to be none of the labels.
    """

    boxes: tuple[tuple[str, tuple[float, float, float, float]], ...]
    complete: bool


def regions_line(image: str, width: int, height: int, regions: Iterable[tuple[str, Box]], *, complete: bool) -> str:
    """An image's line, its end included. regions : English name and box in pixels."""

    def fractions(box: Box) -> list[float]:
        # A pixel at the border begins half a pixel before its centre.
        inside = box.x1 / width, box.y1 / height, box.x2 / width, box.y2 / height
        return [round(min(1.0, max(0.0, value)), _DIGITS) for value in inside]

    marked = [{"label": name, "box": fractions(box)} for name, box in regions]
    return json.dumps({"image": image, "complete": complete, "regions": marked}, ensure_ascii=False) + "\n"


def read_regions(folder: Path) -> dict[Path, MarkedBoxes]:
    """The marked regions of a data set's folder by image, none where it has no such file.

    Raises `DatasetError` naming file and line.
    """
    file = folder / REGIONS_FILE
    if not file.is_file():
        return {}
    found: dict[Path, MarkedBoxes] = {}
    with file.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                data = json.loads(line)
                boxes = tuple((str(one["label"]), _corners(one["box"])) for one in data["regions"])
                found[folder / data["image"]] = MarkedBoxes(boxes, bool(data["complete"]))
            except (ValueError, KeyError, TypeError) as error:
                raise DatasetError(f"{file} line {number} is no line of marked regions: {error!r}") from error
    return found


def _corners(values: Any) -> tuple[float, float, float, float]:
    x1, y1, x2, y2 = map(float, values)
    return (x1, y1, x2, y2)
