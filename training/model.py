"""InternVL-architecture models, in the form that llama.cpp runs without loss.

LayerNorm, attention bias, layer scale, tanh GELU, no query-key norm and no final norm in the vision tower;
pixel shuffle by 2; LayerNorm + two-layer projector; Llama text model with an untied head.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from transformers import InternVLConfig, InternVLForConditionalGeneration, PreTrainedTokenizerFast

from engine.errors import MedRegAError
from training.tokenizer import IMAGE_CONTEXT

IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)


class CheckpointError(MedRegAError):
    """A checkpoint folder that cannot be used."""


@dataclass(frozen=True, slots=True)
class ModelPreset:
    """Sizes of a model. Widths are multiples of 64 (heads) and 32 (Q8_0 blocks)."""

    image_size: int
    vision_width: int
    vision_layers: int
    text_width: int
    text_layers: int
    text_ffn: int
    vocab_size: int
    patch_size: int = 14

    @property
    def image_tokens(self) -> int:
        """Positions an image takes: patches a side, halved by the pixel shuffle, squared."""
        return (self.image_size // self.patch_size // 2) ** 2


PRESETS = {
    "tiny": ModelPreset(56, 64, 2, 64, 2, 128, 640),
    "starter": ModelPreset(224, 256, 6, 256, 4, 768, 2048),
}
"""``tiny`` is for tests; ``starter`` is what ships."""


def build_model(preset: ModelPreset, tokenizer: PreTrainedTokenizerFast) -> InternVLForConditionalGeneration:
    """A model from scratch, its weights drawn from torch's current random state."""
    text = {
        "model_type": "llama",
        "hidden_size": preset.text_width,
        "intermediate_size": preset.text_ffn,
        "num_hidden_layers": preset.text_layers,
        "num_attention_heads": preset.text_width // 64,
        "num_key_value_heads": max(1, preset.text_width // 128),
        "head_dim": 64,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": 4096,
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": False,
        "bos_token_id": None,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {
        "hidden_size": preset.vision_width,
        "intermediate_size": 4 * preset.vision_width,
        "num_hidden_layers": preset.vision_layers,
        "num_attention_heads": preset.vision_width // 64,
        "image_size": [preset.image_size] * 2,
        "patch_size": [preset.patch_size] * 2,
        "attention_bias": True,
        "use_qk_norm": False,
        "norm_type": "layer_norm",
        "hidden_act": "gelu_pytorch_tanh",
        "use_mean_pooling": True,
        "layer_scale_init_value": 1.0,
    }
    config = InternVLConfig(
        vision_config=vision,
        text_config=text,
        image_token_id=tokenizer.convert_tokens_to_ids(IMAGE_CONTEXT),
        image_seq_length=preset.image_tokens,
        projector_hidden_act="gelu_pytorch_tanh",
        downsample_ratio=0.5,
        tie_word_embeddings=False,
    )
    model = InternVLForConditionalGeneration(config)
    side = preset.image_size // preset.patch_size
    with torch.no_grad():
        positions = model.model.vision_tower.embeddings.position_embeddings
        positions[0, 1:] = sinusoidal_positions(side, preset.vision_width)
    return model


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
    mean, std = (torch.tensor(v).view(1, 3, 1, 1) for v in (IMAGE_MEAN, IMAGE_STD))
    return (scaled - mean) / std


def image_embeddings(model: InternVLForConditionalGeneration, pixels: torch.Tensor) -> torch.Tensor:
    """(B, 3, S, S) normalised pixels to (B, image tokens, text width), row by row."""
    features = model.model.get_image_features(pixel_values=pixels, return_dict=True).pooler_output
    if isinstance(features, (list, tuple)):
        features = torch.stack(list(features))
    result: torch.Tensor = features.reshape(pixels.shape[0], -1, model.config.text_config.hidden_size)
    return result


def load_model(folder: Path) -> InternVLForConditionalGeneration:
    """A checkpoint written by the trainer, in float32. Raises `CheckpointError` naming the folder."""
    if not (folder / "config.json").is_file() or not (folder / "model.safetensors").is_file():
        raise CheckpointError(f"{folder} is not a checkpoint: it needs config.json and model.safetensors")
    return InternVLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
