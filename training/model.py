"""InternVL-architecture models, in the form that llama.cpp runs without loss.

LayerNorm, attention bias, layer scale, tanh GELU, no query-key norm and no final norm in the vision tower;
pixel shuffle by 2; LayerNorm + two-layer projector; Llama text model with an untied head.
"""

from __future__ import annotations

import json
import math
from pathlib import Path

import torch
from transformers import (
    InternVLConfig,
    InternVLForConditionalGeneration,
    InternVLModel,
    InternVLVisionModel,
    PreTrainedTokenizerFast,
)
from transformers.utils.logging import disable_progress_bar

from engine.errors import MedRegAError
from training.presets import PRESETS, ModelPreset, model_config
from training.tokenizer import IMAGE_CONTEXT

__all__ = ["PRESETS", "CheckpointError", "ModelPreset", "build_model", "load_model"]

# Standard error holds one JSON object a line, or our own progress: not bars of "writing model shards".
disable_progress_bar()

IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)


class CheckpointError(MedRegAError):
    """A checkpoint folder that cannot be used."""


def build_model(preset: ModelPreset, tokenizer: PreTrainedTokenizerFast) -> InternVLForConditionalGeneration:
    """A model from scratch, its weights drawn from torch's current random state."""
    return fresh_model(model_config(preset, token_facts(tokenizer)))


def token_facts(tokenizer: PreTrainedTokenizerFast) -> dict[str, int | None]:
    """What a model's configuration needs to know of its tokenizer."""
    return {
        "vocab_size": len(tokenizer),
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
        "image_token_id": tokenizer.convert_tokens_to_ids(IMAGE_CONTEXT),
    }


def fresh_model(config: InternVLConfig) -> InternVLForConditionalGeneration:
    """Random weights, the patches' positions from `sinusoidal_positions`."""
    model = InternVLForConditionalGeneration(config)
    vision = config.vision_config
    side = vision.image_size[0] // vision.patch_size[0]
    with torch.no_grad():
        positions = model.model.vision_tower.embeddings.position_embeddings
        positions[0, 1:] = sinusoidal_positions(side, vision.hidden_size)
    return model


def meta_model(preset: ModelPreset) -> InternVLForConditionalGeneration:
    """The preset's model on torch's meta device: shapes without memory, for planning."""
    tokens = {"vocab_size": preset.vocab_size, "eos_token_id": 7, "pad_token_id": 0, "image_token_id": 1}
    with torch.device("meta"):
        return InternVLForConditionalGeneration(model_config(preset, tokens))


def sinusoidal_positions(side: int, width: int) -> torch.Tensor:
    """(side * side, width) row-major 2-D sine-cosine table, half the width for y and half for x.

    A learned table that starts here knows from the first step which patch is where. Form: He et al., MAE,
    CVPR 2022, after Vaswani et al. 2017. Scaled to the size of fresh patch embeddings.
    """
    quarter = width // 4
    frequencies = torch.exp(-math.log(10000.0) * torch.arange(quarter) / quarter)
    angles = torch.arange(side)[:, None] * frequencies[None]
    one = torch.cat([angles.sin(), angles.cos()], dim=1)
    rows = one[:, None].expand(side, side, -1)
    columns = one[None].expand(side, side, -1)
    return 0.2 * torch.cat([rows, columns], dim=-1).reshape(side * side, width)


def image_tensor(images: torch.Tensor) -> torch.Tensor:
    """(B, S, S, 3) uint8 to (B, 3, S, S) float32, normalised as llama.cpp does: u8 / 255, mean, std."""
    scaled = images.permute(0, 3, 1, 2).float() / 255
    mean, std = (torch.tensor(v, device=images.device).view(1, 3, 1, 1) for v in (IMAGE_MEAN, IMAGE_STD))
    return (scaled - mean) / std


def tower_features(model: InternVLForConditionalGeneration, pixels: torch.Tensor) -> torch.Tensor:
    """(B, 3, S, S) normalised pixels to (B, image tokens, merged patches x vision width): the connector's input."""
    inner = model.model
    hidden = inner.vision_tower(pixel_values=pixels.to(inner.dtype), return_dict=True).last_hidden_state[:, 1:]
    return shuffled_features(inner, hidden)


def stem_states(tower: InternVLVisionModel, pixels: torch.Tensor, blocks: int) -> torch.Tensor:
    """(B, 3, S, S) normalised pixels to (B, 1 + patches, vision width): what leaves the first so many blocks."""
    hidden: torch.Tensor = tower.embeddings(pixels)
    for layer in tower.encoder.layer[:blocks]:
        hidden = layer(hidden)
    return hidden


def finish_tower(tower: InternVLVisionModel, states: torch.Tensor, blocks: int) -> torch.Tensor:
    """`stem_states` to (B, patches, vision width): through the other blocks, without the class token."""
    for layer in tower.encoder.layer[blocks:]:
        states = layer(states)
    hidden: torch.Tensor = tower.layernorm(states)[:, 1:]
    return hidden


def merged_patches(config: InternVLConfig) -> int:
    """Patches a side that the pixel shuffle makes one image token of."""
    patches: int = round(1 / config.downsample_ratio)
    return patches


def pixel_shuffle(grid: torch.Tensor, scale_factor: float) -> torch.Tensor:
    """(B, S, S, C) patches to (B, S / m, S / m, m x m x C), m = 1 / scale_factor; of a token row by row.

    transformers' own divides by the float, and so refuses an m that is no power of two.
    """
    batch, side, _, width = grid.shape
    merge = round(1 / scale_factor)
    parts = grid.reshape(batch, side // merge, merge, side // merge, merge, width)
    return parts.permute(0, 1, 3, 2, 4, 5).reshape(batch, side // merge, side // merge, merge * merge * width)


def shuffled_features(inner: InternVLModel, hidden: torch.Tensor) -> torch.Tensor:
    """(B, patches, vision width) to (B, image tokens, merged patches x vision width): what goes into the connector."""
    side = math.isqrt(hidden.shape[1])
    grid = hidden.reshape(len(hidden), side, side, -1)
    shuffled = pixel_shuffle(grid, inner.config.downsample_ratio)
    if getattr(inner.config, "ps_version", "v2") == "v1":
        # InternVL-Chat-V1.2 leaves its tokens column by column.
        shuffled = shuffled.transpose(1, 2)
    result: torch.Tensor = shuffled.reshape(len(hidden), -1, shuffled.shape[-1])
    return result


def project(model: InternVLForConditionalGeneration, features: torch.Tensor) -> torch.Tensor:
    """(B, image tokens, merged patches x vision width) to (B, image tokens, text width): the connector."""
    result: torch.Tensor = model.model.multi_modal_projector(features)
    return result


def image_embeddings(model: InternVLForConditionalGeneration, pixels: torch.Tensor) -> torch.Tensor:
    """(B, 3, S, S) normalised pixels to (B, image tokens, text width), row by row (v1 shuffle: by column)."""
    return project(model, tower_features(model, pixels))


def load_model(folder: Path) -> InternVLForConditionalGeneration:
    """A checkpoint of the trainer, of transformers' InternVL or of the original InternVL-Chat, in float32.

    Only safetensors are read. Raises `CheckpointError` naming the folder and what is missing or does not fit.
    """
    config = folder / "config.json"
    weights = [folder / "model.safetensors", folder / "model.safetensors.index.json"]
    if not config.is_file() or not any(file.is_file() for file in weights):
        raise CheckpointError(
            f"{folder} is not a checkpoint: it needs config.json and model.safetensors (or its shards with "
            "model.safetensors.index.json)"
        )
    try:
        kind = json.loads(config.read_text(encoding="utf-8")).get("model_type")
    except (ValueError, AttributeError) as error:
        raise CheckpointError(f"{config} is not a model's configuration: {error}") from error
    if kind == "internvl_chat":
        from training.internvl_chat import load_internvl_chat

        return load_internvl_chat(folder)
    if kind != "internvl":
        raise CheckpointError(f"{config} is of a model of type {kind!r}; the trainer takes internvl and internvl_chat")
    return InternVLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32, use_safetensors=True)
