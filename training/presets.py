"""Sizes of models, as configurations of transformers' InternVL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from transformers import InternVLConfig


@dataclass(frozen=True, slots=True)
class ModelPreset:
    """Sizes of a model. Widths are multiples of 64 (heads) and 32 (Q8_0 blocks).

    heads : attention heads of the text model, 0 for one each 64 of the width. kv_heads : 0 for half as many.
    internvit_6b : the tower has the norms of InternViT-6B: RMSNorm, norms of query and key, no bias of q, k and v.
    text_eps : of the text model's norms. layer_scale : where the tower's layer scales start.
    merge : patches a side that the pixel shuffle makes one image token of.
    """

    image_size: int
    vision_width: int
    vision_layers: int
    text_width: int
    text_layers: int
    text_ffn: int
    vocab_size: int
    patch_size: int = 14
    vision_heads: int = 0
    heads: int = 0
    kv_heads: int = 0
    internvit_6b: bool = False
    rope_theta: float = 10000.0
    text_eps: float = 1e-6
    layer_scale: float = 1.0
    merge: int = 2

    @property
    def image_tokens(self) -> int:
        """Positions an image takes: patches a side, merged by the pixel shuffle, squared."""
        return (self.image_size // self.patch_size // self.merge) ** 2


PRESETS = {
    "tiny": ModelPreset(56, 64, 2, 64, 2, 128, 640),
    "starter-v1": ModelPreset(224, 256, 6, 256, 4, 768, 2048),
    "starter": ModelPreset(224, 256, 6, 256, 8, 768, 2048),
    # For real scans: as deep a text model as v1, a larger vocabulary; its tower is meant to come pretrained.
    "starter-real": ModelPreset(224, 384, 9, 256, 4, 768, 4096),
    # InternVL-Chat-V1.2: InternViT-6B-448px-V1-2 and Nous-Hermes-2-Yi-34B with nine added tokens.
    "medrega-40b": ModelPreset(
        448,
        3200,
        45,
        7168,
        60,
        20480,
        64009,
        vision_heads=25,
        heads=56,
        kv_heads=8,
        internvit_6b=True,
        rope_theta=5_000_000.0,
        text_eps=1e-5,
        layer_scale=0.1,
    ),
}
"""``tiny`` is for tests; ``starter-v1`` and ``starter``, whose text model is deeper (12 M), learn from phantoms; what
ships began as ``starter-real``.
"""


def model_config(preset: ModelPreset, tokens: Mapping[str, int | None]) -> InternVLConfig:
    """The configuration of a preset's model.

    tokens : ``vocab_size``, ``eos_token_id``, ``pad_token_id`` and ``image_token_id`` of its tokenizer.
    """
    heads = preset.heads or preset.text_width // 64
    text: dict[str, Any] = {
        "model_type": "llama",
        "hidden_size": preset.text_width,
        "intermediate_size": preset.text_ffn,
        "num_hidden_layers": preset.text_layers,
        "num_attention_heads": heads,
        "num_key_value_heads": preset.kv_heads or max(1, heads // 2),
        "head_dim": preset.text_width // heads,
        "vocab_size": tokens["vocab_size"],
        "max_position_embeddings": 4096,
        "rms_norm_eps": preset.text_eps,
        "rope_theta": preset.rope_theta,
        "tie_word_embeddings": False,
        "bos_token_id": None,
        "eos_token_id": tokens["eos_token_id"],
        "pad_token_id": tokens["pad_token_id"],
    }
    vision: dict[str, Any] = {
        "hidden_size": preset.vision_width,
        "intermediate_size": 4 * preset.vision_width,
        "num_hidden_layers": preset.vision_layers,
        "num_attention_heads": preset.vision_heads or preset.vision_width // 64,
        "image_size": [preset.image_size] * 2,
        "patch_size": [preset.patch_size] * 2,
        "attention_bias": not preset.internvit_6b,
        "use_qk_norm": preset.internvit_6b,
        "norm_type": "rms_norm" if preset.internvit_6b else "layer_norm",
        "hidden_act": "gelu" if preset.internvit_6b else "gelu_pytorch_tanh",
        "use_mean_pooling": True,
        "layer_scale_init_value": preset.layer_scale,
    }
    return InternVLConfig(
        vision_config=vision,
        text_config=text,
        image_token_id=tokens["image_token_id"],
        image_seq_length=preset.image_tokens,
        projector_hidden_act="gelu" if preset.internvit_6b else "gelu_pytorch_tanh",
        downsample_ratio=1 / preset.merge,
        tie_word_embeddings=False,
    )
