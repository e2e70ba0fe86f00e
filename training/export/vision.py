"""The vision tower and the projector as GGUF (mmproj).

Tensor names: tools/mtmd/clip.cpp of the llama.cpp inside llama-cpp-python 0.3.36.
"""

from __future__ import annotations

from pathlib import Path

import torch

from engine.models.shapes import VisionShape, put_vision_shape
from training.export.checkpoint import Checkpoint
from training.export.writer import FileType, GgufFile

POSITION_ORDER = "class token last (llama.cpp appends it after the patches: ggml-org/llama.cpp issue 25814)"
"""How the position rows of our files lie, for the record beside them."""

VISION_NAMES = {
    "attention.q_proj": "attn_q",
    "attention.k_proj": "attn_k",
    "attention.v_proj": "attn_v",
    "attention.projection_layer": "attn_out",
    "mlp.fc1": "ffn_up",
    "mlp.fc2": "ffn_down",
    "layernorm_before": "ln1",
    "layernorm_after": "ln2",
}
"""transformers' names of a block's parts, and GGUF's."""
PROJECTOR_NAMES = {"layer_norm": 0, "linear_1": 1, "linear_2": 3}
"""transformers' names of the projector's layers, and their places in GGUF's."""


def write_mmproj(checkpoint: Checkpoint, path: Path, ftype: FileType = "f32", *, rolled: bool = True) -> None:
    """The vision tower and the projector, f32 or f16.

    rolled : llama.cpp appends the class token after the patches but adds position rows in stored order, so the
    class token's row must come last (ggml-org/llama.cpp issue 25814). Unrolled is for testing that defect.
    """
    config = checkpoint.config
    vision, tensors = config["vision_config"], checkpoint.tensors
    writer = GgufFile(path, "clip", ftype)
    shape = VisionShape(
        width=vision["hidden_size"],
        layers=vision["num_hidden_layers"],
        heads=vision["num_attention_heads"],
        feed_forward=vision["intermediate_size"],
        size=vision["image_size"][0],
        patch=vision["patch_size"][0],
        epsilon=vision["layer_norm_eps"],
        rms=False,
        qk_norm=False,
        bias=True,
        by_columns=False,
        merge=round(1 / config["downsample_ratio"]),
    )
    put_vision_shape(writer.gguf, shape, config["text_config"]["hidden_size"])
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
        for theirs, ours in VISION_NAMES.items():
            for kind in ("weight", "bias"):
                writer.put(f"v.blk.{layer}.{ours}.{kind}", tensors[f"{block}{theirs}.{kind}"])
        for number in (1, 2):
            writer.put(f"v.blk.{layer}.ls{number}.weight", tensors[f"{block}lambda_{number}"])
    for theirs, position in PROJECTOR_NAMES.items():
        for kind in ("weight", "bias"):
            source = f"model.multi_modal_projector.{theirs}.{kind}"
            writer.put(f"mm.model.mlp.{position}.{kind}", tensors[source])
    writer.close()
