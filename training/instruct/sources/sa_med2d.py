"""SA-Med2D-20M: pictures with binary masks, told apart by their names.

Pictures are ``images/ct_00--AbdomenCT1K--Case_00011--x_0040.png`` (modality and its number, data set, patient, axis
and slice), masks ``masks/<the same>--0003_000.png`` (class, instance). ``SAMed2D_v1.json`` lists the masks of each
picture, ``SAMed2D_v1_class_mapping_id.json`` the classes of each data set. Ye et al., 2023 (arXiv 2311.11969).
Both are streamed: the first has millions of entries.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Literal

import ijson
import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from training.instruct.items import Marked, SourceImage, Unit
from training.instruct.masks import mask_regions, merge_masks
from training.instruct.naming import modality_code
from training.instruct.pictures import read_label_picture, read_picture
from training.instruct.sources.base import Source, SourceSettings, inside, require_file
from training.records import DatasetError

_LIST = "SAMed2D_v1.json"
_CLASSES = "SAMed2D_v1_class_mapping_id.json"


class SaMed2dSettings(SourceSettings):
    """path : the folder that holds ``images/``, ``masks/`` and the two json files. datasets : only these, all if none.

    axes : the plane of each axis in a picture's name; data sets differ in what they call x.
    """

    kind: Literal["sa_med2d"]
    path: Path
    datasets: tuple[str, ...] = ()
    axes: dict[str, str] = Field(default_factory=dict)


class SaMed2d(Source[SaMed2dSettings]):
    """See the module."""

    kind: ClassVar[str] = "sa_med2d"

    def units(self) -> Iterator[Unit]:
        """A picture a unit, in the list's order."""
        path = require_file(self.settings.path / _LIST, self.settings.name)
        with path.open("rb") as stream:
            try:
                for image, masks in ijson.kvitems(stream, ""):
                    if not self.settings.datasets or Path(image).name.split("--")[1:2] in [
                        [name] for name in self.settings.datasets
                    ]:
                        yield Unit(str(image), [str(mask) for mask in masks])
            except (ijson.JSONError, TypeError) as error:
                raise DatasetError(f"{path} is not a list of pictures and masks: {error}") from error

    def read(self, unit: Unit) -> Iterator[SourceImage]:
        """A picture; the instances of a class are one mask, whose parts are its regions."""
        where = f"{self.settings.path / _LIST} {unit.key}"
        stem = Path(unit.key).stem
        parts = stem.split("--")
        if len(parts) != 4:
            raise DatasetError(f"{where}: {stem!r} is not modality--data set--patient--slice")
        modality, dataset, patient, position = parts
        classes = self._classes(dataset)
        pixels = read_picture(inside(self.settings.path, unit.key, where))
        masks: dict[str, list[Path]] = defaultdict(list)
        for name in unit.data:
            identity = Path(name).stem.removeprefix(f"{stem}--").partition("_")[0]
            if not identity.isdigit() or int(identity) not in classes:
                raise DatasetError(f"{where}: the mask {name!r} is of class {identity!r}, which {_CLASSES} has not")
            key = self.key(classes[int(identity)])
            if key is not None:
                masks[key].append(inside(self.settings.path, name, where))
        regions: list[Marked] = []
        uncertain: list[str] = []
        whole: list[tuple[NDArray[np.bool_], dict[int, str]]] = []
        for key, files in masks.items():
            mask = np.zeros(pixels.shape[:2], bool)
            for file in files:
                one = read_label_picture(file)
                if one.shape != mask.shape:
                    raise DatasetError(f"the mask {file} has {one.shape} pixels, its picture {mask.shape}")
                mask |= one > 0
            whole.append((mask, {1: key}))
            boxes, unsure = mask_regions(mask, self.thresholds)
            regions += [Marked(key, box) for box in boxes]
            if unsure:
                uncertain.append(key)
        axis = position.partition("_")[0]
        yield SourceImage(
            pixels,
            f"{dataset}--{patient}",
            self.modality or modality_code(modality.partition("_")[0]),
            self.settings.body_part,
            self.settings.axes.get(axis, ""),
            self.scope(dataset),
            tuple(regions),
            tuple(uncertain),
            label_map=merge_masks(whole) if whole else None,
        )

    @cached_property
    def _tables(self) -> dict[str, Any]:
        """The classes of all data sets, read once: there are millions of pictures."""
        path = require_file(self.settings.path / _CLASSES, self.settings.name)
        try:
            return dict(json.loads(path.read_text(encoding="utf-8")))
        except (ValueError, TypeError) as error:
            raise DatasetError(f"{path} is no table of classes: {error}") from error

    def _classes(self, dataset: str) -> dict[int, str]:
        """Names by number. The file has them either way round."""
        path = self.settings.path / _CLASSES
        try:
            table = self._tables[dataset]
            return {
                (int(a) if str(a).isdigit() else int(b)): (str(b) if str(a).isdigit() else str(a))
                for a, b in table.items()
            }
        except (KeyError, ValueError, AttributeError, TypeError) as error:
            raise DatasetError(f"{path} names no classes of the data set {dataset!r}: {error!r}") from error
