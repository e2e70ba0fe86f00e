"""Many questions about one image in one sequence, each seeing only the image and itself; many images in one row.

The preamble and the image are encoded once (branch 0); every question with its answer is a branch that attends
to branch 0 and to itself, at the positions it would have alone. The loss of each answer is therefore the same
as in a sequence of its own, at a fraction of the work. The runtime reuses the prefix in the same way.

Such groups are documents: a row holds as many as fit, none sees another, and each starts at position 0. Rows are
filled first-fit by falling length, which leaves little padding (Krell et al., "Efficient Sequence Packing without
Cross-contamination", 2021).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields

import torch

from training.coordinates import MOST_ALTERNATIVES, Alternatives
from training.name_choices import Choices

IGNORED = -100
NO_CHOICE = -1
_PAD = -1


@dataclass(frozen=True, slots=True)
class Branch:
    """A question after its image, and its answer with the end token, as ids.

    weights : of each answer id in the loss; empty for 1 each.
    looks : for each answer id the image tokens to look at while it is written (see `training.attention`), or
    empty.
    targets : for each answer id what else could stand there (see `training.coordinates`), or empty.
    choices : for each answer id those among which it is chosen and how they lean (see `training.name_choices`), or
    empty.
    """

    question: tuple[int, ...]
    answer: tuple[int, ...]
    weights: tuple[float, ...] = ()
    looks: tuple[tuple[int, ...], ...] = ()
    targets: tuple[Alternatives, ...] = ()
    choices: Choices = ()


@dataclass(frozen=True, slots=True)
class PackedQuestions:
    """One image's questions that share a preamble. prefix : ids up to and including the image."""

    image: int
    prefix: tuple[int, ...]
    branches: tuple[Branch, ...]

    @property
    def length(self) -> int:
        """How many ids it takes."""
        return len(self.prefix) + sum(len(one.question) + len(one.answer) for one in self.branches)


@dataclass(frozen=True, slots=True, eq=False)
class PackedBatch:
    """R rows of at most L ids that hold G groups.

    image_index : (G,) which image of the batch each group shows, in the order the groups stand in the rows.
    documents : (R, L) int64, the number of the group in its row, -1 on padding.
    input_ids, labels, position_ids : (R, L) int64, labels are `IGNORED` except on answers.
    attention : (R, 1, L, L) bool, True where attended.
    weights : (R, L) float32, of the labels in the loss.
    looks : (R, L, image tokens) bool, which tokens of its group's image the position that predicts an answer id
    should attend to, all False where that is left open.
    target_ids, target_shares : (R, L, `MOST_ALTERNATIVES`) int64 and float32, what each label is taken for in the loss:
    shares of ids, which sum to 1 on answers.
    choices : (R, L, C) int64, the ids among which each label is chosen, then `NO_CHOICE`; all of them that where it is
    chosen among all ids. C is the most that any of the batch has. leanings : (R, L, C) float32, of each.
    """

    image_index: torch.Tensor
    documents: torch.Tensor
    input_ids: torch.Tensor
    labels: torch.Tensor
    weights: torch.Tensor
    position_ids: torch.Tensor
    attention: torch.Tensor
    looks: torch.Tensor
    target_ids: torch.Tensor
    target_shares: torch.Tensor
    choices: torch.Tensor
    leanings: torch.Tensor

    @property
    def answered(self) -> torch.Tensor:
        """(R, L - 1) bool: whether the id after each position is of an answer."""
        return self.labels[:, 1:] != IGNORED

    def to(self, device: torch.device, non_blocking: bool = False) -> PackedBatch:
        """The same batch elsewhere."""
        moved = (getattr(self, one.name).to(device, non_blocking=non_blocking) for one in fields(self))
        return PackedBatch(*moved)


def pack(groups: Sequence[PackedQuestions], pad_id: int, image_tokens: int, length: int = 0) -> PackedBatch:
    """Lay out groups in the rows of one batch.

    image_tokens : how many an image has. length : ids a row may hold, several groups in each; 0 gives each group a
    row of its own. A group longer than `length` gets a row of its own.
    """
    bins = fill_rows([group.length for group in groups], length)
    laid = [[(_row(groups[number]), groups[number]) for number in numbers] for numbers in bins]
    width = max(sum(group.length for _, group in row) for row in laid)
    shape = (len(laid), width)
    input_ids = torch.full(shape, pad_id)
    labels = torch.full(shape, IGNORED)
    positions = torch.zeros(shape, dtype=torch.int64)
    branches = torch.full(shape, _PAD)
    documents = torch.full(shape, _PAD)
    weights = torch.ones(shape)
    looks = torch.zeros((*shape, image_tokens), dtype=torch.bool)
    target_ids = torch.zeros((*shape, MOST_ALTERNATIVES), dtype=torch.int64)
    target_shares = torch.zeros((*shape, MOST_ALTERNATIVES))
    most = max((len(some) for group in groups for branch in group.branches for some in branch.choices), default=0)
    choices = torch.full((*shape, most), NO_CHOICE)
    leanings = torch.zeros((*shape, most))
    for row, placed in enumerate(laid):
        offset = 0
        for document, ((ids, targets, places, owners), group) in enumerate(placed):
            part = slice(offset, offset + len(ids))
            for tensor, values in ((input_ids, ids), (labels, targets), (positions, places), (branches, owners)):
                tensor[row, part] = torch.tensor(values)
            documents[row, part] = document
            for start, branch in _answers(group, offset):
                ids_there = slice(start, start + len(branch.answer))
                target_ids[row, ids_there, 0] = torch.tensor(branch.answer)
                target_shares[row, ids_there, 0] = 1
                for place, others in enumerate(branch.targets, start=start):
                    if others:
                        ids_and_shares = torch.tensor(others, dtype=torch.float64).T
                        target_ids[row, place, : len(others)] = ids_and_shares[0].long()
                        target_shares[row, place, : len(others)] = ids_and_shares[1].float()
                for place, some in enumerate(branch.choices, start=start):
                    for number, (choice, leaning) in enumerate(some):
                        choices[row, place, number], leanings[row, place, number] = choice, leaning
                if branch.weights:
                    weights[row, ids_there] = torch.tensor(branch.weights)
                # The position before an id predicts it.
                for position, shown in enumerate(branch.looks, start=start - 1):
                    looks[row, position, list(shown)] = True
            offset += len(ids)
    return PackedBatch(
        torch.tensor([group.image for placed in laid for _, group in placed]),
        documents,
        input_ids,
        labels,
        weights,
        positions,
        branch_attention(branches, documents),
        looks,
        target_ids,
        target_shares,
        choices,
        leanings,
    )


def fill_rows(lengths: Sequence[int], length: int) -> list[list[int]]:
    """Which items share a row of at most `length`: first fit, longest first. 0: a row for each, in order."""
    if not length:
        return [[number] for number in range(len(lengths))]
    rows: list[list[int]] = []
    left: list[int] = []
    for number in sorted(range(len(lengths)), key=lambda one: (-lengths[one], one)):
        for row, room in enumerate(left):
            if lengths[number] <= room:
                rows[row].append(number)
                left[row] -= lengths[number]
                break
        else:
            rows.append([number])
            left.append(length - lengths[number])
    return rows


def branch_attention(branches: torch.Tensor, documents: torch.Tensor | None = None) -> torch.Tensor:
    """(R, L) branch numbers to (R, 1, L, L): causal, the own branch and branch 0 of the own document only.

    documents : (R, L) numbers of documents, None where a row is one document.
    """
    length = branches.shape[1]
    causal = torch.ones(length, length, dtype=torch.bool, device=branches.device).tril()
    query, key = branches[:, :, None], branches[:, None, :]
    allowed = causal & ((key == query) | (key == 0)) & (key != _PAD)
    if documents is not None:
        allowed &= documents[:, :, None] == documents[:, None, :]
    # A row that attends to nothing would be all NaN: padding attends to itself.
    allowed |= torch.eye(length, dtype=torch.bool, device=branches.device)
    return allowed[:, None]


def _answers(group: PackedQuestions, offset: int) -> Iterator[tuple[int, Branch]]:
    """Where in the row each branch's answer begins; offset : where the group begins."""
    start = offset + len(group.prefix)
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
