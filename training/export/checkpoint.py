"""Checkpoints as the exporter and the evaluation read them: whole, in shards, or a LoRA adapter on a base."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from transformers import InternVLForConditionalGeneration

from training.model import CheckpointError, load_model

ADAPTER_CONFIG = "adapter_config.json"
_ADAPTER_WEIGHTS = "adapter_model.safetensors"
_INDEX = "model.safetensors.index.json"


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint on disk: its configuration, its tokenizer's json, and its tensors by hub name."""

    config: dict[str, Any]
    tokenizer: dict[str, Any]
    tensors: dict[str, torch.Tensor]

    @classmethod
    def read(cls, folder: Path) -> Checkpoint:
        """Read a folder written by the trainer; an adapter is merged into its base.

        Raises `CheckpointError` naming what is missing.
        """
        tokenizer = tokenizer_json(folder)
        # An adapter has to be merged, and the original InternVL-Chat layout to be renamed: torch does both.
        if is_adapter(folder) or _layout(folder) != "internvl":
            model = load_checkpoint(folder)
            return cls(model.config.to_dict(), tokenizer, {k: v.detach() for k, v in model.state_dict().items()})
        try:
            config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            tensors: dict[str, torch.Tensor] = {}
            for path in weight_files(folder):
                with safe_open(path, "pt") as file:
                    tensors |= {hub_name(name): file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (OSError, ValueError) as error:
            raise CheckpointError(f"{folder} is not a checkpoint of the trainer: {error}") from error
        return cls(config, tokenizer, tensors)


def _layout(folder: Path) -> str:
    """The ``model_type`` of a checkpoint's configuration. Raises `CheckpointError`."""
    try:
        return str(json.loads((folder / "config.json").read_text(encoding="utf-8")).get("model_type"))
    except (OSError, ValueError, AttributeError) as error:
        raise CheckpointError(f"{folder} is not a checkpoint of the trainer: {error}") from error


def require_exportable(config: dict[str, Any], folder: Path) -> None:
    """Raise `CheckpointError` for a model whose layers our GGUF writer does not know, rather than write a wrong one."""
    vision, text = config["vision_config"], config["text_config"]
    for what, is_so in (
        ("a text model that is no Llama", text.get("model_type", "llama") != "llama"),
        ("a tied output matrix", bool(config.get("tie_word_embeddings"))),
        ("RMS norms in its vision tower", vision.get("norm_type", "layer_norm") != "layer_norm"),
        ("normed queries and keys", bool(vision.get("use_qk_norm"))),
        ("a vision tower without attention bias", not vision.get("attention_bias", True)),
        ("image tokens column by column (ps_version v1)", config.get("ps_version", "v2") == "v1"),
    ):
        if is_so:
            raise CheckpointError(f"{folder} has {what}, which cannot be exported here: try `medrega model import`")


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds a LoRA adapter instead of a model."""
    return (folder / ADAPTER_CONFIG).is_file()


def adapter_base(folder: Path) -> Path:
    """The checkpoint folder that an adapter was trained on; a relative path is from the adapter's folder.

    Raises `CheckpointError` when it is not there.
    """
    try:
        named = str(json.loads((folder / ADAPTER_CONFIG).read_text(encoding="utf-8"))["base_model_name_or_path"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder / ADAPTER_CONFIG} names no base model: {error!r}") from error
    base = folder / named
    if not (base / "config.json").is_file():
        raise CheckpointError(f"the adapter {folder} was trained on {named}, which is not there")
    return base


def load_checkpoint(folder: Path) -> InternVLForConditionalGeneration:
    """The model of a folder, in float32; an adapter is merged into its base. Raises `CheckpointError`."""
    if not is_adapter(folder):
        return load_model(folder)
    from peft import PeftModel

    return PeftModel.from_pretrained(load_model(adapter_base(folder)), folder).merge_and_unload()


def tokenizer_json(folder: Path) -> dict[str, Any]:
    """What ``tokenizer.json`` holds; an adapter may leave it to its base. Raises `CheckpointError`."""
    path = folder / "tokenizer.json"
    if not path.is_file() and is_adapter(folder):
        path = adapter_base(folder) / "tokenizer.json"
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{folder} is not a checkpoint of the trainer: {error}") from error
    return content


def weight_files(folder: Path) -> tuple[Path, ...]:
    """The safetensors of a folder: one, the shards its index names, or an adapter's with its base's.

    Raises `CheckpointError` naming the index that is damaged, `OSError` for a folder without weights when read.
    """
    if is_adapter(folder):
        return (folder / _ADAPTER_WEIGHTS, *weight_files(adapter_base(folder)))
    index = folder / _INDEX
    if not index.is_file():
        return (folder / "model.safetensors",)
    try:
        shards = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise CheckpointError(f"{index} is damaged: {error!r}") from error
    return tuple(folder / Path(name).name for name in sorted(shards))


def weights_sha256(folder: Path) -> str:
    """SHA-256 over a checkpoint's weights, in the order of `weight_files`. Raises `CheckpointError`."""
    digest = hashlib.sha256()
    for path in weight_files(folder):
        try:
            with path.open("rb") as stream:
                digest.update(hashlib.file_digest(stream, "sha256").digest())
        except OSError as error:
            raise CheckpointError(f"cannot read the weights {path}: {error.strerror}") from error
    return digest.hexdigest()


def hub_name(name: str) -> str:
    """transformers 5 writes ``language_model.model.x``; in memory it is ``model.language_model.x``."""
    for start, other in (
        ("language_model.model.", "model.language_model."),
        ("language_model.lm_head.", "lm_head."),
        ("vision_tower.", "model.vision_tower."),
        ("multi_modal_projector.", "model.multi_modal_projector."),
    ):
        if name.startswith(start):
            return other + name[len(start) :]
    return name
