"""Label maps beside a data set's images: what each pixel shows, for the dense stage.

``masks.json`` names the map of each image and what its values mean: ``{"images/a.png": {"file": "masks/a.png",
"labels": ["liver", "spleen"]}}``; value 1 is the first label, 0 none of them. Labels go by their names, so that sets
with other numbers can be learnt from together.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from training.records import MASKS_FILE, DatasetError


@dataclass(frozen=True, slots=True)
class LabelMapFile:
    """An image's label map. labels : of its values, from 1."""

    path: Path
    labels: tuple[str, ...]

    def read(self, values: Mapping[str, int]) -> NDArray[np.int32]:
        """(H, W) with the labels' `values` in the data set. Raises `DatasetError` naming the file."""
        try:
            with Image.open(self.path) as image:
                own = np.asarray(image)
        except (OSError, UnidentifiedImageError, SyntaxError, ValueError) as error:
            raise DatasetError(f"cannot read the label map {self.path}: {error}") from error
        if own.ndim != 2 or own.max(initial=0) > len(self.labels):
            raise DatasetError(f"the label map {self.path} has values that {MASKS_FILE} gives no label")
        table = np.array([0, *(values[label] for label in self.labels)], np.int32)
        read: NDArray[np.int32] = table[own]
        return read


def read_label_maps(folder: Path) -> dict[Path, LabelMapFile]:
    """The label maps of a data set's folder by image, none where it has no ``masks.json``. Raises `DatasetError`."""
    file = folder / MASKS_FILE
    try:
        said = json.loads(file.read_text(encoding="utf-8"))
        return {
            folder / image: LabelMapFile(folder / entry["file"], tuple(map(str, entry["labels"])))
            for image, entry in said.items()
        }
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetError(f"{file} is no list of label maps: {error!r}; build the set again") from error


def label_values(maps: Sequence[LabelMapFile]) -> dict[str, int]:
    """A value for each label of some maps, from 1 on, in the order of their names."""
    return {name: value for value, name in enumerate(sorted({one for each in maps for one in each.labels}), start=1)}
