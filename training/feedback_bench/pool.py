"""What the starter's tower and connector say of the regions of some pictures: computed once, kept on disk."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from engine.feedback.waiting import tiny_picture
from engine.files import whole_file
from engine.labels import builtin_ontology
from engine.progress import Cancelled, Progress
from engine.protocol import normalize_box
from engine.regions import Box, Label
from engine.runtime import ModelManifest, to_model_image
from training.attention import tokens_in_boxes
from training.feedback_bench.site import SitePicture
from training.gguf_checkpoint import load_gguf
from training.model import image_embeddings, image_tensor
from training.records import DatasetError
from training.samples import gather_samples, read_rgb

logger = logging.getLogger(__name__)

_PER_LABEL = 2
"""Regions of a label in a picture: what a data set asks about too. The hundredth cell of a picture teaches little."""
_FORMAT = 1


@dataclass(frozen=True, slots=True, eq=False)
class Pool:
    """Regions with their truth. N regions on P pictures.

    features : (N, 2 * width + 5) float32: mean of the image tokens in the box, mean of all, and where the box is.
    labels : (N,) English names. pictures : (N,) int64, the picture of each region, from 0.
    patients : (P,) whose each picture is. looks : (P, 256) float64, the tiny pictures by which the product
    compares images (`engine.feedback.waiting.picture_features`).
    """

    features: NDArray[np.float32]
    labels: NDArray[np.str_]
    pictures: NDArray[np.int64]
    patients: NDArray[np.str_]
    looks: NDArray[np.float64]

    def regions_of(self, chosen: Sequence[int]) -> NDArray[np.int64]:
        """The numbers of the regions of some pictures."""
        return np.flatnonzero(np.isin(self.pictures, np.asarray(chosen, np.int64)))

    def shared_labels(self, patients: int) -> Pool:
        """Without the regions of labels that fewer patients have: of one patient nothing can be learnt about others.

        Pictures stay, also those left without regions.
        """
        owners = self.patients[self.pictures]
        kept = [name for name in np.unique(self.labels) if len(set(owners[self.labels == name].tolist())) >= patients]
        chosen = np.isin(self.labels, kept)
        return replace(self, features=self.features[chosen], labels=self.labels[chosen], pictures=self.pictures[chosen])


def set_pictures(datasets: Sequence[Path]) -> Iterator[SitePicture]:
    """The pictures of some data sets that have marked regions, one after the other. Raises `DatasetError`."""
    ontology = builtin_ontology()
    for sample in gather_samples(datasets):
        if sample.marked is None or not sample.marked.boxes:
            continue
        record = sample.records[0]
        regions = []
        for name, (x1, y1, x2, y2) in sample.marked.boxes:
            known = ontology.find(name)
            box = Box(x1 * record.width, y1 * record.height, x2 * record.width, y2 * record.height)
            regions.append((Label("" if known is None else known.id, name, ""), box))
        yield SitePicture(read_rgb(sample.path), record.group, record.modality, tuple(regions))


def make_pool(
    model: ModelManifest, pictures: Iterator[SitePicture], total: int, file: Path, of: str, progress: Progress
) -> Pool:
    """The pool of some pictures, read from `file` where it is of the same model and pictures.

    of : names the pictures; total : how many there are about, for `progress`. Raises `CheckpointError`, `DatasetError`,
    `Cancelled`.
    """
    key = hashlib.sha256(json.dumps([_FORMAT, _PER_LABEL, model.sha256, of]).encode()).hexdigest()
    kept = _read(file, key)
    if kept is not None:
        return kept
    made = _look(model, pictures, total, progress)
    file.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(file) as target, target.open("wb") as stream:
        arrays = {field.name: getattr(made, field.name) for field in fields(made)}
        np.savez_compressed(stream, key=np.array(key), **arrays)
    return made


def _read(file: Path, key: str) -> Pool | None:
    if not file.is_file():
        return None
    try:
        with np.load(file, allow_pickle=False) as held:
            if str(held["key"]) != key:
                return None
            return Pool(**{field.name: held[field.name] for field in fields(Pool)})
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        logger.warning("the features in %s are damaged and made anew: %s", file, error)
        return None


@torch.no_grad()
def _look(manifest: ModelManifest, pictures: Iterator[SitePicture], total: int, progress: Progress) -> Pool:
    model, _ = load_gguf(manifest.folder)
    model.eval()
    size = int(model.config.vision_config.image_size[0])
    features, labels, numbers, patients, looks = [], [], [], [], []
    for number, picture in enumerate(pictures):
        if progress.cancelled():
            raise Cancelled
        pixels = torch.from_numpy(to_model_image(picture.pixels, size).copy())[None]
        told = image_embeddings(model, image_tensor(pixels))[0].numpy()
        for label, box in few_of_each(picture):
            features.append(region_features(told, box, picture.pixels.shape[1], picture.pixels.shape[0]))
            labels.append(label.en)
            numbers.append(number)
        patients.append(picture.patient)
        looks.append(tiny_picture(picture.pixels))
        progress.report(number + 1, total, "looking at pictures")
    if not labels:
        raise DatasetError("no picture of the pool has a region")
    return Pool(
        np.array(features, np.float32),
        np.array(labels),
        np.array(numbers, np.int64),
        np.array(patients),
        np.array(looks, float),
    )


def few_of_each(picture: SitePicture) -> Iterator[tuple[Label, Box]]:
    """At most two regions of each name, the first."""
    seen: Counter[str] = Counter()
    for label, box in picture.regions:
        seen[label.en] += 1
        if seen[label.en] <= _PER_LABEL:
            yield label, box


def region_features(tokens: NDArray[np.float32], box: Box, width: int, height: int) -> NDArray[np.float32]:
    """(2 * C + 5,) of a box in a picture of width x height pixels; tokens : (T, C), row by row."""
    side = math.isqrt(len(tokens))
    x1, y1, x2, y2 = (value / 999 for value in normalize_box(box, width, height))
    inside = list(tokens_in_boxes([normalize_box(box, width, height)], side))
    if not inside:
        # A box that fills no token's quarter: the token of its middle.
        row, column = (min(side - 1, int(middle * side)) for middle in ((y1 + y2) / 2, (x1 + x2) / 2))
        inside = [row * side + column]
    place = np.array([x1, y1, x2, y2, math.sqrt((x2 - x1) * (y2 - y1))], np.float32)
    return np.concatenate([tokens[inside].mean(axis=0), tokens.mean(axis=0), place])
