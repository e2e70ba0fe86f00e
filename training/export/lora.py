"""A PEFT LoRA adapter as a GGUF adapter, for models that keep their base and swap what was learnt on top.

Keys and names: llama.cpp's convert_lora_to_gguf, as of the llama.cpp inside llama-cpp-python 0.3.36.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import gguf
import numpy as np
import torch
from safetensors import safe_open

from engine.files import whole_file
from training.export.checkpoint import ADAPTER_CONFIG, adapter_base
from training.export.text import TEXT_NAMES, permute_rope
from training.model import CheckpointError

_TENSOR = re.compile(r".*language_model\.(?:model\.)?layers\.(\d+)\.([a-z_.]+)\.lora_([AB])\.weight")
_HEAD = re.compile(r"(?:.*\.)?lm_head\.lora_([AB])\.weight")


def write_lora(folder: Path, path: Path) -> None:
    """Write an adapter folder as one GGUF file, 32 bits.

    Raises `CheckpointError` for a folder that is no LoRA, and for one that changes what llama.cpp cannot adapt: the
    vision tower or the projector; such an adapter must be merged.
    """
    sizes = _sizes(folder)
    try:
        settings = json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))
        text = json.loads(sizes.read_text(encoding="utf-8"))["text_config"]
        alpha = float(settings["lora_alpha"])
        with safe_open(folder / "adapter_model.safetensors", "pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder} is not a LoRA adapter: {error!r}") from error
    if settings.get("use_rslora") or settings.get("use_dora"):
        raise CheckpointError(f"the adapter {folder} is rank-stabilised or DoRA, which llama.cpp has not: merge it")
    heads = {"attn_q": text["num_attention_heads"], "attn_k": text["num_key_value_heads"]}
    with whole_file(path) as target:
        writer = gguf.GGUFWriter(target, "llama")
        writer.add_type("adapter")
        writer.add_string("adapter.type", "lora")
        writer.add_float32("adapter.lora.alpha", alpha)
        for name, tensor in sorted(tensors.items()):
            place, side = _place(name, folder)
            part = place.split(".")[-2]
            if side == "b" and part in heads:
                tensor = permute_rope(tensor, heads[part])
            array = tensor.to(torch.float32).contiguous().numpy().astype(np.float32)
            writer.add_tensor(f"{place}.lora_{side}", array)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()


def _place(name: str, folder: Path) -> tuple[str, str]:
    """GGUF's name of the tensor that a part of an adapter changes, and which part it is, a or b."""
    head = _HEAD.fullmatch(name)
    if head is not None:
        return "output.weight", head.group(1).lower()
    found = _TENSOR.fullmatch(name)
    if found is None or found.group(2) not in TEXT_NAMES:
        raise CheckpointError(f"the adapter {folder} changes {name}, outside the text model: merge it")
    return f"blk.{found.group(1)}.{TEXT_NAMES[found.group(2)]}.weight", found.group(3).lower()


def _sizes(folder: Path) -> Path:
    """The configuration with the text model's sizes: of the base, or of the merged model around the trainer's
    ``adapter`` folder, which has the same.
    """
    merged = folder.parent / "config.json"
    return merged if merged.is_file() else adapter_base(folder) / "config.json"
