"""nnU-Net data sets: ``dataset.json``, ``imagesTr/CASE_0000.nii.gz``, ``labelsTr/CASE.nii.gz``.

Both versions of dataset.json: names to values (version 2, also regions of several values) and values to names
(version 1, "modality" in place of "channel_names"). Of several channels one is shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from training.instruct.items import SourceImage, Unit
from training.instruct.masks import map_regions, merge_masks
from training.instruct.naming import modality_code
from training.instruct.pictures import SUFFIXES, read_label_picture, read_picture
from training.instruct.sources.base import Source, SourceSettings, require_file, require_folder
from training.instruct.sources.label_volumes import labelled_slices
from training.instruct.volumes import Slicing
from training.records import DatasetError

_CHANNEL_MODALITIES = {"t1": "MR", "t2": "MR", "flair": "MR", "t1gd": "MR", "t1ce": "MR", "adc": "MR", "mri": "MR"}


class NnunetSettings(SourceSettings):
    """path : the data set's folder. channel : the one that is shown. slicing : which slices of volumes are taken."""

    kind: Literal["nnunet"]
    path: Path
    channel: int = Field(default=0, ge=0)
    slicing: Slicing = Slicing()


class Nnunet(Source[NnunetSettings]):
    """See the module."""

    kind: ClassVar[str] = "nnunet"

    def units(self) -> Iterator[Unit]:
        """A training case a unit, in the order of names."""
        folder = require_folder(self.settings.path / "labelsTr", self.settings.name)
        ending = self._ending(self._description())
        for path in sorted(folder.glob(f"*{ending}")):
            # macOS leaves "._" files in archives of the Medical Segmentation Decathlon.
            if not path.name.startswith("."):
                yield Unit(path.name.removesuffix(ending))

    def read(self, unit: Unit) -> Iterator[SourceImage]:
        """The slices of a case, or the picture that it is."""
        description = self._description()
        ending = self._ending(description)
        images = self.settings.path / "imagesTr"
        image = images / f"{unit.key}_{self.settings.channel:04d}{ending}"
        if not image.exists() and (images / f"{unit.key}{ending}").exists():
            # Version 1 keeps all channels in one file, or has no number for a single one.
            image = images / f"{unit.key}{ending}"
        require_file(image, f"the case {unit.key}")
        labels = self.settings.path / "labelsTr" / f"{unit.key}{ending}"
        layers = _layers(description, self.settings.path)
        modality = self.settings.modality or self._modality(description)
        if Path(ending).suffix.lower() in SUFFIXES:
            yield self._picture(unit, image, labels, layers, modality)
            return
        group = self.group_of(unit.key)
        yield from labelled_slices(self, image, labels, layers, self.settings.slicing, group, modality)

    def _picture(
        self, unit: Unit, image: Path, labels: Path, layers: list[dict[int, str]], modality: str
    ) -> SourceImage:
        pixels, mask = read_picture(image), read_label_picture(labels)
        if mask.shape != pixels.shape[:2]:
            raise DatasetError(f"{labels} has {mask.shape} pixels, {image} {pixels.shape[:2]}")
        known = [{value: key for value, name in names.items() if (key := self.key(name))} for names in layers]
        found = [map_regions(mask, keys, self.thresholds) for keys in known]
        return SourceImage(
            pixels,
            self.group_of(unit.key),
            modality_code(modality),
            self.settings.body_part,
            scope=self.scope(),
            regions=tuple(region for one in found for region in one.regions),
            uncertain=tuple(key for one in found for key in one.uncertain),
            label_map=merge_masks([(mask, keys) for keys in known]),
        )

    def _description(self) -> dict[str, Any]:
        path = require_file(self.settings.path / "dataset.json", self.settings.name)
        try:
            description = json.loads(path.read_text(encoding="utf-8"))
            if not isinstance(description["labels"], dict):
                raise DatasetError(f"{path} needs an object for 'labels'")
        except (KeyError, TypeError, ValueError) as error:
            raise DatasetError(f"{path} is not the dataset.json of an nnU-Net data set: {error!r}") from error
        return dict(description)

    def _ending(self, description: dict[str, Any]) -> str:
        return str(description.get("file_ending", ".nii.gz"))

    def _modality(self, description: dict[str, Any]) -> str:
        channels = description.get("channel_names") or description.get("modality") or {}
        name = str(channels.get(str(self.settings.channel), "")).casefold()
        return _CHANNEL_MODALITIES.get(name.split("_")[0], name if modality_code(name) in ("CT", "MR", "US") else "")


def _layers(description: dict[str, Any], path: Path) -> list[dict[int, str]]:
    """Names of values: one map of those that are one value, and one for each region of several."""
    single: dict[int, str] = {}
    layers = []
    try:
        for a, b in description["labels"].items():
            name, value = (b, int(a)) if str(a).isdigit() else (a, b)
            if isinstance(value, list):
                layers.append({int(one): str(name) for one in value})
            elif int(value) != 0 and str(name).casefold() != "ignore":
                single[int(value)] = str(name)
    except (TypeError, ValueError) as error:
        raise DatasetError(f"{path / 'dataset.json'}: 'labels' must tell names and values: {error}") from error
    return [single, *layers] if single else layers
