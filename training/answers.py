"""The model as the trainer's step sees it: what of it is trained, a packed batch in, the loss of its answers out."""

from __future__ import annotations

import contextlib
import re
from typing import Any, NamedTuple

import torch
from torch import nn
from transformers import InternVLForConditionalGeneration

from training.attention import AttentionGuide
from training.drawing import QuestionBatch
from training.features import FeatureCache, batch_features
from training.latent_replay import Remembered
from training.model import (
    finish_tower,
    image_tensor,
    project,
    shuffled_features,
    stem_states,
    tower_features,
)
from training.packing import NO_CHOICE, PackedBatch
from training.recipe import Stage

_PARTS = {"vision": "model.vision_tower", "connector": "model.multi_modal_projector"}
_VISION_BLOCK = re.compile(r"model\.vision_tower\.encoder\.layer\.(\d+)\.")


class AnswerLosses(NamedTuple):
    """Scalars. answers : weighted sum of the answers' cross-entropy. looks : the guided heads' mean loss.

    forgotten : how far an adapted output layer has gone from what it said, weighed (see `training.latent_replay`).
    """

    answers: torch.Tensor
    looks: torch.Tensor
    forgotten: torch.Tensor


class AnswerModel(nn.Module):
    """A module of its own, so that DDP, FSDP and DeepSpeed wrap one forward pass.

    model : InternVL, with peft's adapters put into its text model or without. attention : whether the guided heads'
    loss is wanted too. cache : of a frozen tower's features. stem : cache what so many of its first blocks say instead.
    remembered : what an adapted output layer must go on saying (see `training.latent_replay`).
    """

    _keys_to_ignore_on_save = None

    def __init__(
        self,
        model: InternVLForConditionalGeneration,
        *,
        attention: bool = False,
        cache: FeatureCache | None = None,
        caching: bool = False,
        stem: int = 0,
        remembered: Remembered | None = None,
    ) -> None:
        super().__init__()
        self.model = model
        self._guide = AttentionGuide(model.model.language_model) if attention else None
        self._cache = cache
        self._caching = caching
        self._stem = stem
        self._remembered = remembered
        self._frozen_tower = not any(p.requires_grad for p in model.model.vision_tower.parameters())

    def forward(self, batch: QuestionBatch) -> AnswerLosses:
        """The losses of a batch, each 0 where it is not wanted."""
        watching = self._guide.watching() if self._guide is not None else contextlib.nullcontext()
        with watching:
            total = answer_loss_sum(self.model, batch["packed"], self._features(batch))
        looks = forgotten = total.new_zeros(())
        if self._guide is not None:
            looks = self._guide.loss(batch["packed"], self.model.config.image_token_id)
        if self.training and self._remembered is not None:
            forgotten = self._remembered.drawn(self.model.lm_head)
        return AnswerLosses(total, looks, forgotten)

    def forgotten(self) -> torch.Tensor:
        """As in `AnswerLosses`, of what is never drawn in training: a scalar, 0 where nothing is remembered."""
        head = self.model.lm_head
        return torch.zeros(()) if self._remembered is None else self._remembered.spared(head)

    def _features(self, batch: QuestionBatch) -> torch.Tensor:
        """(B, image tokens, 4 x vision width), what is known already from the batch."""
        if not self._stem:
            return batch_features(batch, self._whole_tower, self._cache, caching=self._caching)
        states = batch_features(batch, self._first_blocks, self._cache, caching=self._caching)
        with torch.no_grad() if self._frozen_tower else contextlib.nullcontext():
            hidden = finish_tower(self.model.model.vision_tower, states, self._stem)
            return shuffled_features(self.model.model, hidden)

    def _whole_tower(self, images: torch.Tensor) -> torch.Tensor:
        with torch.no_grad() if self._frozen_tower else contextlib.nullcontext():
            return tower_features(self.model, image_tensor(images))

    def _first_blocks(self, images: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return stem_states(self.model.model.vision_tower, image_tensor(images), self._stem)

    def keep_trainable_only(self) -> None:
        """From now on `state_dict` leaves out what is not trained: a step's checkpoint needs no copy of it."""
        trained = {name for name, parameter in self.named_parameters() if parameter.requires_grad}

        def drop(_module: nn.Module, state: dict[str, Any], prefix: str, _local: Any) -> None:
            for name in [name for name in state if name.removeprefix(prefix) not in trained]:
                del state[name]

        self.register_state_dict_post_hook(drop)  # type: ignore[no-untyped-call]


def answer_loss_sum(
    model: InternVLForConditionalGeneration, packed: PackedBatch, features: torch.Tensor
) -> torch.Tensor:
    """Weighted sum of the cross-entropy of a batch's answers with their targets, a scalar.

    features : (B, image tokens, 4 x vision width). Logits are made for answer positions only: they are a tenth of a
    sequence.
    """
    logits: torch.Tensor = model.lm_head(answer_states(model, packed, features)).float()
    answered = packed.answered
    chosen = (tensor[:, 1:][answered] for tensor in (packed.choices, packed.leanings))
    ids, shares = packed.target_ids[:, 1:][answered], packed.target_shares[:, 1:][answered]
    logprobs = logits.gather(-1, ids) - log_total(logits, *chosen)[:, None]
    each = -(logprobs * shares).sum(dim=-1)
    return (each * packed.weights[:, 1:][answered]).sum()


def log_total(logits: torch.Tensor, choices: torch.Tensor, leanings: torch.Tensor) -> torch.Tensor:
    """(N,) the logarithm of what all exponentials sum to of the ids that each of N rows is chosen among.

    logits : (N, vocabulary). choices, leanings : (N, C), see `PackedBatch`.
    """
    total = logits.logsumexp(dim=-1)
    told = (choices != NO_CHOICE).any(dim=-1)
    some = choices[told]
    leant = logits[told].gather(-1, some.clamp(min=0)) + leanings[told]
    among = leant.masked_fill(some == NO_CHOICE, -torch.inf)
    return total.masked_scatter(told, among.logsumexp(dim=-1))


def answer_states(model: InternVLForConditionalGeneration, packed: PackedBatch, features: torch.Tensor) -> torch.Tensor:
    """(answer ids, text width): what goes into the output layer where an answer's id is predicted, row by row."""
    embedded = project(model, features)
    ids = packed.input_ids
    embeddings = model.get_input_embeddings()(ids)
    places = ids == model.config.image_token_id
    chosen = embedded[packed.image_index].reshape(-1, embedded.shape[-1]).to(embeddings.dtype)
    embeddings = embeddings.masked_scatter(places[..., None], chosen)
    hidden: torch.Tensor = model.model.language_model(
        inputs_embeds=embeddings,
        attention_mask=packed.attention,
        position_ids=packed.position_ids,
        use_cache=False,
    ).last_hidden_state
    return hidden[:, :-1][packed.answered]


def answer_weight(packed: PackedBatch) -> torch.Tensor:
    """What a batch's answers weigh in all, a scalar."""
    return packed.weights[:, 1:][packed.answered].sum()


def packed_loss(model: InternVLForConditionalGeneration, batch: QuestionBatch) -> torch.Tensor:
    """Weighted mean cross-entropy of the answers' tokens of a batch of images, a scalar."""
    features = tower_features(model, image_tensor(batch["images"]))
    return answer_loss_sum(model, batch["packed"], features) / answer_weight(batch["packed"])


def choose_trained(model: InternVLForConditionalGeneration, stage: Stage) -> None:
    """Freeze everything that a stage does not train."""
    blocks = model.config.vision_config.num_hidden_layers
    for name, parameter in model.named_parameters():
        part = next((part for part, prefix in _PARTS.items() if name.startswith(prefix)), "text")
        block = _VISION_BLOCK.match(name)
        top = block is not None and int(block.group(1)) >= blocks - stage.vision_top
        parameter.requires_grad_(part in stage.train or top)
