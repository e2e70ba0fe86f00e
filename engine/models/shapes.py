"""The numbers that a text model and a vision tower are built to, and the GGUF keys that hold them.

Keys: llama.cpp's gguf-py constants, and tools/mtmd/clip.cpp for the tower, as of llama-cpp-python 0.3.36.
"""

from __future__ import annotations

from dataclasses import dataclass

import gguf

IMAGE_MEAN = (0.485, 0.456, 0.406)
IMAGE_STD = (0.229, 0.224, 0.225)
RMS_WIDTH, RMS_LAYERS = 3200, 45
"""The one tower that llama.cpp evaluates with RMSNorm: it tells InternViT-6B by its width and depth (clip.cpp)."""


@dataclass(frozen=True, slots=True)
class VisionShape:
    """InternViT. layers : those that are used. rms : RMSNorm instead of LayerNorm. size, patch : pixels.

    merge : patches a side that the pixel shuffle makes one image token of.
    """

    width: int
    layers: int
    heads: int
    feed_forward: int
    size: int
    patch: int
    epsilon: float
    rms: bool
    qk_norm: bool
    bias: bool
    by_columns: bool
    merge: int = 2

    @property
    def image_tokens(self) -> int:
        """What the text model sees of an image, after the pixel shuffle."""
        return (self.size // self.patch // self.merge) ** 2


@dataclass(frozen=True, slots=True)
class TextShape:
    """Llama. rows : of the embedding table."""

    width: int
    layers: int
    heads: int
    kv_heads: int
    head_width: int
    feed_forward: int
    context_length: int
    epsilon: float
    rope_theta: float
    rows: int


def put_text_shape(out: gguf.GGUFWriter, shape: TextShape) -> None:
    """Write a text model's keys, all but its tokenizer's."""
    out.add_context_length(shape.context_length)
    out.add_embedding_length(shape.width)
    out.add_block_count(shape.layers)
    out.add_feed_forward_length(shape.feed_forward)
    out.add_head_count(shape.heads)
    out.add_head_count_kv(shape.kv_heads)
    out.add_layer_norm_rms_eps(shape.epsilon)
    out.add_rope_freq_base(shape.rope_theta)
    out.add_rope_dimension_count(shape.head_width)
    if shape.head_width * shape.heads != shape.width:
        out.add_key_length(shape.head_width)
        out.add_value_length(shape.head_width)
    out.add_vocab_size(shape.rows)


def put_vision_shape(out: gguf.GGUFWriter, shape: VisionShape, text_width: int) -> None:
    """Write the keys of a tower with InternVL's projector into a text model of this width."""
    out.add_type("mmproj")
    out.add_bool("clip.has_vision_encoder", True)
    out.add_string("clip.projector_type", "internvl")
    for name, value in (
        ("image_size", shape.size),
        ("patch_size", shape.patch),
        ("embedding_length", shape.width),
        ("feed_forward_length", shape.feed_forward),
        ("block_count", shape.layers),
        ("attention.head_count", shape.heads),
        ("projection_dim", text_width),
        ("projector.scale_factor", shape.merge),
    ):
        out.add_uint32(f"clip.vision.{name}", value)
    out.add_float32("clip.vision.attention.layer_norm_epsilon", shape.epsilon)
    out.add_array("clip.vision.image_mean", list(IMAGE_MEAN))
    out.add_array("clip.vision.image_std", list(IMAGE_STD))
    out.add_bool("clip.use_gelu", True)
