"""What the vision tower is taught, from label maps worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.dense import DenseModel, patch_boxes  # noqa: E402
from training.model import load_model  # noqa: E402


def test_a_patch_knows_the_box_of_the_smallest_thing_it_shows():
    mask = np.zeros((64, 64), np.uint8)
    mask[0:48, 0:32] = 1
    mask[8:16, 8:16] = 2
    boxes = patch_boxes(mask, 4, 4)
    assert boxes.shape == (4, 4, 4)
    assert boxes[0, 0].tolist() == [8 / 64, 8 / 64, 16 / 64, 16 / 64]
    assert boxes[1, 1].tolist() == [0, 0, 0.5, 0.75]
    assert np.isnan(boxes[3, 3]).all()


def test_two_parts_of_one_label_have_a_box_each():
    mask = np.zeros((64, 64), np.uint8)
    mask[0:16, 0:16] = 1
    mask[32:64, 48:64] = 1
    boxes = patch_boxes(mask, 4, 4)
    assert boxes[0, 0].tolist() == [0, 0, 0.25, 0.25]
    assert boxes[3, 3].tolist() == [0.75, 0.5, 1, 1]


def test_the_edge_loss_falls_when_edges_are_learned(tiny_checkpoint):
    model = load_model(tiny_checkpoint)
    torch.manual_seed(0)
    dense = DenseModel(model.model.vision_tower, 64, 3, boxes=True)
    images = torch.randint(0, 255, (2, 56, 56, 3), dtype=torch.uint8)
    masks = torch.zeros((2, 56, 56), dtype=torch.int64)
    masks[:, 10:40, 20:50] = 1
    optimizer = torch.optim.Adam(dense.parameters(), 3e-3)
    losses = []
    for _ in range(25):
        optimizer.zero_grad()
        loss = dense(images, masks)["loss"]
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
