"""A folder of pictures and one of masks with the same names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from training.instruct.items import SourceImage, Unit
from training.instruct.masks import map_regions, merge_masks
from training.instruct.pictures import SUFFIXES, read_label_picture, read_picture
from training.instruct.sources.base import Source, SourceSettings, require_folder
from training.records import DatasetError


class MaskFolderSettings(SourceSettings):
    """images, masks : folders. A mask's name is its picture's stem and `mask_suffix`, which includes the file type.

    values : the names of a mask's values; of the one in a binary mask, of whatever value, under "*".
    """

    kind: Literal["mask_folders"]
    images: Path
    masks: Path
    mask_suffix: str = ".png"
    values: dict[str, str] = Field(min_length=1)


class MaskFolders(Source[MaskFolderSettings]):
    """See the module."""

    kind: ClassVar[str] = "mask_folders"

    def units(self) -> Iterator[Unit]:
        """A picture a unit, in the order of names."""
        folder = require_folder(self.settings.images, self.settings.name)
        require_folder(self.settings.masks, self.settings.name)
        for path in sorted(p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES):
            yield Unit(path.name)

    def read(self, unit: Unit) -> Iterator[SourceImage]:
        """A picture with the regions of its mask."""
        path = self.settings.images / unit.key
        mask = read_label_picture(self.settings.masks / f"{path.stem}{self.settings.mask_suffix}")
        pixels = read_picture(path)
        if mask.shape != pixels.shape[:2]:
            raise DatasetError(f"the mask of {path} has {mask.shape} pixels, the picture {pixels.shape[:2]}")
        keys = {}
        for value, name in self.settings.values.items():
            key = self.key(name)
            if key is not None:
                keys[1 if value == "*" else int(value)] = key
        if "*" in self.settings.values:
            mask = (mask > 0).astype(int)
        found = map_regions(mask, keys, self.thresholds)
        yield SourceImage(
            pixels,
            self.group_of(path.stem),
            self.modality,
            self.settings.body_part,
            scope=self.scope(),
            regions=found.regions,
            uncertain=found.uncertain,
            label_map=merge_masks([(mask, keys)]),
        )
