"""A model that is at hand only as GGUF, back in torch: what fine-tuning starts from where no safetensors are.

It reads what `training.export` writes: InternVL with a Llama text model, f32, f16 or quantized. What quantization took
is gone: the weights are those the engine computes with.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import torch
from transformers import InternVLConfig, InternVLForConditionalGeneration, PreTrainedTokenizerFast

from engine.runtime.gguf_check import check_gguf
from engine.runtime.manifest import ModelManifest
from training.export.text import TEXT_NAMES, unpermute_rope
from training.export.vision import PROJECTOR_NAMES, VISION_NAMES
from training.model import CheckpointError, token_facts
from training.presets import ModelPreset, model_config
from training.tokenizer import tokenizer_of

OUTPUT = "output.weight"
"""The output layer, in a GGUF file."""
_TEXT = "model.language_model."
_TOWER = "model.vision_tower."
_PROJECTOR = "model.multi_modal_projector."


def load_gguf(folder: Path) -> tuple[InternVLForConditionalGeneration, PreTrainedTokenizerFast]:
    """The model of a folder with a manifest, in float32, and its tokenizer.

    Raises `ModelError` for a folder or file that is damaged, `CheckpointError` for a model that this project's exporter
    did not write: another architecture, or tensors that have no place.
    """
    manifest = ModelManifest.read(folder)
    for role in ("text", "mmproj"):
        check_gguf(manifest.path(role))
    text, mmproj = (_Gguf(manifest.path(role)) for role in ("text", "mmproj"))
    tokenizer = tokenizer_of(text.value("tokenizer.ggml.tokens"), text.value("tokenizer.ggml.merges"))
    config = model_config(_preset(text, mmproj), token_facts(tokenizer))
    config.vision_config.layer_norm_eps = mmproj.value("clip.vision.attention.layer_norm_epsilon")
    config.text_config.max_position_embeddings = text.value("llama.context_length")
    model = InternVLForConditionalGeneration(config)
    _fill(model, dict([*_text_tensors(text, config), *_vision_tensors(mmproj, config)]), folder)
    return model, tokenizer


def output_layer(folder: Path) -> torch.Tensor:
    """(vocabulary, text width): the weights of a model's output layer alone. Raises as `load_gguf`."""
    path = ModelManifest.read(folder).path("text")
    check_gguf(path)
    return _Gguf(path).tensor(OUTPUT)


class _Gguf:
    """A GGUF file's values and its tensors, dequantized."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._reader = gguf.GGUFReader(path)
        self._tensors = {tensor.name: tensor for tensor in self._reader.tensors}

    def value(self, key: str) -> Any:
        """Raises `CheckpointError` naming the key that is not there."""
        field = self._reader.get_field(key)
        if field is None:
            raise CheckpointError(f"{self.path} has no {key}: this project did not export it, so it cannot be trained")
        return field.contents()

    def tensor(self, name: str) -> torch.Tensor:
        """float32, in torch's order of dimensions. Raises `CheckpointError` naming the tensor that is not there."""
        tensor = self._tensors.get(name)
        if tensor is None:
            raise CheckpointError(f"{self.path} has no tensor {name}: it cannot be trained here")
        values = gguf.dequantize(tensor.data, tensor.tensor_type).astype(np.float32)
        return torch.from_numpy(values.reshape([int(size) for size in reversed(tensor.shape)]).copy())


def _preset(text: _Gguf, mmproj: _Gguf) -> ModelPreset:
    if text.value("general.architecture") != "llama" or mmproj.value("clip.projector_type") != "internvl":
        raise CheckpointError(f"{text.path.parent} is no InternVL model with a Llama text model: it cannot be trained")
    return ModelPreset(
        image_size=mmproj.value("clip.vision.image_size"),
        patch_size=mmproj.value("clip.vision.patch_size"),
        vision_width=mmproj.value("clip.vision.embedding_length"),
        vision_layers=mmproj.value("clip.vision.block_count"),
        vision_heads=mmproj.value("clip.vision.attention.head_count"),
        text_width=text.value("llama.embedding_length"),
        text_layers=text.value("llama.block_count"),
        text_ffn=text.value("llama.feed_forward_length"),
        heads=text.value("llama.attention.head_count"),
        kv_heads=text.value("llama.attention.head_count_kv"),
        text_eps=text.value("llama.attention.layer_norm_rms_epsilon"),
        rope_theta=text.value("llama.rope.freq_base"),
        vocab_size=len(text.value("tokenizer.ggml.tokens")),
        merge=mmproj.value("clip.vision.projector.scale_factor"),
    )


def _text_tensors(text: _Gguf, config: InternVLConfig) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors by their name in the model."""
    yield _TEXT + "embed_tokens.weight", text.tensor("token_embd.weight")
    yield _TEXT + "norm.weight", text.tensor("output_norm.weight")
    yield "lm_head.weight", text.tensor("output.weight")
    sizes = config.text_config
    heads = {"attn_q": sizes.num_attention_heads, "attn_k": sizes.num_key_value_heads}
    for layer in range(sizes.num_hidden_layers):
        for theirs, ours in TEXT_NAMES.items():
            tensor = text.tensor(f"blk.{layer}.{ours}.weight")
            if ours in heads:
                tensor = unpermute_rope(tensor, heads[ours])
            yield f"{_TEXT}layers.{layer}.{theirs}.weight", tensor


def _vision_tensors(mmproj: _Gguf, config: InternVLConfig) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors by their name in the model; the class token's position, which is last in the file, comes first."""
    positions = mmproj.tensor("v.position_embd.weight")
    yield _TOWER + "embeddings.cls_token", mmproj.tensor("v.class_embd")
    yield _TOWER + "embeddings.position_embeddings", torch.cat([positions[-1:], positions[:-1]])
    for kind in ("weight", "bias"):
        yield f"{_TOWER}embeddings.patch_embeddings.projection.{kind}", mmproj.tensor(f"v.patch_embd.{kind}")
        for theirs, place in PROJECTOR_NAMES.items():
            yield f"{_PROJECTOR}{theirs}.{kind}", mmproj.tensor(f"mm.model.mlp.{place}.{kind}")
    for layer in range(config.vision_config.num_hidden_layers):
        block = f"{_TOWER}encoder.layer.{layer}."
        for theirs, ours in VISION_NAMES.items():
            for kind in ("weight", "bias"):
                yield f"{block}{theirs}.{kind}", mmproj.tensor(f"v.blk.{layer}.{ours}.{kind}")
        for number in (1, 2):
            yield f"{block}lambda_{number}", mmproj.tensor(f"v.blk.{layer}.ls{number}.weight")


def _fill(model: InternVLForConditionalGeneration, tensors: dict[str, torch.Tensor], folder: Path) -> None:
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            tensor = tensors.get(name)
            if tensor is None or tensor.numel() != parameter.numel():
                raise CheckpointError(f"{folder}: the files hold no weights for {name}, so it cannot be trained")
            parameter.copy_(tensor.reshape(parameter.shape))
