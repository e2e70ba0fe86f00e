"""A vision tower that starts from somebody's weights: DINOv2-style, InternViT, or transformers' InternVL tower."""

from __future__ import annotations

import json
import logging
import math
import re
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional
from transformers import InternVLConfig, InternVLForConditionalGeneration

from training.internvl_chat import internvit_tensors, safetensors_of
from training.model import CheckpointError, merged_patches
from training.presets import ModelPreset

logger = logging.getLogger(__name__)

RECORD_FILE = "vision_init.json"
_TOWER = "model.vision_tower."
_POSITIONS = "embeddings.position_embeddings"
_BLOCK = re.compile(r"encoder\.layer\.(\d+)\.")
_DINO = (
    ("attention.attention.query", "attention.q_proj"),
    ("attention.attention.key", "attention.k_proj"),
    ("attention.attention.value", "attention.v_proj"),
    ("attention.output.dense", "attention.projection_layer"),
    ("norm1", "layernorm_before"),
    ("norm2", "layernorm_after"),
    ("layer_scale1.lambda1", "lambda_1"),
    ("layer_scale2.lambda1", "lambda_2"),
)


@dataclass(frozen=True, slots=True)
class VisionRecord:
    """What a tower was started from.

    taken, interpolated, left_out : tensors by their name in our tower (or in the file, where they have none there):
    used as they are, resized to our number of patches, not used. fresh : of ours, those that stayed random.
    """

    source: str
    kind: str
    taken: tuple[str, ...]
    interpolated: tuple[str, ...]
    left_out: tuple[str, ...]
    fresh: tuple[str, ...]

    def write(self, folder: Path) -> None:
        """Keep it beside a checkpoint as ``vision_init.json``."""
        (folder / RECORD_FILE).write_text(json.dumps(asdict(self), indent=2), encoding="utf-8")


def vision_sizes(folder: Path, layers: int | None, image_size: int) -> dict[str, Any]:
    """The tower's part of a configuration, read from a checkpoint's ``config.json``.

    layers : keep the first so many blocks, None for all (the middle blocks of DINOv2 suit boxes better than the
    last). image_size : ours; positions are interpolated to it. Raises `CheckpointError`.
    """
    try:
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        config = config.get("vision_config", config)
        patch = config["patch_size"]
        patch = patch[0] if isinstance(patch, list) else patch
        width, blocks = config["hidden_size"], config["num_hidden_layers"]
        if layers is not None and layers > blocks:
            raise CheckpointError(f"{folder} has {blocks} blocks, the recipe asks for {layers}")
        if config.get("use_swiglu_ffn"):
            raise CheckpointError(f"{folder} has gated (SwiGLU) blocks, which the tower has no place for")
        if image_size % (2 * patch):
            raise CheckpointError(f"image_size {image_size} is not a multiple of two patches of {patch}")
        return {
            "hidden_size": width,
            "intermediate_size": config.get("intermediate_size", width * config.get("mlp_ratio", 4)),
            "num_hidden_layers": layers or blocks,
            "num_attention_heads": config["num_attention_heads"],
            "image_size": [image_size] * 2,
            "patch_size": [patch] * 2,
            "attention_bias": config.get("qkv_bias", config.get("attention_bias", True)),
            "use_qk_norm": config.get("qk_normalization", config.get("use_qk_norm", False)),
            "norm_type": config.get("norm_type", "layer_norm"),
            "layer_norm_eps": config.get("layer_norm_eps", 1e-6),
            # llama.cpp computes the tanh form; the difference is below what a bf16 step changes.
            "hidden_act": "gelu_pytorch_tanh" if config.get("hidden_act", "gelu") == "gelu" else config["hidden_act"],
            "use_mean_pooling": True,
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder} is no vision tower the trainer knows: {error!r}") from error


def with_vision(config: InternVLConfig, sizes: dict[str, Any]) -> InternVLConfig:
    """A preset's configuration with another tower in it."""
    data = config.to_dict()
    data["vision_config"] = {**data["vision_config"], **sizes}
    side = sizes["image_size"][0] // sizes["patch_size"][0] // merged_patches(config)
    data["image_seq_length"] = side * side
    return InternVLConfig(**{key: value for key, value in data.items() if key != "model_type"})


def image_size_of(preset: ModelPreset, wanted: int | None) -> int:
    """The recipe's image size, the preset's where it names none."""
    return wanted or preset.image_size


def start_vision(model: InternVLForConditionalGeneration, folder: Path) -> VisionRecord:
    """Copy a checkpoint's tower into the model's; positions are resized bicubically.

    Raises `CheckpointError` when a tensor has another shape or a block of ours finds no weights.
    """
    tower = model.model.vision_tower
    ours = dict(tower.named_parameters())
    kinds = set()
    taken, interpolated, left_out = [], [], []
    with torch.no_grad():
        for name, tensor in safetensors_of(folder):
            places = list(_places(name, tensor))
            if not places:
                if not name.startswith(("language_model.", "mlp1.", "multi_modal_projector.")):
                    left_out.append(name)
                continue
            for kind, place, part in places:
                kinds.add(kind)
                if place not in ours:
                    left_out.append(place)
                    continue
                target = ours[place]
                if place == _POSITIONS and part.shape != target.shape:
                    part = resize_positions(part, target.shape[1] - 1)
                    interpolated.append(place)
                else:
                    taken.append(place)
                if part.numel() != target.numel():
                    raise CheckpointError(f"{folder}: {name} is {tuple(part.shape)}, the tower's {tuple(target.shape)}")
                target.copy_(part.reshape(target.shape))
    fresh = sorted(set(ours) - set(taken) - set(interpolated))
    if any(_BLOCK.match(name) for name in fresh):
        raise CheckpointError(f"{folder} has no weights for {', '.join(fresh[:4])}: it is another kind of tower")
    record = VisionRecord(
        source=folder.name,
        kind="+".join(sorted(kinds)),
        taken=tuple(sorted(taken)),
        interpolated=tuple(sorted(interpolated)),
        left_out=tuple(sorted(left_out)),
        fresh=tuple(fresh),
    )
    logger.info(
        "vision tower from %s (%s): %d tensors taken, %d interpolated, %d left out, %d fresh",
        folder.name,
        record.kind,
        len(taken),
        len(interpolated),
        len(left_out),
        len(fresh),
    )
    return record


def resize_positions(positions: torch.Tensor, patches: int) -> torch.Tensor:
    """(1, 1 + N, D) learned positions, the first of the class token, to (1, 1 + patches, D), bicubic."""
    first, table = positions[:, :1].float(), positions[:, 1:].float()
    old, new = math.isqrt(table.shape[1]), math.isqrt(patches)
    if old * old != table.shape[1]:
        raise CheckpointError(f"{table.shape[1]} positions are no square grid: registers are not supported")
    grid = table.reshape(1, old, old, -1).permute(0, 3, 1, 2)
    grid = functional.interpolate(grid, size=(new, new), mode="bicubic", align_corners=False)
    return torch.cat([first, grid.permute(0, 2, 3, 1).reshape(1, new * new, -1)], dim=1)


def _places(name: str, tensor: torch.Tensor) -> Iterator[tuple[str, str, torch.Tensor]]:
    """(kind, name in our tower, tensor) for each part of a file's tensor."""
    if "vision_tower." in name:
        yield "InternVL", name.partition("vision_tower.")[2], tensor
        return
    internvit = list(internvit_tensors(name, tensor))
    if internvit:
        for place, part in internvit:
            yield "InternViT", place, part
        return
    short = name.removeprefix("dinov2.").removeprefix("backbone.")
    if short in ("embeddings.cls_token", _POSITIONS) or short.startswith("embeddings.patch_embeddings.projection"):
        yield "DINOv2", short, tensor
    elif _BLOCK.match(short):
        for theirs, our in _DINO:
            short = short.replace(theirs, our)
        yield "DINOv2", short, tensor
