"""Many questions about one image in one sequence, each seeing only the image and itself.

The preamble and the image are encoded once (branch 0); every question with its answer is a branch that attends
to branch 0 and to itself, at the positions it would have alone. The loss of each answer is therefore the same
as in a sequence of its own, at a fraction of the work. The runtime reuses the prefix in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

IGNORED = -100
_PAD_BRANCH = -1


@dataclass(frozen=True, slots=True)
class Branch:
    """A question after its image, and its answer with the end token, as ids.

    weights : of each answer id in the loss; empty for 1 each.
    looks : for each answer id the image tokens to look at while it is written (see `training.attention`), or
    empty.
    """

    question: tuple[int, ...]
    answer: tuple[int, ...]
    weights: tuple[float, ...] = ()
    looks: tuple[tuple[int, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class PackedQuestions:
    """One image's questions that share a preamble. prefix : ids up to and including the image."""

    image: int
    prefix: tuple[int, ...]
    branches: tuple[Branch, ...]


@dataclass(frozen=True, slots=True, eq=False)
class PackedBatch:
    """G sequences of at most L ids.

    image_index : (G,) which image of the batch. input_ids, labels, position_ids : (G, L) int64, labels are
    `IGNORED` except on answers. attention : (G, 1, L, L) bool, True where attended.
    weights : (G, L) float32, of the labels in the loss.
    looks : (G, L, image tokens) bool, which image tokens the position that predicts an answer id should attend
    to, all False where that is left open.
    """

    image_index: torch.Tensor
    input_ids: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor
    position_ids: torch.Tensor
    attention: torch.Tensor
    looks: torch.Tensor


def pack(groups: Sequence[PackedQuestions], pad_id: int, image_tokens: int) -> PackedBatch:
    """Lay out groups as the rows of one batch. image_tokens : how many an image has."""
    rows = [_row(group) for group in groups]
    length = max(len(ids) for ids, *_ in rows)
    shape = (len(rows), length)
    input_ids = torch.full(shape, pad_id)
    labels = torch.full(shape, IGNORED)
    positions = torch.zeros(shape, dtype=torch.int64)
    branches = torch.full(shape, _PAD_BRANCH)
    for number, (ids, targets, places, owners) in enumerate(rows):
        for tensor, values in ((input_ids, ids), (labels, targets), (positions, places), (branches, owners)):
            tensor[number, : len(ids)] = torch.tensor(values)
    weights = torch.ones(shape)
    looks = torch.zeros((*shape, image_tokens), dtype=torch.bool)
    for number, group in enumerate(groups):
        for start, branch in _answers(group):
            if branch.weights:
                weights[number, start : start + len(branch.answer)] = torch.tensor(branch.weights)
            # The position before an id predicts it.
            for position, shown in enumerate(branch.looks, start=start - 1):
                looks[number, position, list(shown)] = True
    return PackedBatch(
        torch.tensor([group.image for group in groups]),
        input_ids,
        labels,
        weights,
        positions,
        branch_attention(branches),
        looks,
    )


def branch_attention(branches: torch.Tensor) -> torch.Tensor:
    """(G, L) branch numbers to (G, 1, L, L): causal, the own branch and branch 0 only."""
    length = branches.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    query, key = branches[:, :, None], branches[:, None, :]
    allowed = causal & ((key == query) | (key == 0)) & (key != _PAD_BRANCH)
    # A row that attends to nothing would be all NaN: padding attends to itself.
    allowed |= torch.eye(length, dtype=torch.bool)
    return allowed[:, None]


def _answers(group: PackedQuestions) -> Iterator[tuple[int, Branch]]:
    """Where in the row each branch's answer begins."""
    start = len(group.prefix)
    for branch in group.branches:
        start += len(branch.question)
        yield start, branch
        start += len(branch.answer)


def _row(group: PackedQuestions) -> tuple[list[int], list[int], list[int], list[int]]:
    start = len(group.prefix)
    ids = list(group.prefix)
    labels = [IGNORED] * start
    positions = list(range(start))
    owners = [0] * start
    for number, branch in enumerate(group.branches, start=1):
        size = len(branch.question) + len(branch.answer)
        ids += [*branch.question, *branch.answer]
        labels += [IGNORED] * len(branch.question) + list(branch.answer)
        positions += range(start, start + size)
        owners += [number] * size
    return ids, labels, positions, owners
