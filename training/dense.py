"""The vision tower's first stage: learn from label maps what each part of a patch shows.

Not in the paper, whose tower comes pretrained: a tower from scratch learns places and outlines from masks far
faster than through the text model. The head is thrown away afterwards.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from training.model import image_tensor
from training.samples import MaskItem


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


class DenseModel(nn.Module):
    """The tower with a linear head that names each cell of a patch.

    A patch of 14 pixels is read as `cells` x `cells` cells, so that the features hold outlines finer than a
    patch. classes : label values, background included.
    """

    def __init__(self, tower: nn.Module, width: int, classes: int, cells: int = 4) -> None:
        super().__init__()
        self.tower = tower
        self.cells = cells
        self.classes = classes
        self.head = nn.Linear(width, cells * cells * classes)

    def forward(self, images: torch.Tensor, masks: torch.Tensor) -> dict[str, torch.Tensor]:
        """Cross-entropy over cells. A cell's target is the label of its middle pixel."""
        features = self.tower(pixel_values=image_tensor(images)).last_hidden_state[:, 1:]
        batch, patches, _ = features.shape
        side = round(patches**0.5)
        logits = self.head(features).view(batch, side, side, self.cells, self.cells, self.classes)
        logits = logits.permute(0, 5, 1, 3, 2, 4).reshape(batch, self.classes, side * self.cells, -1)
        targets = functional.interpolate(masks[:, None].float(), size=logits.shape[-2:], mode="nearest-exact").long()[
            :, 0
        ]
        # Small things count: without weights the head learns background and liver first.
        share = torch.bincount(targets.flatten(), minlength=self.classes).float() / targets.numel()
        weights = (share + 2e-4).rsqrt()
        return {"loss": functional.cross_entropy(logits, targets, weight=weights / weights.mean())}
