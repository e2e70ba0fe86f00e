"""Reads original InternVL-Chat checkpoints (InternVLChatModel, MedRegA among them) into transformers' InternVL.

Names: OpenGVLab/InternVL, modeling_internvl_chat.py and modeling_intern_vit.py; ``vision_model.``, ``mlp1.`` (layer
norm, linear, GELU, linear) and ``language_model.`` with the text model's own names.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from transformers import InternVLConfig, InternVLForConditionalGeneration, PreTrainedTokenizerFast

from training.model import CheckpointError
from training.tokenizer import IMAGE_CONTEXT

_TOWER = "model.vision_tower."
_BLOCK = re.compile(r"(?:vision_model\.)?encoder\.layers\.(\d+)\.(.+)")
_BLOCK_NAMES = {
    "attn.proj.weight": "attention.projection_layer.weight",
    "attn.proj.bias": "attention.projection_layer.bias",
    "attn.q_norm.weight": "attention.q_norm.weight",
    "attn.k_norm.weight": "attention.k_norm.weight",
    "mlp.fc1.weight": "mlp.fc1.weight",
    "mlp.fc1.bias": "mlp.fc1.bias",
    "mlp.fc2.weight": "mlp.fc2.weight",
    "mlp.fc2.bias": "mlp.fc2.bias",
    "norm1.weight": "layernorm_before.weight",
    "norm1.bias": "layernorm_before.bias",
    "norm2.weight": "layernorm_after.weight",
    "norm2.bias": "layernorm_after.bias",
    "ls1": "lambda_1",
    "ls2": "lambda_2",
}
_EMBEDDINGS = {
    "embeddings.class_embedding": "embeddings.cls_token",
    "embeddings.position_embedding": "embeddings.position_embeddings",
    "embeddings.patch_embedding.weight": "embeddings.patch_embeddings.projection.weight",
    "embeddings.patch_embedding.bias": "embeddings.patch_embeddings.projection.bias",
}
_CONNECTOR = {"0": "layer_norm", "1": "linear_1", "3": "linear_2"}


def safetensors_of(folder: Path) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor of a folder's safetensors files, one at a time. Raises `CheckpointError`."""
    files = sorted(folder.glob("*.safetensors")) if folder.is_dir() else [folder]
    if not files:
        raise CheckpointError(f"{folder} holds no safetensors; convert pickled weights (.bin, .pth) first")
    for file in files:
        try:
            with safe_open(file, "pt") as tensors:
                for name in tensors.keys():  # noqa: SIM118
                    yield name, tensors.get_tensor(name)
        except (OSError, SafetensorError) as error:
            raise CheckpointError(f"{file} cannot be read as safetensors: {error}") from error


def internvit_tensors(name: str, tensor: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    """A tensor of an InternViT under the names of transformers' tower; nothing for one that has no place there."""
    short = name.removeprefix("vision_model.")
    if short in _EMBEDDINGS:
        yield _EMBEDDINGS[short], tensor
        return
    match = _BLOCK.fullmatch(name)
    if match is None:
        return
    block, rest = f"encoder.layer.{match.group(1)}.", match.group(2)
    if rest in ("attn.qkv.weight", "attn.qkv.bias"):
        # One matrix, query over key over value.
        for part, rows in zip("qkv", tensor.chunk(3), strict=True):
            yield f"{block}attention.{part}_proj.{rest.rpartition('.')[2]}", rows
    elif rest in _BLOCK_NAMES:
        yield block + _BLOCK_NAMES[rest], tensor


def load_internvl_chat(folder: Path) -> InternVLForConditionalGeneration:
    """The model of an original checkpoint in float32; its token order is kept (`ps_version`).

    Raises `CheckpointError` for a text model that is not a Llama or Qwen2, and for tensors that are missing.
    """
    original = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    try:
        config = chat_config(original)
        # The id of the image token is the tokenizer's business there.
        config.image_token_id = PreTrainedTokenizerFast.from_pretrained(folder).convert_tokens_to_ids(IMAGE_CONTEXT)
    except (KeyError, OSError, ValueError) as error:
        raise CheckpointError(f"{folder} is not an InternVL-Chat checkpoint the trainer knows: {error!r}") from error
    model = InternVLForConditionalGeneration(config)
    blocks = config.vision_config.num_hidden_layers
    found: dict[str, torch.Tensor] = {}
    for name, tensor in safetensors_of(folder):
        found.update(_renamed(name, tensor.float()))
    # InternViT-6B checkpoints may hold blocks beyond those in use.
    found = {name: tensor for name, tensor in found.items() if _block_number(name) < blocks}
    missing, unexpected = model.load_state_dict(found, strict=False)
    if missing or unexpected:
        raise CheckpointError(
            f"{folder} does not fit its own configuration: missing {', '.join(missing[:5]) or 'nothing'}, "
            f"unknown {', '.join(unexpected[:5]) or 'nothing'}"
        )
    return model


def chat_config(original: dict[str, Any]) -> InternVLConfig:
    """transformers' configuration for that of an InternVLChatModel."""
    text, seen = dict(original["llm_config"]), original["vision_config"]
    if text.get("model_type") not in ("llama", "qwen2"):
        raise ValueError(f"its text model is {text.get('model_type')!r}, not llama or qwen2")
    size = original.get("force_image_size") or seen["image_size"]
    # select_layer -1 is the last block's output, -4 leaves out three more.
    blocks = seen["num_hidden_layers"] + 1 + original.get("select_layer", -1)
    text["tie_word_embeddings"] = bool(text.get("tie_word_embeddings", False))
    config = InternVLConfig(
        vision_config={
            "hidden_size": seen["hidden_size"],
            "intermediate_size": seen["intermediate_size"],
            "num_hidden_layers": blocks,
            "num_attention_heads": seen["num_attention_heads"],
            "image_size": [size, size],
            "patch_size": [seen["patch_size"]] * 2,
            "attention_bias": seen.get("qkv_bias", True),
            "use_qk_norm": seen.get("qk_normalization", False),
            "norm_type": seen.get("norm_type", "rms_norm"),
            "layer_norm_eps": seen.get("layer_norm_eps", 1e-6),
            "hidden_act": seen.get("hidden_act", "gelu"),
            "use_mean_pooling": True,
        },
        text_config=text,
        image_seq_length=int((size // seen["patch_size"] * original.get("downsample_ratio", 0.5)) ** 2),
        projector_hidden_act="gelu",
        downsample_ratio=original.get("downsample_ratio", 0.5),
        tie_word_embeddings=text["tie_word_embeddings"],
    )
    config.ps_version = original.get("ps_version", "v1")
    return config


def _renamed(name: str, tensor: torch.Tensor) -> Iterator[tuple[str, torch.Tensor]]:
    if name.startswith("vision_model."):
        for short, part in internvit_tensors(name, tensor):
            yield _TOWER + short, part
    elif name.startswith("mlp1."):
        _, number, rest = name.split(".")
        yield f"model.multi_modal_projector.{_CONNECTOR[number]}.{rest}", tensor
    elif name.startswith("language_model.model."):
        if not name.endswith("rotary_emb.inv_freq"):
            yield "model.language_model." + name.removeprefix("language_model.model."), tensor
    else:
        yield name.replace("language_model.lm_head", "lm_head"), tensor


def _block_number(name: str) -> int:
    match = re.search(r"vision_tower\.encoder\.layer\.(\d+)\.", name)
    return int(match.group(1)) if match else -1
