"""Pascal VOC: ``Annotations/*.xml`` with boxes, pictures in ``JPEGImages/``.

A box's integers count from 1 and both of its ends belong to it (VOC 2012 development kit).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal
from xml.etree import ElementTree

from training.instruct.items import SourceImage, Unit
from training.instruct.pictures import read_picture
from training.instruct.sources.base import Source, SourceSettings, inside, require_folder
from training.instruct.sources.boxes_jsonl import edge_boxes
from training.records import DatasetError

_LARGEST = 10_000_000


class VocSettings(SourceSettings):
    """path : the folder that holds ``Annotations`` and `images`.

    counts_from : 1 as the development kit has it; many tools write from 0.
    """

    kind: Literal["voc"]
    path: Path
    images: str = "JPEGImages"
    counts_from: Literal[0, 1] = 1


class Voc(Source[VocSettings]):
    """See the module."""

    kind: ClassVar[str] = "voc"

    def units(self) -> Iterator[Unit]:
        """An xml a unit, in the order of names."""
        folder = require_folder(self.settings.path / "Annotations", self.settings.name)
        for path in sorted(folder.glob("*.xml")):
            yield Unit(path.name)

    def read(self, unit: Unit) -> Iterator[SourceImage]:
        """A picture with its boxes; difficult ones are boxes as others."""
        path = self.settings.path / "Annotations" / unit.key
        first = self.settings.counts_from
        try:
            if path.stat().st_size > _LARGEST:
                raise DatasetError(f"{path} is too large to be an annotation of one picture")
            # Expat neither fetches what a file names nor lets entities grow without bound.
            root = ElementTree.fromstring(path.read_bytes())
            name = (root.findtext("filename") or f"{path.stem}.jpg").strip()
            listed = []
            for thing in root.iter("object"):
                x1, y1, x2, y2 = (
                    float(thing.findtext(f"bndbox/{end}") or "nan") for end in ("xmin", "ymin", "xmax", "ymax")
                )
                # From 1 with both ends inside to edges; from 0 tools write edges.
                listed.append(((thing.findtext("name") or "").strip(), [x1 - first, y1 - first, x2, y2]))
        except (ElementTree.ParseError, ValueError) as error:
            raise DatasetError(f"{path} is not a Pascal VOC annotation: {error}") from error
        image = inside(self.settings.path / self.settings.images, name, str(path))
        pixels = read_picture(image)
        height, width = pixels.shape[:2]
        regions, uncertain = edge_boxes(self, listed, width, height, str(path))
        yield SourceImage(
            pixels,
            self.group_of(image.stem),
            self.modality,
            self.settings.body_part,
            scope=self.scope(),
            regions=regions,
            uncertain=uncertain,
        )
