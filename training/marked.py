"""The dense stage of sets that have boxes and no label maps: what a patch shows, and the box of its thing.

A box's ellipse stands for the thing in it: organs, cells and lesions fill their boxes' middles and leave the corners.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Mapping, Sequence
from typing import Unpack

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional
from torch.utils.data import Dataset
from transformers import InternVLModel

from training.augment import Crop, change_greys
from training.box_targets import draw_cells, largest_boxes, owner_boxes
from training.dense import BINS, NameHead, edge_loss, thing_edge_loss
from training.features import FeatureCache, ImageBatch, ImageItem, batch_features, collate_images
from training.mirror import view_form
from training.model import finish_tower, image_tensor, shuffled_features, stem_states
from training.records import REGIONS_FILE, DatasetError
from training.samples import ImageSample, PictureCache, Skipped, Skipper, draw_view

_CELLS = 4
"""Along a patch's side, in which what it shows is told."""
_MIN_SEEN = 0.3
"""How much of a box must be left by a crop for it to count as there."""
_RARE = -4.0
"""The logit that a token shows a label, at the start: most labels are in no picture."""


class MarkedItem(ImageItem):
    """A drawn image with its targets.

    cells : (4 P, 4 P) uint8 label values, 0 where nothing is marked, P patches a side.

    patches : (P, P, 4), tokens : (P / merge, P / merge, 4), labels : (C, 4) boxes in fractions, NaN where there is
    none.
    """

    cells: NDArray[np.uint8]
    patches: NDArray[np.float32]
    tokens: NDArray[np.float32]
    labels: NDArray[np.float32]


class MarkedBatch(ImageBatch):
    """`MarkedItem`s stacked."""

    cells: torch.Tensor
    patches: torch.Tensor
    tokens: torch.Tensor
    labels: torch.Tensor


def label_values(samples: Sequence[ImageSample]) -> dict[str, int]:
    """A value for each marked label, from 1 on, in the order of their names."""
    names = {name for sample in samples if sample.marked for name, _ in sample.marked.boxes}
    return {name: value for value, name in enumerate(sorted(names), start=1)}


class MarkedDataset(Dataset[MarkedItem]):
    """Images in which all is marked, cropped and with their targets. An item is a function of its visit number.

    values : of the labels. image_size, patch_size : in pixels. merge : patches a
    side of a token. cache : of features, with so many `views` of an image
    that `view_seed` draws. skipped : see `Skipper`.
    """

    def __init__(
        self,
        samples: Sequence[ImageSample],
        values: Mapping[str, int],
        image_size: int,
        patch_size: int,
        seed: int,
        *,
        merge: int = 2,
        cache: FeatureCache | None = None,
        views: int = 0,
        view_seed: int = 0,
        skipped: Skipped | None = None,
    ) -> None:
        self._samples = samples
        if not samples:
            raise DatasetError(f"the dense stage needs label maps or {REGIONS_FILE}, the dataset has neither")
        self._values = values
        self._size = image_size
        self._patches = image_size // patch_size
        self._merge = merge
        self._seed = seed
        self._cache = cache
        self._views = views
        self._view_seed = view_seed
        self._skipper = Skipper(skipped)
        self._pictures = PictureCache()

    def __len__(self) -> int:
        return len(self._samples)

    def __getitem__(self, visit: int) -> MarkedItem:
        return self._skipper.first(self._draw, visit, self._samples)

    def _draw(self, visit: int) -> MarkedItem:
        sample = self._samples[visit % len(self._samples)]
        rng = np.random.default_rng([self._seed, visit])
        key, features, image = "", None, None
        if self._views:
            view = int(rng.integers(self._views))
            crop, rng = draw_view(sample.path, view, self._view_seed, augment=True)
            if self._cache is not None:
                key = self._cache.key(sample.path, self._size, self._view_seed, view, view_form(crop))
                features = self._cache.get(key)
        else:
            crop = Crop.drawn(rng)
        if features is None:
            image = change_greys(crop.apply(self._pictures.read(sample), self._size), rng)
        assert sample.marked is not None
        boxes = []
        for name, box in sample.marked.boxes:
            seen = seen_part(box, crop)
            if seen is not None:
                boxes.append((self._values[name], seen))
        cells, owners = draw_cells(boxes, self._patches * _CELLS)
        return {
            "image": image,
            "features": features,
            "key": key,
            "where": sample.records[0].where,
            "cells": cells,
            "patches": owner_boxes(boxes, owners, self._patches),
            "tokens": owner_boxes(boxes, owners, self._patches // self._merge),
            "labels": largest_boxes(boxes, len(self._values) + 1),
        }


def seen_part(box: tuple[float, float, float, float], crop: Crop) -> tuple[float, float, float, float] | None:
    """What a crop leaves of a box in fractions, in fractions of the crop; None if that is too little."""
    width, height = crop.x2 - crop.x1, crop.y2 - crop.y1
    x1, x2 = ((value - crop.x1) / width for value in box[::2])
    y1, y2 = ((value - crop.y1) / height for value in box[1::2])
    left, top, right, bottom = max(0.0, x1), max(0.0, y1), min(1.0, x2), min(1.0, y2)
    area = (x2 - x1) * (y2 - y1)
    if right <= left or bottom <= top or (right - left) * (bottom - top) < _MIN_SEEN * area:
        return None
    return (left, top, right, bottom)


def collate_marked(items: Sequence[MarkedItem]) -> MarkedBatch:
    """Stack drawn images and their targets."""
    return {
        **collate_images(items),
        "cells": torch.from_numpy(np.stack([item["cells"] for item in items])).long(),
        "patches": torch.from_numpy(np.stack([item["patches"] for item in items])),
        "tokens": torch.from_numpy(np.stack([item["tokens"] for item in items])),
        "labels": torch.from_numpy(np.stack([item["labels"] for item in items])),
    }


class MarkedModel(nn.Module):
    """Tower and connector with heads that are thrown away: what a place shows, and where that ends.

    classes : label values, 0 for nothing included. stem, cache : see `training.answers.AnswerModel`.
    """

    def __init__(self, model: InternVLModel, classes: int, *, stem: int = 0, cache: FeatureCache | None = None) -> None:
        super().__init__()
        self.model = model
        self._stem = stem
        self._cache = cache
        self.classes = classes
        width, text_width = model.config.vision_config.hidden_size, model.config.text_config.hidden_size
        self.shown = nn.Linear(width, classes)
        self.edges = nn.Linear(width, 4 * BINS)
        self.names = NameHead(text_width, classes)
        self.own = nn.Linear(text_width, 4 * BINS)
        with torch.no_grad():
            self.names.shown.bias.fill_(_RARE)

    def forward(
        self,
        cells: torch.Tensor,
        patches: torch.Tensor,
        tokens: torch.Tensor,
        labels: torch.Tensor,
        **images: Unpack[ImageBatch],
    ) -> dict[str, torch.Tensor]:
        """The sum of the heads' losses."""
        features = self.features(images)
        embedded = self.model.multi_modal_projector(shuffled_features(self.model, features))
        loss = self._shown_loss(features, cells)
        loss = loss + thing_edge_loss(self.edges, features, patches.flatten(1, 2))
        loss = loss + thing_edge_loss(self.own, self.names.norm(embedded), tokens.flatten(1, 2))
        loss = loss + self._names_loss(embedded, cells, labels)
        return {"loss": loss}

    def features(self, images: ImageBatch) -> torch.Tensor:
        """(B, patches, vision width): what the tower says."""
        tower = self.model.vision_tower

        def first_blocks(pictures: torch.Tensor) -> torch.Tensor:
            with torch.no_grad() if self._stem else contextlib.nullcontext():
                return stem_states(tower, image_tensor(pictures), self._stem)

        states = batch_features(images, first_blocks, self._cache, caching=self._stem > 0)
        return finish_tower(tower, states, self._stem)

    def _shown_loss(self, features: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
        """A patch's target is how its cells share it; what fills few patches weighs more."""
        share = _shares(cells, cells.shape[1] // _CELLS, self.classes)
        total = share.sum(dim=(0, 1)) / share.sum()
        weights = share @ (total + 1e-3).rsqrt()
        each = -(share * self.shown(features).float().log_softmax(dim=-1)).sum(dim=-1)
        loss: torch.Tensor = (each * weights).sum() / weights.sum()
        return loss

    def _names_loss(self, embedded: torch.Tensor, cells: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        """As `NameHead.loss`, the sum over labels and not their mean: there may be hundreds."""
        shown, edges = self.names(embedded)
        side = math.isqrt(embedded.shape[1])
        truth = (_shares(cells, side, self.classes) >= 2 / (cells.shape[1] // side) ** 2).float()
        each = functional.binary_cross_entropy_with_logits(shown.float(), truth, reduction="none")
        loss = 0.25 * each.sum(dim=-1).mean()
        known = ~labels.isnan().any(dim=-1)
        if known.any():
            loss = loss + edge_loss(edges[known], labels[known]).mean()
        return loss


def _shares(cells: torch.Tensor, side: int, classes: int) -> torch.Tensor:
    """(B, side * side, classes): how much of each place each label fills."""
    batch, per = len(cells), cells.shape[1] // side
    parts = cells.view(batch, side, per, side, per).permute(0, 1, 3, 2, 4).reshape(batch, side * side, per * per)
    counts = torch.zeros((batch, side * side, classes), device=cells.device)
    return counts.scatter_add_(2, parts, torch.ones_like(parts, dtype=counts.dtype)) / (per * per)
