"""YOLO detection: ``images/`` and ``labels/`` with a text file a picture, names in a yaml file.

A line is ``class x_center y_center width height`` in fractions of the picture, or ``class x1 y1 x2 y2 x3 y3 ...``, an
outline. A picture without a text file has nothing in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

import yaml

from training.instruct.items import SourceImage, Unit
from training.instruct.pictures import SUFFIXES, read_picture
from training.instruct.sources.base import Source, SourceSettings, require_file, require_folder
from training.instruct.sources.boxes_jsonl import edge_boxes
from training.records import DatasetError


class YoloSettings(SourceSettings):
    """images, labels : folders; pictures of sub-folders have their text files in the same sub-folders.

    names : the yaml with ``names``, a list or numbers to names.
    """

    kind: Literal["yolo"]
    images: Path
    labels_folder: Path
    names: Path


class Yolo(Source[YoloSettings]):
    """See the module."""

    kind: ClassVar[str] = "yolo"

    def units(self) -> Iterator[Unit]:
        """A picture a unit, in the order of names."""
        folder = require_folder(self.settings.images, self.settings.name)
        require_folder(self.settings.labels_folder, self.settings.name)
        names = self._names()
        for path in sorted(p for p in folder.rglob("*") if p.suffix.lower() in SUFFIXES):
            yield Unit(path.relative_to(folder).as_posix(), names)

    def read(self, unit: Unit) -> Iterator[SourceImage]:
        """A picture with its boxes."""
        path = self.settings.images / unit.key
        pixels = read_picture(path)
        height, width = pixels.shape[:2]
        text = (self.settings.labels_folder / unit.key).with_suffix(".txt")
        listed = []
        lines = text.read_text(encoding="utf-8").splitlines() if text.is_file() else []
        for number, line in enumerate(lines, start=1):
            if line.strip():
                listed.append(_box(line, unit.data, width, height, f"{text} line {number}"))
        regions, uncertain = edge_boxes(self, listed, width, height, str(text))
        yield SourceImage(
            pixels,
            self.group_of(path.stem),
            self.modality,
            self.settings.body_part,
            scope=self.scope(),
            regions=regions,
            uncertain=uncertain,
        )

    def _names(self) -> dict[int, str]:
        path = require_file(self.settings.names, self.settings.name)
        try:
            names = yaml.safe_load(path.read_text(encoding="utf-8"))["names"]
            if isinstance(names, list):
                names = dict(enumerate(names))
            return {int(number): str(name) for number, name in names.items()}
        except (yaml.YAMLError, KeyError, TypeError, ValueError, AttributeError) as error:
            raise DatasetError(f"{path} holds no 'names' of classes: {error}") from error


def _box(line: str, names: dict[int, str], width: int, height: int, where: str) -> tuple[str, list[float]]:
    try:
        first, *rest = line.split()
        name = names[int(first)]
        numbers = [float(value) for value in rest]
    except (KeyError, ValueError) as error:
        raise DatasetError(f"{where} is not a class and numbers: {error!r}") from error
    if len(numbers) == 4:
        x, y, w, h = numbers
        corners = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
    elif len(numbers) >= 6 and len(numbers) % 2 == 0:
        corners = [min(numbers[::2]), min(numbers[1::2]), max(numbers[::2]), max(numbers[1::2])]
    else:
        raise DatasetError(f"{where} has {len(numbers)} numbers: a box has 4, an outline at least 3 pairs")
    return name, [corners[0] * width, corners[1] * height, corners[2] * width, corners[3] * height]
