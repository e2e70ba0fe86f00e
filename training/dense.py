"""The dense stages: learn from label maps what a patch shows, and where the things of a name end.

Not in the paper, whose tower comes pretrained: a tower and a connector from scratch learn places and outlines
from masks far faster than through the text model. The heads are thrown away afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import InternVLModel

from training.box_targets import largest_boxes, mask_boxes, owner_boxes
from training.model import image_tensor, shuffled_features
from training.samples import MaskItem

BINS = 100
"""Places along a side that a box edge can have: what the two leading digits of a coordinate say."""

_SPREAD_BINS = 1.2
_MIN_CELLS = 2


class MaskBatch(TypedDict):
    """images : (B, S, S, 3) uint8. masks : (B, S, S) int64 label values. where : lines of records, for messages."""

    images: torch.Tensor
    masks: torch.Tensor
    where: list[str]


def collate_masks(items: Sequence[MaskItem]) -> MaskBatch:
    """Stack drawn images and label maps."""
    return {
        "images": torch.from_numpy(np.stack([item["image"] for item in items])),
        "masks": torch.from_numpy(np.stack([item["mask"] for item in items])).long(),
        "where": [item["where"] for item in items],
    }


class DenseModel(nn.Module):
    """Tower and connector with heads that are thrown away.

    A patch of 14 pixels is read as `cells` x `cells` cells, so that the features hold outlines finer than a
    patch. classes : label values, background included. edges : whether a patch also learns the box of its thing.
    names : whether the connector's tokens learn to be found by label, and to tell the label's box.
    """

    def __init__(self, model: InternVLModel, classes: int, *, edges: bool, names: bool, cells: int = 4) -> None:
        super().__init__()
        self.model = model
        self.cells = cells
        self.classes = classes
        width = model.config.vision_config.hidden_size
        self.head = nn.Linear(width, cells * cells * classes)
        self.edges = nn.Linear(width, 4 * BINS) if edges else None
        self.names = NameHead(model.config.text_config.hidden_size, classes) if names else None

    def forward(self, images: torch.Tensor, masks: torch.Tensor) -> dict[str, torch.Tensor]:
        """The sum of the losses of the heads that there are."""
        tower = self.model.vision_tower
        features = tower(pixel_values=image_tensor(images), return_dict=True).last_hidden_state[:, 1:]
        side = math.isqrt(features.shape[1])
        things = [mask_boxes(one, side * self.cells) for one in masks.cpu().numpy().astype(np.int32)]
        loss = self._cell_loss(features, masks)
        if self.edges is not None:
            places = np.stack([owner_boxes(boxes, owners, side) for boxes, owners in things])
            told = torch.from_numpy(places).flatten(1, 2).to(features.device)
            loss = loss + thing_edge_loss(self.edges, features, told)
        if self.names is not None:
            labels = torch.from_numpy(np.stack([largest_boxes(boxes, self.classes) for boxes, _ in things]))
            tokens = self.model.multi_modal_projector(shuffled_features(self.model, features))
            loss = loss + self.names.loss(tokens, masks, labels.to(masks.device))
        return {"loss": loss}

    def _cell_loss(self, features: torch.Tensor, masks: torch.Tensor) -> torch.Tensor:
        """A cell's target is the label of its middle pixel."""
        batch, patches, _ = features.shape
        side = math.isqrt(patches)
        logits = self.head(features).view(batch, side, side, self.cells, self.cells, self.classes)
        logits = logits.permute(0, 5, 1, 3, 2, 4).reshape(batch, self.classes, side * self.cells, -1)
        labels = label_cells(masks, side * self.cells)
        # Small things count: without weights the head learns background and liver first.
        share = torch.bincount(labels.flatten(), minlength=self.classes).float() / labels.numel()
        weights = (share + 2e-4).rsqrt()
        loss: torch.Tensor = functional.cross_entropy(logits.float(), labels, weight=weights / weights.mean())
        return loss


def thing_edge_loss(head: nn.Linear, features: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """How far each place is from telling the box of its thing.

    features : (B, places, width). boxes : (B, places, 4), NaN where no thing is. Small things are as often asked for as
    large ones but fill fewer places, hence the weights.
    """
    known = ~boxes.isnan().any(dim=-1)
    if not known.any():
        return features.sum() * 0
    sides = boxes[known][:, 2:] - boxes[known][:, :2]
    weights = (sides.prod(dim=-1) + 1e-3).rsqrt()
    each = edge_loss(head(features[known]), boxes[known])
    return (each * weights).sum() / weights.sum()


class NameHead(nn.Module):
    """Asks a picture's tokens for each label the way the text model will: find its tokens, read its box there.

    What this learns in minutes is what a text model otherwise finds only after hours of answers: each token
    says which labels it shows; a label's attention goes to the tokens that show it; a small network reads the
    box's edges from what they hold and from the label.
    """

    def __init__(self, width: int, classes: int) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.shown = nn.Linear(width, classes)
        self.label = nn.Embedding(classes, width)
        self.read = nn.Sequential(nn.Linear(2 * width, 2 * width), nn.GELU(), nn.Linear(2 * width, 4 * BINS))

    def forward(self, tokens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, T, D) tokens to (B, T, C) logits of what they show and (B, C, 4 * BINS) logits of edges."""
        tokens = self.norm(tokens)
        shown = self.shown(tokens)
        found = shown.float().softmax(dim=1).to(tokens.dtype).transpose(1, 2) @ tokens
        labels = self.label.weight.expand(len(tokens), -1, -1)
        return shown, self.read(torch.cat([found, labels], dim=-1))

    def loss(self, tokens: torch.Tensor, masks: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
        """masks : (B, S, S) label values. boxes : (B, C, 4) as `largest_boxes` gives them."""
        side = math.isqrt(tokens.shape[1])
        shown, edges = self(tokens)
        cells = label_cells(masks, side * 8)
        one_hot = functional.one_hot(cells, self.shown.out_features).view(len(masks), side, 8, side, 8, -1)
        truth = (one_hot.sum(dim=(2, 4)) >= _MIN_CELLS).flatten(1, 2).float()
        loss: torch.Tensor = 4 * functional.binary_cross_entropy_with_logits(shown.float(), truth)
        known = ~boxes.isnan().any(dim=-1)
        if known.any():
            loss = loss + edge_loss(edges[known], boxes[known]).mean()
        return loss


def label_cells(masks: torch.Tensor, side: int) -> torch.Tensor:
    """(B, S, S) label values to (B, side, side): the label of each cell's middle pixel."""
    cells = functional.interpolate(masks[:, None].float(), size=(side, side), mode="nearest-exact")
    return cells[:, 0].long()


def edge_loss(logits: torch.Tensor, boxes: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of (N, 4 * BINS) logits against a narrow bell over the bins: a near miss costs little.

    boxes : (N, 4) in fractions of the image. Returns (N,), the mean over a box's edges.
    """
    places = boxes[..., None] * BINS - 0.5
    bell = (-0.5 * ((torch.arange(BINS, device=places.device) - places) / _SPREAD_BINS) ** 2).softmax(dim=-1)
    found = logits.view(-1, 4, BINS).float().log_softmax(dim=-1)
    return -(bell * found).sum(dim=-1).mean(dim=-1)
