"""Guided attention: while an answer names or writes a box, some heads are taught to look at what is in it.

The answers' own loss finds this by itself only after very long training: until then a model answers every
question about the liver with the place where livers usually are. Attention supervised from known alignments is
from Liu et al., "Neural Machine Translation with Supervised Attention", COLING 2016; here a box is the
alignment. Nothing of it is left in the trained model but the weights.
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn
from transformers import LlamaModel
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

from engine.protocol import MEDREGA_UNIT, Task
from engine.protocol.syntax import BOX_LIST, box_numbers
from training.packing import PackedBatch
from training.records import Record

_MIN_SHARE = 0.25
"""How much of an image token, or of the box if that is smaller, must overlap for the token to show the box."""


def tokens_in_boxes(boxes: Sequence[tuple[int, int, int, int]], side: int) -> tuple[int, ...]:
    """Row-major numbers of the image tokens, `side` a side, that show what is in any of some 0-999 boxes."""
    shown = set()
    for box in boxes:
        x1, y1, x2, y2 = (value / MEDREGA_UNIT.scale * side for value in box)
        enough = _MIN_SHARE * min(1.0, (x2 - x1) * (y2 - y1))
        for row in range(math.floor(y1), min(side, math.ceil(y2))):
            for column in range(math.floor(x1), min(side, math.ceil(x2))):
                width = min(x2, column + 1) - max(x1, column)
                height = min(y2, row + 1) - max(y1, row)
                if width * height >= enough:
                    shown.add(row * side + column)
    return tuple(sorted(shown))


def answer_looks(
    record: Record, answer: Sequence[int], box_ids: tuple[int, int], digits: Container[int], side: int
) -> tuple[tuple[int, ...], ...]:
    """For each id of an answer, the image tokens to look at while it is written; empty where anything goes.

    record : gives the task and the boxes. box_ids : of ``<box>`` and ``</box>``. digits : the ids of digits.
    A name is read off the question's box; a box is read off what it will enclose, in a list each off its own.
    """
    if record.task is Task.REGION_TO_TEXT:
        # The format example in a preamble holds letters, not numbers.
        asked = [box for inner in BOX_LIST.findall(record.human) for box in box_numbers(inner)]
        return (tokens_in_boxes(asked, side),) * len(answer)
    looks: list[tuple[int, ...]] = []
    lists = map(box_numbers, BOX_LIST.findall(record.gpt))
    opening, closing = box_ids
    start = 0
    for end, token in enumerate(answer):
        if token == opening:
            looks += [()] * (end + 1 - len(looks))
            start = end + 1
        elif token == closing:
            looks += _list_looks(next(lists, ()), [one in digits for one in answer[start:end]], side)
            # The closing mark itself is for the text to decide.
            looks.append(())
    return tuple(looks) + ((),) * (len(answer) - len(looks))


def _list_looks(
    boxes: Sequence[tuple[int, int, int, int]], digit: Sequence[bool], side: int
) -> Iterator[tuple[int, ...]]:
    """Where each id of a list of boxes looks. digit : which of them are digits, of four numbers a box.

    What stands between two boxes looks at the next: which one that is must be known before its first digit.
    """
    ends = [number for number, one in enumerate(digit) if one and not any(digit[number + 1 : number + 2])]
    if len(ends) != 4 * len(boxes):
        # Ids of several digits: the boxes cannot be told apart.
        yield from [tokens_in_boxes(boxes, side)] * len(digit)
        return
    shown = [tokens_in_boxes([box], side) for box in boxes]
    done = 0
    for number in range(len(digit)):
        yield shown[min(done // 4, len(boxes) - 1)]
        done += number in ends


class AttentionGuide:
    """The loss of half the heads of a text model's middle layers: minus the log of their attention to the boxes.

    The first layer gathers the question and the last one writes, so neither is guided, unless there are fewer
    than three.
    """

    def __init__(self, text_model: LlamaModel) -> None:
        layers = list(text_model.layers)
        self._attentions = [layer.self_attn for layer in (layers[1:-1] or layers[-1:])]
        self._rotary = text_model.rotary_emb
        self._kept: dict[nn.Module, torch.Tensor] = {}

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Keeps the queries and keys of the forward pass made inside, for `loss`."""
        hooks = [
            projection.register_forward_hook(lambda module, _, output: self._kept.__setitem__(module, output))
            for attention in self._attentions
            for projection in (attention.q_proj, attention.k_proj)
        ]
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def loss(self, packed: PackedBatch, image_id: int) -> torch.Tensor:
        """A scalar for the forward pass just watched; image_id : the image tokens' id."""
        rows = packed.looks.any(dim=-1)
        if not rows.any():
            return next(iter(self._kept.values())).sum() * 0
        cos, sin = self._rotary(next(iter(self._kept.values())), packed.position_ids)
        losses = []
        for attention in self._attentions:
            queries, keys = apply_rotary_pos_emb(
                self._heads(attention.q_proj, attention.head_dim),
                self._heads(attention.k_proj, attention.head_dim),
                cos,
                sin,
            )
            guided = max(1, queries.shape[1] // 2)
            keys = keys.repeat_interleave(attention.num_key_value_groups, dim=1)
            # Unbound and index_select: the gradient of indexing a whole batch fills a whole batch each time.
            for row, (query, key) in enumerate(zip(queries.unbind(), keys.unbind(), strict=True)):
                asking = rows[row].nonzero().flatten()
                if not len(asking):
                    continue
                scores = query[:guided].index_select(1, asking) @ key[:guided].transpose(1, 2)
                scores = scores.float() * attention.scaling
                scores = scores.masked_fill(~packed.attention[row, :, asking], -math.inf)
                shown = self._shown(packed, row, asking, image_id)
                wanted = scores.masked_fill(~shown, -math.inf).logsumexp(dim=-1)
                losses.append((scores.logsumexp(dim=-1) - wanted).flatten())
        self._kept.clear()
        return torch.cat(losses).mean()

    @staticmethod
    def _shown(packed: PackedBatch, row: int, asking: torch.Tensor, image_id: int) -> torch.Tensor:
        """(asking, L) bool: the positions to look at, each in the image of its own document."""
        ids, documents = packed.input_ids[row], packed.documents[row]
        shown = torch.zeros(len(asking), len(ids), dtype=torch.bool, device=ids.device)
        for document in torch.unique(documents[asking]):
            lines = (documents[asking] == document).nonzero().flatten()
            places = ((ids == image_id) & (documents == document)).nonzero().flatten()
            shown[lines[:, None], places[None]] = packed.looks[row, asking[lines]]
        return shown

    def _heads(self, projection: nn.Module, size: int) -> torch.Tensor:
        output = self._kept[projection]
        return output.view(*output.shape[:2], -1, size).transpose(1, 2)
