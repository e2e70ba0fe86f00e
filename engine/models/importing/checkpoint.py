"""A checkpoint in the layout of InternVL-Chat (``InternVLChatModel``), as MedRegA was released: its shape and tensors.

Tensor names and configuration: OpenGVLab's InternVL, internvl_chat/internvl/model (config.json of InternVL-Chat-V1.2).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.models.importing.safetensors_file import StoredTensor, read_tensors
from engine.models.shapes import RMS_LAYERS, RMS_WIDTH, TextShape, VisionShape
from engine.runtime.errors import ModelError

_ARCHITECTURE = "InternVLChatModel"
_TEXT_ARCHITECTURE = "LlamaForCausalLM"


@dataclass(frozen=True, slots=True)
class ReleasedCheckpoint:
    """A folder that can be imported."""

    folder: Path
    vision: VisionShape
    text: TextShape
    tensors: Mapping[str, StoredTensor]

    @classmethod
    def read(cls, folder: Path) -> ReleasedCheckpoint:
        """Read and check a folder. Raises `ModelError` that says what in it cannot be imported, and why."""
        path = folder / "config.json"
        try:
            config = json.loads(path.read_text(encoding="utf-8"))
            if _ARCHITECTURE not in config.get("architectures", ()):
                raise ValueError(f"its architecture is {config.get('architectures')}, imported is {_ARCHITECTURE}")
            vision, text = _vision(config), _text(config["llm_config"])
        except OSError as error:
            raise ModelError(f"cannot read {path}: {error.strerror}") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise ModelError(f"{folder} cannot be imported: {error}") from error
        except KeyError as error:
            raise ModelError(f"{folder} cannot be imported: {path.name} lacks {error}") from error
        tensors = read_tensors(folder)
        if any(".lora_A." in name for name in tensors):
            raise ModelError(f"{folder} cannot be imported: its LoRA is not merged into its weights")
        return cls(folder, vision, text, tensors)

    def tensor(self, name: str, *shape: int) -> StoredTensor:
        """A tensor of this shape. Raises `ModelError` when it is missing or of another."""
        missing = {name} - self.tensors.keys()
        if missing:
            raise ModelError(f"the checkpoint {self.folder} lacks the tensor {', '.join(missing)}")
        found = self.tensors[name]
        if found.shape != shape:
            raise ModelError(
                f"the tensor {found.name} of {self.folder} is {found.shape}, its configuration says {shape}"
            )
        return found


def _vision(config: dict[str, Any]) -> VisionShape:
    said = config["vision_config"]
    select = int(config.get("select_layer", -1))
    # transformers counts the embeddings as the first hidden state: -1 is after the last block.
    layers = int(said["num_hidden_layers"]) + 1 + select if select < 0 else select
    size, patch = int(config.get("force_image_size") or said["image_size"]), int(said["patch_size"])
    shape = VisionShape(
        width=int(said["hidden_size"]),
        layers=layers,
        heads=int(said["num_attention_heads"]),
        feed_forward=int(said["intermediate_size"]),
        size=size,
        patch=patch,
        epsilon=float(said.get("layer_norm_eps", 1e-6)),
        rms=said.get("norm_type", "rms_norm") == "rms_norm",
        qk_norm=bool(said.get("qk_normalization", True)),
        bias=bool(said.get("qkv_bias", False)),
        by_columns=config.get("ps_version", "v1") == "v1",
    )
    if float(config.get("downsample_ratio", 0.5)) != 0.5:
        raise ValueError("its pixel shuffle is not by 0.5")
    if config.get("dynamic_image_size"):
        raise ValueError("it cuts images into tiles (dynamic_image_size), which is not done here")
    if not 0 < layers <= int(said["num_hidden_layers"]):
        raise ValueError(f"select_layer {select} names no block")
    if size % (2 * patch) or shape.width % shape.heads:
        raise ValueError("its image or its heads do not divide")
    if shape.rms != ((shape.width, shape.layers) == (RMS_WIDTH, RMS_LAYERS)):
        raise ValueError(
            f"llama.cpp evaluates RMSNorm for towers of {RMS_WIDTH} x {RMS_LAYERS} layers and LayerNorm for all "
            f"others; this one is {shape.width} x {shape.layers} with {said.get('norm_type', 'rms_norm')}"
        )
    if shape.qk_norm and not shape.rms:
        raise ValueError("it normalises queries and keys, which llama.cpp does with LayerNorm in such a tower")
    return shape


def _text(said: dict[str, Any]) -> TextShape:
    architectures = said.get("architectures") or [_TEXT_ARCHITECTURE]
    if _TEXT_ARCHITECTURE not in architectures:
        raise ValueError(f"its text model is {architectures}, imported is {_TEXT_ARCHITECTURE}")
    if said.get("rope_scaling"):
        raise ValueError("its text model scales its positions (rope_scaling)")
    width, heads = int(said["hidden_size"]), int(said["num_attention_heads"])
    return TextShape(
        width=width,
        layers=int(said["num_hidden_layers"]),
        heads=heads,
        kv_heads=int(said.get("num_key_value_heads") or heads),
        head_width=int(said.get("head_dim") or width // heads),
        feed_forward=int(said["intermediate_size"]),
        context_length=int(said["max_position_embeddings"]),
        epsilon=float(said["rms_norm_eps"]),
        rope_theta=float(said.get("rope_theta", 10_000.0)),
        rows=int(said["vocab_size"]),
    )
