"""The vision tower and the projector as GGUF (mmproj), and the picture they are tested with.

Tensor names and keys: tools/mtmd/clip.cpp of the llama.cpp inside llama-cpp-python 0.3.36.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from training.export.checkpoint import Checkpoint
from training.export.writer import FileType, GgufFile
from training.model import IMAGE_MEAN, IMAGE_STD

POSITION_ORDER = "class token last (llama.cpp appends it after the patches: ggml-org/llama.cpp issue 25814)"
"""How the position rows of our files lie, for the record beside them."""

_VISION_NAMES = {
    "attention.q_proj": "attn_q",
    "attention.k_proj": "attn_k",
    "attention.v_proj": "attn_v",
    "attention.projection_layer": "attn_out",
    "mlp.fc1": "ffn_up",
    "mlp.fc2": "ffn_down",
    "layernorm_before": "ln1",
    "layernorm_after": "ln2",
}
_PROJECTOR_NAMES = {"layer_norm": 0, "linear_1": 1, "linear_2": 3}


def write_mmproj(checkpoint: Checkpoint, path: Path, ftype: FileType = "f32", *, rolled: bool = True) -> None:
    """The vision tower and the projector, f32 or f16.

    rolled : llama.cpp appends the class token after the patches but adds position rows in stored order, so the
    class token's row must come last (ggml-org/llama.cpp issue 25814). Unrolled is for testing that defect.
    """
    config = checkpoint.config
    vision, tensors = config["vision_config"], checkpoint.tensors
    writer = GgufFile(path, "clip", ftype)
    out = writer.gguf
    out.add_type("mmproj")
    out.add_bool("clip.has_vision_encoder", True)
    out.add_string("clip.projector_type", "internvl")
    out.add_uint32("clip.vision.image_size", vision["image_size"][0])
    out.add_uint32("clip.vision.patch_size", vision["patch_size"][0])
    out.add_uint32("clip.vision.embedding_length", vision["hidden_size"])
    out.add_uint32("clip.vision.feed_forward_length", vision["intermediate_size"])
    out.add_uint32("clip.vision.block_count", vision["num_hidden_layers"])
    out.add_uint32("clip.vision.attention.head_count", vision["num_attention_heads"])
    out.add_float32("clip.vision.attention.layer_norm_epsilon", vision["layer_norm_eps"])
    out.add_uint32("clip.vision.projection_dim", config["text_config"]["hidden_size"])
    out.add_uint32("clip.vision.projector.scale_factor", round(1 / config["downsample_ratio"]))
    out.add_array("clip.vision.image_mean", list(IMAGE_MEAN))
    out.add_array("clip.vision.image_std", list(IMAGE_STD))
    out.add_bool("clip.use_gelu", True)
    prefix = "model.vision_tower."
    writer.put("v.class_embd", tensors[prefix + "embeddings.cls_token"].reshape(-1))
    positions = tensors[prefix + "embeddings.position_embeddings"][0]
    if rolled:
        positions = torch.cat([positions[1:], positions[:1]])
    writer.put("v.position_embd.weight", positions)
    for kind in ("weight", "bias"):
        writer.put(f"v.patch_embd.{kind}", tensors[f"{prefix}embeddings.patch_embeddings.projection.{kind}"])
    for layer in range(vision["num_hidden_layers"]):
        block = f"{prefix}encoder.layer.{layer}."
        for theirs, ours in _VISION_NAMES.items():
            for kind in ("weight", "bias"):
                writer.put(f"v.blk.{layer}.{ours}.{kind}", tensors[f"{block}{theirs}.{kind}"])
        for number in (1, 2):
            writer.put(f"v.blk.{layer}.ls{number}.weight", tensors[f"{block}lambda_{number}"])
    for theirs, position in _PROJECTOR_NAMES.items():
        for kind in ("weight", "bias"):
            source = f"model.multi_modal_projector.{theirs}.{kind}"
            writer.put(f"mm.model.mlp.{position}.{kind}", tensors[source])
    writer.close()


def golden_image(size: int) -> NDArray[np.uint8]:
    """(size, size, 3) uint8: gradients, a checkerboard and grain, so that every patch and channel differs."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:size, 0:size]
    planes = np.stack([x * 255 // size, y * 255 // size, ((x // 16 + y // 16) % 2) * 200], axis=-1)
    mixed: NDArray[np.uint8] = (planes // 2 + rng.integers(0, 128, planes.shape)).astype(np.uint8)
    return mixed
