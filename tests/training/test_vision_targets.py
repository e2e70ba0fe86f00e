"""What the vision tower is taught, from label maps worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from training.box_targets import largest_boxes, mask_boxes, owner_boxes  # noqa: E402
from training.dense import BINS, DenseModel, NameHead  # noqa: E402
from training.model import load_model  # noqa: E402


def patch_boxes(mask, side, cells):
    return owner_boxes(*mask_boxes(mask, side * cells), side)


def label_boxes(mask, classes):
    return largest_boxes(mask_boxes(mask, mask.shape[0])[0], classes)


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


def test_a_thing_that_only_one_cell_shows_is_told_by_its_patch():
    mask = np.zeros((64, 64), np.uint8)
    mask[0:32, 0:32] = 1
    mask[9:12, 9:12] = 2
    assert patch_boxes(mask, 4, 4)[0, 0].tolist() == [9 / 64, 9 / 64, 12 / 64, 12 / 64]


def test_a_label_has_the_box_of_its_largest_part():
    mask = np.zeros((64, 64), np.uint8)
    mask[0:16, 0:16] = 1
    mask[32:64, 48:64] = 1
    mask[4:6, 20:24] = 3
    boxes = label_boxes(mask, 5)
    assert boxes[1].tolist() == [0.75, 0.5, 1, 1]
    assert boxes[3].tolist() == [20 / 64, 4 / 64, 24 / 64, 6 / 64]
    assert np.isnan(boxes[[0, 2, 4]]).all()


def test_the_name_head_looks_where_its_labels_are():
    """Fitted to one picture, each label's attention lies on its own tokens and its edges are read there."""
    torch.manual_seed(0)
    masks = torch.zeros((1, 64, 64), dtype=torch.int64)
    masks[0, 0:16, 0:32] = 1
    masks[0, 32:64, 48:64] = 2
    tokens = torch.randn(1, 16, 32)
    boxes = torch.from_numpy(label_boxes(masks[0].numpy().astype(np.uint8), 3))[None]
    head = NameHead(32, 3)
    optimizer = torch.optim.Adam(head.parameters(), 1e-2)
    for _ in range(150):
        optimizer.zero_grad()
        head.loss(tokens, masks, boxes).backward()
        optimizer.step()
    shown, edges = head(tokens)
    assert (shown[0, :, 1] > 0).nonzero().flatten().tolist() == [0, 1]
    assert (shown[0, :, 2] > 0).nonzero().flatten().tolist() == [11, 15]
    read = edges[0].view(3, 4, BINS).argmax(dim=-1) / BINS
    assert (read[1] - torch.tensor([0, 0, 0.5, 0.25])).abs().max() <= 0.02
    assert (read[2] - torch.tensor([0.75, 0.5, 1, 1])).abs().max() <= 0.02


@pytest.mark.parametrize("head", ["edges", "names"])
def test_the_dense_loss_falls_when_boxes_are_learned(tiny_checkpoint, head):
    model = load_model(tiny_checkpoint)
    torch.manual_seed(0)
    dense = DenseModel(model.model, 3, edges=head == "edges", names=head == "names")
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
