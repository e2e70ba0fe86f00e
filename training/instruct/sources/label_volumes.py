"""Volumes with label maps, listed one by one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from engine.scans import read_volume
from training.instruct.items import SourceImage, Unit
from training.instruct.naming import modality_code
from training.instruct.sources.base import Source, SourceSettings
from training.instruct.volumes import (
    LabelLayer,
    LabelledVolume,
    Slicing,
    affine_of,
    labels_on_grid,
    slice_images,
)
from training.records import DatasetError


class ListedVolume(BaseModel):
    """image, labels : files, or a folder of DICOM files. names : of the label map's values, or the file that has them:

    JSON ``{"1": "spleen"}``, or text with a value and a name a line, such as the AAL atlas has.
    group : the patient; the image's name when not given.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    image: Path
    labels: Path
    names: Path | dict[str, str]
    modality: str = ""
    group: str = ""


class LabelVolumesSettings(SourceSettings):
    """volumes : each with its label map. slicing : which slices are taken."""

    kind: Literal["label_volumes"]
    volumes: tuple[ListedVolume, ...] = Field(min_length=1)
    slicing: Slicing = Slicing()


class LabelVolumes(Source[LabelVolumesSettings]):
    """See the module."""

    kind: ClassVar[str] = "label_volumes"

    def units(self) -> Iterator[Unit]:
        """A volume a unit."""
        for number, listed in enumerate(self.settings.volumes):
            yield Unit(f"{number} {listed.image.name}", number)

    def read(self, unit: Unit) -> Iterator[SourceImage]:
        """The chosen slices of a volume."""
        listed = self.settings.volumes[unit.data]
        names = listed.names if isinstance(listed.names, dict) else read_names(listed.names)
        yield from labelled_slices(
            self,
            listed.image,
            listed.labels,
            [{int(value): name for value, name in names.items()}],
            self.settings.slicing,
            listed.group or listed.image.name,
            listed.modality or self.settings.modality,
        )


def labelled_slices(
    source: Source[Any],
    image: Path,
    labels: Path,
    layers: list[dict[int, str]],
    slicing: Slicing,
    group: str,
    modality: str,
) -> Iterator[SourceImage]:
    """The chosen slices of a volume and its label map.

    layers : names of the map's values, more than one where they overlap. modality : where the file does not tell.
    """
    volume = read_volume(image)
    label_map = read_volume(labels)
    if label_map.voxels.ndim != 3:
        raise DatasetError(f"the label map {labels} is in colour")
    values = labels_on_grid(
        volume, np.rint(label_map.voxels).astype(np.int32), affine_of(label_map), f"{image} with {labels}"
    )
    known = [{value: key for value, name in names.items() if (key := source.key(name))} for names in layers]
    scan = LabelledVolume(volume, tuple(LabelLayer(values, keys) for keys in known if keys))
    if not scan.layers:
        return
    code = modality_code(modality) or volume.modality
    body = source.settings.body_part or volume.body_part
    yield from slice_images(scan, slicing, source.thresholds, source.naming, group, code, body)


def read_names(path: Path) -> Mapping[str, str]:
    """The names of a label map's values from a file. Raises `DatasetError` naming file and line."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".json":
            return {str(int(value)): str(name) for value, name in json.loads(text).items()}
        names = {}
        for number, line in enumerate(text.splitlines(), start=1):
            words = line.split()
            if not words:
                continue
            if len(words) < 2 or not words[0].isdigit():
                raise DatasetError(f"{path} line {number} is not a value and a name: {line!r}")
            names[words[0]] = words[1]
        return names
    except OSError as error:
        raise DatasetError(f"cannot read the names {path}: {error.strerror}") from error
    except (ValueError, AttributeError) as error:
        raise DatasetError(f"{path} is not a JSON object of values and names: {error}") from error
