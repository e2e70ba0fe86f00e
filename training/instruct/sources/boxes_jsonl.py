"""Boxes in a jsonl file, a picture a line: the generic source for boxes from anywhere.

``{"image": "a/b.jpg", "regions": [{"label": "polyp", "box": [x1, y1, x2, y2]}]}`` with boxes in pixels, edges at
integers; optional ``group`` (the patient), ``modality`` (a DICOM code or a word such as "MRI"), ``width`` and
``height`` (checked), and any other field, by which `where` may choose lines. A line without regions is a picture of
which everything is known to be absent.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from engine.regions import Box, RegionError
from training.instruct.items import Marked, SourceImage, Unit
from training.instruct.naming import modality_code
from training.instruct.pictures import read_picture
from training.instruct.sources.base import Source, SourceSettings, inside, require_file
from training.records import DatasetError


class BoxesJsonlSettings(SourceSettings):
    """path : the jsonl. root : what its image paths are relative to, its own folder when not given.

    where : only lines with these values in these fields. flip : pictures and their boxes are turned over where the
    source has them upside down. boxes : False where they are wrong, and their labels are classes of the picture.
    """

    kind: Literal["boxes_jsonl"]
    path: Path
    root: Path | None = None
    where: dict[str, str] = Field(default_factory=dict)
    flip: Literal["", "vertical"] = ""
    boxes: bool = True


class BoxesJsonl(Source[BoxesJsonlSettings]):
    """See the module."""

    kind: ClassVar[str] = "boxes_jsonl"

    def units(self) -> Iterator[Unit]:
        """A line a unit."""
        path = require_file(self.settings.path, self.settings.name)
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.strip():
                    continue
                try:
                    data = json.loads(line)
                except ValueError as error:
                    raise DatasetError(f"{path} line {number} is not JSON: {error}") from error
                if all(str(data.get(field)) == value for field, value in self.settings.where.items()):
                    yield Unit(f"line {number}", data)

    def read(self, unit: Unit) -> Iterator[SourceImage]:
        """The picture of a line."""
        where = f"{self.settings.path} {unit.key}"
        data: dict[str, Any] = unit.data
        root = self.settings.root or self.settings.path.parent
        try:
            image = inside(root, data["image"], where)
            listed = [(str(one["label"]), _four(one["box"])) for one in data["regions"]]
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{where} is not a picture with regions: {error!r}") from error
        pixels = read_picture(image)
        height, width = pixels.shape[:2]
        if "width" in data and (data["width"], data["height"]) != (width, height):
            raise DatasetError(f"{where}: {image} is {width} x {height}, not {data['width']} x {data['height']}")
        if self.settings.flip:
            pixels = pixels[::-1].copy()
            listed = [(name, [x1, height - y2, x2, height - y1]) for name, (x1, y1, x2, y2) in listed]
        classes = None
        if not self.settings.boxes:
            classes = tuple(dict.fromkeys(key for name, _ in listed if (key := self.key(name)) is not None))
            listed = []
        regions, uncertain = edge_boxes(self, listed, width, height, where)
        group = str(data.get("group") or self.group_of(image.stem))
        yield SourceImage(
            pixels,
            group,
            self.modality or modality_code(str(data.get("modality", ""))),
            self.settings.body_part,
            scope=self.scope() if self.settings.boxes else "",
            regions=regions,
            uncertain=uncertain,
            classes=classes,
        )


def edge_boxes(
    source: Source[Any], listed: list[tuple[str, list[float]]], width: int, height: int, where: str
) -> tuple[tuple[Marked, ...], tuple[str, ...]]:
    """Regions of boxes [x1, y1, x2, y2] whose integers are pixel edges; labels with a box too small are uncertain.

    A box may reach out of the picture by less than a pixel, of rounding. Raises `DatasetError` naming a box that is
    none or lies outside.
    """
    regions: list[Marked] = []
    uncertain: list[str] = []
    for name, corners in listed:
        key = source.key(name)
        if key is None:
            continue
        try:
            if len(corners) != 4:
                raise RegionError(f"{corners} are not four numbers")
            box = Box(corners[0], corners[1], corners[2], corners[3])
            if min(box.x1, box.y1) <= -1 or box.x2 >= width + 1 or box.y2 >= height + 1:
                raise RegionError(f"box {corners} does not lie inside the {width} x {height} picture")
            box = box.moved(-0.5, -0.5).clipped(width, height)
        except RegionError as error:
            raise DatasetError(f"{where}: {name!r}: {error}") from error
        if source.thresholds.holds_box(box):
            regions.append(Marked(key, box))
        else:
            uncertain.append(key)
    return tuple(regions), tuple(uncertain)


def _four(box: list[Any]) -> list[float]:
    x1, y1, x2, y2 = (float(value) for value in box)
    return [x1, y1, x2, y2]
