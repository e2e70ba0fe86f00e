"""A trained model for larger pictures: what it learnt of small ones is where it goes on from.

Positions are interpolated, and the connector reads what a token's finer patches average to. As many patches more are
merged as there are more, the text model sees as many tokens as before, each of the same part of the picture: what it
learnt of where a token lies stays true.
"""

from __future__ import annotations

import torch
from transformers import InternVLConfig, InternVLForConditionalGeneration

from training.model import CheckpointError, merged_patches
from training.vision_init import resize_positions

_POSITIONS = "model.vision_tower.embeddings.position_embeddings"
_CONNECTOR = "model.multi_modal_projector."


def enlarge(
    model: InternVLForConditionalGeneration, image_size: int | None, merge: int | None
) -> InternVLForConditionalGeneration:
    """The model for square pictures of `image_size` pixels, `merge` patches a side to a token; None for as it was.

    Raises `CheckpointError` where the patches do not divide.
    """
    config, vision = model.config, model.config.vision_config
    before = merged_patches(config)
    size, merge, patch = image_size or vision.image_size[0], merge or before, vision.patch_size[0]
    if size == vision.image_size[0] and merge == before:
        return model
    if size % (merge * patch):
        raise CheckpointError(f"image_size {size} is not a multiple of {merge} patches of {patch}")
    data = config.to_dict()
    data["vision_config"] |= {"image_size": [size] * 2}
    data |= {"downsample_ratio": 1 / merge, "image_seq_length": (size // patch // merge) ** 2}
    grown = InternVLForConditionalGeneration(
        InternVLConfig(**{key: value for key, value in data.items() if key != "model_type"})
    )
    with torch.no_grad():
        state = dict(model.state_dict())
        state[_POSITIONS] = resize_positions(state[_POSITIONS], (size // patch) ** 2)
        if merge != before:
            state |= _connector(state, before, merge)
        grown.load_state_dict(state)
    return grown


def _connector(state: dict[str, torch.Tensor], before: int, merge: int) -> dict[str, torch.Tensor]:
    """The connector's first two layers for tokens of merge x merge patches.

    The norm's weights move into the layer behind it, since the patches of a token that it weighs are others now.
    """
    weight, bias = (state[f"{_CONNECTOR}linear_1.{kind}"].float() for kind in ("weight", "bias"))
    scale, shift = (state[f"{_CONNECTOR}layer_norm.{kind}"].float() for kind in ("weight", "bias"))
    bias = bias + weight @ shift
    old = (weight * scale).reshape(len(weight), before, before, -1)
    share = _overlap(before, merge)
    new = torch.einsum("ouvc,ur,vs->orsc", old, share, share).reshape(len(weight), -1)
    return {
        f"{_CONNECTOR}linear_1.weight": new,
        f"{_CONNECTOR}linear_1.bias": bias,
        f"{_CONNECTOR}layer_norm.weight": torch.ones(new.shape[1]),
        f"{_CONNECTOR}layer_norm.bias": torch.zeros(new.shape[1]),
    }


def _overlap(before: int, merge: int) -> torch.Tensor:
    """(before, merge): what share of each of `before` equal parts of a line each of `merge` equal parts fills."""
    starts, parts = torch.arange(before)[:, None] / before, torch.arange(merge)[None] / merge
    ends = torch.minimum(starts + 1 / before, parts + 1 / merge)
    return (ends - torch.maximum(starts, parts)).clamp_min(0) * before
