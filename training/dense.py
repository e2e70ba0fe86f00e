"""The vision tower's own stages: learn from label maps what a patch shows, and where that thing ends.

Not in the paper, whose tower comes pretrained: a tower from scratch learns places and outlines from masks far
faster than through the text model. The heads are thrown away afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import torch
from numpy.typing import NDArray
from scipy import ndimage
from torch import nn
from torch.nn import functional

from training.model import image_tensor
from training.samples import MaskItem

BINS = 100
"""Places along a side that a box edge can have: what the two leading digits of a coordinate say."""

_SPREAD_BINS = 1.2
_MIN_CELLS = 2


class MaskBatch(TypedDict):
    """images : (B, S, S, 3) uint8. masks : (B, S, S) int64 label values."""

    images: torch.Tensor
    masks: torch.Tensor


def collate_masks(items: Sequence[MaskItem]) -> MaskBatch:
    """Stack drawn images and label maps."""
    return {
        "images": torch.from_numpy(np.stack([item["image"] for item in items])),
        "masks": torch.from_numpy(np.stack([item["mask"] for item in items])).long(),
    }


def patch_boxes(mask: NDArray[np.uint8], side: int, cells: int) -> NDArray[np.float32]:
    """The box of the thing that each patch belongs to.

    mask : (S, S) label values. Returns (side, side, 4): x1, y1, x2, y2 in fractions of the image, NaN where a
    patch shows nothing that is labelled. Where it shows several things, the smallest of them counts.
    """
    size = mask.shape[0]
    boxes = np.full((side, side, 4), np.nan, np.float32)
    areas = np.full((side, side), np.inf)
    step = size / (side * cells)
    middles = ((np.arange(side * cells) + 0.5) * step).astype(int)
    for value in np.unique(mask):
        if value == 0:
            continue
        components, _ = ndimage.label(mask == value)
        sampled = components[np.ix_(middles, middles)].reshape(side, cells, side, cells)
        for number, (rows, columns) in enumerate(ndimage.find_objects(components), start=1):
            shown = (sampled == number).sum(axis=(1, 3)) >= _MIN_CELLS
            if not shown.any():
                continue
            area = (rows.stop - rows.start) * (columns.stop - columns.start)
            taken = shown & (area < areas)
            boxes[taken] = np.array([columns.start, rows.start, columns.stop, rows.stop]) / size
            areas[taken] = area
    return boxes


class DenseModel(nn.Module):
    """The tower with linear heads: what each cell of a patch shows, and the edges of the patch's thing.

    A patch of 14 pixels is read as `cells` x `cells` cells, so that the features hold outlines finer than a
    patch. classes : label values, background included. boxes : whether edges are learned too.
    """

    def __init__(self, tower: nn.Module, width: int, classes: int, *, boxes: bool, cells: int = 4) -> None:
        super().__init__()
        self.tower = tower
        self.cells = cells
        self.classes = classes
        self.head = nn.Linear(width, cells * cells * classes)
        self.edges = nn.Linear(width, 4 * BINS) if boxes else None

    def forward(self, images: torch.Tensor, masks: torch.Tensor) -> dict[str, torch.Tensor]:
        """Cross-entropy over cells, and over the edges of patches that show something."""
        features = self.tower(pixel_values=image_tensor(images)).last_hidden_state[:, 1:]
        loss = self._cell_loss(features, masks)
        if self.edges is not None:
            loss = loss + self._edge_loss(features, masks)
        return {"loss": loss}

    def _cell_loss(self, features: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        """A cell's target is the label of its middle pixel."""
        batch, patches, _ = features.shape
        side = round(patches**0.5)
        logits = self.head(features).view(batch, side, side, self.cells, self.cells, self.classes)
        logits = logits.permute(0, 5, 1, 3, 2, 4).reshape(batch, self.classes, side * self.cells, -1)
        targets = functional.interpolate(masks[:, None].float(), size=logits.shape[-2:], mode="nearest-exact")
        labels = targets.long()[:, 0]
        # Small things count: without weights the head learns background and liver first.
        share = torch.bincount(labels.flatten(), minlength=self.classes).float() / labels.numel()
        weights = (share + 2e-4).rsqrt()
        loss: torch.Tensor = functional.cross_entropy(logits, labels, weight=weights / weights.mean())
        return loss

    def _edge_loss(self, features: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        """Cross-entropy against a narrow bell over the bins, so that a near miss costs little.

        Small things are as often asked for as large ones but fill fewer patches, hence the weights.
        """
        assert self.edges is not None
        side = round(features.shape[1] ** 0.5)
        maps = masks.numpy().astype(np.uint8)
        boxes = torch.from_numpy(np.stack([patch_boxes(one, side, self.cells) for one in maps]))
        boxes = boxes.view(len(maps), side * side, 4)
        known = ~boxes.isnan().any(dim=-1)
        if not known.any():
            return features.sum() * 0
        sides = boxes[known][:, 2:] - boxes[known][:, :2]
        weights = (sides.prod(dim=-1) + 1e-3).rsqrt()
        places = boxes[known][..., None] * BINS - 0.5
        bell = (-0.5 * ((torch.arange(BINS) - places) / _SPREAD_BINS) ** 2).softmax(dim=-1)
        logits = self.edges(features[known]).view(-1, 4, BINS)
        each = -(bell * logits.float().log_softmax(dim=-1)).sum(dim=-1).mean(dim=-1)
        loss: torch.Tensor = (each * weights).sum() / weights.sum()
        return loss
